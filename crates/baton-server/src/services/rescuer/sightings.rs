//! Since when each live attempt stands where it stands, by the clock that nobody sets.
//!
//! The store's instants are times of day, which may be set by an hour between two looks. How long ago one
//! was is believed only as far as this process was not looking; what was there before it began counts from
//! its beginning.

use std::collections::HashMap;

use baton_core::id::{Fence, RunId};
use baton_core::lease::Steady;
use baton_core::state::State;
use baton_store::runs::LiveAttempt;
use jiff::{SignedDuration, Timestamp};

/// What was seen of the live attempts; bounded by them.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    seen: HashMap<(RunId, Fence), (State, Steady)>,
    looked: Option<Steady>,
}

impl Sightings {
    /// Takes in the live attempts of now. `day` and `now` are the same instant on both clocks, `began` is
    /// when this process began.
    pub(super) fn look(
        &mut self,
        live: &[LiveAttempt],
        day: Timestamp,
        now: Steady,
        began: Steady,
    ) {
        let unseen = now.since(self.looked.unwrap_or(began));
        self.looked = Some(now);
        let before = std::mem::take(&mut self.seen);
        self.seen.extend(live.iter().map(|attempt| {
            let key = (attempt.run_id, attempt.fence);
            let known = before
                .get(&key)
                .filter(|(state, _)| *state == attempt.state);
            let seen = known.copied().unwrap_or_else(|| {
                let ago =
                    came_at(attempt).map_or(SignedDuration::ZERO, |at| day.duration_since(at));
                let ago = ago.clamp(SignedDuration::ZERO, unseen.max(SignedDuration::ZERO));
                (attempt.state, now.before(ago))
            });
            (key, seen)
        }));
    }

    /// Since when an attempt of the last look stands where it stands.
    pub(super) fn since(&self, attempt: &LiveAttempt) -> Option<Steady> {
        let key = (attempt.run_id, attempt.fence);
        self.seen.get(&key).map(|(_, since)| *since)
    }
}

/// The stored time of day at which the attempt came to its state, where there is one.
fn came_at(attempt: &LiveAttempt) -> Option<Timestamp> {
    match attempt.state {
        State::Dispatched => Some(attempt.assigned_at),
        State::Running => attempt.started_at,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::deadline::tests::running;
    use super::*;

    fn at(seconds: i64) -> Steady {
        Steady::from_origin(SignedDuration::from_secs(seconds))
    }

    /// The time of day `seconds` after the attempt of these tests was told to start.
    fn day(seconds: i64) -> Timestamp {
        Timestamp::from_second(100 + seconds).expect("in range")
    }

    fn seen_since(looks: &[(i64, i64)]) -> Steady {
        let (mut sightings, run) = (Sightings::default(), running());
        for (time, steady) in looks {
            sightings.look(std::slice::from_ref(&run), day(*time), at(*steady), at(0));
        }
        sightings.since(&run).expect("it was seen")
    }

    #[test]
    fn an_attempt_stands_since_its_stored_instant_when_that_is_believable() {
        let mut sightings = Sightings::default();
        sightings.look(&[], day(-3), at(50), at(0));
        let run = running();
        sightings.look(std::slice::from_ref(&run), day(2), at(55), at(0));
        assert_eq!(sightings.since(&run), Some(at(53)));
    }

    #[test]
    fn what_was_there_before_the_process_began_counts_from_its_beginning() {
        assert_eq!(seen_since(&[(7_200, 4)]), at(0));
    }

    #[test]
    fn a_clock_that_was_set_makes_no_attempt_older_than_the_last_look_nor_younger_than_now() {
        let mut sightings = Sightings::default();
        sightings.look(&[], day(-3), at(50), at(0));
        let run = running();
        let all = std::slice::from_ref(&run);
        sightings.look(all, day(86_402), at(55), at(0));
        assert_eq!(sightings.since(&run), Some(at(50)));
        let mut set_back = Sightings::default();
        set_back.look(all, day(-3_600), at(55), at(0));
        assert_eq!(set_back.since(&run), Some(at(55)));
    }

    #[test]
    fn what_was_seen_is_kept_whatever_the_time_of_day_says_later() {
        assert_eq!(seen_since(&[(2, 2), (86_400, 5), (-86_400, 8)]), at(0));
    }
}
