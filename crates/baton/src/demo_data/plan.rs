//! Which runs there were: the slots of the schedules, and what people and programs asked for by the hour of the day.

use baton_core::id::ScheduleId;
use baton_core::schedule::Timetable;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::catalog::DeploymentDef;
use super::dice::Dice;
use super::world::Ready;
use super::{DAY, later};

/// Why there is a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Why {
    /// A slot came.
    Slot {
        /// Of this schedule.
        schedule: ScheduleId,
        /// The slot.
        slot: Timestamp,
    },
    /// Somebody asked.
    Asked,
}

/// A run that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// When it is made.
    pub(crate) at: Timestamp,
    /// Its place among the deployments.
    pub(crate) deployment: usize,
    /// Why.
    pub(crate) why: Why,
}

/// Every run from `from` until before `until`, by time.
pub(crate) fn runs(
    deployments: &[Ready],
    from: Timestamp,
    until: Timestamp,
    dice: &mut Dice,
) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (index, ready) in deployments.iter().enumerate() {
        for schedule in ready.schedules.iter().filter(|s| !s.paused) {
            let Ok(timetable) = Timetable::new(&schedule.settings) else {
                continue;
            };
            let slots = timetable.slots(from).take_while(|slot| *slot < until);
            wanted.extend(slots.map(|slot| Wanted {
                at: later(slot, dice.between(0.01, 0.2)),
                deployment: index,
                why: Why::Slot {
                    schedule: schedule.id,
                    slot,
                },
            }));
        }
        let asked = asked(ready.def, from, until, dice);
        wanted.extend(asked.into_iter().map(|at| Wanted {
            at,
            deployment: index,
            why: Why::Asked,
        }));
    }
    wanted.retain(|run| run.at < until);
    wanted.sort_by_key(|run| run.at);
    wanted
}

/// When people asked: on working days, most of them in the late morning and early afternoon.
fn asked(
    def: &DeploymentDef,
    from: Timestamp,
    until: Timestamp,
    dice: &mut Dice,
) -> Vec<Timestamp> {
    let zone = baton_core::zone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    let mut times = Vec::new();
    let mut day = later(from, -DAY);
    while day < until {
        let local = day.to_zoned(zone.clone());
        let quiet = matches!(
            local.weekday(),
            jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday
        );
        let usual = def.by_hand * if quiet { 0.12 } else { 1.0 };
        let midnight = local.start_of_day().map_or(day, |start| start.timestamp());
        let expected = usual * dice.between(0.6, 1.4);
        let count = expected.floor() as u64 + u64::from(dice.chance(expected.fract()));
        for _ in 0..count {
            // The sum of two dice: few at either end of the day.
            let hour = 7.0 + 6.0 * (dice.share() + dice.share());
            times.push(later(midnight, hour * 3_600.0));
        }
        day = later(day, DAY);
    }
    times.retain(|at| *at >= from && *at < until);
    times
}
