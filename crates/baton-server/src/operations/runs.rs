//! Cancelling and retrying runs.

use std::sync::Arc;

use baton_core::id::{OrgId, RunId};
use baton_core::state::{Event, State};
use baton_store::page::PageRequest;
use baton_store::runs::{RunFilter, Stepped};
use baton_store::{Result, StoreError};

use super::{ask, take, take_one};
use crate::app::App;

/// Asks for a run's end. A run that no robot has ends at once; otherwise its robot is told, and the run
/// is Cancelling until the process tree is gone. A run that ended first answers `Illegal`, naming how.
pub async fn cancel(
    app: &Arc<App>,
    org: OrgId,
    run_id: RunId,
    actor: &str,
    reason: Option<String>,
) -> Result<Stepped> {
    let mut step = ask(app, org, run_id, Event::Cancel, actor);
    step.message = reason;
    let stepped = take_one(app, step).await?;
    app.wakeups.rescuer.notify_one();
    Ok(stepped)
}

/// Opens the next attempt of a run that has ended; the count of its retries starts afresh.
pub async fn retry(app: &Arc<App>, org: OrgId, run_id: RunId, actor: &str) -> Result<Stepped> {
    take_one(app, ask(app, org, run_id, Event::Retry, actor)).await
}

/// Runs cancelled in one step while the server stops.
const AT_ONCE: u32 = 500;

/// Cancels all runs of an org that have not started. Answers how many.
pub async fn cancel_waiting(app: &Arc<App>, org: OrgId, actor: &str) -> Result<u64> {
    let mut cancelled = 0;
    let filter = RunFilter {
        states: vec![State::Pending, State::Queued],
        ascending: true,
        ..RunFilter::default()
    };
    let mut request = PageRequest::first(org, AT_ONCE);
    loop {
        let page = app.store.runs(filter.clone(), request.clone()).await?;
        let steps = page
            .items
            .iter()
            .map(|run| ask(app, org, run.id, Event::Cancel, actor))
            .collect();
        for taken in take(app, steps).await {
            match taken {
                Ok(_) => cancelled += 1,
                // It has moved on meanwhile.
                Err(StoreError::Illegal(_) | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(cancelled),
        }
    }
}
