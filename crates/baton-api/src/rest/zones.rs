//! Time zones: times on a clock by the server's rules, and what other rules did to schedules.

use baton_core::id::ScheduleId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ZoneData;

/// An instant on the wall clock of a zone, by the server's zone data: readers need none of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LocalTime {
    /// Date, time and offset: `2026-12-01T09:00:00-07:00`.
    pub local: String,
    /// Ahead of UTC: `-07:00`.
    pub offset: String,
    /// What the zone calls itself then: `MST`.
    pub abbreviation: String,
}

impl std::fmt::Display for LocalTime {
    /// `2026-12-01 09:00:00 MST`; with the offset where the zone has no letters of its own.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clock = self.local.strip_suffix(&self.offset).unwrap_or(&self.local);
        let name = if self.abbreviation.starts_with(['+', '-']) {
            &self.offset
        } else {
            &self.abbreviation
        };
        write!(f, "{} {name}", clock.replace('T', " "))
    }
}

/// What the server's time zone data did to schedules when it changed last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneReport {
    /// The data in use.
    pub zone_data: ZoneData,
    /// Since when slots go by it; absent before the first were computed.
    pub changed_at: Option<Timestamp>,
    /// The data before, in words; absent where there was none.
    pub before: Option<String>,
    /// The schedules that moved, with the first slot of each that did; at most 1000.
    pub moved: Vec<MovedSchedule>,
}

/// A schedule whose slots other time zone data put elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MovedSchedule {
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// Its flow, deployment and name: `invoice_report/default/nightly`.
    pub name: String,
    /// Its zone.
    pub timezone: String,
    /// When its slot was to come by the data before.
    pub was_at: Option<Timestamp>,
    /// When it comes.
    pub now_at: Option<Timestamp>,
    /// The same on the wall clock of its zone.
    pub now_local: Option<LocalTime>,
}

/// A time on a clock, to be read by the server's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstantQuery {
    /// The time: `2026-12-24T18:00`, `2026-12-24` (its midnight), or with an offset.
    pub local: String,
    /// IANA zone on whose clock it is meant; the server's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// Which instant a time on a clock is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeantInstant {
    /// The instant.
    pub at: Timestamp,
    /// The same on the wall clock of the zone: later than what was asked for where the clocks skip that time.
    pub on_clock: LocalTime,
    /// The zone.
    pub timezone: String,
}
