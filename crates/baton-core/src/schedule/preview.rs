//! Shows the slots to come as people read them, and explains what clock changes do to them.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::rule::Beat;
use super::timetable::{Timetable, first_day};
use super::{MAX_UPCOMING, ScheduleSettings};
use crate::cron::zoned::{Landing, land};

/// An instant on the wall clock of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Date, time and offset: `2026-03-29T03:00:00+02:00`.
    pub local: String,
    /// The offset: `+02:00`.
    pub offset: String,
    /// The abbreviation of the zone at that instant: `CEST`.
    pub zone: String,
}

impl Local {
    /// An instant on the clock of this zone.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let local = at.to_zoned(zone.clone());
        Self {
            local: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            offset: local.strftime("%:z").to_string(),
            zone: local.strftime("%Z").to_string(),
        }
    }
}

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
    /// The next slots at or after `from`: at most `count`, and at most [`MAX_UPCOMING`]. Nothing
    /// when the settings are broken; [`ScheduleSettings::check`] says why.
    pub fn preview(&self, from: Timestamp, count: usize) -> Vec<Occurrence> {
        let Ok(timetable) = Timetable::new(self) else {
            return Vec::new();
        };
        let mut before = from;
        let slots = timetable.slots_from(from).take(count.min(MAX_UPCOMING));
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
    /// An instant on the wall clock of the schedule's zone.
    pub fn local(&self, at: Timestamp) -> Local {
        Local::of(at, &self.zone)
    }

    fn occurrence(&self, before: Timestamp, slot: Timestamp) -> Occurrence {
        let local = slot.to_zoned(self.zone.clone());
        let edge = self.edge_note(slot, local.datetime());
        let left_out = self.left_out_note(before, slot);
        let change = change_note(&self.zone, before, slot);
        let notes: Vec<String> = [edge, left_out, change].into_iter().flatten().collect();
        Occurrence {
            slot_utc: slot,
            local: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            zone: local.strftime("%Z").to_string(),
            note: (!notes.is_empty()).then(|| notes.join("; ")),
        }
    }

    /// What happens to a slot that a clock change touches.
    fn edge_note(&self, slot: Timestamp, local: DateTime) -> Option<String> {
        let missing = self.run_after_gap(slot);
        if !missing.is_empty() {
            let times = named(&missing);
            let does = if missing.len() == 1 { "does" } else { "do" };
            let own = self.has_time(local);
            let runs = match (missing.len(), own) {
                (_, true) => format!("the run at {} stands for it", clock(local)),
                (1, _) => format!("runs at {}", clock(local)),
                _ => format!("one run at {} stands for them", clock(local)),
            };
            return Some(format!("{times} {does} not exist on this day; {runs}"));
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
            Beat::Once(_) | Beat::Days { .. } => false,
            Beat::Interval { .. } => true,
            Beat::Cron(cron) => cron.follows_real_time(),
        }
    }

    /// The fixed times in a gap for which the slot right after it stands in.
    fn run_after_gap(&self, slot: Timestamp) -> Vec<DateTime> {
        if self.follows_real_time() {
            return Vec::new();
        }
        let Ok(instant_before) = slot.checked_sub(SignedDuration::from_nanos(1)) else {
            return Vec::new();
        };
        let gap_from = self.zone.to_offset(instant_before).to_datetime(slot);
        let gap_to = self.zone.to_datetime(slot);
        let mut times = self.times(gap_from, gap_to);
        times.retain(|time| land(&self.zone, *time) == Some(Landing::AfterGap(slot)));
        times
    }

    /// Whether the rule names this wall-clock time.
    fn has_time(&self, time: DateTime) -> bool {
        let until = time.checked_add(1.second()).unwrap_or(time);
        self.times(time, until).first() == Some(&time)
    }

    /// The wall-clock times of the rule from `from` on and before `to`: at most [`MAX_TIMES`].
    fn times(&self, from: DateTime, to: DateTime) -> Vec<DateTime> {
        let within = |time: &DateTime| *time >= from && *time < to;
        match &self.beat {
            Beat::Once(time) => Some(*time).into_iter().filter(within).collect(),
            Beat::Interval { .. } => Vec::new(),
            Beat::Days { days, anchor } => {
                let first = first_day(*anchor, &self.zone);
                let time = from.date().to_datetime(first.time());
                let since = first.date().until(time.date()).map(|s| s.get_days());
                let days = i32::try_from(*days).unwrap_or(i32::MAX);
                let on = since.is_ok_and(|since| since % days == 0);
                Some(time)
                    .into_iter()
                    .filter(|_| on)
                    .filter(within)
                    .collect()
            }
            Beat::Cron(cron) => {
                let next = |time: &DateTime| cron.at_or_after(time.checked_add(1.second()).ok()?);
                std::iter::successors(cron.at_or_after(from), next)
                    .take_while(within)
                    .take(MAX_TIMES)
                    .collect()
            }
        }
    }

    /// Names the times of a rule that follows real time which a gap between two slots left out. A rule of
    /// every hour goes on evenly and leaves nothing out.
    fn left_out_note(&self, before: Timestamp, slot: Timestamp) -> Option<String> {
        let Beat::Cron(cron) = &self.beat else {
            return None;
        };
        if !cron.follows_real_time() || cron.has_every_hour() {
            return None;
        }
        let changes = self.zone.following(before).take(MAX_CHANGES);
        let notes = changes
            .take_while(|change| change.timestamp() <= slot)
            .filter_map(|change| {
                let at = change.timestamp();
                let was = self
                    .zone
                    .to_offset(at.checked_sub(SignedDuration::from_nanos(1)).ok()?);
                let (from, to) = (was.to_datetime(at), change.offset().to_datetime(at));
                let times = self.times(from, to);
                (!times.is_empty()).then(|| {
                    let day = from.strftime("%a %-d %b %Y");
                    format!(
                        "{} on {day} left out: the clocks jump over it",
                        named(&times)
                    )
                })
            });
        notes.last()
    }
}

/// Most times of a gap that are looked at: every second of three hours, the longest gap.
const MAX_TIMES: usize = 10_800;
/// Most times that are named one by one.
const MAX_NAMED: usize = 4;
/// Most clock changes looked at between two slots: more are not worth a note.
const MAX_CHANGES: usize = 8;

/// `02:15 and 02:45`, `02:05, 02:15, 02:25 and 3 more`.
fn named(times: &[DateTime]) -> String {
    let mut words: Vec<String> = times.iter().map(|time| clock(*time)).collect();
    if words.len() > MAX_NAMED {
        let more = words.len() - (MAX_NAMED - 1);
        words.truncate(MAX_NAMED - 1);
        words.push(format!("{more} more"));
    }
    match &words[..] {
        [one] => one.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
        [] => String::new(),
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
