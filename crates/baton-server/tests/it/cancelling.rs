//! Cancelling, before the start and after it.

use baton_api::robot::{CancelJob, JobAssignment, Phase};
use baton_core::state::State;
use baton_server::operations;
use baton_store::StoreError;

use crate::support::{ORG, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_is_cancelled_at_once() {
    let mut world = World::new().await;
    let run = world.run().await;
    world.cancel(run).await;
    world.until(run, State::Cancelled).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assigned_run_is_cancelled_at_once_and_the_robot_is_told() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let assignment: JobAssignment = robot.hear().await;
    world.cancel(run).await;
    let cancel: CancelJob = robot.hear().await;
    assert_eq!(cancel.claim, assignment.claim);
    world.until(run, State::Cancelled).await;
    // The slot is free again.
    let next = world.run().await;
    let taken = robot.take().await;
    assert_eq!(taken.job_id, next);
    robot.finish(taken.claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_run_is_cancelled_only_when_its_robot_says_that_it_is_gone() {
    let (mut world, mut robot, run, claim) = World::with_a_started_run().await;
    world.cancel(run).await;
    let cancel: CancelJob = robot.hear().await;
    assert_eq!((cancel.claim, cancel.grace_seconds), (claim, 30));
    assert_eq!(world.get(run).await.state, State::Cancelling);
    assert!(!robot.finish(claim, State::Cancelled).await);
    world.until(run, State::Cancelled).await;
    let again = operations::cancel(&world.app, ORG, run, "test", None).await;
    assert!(matches!(again, Err(StoreError::Illegal(_))), "{again:?}");
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_finished_before_the_cancel_reached_it_completes() {
    let (mut world, mut robot, run, claim) = World::with_a_started_run().await;
    world.cancel(run).await;
    let _: CancelJob = robot.hear().await;
    assert!(!robot.finish(claim, State::Completed).await);
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_was_not_confirmed_is_sent_again_when_its_grace_is_over() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world.deploy("flow", |s| s.cancel_grace_seconds = 12).await;
    let run = world.submit(&deployed).await;
    let claim = robot.take().await.claim;
    world.cancel(run).await;
    let _: CancelJob = robot.hear().await;
    // A second click is passed on; the robot knows that it is the same request.
    world.cancel(run).await;
    let _: CancelJob = robot.hear().await;
    world.pass(12 + 10 + 1);
    let again: CancelJob = robot.hear().await;
    assert_eq!((again.claim, again.grace_seconds), (claim, 12));
    robot.finish(claim, State::Cancelled).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_is_told_who_cancelled_and_why() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    let why = Some("wrong month".to_owned());
    operations::cancel(&world.app, ORG, run, "ada", why)
        .await
        .expect("cancelled");
    let cancel: CancelJob = robot.hear().await;
    assert_eq!(cancel.reason, "cancelled by ada: wrong month");
    robot.finish(claim, State::Cancelled).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_meanwhile_is_told_to_a_robot_that_comes_back() {
    let (mut world, robot, run, claim) = World::with_a_started_run().await;
    let enrolled = world.lose(robot).await;
    world.cancel(run).await;
    let mut robot =
        crate::support::Script::connect_holding(&enrolled, &[(claim, Phase::Running)]).await;
    let cancel: CancelJob = robot.hear().await;
    assert_eq!(cancel.claim, claim);
    robot.finish(claim, State::Cancelled).await;
    world.until(run, State::Cancelled).await;
    world.done().await;
}
