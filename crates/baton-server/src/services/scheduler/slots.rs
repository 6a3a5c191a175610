//! Slots that have come: planned by the core, composed like any other run, committed as one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use baton_core::id::{DeploymentId, ScheduleId};
use baton_core::run::{NewRun, Trigger};
use baton_core::schedule::{PlannedRun, Schedule, SlotPlan, plan};
use baton_core::state::Event;
use baton_store::logs::ResourceEvent;
use baton_store::schedules::SlotCommit;
use baton_store::{Result, StoreError};
use jiff::{SignedDuration, Timestamp};

use super::{SCHEDULES_AT_ONCE, Scheduler};
use crate::app::App;
use crate::error::ApiError;
use crate::operations;
use crate::services::{Service, after};
use crate::submit::{Plan, RunAsk};

/// The step in which slots are stored.
const SLOT_STEP: SignedDuration = SignedDuration::from_micros(1);

/// One schedule's decision on its way to the store.
pub(super) struct Decided {
    pub(super) schedule: Schedule,
    pub(super) plan: SlotPlan,
    pub(super) runs: Vec<NewRun>,
}

impl Decided {
    /// What the store is told.
    pub(super) fn commit(&self) -> SlotCommit {
        SlotCommit {
            org: self.schedule.org,
            schedule_id: self.schedule.id,
            read_at: self.schedule.updated_at,
            read_last_slot: self.schedule.last_slot,
            runs: self.runs.clone(),
            last_slot: self.plan.last_slot,
            next_at: self.plan.next_at,
        }
    }
}

impl Scheduler {
    /// Makes the runs of all slots that have come. Says whether there are more.
    pub(super) async fn fire(&mut self, app: &Arc<App>, now: Timestamp) -> Result<bool> {
        self.broken.retain(|_, until| *until > now);
        // Those that cannot be decided are the oldest that are due: they must not keep the others from their turn.
        let passed_over: BTreeSet<ScheduleId> = self.broken.keys().copied().collect();
        let due = app
            .store
            .due_schedules(now, passed_over, SCHEDULES_AT_ONCE)
            .await?;
        let full = due.len() >= SCHEDULES_AT_ONCE as usize;
        let mut deployments: HashMap<DeploymentId, Plan> = HashMap::new();
        let mut decided = Vec::new();
        let mut moved = false;
        for schedule in due {
            let id = schedule.id;
            match decide(app, schedule, &mut deployments, now).await {
                Ok(one) => decided.push(one),
                Err(Undecided::Store(error)) => return Err(error),
                Err(Undecided::Broken(message)) => {
                    self.set_aside(app, id, &message, now);
                    moved = true;
                }
            }
        }
        moved |= self.commit(app, decided, now).await?;
        Ok(full && moved)
    }

    /// Leaves a schedule alone for a while: it will not get better by itself, and others have their turn.
    fn set_aside(&mut self, app: &App, id: ScheduleId, message: &str, now: Timestamp) {
        tracing::error!(schedule = %id, message, "a schedule cannot fire");
        self.broken.insert(id, after(now, app.config.timeout_check));
    }

    async fn commit(
        &mut self,
        app: &Arc<App>,
        decided: Vec<Decided>,
        now: Timestamp,
    ) -> Result<bool> {
        if decided.is_empty() {
            return Ok(false);
        }
        for one in &decided {
            cancel_before(app, one).await?;
        }
        let commits = decided.iter().map(Decided::commit);
        let committed = app.store.commit_slots(commits.collect(), now).await;
        let mut moved = false;
        for (one, result) in decided.iter().zip(committed) {
            match result {
                Ok(_) => {
                    moved = true;
                    report(app, one, now).await;
                }
                // It was edited meanwhile: the next step decides on what it is now.
                Err(StoreError::Conflict {
                    code: "schedule_changed",
                    ..
                }) => {
                    tracing::debug!(schedule = %one.schedule.name, "decided again");
                    moved = true;
                }
                Err(error) if is_of_the_store(&error) => return Err(error),
                // It concerns this schedule alone: what it needs is gone, or it is.
                Err(error) => {
                    self.set_aside(app, one.schedule.id, &error.to_string(), now);
                    moved = true;
                }
            }
        }
        Ok(moved)
    }
}

pub(super) enum Undecided {
    Store(StoreError),
    /// It will not get better by itself.
    Broken(String),
}

impl From<StoreError> for Undecided {
    fn from(error: StoreError) -> Self {
        if is_of_the_store(&error) {
            Self::Store(error)
        } else {
            Self::Broken(error.to_string())
        }
    }
}

/// Whether a refusal says something of the store itself rather than of what it was asked.
pub(super) const fn is_of_the_store(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable(_) | StoreError::NotKnown(_) | StoreError::Corrupt(_)
    )
}

async fn decide(
    app: &App,
    schedule: Schedule,
    deployments: &mut HashMap<DeploymentId, Plan>,
    now: Timestamp,
) -> std::result::Result<Decided, Undecided> {
    let running = app.store.open_runs_of(schedule.org, schedule.id).await?;
    let plan = plan(&schedule, &running, now).map_err(|e| Undecided::Broken(e.to_string()))?;
    composed(app, schedule, plan, deployments, now).await
}

/// A decision with the runs that it makes.
pub(super) async fn composed(
    app: &App,
    schedule: Schedule,
    plan: SlotPlan,
    deployments: &mut HashMap<DeploymentId, Plan>,
    now: Timestamp,
) -> std::result::Result<Decided, Undecided> {
    let mut runs = Vec::with_capacity(plan.create.len());
    if !plan.create.is_empty() {
        let deployment = match deployments.entry(schedule.deployment_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(ready(app, &schedule).await?),
        };
        for planned in &plan.create {
            let run = run(app, &schedule, deployment, planned, now);
            runs.push(run.map_err(|error| Undecided::Broken(error.detail))?);
        }
    }
    Ok(Decided {
        schedule,
        plan,
        runs,
    })
}

/// What stands in for a decision whose runs cannot be made now: slots before its first run are decided as it
/// says, that one is due at once, and the scheduler decides it like any other.
pub(super) fn left_due(schedule: &Schedule, plan: SlotPlan) -> SlotPlan {
    let Some(first) = plan.create.first().map(|run| run.slot) else {
        return plan;
    };
    let mut skipped = plan.skipped;
    skipped.retain(|one| one.slot < first);
    SlotPlan {
        last_slot: schedule.last_slot.max(first.checked_sub(SLOT_STEP).ok()),
        next_at: Some(first),
        skipped,
        skipped_more: plan.skipped_more,
        ..SlotPlan::default()
    }
}

/// The schedule's deployment, ready for runs.
async fn ready(app: &App, schedule: &Schedule) -> std::result::Result<Plan, Undecided> {
    let id = schedule.deployment_id;
    let deployment = app.store.deployment(schedule.org, id).await?;
    Plan::of_deployment(&*app.store, deployment, None)
        .await
        .map_err(|error| Undecided::Broken(error.detail))
}

fn run(
    app: &App,
    schedule: &Schedule,
    deployment: &Plan,
    planned: &PlannedRun,
    now: Timestamp,
) -> std::result::Result<NewRun, ApiError> {
    let trigger = Trigger::Schedule {
        schedule_id: schedule.id,
        slot: planned.slot,
        after_running: planned.after_running,
    };
    let ask = RunAsk {
        due_at: Some(planned.due_at),
        priority: schedule.settings.priority,
        robot_id: schedule.settings.robot_id,
        ..RunAsk::new(&schedule.settings.parameters, trigger)
    };
    let mut run = deployment.new_run(ask, now, app.entropy())?;
    // However late this is decided, the run was due at its slot.
    run.due_at = planned.due_at;
    Ok(run)
}

/// Cancels what must end before the new runs are made.
pub(super) async fn cancel_before(app: &Arc<App>, one: &Decided) -> Result<()> {
    let steps = one.plan.cancel.iter().map(|run| {
        let mut step = operations::ask(app, one.schedule.org, *run, Event::Cancel, Scheduler::NAME);
        step.message = Some(format!(
            "the next slot of the schedule {:?} came",
            one.schedule.name
        ));
        step
    });
    for taken in operations::take(app, steps.collect()).await {
        if let Err(error @ StoreError::Unavailable(_)) = taken {
            return Err(error);
        }
    }
    Ok(())
}

/// Says which slots got no run and why: a schedule that skips silently looks broken.
pub(super) async fn report(app: &App, one: &Decided, now: Timestamp) {
    if one.plan.skipped.is_empty() {
        return;
    }
    let skipped: Vec<_> = one
        .plan
        .skipped
        .iter()
        .map(|s| serde_json::json!({ "slot": s.slot, "reason": s.reason.as_str() }))
        .collect();
    let event = ResourceEvent {
        seq: 0,
        org: one.schedule.org,
        at: now,
        kind: "schedule.skipped".into(),
        subject: one.schedule.id.to_string(),
        actor: Scheduler::NAME.into(),
        detail: serde_json::json!({ "slots": skipped, "more": one.plan.skipped_more }),
    };
    if let Err(error) = app.store.append_events(vec![event]).await {
        tracing::warn!(%error, "cannot record skipped slots");
    }
}

#[cfg(test)]
mod tests {
    use baton_core::id::{OrgId, ScheduleId};
    use baton_core::schedule::{Rule, ScheduleSettings, SkipReason, SkippedSlot};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn what_cannot_be_made_now_stays_due_and_nothing_before_it_comes_again() {
        let settings = ScheduleSettings {
            rule: Rule::Hourly { minute: 0 },
            timezone: "UTC".into(),
            starts_at: None,
            ends_at: None,
            jitter_seconds: 0,
            missed: Default::default(),
            overlap: Default::default(),
            parameters: Default::default(),
            robot_id: None,
            priority: None,
        };
        let schedule = Schedule {
            id: ScheduleId(uuid::Uuid::nil()),
            org: OrgId::DEFAULT,
            deployment_id: DeploymentId(uuid::Uuid::nil()),
            name: "hourly".into(),
            settings,
            paused: false,
            next_at: Some(at(90)),
            last_slot: Some(at(10)),
            created_at: at(0),
            updated_at: at(0),
        };
        let run = |second| PlannedRun {
            slot: at(second),
            due_at: at(second),
            after_running: false,
            missed: false,
        };
        let skipped = |second| SkippedSlot {
            slot: at(second),
            reason: SkipReason::Missed,
        };
        let plan = SlotPlan {
            create: vec![run(50), run(60)],
            skipped: vec![skipped(40), skipped(55)],
            next_at: Some(at(90)),
            last_slot: Some(at(60)),
            ..SlotPlan::default()
        };
        let left = left_due(&schedule, plan.clone());
        assert_eq!(left.next_at, Some(at(50)));
        assert!(left.create.is_empty());
        assert_eq!(left.skipped, [skipped(40)], "what came before is decided");
        assert!(left.last_slot > Some(at(40)) && left.last_slot < Some(at(50)));
        // Where nothing is to be made nothing is left.
        let quiet = SlotPlan {
            create: Vec::new(),
            ..plan
        };
        assert_eq!(left_due(&schedule, quiet.clone()), quiet);
    }
}
