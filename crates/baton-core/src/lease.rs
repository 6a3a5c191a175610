//! Leases: how long a robot's claims hold, as judged by the robot and by the server.
//!
//! The robot counts from the moment it *sent* the heartbeat, the server from the moment it
//! *received* it, and the server waits [`MARGIN`] longer. So the robot's guard has always killed
//! the process tree before the server believes the attempt dead.
//!
//! Both count on a clock that nobody sets ([`Steady`]): a lease is a length of time, and the time of day
//! may be corrected by an hour while it runs.

use jiff::SignedDuration;

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
    fn an_attempt_lapses_after_its_own_patience() {
        let hours = SignedDuration::from_secs(4 * 3_600);
        assert_eq!(lapses_at(Some(at(1_000)), at(0), hours), at(1_000 + 14_405));
    }
}
