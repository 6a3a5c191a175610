//! What other zone rules do to a schedule: its next slot is computed anew, none is lost and none comes twice.
//!
//! A slot is a time on a wall clock. When rules change, the same time on the clock falls on another instant:
//!
//! * A time whose run has been made by the old rules and that is still to come by the new ones is decided.
//! * A time that was still to come by the old rules and has passed by the new ones is on time now: nothing
//!   was down and nobody chose to miss it, so it runs at once whatever the policy for missed slots is.
//! * Everything else is decided as always, by the new rules.
//!
//! Where both rules have the same slots around now, as a rule by the hour or in real time has, no time of the
//! clock moved and only the next slot is computed anew.

use jiff::{SignedDuration, Timestamp};

use super::error::ScheduleError;
use super::plan::{Moment, Overtaken, before, decide};
use super::timetable::Timetable;
use super::{GRACE, MAX_CREATED, MAX_UPCOMING, MissedPolicy, Schedule, ScheduleSettings, SlotPlan};
use crate::cron::zoned::land;
use crate::id::RunId;
use crate::zone::Zones;

/// No zone ever moved its clocks further at once: Samoa left out a day.
const WIDEST_CHANGE: SignedDuration = SignedDuration::from_hours(26);

/// The decision for a schedule whose stored slots were computed by `old` rules (`None` where nobody knows
/// them any more) and that goes by `new` ones from `now` on.
pub fn replan(
    schedule: &Schedule,
    running: &[RunId],
    old: Option<&Zones>,
    new: &Zones,
    now: Timestamp,
) -> Result<SlotPlan, ScheduleError> {
    if schedule.paused {
        return super::plan(schedule, running, now);
    }
    let timetable = Timetable::by(&schedule.settings, new)?;
    let old = old.and_then(|old| Timetable::by(&schedule.settings, old).ok());
    let mut schedule = schedule.clone();
    let overtaken = match &old {
        Some(old) => {
            let change = Change {
                old,
                new: &timetable,
            };
            if change.is_none(now) {
                Overtaken::default()
            } else {
                schedule.last_slot = change.decided_to(schedule.last_slot);
                change.overtaken(&schedule, now)
            }
        }
        None => of_unknown(&schedule, now),
    };
    Ok(decide(
        &schedule,
        running,
        Moment {
            timetable: &timetable,
            now,
            overtaken,
        },
    ))
}

/// Slots around now that are compared: one a minute for more than two days. A rule that has more differs early.
const MAX_COMPARED: usize = 4_000;

struct Change<'a> {
    old: &'a Timetable,
    new: &'a Timetable,
}

impl Change<'_> {
    /// When the new rules have the time that the clock showed at `at` by the old ones.
    fn shifted(&self, at: Timestamp) -> Timestamp {
        let clock = self.old.zone.to_datetime(at);
        land(&self.new.zone, clock).map_or(at, |landing| landing.at())
    }

    /// Whether both have the same slots around `now`, as a rule by the hour mostly has.
    fn is_none(&self, now: Timestamp) -> bool {
        let from = before(now, WIDEST_CHANGE);
        let until = now.saturating_add(WIDEST_CHANGE).unwrap_or(Timestamp::MAX);
        let slots = |timetable: &Timetable| -> Vec<Timestamp> {
            let around = timetable.slots(from).take_while(|slot| *slot <= until);
            around.take(MAX_COMPARED).collect()
        };
        slots(self.old) == slots(self.new)
    }

    /// Up to where slots are decided by the new rules.
    fn decided_to(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        last.map(|last| last.max(self.shifted(last)))
    }

    fn overtaken(&self, schedule: &Schedule, now: Timestamp) -> Overtaken {
        let Some(next) = schedule.next_at else {
            return Overtaken::default();
        };
        // By the old rules the schedule was decided up to here, and what came within the grace is on time.
        let undecided = just_before(self.shifted(next));
        let on_time = undecided.max(just_before(self.shifted(before(now, GRACE))));
        // The instant of such a slot may be decided already: another time of the clock had it.
        let decided = schedule.floor(now).min(now);
        let count = |after: Timestamp, until: Timestamp| {
            let taken = self.new.slots(after).take_while(|slot| *slot <= until);
            taken.take(MAX_CREATED).count()
        };
        let late = count(undecided, decided.min(on_time));
        let is_more = self.new.next_after(on_time).is_some_and(|slot| slot <= now);
        let late = match schedule.settings.missed.policy {
            MissedPolicy::Skip => 0,
            MissedPolicy::Last => late.min(usize::from(!is_more)),
            MissedPolicy::All => late,
        };
        let stand_ins = late + count(on_time, decided);
        Overtaken {
            after: Some(on_time),
            stand_ins: right_after(now, stand_ins),
        }
    }
}

/// Without the old rules only this is known: nothing was due, so what has passed by the new ones since the
/// schedule last changed was to come.
fn of_unknown(schedule: &Schedule, now: Timestamp) -> Overtaken {
    let nothing_due = schedule.next_at.is_some_and(|next| next > now);
    let from = schedule.updated_at.max(before(now, WIDEST_CHANGE));
    Overtaken {
        after: (nothing_due && from < now).then_some(from),
        stand_ins: Vec::new(),
    }
}

/// So many instants right after `now`, a microsecond apart, in which slots are stored: no time of a clock
/// falls there, and whatever has been decided lies before.
fn right_after(now: Timestamp, count: usize) -> Vec<Timestamp> {
    let later = |steps: usize| {
        let micros = now
            .as_microsecond()
            .saturating_add(i64::try_from(steps).ok()?);
        Timestamp::from_microsecond(micros).ok()
    };
    (1..=count).filter_map(later).collect()
}

fn just_before(at: Timestamp) -> Timestamp {
    before(at, SignedDuration::from_nanos(1))
}

/// The first slot that other zone rules put elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedSlot {
    /// When it was to come; `None` when there was none.
    pub was: Option<Timestamp>,
    /// When it comes.
    pub now: Option<Timestamp>,
}

/// The first of the coming slots (at most [`MAX_UPCOMING`], within `until`) that `new` rules put elsewhere than
/// `old` ones do. `None` when all stay.
pub fn first_moved(
    settings: &ScheduleSettings,
    old: &Zones,
    new: &Zones,
    from: Timestamp,
    until: Timestamp,
) -> Option<MovedSlot> {
    let by = |zones| Timetable::by(settings, zones).ok();
    let (old, new) = (by(old), by(new));
    let slots = |timetable: Option<&Timetable>| -> Vec<Timestamp> {
        let Some(timetable) = timetable else {
            return Vec::new();
        };
        let coming = timetable.slots(from).take_while(|slot| *slot <= until);
        coming.take(MAX_UPCOMING).collect()
    };
    let (was, now) = (slots(old.as_ref()), slots(new.as_ref()));
    // What lies beyond the end of one list is beyond what was looked at, not moved.
    let both = was.len().min(now.len());
    if let Some(index) = (0..both).find(|&index| was[index] != now[index]) {
        return Some(MovedSlot {
            was: Some(was[index]),
            now: Some(now[index]),
        });
    }
    match (was.get(both), now.get(both)) {
        (None, None) => None,
        (was, now) if both == 0 => Some(MovedSlot {
            was: was.copied(),
            now: now.copied(),
        }),
        _ => None,
    }
}

#[cfg(test)]
#[path = "zone_change_tests.rs"]
mod tests;
