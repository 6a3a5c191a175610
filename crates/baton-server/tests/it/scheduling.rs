//! Schedules and due times: what the scheduler makes of them when the clock moves.

use baton_api::robot::{Claim, Phase};
use baton_core::id::{RunId, ScheduleId};
use baton_core::schedule::{Missed, Overlap, Rule, Schedule, ScheduleSettings};
use baton_core::state::State;
use baton_server::operations;
use baton_store::catalog::Deployed;
use baton_store::logs::EventFilter;
use baton_store::page::PageRequest;
use baton_store::runs::RunFilter;
use jiff::SignedDuration;
use serde_json::Map;

use crate::support::{ORG, Script, World};

fn every_minute_named(
    world: &World,
    deployed: &Deployed,
    overlap: Overlap,
    name: &str,
) -> Schedule {
    let now = world.app.now();
    let settings = ScheduleSettings {
        rule: Rule::Interval {
            every_seconds: 60,
            anchor: Some(now),
            wall_clock: false,
        },
        timezone: "UTC".into(),
        starts_at: None,
        ends_at: None,
        jitter_seconds: 0,
        missed: Missed::default(),
        overlap,
        parameters: Map::new(),
        robot_id: None,
        priority: None,
    };
    Schedule {
        id: ScheduleId::new(now, world.app.entropy()),
        org: ORG,
        deployment_id: deployed.deployment.id,
        name: name.into(),
        settings,
        paused: false,
        next_at: now.checked_add(SignedDuration::from_secs(60)).ok(),
        last_slot: Some(now),
        created_at: now,
        updated_at: now,
    }
}

async fn every_minute(world: &World, deployed: &Deployed, overlap: Overlap) -> ScheduleId {
    let schedule = every_minute_named(world, deployed, overlap, "each minute");
    let id = schedule.id;
    world
        .store
        .create_schedule(schedule)
        .await
        .expect("a schedule");
    id
}

async fn runs_of(world: &World, schedule: ScheduleId) -> Vec<RunId> {
    let filter = RunFilter {
        schedule_id: Some(schedule),
        ascending: true,
        ..RunFilter::default()
    };
    let page = world.store.runs(filter, PageRequest::first(ORG, 100)).await;
    page.expect("runs").items.iter().map(|r| r.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_makes_a_run_when_its_time_comes_and_not_before() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world.deploy("report", |_| {}).await;
    let schedule = every_minute(&world, &deployed, Overlap::Allow).await;
    for _ in 0..2 {
        world.pass(29);
        robot.beat(&[]).await;
    }
    assert!(runs_of(&world, schedule).await.is_empty());
    world.pass(2);
    let assignment = robot.take().await;
    assert_eq!(runs_of(&world, schedule).await, [assignment.job_id]);
    robot.finish(assignment.claim, State::Completed).await;
    world.done().await;
}

/// Lets a minute pass and has the robot start the run that it makes.
async fn started_by_schedule(world: &mut World, robot: &mut Script) -> Claim {
    let mut is_told = false;
    for _ in 0..3 {
        world.pass(20);
        robot.say(&baton_api::robot::Heartbeat::default()).await;
        is_told = robot.hear_any().await == "job_assignment";
        if is_told {
            break;
        }
    }
    // Its row may be there before the robot hears of it.
    while !is_told {
        is_told = robot.hear_any().await == "job_assignment";
    }
    let run = world.only_run_in(State::Dispatched).await;
    let claim = Claim {
        job_id: run.id,
        attempt: 1,
        fence: run.fence,
    };
    robot.accept_skipping_acks(claim).await;
    claim
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_lets_no_run_of_a_schedule_overlap_the_one_that_goes_on() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world.deploy("report", |_| {}).await;
    let schedule = every_minute(&world, &deployed, Overlap::Skip).await;
    let claim = started_by_schedule(&mut world, &mut robot).await;
    let mut world = world.after_a_crash().await;
    let enrolled = robot.robot.at(&world.server.url);
    let holds = [(claim, Phase::Running)];
    let mut robot = Script::connect_holding(&enrolled, &holds).await;
    for _ in 0..3 {
        world.pass(20);
        robot.beat(&holds).await;
    }
    // It is not dropped silently either.
    world
        .until_stored("the slot to be skipped with a word", async |world| {
            let skipped = EventFilter {
                kinds: vec!["schedule.skipped".into()],
                subject: Some(schedule.to_string()),
                ..EventFilter::default()
            };
            let page = world.store.events(skipped, PageRequest::first(ORG, 9));
            !page.await.expect("events").items.is_empty()
        })
        .await;
    assert_eq!(runs_of(&world, schedule).await, [claim.job_id]);
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_overlap_queue_the_next_run_waits_for_the_one_before() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world.deploy("report", |_| {}).await;
    let schedule = every_minute(&world, &deployed, Overlap::Queue).await;
    let claim = started_by_schedule(&mut world, &mut robot).await;
    for _ in 0..3 {
        world.pass(20);
        robot
            .beat(&[(claim, baton_api::robot::Phase::Running)])
            .await;
    }
    let second = world.only_run_in(State::Pending).await;
    assert_eq!(runs_of(&world, schedule).await, [claim.job_id, second.id]);
    let why = operations::explain(&world.app, ORG, second.id)
        .await
        .expect("why");
    assert!(!why.dispatchable);
    robot.finish(claim, State::Completed).await;
    let next = robot.take().await;
    assert_eq!(next.job_id, second.id);
    robot.finish(next.claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_due_later_is_queued_then() {
    let mut world = World::new().await;
    let deployed = world.deploy("report", |_| {}).await;
    let due = world.app.now().checked_add(SignedDuration::from_secs(30));
    let due = due.expect("in range");
    let run = world
        .submit_with(&deployed, |ask| ask.due_at = Some(due))
        .await;
    assert_eq!(world.get(run).await.state, State::Pending);
    world.pass(30);
    world.until(run, State::Queued).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_did_not_start_in_time_ends_as_timed_out() {
    let mut world = World::new().await;
    let deployed = world
        .deploy("report", |s| s.start_within_seconds = Some(30))
        .await;
    let run = world.submit(&deployed).await;
    world.pass(31);
    world.until(run, State::TimedOut).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_that_cannot_fire_keep_no_other_from_its_slot() {
    let mut world = World::new().await;
    let deployed = world.deploy("report", |_| {}).await;
    let now = world.app.now();
    // No run can be composed by its settings.
    let bad = world
        .deploy("bad", |s| s.retry.max_retries = u32::MAX)
        .await;
    // More of them than are decided at once, all due before the good one.
    for number in 0..250 {
        let name = format!("s{number}");
        let mut broken = every_minute_named(&world, &bad, Overlap::Allow, &name);
        broken.next_at = now.checked_add(SignedDuration::from_secs(1)).ok();
        world.store.create_schedule(broken).await.expect("made");
    }
    let schedule = every_minute(&world, &deployed, Overlap::Allow).await;
    world.pass(61);
    world
        .until_stored("the run of the good one", async |world| {
            runs_of(world, schedule).await.len() == 1
        })
        .await;
    world.done().await;
}
