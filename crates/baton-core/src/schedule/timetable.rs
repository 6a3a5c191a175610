//! The slots of a schedule: the instants at which it is meant to fire.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::error::ScheduleError;
use super::rule::Beat;
use super::{ScheduleSettings, zone};
use crate::cron::zoned::land;

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
        Ok(Self {
            zone: zone::lookup(&settings.timezone)?,
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

    /// The slots after `after`, in order, without end where the schedule has none.
    pub fn slots(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |slot| self.next_after(*slot))
    }
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
