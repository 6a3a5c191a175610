//! Which robots ran which flow last: what `affinity` goes by, because their caches are warm.

use std::collections::HashMap;

use crate::id::{FlowId, RobotId};

/// Flows that are remembered: an org with more has no warm caches to speak of.
pub const MAX_FLOWS: usize = 10_000;
/// Robots remembered for each flow, the latest first. When all are busy the least loaded is as good.
pub const MAX_ROBOTS_OF_FLOW: usize = 8;

/// Which robots ran which flow, the latest first.
#[derive(Clone, Debug, Default)]
pub(super) struct FlowMemory {
    flows: HashMap<FlowId, Remembered>,
    ticks: u64,
}

#[derive(Clone, Debug, Default)]
struct Remembered {
    at: u64,
    robots: Vec<RobotId>,
}

impl FlowMemory {
    pub(super) fn remember(&mut self, flow: FlowId, robot: RobotId) {
        self.ticks += 1;
        let remembered = self.flows.entry(flow).or_default();
        remembered.at = self.ticks;
        match remembered.robots.iter().position(|r| *r == robot) {
            Some(at) => remembered.robots[..=at].rotate_right(1),
            None => {
                remembered.robots.truncate(MAX_ROBOTS_OF_FLOW - 1);
                remembered.robots.insert(0, robot);
            }
        }
        // Forgetting half at once makes the cost of forgetting vanish in that of remembering.
        if self.flows.len() > MAX_FLOWS {
            let mut ages: Vec<u64> = self.flows.values().map(|r| r.at).collect();
            let (_, middle, _) = ages.select_nth_unstable(MAX_FLOWS / 2);
            let middle = *middle;
            self.flows.retain(|_, remembered| remembered.at > middle);
        }
    }

    /// Robots that ran the flow, the latest first.
    pub(super) fn robots(&self, flow: FlowId) -> impl Iterator<Item = RobotId> + '_ {
        let remembered = self.flows.get(&flow);
        remembered
            .into_iter()
            .flat_map(|r| r.robots.iter().copied())
    }
}
