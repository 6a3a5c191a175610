//! Assignments in memory: every limit is counted anew, every time.

use baton_core::run::{Attempt, Run};
use baton_core::state::{Executor, State};
use jiff::Timestamp;

use super::World;
use crate::commit::CommitNote;
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
        if let Some(code) = self.refusal(assign) {
            return Assigned::Refused { code };
        }
        let rows = &self.runs[&assign.run_id];
        let row = rows.attempts.iter().find(|a| a.number == assign.attempt);
        let robot = &self.robots[&assign.robot_id];
        let (run, attempt, history) =
            step::assign(&rows.run, row, robot, assign.desktop.clone(), actor, now);
        self.save(run.clone(), vec![attempt.clone()]);
        self.remember(note, history);
        note.due_changed = true;
        Assigned::Done {
            run: Box::new(run),
            attempt: Box::new(attempt),
        }
    }

    /// Why not, if anything stands against it; in the order in which the trait names the codes.
    fn refusal(&self, assign: &Assign) -> Option<&'static str> {
        let Ok(rows) = self.rows(assign.org, assign.run_id) else {
            return Some("run_moved");
        };
        let run = &rows.run;
        let needs = &run.spec.needs;
        if run.state != State::Queued
            || run.attempt != assign.attempt
            || run.live
            || run.spec.executor != Executor::Robot
        {
            return Some("run_moved");
        }
        let robot = (self.robots.get(&assign.robot_id))
            .filter(|r| r.org == assign.org && r.connected && r.session == assign.session);
        let Some(robot) = robot else {
            return Some("robot_gone");
        };
        if robot.draining {
            return Some("robot_draining");
        }
        let on_robot = |_: &Run, a: &Attempt| a.robot_id == Some(robot.id);
        if self.reached(Some(robot.offer.max_concurrent_jobs), on_robot) {
            return Some("no_slot");
        }
        let same_desktop =
            |_: &Run, a: &Attempt| a.robot_id == Some(robot.id) && a.desktop == assign.desktop;
        if assign.desktop.is_some() && self.reached(Some(1), same_desktop) {
            return Some("desktop_taken");
        }
        let queue = self.queues.get(&needs.queue_id);
        if queue.is_some_and(|q| q.settings.paused) {
            return Some("queue_paused");
        }
        let limit = queue.and_then(|q| q.settings.concurrency_limit);
        if self.reached(limit, |r, _| r.spec.needs.queue_id == needs.queue_id) {
            return Some("queue_limit");
        }
        let deployment = needs.deployment_id.and_then(|id| self.deployments.get(&id));
        let limit = deployment.and_then(|d| d.settings.concurrency_limit);
        if self.reached(limit, |r, _| {
            r.spec.needs.deployment_id == needs.deployment_id
        }) {
            return Some("deployment_limit");
        }
        let tag_full = self.limits.values().any(|limit| {
            limit.org == run.org
                && needs.tags.contains(&limit.tag)
                && self.reached(Some(limit.limit), |r, _| {
                    r.org == run.org && r.spec.needs.tags.contains(&limit.tag)
                })
        });
        if tag_full {
            return Some("tag_limit");
        }
        let name = queue.map(|q| q.name.as_str());
        let fits = name.is_some_and(|name| {
            !step::mismatch(robot, run, needs, name, assign.desktop.as_deref())
        });
        (!fits).then_some("robot_mismatch")
    }

    /// Whether as many live attempts as the limit allows are like this.
    fn reached(&self, limit: Option<u32>, like: impl Fn(&Run, &Attempt) -> bool) -> bool {
        limit.is_some_and(|limit| {
            self.live().filter(|(run, a)| like(run, a)).count() >= limit as usize
        })
    }
}
