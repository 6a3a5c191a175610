//! Runs that go on while their robot and the server do not hear each other: for how long, what is said of them
//! meanwhile, and what a person can do who knows better.

use baton_api::client::ClientError;
use baton_api::rest::{CreateRun, DeploymentPatch, LostRequest};
use baton_api::robot::{Claim, Phase};
use baton_core::id::RunId;
use baton_core::robot::UNREACHABLE_AFTER;
use baton_core::state::{OnLost, State};
use baton_store::catalog::Deployed;

use crate::support::{Enrolled, ORG, Script, World};

const HOUR: i64 = 3_600;
/// What robots are granted beyond what an attempt may go on unheard.
const MARGIN: i64 = 5;

/// A flow of which nothing is said but what becomes of it when its robot is lost.
async fn plain(world: &World, on_lost: OnLost) -> Deployed {
    world.deploy("plain", |s| s.on_lost = on_lost).await
}

/// A run of it that started on `r1`, which is then not heard any more.
async fn unheard(world: &mut World, on_lost: OnLost) -> (RunId, Claim, Enrolled) {
    let deployed = plain(world, on_lost).await;
    let mut robot = world.robot("r1").await;
    let run = world.submit(&deployed).await;
    let job = robot.take().await;
    let enrolled = world.lose(robot).await;
    (run, job.claim, enrolled)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_no_other_attempt_follows_goes_on_unheard_for_hours_and_its_result_is_taken() {
    for on_lost in [OnLost::Fail, OnLost::Park] {
        let mut world = World::new().await;
        let (run, claim, enrolled) = unheard(&mut world, on_lost).await;
        world.pass(4 * HOUR);
        let mut robot = Script::connect_holding(&enrolled, &[(claim, Phase::Finished)]).await;
        assert!(robot.registered.verdicts[0].keep);
        let superseded = robot.finish(claim, State::Completed).await;
        assert!(!superseded, "the late result counts");
        world.until(run, State::Completed).await;
        world.done().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_end_it_is_believed_lost_and_crashes_or_is_parked() {
    for (on_lost, state) in [
        (OnLost::Fail, State::Crashed),
        (OnLost::Park, State::Paused),
    ] {
        let mut world = World::new().await;
        let (run, ..) = unheard(&mut world, on_lost).await;
        world.pass(4 * HOUR + MARGIN);
        let ended = world.until(run, state).await;
        assert!(!ended.live);
        world.done().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_robot_is_told_how_long_unless_it_is_a_lease() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    for (name, on_lost, chosen, told) in [
        ("fail", OnLost::Fail, None, Some(14_400)),
        ("park", OnLost::Park, None, Some(14_400)),
        ("retry", OnLost::Retry, None, None),
        ("chosen", OnLost::Retry, Some(600), Some(600)),
        ("short", OnLost::Fail, Some(60), None),
    ] {
        let settings = |s: &mut baton_core::flow::DeploymentSettings| {
            s.on_lost = on_lost;
            s.lost_after_seconds = chosen;
        };
        let deployed = world.deploy(name, settings).await;
        world.submit(&deployed).await;
        let job = robot.take().await;
        assert_eq!(job.lost_after_seconds, told, "{name}");
        robot.finish(job.claim, State::Completed).await;
    }
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_for_a_day_grants_the_whole_time_from_its_start() {
    let mut world = World::new().await;
    let (run, claim, enrolled) = unheard(&mut world, OnLost::Fail).await;
    let mut world = world.after_being_away(24 * HOUR).await;
    world.pass(4 * HOUR + MARGIN - 1);
    let robot = enrolled.at(&world.server.url);
    let mut robot = Script::connect_holding(&robot, &[(claim, Phase::Running)]).await;
    assert!(robot.registered.verdicts[0].keep);
    assert!(!robot.finish(claim, State::Completed).await);
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_timeout_passed_while_nobody_heard_it_keeps_the_result_it_had_in_time() {
    let mut world = World::new().await;
    let deployed = world.deploy("plain", |s| s.timeout_seconds = 60).await;
    let mut robot = world.robot("r1").await;
    let run = world.submit(&deployed).await;
    let claim = robot.take().await.claim;
    let enrolled = world.lose(robot).await;
    let mut world = world.after_being_away(2 * HOUR).await;
    world.pass(HOUR);
    let robot = enrolled.at(&world.server.url);
    let mut robot = Script::connect_holding(&robot, &[(claim, Phase::Finished)]).await;
    assert!(!robot.finish(claim, State::Completed).await);
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_says_since_when_it_is_unheard_and_until_when_it_may_go_on_so() {
    let mut world = World::new().await;
    let client = world.client().await;
    let (run, claim, enrolled) = unheard(&mut world, OnLost::Fail).await;
    let id = run.to_string();
    let seen = client.run(&id).await.expect("a run");
    assert_eq!((seen.unheard, seen.lost_after_seconds), (None, 14_400));
    let heard = world.app.now();
    world.pass(UNREACHABLE_AFTER.as_secs() + 1);
    let said = client.run(&id).await.expect("a run").unheard;
    let said = said.expect("its robot is not heard");
    assert_eq!(said.since, heard);
    assert_eq!(
        said.until.duration_since(heard).as_secs(),
        4 * HOUR + MARGIN
    );
    let listed = client.runs(&Default::default()).await.expect("runs");
    assert_eq!(listed.items[0].unheard, Some(said));
    let robot = client.robot("r1").await.expect("a robot");
    assert_eq!(robot.current_runs[0].unheard, Some(said));
    let robot = Script::connect_holding(&enrolled, &[(claim, Phase::Running)]).await;
    assert_eq!(client.run(&id).await.expect("a run").unheard, None);
    drop(robot);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_knows_that_a_robot_is_gone_ends_what_it_ran_at_once_and_only_while_it_is_not_here() {
    let mut world = World::new().await;
    let client = world.client().await;
    let (run, claim, enrolled) = unheard(&mut world, OnLost::Fail).await;
    let robot = Script::connect_holding(&enrolled, &[(claim, Phase::Running)]).await;
    let body = LostRequest {
        comment: "it burns".into(),
    };
    let refused = client
        .robot_lost("r1", &body)
        .await
        .expect_err("it is here");
    assert!(
        matches!(&refused, ClientError::Problem(problem) if problem.code == "robot_is_here"),
        "{refused:?}"
    );
    assert_eq!(world.get(run).await.state, State::Running);
    world.lose(robot).await;
    let lost = client.robot_lost("r1", &body).await.expect("taken");
    assert_eq!((lost.runs.len(), lost.runs[0].state), (1, State::Crashed));
    assert!(!world.get(run).await.live);
    let history = world
        .store
        .run_history(ORG, run)
        .await
        .expect("its history");
    let last = history.last().expect("its end");
    assert!(
        last.message
            .as_deref()
            .is_some_and(|m| m.contains("it burns")),
        "{last:?}"
    );
    // It was not gone: what it says now is evidence only, and it is told to end.
    let mut robot = Script::connect_holding(&enrolled, &[(claim, Phase::Running)]).await;
    assert!(!robot.registered.verdicts[0].keep);
    assert!(robot.finish(claim, State::Completed).await, "superseded");
    assert_eq!(world.get(run).await.state, State::Crashed);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_by_hand_waits_while_the_attempt_before_may_live_and_begins_when_it_is_said_to_be_gone()
 {
    let mut world = World::new().await;
    let client = world.client().await;
    let deployed = world.deploy("plain", |s| s.timeout_seconds = 60).await;
    let mut robot = world.robot("r1").await;
    let run = world.submit(&deployed).await;
    let claim = robot.take().await.claim;
    // Its robot should have ended it long ago and says that it runs on.
    for _ in 0..70 {
        world.pass(25);
        robot.beat_skipping_others(&[(claim, Phase::Running)]).await;
    }
    assert!(world.until(run, State::TimedOut).await.live);
    world.lose(robot).await;
    let id = run.to_string();
    client
        .retry_run(&id, &Default::default())
        .await
        .expect("retried");
    world.pass(120);
    let mut other = world.robot("r2").await;
    let why = client.explain_run(&id).await.expect("why");
    assert!(why.summary.contains("baton robots lost r1"), "{why:?}");
    other.hears_nothing_yet().await;
    let lost = LostRequest::default();
    client.robot_lost("r1", &lost).await.expect("taken");
    world.pass(1);
    let taken = other.take().await;
    assert_eq!((taken.job_id, taken.claim.attempt), (run, 2));
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_of_an_unheard_run_waits_for_its_robot_or_for_a_person_who_knows_better() {
    let mut world = World::new().await;
    let client = world.client().await;
    let (run, ..) = unheard(&mut world, OnLost::Retry).await;
    let id = run.to_string();
    client
        .cancel_run(&id, &Default::default())
        .await
        .expect("asked");
    assert_eq!(world.get(run).await.state, State::Cancelling);
    let lost = client.robot_lost("r1", &LostRequest::default()).await;
    assert_eq!(lost.expect("taken").runs[0].state, State::Cancelled);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_chooses_how_long_within_bounds_and_takes_it_back() {
    let world = World::new().await;
    let client = world.client().await;
    plain(&world, OnLost::Fail).await;
    let patch = |seconds| DeploymentPatch {
        lost_after_seconds: Some(seconds),
        ..DeploymentPatch::default()
    };
    for seconds in [0, 59, 604_801] {
        let refused = client
            .update_deployment("plain/default", &patch(Some(seconds)))
            .await;
        let refused = refused.expect_err("out of bounds");
        assert!(
            matches!(&refused, ClientError::Problem(problem) if problem.code == "invalid_lost_after"),
            "{refused:?}"
        );
    }
    for (chosen, resolved) in [(Some(7_200), 7_200), (None, 14_400)] {
        let patch = patch(chosen);
        let update = client.update_deployment("plain/default", &patch);
        let settings = update.await.expect("changed").settings;
        assert_eq!(settings.lost_after_seconds, chosen);
        let made = client
            .run_deployment("plain/default", &CreateRun::default())
            .await;
        let run = client.run(&made.expect("a run").id.to_string()).await;
        assert_eq!(run.expect("a run").lost_after_seconds, resolved);
    }
    world.done().await;
}
