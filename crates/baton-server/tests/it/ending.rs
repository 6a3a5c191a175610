//! Results: acknowledged after the commit, once or many times, in time or too late.

use baton_api::robot::{Ack, Claim, Heartbeat, Held, Phase, ProtocolError};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::id::Fence;
use baton_core::retry::RetryPolicy;
use baton_core::state::{OnLost, State};
use baton_server::operations;
use baton_store::PageRequest;
use baton_store::logs::MAX_REFUSALS;
use baton_store::runs::RunFilter;

use crate::support::{ORG, Script, World, result};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_acknowledged_only_when_it_is_committed() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    robot.finish(claim, State::Completed).await;
    // Nobody waited: whoever has the acknowledgement finds the result in the store.
    assert_eq!(world.get(run).await.state, State::Completed);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_write_acknowledges_nothing() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    world.run().await;
    let claim = robot.take().await.claim;
    world.store.close().await;
    robot
        .say(&crate::support::result(claim, State::Completed))
        .await;
    let error: ProtocolError = robot.hear().await;
    assert_eq!(error.code, "unavailable");
    world.server.abandon();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_sent_again_is_acknowledged_again_and_changes_nothing() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    assert!(!robot.finish(claim, State::Completed).await);
    let before = world.store.run_history(ORG, run).await.expect("history");
    let mut robot = Script::connect(&robot.robot).await;
    assert!(robot.finish(claim, State::Failed).await);
    let after = world.store.run_history(ORG, run).await.expect("history");
    assert_eq!(before, after);
    assert_eq!(world.get(run).await.state, State::Completed);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_with_a_stale_fence_is_refused_by_name_and_changes_nothing() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    let mut stale = claim;
    stale.fence = Fence(claim.fence.0 - 1);
    robot
        .say(&crate::support::result(stale, State::Completed))
        .await;
    let error: ProtocolError = robot.hear().await;
    assert_eq!(error.code, "stale_fence");
    let ack: Ack = robot.hear().await;
    assert_eq!(
        ack,
        Ack::Result {
            claim: stale,
            superseded: true
        }
    );
    assert_eq!(world.get(run).await.state, State::Running);
    let refused = world.refusals(run).await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].actor, "r1");
    assert_eq!(refused[0].detail["message"], "job_result");
    assert_eq!(refused[0].detail["claim"]["fence"], stale.fence.0);
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_no_end_is_a_bad_message_and_ends_nothing() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    for state in [State::Running, State::Queued, State::Cancelling] {
        robot.say(&crate::support::result(claim, state)).await;
        let error: ProtocolError = robot.hear().await;
        assert_eq!(error.code, "bad_message", "{state}");
        assert!(error.message.contains("is no end"), "{}", error.message);
        assert_eq!(world.get(run).await.state, State::Running, "{state}");
    }
    robot.finish(claim, State::Completed).await;
    assert_eq!(world.get(run).await.state, State::Completed);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_says_the_same_wrong_thing_for_ever_is_recorded_and_bounded() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    for n in 0..u32::try_from(MAX_REFUSALS).expect("few") + 10 {
        let wrong = Claim {
            attempt: 7 + n,
            ..claim
        };
        robot
            .say(&crate::support::result(wrong, State::Failed))
            .await;
        assert_eq!(robot.hear::<ProtocolError>().await.code, "stale_fence");
        let _: Ack = robot.hear().await;
    }
    let refused = world.refusals(run).await;
    assert_eq!(refused.len(), MAX_REFUSALS);
    assert_eq!(refused[0].detail["last_recorded"], true);
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_robot_cannot_end_a_run_with_a_claim_it_has_seen() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    let mut thief = world.robot("r2").await;
    thief
        .say(&crate::support::result(claim, State::Completed))
        .await;
    assert_eq!(thief.hear::<ProtocolError>().await.code, "stale_fence");
    assert_eq!(world.get(run).await.state, State::Running);
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_is_tried_again_after_its_delay() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world
        .deploy("flaky", |s| s.retry = RetryPolicy::times(1))
        .await;
    let run = world.submit(&deployed).await;
    let first = robot.take().await.claim;
    robot.finish(first, State::Failed).await;
    assert_eq!(world.until(run, State::Pending).await.attempt, 2);
    robot.hears_nothing_yet().await;
    world.pass(2);
    let second = robot.take().await.claim;
    assert_eq!((second.job_id, second.attempt), (run, 2));
    robot.finish(second, State::Failed).await;
    world.until(run, State::Failed).await;
    operations::retry(&world.app, ORG, run, "test")
        .await
        .expect("an operator may");
    let third = robot.take().await.claim;
    assert_eq!(third.attempt, 3);
    robot.finish(third, State::Completed).await;
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_far_beyond_its_deadline_ends_though_its_robot_says_nothing_of_it() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world.deploy("slow", |s| s.timeout_seconds = 60).await;
    let run = world.submit(&deployed).await;
    let claim = robot.take().await.claim;
    // It lives, it just does not end.
    say_every_20_s(&mut world, &mut robot, 1_800, |_| running(claim)).await;
    let timed_out = world.until(run, State::TimedOut).await;
    assert!(timed_out.live, "its process may still be there");
    world.done().await;
}

fn running(claim: Claim) -> Held {
    Held::new(claim, Phase::Running)
}

/// Lets a robot say this of its attempt every 20 s for so many seconds, or until it is told to end it.
async fn say_every_20_s(
    world: &mut World,
    robot: &mut Script,
    seconds: u32,
    held: impl Fn(u32) -> Held,
) {
    for passed in (20..=seconds).step_by(20) {
        world.pass(20);
        let active = vec![held(passed)];
        robot
            .say(&Heartbeat {
                active,
                ..Heartbeat::default()
            })
            .await;
        match robot.hear_any().await.as_str() {
            "cancel_job" => return,
            heard => assert_eq!(heard, "heartbeat_ack"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_counts_from_when_the_robot_says_that_the_process_began() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world.deploy("slow", |s| s.timeout_seconds = 60).await;
    let run = world.submit(&deployed).await;
    let claim = robot.take().await.claim;
    // Three minutes for its environment; then it runs for its minute, the grace and the margin, and a little more.
    let word = |passed: u32| Held {
        executing_seconds: passed.checked_sub(180).map(f64::from),
        ..running(claim)
    };
    say_every_20_s(&mut world, &mut robot, 280, word).await;
    // Without that word it would have had 25 minutes more.
    world.until(run, State::TimedOut).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_counts_what_ended_today() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    for state in [State::Completed, State::Failed] {
        let run = world.run_with(OnLost::Fail).await;
        let claim = robot.take().await.claim;
        robot.finish(claim, state).await;
        world.until(run, state).await;
    }
    let figures = operations::dashboard_metrics(&world.app, ORG)
        .await
        .expect("figures");
    assert_eq!((figures.total_robots, figures.online_robots), (1, 1));
    assert_eq!(figures.total_jobs_today, 2);
    assert_eq!(figures.completed_jobs_today, 1);
    assert_eq!(figures.failed_jobs_today, 1);
    assert_eq!(figures.success_rate, 50.0);
    assert_eq!(figures.average_execution_time, 1.5);
    let failed = RunFilter {
        states: vec![State::Failed],
        ..RunFilter::default()
    };
    let failed = world.store.runs(failed, PageRequest::first(ORG, 9)).await;
    let failed = failed.expect("read").items[0].id;
    operations::retry(&world.app, ORG, failed, "somebody")
        .await
        .expect("retried");
    let figures = operations::dashboard_metrics(&world.app, ORG)
        .await
        .expect("figures");
    assert_eq!(
        (figures.failed_jobs_today, figures.completed_jobs_today),
        (0, 1)
    );
    assert_eq!(figures.success_rate, 100.0, "a run counts as it ended last");
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_cannot_set_up_a_run_rests_and_another_executes_it() {
    let mut world = World::new().await;
    let mut full = world.robot("full").await;
    let run = world.run_with(OnLost::Fail).await;
    let claim = full.take().await.claim;
    let mut back = result(claim, State::Failed);
    back.handed_back = true;
    let why = "No space left on device";
    back.error = Some(ErrorInfo::new(ErrorKind::Package, why));
    full.say(&back).await;
    let _: Ack = full.hear().await;
    world.until(run, State::Queued).await;
    let mut good = world.robot("good").await;
    let claim = good.take().await.claim;
    assert_eq!((claim.job_id, claim.attempt), (run, 2));
    good.finish(claim, State::Completed).await;
    let run = world.until(run, State::Completed).await;
    assert_eq!(run.retries_used, 0);
    // The next run does not go to the one that rests, although it has nothing to do.
    world.run_with(OnLost::Fail).await;
    good.take().await;
    world.done().await;
}
