//! The stream of a run's log lines and states, read from the store after (attempt, seq) and a place in history.

use std::sync::Arc;

use baton_core::id::{OrgId, RunId};
use baton_core::run::RunEvent;
use baton_store::logs::LogQuery;
use tokio::sync::watch;

use super::FeedError;
use super::log_order::{self, LogItem, Opened};
use crate::app::App;

/// Lines in one read.
const BATCH: u32 = 1_000;

/// Some lines and states of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogNews {
    /// Lines and states, in the order in which they were.
    pub items: Vec<LogItem>,
    /// The run has ended and nothing more will come, unless an operator retries it.
    pub ended: bool,
}

/// One reader's place in a run's log.
pub struct LogFeed {
    app: Arc<App>,
    query: LogQuery,
    /// Position in history of the last state that was given.
    seen: i64,
    opened: Opened,
    changes: watch::Receiver<()>,
}

impl LogFeed {
    /// A feed of one run's log after (attempt, seq), and of its states after this position in history;
    /// `NotFound` when there is no such run.
    pub async fn after(
        app: Arc<App>,
        org: OrgId,
        run_id: RunId,
        after: Option<(u32, i64)>,
        seen: i64,
    ) -> Result<Self, FeedError> {
        let changes = app.hub.follow(run_id);
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
            seen,
            opened: Opened::default(),
            changes,
        })
    }

    /// What comes next; waits until there is something or the run has ended. After `ended` the stream is over.
    /// May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Result<LogNews, FeedError> {
        let (org, run_id) = (self.query.org, self.query.run_id);
        loop {
            self.changes.mark_unchanged();
            // Run and history are read before the lines: what was written before a state cannot be missed.
            let run = self.app.store.run(org, run_id).await?;
            let before = self.history().await?;
            let lines = self.app.store.logs(self.query.clone()).await?;
            let drained = lines.len() < BATCH as usize;
            let ended = run.state.is_terminal() && !run.live && drained;
            let known = before.last().map_or(self.seen, |event| event.seq);
            // Lines of an attempt whose start was written since: its start is read, and stands before them.
            let history = if lines.is_empty() {
                before
            } else {
                self.history().await?
            };
            let items =
                log_order::merge(lines, history.into_iter(), known, drained, &mut self.opened);
            for item in &items {
                match item {
                    LogItem::Line(attempt, line) => self.query.after = Some((*attempt, line.seq)),
                    LogItem::State(event) => self.seen = event.seq,
                }
            }
            if ended || !items.is_empty() {
                return Ok(LogNews { items, ended });
            }
            tokio::select! {
                changed = self.changes.changed() => changed.map_err(|_| FeedError::Stopping)?,
                () = self.app.stopping.cancelled() => return Err(FeedError::Stopping),
            }
        }
    }

    /// What became of the run since the last state that was given.
    async fn history(&self) -> Result<Vec<RunEvent>, FeedError> {
        let (org, run_id) = (self.query.org, self.query.run_id);
        Ok(self
            .app
            .store
            .run_history_after(org, run_id, self.seen)
            .await?)
    }
}
