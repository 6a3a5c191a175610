//! Runs in memory: created, stepped, reported on, deleted.

use async_trait::async_trait;
use baton_core::error::ErrorInfo;
use baton_core::id::{OrgId, RunId};
use baton_core::run::{Attempt, NewRun, Progress, Run, RunEvent, TaskRun, Trigger};
use baton_core::state::State;
use jiff::Timestamp;

use super::{MemoryStore, RunRows, World};
use crate::commit::CommitNote;
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest};
use crate::runs::{
    Assign, Assigned, Claim, Created, DueRun, LiveAttempt, QueuedGroup, RunFilter, RunStep, Runs,
    Stepped,
};
use crate::stats::{OutcomeBucket, counted_end};
use crate::step;

#[async_trait]
impl Runs for MemoryStore {
    async fn create_runs(
        &self,
        runs: Vec<NewRun>,
        actor: &str,
        now: Timestamp,
    ) -> Vec<Result<Created>> {
        self.write_each(runs, |world, note, new| {
            world.create_run(note, new, actor, now)
        })
    }

    async fn step_runs(&self, steps: Vec<RunStep>) -> Vec<Result<Stepped>> {
        self.write_each(steps, |world, note, step| world.step(note, &step))
    }

    async fn assign_runs(
        &self,
        assigns: Vec<Assign>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<Assigned>> {
        let answers = self.write_each(assigns, |world, note, assign| {
            Ok(world.assign(note, &assign, actor, now))
        });
        answers.into_iter().collect()
    }

    async fn queued_groups(&self, groups: u32, heads: u32) -> Result<Vec<QueuedGroup>> {
        self.write(|world, _| Ok(world.queued_groups(groups as usize, heads as usize)))
    }

    async fn regroup_rejected(&self, runs: Vec<(OrgId, RunId)>) -> Result<u32> {
        self.write(|world, note| {
            let mut moved = 0;
            for (org, id) in runs {
                let Some(rows) = world.runs.get_mut(&id).filter(|r| r.run.org == org) else {
                    continue;
                };
                if rows.run.state == State::Queued && rows.group_rejected != rows.run.rejected_by {
                    rows.group_rejected = rows.run.rejected_by.clone();
                    note.queued = true;
                    moved += 1;
                }
            }
            Ok(moved)
        })
    }

    async fn live_attempts(&self) -> Result<Vec<LiveAttempt>> {
        self.read(|world| Ok(world.live_attempts()))
    }

    async fn due_runs(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRun>> {
        self.read(|world| Ok(world.due_runs(now, limit as usize)))
    }

    async fn next_due_at(&self) -> Result<Option<Timestamp>> {
        self.read(|world| {
            let first = world.due_runs(Timestamp::MAX, 1);
            Ok(first.first().map(|due| due.at))
        })
    }

    async fn overdue_starts(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRun>> {
        self.read(|world| Ok(world.overdue_starts(now, limit as usize)))
    }

    async fn next_start_deadline_at(&self) -> Result<Option<Timestamp>> {
        self.read(|world| {
            let first = world.overdue_starts(Timestamp::MAX, 1);
            Ok(first.first().map(|due| due.at))
        })
    }

    async fn run(&self, org: OrgId, id: RunId) -> Result<Run> {
        self.read(|world| Ok(world.rows(org, id)?.run.clone()))
    }

    async fn runs_by_id(&self, org: OrgId, ids: &[RunId]) -> Result<Vec<Run>> {
        self.read(|world| {
            let mut seen = std::collections::HashSet::new();
            let each = ids.iter().filter(|id| seen.insert(**id));
            let found = each.filter_map(|id| world.rows(org, *id).ok());
            Ok(found.map(|rows| rows.run.clone()).collect())
        })
    }

    async fn run_by_name(&self, org: OrgId, name: &str) -> Result<Run> {
        self.read(|world| {
            (world.runs.values().rev())
                .find(|rows| rows.run.org == org && rows.run.name == name)
                .map(|rows| rows.run.clone())
                .ok_or_else(|| StoreError::not_found(format!("run {name}")))
        })
    }

    async fn runs(&self, filter: RunFilter, page: PageRequest) -> Result<Page<Run>> {
        self.read(|world| world.list_runs(&filter, &page))
    }

    async fn state_counts(&self, org: OrgId) -> Result<Vec<(State, u64)>> {
        self.read(|world| {
            let count = |state| {
                let runs = world.runs.values().map(|rows| &rows.run);
                runs.filter(|run| run.org == org && run.state == state)
                    .count() as u64
            };
            Ok(State::ALL.map(|state| (state, count(state))).to_vec())
        })
    }

    async fn queue_rank(&self, org: OrgId, id: RunId, cap: u32) -> Result<u32> {
        self.read(|world| world.queue_rank(org, id, cap))
    }

    async fn attempts(&self, org: OrgId, id: RunId) -> Result<Vec<Attempt>> {
        self.read(|world| Ok(world.rows(org, id).map_or(vec![], |r| r.attempts.clone())))
    }

    async fn run_history_after(&self, org: OrgId, id: RunId, after: i64) -> Result<Vec<RunEvent>> {
        self.read(|world| {
            let history = world.rows(org, id).map_or(&[][..], |r| &r.history);
            Ok(history.iter().filter(|e| e.seq > after).cloned().collect())
        })
    }

    async fn run_events_after(
        &self,
        org: Option<OrgId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RunEvent>> {
        self.read(|world| Ok(world.run_events_after(org, after, limit as usize)))
    }

    async fn run_events_span(&self) -> Result<(i64, i64)> {
        self.read(|world| {
            let seqs = || world.runs.values().flat_map(|r| &r.history).map(|e| e.seq);
            Ok((seqs().min().unwrap_or(0), seqs().max().unwrap_or(0)))
        })
    }

    async fn put_task_runs(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        tasks: Vec<TaskRun>,
        _now: Timestamp,
    ) -> Result<()> {
        self.write(|world, note| {
            step::check_claim(&world.rows(org, run_id)?.run, Some(&claim))?;
            let rows = world.runs.get_mut(&run_id).expect("it has just been read");
            for mut task in tasks {
                task.run_id = run_id;
                task.attempt = claim.attempt;
                let known = (rows.tasks.iter_mut())
                    .find(|t| t.attempt == task.attempt && t.key == task.key);
                match known {
                    Some(known) => *known = task,
                    None => rows.tasks.push(task),
                }
            }
            note.note_tasks(run_id);
            Ok(())
        })
    }

    async fn task_runs(
        &self,
        org: OrgId,
        run_id: RunId,
        attempt: Option<u32>,
    ) -> Result<Vec<TaskRun>> {
        self.read(|world| {
            let mut tasks = world.rows(org, run_id).map_or(vec![], |r| r.tasks.clone());
            tasks.retain(|t| attempt.is_none_or(|number| t.attempt == number));
            Ok(tasks)
        })
    }

    async fn put_progress(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        progress: Progress,
    ) -> Result<()> {
        self.write(|world, note| {
            let run = &world.rows(org, run_id)?.run;
            step::check_claim(run, Some(&claim))?;
            if run.state.is_terminal() {
                return Err(step::stale(run, &claim));
            }
            let rows = world.runs.get_mut(&run_id).expect("it has just been read");
            rows.run.progress = Some(progress);
            note.note_tasks(run_id);
            Ok(())
        })
    }

    async fn release_attempt(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        error: Option<ErrorInfo>,
        now: Timestamp,
    ) -> Result<bool> {
        self.write(|world, note| {
            let rows = world.rows(org, run_id)?;
            let released = step::release(&rows.run, &rows.attempts, &claim, error.as_ref(), now)?;
            let Some((run, attempt)) = released else {
                return Ok(false);
            };
            world.save(run, vec![attempt]);
            note.note_run(run_id);
            note.queued = true;
            note.due_changed = true;
            Ok(true)
        })
    }

    async fn delete_runs(
        &self,
        org: OrgId,
        ids: Vec<RunId>,
        _actor: &str,
        _now: Timestamp,
    ) -> Result<u32> {
        self.write(|world, note| {
            let mut deleted = 0;
            for id in ids {
                let gone = world
                    .rows(org, id)
                    .is_ok_and(|r| r.run.state.is_terminal() && !r.run.live);
                if gone {
                    world.remove_run(id);
                    note.note_run(id);
                    deleted += 1;
                }
            }
            Ok(deleted)
        })
    }
}

impl World {
    pub(super) fn create_run(
        &mut self,
        note: &mut CommitNote,
        new: NewRun,
        actor: &str,
        now: Timestamp,
    ) -> Result<Created> {
        let key = new.idempotency_key.clone();
        if let Some(key) = &key
            && let Some(id) = self.run_keys.get(&(new.org, key.clone()))
        {
            let run = &self.runs[id].run;
            return Ok(Created {
                run_id: run.id,
                name: run.name.clone(),
                state: run.state,
                existing: true,
            });
        }
        self.check_new(&new)?;
        let slot = match new.spec.trigger {
            Trigger::Schedule {
                schedule_id, slot, ..
            } => Some((schedule_id, slot)),
            _ => None,
        };
        let (run, history) = step::create(new, actor, now);
        let created = Created {
            run_id: run.id,
            name: run.name.clone(),
            state: run.state,
            existing: false,
        };
        if let Some(slot) = slot {
            self.slots.insert(slot, run.id);
        }
        if let Some(key) = &key {
            self.run_keys.insert((run.org, key.clone()), run.id);
        }
        self.outcome(&run, None, now).created += 1;
        let rows = RunRows {
            run,
            key,
            group_rejected: Default::default(),
            attempts: vec![],
            history: vec![],
            tasks: vec![],
            logs: Default::default(),
        };
        note.created(created.state, rows.run.spec.start_deadline.is_some());
        self.runs.insert(created.run_id, rows);
        for row in history {
            self.remember(note, row);
        }
        Ok(created)
    }

    pub(super) fn check_new(&self, new: &NewRun) -> Result<()> {
        let needs = &new.spec.needs;
        let missing = |what: &str, id: &dyn std::fmt::Display| {
            Err(StoreError::not_found(format!("{what} {id}")))
        };
        if self
            .flows
            .get(&needs.flow_id)
            .is_none_or(|f| f.org != new.org)
        {
            return missing("flow", &needs.flow_id);
        }
        if self
            .queues
            .get(&needs.queue_id)
            .is_none_or(|q| q.org != new.org)
        {
            return missing("queue", &needs.queue_id);
        }
        if let Some(id) = needs.deployment_id
            && self.deployments.get(&id).is_none_or(|d| d.org != new.org)
        {
            return missing("deployment", &id);
        }
        if self.runs.contains_key(&new.id) {
            let text = format!("there is a run {} already", new.id);
            return Err(StoreError::conflict("run_exists", text));
        }
        if let Trigger::Schedule {
            schedule_id, slot, ..
        } = new.spec.trigger
            && self.slots.contains_key(&(schedule_id, slot))
        {
            let text = format!("the slot {slot} has made its run already");
            return Err(StoreError::conflict("slot_taken", text));
        }
        Ok(())
    }

    fn step(&mut self, note: &mut CommitNote, step: &RunStep) -> Result<Stepped> {
        let rows = self.rows(step.org, step.run_id)?;
        let before = counted_end(&rows.run, &rows.attempts);
        let taken = step::take(&rows.run, &rows.attempts, step)?;
        note.moved(
            &rows.run,
            &taken.run,
            rows.run.spec.start_deadline.is_some(),
        );
        if let (Some((at, ended)), false) = (before, taken.run.state.is_terminal()) {
            let mut less = OutcomeBucket::default();
            less.count_end(&ended);
            self.outcome(&taken.run, ended.robot_id, at)
                .take_back(&less);
        }
        if let Some(ended) = taken.ended {
            self.outcome(&taken.run, ended.robot_id, step.at)
                .count_end(&ended);
        }
        self.save(taken.run, taken.attempts);
        if let Some(row) = taken.history {
            self.remember(note, row);
        }
        Ok(taken.stepped)
    }

    /// Writes a run and some of its attempts.
    pub(super) fn save(&mut self, run: Run, attempts: Vec<Attempt>) {
        let rows = self.runs.get_mut(&run.id).expect("it was read before");
        if run.state == State::Queued && rows.run.state != State::Queued {
            rows.group_rejected.clear();
        }
        rows.run = run;
        for attempt in attempts {
            match rows
                .attempts
                .iter_mut()
                .find(|a| a.number == attempt.number)
            {
                Some(row) => *row = attempt,
                None => rows.attempts.push(attempt),
            }
        }
    }

    /// Appends a row of history.
    pub(super) fn remember(&mut self, note: &mut CommitNote, mut row: RunEvent) {
        self.last_run_event += 1;
        row.seq = self.last_run_event;
        note.run_events_up_to = row.seq;
        let rows = self.runs.get_mut(&row.run_id).expect("it was read before");
        rows.history.push(row);
    }
}
