//! Slows down whoever shows wrong keys, without forgetting who they are and without growing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Wrong keys from one address before it has to wait: a person's typing errors fit.
const BURST: u32 = 20;
/// One more try is granted after this.
const REFILL: Duration = Duration::from_secs(1);
/// Addresses watched at most, some 50 bytes each.
const MAX_WATCHED: usize = 10_000;

/// How many wrong keys came from where.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: HashMap<Option<IpAddr>, (u32, Instant)>,
}

impl Throttle {
    /// Notes a wrong key.
    pub(super) fn failed(&mut self, peer: Option<IpAddr>, now: Instant) {
        if self.failures.len() >= MAX_WATCHED && !self.failures.contains_key(&peer) {
            self.failures.retain(|_, entry| left(*entry, now) > 0);
            if self.failures.len() >= MAX_WATCHED {
                // Too many at once to tell them apart: all start afresh rather than memory growing.
                self.failures.clear();
            }
        }
        let entry = self.failures.entry(peer).or_insert((0, now));
        *entry = (left(*entry, now).saturating_add(1), now);
    }

    /// Whether too many wrong keys came from there of late.
    pub(super) fn is_shut(&self, peer: Option<IpAddr>, now: Instant) -> bool {
        self.failures
            .get(&peer)
            .is_some_and(|entry| left(*entry, now) >= BURST)
    }
}

/// How many failures are not forgiven yet.
fn left((count, at): (u32, Instant), now: Instant) -> u32 {
    let forgiven = now.saturating_duration_since(at).as_secs() / REFILL.as_secs();
    count.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_wrong_keys_shuts_the_door_and_waiting_opens_it() {
        let start = Instant::now();
        let peer = Some(IpAddr::from([10, 0, 0, 1]));
        let mut throttle = Throttle::default();
        for _ in 0..BURST {
            assert!(!throttle.is_shut(peer, start));
            throttle.failed(peer, start);
        }
        assert!(throttle.is_shut(peer, start));
        assert!(!throttle.is_shut(None, start), "others are not punished");
        assert!(!throttle.is_shut(peer, start + REFILL));
    }

    #[test]
    fn the_memory_of_failures_is_bounded() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        for n in 0..(MAX_WATCHED as u32 + 5) {
            throttle.failed(Some(IpAddr::from(n.to_be_bytes())), start);
        }
        assert!(throttle.failures.len() <= MAX_WATCHED);
    }
}
