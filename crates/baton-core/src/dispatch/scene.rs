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
        trouble: None,
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

/// Throws for random worlds: the same seed gives the same world.
pub(crate) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.thrown += 1;
        let n = u64::from(n.max(1));
        u32::try_from(super::fleet::mix(self.seed, self.thrown) % n).expect("below a u32")
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// True once in `n` throws.
    pub(crate) fn rarely(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn words(&mut self, of: &[&str]) -> BTreeSet<String> {
        let chosen = of.iter().filter(|_| self.coin());
        chosen.map(|word| (*word).to_owned()).collect()
    }

    pub(crate) fn priority(&mut self) -> Priority {
        Priority::ALL[self.below(4) as usize]
    }

    pub(crate) fn rejecters(&mut self) -> BTreeSet<RobotId> {
        (0..12).filter(|_| self.rarely(12)).map(robot_id).collect()
    }

    /// A robot of which anything may be wrong.
    pub(crate) fn robot(&mut self, n: u32) -> RobotView {
        let mut view = robot(n, self.below(4));
        view = offering(view, |o| {
            o.queues = self.words(&["q0", "q1"]);
            o.labels = self.words(&["a", "b"]);
            o.capabilities = self.words(&["browser"]);
            o.environment = self.coin().then(|| "prod".to_owned());
            o.desktops = self.words(&["d1", "d2"]);
        });
        view.live = self.below(view.offer.max_concurrent_jobs + 1);
        view.desktops_taken = self.words(&["d1", "d2"]);
        view.draining = self.rarely(6);
        view.connected = !self.rarely(6);
        view.last_seen = (!self.rarely(8)).then(|| at(-i64::from(self.below(40))));
        view.resting_until = self.rarely(6).then(|| at(i64::from(self.below(20)) - 5));
        if self.rarely(10) {
            view.org = OrgId(2);
        }
        view
    }

    /// Needs of which few robots have all.
    pub(crate) fn needs(&mut self) -> Needs {
        let mut needs = needs(self.priority());
        needs.queue_id = queue_id(self.below(2));
        needs.flow_id = flow_id(self.below(3));
        needs.deployment_id = self.coin().then(|| deployment_id(self.below(2)));
        needs.tags = self.words(&["sap", "web"]);
        if self.coin() {
            needs.labels = self.words(&["a", "b"]);
        }
        if self.rarely(4) {
            needs.labels.insert("nobody-has-it".into());
        }
        if self.coin() {
            needs.capabilities = self.words(&["browser"]);
        }
        needs.environment = self.rarely(3).then(|| "prod".to_owned());
        needs.robot_id = self.rarely(6).then(|| robot_id(self.below(8)));
        needs.desktop = self.rarely(3);
        if self.rarely(4) {
            needs.rejected_by = self.rejecters();
        }
        needs
    }

    /// Robots, queues, limits and counts of which anything may be in the way.
    pub(crate) fn scene(&mut self) -> Scene {
        let robots: Vec<RobotView> = (0..self.below(8)).map(|n| self.robot(n)).collect();
        let mut scene = Scene::of(robots);
        for n in 0..2 {
            let queue = scene.queues.get_mut(&queue_id(n)).expect("there are three");
            let strategies = [
                Strategy::RoundRobin,
                Strategy::LeastLoaded,
                Strategy::Random,
                Strategy::Affinity,
            ];
            queue.settings.strategy = strategies[self.below(4) as usize];
            queue.settings.paused = self.rarely(8);
            queue.settings.concurrency_limit = self.rarely(3).then(|| self.below(5));
            let limit = self.rarely(3).then(|| self.below(4));
            scene.limits.set_deployment(deployment_id(n), limit);
        }
        for tag in ["sap", "web"] {
            let limit = self.rarely(3).then(|| self.below(4));
            scene.limits.set_tag(ORG, tag, limit);
        }
        for _ in 0..self.below(4) {
            let needs = self.needs();
            let tags = needs.tags.iter().map(String::as_str);
            scene
                .usage
                .add(ORG, needs.queue_id, needs.deployment_id, tags);
        }
        scene
    }
}
