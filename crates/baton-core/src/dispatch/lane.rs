//! The robots of one queue that could take something now, kept in the orders in which they are asked.
//!
//! An index only saves work: it leaves out robots that [`super::fit::check`] would refuse, and the
//! check has the last word on those it offers.

use std::collections::BTreeSet;

use crate::id::RobotId;

/// Where a robot stands among those of its queue: the share of its slots that is taken, when it was
/// last given something, and its place in the fleet.
pub(super) type LoadKey = (u64, u64, u32);

/// The share of its slots that is taken, as a number that orders as the fractions do: slots are far
/// below 2^16, so two different shares differ by more than 2^-32.
pub(super) fn share(live: u32, slots: u32) -> u64 {
    (u64::from(live) << 32) / u64::from(slots.max(1))
}

/// Robots with room, in the two orders that strategies need.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// Places in the fleet, by robot id: the ring of `round_robin` and the urn of `random`.
    pub(super) ring: Vec<u32>,
    /// The least loaded first; among equals the one that was idle longest.
    pub(super) by_load: BTreeSet<LoadKey>,
}

impl Track {
    pub(super) fn insert(&mut self, key: LoadKey, id_of: impl Fn(u32) -> RobotId) {
        let place = key.2;
        if self.by_load.insert(key) {
            let at = self.position(id_of(place), &id_of);
            self.ring.insert(at, place);
        }
    }

    pub(super) fn remove(&mut self, key: LoadKey, id_of: impl Fn(u32) -> RobotId) {
        if self.by_load.remove(&key) {
            let at = self.position(id_of(key.2), &id_of);
            debug_assert_eq!(
                self.ring.get(at),
                Some(&key.2),
                "both orders hold the same robots"
            );
            self.ring.remove(at);
        }
    }

    /// The same robot with another load: its place in the ring stays.
    pub(super) fn reload(&mut self, old: LoadKey, new: LoadKey) {
        // A robot that is only confirmed as it was costs nothing.
        if old != new && self.by_load.remove(&old) {
            self.by_load.insert(new);
        }
    }

    /// Where in the ring the first robot with at least this id is.
    pub(super) fn position(&self, id: RobotId, id_of: impl Fn(u32) -> RobotId) -> usize {
        self.ring.partition_point(|place| id_of(*place) < id)
    }
}

/// The robots of one queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// With a free slot.
    pub(super) slots: Track,
    /// With a free slot and a free desktop session.
    pub(super) desktops: Track,
    /// The robot that `round_robin` chose last.
    pub(super) cursor: Option<RobotId>,
    /// How many robots serve the queue, with room or without.
    pub(super) members: u32,
}

impl Lane {
    pub(super) fn track(&self, desktop: bool) -> &Track {
        if desktop { &self.desktops } else { &self.slots }
    }
}
