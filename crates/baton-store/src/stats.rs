//! Samples, aggregates, retention, backup: what keeps an installation measurable and small.

use std::path::Path;

use async_trait::async_trait;
use baton_core::id::OrgId;
use jiff::Timestamp;

use crate::error::Result;

mod outcomes;

pub(crate) use outcomes::counted_end;
pub use outcomes::{OutcomeBucket, OutcomeQuery};

/// One measured value at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Whose.
    pub org: OrgId,
    /// `queue_depth`, `queue_oldest_seconds`, `throughput`, `robots_online`, `robot_utilization`.
    pub metric: String,
    /// What it is of: a queue's or robot's id, or empty.
    pub subject: String,
    /// The start of the period.
    pub at: Timestamp,
    /// The value: the mean over the period.
    pub value: f64,
}

/// The grain of kept samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grain {
    /// 10 s, kept for a day.
    TenSeconds,
    /// 1 min, kept for a week.
    Minute,
    /// 1 h, kept for a year.
    Hour,
}

impl Grain {
    /// All grains, finest first.
    pub const ALL: [Self; 3] = [Self::TenSeconds, Self::Minute, Self::Hour];

    /// Its length in seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::TenSeconds => 10,
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }
}

/// How long things are kept. `None` keeps for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retention {
    /// Ended runs with all that belongs to them, and their history.
    pub runs_days: Option<u32>,
    /// Log lines of ended runs.
    pub logs_days: Option<u32>,
    /// Resource events and audit.
    pub events_days: Option<u32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            runs_days: Some(90),
            logs_days: Some(30),
            events_days: Some(90),
        }
    }
}

impl Retention {
    /// Figures of ended runs are kept as long as runs, and so long at least that a year can be compared
    /// with the one before it: a minute of a flow on a robot is a row of some hundred bytes.
    pub(crate) fn outcomes_days(self) -> Option<u32> {
        self.runs_days.map(|days| days.max(400))
    }
}

/// What one bounded step of pruning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Log lines.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Blobs that nothing names any more.
    pub blobs: u64,
    /// Descriptions of what runs need that no run has any more.
    pub specs: u64,
    /// Whether there is more to do.
    pub more: bool,
}

/// Counters of the store itself, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounters {
    /// Transactions committed.
    pub commits: u64,
    /// Operations within them.
    pub operations: u64,
    /// Syncs of the disk, as far as the store knows.
    pub syncs: u64,
}

/// A breach that `verify` found.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Breach {
    /// Which check: `illegal_transition`, `overlapping_attempts`, `fence_not_rising`, `log_gap`,
    /// `history_mismatch`, `slot_twice`, `limit_exceeded`, `integrity`, `executed_twice`,
    /// `written_after_lost`; of observations `late_lines`, `late_result`.
    pub check: String,
    /// What it is about.
    pub subject: String,
    /// One sentence.
    pub message: String,
}

/// What `verify` looked at and found.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Verification {
    /// Runs looked at.
    pub runs: u64,
    /// Transitions looked at.
    pub transitions: u64,
    /// Attempts looked at.
    pub attempts: u64,
    /// Log lines looked at.
    pub lines: u64,
    /// Everything that is wrong; empty is good. At most 1,000.
    pub breaches: Vec<Breach>,
    /// What breaks no promise and is worth knowing: lines and results that came late. At most 1,000.
    #[serde(default)]
    pub observations: Vec<Breach>,
}

/// Measures and upkeep.
#[async_trait]
pub trait Stats {
    /// Stores samples: in every grain, the mean of all that fall into the period.
    async fn put_samples(&self, samples: Vec<Sample>) -> Result<()>;

    /// Samples of one metric, of one subject or of all, from `from` until before `until`, oldest first
    /// (then by subject).
    async fn samples(
        &self,
        org: OrgId,
        metric: &str,
        subject: Option<&str>,
        grain: Grain,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Sample>>;

    /// Aggregates of outcomes, from counters kept with every transition, oldest first, then by what
    /// `by` names. Periods count from `from` (floored to its minute); empty ones are left out. A run
    /// counts in the minute in which it was created (without robot), and in the one in which it ended, as
    /// it ended; one that is retried by hand is counted there no longer, until it ends again.
    async fn outcomes(&self, query: OutcomeQuery) -> Result<Vec<OutcomeBucket>>;

    /// The depth of each queue (queued runs) and the due time of its oldest queued run, by org and
    /// queue id; empty queues too.
    async fn queue_depths(
        &self,
        org: Option<OrgId>,
    ) -> Result<Vec<(OrgId, baton_core::id::QueueId, u64, Option<Timestamp>)>>;

    /// Removes a bounded amount of what retention no longer keeps: runs by `ended_at` (never live ones),
    /// events by `at`, figures after a year at the earliest, samples by their grain, and blobs that no version and no artifact has named for a day.
    async fn prune(&self, retention: Retention, now: Timestamp) -> Result<Pruned>;

    /// Writes a consistent copy of everything to a new file, while running.
    async fn backup(&self, path: &Path) -> Result<()>;

    /// Checks the invariants over everything stored.
    async fn verify(&self) -> Result<Verification>;

    /// Counters of the store itself.
    fn counters(&self) -> StoreCounters;
}
