//! Leases: how long a robot's claims hold, as judged by the robot and by the server.
//!
//! The robot counts from the moment it *sent* the heartbeat, the server from the moment it
//! *received* it, and the server waits [`MARGIN`] longer. So the robot's guard has always killed
//! the process tree before the server believes the attempt dead.
//!
//! Both count on a clock that nobody sets ([`Steady`]): a lease is a length of time, and the time of day
//! may be corrected by an hour while it runs.

use std::ops::RangeInclusive;

use jiff::SignedDuration;

use crate::error::ErrorKind;
use crate::retry::RetryPolicy;
use crate::state::OnLost;

/// An instant on a clock that only runs forward and that nobody sets, counted from an origin that means
/// nothing outside the process. It also runs while the machine is suspended, as the robots' clocks do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Steady(SignedDuration);

impl Steady {
    /// The instant this long after the origin.
    pub const fn from_origin(since: SignedDuration) -> Self {
        Self(since)
    }

    /// How long before this instant `earlier` was.
    pub fn since(self, earlier: Self) -> SignedDuration {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant this much later.
    #[must_use]
    pub fn after(self, wait: SignedDuration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// The instant this much earlier.
    #[must_use]
    pub fn before(self, ago: SignedDuration) -> Self {
        Self(self.0.saturating_sub(ago))
    }
}

/// How often a robot says that it is there.
pub const HEARTBEAT: SignedDuration = SignedDuration::from_secs(10);
/// How long one heartbeat renews its claims.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How much longer than the lease the server waits before it believes an attempt dead.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// How long a robot waits for `start` after it accepted; then it drops the assignment.
pub const START_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// How long an attempt may go on unheard where another attempt may follow it: one lease.
pub const LOST_AFTER: u32 = 60;
/// How long one may go on unheard where no other follows by itself: nothing is gained by ending it, and a server
/// may be away for hours.
pub const LOST_AFTER_ALONE: u32 = 4 * 3_600;
/// What a deployment may choose, in seconds: not less than a lease, which is what heartbeats renew, and at most a
/// week, after which somebody has looked.
pub const LOST_AFTER_BOUNDS: RangeInclusive<u32> = LOST_AFTER..=7 * 86_400;

/// Reports that a process which executes a run by itself may miss in a row.
pub const MISSED_REPORTS: u32 = 3;
/// How often such a process says that it is heard, in seconds. Not oftener than this, so that what it may miss is a
/// lease; not more seldom than fits three times into the longest choice.
pub const REPORT_EVERY_BOUNDS: RangeInclusive<u32> =
    LOST_AFTER / MISSED_REPORTS..=7 * 86_400 / MISSED_REPORTS;
/// What is taken where it says nothing: a script that reports its start and its end alone has a day.
pub const REPORT_EVERY: u32 = 8 * 3_600;
/// After a cancel and its grace, how long such a process may say nothing before the cancel is believed done.
pub const UNHEARD_CANCEL: SignedDuration = SignedDuration::from_secs(60);

/// How long an attempt may go on unheard, in seconds, under this policy and where nothing was chosen.
pub fn usual_lost_after(on_lost: OnLost, retry: &RetryPolicy) -> u32 {
    let named = retry.max_retries > 0 && retry.retryable_errors.contains(&ErrorKind::Lost);
    match on_lost {
        OnLost::Retry | OnLost::Resume => LOST_AFTER,
        OnLost::Fail | OnLost::Park if named => LOST_AFTER,
        OnLost::Fail | OnLost::Park => LOST_AFTER_ALONE,
    }
}

/// What is wrong with a choice of how long an attempt may go on unheard, if anything.
pub fn check_lost_after(seconds: u32) -> Result<(), String> {
    if LOST_AFTER_BOUNDS.contains(&seconds) {
        return Ok(());
    }
    Err(format!(
        "a run may go on unheard for {} s to {} s (7 days), not for {seconds} s",
        LOST_AFTER_BOUNDS.start(),
        LOST_AFTER_BOUNDS.end()
    ))
}

/// The earliest moment at which an attempt is dead whose robot was heard last at `heard`, if at all since
/// the server has been there (`present`), and that may go on unheard for `patience`.
///
/// No lease lapses within a full one of `present`: while the server was away, nobody could renew.
pub fn lapses_at(heard: Option<Steady>, present: Steady, patience: SignedDuration) -> Steady {
    let heard = heard.map_or(present, |heard| heard.max(present));
    heard.after(patience).after(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Steady {
        Steady::from_origin(SignedDuration::from_secs(seconds))
    }

    #[test]
    fn a_lease_lapses_its_margin_after_it_was_renewed_last() {
        assert_eq!(lapses_at(Some(at(1_000)), at(0), LEASE), at(1_065));
    }

    #[test]
    fn no_lease_lapses_within_a_full_lease_of_the_servers_start() {
        assert_eq!(lapses_at(Some(at(1_000)), at(5_000), LEASE), at(5_065));
        assert_eq!(lapses_at(None, at(5_000), LEASE), at(5_065));
    }

    #[test]
    fn an_attempt_that_another_may_follow_goes_on_unheard_for_a_lease_and_others_for_hours() {
        let none = RetryPolicy::default();
        let mut names_lost = RetryPolicy::times(2);
        names_lost.retryable_errors.insert(0, ErrorKind::Lost);
        for (on_lost, retry, seconds) in [
            (OnLost::Fail, &none, 14_400),
            (OnLost::Park, &none, 14_400),
            (OnLost::Fail, &RetryPolicy::times(2), 14_400),
            (OnLost::Fail, &names_lost, 60),
            (OnLost::Retry, &none, 60),
            (OnLost::Resume, &none, 60),
        ] {
            assert_eq!(usual_lost_after(on_lost, retry), seconds, "{on_lost:?}");
        }
    }

    #[test]
    fn less_than_a_lease_and_more_than_a_week_cannot_be_chosen() {
        assert!(check_lost_after(60).is_ok() && check_lost_after(604_800).is_ok());
        assert!(check_lost_after(59).is_err() && check_lost_after(604_801).is_err());
    }

    #[test]
    fn an_attempt_lapses_after_its_own_patience() {
        let hours = SignedDuration::from_secs(4 * 3_600);
        assert_eq!(lapses_at(Some(at(1_000)), at(0), hours), at(1_000 + 14_405));
    }
}
