//! Cron expressions: when they fire, in which zone, and what they mean in plain English.
//!
//! Five fields (minute, hour, day of month, month, weekday) or six (second first), or an alias such
//! as `@daily`. A field is a list of values, ranges and steps; ranges may wrap around (`FRI-MON`,
//! `22-2`); `5/10` means `5-59/10`; `?` means `*`. Days know `L` (last), `L-3`, `LW` (last working
//! day) and `15W` (working day nearest the 15th); weekdays know `5L` (last Friday) and `1#2` (second
//! Monday); 0 and 7 are Sunday. When day and weekday are both restricted, either suffices; a field
//! that begins with `*` does not count as restricted.
//!
//! Clock changes follow the rule of Vixie's cron (and cronie, its heir): only how a field begins
//! counts. An expression whose second, minute or hour field begins with `*` follows real time: nothing
//! is caught up in a gap, and an hour that comes twice counts twice. Any other expression is a set of
//! fixed times, whether they are written as a list, a range or a step: those that fall into a gap fire
//! once, right after it, and those that come twice fire the first time.

mod alias;
mod describe;
mod dialect;
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
    /// So is one that proves to be of another dialect and means something else there.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        dialect::check(text)?;
        parse::parse(text)
    }

    /// Reads an expression that was accepted before: an earlier version took what [`Cron::parse`] now
    /// refuses as another dialect, and a stored schedule keeps its times.
    pub fn parse_stored(text: &str) -> Result<Self, CronError> {
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
        let fields = [&self.second, &self.minute, &self.hour];
        fields.into_iter().any(Set::begins_with_star)
    }

    /// Whether it names every hour, so that a gap leaves none of its times out for good.
    pub(crate) fn has_every_hour(&self) -> bool {
        self.hour.is_full()
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
