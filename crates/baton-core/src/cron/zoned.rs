//! From wall-clock times to instants: what happens where the clocks change.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::Cron;

/// A larger change is a correction of the calendar (a day dropped at the date line), not summer time:
/// nothing is caught up for it.
const MAX_GAP: SignedDuration = SignedDuration::from_hours(3);

/// Most wall-clock times looked at for one answer: more than the seconds of a day that comes twice.
const MAX_CANDIDATES: usize = 100_000;

/// Most clock changes crossed for one answer: no zone has had more than four in a year.
const MAX_CHANGES: usize = 200;

/// Where a wall-clock time falls in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// It comes once.
    Once(Timestamp),
    /// It does not exist; this is the first instant after the gap.
    AfterGap(Timestamp),
    /// It comes twice; this is the first.
    FirstOfTwo(Timestamp),
}

impl Landing {
    pub(crate) const fn at(self) -> Timestamp {
        match self {
            Self::Once(at) | Self::AfterGap(at) | Self::FirstOfTwo(at) => at,
        }
    }
}

/// Where `time` falls in `zone`; `None` beyond the calendar and in a gap too large to be summer time.
pub(crate) fn land(zone: &TimeZone, time: DateTime) -> Option<Landing> {
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            offset.to_timestamp(time).ok().map(Landing::Once)
        }
        AmbiguousOffset::Fold { before, .. } => {
            before.to_timestamp(time).ok().map(Landing::FirstOfTwo)
        }
        AmbiguousOffset::Gap { before, after } => {
            if after.duration_since(before) > MAX_GAP {
                return None;
            }
            // Read with the later offset the time lies before the change, by less than the gap.
            let earlier = after.to_timestamp(time).ok()?;
            zone.following(earlier)
                .take(MAX_CHANGES)
                .find(|change| change.offset() == after)
                .map(|change| Landing::AfterGap(change.timestamp()))
        }
    }
}

/// The next instant of an expression of fixed times. Later wall-clock times never fall on earlier
/// instants, so the first one that falls after `after` is the answer.
pub(super) fn next_fixed(cron: &Cron, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut from = zone
        .to_datetime(after)
        .with()
        .subsec_nanosecond(0)
        .build()
        .ok()?;
    for _ in 0..MAX_CANDIDATES {
        let candidate = cron.at_or_after(from)?;
        match land(zone, candidate) {
            Some(landing) if landing.at() > after => return Some(landing.at()),
            _ => from = candidate.checked_add(1.second()).ok()?,
        }
    }
    None
}

/// The next instant of an expression that follows real time: between two clock changes the wall
/// clock runs evenly, so each such stretch is searched by itself.
pub(super) fn next_real(cron: &Cron, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    // Rounded down to the second, also before 1970.
    let second = after.as_nanosecond().div_euclid(1_000_000_000) + 1;
    let mut from = Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
    for _ in 0..MAX_CHANGES {
        let offset = zone.to_offset(from);
        let candidate = cron.at_or_after(offset.to_datetime(from))?;
        let found = offset.to_timestamp(candidate).ok()?;
        match zone.following(from).next() {
            Some(change) if change.timestamp() <= found => from = change.timestamp(),
            _ => return Some(found),
        }
    }
    None
}
