//! Finds a robot and a time for each attempt, so that slots and limits hold at every instant of history.

use std::collections::BTreeSet;

use baton_core::id::Fence;
use baton_core::robot::RobotOffer;
use baton_store::runs::Claim;
use jiff::Timestamp;

use super::{AIR, Historian, Life, Stint};
use crate::demo_data::catalog::DeploymentDef;
use crate::demo_data::fleet::Condition;
use crate::demo_data::later;
use crate::demo_data::script::{self, Ending};
use crate::demo_data::world::{Member, seconds};

/// A robot about to be drained or lost takes nothing for so many seconds before.
const LAST_RUNS: f64 = 600.0;
/// Longest timeout that a run of the demo waits for, in seconds.
const SHORT_TIMEOUT: f64 = 900.0;

impl Historian {
    /// Finds the robot and the time for an attempt; `None` when it would not end before history does.
    pub(super) fn place(&mut self, mut life: Life) -> Option<Stint> {
        let ready = &self.world.deployments[life.deployment];
        let (flow, def) = (ready.flow, ready.def);
        let (member, slot, free_at) = self.free_slot(&mut life, def)?;
        let place = self
            .places
            .get_mut(def.queue)
            .and_then(|all| all.iter_mut().min());
        let free_at = place
            .as_deref()
            .map_or(free_at, |place| free_at.max(*place));
        let dice = &mut life.dice;
        let assigned_at = later(free_at, dice.between(0.004, 0.12));
        let started_at = later(assigned_at, dice.between(0.01, 0.25));
        let left = seconds(started_at, self.world.until) - AIR;
        if left < 1.0 {
            return None;
        }
        let ending = life
            .ending
            .take()
            .unwrap_or_else(|| Ending::draw(dice, life.trouble));
        let timeout = f64::from(def.timeout);
        let ending = match ending {
            // Nobody waits an hour for a deadline in a demo.
            Ending::TimedOut if timeout > SHORT_TIMEOUT.min(left) => Ending::Failed,
            other => other,
        };
        let script = script::write(flow, ending, left.min(timeout * 0.9), dice);
        let ran = match ending {
            Ending::TimedOut => timeout,
            // The lease, and the margin after it.
            Ending::Lost => (script.seconds + 65.0).min(left),
            _ => script.seconds,
        };
        let ended_at = later(started_at, ran);
        if let Some(place) = place {
            *place = ended_at;
        }
        let member_row = &mut self.world.members[member];
        member_row.free_at[slot] = ended_at;
        let desktop = member_row.robot.offer.desktops.first();
        Some(Stint {
            claim: Claim {
                attempt: life.attempt,
                fence: Fence(0),
                robot_id: None,
            },
            desktop: desktop.filter(|_| def.desktop).cloned(),
            life,
            member,
            assigned_at,
            started_at,
            ended_at,
            script,
        })
    }

    /// The robot whose slot is free first, the slot, and when it is.
    fn free_slot(&self, life: &mut Life, def: &DeploymentDef) -> Option<(usize, usize, Timestamp)> {
        let members = self.world.members.iter().enumerate();
        let takes = members.filter(|(_, member)| takes(member, def, life.due_at));
        let dice = &mut life.dice;
        let due_at = life.due_at;
        takes
            .filter_map(|(index, member)| {
                let slots = member.free_at.iter().enumerate();
                let (slot, free_at) = slots.min_by_key(|(_, at)| **at)?;
                // Robots that are free are equal: chance decides.
                Some(((*free_at).max(due_at), dice.below(1_000), index, slot))
            })
            .min()
            .map(|(free_at, _, index, slot)| (index, slot, free_at))
    }
}

/// Whether a robot can do this at all, and is there.
fn takes(member: &Member, def: &DeploymentDef, due_at: Timestamp) -> bool {
    let offer: &RobotOffer = &member.robot.offer;
    let has = |words: &[&str], of: &BTreeSet<String>| words.iter().all(|word| of.contains(*word));
    let there = member.def.is == Condition::Up || later(due_at, LAST_RUNS) < member.until;
    there
        && offer.queues.contains(def.queue)
        && has(def.labels, &offer.labels)
        && has(def.capabilities, &offer.capabilities)
        && (!def.desktop || !offer.desktops.is_empty())
}
