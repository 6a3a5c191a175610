//! Schedules and their slots in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;
use baton_core::id::{DeploymentId, OrgId, RunId, ScheduleId};
use baton_core::run::Trigger;
use baton_core::schedule::{Edit, Schedule, ScheduleSettings};
use jiff::Timestamp;

use super::{MemoryStore, World, page};
use crate::commit::CommitNote;
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest};
use crate::schedules::{MAX_OPEN_RUNS, Schedules, SlotCommit, place};

#[async_trait]
impl Schedules for MemoryStore {
    async fn create_schedule(&self, mut schedule: Schedule) -> Result<()> {
        self.write(|world, note| {
            let deployment = world.deployment_of(schedule.org, schedule.deployment_id)?;
            let held = deployment.settings.paused;
            schedule.next_at = schedule.next_at.filter(|_| !held);
            let taken = world.schedules.contains_key(&schedule.id)
                || world
                    .schedules
                    .values()
                    .any(|s| s.deployment_id == schedule.deployment_id && s.name == schedule.name);
            if taken {
                let text = format!("there is a schedule {} already", schedule.name);
                return Err(StoreError::conflict("schedule_exists", text));
            }
            world.schedules.insert(schedule.id, schedule);
            note.due_changed = true;
            Ok(())
        })
    }

    async fn update_schedule(
        &self,
        org: OrgId,
        id: ScheduleId,
        name: Option<String>,
        settings: ScheduleSettings,
        paused: bool,
        now: Timestamp,
    ) -> Result<Schedule> {
        self.write(|world, note| {
            let before = world.schedule_of(org, id)?;
            let name = name.filter(|name| *name != before.name);
            let taken = |s: &Schedule| {
                s.deployment_id == before.deployment_id && Some(&s.name) == name.as_ref()
            };
            if world.schedules.values().any(taken) {
                let text = format!("there is a schedule {} already", name.unwrap_or_default());
                return Err(StoreError::conflict("schedule_exists", text));
            }
            let deployment = world.deployment_of(org, before.deployment_id)?;
            let mut after = edited(before, &settings, paused, deployment.settings.paused, now);
            if let Some(name) = name {
                after.name = name;
                after.updated_at = now;
            }
            world.schedules.insert(id, after.clone());
            note.due_changed = true;
            Ok(after)
        })
    }

    async fn delete_schedule(&self, org: OrgId, id: ScheduleId) -> Result<()> {
        self.write(|world, note| {
            world.schedule_of(org, id)?;
            world.schedules.remove(&id);
            note.due_changed = true;
            Ok(())
        })
    }

    async fn schedule(&self, org: OrgId, id: ScheduleId) -> Result<Schedule> {
        self.read(|world| Ok(world.schedule_of(org, id)?.clone()))
    }

    async fn schedules(
        &self,
        org: OrgId,
        deployment_id: Option<DeploymentId>,
        limit: u32,
    ) -> Result<Vec<Schedule>> {
        self.read(|world| {
            let all = world
                .schedules
                .values()
                .filter(|s| s.org == org && deployment_id.is_none_or(|id| id == s.deployment_id));
            let mut found: Vec<_> = all.cloned().collect();
            found.sort_by_key(|s| (s.next_at.is_none(), s.next_at, s.id));
            found.truncate(limit as usize);
            Ok(found)
        })
    }

    async fn schedules_page(
        &self,
        deployment_id: Option<DeploymentId>,
        request: PageRequest,
    ) -> Result<Page<Schedule>> {
        self.read(|world| {
            let all = world.schedules.values().filter(|s| {
                s.org == request.org && deployment_id.is_none_or(|id| id == s.deployment_id)
            });
            let mut found: Vec<_> = all.cloned().collect();
            found.sort_by_key(place);
            page(found.into_iter(), &request, place, false)
        })
    }

    async fn due_schedules(
        &self,
        now: Timestamp,
        passed_over: BTreeSet<ScheduleId>,
        limit: u32,
    ) -> Result<Vec<Schedule>> {
        self.read(|world| {
            let mut due = world.due_schedules(now);
            due.retain(|s| !passed_over.contains(&s.id));
            due.truncate(limit as usize);
            Ok(due)
        })
    }

    async fn next_slot_after(&self, after: Timestamp) -> Result<Option<Timestamp>> {
        self.read(|world| {
            let all = world.due_schedules(Timestamp::MAX);
            let mut slots = all.iter().filter_map(|s| s.next_at);
            Ok(slots.find(|slot| *slot > after))
        })
    }

    async fn open_runs_of(&self, org: OrgId, id: ScheduleId) -> Result<Vec<RunId>> {
        self.read(|world| {
            let runs = world.runs.values().map(|rows| &rows.run);
            let open = runs.filter(|run| {
                run.org == org
                    && !run.state.is_terminal()
                    && matches!(run.spec.trigger, Trigger::Schedule { schedule_id, .. } if schedule_id == id)
            });
            Ok(open.take(MAX_OPEN_RUNS as usize).map(|run| run.id).collect())
        })
    }

    async fn commit_slots(&self, commits: Vec<SlotCommit>, now: Timestamp) -> Vec<Result<u32>> {
        self.write_each(commits, |world, note, commit| {
            world.commit_slot(note, commit, now)
        })
    }
}

/// A schedule after an edit, its deployment being paused (`held`) or not.
pub(super) fn edited(
    before: &Schedule,
    settings: &ScheduleSettings,
    paused: bool,
    held: bool,
    now: Timestamp,
) -> Schedule {
    let edit = Edit {
        settings,
        paused,
        deployment_was_paused: held,
        deployment_paused: held,
    };
    before.edited(edit, now)
}

impl World {
    /// The schedules of a deployment that was paused or resumed.
    pub(super) fn turn_schedules(&mut self, id: DeploymentId, paused: bool, now: Timestamp) {
        for schedule in self.schedules.values_mut() {
            if schedule.deployment_id == id {
                *schedule = schedule.turned(paused, now);
            }
        }
    }

    fn schedule_of(&self, org: OrgId, id: ScheduleId) -> Result<&Schedule> {
        (self.schedules.get(&id))
            .filter(|s| s.org == org)
            .ok_or_else(|| StoreError::not_found(format!("schedule {id}")))
    }

    /// The schedule of a commit, unless it was edited, decided or paused after it was read.
    pub(super) fn unchanged(&self, commit: &SlotCommit) -> Result<&Schedule> {
        let schedule = self.schedule_of(commit.org, commit.schedule_id)?;
        if schedule.updated_at != commit.read_at
            || schedule.last_slot != commit.read_last_slot
            || (schedule.next_at.is_none() && self.is_paused(schedule))
        {
            let text = format!("schedule {} has changed meanwhile", schedule.name);
            return Err(StoreError::conflict("schedule_changed", text));
        }
        Ok(schedule)
    }

    /// Whether a schedule or its deployment is paused.
    fn is_paused(&self, schedule: &Schedule) -> bool {
        let deployment = self.deployments.get(&schedule.deployment_id);
        schedule.paused || deployment.is_none_or(|d| d.settings.paused)
    }

    fn due_schedules(&self, now: Timestamp) -> Vec<Schedule> {
        let due = (self.schedules.values())
            .filter(|s| s.next_at.is_some_and(|at| at <= now) && !self.is_paused(s));
        let mut due: Vec<_> = due.cloned().collect();
        due.sort_by_key(|s| (s.next_at, s.id));
        due
    }

    pub(super) fn commit_slot(
        &mut self,
        note: &mut CommitNote,
        commit: SlotCommit,
        now: Timestamp,
    ) -> Result<u32> {
        let schedule = self.unchanged(&commit)?;
        let decided = schedule.last_slot;
        let mut runs = commit.runs;
        let mut seen = BTreeSet::new();
        runs.retain(|new| match new.spec.trigger {
            Trigger::Schedule {
                schedule_id, slot, ..
            } => {
                Some(slot) > decided
                    && !self.slots.contains_key(&(schedule_id, slot))
                    && seen.insert((schedule_id, slot))
            }
            _ => true,
        });
        for new in &runs {
            self.check_new(new)?;
        }
        let mut made = 0;
        for new in runs {
            made += u32::from(!self.create_run(note, new, "scheduler", now)?.existing);
        }
        let schedule = (self.schedules.get_mut(&commit.schedule_id)).expect("it was read before");
        schedule.last_slot = commit.last_slot.or(schedule.last_slot);
        schedule.next_at = commit.next_at;
        note.due_changed = true;
        Ok(made)
    }
}
