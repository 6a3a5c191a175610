//! A small world for tests of dispatch: robots, queues and groups with as few words as possible.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Fleet, Group, Plan, Queues, RobotView, Waiting, decide};
use crate::id::{DeploymentId, FlowId, OrgId, QueueId, RobotId, RunId};
use crate::limit::{Limits, Usage};
use crate::queue::{Queue, QueueSettings, Strategy};
use crate::robot::RobotOffer;
use crate::run::{Needs, Priority};

pub(crate) const ORG: OrgId = OrgId::DEFAULT;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("in range")
}

pub(crate) fn robot_id(n: u32) -> RobotId {
    RobotId(Uuid::from_u128(0x1000_0000 + u128::from(n)))
}

pub(crate) fn run_id(n: u32) -> RunId {
    RunId(Uuid::from_u128(0x2000_0000 + u128::from(n)))
}

pub(crate) fn queue_id(n: u32) -> QueueId {
    QueueId(Uuid::from_u128(0x3000_0000 + u128::from(n)))
}

pub(crate) fn flow_id(n: u32) -> FlowId {
    FlowId(Uuid::from_u128(0x4000_0000 + u128::from(n)))
}

pub(crate) fn deployment_id(n: u32) -> DeploymentId {
    DeploymentId(Uuid::from_u128(0x5000_0000 + u128::from(n)))
}

pub(crate) fn words(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

/// A connected robot `r<n>` on the queue `q0` with this many slots.
pub(crate) fn robot(n: u32, slots: u32) -> RobotView {
    RobotView {
        id: robot_id(n),
        org: ORG,
        name: format!("r{n}"),
        session: i64::from(n) + 100,
        offer: Arc::new(RobotOffer {
            queues: words(&["q0"]),
            max_concurrent_jobs: slots,
            ..RobotOffer::default()
        }),
        draining: false,
        connected: true,
        last_seen: Some(at(0)),
        live: 0,
        desktops_taken: BTreeSet::new(),
        resting_until: None,
    }
}

/// The same robot with a changed offer.
pub(crate) fn offering(mut view: RobotView, change: impl FnOnce(&mut RobotOffer)) -> RobotView {
    change(Arc::make_mut(&mut view.offer));
    view
}

/// Needs of nothing in particular, on the queue `q0`.
pub(crate) fn needs(priority: Priority) -> Needs {
    Needs {
        queue_id: queue_id(0),
        flow_id: flow_id(0),
        deployment_id: None,
        priority,
        tags: BTreeSet::new(),
        labels: BTreeSet::new(),
        capabilities: BTreeSet::new(),
        environment: None,
        robot_id: None,
        desktop: false,
        rejected_by: BTreeSet::new(),
    }
}

pub(crate) fn waiting(n: u32, due: i64) -> Waiting {
    Waiting {
        run_id: run_id(n),
        attempt: 1,
        due_at: at(due),
        rejected_by: BTreeSet::new(),
    }
}

pub(crate) fn group(id: i64, needs: Needs, heads: Vec<Waiting>) -> Group {
    Group {
        id,
        org: ORG,
        needs: Arc::new(needs),
        heads,
    }
}

/// Queues `q0`, `q1`, … with this strategy.
pub(crate) fn queues(count: u32, strategy: Strategy) -> Queues {
    (0..count)
        .map(|n| {
            let queue = Queue {
                id: queue_id(n),
                org: ORG,
                name: format!("q{n}"),
                settings: QueueSettings {
                    strategy,
                    ..QueueSettings::default()
                },
                created_at: at(0),
            };
            (queue.id, queue)
        })
        .collect()
}

/// A fleet, queues, limits and counts to decide with.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) fleet: Fleet,
    pub(crate) queues: Queues,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
}

impl Scene {
    pub(crate) fn of(robots: impl IntoIterator<Item = RobotView>) -> Self {
        let mut fleet = Fleet::new();
        for robot in robots {
            fleet.add_robot(robot);
        }
        Self {
            fleet,
            queues: queues(3, Strategy::LeastLoaded),
            limits: Limits::default(),
            usage: Usage::default(),
        }
    }

    pub(crate) fn decide(&mut self, groups: &[Group], now: Timestamp) -> Plan {
        decide(
            &mut self.fleet,
            groups,
            &self.queues,
            &self.limits,
            &mut self.usage,
            7,
            now,
        )
    }
}

/// Which run went to which robot, by their numbers.
pub(crate) fn pairs(plan: &Plan) -> Vec<(u32, u32)> {
    let n = |id: Uuid| u32::try_from(id.as_u128() & 0x0fff_ffff).expect("fits");
    plan.assignments
        .iter()
        .map(|a| (n(a.run_id.0), n(a.robot_id.0)))
        .collect()
}
