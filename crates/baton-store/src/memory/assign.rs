//! Assignments in memory: everything is counted anew, every time.

use baton_core::limit::{Limits, Usage};
use jiff::Timestamp;

use super::World;
use crate::admit::{Facts, OnRobot, admit};
use crate::commit::CommitNote;
use crate::refusal::Refusal;
use crate::runs::{Assign, Assigned};
use crate::step;

impl World {
    pub(super) fn assign(
        &mut self,
        note: &mut CommitNote,
        assign: &Assign,
        actor: &str,
        now: Timestamp,
    ) -> Assigned {
        if let Err(refusal) = self.admitted(assign) {
            return Assigned::Refused(refusal);
        }
        let rows = &self.runs[&assign.run_id];
        let row = rows.attempts.iter().find(|a| a.number == assign.attempt);
        let robot = &self.robots[&assign.robot_id];
        let timed = rows.run.spec.start_deadline.is_some();
        let (run, attempt, history) =
            step::assign(&rows.run, row, robot, assign.desktop.clone(), actor, now);
        note.moved(&rows.run, &run, timed);
        self.save(run.clone(), vec![attempt.clone()]);
        self.remember(note, history);
        Assigned::Done {
            run: Box::new(run),
            attempt: Box::new(attempt),
        }
    }

    fn admitted(&self, asked: &Assign) -> Result<(), Refusal> {
        let rows = (self.rows(asked.org, asked.run_id)).map_err(|_| Refusal::RunMoved)?;
        let robot = self.robots.get(&asked.robot_id);
        let mut on_robot = OnRobot::default();
        let mut usage = Usage::default();
        for (run, attempt) in self.live() {
            let needs = &run.spec.needs;
            let tags = needs.tags.iter().map(String::as_str);
            usage.add(run.org, needs.queue_id, needs.deployment_id, tags);
            if attempt.robot_id == Some(asked.robot_id) {
                on_robot.live += 1;
                on_robot.desktops.extend(attempt.desktop.clone());
            }
        }
        let mut limits = Limits::default();
        for deployment in self.deployments.values() {
            limits.set_deployment(deployment.id, deployment.settings.concurrency_limit);
        }
        for limit in self.limits.values() {
            limits.set_tag(limit.org, &limit.tag, Some(limit.limit));
        }
        let facts = Facts {
            robot: robot.filter(|robot| robot.org == asked.org),
            on_robot: &on_robot,
            queue: self.queues.get(&rows.run.spec.needs.queue_id),
            limits: &limits,
            counts: &usage,
        };
        admit(&rows.run, asked, &facts)
    }
}
