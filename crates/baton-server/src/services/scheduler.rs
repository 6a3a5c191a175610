//! The scheduler: makes runs of slots, queues what is due, and ends what did not start in time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_core::id::ScheduleId;
use baton_core::state::Event;
use baton_store::runs::DueRun;
use baton_store::{Result, StoreError};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::Service;
use crate::app::App;
use crate::operations;
use crate::wakeup::Wakeups;

mod renewal;
mod slots;

/// Runs taken in one call: few enough for a short transaction.
const RUNS_AT_ONCE: u32 = 500;
/// Schedules decided in one call.
const SCHEDULES_AT_ONCE: u32 = 200;
/// Every commit may move a deadline, so wake-ups come in floods; nobody notices twenty milliseconds.
const PACE: Duration = Duration::from_millis(20);

/// Makes runs of slots and queues what is due.
#[derive(Default)]
pub(super) struct Scheduler {
    /// Schedules that could not be decided, and when they are tried again.
    broken: HashMap<ScheduleId, Timestamp>,
    /// Notices when time zone data changes.
    zones: renewal::Watch,
}

#[async_trait]
impl Service for Scheduler {
    const NAME: &'static str = "scheduler";

    fn bell(wakeups: &Wakeups) -> Option<&Notify> {
        Some(&wakeups.scheduler)
    }

    fn tick(app: &App) -> Duration {
        app.config.tick
    }

    fn pace() -> Duration {
        PACE
    }

    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>> {
        let now = app.now();
        // Before anything fires: slots that were computed by other rules may be wrong.
        self.zones.step(app, now).await?;
        let slots_left = self.fire(app, now).await?;
        let due_left = queue_due(app, now).await?;
        let late_left = end_unstarted(app, now).await?;
        if slots_left || due_left || late_left {
            return Ok(Some(now));
        }
        let next = [
            app.store.next_slot_after(now).await?,
            self.broken.values().min().copied(),
            app.store.next_due_at().await?,
            app.store.next_start_deadline_at().await?,
            self.zones.next_at(),
        ];
        // What is due and was left alone now is not worth a busy loop.
        Ok(next.into_iter().flatten().filter(|at| *at > now).min())
    }
}

/// Queues pending runs whose time has come. Says whether there are more.
async fn queue_due(app: &Arc<App>, now: Timestamp) -> Result<bool> {
    let due = app.store.due_runs(now, RUNS_AT_ONCE).await?;
    let full = due.len() >= RUNS_AT_ONCE as usize;
    let moved = take_all(app, due, &Event::Due).await?;
    Ok(full && moved)
}

/// Ends runs that did not start in time. Says whether there are more.
async fn end_unstarted(app: &Arc<App>, now: Timestamp) -> Result<bool> {
    let late = app.store.overdue_starts(now, RUNS_AT_ONCE).await?;
    let full = late.len() >= RUNS_AT_ONCE as usize;
    let moved = take_all(app, late, &Event::StartDeadline).await?;
    Ok(full && moved)
}

/// Takes the same event for many runs. Says whether any of them moved.
async fn take_all(app: &Arc<App>, runs: Vec<DueRun>, event: &Event) -> Result<bool> {
    if runs.is_empty() {
        return Ok(false);
    }
    let steps = runs
        .into_iter()
        .map(|due| operations::ask(app, due.org, due.run_id, event.clone(), Scheduler::NAME));
    let mut moved = false;
    for taken in operations::take(app, steps.collect()).await {
        match taken {
            Ok(_) => moved = true,
            // Somebody else was first.
            Err(StoreError::Illegal(_) | StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(moved)
}
