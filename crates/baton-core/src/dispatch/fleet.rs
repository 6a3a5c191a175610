//! The robots as the dispatcher sees them, kept up to date step by step and indexed by queue.
//!
//! The fleet is plain memory. Whoever owns it feeds it what is committed ([`Fleet::add_robot`],
//! [`Fleet::update_robot_load`], [`Fleet::heard`] …); [`super::decide`] takes slots from it while it
//! plans. Everything it remembers beyond the rows (ring cursors, who ran which flow, whose turn it is)
//! may be lost without harm to correctness.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::fit::{Ask, Misfit, check};
use super::lane::{Lane, LoadKey, share};
use super::memory::FlowMemory;
use super::traits::Traits;
use super::view::RobotView;
use crate::id::{FlowId, OrgId, RobotId};
use crate::run::Priority;

mod choose;

pub(in crate::dispatch) use choose::mix;

/// A robot and what the fleet remembers of it.
#[derive(Clone, Debug)]
struct Entry {
    view: RobotView,
    /// Places of the lanes of the queues it serves.
    lanes: Vec<u32>,
    /// When it was last given something, by the fleet's count of assignments.
    used_at: u64,
    /// When it last served each priority, by the same count; 0 is never.
    served: [u64; 4],
}

impl Entry {
    fn key(&self, place: u32) -> LoadKey {
        let share = share(self.view.live, self.view.offer.max_concurrent_jobs);
        (share, self.used_at, place)
    }

    fn has_desktop(&self) -> bool {
        self.view.has_slot() && self.view.candidate().free_desktop().is_some()
    }
}

/// The robots that the dispatcher may choose from (`RobotPool` in the orchestrator's words).
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    entries: Vec<Option<Entry>>,
    vacant: Vec<u32>,
    by_id: HashMap<RobotId, u32>,
    lanes: Vec<Lane>,
    vacant_lanes: Vec<u32>,
    lane_of: HashMap<OrgId, HashMap<String, u32>>,
    traits: HashMap<OrgId, Traits>,
    memory: FlowMemory,
    /// Counts assignments; the fleet's own sense of before and after.
    ticks: u64,
}

/// What an assignment takes from a robot.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a> {
    /// The queue out of which the run came: its ring moves on.
    pub queue: &'a str,
    /// The flow: affinity remembers it.
    pub flow_id: FlowId,
    /// The run's priority: its turn on this robot is over.
    pub priority: Priority,
    /// The desktop session it occupies.
    pub desktop: Option<&'a str>,
}

impl Fleet {
    /// A fleet without robots.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a robot, or replaces what was known of it.
    pub fn add_robot(&mut self, view: RobotView) {
        let (used_at, served) = match self.remove_entry(view.id) {
            Some(old) => (old.used_at, old.served),
            None => (0, [0; 4]),
        };
        let lanes = self.lanes_for(&view);
        let place = match self.vacant.pop() {
            Some(place) => place,
            None => {
                self.entries.push(None);
                u32::try_from(self.entries.len() - 1).expect("a fleet has fewer than 2^32 robots")
            }
        };
        self.by_id.insert(view.id, place);
        self.traits
            .entry(view.org)
            .or_default()
            .insert(place, &view.offer);
        self.entries[place as usize] = Some(Entry {
            view,
            lanes,
            used_at,
            served,
        });
        self.index(place);
    }

    /// Forgets a robot. Says whether it was known. The memory of flows may still name it; it is not
    /// offered, and newer robots push it out.
    pub fn remove_robot(&mut self, id: RobotId) -> bool {
        self.remove_entry(id).is_some()
    }

    /// Sets what the live attempts occupy on a robot. Says whether it is known.
    pub fn update_robot_load(
        &mut self,
        id: RobotId,
        live: u32,
        desktops_taken: BTreeSet<String>,
    ) -> bool {
        self.update(id, |entry| {
            entry.view.live = live;
            entry.view.desktops_taken = desktops_taken;
        })
    }

    /// Sets whether a robot is connected, and with which session. Says whether it is known.
    pub fn set_connected(&mut self, id: RobotId, session: i64, connected: bool) -> bool {
        self.update(id, |entry| {
            entry.view.session = session;
            entry.view.connected = connected;
        })
    }

    /// Sets whether a robot takes no new runs. Says whether it is known.
    pub fn set_draining(&mut self, id: RobotId, draining: bool) -> bool {
        self.update(id, |entry| entry.view.draining = draining)
    }

    /// A robot was heard. Says whether it is known.
    pub fn heard(&mut self, id: RobotId, at: Timestamp) -> bool {
        self.in_place(id, |view| view.last_seen = view.last_seen.max(Some(at)))
    }

    /// Leaves a robot alone until then, because it did not answer an assignment. Says whether it is known.
    pub fn rest(&mut self, id: RobotId, until: Timestamp) -> bool {
        self.in_place(id, |view| view.resting_until = Some(until))
    }

    /// A robot says what keeps it from taking work and until when it rests, or that nothing does any more.
    pub fn in_trouble(&mut self, id: RobotId, until: Timestamp, why: Option<String>) -> bool {
        self.in_place(id, |view| {
            view.resting_until = Some(until);
            view.trouble = why;
        })
    }

    /// A robot runs this flow, or ran it: `affinity` prefers it from now on.
    pub fn remember(&mut self, flow_id: FlowId, robot_id: RobotId) {
        self.memory.remember(flow_id, robot_id);
    }

    /// Makes the fleet consist of exactly these robots, keeping what it remembers of those it knew.
    pub fn sync(&mut self, robots: impl IntoIterator<Item = RobotView>) {
        let mut kept = vec![false; self.entries.len()];
        for mut view in robots {
            let id = view.id;
            let same_offer = self.robot(id).is_some_and(|known| {
                view.resting_until = view.resting_until.max(known.resting_until);
                known.org == view.org
                    && (Arc::ptr_eq(&known.offer, &view.offer) || known.offer == view.offer)
            });
            if same_offer {
                self.update(id, |entry| entry.view = view);
            } else {
                self.add_robot(view);
            }
            // A robot that came, or came back with another offer, may have taken a vacant place.
            if let Some(kept) = self.by_id.get(&id).and_then(|p| kept.get_mut(*p as usize)) {
                *kept = true;
            }
        }
        let gone: Vec<RobotId> = self
            .entries
            .iter()
            .zip(kept)
            .filter(|(_, kept)| !kept)
            .filter_map(|(entry, _)| Some(entry.as_ref()?.view.id))
            .collect();
        for id in gone {
            self.remove_robot(id);
        }
    }

    /// Takes a slot (and a desktop session) of a robot. Says whether it is known.
    pub fn take(&mut self, id: RobotId, take: &Take<'_>) -> bool {
        self.ticks += 1;
        let now = self.ticks;
        let known = self.update(id, |entry| {
            entry.view.live += 1;
            if let Some(desktop) = take.desktop {
                entry.view.desktops_taken.insert(desktop.to_owned());
            }
            entry.used_at = now;
            entry.served[take.priority as usize] = now;
        });
        if known {
            self.memory.remember(take.flow_id, id);
            let org = self.robot(id).map(|view| view.org);
            if let Some(lane) = org.and_then(|org| self.lane_place(org, take.queue)) {
                self.lanes[lane as usize].cursor = Some(id);
            }
        }
        known
    }

    /// Gives back what an assignment took that was refused. Says whether the robot is known.
    pub fn give_back(&mut self, id: RobotId, desktop: Option<&str>) -> bool {
        self.update(id, |entry| {
            entry.view.live = entry.view.live.saturating_sub(1);
            if let Some(desktop) = desktop {
                entry.view.desktops_taken.remove(desktop);
            }
        })
    }

    /// One robot.
    pub fn robot(&self, id: RobotId) -> Option<&RobotView> {
        self.by_id.get(&id).map(|place| self.view(*place))
    }

    /// All robots, in no particular order.
    pub fn robots(&self) -> impl Iterator<Item = &RobotView> {
        self.entries.iter().flatten().map(|entry| &entry.view)
    }

    /// How many robots there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are no robots.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// When the robot last served each priority, by the fleet's count of assignments; 0 is never.
    pub(super) fn served(&self, id: RobotId) -> [u64; 4] {
        let entry = self.by_id.get(&id).and_then(|p| self.entry(*p));
        entry.map_or([0; 4], |entry| entry.served)
    }

    fn entry(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)?.as_ref()
    }

    fn view(&self, place: u32) -> &RobotView {
        let entry = self.entry(place);
        &entry.expect("indexes name robots of the fleet only").view
    }

    fn lane_place(&self, org: OrgId, queue: &str) -> Option<u32> {
        self.lane_of.get(&org)?.get(queue).copied()
    }

    /// The lanes of a robot's queues, made where there are none yet, with the robot counted in.
    fn lanes_for(&mut self, view: &RobotView) -> Vec<u32> {
        let mut places = Vec::with_capacity(view.offer.queues.len());
        for queue in &view.offer.queues {
            let place = match self.lane_place(view.org, queue) {
                Some(place) => place,
                None => {
                    let place = self.vacant_lanes.pop().unwrap_or_else(|| {
                        self.lanes.push(Lane::default());
                        u32::try_from(self.lanes.len() - 1).expect("fewer than 2^32 queues")
                    });
                    let of_org = self.lane_of.entry(view.org).or_default();
                    of_org.insert(queue.clone(), place);
                    place
                }
            };
            self.lanes[place as usize].members += 1;
            places.push(place);
        }
        places
    }

    fn remove_entry(&mut self, id: RobotId) -> Option<Entry> {
        let place = self.by_id.get(&id).copied()?;
        self.unindex(place);
        self.by_id.remove(&id);
        let entry = self.entries[place as usize].take()?;
        self.vacant.push(place);
        if let Some(traits) = self.traits.get_mut(&entry.view.org) {
            traits.remove(place, &entry.view.offer);
        }
        for (lane, queue) in entry.lanes.iter().zip(&entry.view.offer.queues) {
            let members = &mut self.lanes[*lane as usize].members;
            *members -= 1;
            if *members == 0 {
                // Robots may name a new queue at every registration: an empty lane is given back.
                self.lanes[*lane as usize] = Lane::default();
                self.vacant_lanes.push(*lane);
                if let Some(of_org) = self.lane_of.get_mut(&entry.view.org) {
                    of_org.remove(queue);
                }
            }
        }
        Some(entry)
    }

    fn index(&mut self, place: u32) {
        self.reindex(place, None);
    }

    fn unindex(&mut self, place: u32) {
        if let Some(entry) = self.entry(place) {
            let old = (entry.view.has_slot(), entry.has_desktop(), entry.key(place));
            let Self { entries, lanes, .. } = self;
            let id_of = id_in(entries);
            let Some(entry) = &entries[place as usize] else {
                return;
            };
            for lane in &entry.lanes {
                let lane = &mut lanes[*lane as usize];
                if old.0 {
                    lane.slots.remove(old.2, &id_of);
                }
                if old.1 {
                    lane.desktops.remove(old.2, &id_of);
                }
            }
        }
    }

    /// Puts a robot where it belongs, given whether it had a slot, a desktop, and its key before.
    fn reindex(&mut self, place: u32, old: Option<(bool, bool, LoadKey)>) {
        let Self { entries, lanes, .. } = self;
        let id_of = id_in(entries);
        let Some(entry) = &entries[place as usize] else {
            return;
        };
        let key = entry.key(place);
        let (had_slot, had_desktop, old_key) = old.unwrap_or((false, false, key));
        let (has_slot, has_desktop) = (entry.view.has_slot(), entry.has_desktop());
        for lane in &entry.lanes {
            let lane = &mut lanes[*lane as usize];
            for (track, had, has) in [
                (&mut lane.slots, had_slot, has_slot),
                (&mut lane.desktops, had_desktop, has_desktop),
            ] {
                match (had, has) {
                    (true, true) => track.reload(old_key, key),
                    (true, false) => track.remove(old_key, &id_of),
                    (false, true) => track.insert(key, &id_of),
                    (false, false) => {}
                }
            }
        }
    }

    /// Changes a robot in a way that may move it in the indexes; its offer stays.
    fn update(&mut self, id: RobotId, change: impl FnOnce(&mut Entry)) -> bool {
        let Some(place) = self.by_id.get(&id).copied() else {
            return false;
        };
        let Some(entry) = &mut self.entries[place as usize] else {
            return false;
        };
        let old = (entry.view.has_slot(), entry.has_desktop(), entry.key(place));
        change(entry);
        self.reindex(place, Some(old));
        true
    }

    /// Changes a robot in a way that no index knows of.
    fn in_place(&mut self, id: RobotId, change: impl FnOnce(&mut RobotView)) -> bool {
        let place = self.by_id.get(&id).copied();
        let entry = place.and_then(|p| self.entries[p as usize].as_mut());
        entry.map(|entry| change(&mut entry.view)).is_some()
    }

    /// Why the robot with this id cannot take the run; `None` when it is unknown or can.
    pub fn misfit(&self, id: RobotId, ask: &Ask<'_>, now: Timestamp) -> Option<Misfit> {
        check(&self.robot(id)?.candidate(), ask, now).err()
    }
}

fn id_in(entries: &[Option<Entry>]) -> impl Fn(u32) -> RobotId {
    move |place| {
        let entry = entries[place as usize].as_ref();
        entry
            .expect("indexes name robots of the fleet only")
            .view
            .id
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
