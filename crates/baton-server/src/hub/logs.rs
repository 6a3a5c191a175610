//! The stream of a run's log lines, read from the store after (attempt, seq).

use std::sync::Arc;
use std::time::Duration;

use baton_core::id::{OrgId, RunId};
use baton_core::run::LogLine;
use baton_store::logs::LogQuery;
use tokio::sync::watch;

use super::{FeedError, Positions};
use crate::app::App;

/// Lines in one read.
const BATCH: u32 = 1_000;
/// How long a stream that has nothing to read waits at most before it looks whether the run has ended.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Some lines of a run's log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLines {
    /// The lines, each with its attempt, in order.
    pub lines: Vec<(u32, LogLine)>,
    /// The run has ended and nothing more will come, unless an operator retries it.
    pub ended: bool,
}

/// One reader's place in a run's log.
pub struct LogFeed {
    app: Arc<App>,
    query: LogQuery,
    lines: watch::Receiver<()>,
    events: watch::Receiver<Positions>,
}

impl LogFeed {
    /// A feed of one run's log after (attempt, seq); `NotFound` when there is no such run.
    pub async fn after(
        app: Arc<App>,
        org: OrgId,
        run_id: RunId,
        after: Option<(u32, i64)>,
    ) -> Result<Self, FeedError> {
        let lines = app.hub.follow(run_id);
        let events = app.hub.positions();
        app.store.run(org, run_id).await?;
        Ok(Self {
            query: LogQuery {
                org,
                run_id,
                attempt: None,
                after,
                tail: false,
                level: None,
                task: None,
                search: None,
                limit: BATCH,
            },
            app,
            lines,
            events,
        })
    }

    /// The next lines; waits until there are some or the run has ended. After `ended` the stream is over.
    /// May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Result<LogLines, FeedError> {
        loop {
            self.lines.mark_unchanged();
            self.events.mark_unchanged();
            // The run is read before its lines: what it wrote before its end cannot be missed.
            let run = self
                .app
                .store
                .run(self.query.org, self.query.run_id)
                .await?;
            let lines = self.app.store.logs(self.query.clone()).await?;
            let ended = run.state.is_terminal() && !run.live && lines.len() < BATCH as usize;
            if let Some((attempt, line)) = lines.last() {
                self.query.after = Some((*attempt, line.seq));
            }
            if ended || !lines.is_empty() {
                return Ok(LogLines { lines, ended });
            }
            tokio::select! {
                changed = self.lines.changed() => changed.map_err(|_| FeedError::Stopping)?,
                () = after_any_event(&mut self.events) => {}
                () = self.app.stopping.cancelled() => return Err(FeedError::Stopping),
            }
        }
    }
}

/// Ends some time after any run changed its state: this one may have ended.
async fn after_any_event(events: &mut watch::Receiver<Positions>) {
    if events.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(LOOK_EVERY).await;
}
