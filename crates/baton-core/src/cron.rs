//! Cron expressions: when they fire, in which zone, and what they mean in plain English.
//!
//! Five fields (minute, hour, day of month, month, weekday) or six (second first), or an alias such
//! as `@daily`. A field is a list of values, ranges and steps; ranges may wrap around (`FRI-MON`,
//! `22-2`); `5/10` means `5-59/10`; `?` means `*`. Days know `L` (last), `L-3`, `LW` (last working
//! day) and `15W` (working day nearest the 15th); weekdays know `5L` (last Friday) and `1#2` (second
//! Monday); 0 and 7 are Sunday. When day and weekday are both restricted, either suffices; a field
//! that begins with `*` does not count as restricted.
//!
//! Clock changes follow the rule of Vixie's cron. An expression with a `*` or a step in its minute or
//! hour field follows real time: nothing is caught up in a gap, and an hour that comes twice counts
//! twice. Any other expression has fixed times: one that falls into a gap fires right after it, one
//! that comes twice fires the first time.

mod alias;
mod describe;
mod error;
mod field;
mod matching;
mod parse;
pub(crate) mod zoned;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use alias::ALIASES;
pub use error::{CronError, CronErrorKind, CronField};

use field::{DayPart, Set, WeekdayPart};

/// Longest expression read, in bytes: every minute written out as a list has 169.
pub const MAX_EXPRESSION: usize = 512;

/// A cron expression that was understood and that fires at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    source: String,
    second: Set,
    minute: Set,
    hour: Set,
    days: Vec<DayPart>,
    month: Set,
    weekdays: Vec<WeekdayPart>,
}

impl Cron {
    /// Reads an expression or alias. One that could never fire, such as `0 0 31 2 *`, is refused.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        parse::parse(text)
    }

    /// The expression as it was given, without blanks around it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first instant strictly after `after` at which it fires in `zone`, or `None` when the
    /// calendar ends before.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.follows_real_time() {
            zoned::next_real(self, after, zone)
        } else {
            zoned::next_fixed(self, after, zone)
        }
    }

    /// Whether it counts real time across clock changes, rather than meaning fixed times of day.
    pub fn follows_real_time(&self) -> bool {
        self.minute.is_open() || self.hour.is_open()
    }

    /// What it means in plain English, without the zone: `At 09:00 on weekdays`.
    pub fn describe(&self) -> String {
        describe::describe(self)
    }

    /// Whether it fires at the same instants in every zone, give or take a zone's odd quarter hour.
    pub fn is_zone_free(&self) -> bool {
        describe::is_zone_free(self)
    }
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "cron_oracle_tests.rs"]
mod oracle_tests;
