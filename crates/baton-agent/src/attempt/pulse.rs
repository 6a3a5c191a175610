//! Whether a guard still answers, and when the agent must end the tree in its place, as a pure function of time.
//!
//! A guard answers each lease that it is told. One that does not is frozen, or one half of it is and the other was
//! killed: then nothing ends the tree when its time is over, and the agent must.

use std::time::Duration;

/// How often a guard is asked for an answer at least.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take. With [`ASK_EVERY`] before it, silence is known when [`AFTER`] has passed.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long after the end of its time a guard that does not answer may still end the tree by itself: its witness kills
/// it a second after the lease, and the server believes the attempt dead five seconds after it.
const AFTER: Duration = Duration::from_secs(3);

/// What is known of a guard. Moments are on the boot clock.
pub(super) struct Pulse {
    /// When it was asked and has not answered yet.
    asked: Option<Duration>,
    /// When it was asked last.
    last: Duration,
    /// Until when it knows that the claim holds.
    held: Duration,
    /// Until when the claim holds.
    until: Duration,
    /// When the grace of the first request to end is over that comes.
    kill_at: Option<Duration>,
    /// The tree has begun: both halves of the guard are there.
    began: bool,
    /// When it was looked at last.
    looked: Duration,
}

impl Pulse {
    /// A guard that was started just now, with a claim until then.
    pub(super) fn new(now: Duration, until: Duration) -> Self {
        Self {
            asked: None,
            last: now,
            held: until,
            until,
            kill_at: None,
            began: false,
            looked: now,
        }
    }

    /// The process runs.
    pub(super) fn began(&mut self) {
        self.began = true;
    }

    /// The claim holds for longer.
    pub(super) fn renew(&mut self, until: Duration) {
        self.until = self.until.max(until);
    }

    /// The tree is to be killed after this grace.
    pub(super) fn end(&mut self, now: Duration, grace: Duration) {
        let at = now.saturating_add(grace);
        self.kill_at = Some(self.kill_at.map_or(at, |before| before.min(at)));
    }

    /// It has answered.
    pub(super) fn answered(&mut self, held: Duration) {
        self.asked = None;
        self.held = self.held.max(held);
    }

    /// What to tell the guard now, if anything: never more than one thing that is not answered, so that a frozen one
    /// finds no heap of them.
    pub(super) fn ask(&mut self, now: Duration) -> Option<Duration> {
        let due = self.until > self.held || now >= self.last + ASK_EVERY;
        if self.asked.is_some() || !due {
            return None;
        }
        self.asked = Some(now);
        self.last = now;
        Some(self.until)
    }

    /// It should have answered by now.
    fn is_silent(&self, now: Duration) -> bool {
        self.asked.is_some_and(|at| now >= at + ANSWER_WITHIN)
    }

    /// It does not answer, and its time is over: the agent ends the tree.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        let end = self.kill_at.map_or(self.held, |at| at.min(self.held));
        self.is_silent(now) && now >= end.saturating_add(AFTER)
    }

    /// It does not answer, and it is time to look whether something is left that could.
    pub(super) fn look(&mut self, now: Duration) -> bool {
        let due = self.began && self.is_silent(now) && now >= self.looked + ASK_EVERY;
        if due {
            self.looked = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_guard_that_answers_is_never_ended_by_the_agent_however_long_killing_takes() {
        let mut pulse = Pulse::new(s(0), s(60));
        pulse.end(s(1), s(2));
        for now in 1..200 {
            assert!(!pulse.is_overdue(s(now)), "{now}");
            assert_eq!(pulse.ask(s(now)), Some(s(60)), "{now}");
            pulse.answered(s(60));
        }
    }

    #[test]
    fn a_silent_guard_is_ended_three_seconds_after_the_lease_that_it_acknowledged_last() {
        let mut pulse = Pulse::new(s(0), s(60));
        assert_eq!(pulse.ask(s(1)), Some(s(60)));
        // The server goes on to be heard, and the guard does not hear of it.
        pulse.renew(s(600));
        for now in 2..63 {
            assert_eq!(pulse.ask(s(now)), None, "{now}: nothing heaps up");
            assert!(!pulse.is_overdue(s(now)), "{now}");
        }
        assert!(pulse.is_overdue(s(63)));
        pulse.answered(s(60));
        assert!(!pulse.is_overdue(s(63)));
        assert_eq!(pulse.ask(s(63)), Some(s(600)));
    }

    #[test]
    fn a_silent_guard_is_ended_three_seconds_after_the_shortest_grace() {
        let mut pulse = Pulse::new(s(0), s(60));
        assert!(pulse.ask(s(1)).is_some());
        pulse.end(s(2), s(30));
        pulse.end(s(3), s(5));
        pulse.end(s(4), s(30));
        assert!(!pulse.is_overdue(s(10)));
        assert!(pulse.is_overdue(s(11)));
    }

    #[test]
    fn a_silent_guard_is_looked_at_once_a_second_and_only_when_its_tree_has_begun() {
        let mut pulse = Pulse::new(s(0), s(60));
        assert!(pulse.ask(s(1)).is_some());
        assert!(!pulse.look(s(5)));
        pulse.began();
        assert!(pulse.look(s(5)));
        assert!(!pulse.look(s(5)));
        assert!(pulse.look(s(6)));
        pulse.answered(s(60));
        assert!(!pulse.look(s(9)));
    }
}
