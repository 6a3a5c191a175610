//! Shows the slots to come as people read them, and explains what clock changes do to them.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::rule::Beat;
use super::timetable::Timetable;
use super::{MAX_UPCOMING, ScheduleSettings};
use crate::cron::zoned::{Landing, land};

/// One slot to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Occurrence {
    /// The slot.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub slot_utc: Timestamp,
    /// The same instant on the clocks of the zone, with the offset: `2026-03-29T03:00:00+02:00`.
    pub local: String,
    /// The abbreviation of the zone at that instant: `CEST`.
    pub zone: String,
    /// What a clock change has to do with it, where one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ScheduleSettings {
    /// The next slots strictly after `from`: at most `count`, and at most [`MAX_UPCOMING`]. Nothing
    /// when the settings are broken; [`ScheduleSettings::check`] says why.
    pub fn preview(&self, from: Timestamp, count: usize) -> Vec<Occurrence> {
        let Ok(timetable) = Timetable::new(self) else {
            return Vec::new();
        };
        let mut before = from;
        let slots = timetable.slots(from).take(count.min(MAX_UPCOMING));
        slots
            .map(|slot| {
                let occurrence = timetable.occurrence(before, slot);
                before = slot;
                occurrence
            })
            .collect()
    }
}

impl Timetable {
    fn occurrence(&self, before: Timestamp, slot: Timestamp) -> Occurrence {
        let local = slot.to_zoned(self.zone.clone());
        let edge = self.edge_note(slot, local.datetime());
        let change = change_note(&self.zone, before, slot);
        let notes: Vec<String> = [edge, change].into_iter().flatten().collect();
        Occurrence {
            slot_utc: slot,
            local: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            zone: local.strftime("%Z").to_string(),
            note: (!notes.is_empty()).then(|| notes.join("; ")),
        }
    }

    /// What happens to a slot that a clock change touches.
    fn edge_note(&self, slot: Timestamp, local: DateTime) -> Option<String> {
        if let Some(wanted) = self.wanted_in_gap(slot) {
            return Some(format!(
                "{} does not exist on this day; runs at {}",
                clock(wanted),
                clock(local)
            ));
        }
        let AmbiguousOffset::Fold { before, .. } = self.zone.to_ambiguous_timestamp(local).offset()
        else {
            return None;
        };
        let time = clock(local);
        let first = self.zone.to_offset(slot) == before;
        Some(match (self.follows_real_time(), first) {
            (false, _) => format!("{time} comes twice; runs the first time"),
            (true, true) => format!("{time} comes twice; this is the first time"),
            (true, false) => format!("{time} comes twice; this is the second time"),
        })
    }

    fn follows_real_time(&self) -> bool {
        match &self.beat {
            Beat::Once(_) => false,
            Beat::Interval { .. } => true,
            Beat::Cron(cron) => cron.follows_real_time(),
        }
    }

    /// The wall-clock time for which a slot right after a gap stands in.
    fn wanted_in_gap(&self, slot: Timestamp) -> Option<DateTime> {
        if self.follows_real_time() {
            return None;
        }
        let instant_before = slot.checked_sub(SignedDuration::from_nanos(1)).ok()?;
        let gap_from = self.zone.to_offset(instant_before).to_datetime(slot);
        let wanted = match &self.beat {
            Beat::Once(time) => *time,
            Beat::Interval { .. } => return None,
            Beat::Cron(cron) => cron.at_or_after(gap_from)?,
        };
        (land(&self.zone, wanted) == Some(Landing::AfterGap(slot))).then_some(wanted)
    }
}

/// Says that the clocks changed after `before` and not after `slot`.
fn change_note(zone: &TimeZone, before: Timestamp, slot: Timestamp) -> Option<String> {
    let (old, new) = (zone.to_offset(before), zone.to_offset(slot));
    if old == new {
        return None;
    }
    let just_after = slot.checked_add(SignedDuration::from_nanos(1)).ok()?;
    let change = zone
        .preceding(just_after)
        .take(8)
        .find(|change| change.offset() == new)?;
    // In a year-long pause between two slots the clocks may have changed more than once.
    let at = change.timestamp().max(before);
    let was: Offset = zone.to_offset(at.checked_sub(SignedDuration::from_nanos(1)).ok()?);
    let shift = new.seconds() - was.seconds();
    let direction = if shift < 0 { "back" } else { "forward" };
    let from = was.to_datetime(at);
    let to = new.to_datetime(at);
    Some(format!(
        "the clocks go {direction} by {} on {}, from {} to {}",
        length(shift.unsigned_abs()),
        from.strftime("%a %-d %b %Y"),
        clock(from),
        clock(to)
    ))
}

/// `1 h`, `30 min` or `1 h 30 min`.
fn length(seconds: u32) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds % 3_600 / 60);
    match (hours, minutes) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// `09:00`, or `09:00:15` where the seconds matter.
pub(super) fn clock(time: DateTime) -> String {
    let format = if time.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    time.strftime(format).to_string()
}
