//! The log lines of runs, and the events of everything that is not a run.

use async_trait::async_trait;
use baton_core::id::{OrgId, RunId};
use baton_core::run::{LogLevel, LogLine};
use jiff::Timestamp;

use crate::error::Result;
use crate::page::{Page, PageRequest};
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

/// Which events a list gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFilter {
    /// Kinds or the parts of kinds before a dot, such as `queue` or `key.revoked`; empty is all.
    pub kinds: Vec<String>,
    /// The id of the thing.
    pub subject: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// From this instant.
    pub from: Option<Timestamp>,
    /// Until before this instant.
    pub until: Option<Timestamp>,
}

impl EventFilter {
    /// Whether an event is wanted.
    pub fn admits(&self, event: &ResourceEvent) -> bool {
        let of_kind = |wanted: &String| {
            let rest = event.kind.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        (self.kinds.is_empty() || self.kinds.iter().any(of_kind))
            && self.subject.as_ref().is_none_or(|s| *s == event.subject)
            && self.actor.as_ref().is_none_or(|a| *a == event.actor)
            && self.from.is_none_or(|from| event.at >= from)
            && self.until.is_none_or(|until| event.at < until)
    }
}

/// Events that one page of a list looks at: when fewer of them are wanted, the page is short and its
/// cursor leads on, so that a rare kind among many costs no page more than some milliseconds.
pub const MAX_EVENTS_SEEN: usize = 10_000;

/// A message about a run whose claim was not, or no longer, the sender's.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Whose run.
    pub org: OrgId,
    /// The run.
    pub run_id: RunId,
    /// What the sender claimed.
    pub claim: Claim,
    /// Who sent it.
    pub actor: String,
    /// The message: `job_result`, `log_batch`, …
    pub what: String,
    /// Why it was refused.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// The kind of the event that records a [`Refusal`].
pub const MESSAGE_REFUSED: &str = "run.message_refused";

/// Refused messages that are recorded while a run is at one attempt; the last one says that further ones
/// are not. A handful tells the story, and a robot gone mad cannot fill the table.
pub const MAX_REFUSALS: usize = 20;

/// The event that records a refusal of a run that stands at this attempt and fence, of which `before`
/// refusals have been recorded; `None` when there are enough.
pub fn refused(
    refusal: &Refusal,
    attempt: u32,
    fence: baton_core::id::Fence,
    before: usize,
) -> Option<ResourceEvent> {
    if before >= MAX_REFUSALS {
        return None;
    }
    let claim = &refusal.claim;
    let detail = serde_json::json!({
        "attempt": attempt,
        "fence": fence,
        "message": refusal.what,
        "reason": baton_core::error::clip(refusal.why.clone(), baton_core::error::MAX_MESSAGE),
        "claim": {"attempt": claim.attempt, "fence": claim.fence, "robot_id": claim.robot_id},
        "last_recorded": before + 1 == MAX_REFUSALS,
    });
    Some(ResourceEvent {
        seq: 0,
        org: refusal.org,
        at: refusal.at,
        kind: MESSAGE_REFUSED.into(),
        subject: refusal.run_id.to_string(),
        actor: refusal.actor.clone(),
        detail,
    })
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

    /// Events, newest first. A page may be short of its limit (see [`MAX_EVENTS_SEEN`]); the list has
    /// ended when there is no `next`.
    async fn events(&self, filter: EventFilter, page: PageRequest) -> Result<Page<ResourceEvent>>;

    /// Records refused messages beside their runs, at most [`MAX_REFUSALS`] for each attempt; the runs
    /// stay as they are. What names no run of its org is passed over. Returns how many were recorded.
    async fn record_refusals(&self, refusals: Vec<Refusal>) -> Result<u32>;

    /// The first and last position kept; (0, 0) when empty.
    async fn events_span(&self) -> Result<(i64, i64)>;
}
