//! How long a dispatch decision takes: medians over many decisions, printed as a table.
//!
//! `cargo bench -p baton-core --bench dispatch`

#![expect(
    clippy::disallowed_methods,
    reason = "a bench reads the clock that core may not"
)]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_core::dispatch::{Fleet, Group, Plan, Queues, RobotView, Waiting, decide};
use baton_core::id::{FlowId, OrgId, QueueId, RobotId, RunId};
use baton_core::limit::{Limits, Usage};
use baton_core::queue::{Queue, QueueSettings, Strategy};
use baton_core::robot::RobotOffer;
use baton_core::run::{Needs, Priority};
use jiff::Timestamp;
use uuid::Uuid;

const ROUNDS: usize = 2_001;
const ORG: OrgId = OrgId::DEFAULT;

fn main() {
    println!("{:<64} {:>10}", "what", "median");
    for strategy in [
        Strategy::LeastLoaded,
        Strategy::RoundRobin,
        Strategy::Random,
        Strategy::Affinity,
    ] {
        let heads = vec![group(0, needs(), 1)];
        report(
            &format!("1 head, 10,000 robots, {strategy:?}"),
            10_000,
            strategy,
            &heads,
        );
    }
    let groups: Vec<Group> = (0..64).map(|n| group(n, needs(), 1)).collect();
    report("64 heads, 64 robots", 64, Strategy::LeastLoaded, &groups);
    report(
        "64 heads, 10,000 robots",
        10_000,
        Strategy::LeastLoaded,
        &groups,
    );
    let mut rare = needs();
    rare.labels.insert("n=7".into());
    report(
        "1 head, 10,000 robots, a label that one has",
        10_000,
        Strategy::LeastLoaded,
        &[group(0, rare, 1)],
    );
    let mut absent = needs();
    absent.labels.insert("nobody".into());
    report(
        "1 head, 10,000 robots, a label that nobody has",
        10_000,
        Strategy::LeastLoaded,
        &[group(0, absent, 1)],
    );
    let mut apart = needs();
    apart.labels = BTreeSet::from(["even".to_owned(), "odd".to_owned()]);
    report(
        "1 head, 10,000 robots, two labels that none has both of",
        10_000,
        Strategy::LeastLoaded,
        &[group(0, apart, 1)],
    );
    sync();
    let waiting: Vec<Group> = (0..1_000).map(|n| group(n, needs(), 8)).collect();
    report(
        "1,000 groups, 8,000 heads, 64 robots",
        64,
        Strategy::LeastLoaded,
        &waiting,
    );
    let aged: Vec<Group> = (0..1_000).map(aged_group).collect();
    report(
        "1,000 groups, half of them aged, 64 robots",
        64,
        Strategy::LeastLoaded,
        &aged,
    );
}

/// Decides many times, undoing each plan outside the clock.
fn report(name: &str, robots: u32, strategy: Strategy, groups: &[Group]) {
    let mut fleet = Fleet::new();
    for n in 0..robots {
        fleet.add_robot(robot(n));
    }
    let queues = queues(strategy);
    let limits = Limits::default();
    let mut usage = Usage::default();
    let rounds = ROUNDS.min(200_000 / groups.len().max(100));
    let mut times: Vec<Duration> = (0..rounds as u64)
        .map(|seed| {
            let begin = Instant::now();
            let plan = decide(
                &mut fleet,
                groups,
                &queues,
                &limits,
                &mut usage,
                seed,
                now(),
            );
            let took = begin.elapsed();
            undo(&mut fleet, &mut usage, &black_box(plan));
            took
        })
        .collect();
    times.sort();
    println!("{name:<64} {:>10.1?}", times[times.len() / 2]);
}

/// Bringing 10,000 robots in line with their rows, of which nothing has changed.
fn sync() {
    let robots: Vec<RobotView> = (0..10_000).map(robot).collect();
    let mut fleet = Fleet::new();
    fleet.sync(robots.iter().cloned());
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let again = robots.clone();
            let begin = Instant::now();
            fleet.sync(again);
            begin.elapsed()
        })
        .collect();
    times.sort();
    let name = "sync of 10,000 unchanged robots";
    println!("{name:<64} {:>10.1?}", times[times.len() / 2]);
}

fn undo(fleet: &mut Fleet, usage: &mut Usage, plan: &Plan) {
    for one in &plan.assignments {
        fleet.give_back(one.robot_id, one.desktop.as_deref());
        usage.remove(one.org, queue_id(), None, ["nightly"]);
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("in range")
}

fn queue_id() -> QueueId {
    QueueId(Uuid::from_u128(1))
}

fn robot(n: u32) -> RobotView {
    let parity = if n.is_multiple_of(2) { "even" } else { "odd" };
    RobotView {
        id: RobotId(Uuid::from_u128(u128::from(n))),
        org: ORG,
        name: format!("robot-{n}"),
        session: 1,
        offer: Arc::new(RobotOffer {
            queues: BTreeSet::from(["default".to_owned(), format!("computer-{n}")]),
            labels: BTreeSet::from([parity.to_owned(), format!("n={n}")]),
            max_concurrent_jobs: 2,
            ..RobotOffer::default()
        }),
        draining: false,
        connected: true,
        last_seen: Some(now()),
        live: 0,
        desktops_taken: BTreeSet::new(),
        resting_until: None,
        trouble: None,
    }
}

fn queues(strategy: Strategy) -> Queues {
    let queue = Queue {
        id: queue_id(),
        org: ORG,
        name: "default".into(),
        settings: QueueSettings {
            strategy,
            ..QueueSettings::default()
        },
        created_at: now(),
    };
    Queues::from([(queue.id, queue)])
}

fn needs() -> Needs {
    Needs {
        queue_id: queue_id(),
        flow_id: FlowId(Uuid::from_u128(1)),
        deployment_id: None,
        priority: Priority::Normal,
        tags: BTreeSet::from(["nightly".to_owned()]),
        labels: BTreeSet::new(),
        capabilities: BTreeSet::new(),
        environment: None,
        robot_id: None,
        desktop: false,
        rejected_by: BTreeSet::new(),
    }
}

fn group(id: i64, needs: Needs, heads: u32) -> Group {
    let first = u32::try_from(id).expect("small") * heads;
    let heads = (first..first + heads).map(|n| Waiting {
        run_id: RunId(Uuid::from_u128(u128::from(n))),
        attempt: 1,
        due_at: now(),
        rejected_by: BTreeSet::new(),
    });
    Group {
        id,
        org: ORG,
        needs: Arc::new(needs),
        heads: heads.collect(),
    }
}

/// Every second group waits for hours at low priority, the others are fresh and critical.
fn aged_group(id: i64) -> Group {
    let mut needs = needs();
    let aged = id % 2 == 0;
    needs.priority = if aged {
        Priority::Low
    } else {
        Priority::Critical
    };
    let mut group = group(id, needs, 8);
    for waiting in group.heads.iter_mut().filter(|_| aged) {
        waiting.due_at = Timestamp::from_second(1_799_990_000).expect("in range");
    }
    group
}
