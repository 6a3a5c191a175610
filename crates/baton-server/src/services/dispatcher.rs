//! The dispatcher: gives queued runs to robots.
//!
//! It keeps the fleet in memory and hears what changes; the store checks every assignment again, so a
//! stale view costs a refusal, never a slot too many. While one plan is being committed, everything
//! that is queued meanwhile waits for the next: under load one decision serves a whole commit, and an
//! idle server decides at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use baton_core::dispatch::{Assignment, Group, Hold, MAX_ASSIGNMENTS, Plan, Waiting, decide};
use baton_core::id::{OrgId, RunId};
use baton_core::state::Event;
use baton_store::Result;
use baton_store::runs::{Assign, Assigned, QueuedGroup};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::{Service, after};
use crate::app::App;
use crate::operations;
use crate::robots::deliver;
use crate::wakeup::Wakeups;

mod world;

pub(crate) use world::World;

/// Groups of queued runs that one decision looks at. With more different needs than this waiting at
/// once, those that wait longest are looked at first.
pub(crate) const GROUPS: u32 = 512;
/// Plans in one step; then other tasks get their turn.
const PLANS: usize = 16;
/// After a refusal because a robot's last sign of life is not yet written, it is tried again this soon.
const RETRY_REFUSED: Duration = Duration::from_secs(1);
/// A run that every robot that fits has rejected is put off by this, then all are asked again.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// When the dispatcher decided last, in Unix milliseconds: what `explain` says of who leads.
#[derive(Debug, Default)]
pub(crate) struct DecidedAt(AtomicI64);

impl DecidedAt {
    fn set(&self, at: Timestamp) {
        self.0.store(at.as_millisecond(), Ordering::Relaxed);
    }

    /// The instant; `None` before the first decision.
    pub(crate) fn get(&self) -> Option<Timestamp> {
        let at = self.0.load(Ordering::Relaxed);
        (at > 0).then(|| Timestamp::from_millisecond(at).ok())?
    }
}

/// Gives queued runs to robots.
#[derive(Default)]
pub(super) struct Dispatcher {
    world: World,
    seed: u64,
}

#[async_trait]
impl Service for Dispatcher {
    const NAME: &'static str = "dispatcher";

    fn bell(wakeups: &Wakeups) -> Option<&Notify> {
        Some(&wakeups.dispatcher)
    }

    fn tick(app: &App) -> Duration {
        app.config.tick
    }

    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>> {
        self.world.refresh(app).await?;
        for _ in 0..PLANS {
            let now = app.now();
            app.decided_at.set(now);
            let free = self.world.free_slots();
            if free == 0 {
                return Ok(None);
            }
            let heads = u32::try_from(free.min(MAX_ASSIGNMENTS)).unwrap_or(u32::MAX);
            let groups = app.store.queued_groups(GROUPS, heads).await?;
            if groups.is_empty() {
                return Ok(None);
            }
            let groups: Vec<Group> = groups.into_iter().map(group).collect();
            self.world.learn_limits(app, &groups).await?;
            let plan = self.decide(&groups, now);
            let progress = !plan.assignments.is_empty() || !plan.regroup.is_empty();
            let again = plan.again;
            let refused = self.carry_out(app, plan, &groups, now).await?;
            if refused {
                return Ok(Some(after(now, RETRY_REFUSED)));
            }
            if !(progress && again) {
                return Ok(None);
            }
            self.world.refresh(app).await?;
        }
        // There is more: at once, but not before others had a turn.
        Ok(Some(app.now()))
    }
}

impl Dispatcher {
    fn decide(&mut self, groups: &[Group], now: Timestamp) -> Plan {
        self.seed = self.seed.wrapping_add(1);
        let seed = self.seed ^ u64::try_from(now.as_nanosecond() & 0xffff_ffff).unwrap_or(0);
        let world = &mut self.world;
        decide(
            &mut world.fleet,
            groups,
            &world.queues,
            &world.limits,
            &mut world.usage,
            seed,
            now,
        )
    }

    /// Commits a plan and tells the robots. Says whether something was refused.
    async fn carry_out(
        &mut self,
        app: &Arc<App>,
        plan: Plan,
        groups: &[Group],
        now: Timestamp,
    ) -> Result<bool> {
        let mut refused = false;
        if !plan.assignments.is_empty() {
            refused = self.assign(app, plan.assignments, groups, now).await?;
        }
        if !plan.regroup.is_empty() {
            app.store.regroup_rejected(plan.regroup).await?;
        }
        let stuck = self.world.rejected_by_all(&plan.held, groups, now);
        if !stuck.is_empty() {
            put_off(app, stuck, now).await;
        }
        Ok(refused)
    }

    async fn assign(
        &mut self,
        app: &Arc<App>,
        planned: Vec<Assignment>,
        groups: &[Group],
        now: Timestamp,
    ) -> Result<bool> {
        let assigns = planned.iter().map(|a| Assign {
            org: a.org,
            run_id: a.run_id,
            attempt: a.attempt,
            robot_id: a.robot_id,
            session: a.session,
            desktop: a.desktop.clone(),
        });
        let assigned = app
            .store
            .assign_runs(assigns.collect(), Self::NAME, now)
            .await;
        let assigned = match assigned {
            Ok(assigned) => assigned,
            Err(error) => {
                // Nothing was written: what the plan took is given back by reading all anew.
                self.world.forget();
                return Err(error);
            }
        };
        let mut refused = false;
        for (planned, assigned) in planned.iter().zip(assigned) {
            match assigned {
                Assigned::Done { run, attempt } => {
                    self.world.taken(planned, &run, attempt.fence);
                    match app.robots.get(planned.robot_id) {
                        Some(c) if c.session == planned.session => {
                            deliver(app, &c, &run, &attempt).await;
                        }
                        // It is delivered when the robot is back, or unanswered soon.
                        _ => tracing::debug!(run = %run.name, "the robot went away meanwhile"),
                    }
                }
                Assigned::Refused(refusal) => {
                    tracing::debug!(run = %planned.run_id, code = refusal.code(), "an assignment was refused");
                    self.world.refused(planned, groups);
                    refused = true;
                }
            }
        }
        if refused {
            // What was believed was wrong somewhere.
            self.world.doubt();
        }
        Ok(refused)
    }
}

fn group(queued: QueuedGroup) -> Group {
    let heads = queued.heads.into_iter().map(|head| Waiting {
        run_id: head.run_id,
        attempt: head.attempt,
        due_at: head.due_at,
        rejected_by: head.rejected_by,
    });
    Group {
        id: queued.id,
        org: queued.org,
        heads: heads.collect(),
        needs: Arc::new(queued.needs),
    }
}

/// Puts runs off that all robots that fit have rejected. Nobody would ever ask these again otherwise.
async fn put_off(app: &Arc<App>, stuck: Vec<(OrgId, RunId)>, now: Timestamp) {
    let due_at = after(now, ASK_AGAIN);
    let steps = stuck.into_iter().map(|(org, run)| {
        let mut step = operations::ask(app, org, run, Event::Postpone { due_at }, Dispatcher::NAME);
        step.message = Some("every robot that fits rejected it; all are asked again".into());
        step
    });
    for result in operations::take(app, steps.collect()).await {
        if let Err(error) = result {
            tracing::debug!(%error, "a rejected run was not put off");
        }
    }
}

/// Whether a group is held because no robot fits.
fn no_robot(hold: &Hold) -> bool {
    matches!(hold, Hold::NoRobot)
}
