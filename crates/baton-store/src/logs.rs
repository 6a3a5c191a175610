//! The log lines of runs, and the events of everything that is not a run.

use async_trait::async_trait;
use baton_core::id::{OrgId, RunId};
use baton_core::run::{LogLevel, LogLine};
use jiff::Timestamp;

use crate::error::Result;
use crate::runs::Claim;

/// Lines of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct LogBatch {
    /// Whose.
    pub org: OrgId,
    /// The run.
    pub run_id: RunId,
    /// The sender's claim. Lines of a closed attempt are still accepted from the robot that held it.
    pub claim: Claim,
    /// The lines, by rising `seq`.
    pub lines: Vec<LogLine>,
}

/// Which lines are read.
#[derive(Clone, Debug, PartialEq)]
pub struct LogQuery {
    /// Whose.
    pub org: OrgId,
    /// The run.
    pub run_id: RunId,
    /// Of this attempt; `None` is all, first to last.
    pub attempt: Option<u32>,
    /// After this position (attempt, seq).
    pub after: Option<(u32, i64)>,
    /// The last lines instead of the first; `after` then means before.
    pub tail: bool,
    /// At least this level.
    pub level: Option<LogLevel>,
    /// Of this task.
    pub task: Option<String>,
    /// Containing this text (ASCII case ignored).
    pub search: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// An event of something that is not a run: `robot.connected`, `schedule.updated`, `queue.paused`, …
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceEvent {
    /// Position; readers resume after it.
    pub seq: i64,
    /// Whose.
    pub org: OrgId,
    /// When.
    pub at: Timestamp,
    /// `<thing>.<what happened>`.
    pub kind: String,
    /// The id of the thing.
    pub subject: String,
    /// Who did it.
    pub actor: String,
    /// More, as JSON.
    pub detail: serde_json::Value,
}

/// Logs and events.
#[async_trait]
pub trait Logs {
    /// Appends lines; each batch answers the highest `seq` up to which the attempt's log is now
    /// without gap. Lines already there are passed over; a gap is not stored past. `StaleFence` when the
    /// claim names no attempt of the run by number, last fence and robot.
    async fn append_logs(&self, batches: Vec<LogBatch>) -> Vec<Result<i64>>;

    /// Lines with their attempt, in order (also those of a tail).
    async fn logs(&self, query: LogQuery) -> Result<Vec<(u32, LogLine)>>;

    /// The number of lines of each attempt that has any, first to last; pruned lines count.
    async fn log_span(&self, org: OrgId, run_id: RunId) -> Result<Vec<(u32, i64)>>;

    /// Appends events (their `seq` is ignored) and returns the last position.
    async fn append_events(&self, events: Vec<ResourceEvent>) -> Result<i64>;

    /// Events after a position.
    async fn events_after(
        &self,
        org: Option<OrgId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<ResourceEvent>>;

    /// The first and last position kept; (0, 0) when empty.
    async fn events_span(&self) -> Result<(i64, i64)>;
}
