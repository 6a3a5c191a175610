//! The slots of a schedule: the instants at which it is meant to fire.

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::ScheduleSettings;
use super::error::ScheduleError;
use super::rule::Beat;
use crate::cron::zoned::land;
use crate::zone::{self, Zones};

/// Settings that were understood, ready to compute slots with.
#[derive(Clone, Debug)]
pub struct Timetable {
    pub(super) beat: Beat,
    pub(super) zone: TimeZone,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
}

impl Timetable {
    /// The timetable of these settings; fails where [`ScheduleSettings::check`] does, except that it
    /// does not ask whether a slot is still to come.
    pub fn new(settings: &ScheduleSettings) -> Result<Self, ScheduleError> {
        Self::by(settings, &zone::current())
    }

    /// The timetable of these settings by these zone rules.
    pub fn by(settings: &ScheduleSettings, zones: &Zones) -> Result<Self, ScheduleError> {
        let unknown = || match zone::check(&settings.timezone) {
            Err(error) => ScheduleError::zone(&error),
            Ok(()) => ScheduleError::missing_zone(&settings.timezone),
        };
        Ok(Self {
            zone: zones.get(&settings.timezone).ok_or_else(unknown)?,
            beat: settings.rule.beat()?,
            starts_at: settings.starts_at,
            ends_at: settings.ends_at,
        })
    }

    /// The first slot strictly after `after`, within the start and end of the schedule.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let floor = match self.starts_at {
            // A slot at the very start counts.
            Some(start) if start > after => {
                start.checked_sub(SignedDuration::from_nanos(1)).ok()?
            }
            _ => after,
        };
        let slot = match &self.beat {
            Beat::Once(time) => land(&self.zone, *time)
                .map(|landing| landing.at())
                .filter(|at| *at > floor),
            Beat::Interval { every, anchor } => next_interval(*every, *anchor, floor),
            Beat::Days { days, anchor } => next_days(*days, *anchor, floor, &self.zone),
            Beat::Cron(cron) => cron.next_after(floor, &self.zone),
        }?;
        match self.ends_at {
            Some(end) if slot > end => None,
            _ => Some(slot),
        }
    }

    /// The latest slot after `after` and not after `until`, found by halving: it costs a few dozen
    /// steps even where millions of slots lie between.
    pub fn last_within(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut latest = self.next_after(after).filter(|slot| *slot <= until)?;
        let mut empty_from = until;
        while latest < empty_from {
            // The middle is always before `empty_from`, so every step shortens the search.
            let middle = middle(latest, empty_from);
            match self.next_after(middle).filter(|slot| *slot <= until) {
                Some(slot) => latest = slot,
                None => empty_from = middle,
            }
        }
        Some(latest)
    }

    /// Whether its beat is counted from this instant.
    pub(super) fn counts_from(&self, start: Timestamp) -> bool {
        match self.beat {
            Beat::Interval { anchor, .. } => anchor == start,
            Beat::Days { anchor, .. } => anchor == Some(start),
            Beat::Once(_) | Beat::Cron(_) => false,
        }
    }

    /// The slots at or after `from`, in order, without end where the schedule has none.
    pub fn slots_from(&self, from: Timestamp) -> impl Iterator<Item = Timestamp> {
        let just_before = from.checked_sub(SignedDuration::from_nanos(1));
        self.slots(just_before.unwrap_or(from))
    }

    /// The slots after `after`, in order, without end where the schedule has none.
    pub fn slots(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |slot| self.next_after(*slot))
    }
}

/// Most days looked at for one slot: only a day that the calendar drops has none.
const MAX_DAYS: i64 = 8;

/// The wall-clock time from which days are counted.
pub(super) fn first_day(anchor: Option<Timestamp>, zone: &TimeZone) -> DateTime {
    let local = anchor.map(|anchor| zone.to_datetime(anchor));
    let local = local.unwrap_or_else(|| date(1970, 1, 1).at(0, 0, 0, 0));
    local.with().subsec_nanosecond(0).build().unwrap_or(local)
}

/// The first slot after `after` that is a whole number of so many days of the calendar away from the
/// anchor, at the anchor's time of day.
fn next_days(
    days: u32,
    anchor: Option<Timestamp>,
    after: Timestamp,
    zone: &TimeZone,
) -> Option<Timestamp> {
    let first = first_day(anchor, zone);
    let since = first.date().until(zone.to_datetime(after).date()).ok()?;
    let days = i64::from(days);
    let from = i64::from(since.get_days()).div_euclid(days) - 1;
    (from..from + MAX_DAYS)
        .filter_map(|count| first.date().checked_add((count * days).days()).ok())
        .filter_map(|day| land(zone, day.to_datetime(first.time())))
        .map(|landing| landing.at())
        .find(|at| *at > after)
}

/// The instant half-way, rounded down.
fn middle(a: Timestamp, b: Timestamp) -> Timestamp {
    let sum = a.as_nanosecond() + b.as_nanosecond();
    Timestamp::from_nanosecond(sum.div_euclid(2)).expect("lies between two instants")
}

/// The first instant after `after` that is a whole number of intervals away from the anchor, on
/// either side of it.
fn next_interval(every: u32, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
    let every = i128::from(every) * 1_000_000_000;
    let since = after.as_nanosecond() - anchor.as_nanosecond();
    let count = since.div_euclid(every) + 1;
    Timestamp::from_nanosecond(anchor.as_nanosecond() + count * every).ok()
}
