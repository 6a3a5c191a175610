//! The scheduler's decision for one schedule: which runs to create now, and when to look again.
//!
//! The rules, in the order in which they apply to the slots after `last_slot` and up to `now`:
//!
//! 1. A slot at most [`GRACE`] old is on time. It is never missed, however slow the scheduler ticks.
//! 2. An older slot was missed. `skip` drops all of them; `last` makes up for the latest one, unless
//!    another slot is on time now; `all` makes up for each, oldest first, at most [`MAX_CREATED`] in
//!    one decision: the next decision, due at once, goes on where this one stopped. Slots older than
//!    the window are never made up for.
//! 3. What is left meets the overlap policy. `skip` creates a run only when none is going, and then
//!    only one. `queue` lets one run go and one more wait for it (`after_running`). `cancel_running`
//!    cancels what is going and creates the latest only. Slots that lose are skipped for overlap.
//!
//! `last_slot` never moves back, so a clock that does cannot fire a slot twice.

use jiff::{SignedDuration, Timestamp};

use super::error::ScheduleError;
use super::timetable::Timetable;
use super::{MissedPolicy, Overlap, Schedule};
use crate::id::RunId;

/// How late a slot may be decided without counting as missed.
pub const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Most runs that one decision creates, so that its transaction stays small.
pub const MAX_CREATED: usize = 1_000;

/// Most skipped slots that a decision lists one by one; enough to show what happened in a night.
pub const MAX_SKIPPED_LISTED: usize = 100;

/// Most slots skipped for one reason that a decision counts: after a year of downtime the exact number
/// helps nobody.
pub const MAX_SKIPPED_COUNTED: usize = 10_000;

/// What is to be done about one schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotPlan {
    /// The runs to create, oldest slot first.
    pub create: Vec<PlannedRun>,
    /// The slots that get no run and why, oldest first: the latest [`MAX_SKIPPED_LISTED`] of those counted.
    pub skipped: Vec<SkippedSlot>,
    /// How many more slots were counted than are listed; counting stops at [`MAX_SKIPPED_COUNTED`] for
    /// each reason.
    pub skipped_more: usize,
    /// The runs to cancel before the new ones are created.
    pub cancel: Vec<RunId>,
    /// When to decide again; `None` when nothing is to come or the schedule is paused. It lies in the
    /// past when this decision reached its bound and the next one should follow at once.
    pub next_at: Option<Timestamp>,
    /// The latest slot decided so far, to be stored.
    pub last_slot: Option<Timestamp>,
}

/// A run to be created for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRun {
    /// The slot, which is unique for the schedule.
    pub slot: Timestamp,
    /// When the run is due: the slot with its jitter; for a missed slot `now` with the jitter, so that
    /// a machine that comes back is not met by everything at once and nothing is born late.
    pub due_at: Timestamp,
    /// Whether it must stay Pending until every earlier run of this schedule has ended.
    pub after_running: bool,
    /// Whether it makes up for a missed slot.
    pub missed: bool,
}

/// A slot that gets no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkippedSlot {
    /// The slot.
    pub slot: Timestamp,
    /// Why.
    pub reason: SkipReason,
}

/// Why a slot gets no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// Nothing could fire when it came, and the policy does not make up for it.
    Missed,
    /// It was missed longer ago than the window for making up.
    TooOld,
    /// The run before was still going.
    Overlap,
}

impl SkipReason {
    /// The name in the API, the events and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::TooOld => "too_old",
            Self::Overlap => "overlap",
        }
    }
}

/// Decides what `schedule` does at `now`. `running` are the runs it created that have not ended,
/// oldest first. Fails only when the stored settings make no sense any more, such as a zone that the
/// system no longer knows.
pub fn plan(
    schedule: &Schedule,
    running: &[RunId],
    now: Timestamp,
) -> Result<SlotPlan, ScheduleError> {
    if schedule.paused {
        return Ok(SlotPlan {
            last_slot: schedule.last_slot,
            ..SlotPlan::default()
        });
    }
    let timetable = Timetable::new(&schedule.settings)?;
    let moment = Moment {
        timetable: &timetable,
        now,
        overtaken: Overtaken::default(),
    };
    Ok(decide(schedule, running, moment))
}

/// Slots that were still to come by older zone rules and have passed by those in use: they are on time.
#[derive(Default)]
pub(super) struct Overtaken {
    /// Slots later than this are on time, however long ago they were.
    pub(super) after: Option<Timestamp>,
    /// Instants that stand in for slots whose own instant has been decided for another one.
    pub(super) stand_ins: Vec<Timestamp>,
}

/// By what a decision is made.
pub(super) struct Moment<'a> {
    pub(super) timetable: &'a Timetable,
    pub(super) now: Timestamp,
    pub(super) overtaken: Overtaken,
}

/// The decision for a schedule that is not paused.
pub(super) fn decide(schedule: &Schedule, running: &[RunId], moment: Moment<'_>) -> SlotPlan {
    let Moment {
        timetable,
        now,
        overtaken,
    } = moment;
    let floor = schedule.floor(now);
    let mut skips = Skips::default();
    let mut due = due_slots(schedule, timetable, floor, now, overtaken.after, &mut skips);
    due.slots.extend(&overtaken.stand_ins);
    let last_slot = due.decided_to.or(schedule.last_slot);
    let last_slot = last_slot.max(overtaken.stand_ins.last().copied());
    let mut plan = SlotPlan {
        last_slot,
        next_at: timetable.next_after(last_slot.map_or(floor, |last| last.max(floor))),
        ..SlotPlan::default()
    };
    let runs = due
        .slots
        .into_iter()
        .map(|slot| planned(schedule, slot, now));
    settle_overlap(
        schedule.settings.overlap,
        running,
        runs.collect(),
        &mut plan,
        &mut skips,
    );
    skips.into_plan(&mut plan);
    plan
}

/// The slots that should run, before overlap is looked at.
struct Due {
    slots: Vec<Timestamp>,
    /// Every slot up to this one has been decided.
    decided_to: Option<Timestamp>,
}

fn due_slots(
    schedule: &Schedule,
    timetable: &Timetable,
    floor: Timestamp,
    now: Timestamp,
    on_time_after: Option<Timestamp>,
    skips: &mut Skips,
) -> Due {
    let missed = schedule.settings.missed;
    let missed_to = before(now, GRACE);
    let window = SignedDuration::from_secs(i64::from(missed.window_seconds));
    // Exactly as old as the window is still within it.
    let window_from = before(before(now, window), SignedDuration::from_nanos(1)).max(floor);
    let within =
        |from: Timestamp, to: Timestamp| timetable.slots(from).take_while(move |slot| *slot <= to);
    let Some(latest) = timetable.last_within(floor, now) else {
        return Due {
            slots: Vec::new(),
            decided_to: None,
        };
    };
    // A slot that is GRACE old to the nanosecond is on time.
    let missed_to = before(missed_to, SignedDuration::from_nanos(1));
    let missed_to = on_time_after.map_or(missed_to, |after| after.min(missed_to));
    let on_time: Vec<Timestamp> = within(missed_to.max(floor), now)
        .take(MAX_CREATED)
        .collect();
    let window_from = window_from.min(missed_to.max(floor));
    skips.add(within(floor, window_from), SkipReason::TooOld);
    let mut slots: Vec<Timestamp> = match missed.policy {
        MissedPolicy::Skip => {
            skips.add(within(window_from, missed_to), SkipReason::Missed);
            Vec::new()
        }
        MissedPolicy::Last => {
            let last = timetable
                .last_within(window_from, missed_to)
                .filter(|_| on_time.is_empty());
            let dropped = within(window_from, missed_to).take_while(|slot| Some(*slot) != last);
            skips.add(dropped, SkipReason::Missed);
            last.into_iter().collect()
        }
        MissedPolicy::All => within(window_from, missed_to).take(MAX_CREATED).collect(),
    };
    slots.extend(on_time);
    let decided_to = if slots.len() > MAX_CREATED {
        slots.truncate(MAX_CREATED);
        slots.last().copied()
    } else if slots.len() == MAX_CREATED {
        // Filled to the brim: more may lie between the last missed one and those on time.
        slots.last().copied()
    } else {
        Some(latest)
    };
    Due { slots, decided_to }
}

/// The run for a slot; see [`PlannedRun::due_at`].
fn planned(schedule: &Schedule, slot: Timestamp, now: Timestamp) -> PlannedRun {
    let missed = now.duration_since(slot) > GRACE;
    let jitter = schedule.settings.jitter(schedule.id, slot);
    let base = if missed { now } else { slot };
    PlannedRun {
        slot,
        due_at: base.checked_add(jitter).unwrap_or(base),
        after_running: false,
        missed,
    }
}

fn settle_overlap(
    overlap: Overlap,
    running: &[RunId],
    mut runs: Vec<PlannedRun>,
    plan: &mut SlotPlan,
    skips: &mut Skips,
) {
    let skipped = match overlap {
        Overlap::Allow => Vec::new(),
        Overlap::Skip => runs.split_off(runs.len().min(usize::from(running.is_empty()))),
        Overlap::Queue => {
            // At most two have not ended: one goes, one waits for it.
            let free = 2_usize.saturating_sub(running.len());
            let lost = runs.split_off(runs.len().min(free));
            for (index, run) in runs.iter_mut().enumerate() {
                run.after_running = running.len() + index > 0;
            }
            lost
        }
        Overlap::CancelRunning => {
            let latest = runs.pop();
            let lost = std::mem::take(&mut runs);
            if latest.is_some() {
                plan.cancel = running.to_vec();
            }
            runs.extend(latest);
            lost
        }
    };
    skips.add(skipped.iter().map(|run| run.slot), SkipReason::Overlap);
    plan.create = runs;
}

/// Collects skipped slots: the latest are kept, all are counted up to a bound.
#[derive(Default)]
struct Skips {
    listed: std::collections::VecDeque<SkippedSlot>,
    counted: usize,
}

impl Skips {
    fn add(&mut self, slots: impl Iterator<Item = Timestamp>, reason: SkipReason) {
        for slot in slots.take(MAX_SKIPPED_COUNTED) {
            self.counted += 1;
            if self.listed.len() == MAX_SKIPPED_LISTED {
                self.listed.pop_front();
            }
            self.listed.push_back(SkippedSlot { slot, reason });
        }
    }

    fn into_plan(self, plan: &mut SlotPlan) {
        plan.skipped_more = self.counted - self.listed.len();
        plan.skipped = self.listed.into();
        plan.skipped.sort_by_key(|skipped| skipped.slot);
    }
}

/// `duration` earlier, or the beginning of the calendar.
pub(super) fn before(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
