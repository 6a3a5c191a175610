//! Checks settings before they are stored, and answers questions about their slots.

use jiff::{SignedDuration, Timestamp};

use super::ScheduleSettings;
use super::error::ScheduleError;
use super::rule::Beat;
use super::timetable::Timetable;
use crate::cron::zoned::land;
use crate::id::ScheduleId;
use crate::zone;

/// Longest jitter, in seconds: a day. More would let runs of a daily schedule overtake each other.
pub const MAX_JITTER_SECONDS: u32 = 86_400;

/// Most slots that one call of [`ScheduleSettings::upcoming`] or a preview computes.
pub const MAX_UPCOMING: usize = 1_000;

impl ScheduleSettings {
    /// Whether these settings make sense and something is still to come at or after `from`, for a look
    /// at them.
    pub fn check_from(&self, from: Timestamp) -> Result<(), ScheduleError> {
        let just_before = from.checked_sub(SignedDuration::from_nanos(1));
        self.check(just_before.unwrap_or(from))
    }

    /// Whether these settings make sense and something is still to come after `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), ScheduleError> {
        zone::check(&self.timezone).map_err(|error| ScheduleError::zone(&error))?;
        self.check_in_kept_zone(now)
    }

    /// The same for settings whose zone was stored before: its name is not judged again.
    pub fn check_in_kept_zone(&self, now: Timestamp) -> Result<(), ScheduleError> {
        let timetable = Timetable::new(self)?;
        if self.jitter_seconds > MAX_JITTER_SECONDS {
            return Err(ScheduleError::new(
                "bad_jitter",
                "jitter_seconds",
                format!(
                    "a jitter of {} seconds is too long; the longest is {MAX_JITTER_SECONDS} (a day)",
                    self.jitter_seconds
                ),
            ));
        }
        if let (Some(start), Some(end)) = (self.starts_at, self.ends_at)
            && end < start
        {
            return Err(ScheduleError::new(
                "ends_before_start",
                "ends_at",
                format!("it ends at {end}, before it starts at {start}; swap or move them"),
            ));
        }
        if let Some(end) = self.ends_at
            && end <= now
        {
            return Err(ScheduleError::new(
                "in_the_past",
                "ends_at",
                format!("it ended at {end}; choose an end in the future, or none"),
            ));
        }
        match timetable.next_after(now) {
            Some(_) => Ok(()),
            None => Err(self.without_slot(&timetable)),
        }
    }

    fn without_slot(&self, timetable: &Timetable) -> ScheduleError {
        match &timetable.beat {
            Beat::Once(time) if land(&timetable.zone, *time).is_none() => ScheduleError::new(
                "never_fires",
                "rule.at",
                format!(
                    "{time} in {} is later than any time that can be told; choose an earlier one",
                    self.timezone
                ),
            ),
            Beat::Once(time) if self.starts_at.is_none() && self.ends_at.is_none() => {
                ScheduleError::new(
                    "in_the_past",
                    "rule.at",
                    format!(
                        "{time} in {} is in the past; choose a time to come",
                        self.timezone
                    ),
                )
            }
            _ => ScheduleError::new(
                "never_fires",
                "rule",
                "the rule never fires between the start and the end; move them or change the rule"
                    .to_owned(),
            ),
        }
    }

    /// The first slot strictly after `after`; `None` when there is none or the settings are broken.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        Timetable::new(self).ok()?.next_after(after)
    }

    /// The next slots strictly after `after`: at most `count`, and at most [`MAX_UPCOMING`].
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        Timetable::new(self).map_or_else(
            |_| Vec::new(),
            |timetable| {
                timetable
                    .slots(after)
                    .take(count.min(MAX_UPCOMING))
                    .collect()
            },
        )
    }

    /// When the run of `slot` is due: up to `jitter_seconds` later, always the same for the same slot
    /// of the same schedule, and spread evenly over schedules and slots.
    pub fn jittered(&self, schedule_id: ScheduleId, slot: Timestamp) -> Timestamp {
        slot.checked_add(self.jitter(schedule_id, slot))
            .unwrap_or(slot)
    }

    /// How much later than its slot a run is due.
    pub(super) fn jitter(&self, schedule_id: ScheduleId, slot: Timestamp) -> SignedDuration {
        let range = u64::from(self.jitter_seconds) * 1_000 + 1;
        let (high, low) = schedule_id.0.as_u64_pair();
        let seed = [high, low, slot.as_microsecond().cast_unsigned()];
        let mixed = seed.into_iter().fold(0, |state, part| mix(state ^ part));
        let milliseconds = i64::try_from(mixed % range).expect("a day in milliseconds fits");
        SignedDuration::from_millis(milliseconds)
    }
}

/// The finalizer of SplitMix64: every input bit moves about half of the output bits.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
