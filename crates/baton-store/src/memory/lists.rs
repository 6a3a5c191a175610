//! Lists of runs in memory: by walking over all of them.

use std::cmp::Reverse;

use baton_core::id::{OrgId, RunId};
use baton_core::run::{Run, RunEvent, Trigger};
use baton_core::state::{Executor, State};
use jiff::{SignedDuration, Timestamp};

use super::{World, page};
use crate::error::Result;
use crate::page::{Page, PageRequest};
use crate::runs::{DueRun, LiveAttempt, QueuedGroup, QueuedRun, RunFilter};

impl World {
    pub(super) fn list_runs(&self, filter: &RunFilter, request: &PageRequest) -> Result<Page<Run>> {
        let fits = |run: &&Run| run.org == request.org && matches(filter, run);
        let runs = self.runs.values().map(|rows| &rows.run);
        if filter.ascending {
            page(runs.filter(fits).cloned(), request, |run| run.id, false)
        } else {
            page(
                runs.rev().filter(fits).cloned(),
                request,
                |run| run.id,
                true,
            )
        }
    }

    pub(super) fn queued_groups(&mut self, groups: usize, heads: usize) -> Vec<QueuedGroup> {
        let mut found: Vec<QueuedGroup> = Vec::new();
        for rows in self.runs.values() {
            let run = &rows.run;
            if run.state != State::Queued || run.spec.executor != Executor::Robot {
                continue;
            }
            let mut needs = run.spec.needs.clone();
            needs.rejected_by = rows.group_rejected.clone();
            let key = (run.org, needs);
            let index = self
                .groups
                .iter()
                .position(|g| *g == key)
                .unwrap_or_else(|| {
                    self.groups.push(key.clone());
                    self.groups.len() - 1
                });
            let id = i64::try_from(index + 1).expect("groups fit into memory");
            let head = QueuedRun {
                run_id: run.id,
                attempt: run.attempt,
                due_at: run.due_at,
                rejected_by: run.rejected_by.clone(),
            };
            match found.iter_mut().find(|g| g.id == id) {
                Some(group) => group.heads.push(head),
                None => found.push(QueuedGroup {
                    id,
                    org: key.0,
                    needs: key.1,
                    heads: vec![head],
                }),
            }
        }
        for group in &mut found {
            group.heads.sort_by_key(|h| (h.due_at, h.run_id));
        }
        found.sort_by_key(|g| {
            let first = &g.heads[0];
            (Reverse(g.needs.priority), first.due_at, first.run_id)
        });
        found.truncate(groups);
        for group in &mut found {
            group.heads.truncate(heads);
        }
        found
    }

    pub(super) fn live_attempts(&self) -> Vec<LiveAttempt> {
        let live = self.live().map(|(run, attempt)| {
            let timeout = run.spec.timeout_seconds.map(i64::from);
            let deadline = attempt.started_at.zip(timeout).map(|(started, seconds)| {
                started
                    .saturating_add(SignedDuration::from_secs(seconds))
                    .unwrap_or(Timestamp::MAX)
            });
            LiveAttempt {
                org: run.org,
                run_id: run.id,
                run_name: run.name.clone(),
                attempt: attempt.number,
                fence: attempt.fence,
                state: attempt.state,
                robot_id: attempt.robot_id,
                desktop: attempt.desktop.clone(),
                flow_id: run.spec.needs.flow_id,
                deployment_id: run.spec.needs.deployment_id,
                queue_id: run.spec.needs.queue_id,
                tags: run.spec.needs.tags.iter().cloned().collect(),
                assigned_at: attempt.assigned_at,
                started_at: attempt.started_at,
                deadline_at: deadline,
                lost_after_seconds: run.spec.lost_after_seconds,
            }
        });
        live.collect()
    }

    pub(super) fn due_runs(&self, now: Timestamp, limit: usize) -> Vec<DueRun> {
        let runs = self.runs.values().map(|rows| &rows.run);
        let due = runs.filter(|run| {
            run.state == State::Pending
                && !run.live
                && run.spec.executor == Executor::Robot
                && run.due_at <= now
                && !self.waits_for_its_schedule(run)
        });
        earliest(due.map(|run| due_run(run, run.due_at)).collect(), limit)
    }

    /// Whether an earlier run of its schedule, after which it must come, is not terminal yet.
    fn waits_for_its_schedule(&self, run: &Run) -> bool {
        let Trigger::Schedule {
            schedule_id,
            after_running: true,
            ..
        } = run.spec.trigger
        else {
            return false;
        };
        self.runs.values().map(|rows| &rows.run).any(|other| {
            other.org == run.org
                && other.id < run.id
                && !other.state.is_terminal()
                && matches!(other.spec.trigger, Trigger::Schedule { schedule_id: id, .. } if id == schedule_id)
        })
    }

    pub(super) fn overdue_starts(&self, now: Timestamp, limit: usize) -> Vec<DueRun> {
        let runs = self.runs.values().map(|rows| &rows.run);
        let overdue = runs.filter_map(|run| {
            let waits = matches!(
                run.state,
                State::Pending | State::Queued | State::Dispatched
            );
            let deadline = run.spec.start_deadline?;
            (waits && run.attempt == 1 && deadline <= now).then(|| due_run(run, deadline))
        });
        earliest(overdue.collect(), limit)
    }

    pub(super) fn queue_rank(&self, org: OrgId, id: RunId, cap: u32) -> Result<u32> {
        let run = &self.rows(org, id)?.run;
        if run.state != State::Queued {
            return Ok(0);
        }
        let place = |r: &Run| (Reverse(r.spec.needs.priority), r.due_at, r.id);
        let before = self.runs.values().map(|rows| &rows.run).filter(|other| {
            other.state == State::Queued
                && other.spec.needs.queue_id == run.spec.needs.queue_id
                && place(other) < place(run)
        });
        Ok(u32::try_from(before.count()).unwrap_or(u32::MAX).min(cap))
    }

    pub(super) fn run_events_after(
        &self,
        org: Option<OrgId>,
        after: i64,
        limit: usize,
    ) -> Vec<RunEvent> {
        let of_org = self
            .runs
            .values()
            .filter(|rows| org.is_none_or(|o| o == rows.run.org));
        let mut events: Vec<_> = of_org
            .flat_map(|rows| &rows.history)
            .filter(|e| e.seq > after)
            .cloned()
            .collect();
        events.sort_by_key(|e| e.seq);
        events.truncate(limit);
        events
    }
}

fn due_run(run: &Run, at: Timestamp) -> DueRun {
    DueRun {
        org: run.org,
        run_id: run.id,
        attempt: run.attempt,
        at,
    }
}

fn earliest(mut due: Vec<DueRun>, limit: usize) -> Vec<DueRun> {
    due.sort_by_key(|d| (d.at, d.run_id));
    due.truncate(limit);
    due
}

/// Whether a run is one that the filter shows.
fn matches(filter: &RunFilter, run: &Run) -> bool {
    let needs = &run.spec.needs;
    let waits = matches!(
        run.state,
        State::Pending | State::Queued | State::Dispatched
    );
    let schedule = match run.spec.trigger {
        Trigger::Schedule { schedule_id, .. } => Some(schedule_id),
        _ => None,
    };
    let begins = |text: &str, prefix: &str| {
        (text.as_bytes().get(..prefix.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let prefix = filter.prefix.as_deref();
    (filter.ids.is_empty() || filter.ids.contains(&run.id))
        && (filter.states.is_empty() || filter.states.contains(&run.state))
        && filter.flow_id.is_none_or(|id| id == needs.flow_id)
        && filter
            .deployment_id
            .is_none_or(|id| Some(id) == needs.deployment_id)
        && filter.schedule_id.is_none_or(|id| Some(id) == schedule)
        && filter.queue_id.is_none_or(|id| id == needs.queue_id)
        && filter.robot_id.is_none_or(|id| Some(id) == run.robot_id)
        && filter
            .tag
            .as_ref()
            .is_none_or(|tag| needs.tags.contains(tag))
        && (filter.priorities.is_empty() || filter.priorities.contains(&needs.priority.code()))
        && filter.late_at.is_none_or(|at| waits && run.due_at < at)
        && filter
            .unattended
            .is_none_or(|yes| yes == needs.deployment_id.is_some())
        && prefix.is_none_or(|p| begins(&run.name, p) || begins(&run.id.to_string(), p))
        && filter.created_after.is_none_or(|at| run.created_at >= at)
        && filter.created_before.is_none_or(|at| run.created_at < at)
        && filter
            .ended_after
            .is_none_or(|at| run.ended_at.is_some_and(|ended| ended >= at))
        && filter
            .ended_before
            .is_none_or(|at| run.ended_at.is_some_and(|ended| ended < at))
        && filter.text.is_said_by(run)
}
