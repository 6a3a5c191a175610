//! Measures the store alone: whole lives of runs through the trait, many callers at once.
//!
//! `cargo run --release -p baton-store --example lifecycle [callers] [runs] [folder]` prints runs per
//! second, commits, syncs per run and processor time per run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use baton_core::id::{FlowId, OrgId, QueueId, RobotId, RunId, run_name};
use baton_core::queue::DEFAULT_QUEUE;
use baton_core::retry::RetryPolicy;
use baton_core::robot::{Robot, RobotMetrics, RobotOffer};
use baton_core::run::{Needs, NewRun, Priority, RunSpec, Trigger};
use baton_core::state::{Event, Executor, OnLost, Outcome};
use baton_store::runs::{Assign, Assigned, AttemptResult, Claim, RunStep};
use baton_store::{SqliteOptions, SqliteStore, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

const ORG: OrgId = OrgId::DEFAULT;

fn argument(place: usize, default: u64) -> u64 {
    std::env::args()
        .nth(place)
        .and_then(|a| a.parse().ok())
        .unwrap_or(default)
}

/// Ten bytes that no other id has.
fn entropy(n: u64) -> [u8; 10] {
    let mixed = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes
}

fn new_run(n: u64, queue_id: QueueId, flow_id: FlowId) -> NewRun {
    let now = Timestamp::now();
    let id = RunId::new(now, entropy(n));
    let mut parameters = Map::new();
    parameters.insert("customer".into(), json!(n));
    NewRun {
        id,
        org: ORG,
        name: run_name(id),
        due_at: now,
        spec: RunSpec {
            version_id: None,
            needs: Needs {
                queue_id,
                flow_id,
                deployment_id: None,
                priority: Priority::Normal,
                tags: BTreeSet::new(),
                labels: BTreeSet::new(),
                capabilities: BTreeSet::new(),
                environment: None,
                robot_id: None,
                desktop: false,
                rejected_by: BTreeSet::new(),
            },
            parameters,
            timeout_seconds: Some(3_600),
            cancel_grace_seconds: 30,
            stop_signal: baton_core::stop_signal::StopSignal::default(),
            retry: RetryPolicy::default(),
            on_lost: OnLost::Fail,
            lost_after_seconds: 60,
            executor: Executor::Robot,
            trigger: Trigger::Manual { by: "bench".into() },
            start_deadline: None,
            flow_name: "bench".into(),
            deployment_name: None,
            computer: None,
        },
        idempotency_key: None,
    }
}

fn step(run_id: RunId, claim: Claim, event: Event, result: Option<AttemptResult>) -> RunStep {
    RunStep {
        org: ORG,
        run_id,
        claim: Some(claim),
        event,
        at: Timestamp::now(),
        actor: "robot".into(),
        message: None,
        result,
        computer: None,
    }
}

/// One run from its creation to its end.
async fn live(store: &dyn Store, robot: &Robot, n: u64, queue_id: QueueId, flow_id: FlowId) {
    let created = store
        .create_runs(
            vec![new_run(n, queue_id, flow_id)],
            "bench",
            Timestamp::now(),
        )
        .await;
    let run_id = created[0].as_ref().expect("created").run_id;
    let assign = Assign {
        org: ORG,
        run_id,
        attempt: 1,
        robot_id: robot.id,
        session: robot.session,
        desktop: None,
    };
    let assigned = store
        .assign_runs(vec![assign], "dispatcher", Timestamp::now())
        .await
        .expect("assigned");
    let Assigned::Done { run, .. } = &assigned[0] else {
        panic!("refused: {assigned:?}");
    };
    let claim = Claim {
        attempt: 1,
        fence: run.fence,
        robot_id: Some(robot.id),
    };
    let result = AttemptResult {
        exit_code: Some(0),
        execution_time: Some(0.25),
        ..AttemptResult::default()
    };
    let finish = Event::Finish(Outcome::Completed);
    for (event, result) in [(Event::Start, None), (finish, Some(result))] {
        let taken = store
            .step_runs(vec![step(run_id, claim, event, result)])
            .await;
        taken[0].as_ref().expect("taken");
    }
}

async fn robot(store: &dyn Store, n: u64) -> Robot {
    let now = Timestamp::now();
    let robot = Robot {
        id: RobotId::new(now, entropy(n)),
        org: ORG,
        name: format!("robot-{n}"),
        offer: RobotOffer::default(),
        draining: false,
        drain_comment: String::new(),
        session: 0,
        connected: false,
        last_seen: None,
        lease_until: None,
        metrics: RobotMetrics::default(),
        created_at: now,
    };
    let id = robot.id;
    store.create_robot(robot).await.expect("a robot");
    let offer = RobotOffer {
        computer: format!("pc-{n}"),
        queues: BTreeSet::from([DEFAULT_QUEUE.to_owned()]),
        max_concurrent_jobs: 4,
        ..RobotOffer::default()
    };
    let lease = now + SignedDuration::from_mins(10);
    store
        .open_session(id, offer, lease, now)
        .await
        .expect("a session")
}

/// User and system time of this process, in seconds.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}

#[tokio::main]
async fn main() {
    let (callers, total) = (argument(1, 128), argument(2, 40_000));
    let folder = std::env::args().nth(3).map_or_else(
        || tempfile::tempdir().expect("a temporary folder"),
        |folder| tempfile::tempdir_in(folder).expect("a temporary folder"),
    );
    let path = folder.path().join("bench.db");
    let sqlite = SqliteStore::open(&path, SqliteOptions::default()).expect("a new database");
    let store: Arc<dyn Store> = sqlite;
    let queue_id = (store.queue_by_name(ORG, DEFAULT_QUEUE).await)
        .expect("the default queue")
        .id;
    let flow = FlowId::new(Timestamp::now(), entropy(0));
    let flow_id = (store
        .ensure_flow(ORG, flow, "bench", Timestamp::now())
        .await)
        .expect("a flow")
        .id;
    let (before, cpu, began) = (store.counters(), processor_seconds(), Instant::now());
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        let robot = robot(&*store, caller).await;
        tasks.push(tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= total {
                    break;
                }
                live(&*store, &robot, n + 1_000_000, queue_id, flow_id).await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("a caller ends");
    }
    let (seconds, after) = (began.elapsed().as_secs_f64(), store.counters());
    let runs = total as f64;
    println!(
        "{total} runs, {callers} callers: {:.0} runs/s, {:.0} µs of processor time each, \
         {} commits, {:.3} syncs a run, {:.1} operations a commit",
        runs / seconds,
        (processor_seconds() - cpu) / runs * 1e6,
        after.commits - before.commits,
        (after.syncs - before.syncs) as f64 / runs,
        (after.operations - before.operations) as f64 / (after.commits - before.commits) as f64,
    );
    store.close().await;
}
