//! Leases: how long a robot's claims hold, as judged by the robot and by the server.
//!
//! The robot counts from the moment it *sent* the heartbeat, the server from the moment it
//! *received* it, and the server waits [`MARGIN`] longer. So the robot's guard has always killed
//! the process tree before the server believes the attempt dead.

use jiff::{SignedDuration, Timestamp};

/// How often a robot says that it is there.
pub const HEARTBEAT: SignedDuration = SignedDuration::from_secs(10);
/// How long one heartbeat renews its claims.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How much longer than the lease the server waits before it believes an attempt dead.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// How long a robot waits for `start` after it accepted; then it drops the assignment.
pub const START_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// Whether the attempts of a session with this lease are dead.
///
/// No lease lapses within a full lease of `server_started`: while the server was away, nobody
/// could renew.
pub fn lapsed(lease_until: Timestamp, server_started: Timestamp, now: Timestamp) -> bool {
    lapses_at(lease_until, server_started) <= now
}

/// The earliest moment at which the attempts of a session with this lease are dead.
pub fn lapses_at(lease_until: Timestamp, server_started: Timestamp) -> Timestamp {
    let after_start = server_started
        .saturating_add(LEASE)
        .unwrap_or(Timestamp::MAX);
    lease_until
        .max(after_start)
        .saturating_add(MARGIN)
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("in range")
    }

    #[test]
    fn a_lease_lapses_only_after_its_margin() {
        assert!(!lapsed(at(1_000), at(0), at(1_004)));
        assert!(lapsed(at(1_000), at(0), at(1_005)));
    }

    #[test]
    fn no_lease_lapses_within_a_full_lease_of_the_servers_start() {
        assert!(!lapsed(at(1_000), at(5_000), at(5_064)));
        assert!(lapsed(at(1_000), at(5_000), at(5_065)));
    }
}
