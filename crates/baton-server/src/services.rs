//! The deciding services. Each is the same three lines: load a bounded snapshot, decide in
//! `baton_core`, commit guarded by what was read.
//!
//! A service sleeps until its bell rings, until the next instant that it knows of, or until its safety
//! tick. So a lost wake-up costs one tick, and two servers that decide at once are slow, never wrong.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_core::lease::Steady;
use baton_store::Result;
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::wakeup::Wakeups;

mod clock_watch;
pub(crate) mod dispatcher;
mod fleet_view;
mod pruner;
mod renewer;
mod rescuer;
mod sampler;
mod scheduler;

pub(crate) use fleet_view::FleetView;
pub(crate) use sampler::Ended;

/// Something that decides, again and again.
#[async_trait]
trait Service: Default + Send + 'static {
    /// Its name in logs, and as the actor in history.
    const NAME: &'static str;

    /// What wakes it.
    fn bell(_wakeups: &Wakeups) -> Option<&Notify> {
        None
    }

    /// How long it sleeps at most.
    fn tick(app: &App) -> Duration;

    /// The least time from the end of one step to the next, so that a flood of wake-ups is one.
    fn pace() -> Duration {
        Duration::ZERO
    }

    /// Loads, decides, commits; answers when there will be something to do again, if that is known.
    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>>;
}

/// After a failed step a service rests at least this long: what failed will not work at once.
const REST: Duration = Duration::from_millis(500);

/// Starts all services. The scheduler stops by its own token: it is the first to go.
pub(crate) fn start(
    app: &Arc<App>,
    tasks: &TaskTracker,
    scheduling: &CancellationToken,
    deciding: &CancellationToken,
) {
    spawn::<scheduler::Scheduler>(app, tasks, scheduling);
    spawn::<dispatcher::Dispatcher>(app, tasks, deciding);
    spawn::<rescuer::Rescuer>(app, tasks, deciding);
    spawn::<renewer::Renewer>(app, tasks, deciding);
    spawn::<pruner::Pruner>(app, tasks, deciding);
    spawn::<sampler::Sampler>(app, tasks, deciding);
    spawn::<clock_watch::ClockWatch>(app, tasks, deciding);
}

fn spawn<S: Service>(app: &Arc<App>, tasks: &TaskTracker, stop: &CancellationToken) {
    let (app, stop) = (Arc::clone(app), stop.clone());
    tasks.spawn(async move {
        stop.run_until_cancelled(run::<S>(&app)).await;
    });
}

async fn run<S: Service>(app: &Arc<App>) {
    let mut service = S::default();
    loop {
        // A bug in one service must not end it, let alone the others: it starts afresh from the store.
        let began = app.steady();
        let step = AssertUnwindSafe(service.step(app)).catch_unwind().await;
        let tick = S::tick(app);
        let failed = !matches!(step, Ok(Ok(_)));
        let rest = if failed { REST } else { S::pace() };
        let next = match step {
            Ok(Ok(next)) => next,
            Ok(Err(error)) => {
                tracing::warn!(service = S::NAME, %error, "a step failed; trying again");
                None
            }
            Err(_) => {
                tracing::error!(service = S::NAME, "a step panicked; starting afresh");
                service = S::default();
                None
            }
        };
        if next.is_some_and(|next| next <= app.now()) {
            // There is more to do at once; others get their turn in between.
            tokio::task::yield_now().await;
            continue;
        }
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
        if failed {
            continue;
        }
        // Counted from before the step: what came while it rested is not passed over.
        let tick = SignedDuration::try_from(tick).unwrap_or(SignedDuration::MAX);
        sleep(app, S::bell(&app.wakeups), began.after(tick), next).await;
    }
}

/// Sleeps until the bell rings, `next` comes, or it is `latest`.
async fn sleep(app: &App, bell: Option<&Notify>, latest: Steady, next: Option<Timestamp>) {
    // What is due at a time of day is waited for in pieces of a tick: the clock may be set meanwhile.
    let due = next.map(|next| app.steady().after(next.duration_since(app.now())));
    let rung = async {
        match bell {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = rung => {}
        () = app.clock.sleep_until(due.map_or(latest, |due| due.min(latest))) => {}
    }
}

/// `now` and a while later.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
