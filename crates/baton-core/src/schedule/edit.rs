//! What an edit or a pause does to the slots that come before and after it.

use jiff::Timestamp;

use super::plan::before;
use super::{GRACE, Schedule, ScheduleSettings};

impl Schedule {
    /// Slots up to here are not decided any more: the latest decided one or, before there is one, the
    /// moment the schedule was made. What came before the last edit is over as well, so that resuming
    /// a schedule makes up for nothing; [`GRACE`] keeps a slot that came just before the edit.
    pub(super) fn floor(&self, now: Timestamp) -> Timestamp {
        // An edit made while the clock was ahead must not silence the schedule until then.
        let edited_at = before(self.updated_at.min(now), GRACE);
        self.last_slot.unwrap_or(self.created_at).max(edited_at)
    }

    /// What `next_at` becomes when these settings are stored at `now`. A slot that has come but was not
    /// decided yet stays due, unless the edit changes when the schedule fires or resumes it.
    pub fn next_at_after_edit(
        &self,
        settings: &ScheduleSettings,
        paused: bool,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if paused {
            return None;
        }
        let old = &self.settings;
        let moved = settings.rule != old.rule || settings.timezone != old.timezone;
        let from = if moved || self.paused {
            now
        } else {
            self.floor(now)
        };
        settings.next_after(from)
    }
}
