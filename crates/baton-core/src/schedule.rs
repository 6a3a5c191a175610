//! Schedules: when a deployment runs by itself.
//!
//! [`ScheduleSettings::check`] refuses what makes no sense, [`Timetable`] computes slots, [`plan()`]
//! decides what happens to the slots that have come, [`ScheduleSettings::preview`] shows those to come.

mod check;
mod describe;
mod edit;
mod error;
mod normal;
mod plan;
mod preview;
mod rule;
mod timetable;
mod zone_change;

pub use check::{MAX_JITTER_SECONDS, MAX_UPCOMING};
pub use edit::Edit;
pub use error::ScheduleError;
pub use plan::{
    GRACE, MAX_CREATED, MAX_SKIPPED_COUNTED, MAX_SKIPPED_LISTED, PlannedRun, SkipReason,
    SkippedSlot, SlotPlan, plan,
};
pub use preview::{Local, Occurrence};
pub use timetable::Timetable;
pub use zone_change::{MovedSlot, first_moved, replan};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{DeploymentId, OrgId, RobotId, ScheduleId};
use crate::run::Priority;

/// A schedule as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its id; stable across redeploys.
    pub id: ScheduleId,
    /// Its tenant.
    pub org: OrgId,
    /// The deployment it runs.
    pub deployment_id: DeploymentId,
    /// Unique within the deployment.
    pub name: String,
    /// Everything that can be edited.
    pub settings: ScheduleSettings,
    /// Whether it is paused.
    pub paused: bool,
    /// The next slot; `None` when there is none, or when it or its deployment is paused.
    pub next_at: Option<Timestamp>,
    /// Every slot up to here is decided, and never again: the latest one that was, or a later edit.
    pub last_slot: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What of a schedule can be edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScheduleSettings {
    /// When it fires.
    pub rule: Rule,
    /// IANA zone in which wall-clock times are meant, such as `Europe/Berlin`.
    pub timezone: String,
    /// No slot before this.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub starts_at: Option<Timestamp>,
    /// No slot after this.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub ends_at: Option<Timestamp>,
    /// Each run is due up to this many seconds after its slot, always the same for the same slot.
    #[serde(default)]
    pub jitter_seconds: u32,
    /// What happens to slots that passed while nothing could fire.
    #[serde(default)]
    pub missed: Missed,
    /// What happens when the run before is still going.
    #[serde(default)]
    pub overlap: Overlap,
    /// Parameters of its runs, over those of the deployment.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub parameters: Map<String, Value>,
    /// The one robot its runs may use.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Uuid))]
    pub robot_id: Option<RobotId>,
    /// Priority of its runs, over that of the deployment.
    #[serde(default)]
    pub priority: Option<Priority>,
}

/// When a schedule fires (`ScheduleFrequency`, and `interval`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "frequency", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// One time, at this wall-clock time: `2026-12-24T18:00`.
    Once {
        /// Local date and time.
        at: String,
    },
    /// Every so many seconds, counted from the anchor.
    Interval {
        /// At least 1.
        every_seconds: u32,
        /// Where counting starts: the start of the schedule unless given, and 1970-01-01 00:00 (UTC; under
        /// `wall_clock` in the zone) where there is none either.
        #[serde(default)]
        #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
        anchor: Option<Timestamp>,
        /// Counts days of the calendar, each slot at the same time of day, rather than real time;
        /// `every_seconds` must be whole days then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        wall_clock: bool,
    },
    /// Every hour at this minute.
    Hourly {
        /// 0 to 59.
        #[serde(default)]
        minute: u8,
    },
    /// Every day at this time: `09:30` or `09:30:15`.
    Daily {
        /// Local time.
        time: String,
    },
    /// On these weekdays at this time.
    Weekly {
        /// `mon` … `sun`; at least one.
        days: Vec<String>,
        /// Local time.
        time: String,
    },
    /// On these days of the month at this time.
    Monthly {
        /// 1 to 31, or -1 for the last day; at least one. A month without the day is passed over.
        days: Vec<i8>,
        /// Local time.
        time: String,
    },
    /// A cron expression of 5 or 6 fields, or an alias such as `@daily`.
    Cron {
        /// The expression.
        expression: String,
    },
}

/// What happens to slots that passed while nothing could fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Missed {
    /// Which of them run.
    #[serde(default)]
    pub policy: MissedPolicy,
    /// Slots older than this are never made up for, in seconds.
    #[serde(default = "day")]
    pub window_seconds: u32,
}

fn day() -> u32 {
    86_400
}

impl Default for Missed {
    fn default() -> Self {
        Self {
            policy: MissedPolicy::default(),
            window_seconds: day(),
        }
    }
}

/// Which missed slots run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MissedPolicy {
    /// None.
    Skip,
    /// Only the latest: the right thing after a night in which the machine rebooted.
    #[default]
    Last,
    /// All within the window.
    All,
}

/// What happens when a slot comes while the run before is still going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Both run.
    #[default]
    Allow,
    /// The new one is not made.
    Skip,
    /// The new one waits until the one before has ended.
    Queue,
    /// The one before is cancelled.
    CancelRunning,
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
