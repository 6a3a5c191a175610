//! Which of the robots that fit gets a run: the four load-balancing strategies.

use jiff::Timestamp;

use super::super::fit::{Ask, check};
use super::super::lane::{Lane, Track};
use super::super::traits::{Narrowed, has_bit};
use super::{Fleet, RobotView};
use crate::queue::Strategy;

impl Fleet {
    /// The robot that gets a run with this `ask`, if any fits. `seed` decides for `random` alone.
    pub fn get_available_robot(
        &self,
        strategy: Strategy,
        ask: &Ask<'_>,
        seed: u64,
        now: Timestamp,
    ) -> Option<&RobotView> {
        let fits = |place: u32| check(&self.view(place).candidate(), ask, now).is_ok();
        if let Some(target) = ask.needs.robot_id {
            let place = self.by_id.get(&target).copied();
            return place.filter(|p| fits(*p)).map(|p| self.view(p));
        }
        let lane = &self.lanes[self.lane_place(ask.org, ask.queue)? as usize];
        let track = lane.track(ask.needs.desktop);
        if track.ring.is_empty() {
            return None;
        }
        if strategy == Strategy::Affinity
            && let Some(place) = self
                .memory
                .robots(ask.needs.flow_id)
                .filter_map(|id| self.by_id.get(&id).copied())
                .find(|place| fits(*place))
        {
            return Some(self.view(place));
        }
        let place = match self.traits.get(&ask.org)?.narrow(ask.needs) {
            Narrowed::Nobody => None,
            Narrowed::Anybody => self.walk(strategy, lane, track, seed, fits),
            Narrowed::Many(bits) => {
                let fits = |place| has_bit(&bits, place) && fits(place);
                self.walk(strategy, lane, track, seed, fits)
            }
            Narrowed::Few(places) => {
                let mut fitting: Vec<u32> = places.into_iter().filter(|p| fits(*p)).collect();
                fitting.sort_unstable_by_key(|place| self.view(*place).id);
                self.choose(strategy, lane, &fitting, seed)
            }
        };
        place.map(|place| self.view(place))
    }

    /// Walks past robots with room, in the order of the strategy, up to the first that fits.
    fn walk(
        &self,
        strategy: Strategy,
        lane: &Lane,
        track: &Track,
        seed: u64,
        fits: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        match strategy {
            Strategy::LeastLoaded | Strategy::Affinity => {
                let mut places = track.by_load.iter().map(|key| key.2);
                places.find(|place| fits(*place))
            }
            Strategy::RoundRobin => {
                let start = self.after_cursor(lane, &track.ring);
                let (before, after) = track.ring.split_at(start);
                let mut places = after.iter().chain(before).copied();
                places.find(|place| fits(*place))
            }
            Strategy::Random => draw(&track.ring, seed, fits),
        }
    }

    /// Chooses among places that all fit, sorted by robot id.
    fn choose(&self, strategy: Strategy, lane: &Lane, fitting: &[u32], seed: u64) -> Option<u32> {
        match strategy {
            Strategy::LeastLoaded | Strategy::Affinity => fitting
                .iter()
                .copied()
                .min_by_key(|place| self.entry(*place).map(|entry| entry.key(*place))),
            Strategy::RoundRobin => {
                let start = self.after_cursor(lane, fitting);
                fitting.get(start).or_else(|| fitting.first()).copied()
            }
            Strategy::Random => draw(fitting, seed, |_| true),
        }
    }

    /// Where the round goes on in a ring of places sorted by robot id.
    fn after_cursor(&self, lane: &Lane, ring: &[u32]) -> usize {
        match lane.cursor {
            Some(last) => ring.partition_point(|place| self.view(*place).id <= last),
            None => 0,
        }
    }
}

/// How often a draw is tried before all are looked at.
const DRAWS: u64 = 8;

/// Draws one of `places` that `fits`, each with the same chance.
fn draw(places: &[u32], seed: u64, fits: impl Fn(u32) -> bool) -> Option<u32> {
    let pick = |from: &[u32], draw: u64| {
        let n = from.len() as u64;
        let index = mix(seed, draw).checked_rem(n)?;
        usize::try_from(index)
            .ok()
            .and_then(|i| from.get(i))
            .copied()
    };
    // Most draws fit at once. When they do not, choosing among all that fit keeps the chances equal.
    (0..DRAWS)
        .find_map(|n| pick(places, n).filter(|place| fits(*place)))
        .or_else(|| {
            let fitting: Vec<u32> = places.iter().copied().filter(|p| fits(*p)).collect();
            pick(&fitting, DRAWS)
        })
}

/// A number that looks random, made of two that do not (splitmix64).
pub(in crate::dispatch) fn mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
