//! What an edit, a pause or a resume does to the slots that come before and after it.

use jiff::{SignedDuration, Timestamp};

use super::plan::before;
use super::{GRACE, Schedule, ScheduleSettings};

/// The step in which slots are stored.
const STEP: SignedDuration = SignedDuration::from_micros(1);

/// What is stored anew of a schedule, and what its deployment does to it meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// The new settings.
    pub settings: &'a ScheduleSettings,
    /// Whether it is paused from now on.
    pub paused: bool,
    /// Whether its deployment was paused before.
    pub deployment_was_paused: bool,
    /// Whether its deployment is paused from now on.
    pub deployment_paused: bool,
}

impl Schedule {
    /// Slots up to here are not decided any more: the latest decided one or, before there is one, the
    /// moment the schedule was made. What came before the last edit is over as well; [`GRACE`] keeps a
    /// slot that came just before the edit.
    pub(super) fn floor(&self, now: Timestamp) -> Timestamp {
        // An edit made while the clock was ahead must not silence the schedule until then.
        let edited_at = before(self.updated_at.min(now), GRACE);
        self.last_slot.unwrap_or(self.created_at).max(edited_at)
    }

    /// The schedule as it is after an edit at `now`. No edit makes a run for the past, whatever the
    /// policy for missed slots says: that one is for a server that was off. So a change of when the
    /// schedule fires, and a resume, decide every slot up to `now`; the next run is the next slot
    /// after it. One slot is kept: it has come within [`GRACE`], the scheduler has not got to it yet,
    /// and the new settings have it too.
    pub fn edited(&self, edit: Edit<'_>, now: Timestamp) -> Self {
        let fired = !self.paused && !edit.deployment_was_paused;
        let fires = !edit.paused && !edit.deployment_paused;
        let same = *edit.settings == self.settings && edit.paused == self.paused;
        if same && fired == fires {
            return self.clone();
        }
        let mut after = self.clone();
        if !same {
            after.settings = edit.settings.clone();
            after.paused = edit.paused;
            after.updated_at = now;
        }
        let resumed = fires && !fired;
        if resumed || moves(&self.settings, edit.settings) {
            let kept = self.due(now).filter(|due| {
                let just_before = before(*due, STEP);
                fired && fires && edit.settings.next_after(just_before) == Some(*due)
            });
            let decided_to = kept.map_or(now, |due| before(due, STEP));
            after.last_slot = self.last_slot.max(Some(decided_to));
        }
        after.next_at = if fires {
            after.settings.next_after(after.floor(now))
        } else {
            None
        };
        after
    }

    /// The schedule as it is after its deployment was paused or resumed at `now`.
    pub fn turned(&self, deployment_paused: bool, now: Timestamp) -> Self {
        let edit = Edit {
            settings: &self.settings,
            paused: self.paused,
            deployment_was_paused: !deployment_paused,
            deployment_paused,
        };
        self.edited(edit, now)
    }

    /// The slot that has come within [`GRACE`] and waits for the scheduler.
    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        self.next_at
            .filter(|at| *at <= now && *at >= before(now, GRACE))
    }
}

/// Whether an edit changes when a schedule fires.
fn moves(old: &ScheduleSettings, new: &ScheduleSettings) -> bool {
    old.rule != new.rule
        || old.timezone != new.timezone
        || old.starts_at != new.starts_at
        || old.ends_at != new.ends_at
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
