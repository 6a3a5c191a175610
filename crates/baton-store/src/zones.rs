//! The time zone rules by which stored slots were computed, and their exchange for others.

use async_trait::async_trait;
use baton_core::schedule::Schedule;
use jiff::Timestamp;

use crate::error::Result;
use crate::schedules::SlotCommit;

/// Most schedules whose slots are computed anew in one transaction: far more than anybody has, and some
/// seconds of work.
pub const MAX_RENEWED: u32 = 100_000;

/// Which rules the stored slots go by.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneRules {
    /// Differs where any rule does.
    pub identity: String,
    /// What people read: release and place.
    pub name: String,
    /// All rules, as `Zones::to_bytes` in `baton_core` makes them.
    pub data: Vec<u8>,
    /// Since when.
    pub changed_at: Timestamp,
    /// The name of the rules before.
    pub before: Option<String>,
    /// The schedules that moved then, as the server tells them.
    pub moved: serde_json::Value,
}

/// A schedule that is not paused, and whether its deployment is.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveSchedule {
    /// The schedule.
    pub schedule: Schedule,
    /// Whether its deployment holds it.
    pub held: bool,
}

/// Zone rules.
#[async_trait]
pub trait Zones {
    /// The rules by which the stored slots were computed; `None` before anybody said so.
    async fn zone_rules(&self) -> Result<Option<ZoneRules>>;

    /// The schedules of all orgs that are not paused, by org and id; at most [`MAX_RENEWED`].
    async fn active_schedules(&self) -> Result<Vec<ActiveSchedule>>;

    /// Takes decisions by new rules together with the rules, as one: all of it or nothing. `Conflict` with
    /// `schedule_changed` when a schedule was edited meanwhile; else as `commit_slots`. Answers how many runs
    /// were made.
    async fn renew_zones(
        &self,
        rules: ZoneRules,
        commits: Vec<SlotCommit>,
        now: Timestamp,
    ) -> Result<u32>;
}
