//! The rescuer: ends what nobody will end any more.
//!
//! It looks at live attempts only, which the slots of the fleet bound. Each has one next instant at
//! which something is owed ([`deadline`]); the rescuer sleeps until the earliest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_core::id::{RobotId, RunId};
use baton_core::lease::{Steady, lapses_at};
use baton_core::state::{Event, State};
use baton_store::Result;
use baton_store::runs::{Claim, LiveAttempt, RunStep};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::{Service, after};
use crate::app::App;
use crate::operations;
use crate::wakeup::Wakeups;

mod brake;
mod deadline;
mod sightings;

use brake::Brake;
use deadline::{Owed, Seen, Told, owed};
use sightings::Sightings;

/// A robot that did not answer an assignment is left alone for this long.
const REST: Duration = Duration::from_secs(30);
/// A cancel that is still not confirmed this long after its grace is sent again: perhaps it was never heard.
const CANCEL_AGAIN: Duration = Duration::from_secs(10);

/// Ends what nobody will end any more.
#[derive(Default)]
pub(super) struct Rescuer {
    brake: Brake,
    /// What is known of cancels that are not confirmed, by run.
    told: HashMap<RunId, Told>,
    sightings: Sightings,
}

#[async_trait]
impl Service for Rescuer {
    const NAME: &'static str = "rescuer";

    fn bell(wakeups: &Wakeups) -> Option<&Notify> {
        Some(&wakeups.rescuer)
    }

    /// An attempt that begins while it sleeps owes nothing for [`START_WITHIN`]; the tick is shorter.
    fn tick(app: &App) -> Duration {
        app.config.timeout_check.min(app.config.tick)
    }

    /// Deadlines are seconds away; a flood of assignments need not be looked at one by one.
    fn pace() -> Duration {
        Duration::from_millis(500)
    }

    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>> {
        let live = app.store.live_attempts().await?;
        let (day, now) = (app.now(), app.steady());
        self.told
            .retain(|run, _| live.iter().any(|a| a.run_id == *run));
        self.sightings.look(&live, day, now, app.began);
        let mut next: Option<Steady> = None;
        let mut due = Vec::new();
        app.reporters
            .keep(&live.iter().map(|a| a.run_id).collect::<HashSet<_>>());
        for attempt in live {
            let seen = self.seen(app, &attempt, day, now).await;
            for (at, owed) in owed(&attempt, &seen, app.began) {
                if at <= now {
                    due.push((attempt, owed));
                    break;
                }
                next = Some(next.map_or(at, |n| n.min(at)));
            }
        }
        let held = self.rescue(app, due, now).await;
        // What could not be done now is tried again soon.
        let soon = held.then(|| after(day, app.config.tick));
        let next = next.map(|next| {
            day.saturating_add(next.since(now))
                .unwrap_or(Timestamp::MAX)
        });
        Ok([next, soon].into_iter().flatten().min())
    }
}

impl Rescuer {
    /// What this server has seen of an attempt.
    async fn seen(
        &mut self,
        app: &App,
        attempt: &LiveAttempt,
        day: Timestamp,
        now: Steady,
    ) -> Seen {
        let since = self.sightings.since(attempt).unwrap_or(now);
        let told = self.told(app, attempt, day, now).await;
        let connection = attempt.robot_id.and_then(|robot| app.robots.get(robot));
        let heard = match attempt.robot_id {
            Some(robot) => app.robots.heard_at(robot),
            // It was heard when it came to its state, by its own report or by the server that told it so.
            None => Some(
                app.reporters
                    .heard_at(attempt.run_id)
                    .map_or(since, |heard| heard.max(since)),
            ),
        };
        Seen {
            since,
            lapses_at: lapses_at(heard, app.began, attempt.patience()),
            told,
            connected: connection.is_some(),
            began: connection.and_then(|c| c.began_at(attempt.run_id, attempt.fence)),
        }
    }

    /// When the robot of an attempt that is to end was last told so: whoever moved the run told it then, or this
    /// server did when the robot connected.
    async fn told(
        &mut self,
        app: &App,
        attempt: &LiveAttempt,
        day: Timestamp,
        now: Steady,
    ) -> Option<Told> {
        if matches!(attempt.state, State::Dispatched | State::Running) {
            return None;
        }
        if let Some(told) = self.told.get(&attempt.run_id) {
            return Some(*told);
        }
        let (at, grace) = match app.store.run(attempt.org, attempt.run_id).await {
            Ok(run) => {
                let ago = day.duration_since(run.changed_at);
                let at = now.before(ago.max(SignedDuration::ZERO));
                (at, run.spec.cancel_grace_seconds)
            }
            Err(_) => (now, baton_core::flow::DEFAULT_CANCEL_GRACE_SECONDS),
        };
        let told = Told {
            at: at.max(app.began),
            grace: SignedDuration::from_secs(grace.into()),
        };
        self.told.insert(attempt.run_id, told);
        Some(told)
    }

    /// Does what is owed. Says whether something was held back or failed.
    async fn rescue(&mut self, app: &Arc<App>, due: Vec<(LiveAttempt, Owed)>, now: Steady) -> bool {
        let lapsed: Vec<RobotId> = due
            .iter()
            .filter(|(_, owed)| *owed == Owed::Lapse)
            .filter_map(|(attempt, _)| attempt.robot_id)
            .collect();
        let braking = !lapsed.is_empty() && self.brake.holds(app, now).await;
        let mut held = false;
        let mut steps = Vec::new();
        for (attempt, owed) in due {
            let claim = Claim {
                attempt: attempt.attempt,
                fence: attempt.fence,
                robot_id: attempt.robot_id,
            };
            match owed {
                Owed::Lapse if attempt.state.is_terminal() => {
                    operations::release(app, attempt.org, attempt.run_id, claim).await;
                }
                Owed::Lapse if braking && brake::would_retry(app, &attempt).await => held = true,
                Owed::Lapse => steps.push(step(app, &attempt, claim, Event::LeaseLapsed)),
                Owed::Answer => {
                    if let Some(robot) = attempt.robot_id {
                        app.fleet.rest(robot, after(app.now(), REST));
                    }
                    steps.push(step(app, &attempt, claim, Event::Unanswered));
                }
                Owed::End => steps.push(step(app, &attempt, claim, Event::RunDeadline)),
                Owed::CancelAgain => {
                    if let Some(told) = self.told.get_mut(&attempt.run_id) {
                        told.at = now;
                    }
                    tell_again(app, &attempt).await;
                    held = true;
                }
            }
        }
        held | self.take(app, steps).await
    }

    async fn take(&self, app: &Arc<App>, steps: Vec<RunStep>) -> bool {
        let what: Vec<(RunId, &str)> = steps.iter().map(|s| (s.run_id, s.event.name())).collect();
        let mut failed = false;
        for ((run, event), taken) in what.into_iter().zip(operations::take(app, steps).await) {
            match taken {
                Ok(stepped) => tracing::warn!(%run, event, to = %stepped.to, "a run was rescued"),
                Err(baton_store::StoreError::Unavailable(_)) => failed = true,
                // It has moved on by itself.
                Err(error) => tracing::debug!(%run, event, %error, "nothing to rescue"),
            }
        }
        failed
    }
}

fn step(app: &App, attempt: &LiveAttempt, claim: Claim, event: Event) -> RunStep {
    let mut step = operations::ask(app, attempt.org, attempt.run_id, event, Rescuer::NAME);
    step.claim = Some(claim);
    step
}

/// The robot has not confirmed a cancel although grace and more are over: perhaps it never heard of it.
async fn tell_again(app: &App, attempt: &LiveAttempt) {
    let Some(connection) = attempt.robot_id.and_then(|robot| app.robots.get(robot)) else {
        return;
    };
    if attempt.state == State::Cancelling || attempt.state.is_terminal() {
        let claim = baton_api::robot::Claim {
            job_id: attempt.run_id,
            attempt: attempt.attempt,
            fence: attempt.fence,
        };
        operations::send_cancel(app, &connection, claim).await;
    }
}
