//! The pruner: removes what retention no longer keeps, a little at a time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_store::Result;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::{Service, after};
use crate::app::App;
use crate::wakeup::Wakeups;

/// How often it looks. Retention counts in days.
const EVERY: Duration = Duration::from_secs(6 * 3_600);
/// The first look after a start: not while everybody reconnects.
const AFTER_START: Duration = Duration::from_secs(120);
/// Between two bounded steps, so that pruning never holds up the writer noticeably.
const BETWEEN: Duration = Duration::from_millis(50);

/// Removes what is no longer kept.
#[derive(Default)]
pub(super) struct Pruner {
    woken: bool,
}

#[async_trait]
impl Service for Pruner {
    const NAME: &'static str = "pruner";

    fn bell(wakeups: &Wakeups) -> Option<&Notify> {
        Some(&wakeups.pruner)
    }

    fn tick(_app: &App) -> Duration {
        EVERY
    }

    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>> {
        let now = app.now();
        if !std::mem::replace(&mut self.woken, true) {
            return Ok(Some(after(now, AFTER_START)));
        }
        let pruned = app.store.prune(app.config.retention, now).await?;
        if pruned.runs + pruned.lines + pruned.events + pruned.blobs + pruned.specs > 0 {
            tracing::info!(
                runs = pruned.runs,
                lines = pruned.lines,
                events = pruned.events,
                blobs = pruned.blobs,
                specs = pruned.specs,
                "pruned"
            );
        }
        Ok(pruned.more.then(|| after(now, BETWEEN)))
    }
}
