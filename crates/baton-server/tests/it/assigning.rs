//! From a queued run to a started process: the handshake, and what may go wrong in it.

use baton_api::robot::{Accept, Drain, JobAssignment, Phase, ProtocolError, Reject, Start};
use baton_core::lease::START_WITHIN;
use baton_core::state::State;
use baton_server::operations;

use crate::support::{ORG, Script, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_assigned_accepted_started_and_completed() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let assignment: JobAssignment = robot.hear().await;
    assert_eq!(assignment.job_id, run);
    assert_eq!(assignment.workflow.name, "flow-fail");
    assert_eq!(world.get(run).await.state, State::Dispatched);
    robot.accept(assignment.claim).await;
    assert_eq!(world.get(run).await.state, State::Running);
    assert!(!robot.finish(assignment.claim, State::Completed).await);
    let done = world.until(run, State::Completed).await;
    assert!(!done.live);
    let attempts = world.store.attempts(ORG, run).await.expect("attempts");
    assert_eq!(attempts[0].computer.as_deref(), Some("pc-r1"));
    assert_eq!(attempts[0].execution_time, Some(1.5));
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freed_slot_goes_to_the_next_run_at_once() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let first = world.run().await;
    world.pass(1);
    let second = world.run().await;
    for run in [first, second] {
        let assignment = robot.take().await;
        assert_eq!(assignment.job_id, run);
        robot.finish(assignment.claim, State::Completed).await;
        world.until(run, State::Completed).await;
    }
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_that_was_lost_on_the_way_comes_again_with_the_next_connection() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let first: JobAssignment = robot.hear().await;
    let mut robot = robot.reconnect(&[]).await;
    let again: JobAssignment = robot.hear().await;
    assert_eq!((again.job_id, again.claim), (run, first.claim));
    robot.accept(again.claim).await;
    assert!(!robot.finish(again.claim, State::Completed).await);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_comes_again_when_the_robot_waits_for_it_after_a_reconnect() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let assignment: JobAssignment = robot.hear().await;
    robot
        .say(&Accept {
            claim: assignment.claim,
        })
        .await;
    world.until(run, State::Running).await;
    let mut robot = robot
        .reconnect(&[(assignment.claim, Phase::Accepted)])
        .await;
    assert!(robot.registered.verdicts[0].keep);
    let start: Start = robot.hear().await;
    assert_eq!(start.claim, assignment.claim);
    assert!(!robot.finish(assignment.claim, State::Completed).await);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_that_is_said_twice_is_answered_twice_and_starts_once() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let assignment = robot.take().await;
    robot.accept(assignment.claim).await;
    let history = world.store.run_history(ORG, run).await.expect("history");
    let starts = history.iter().filter(|e| e.event == "start").count();
    assert_eq!(starts, 1);
    robot.finish(assignment.claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_assignment_goes_elsewhere_and_the_late_accept_is_refused() {
    let mut world = World::new().await;
    let mut silent = world.robot("r1").await;
    let run = world.run().await;
    let lost: JobAssignment = silent.hear().await;
    let mut other = world.robot("r2").await;
    world.pass(START_WITHIN.as_secs());
    let assignment = other.take().await;
    assert_eq!(assignment.job_id, run);
    assert!(assignment.claim.fence > lost.claim.fence);
    silent.say(&Accept { claim: lost.claim }).await;
    let error: ProtocolError = silent.hear().await;
    assert_eq!(error.code, "stale_fence");
    assert_eq!(error.details["claim"]["fence"], lost.claim.fence.0);
    other.finish(assignment.claim, State::Completed).await;
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_run_goes_to_another_robot_with_the_reason_in_its_history() {
    let mut world = World::new().await;
    let mut picky = world.robot("r1").await;
    let run = world.run().await;
    let assignment: JobAssignment = picky.hear().await;
    let mut other = world.robot("r2").await;
    let reject = Reject {
        claim: assignment.claim,
        reason: "the disk is full".into(),
        permanent: false,
    };
    picky.say(&reject).await;
    let again = other.take().await;
    assert_eq!(again.job_id, run);
    let history = world.store.run_history(ORG, run).await.expect("history");
    let said = history
        .iter()
        .any(|e| e.message.as_deref() == Some("the disk is full"));
    assert!(said, "{history:?}");
    other.finish(again.claim, State::Completed).await;
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_every_robot_rejected_is_offered_again_after_a_while() {
    let mut world = World::new().await;
    let mut only = world.robot("r1").await;
    let run = world.run().await;
    let assignment: JobAssignment = only.hear().await;
    let reject = Reject {
        claim: assignment.claim,
        reason: "not now".into(),
        permanent: false,
    };
    only.say(&reject).await;
    world.until(run, State::Pending).await;
    world.pass(10);
    let again = only.take().await;
    assert_eq!(again.job_id, run);
    only.finish(again.claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_no_robot_could_ever_run_fails() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let assignment: JobAssignment = robot.hear().await;
    let reject = Reject {
        claim: assignment.claim,
        reason: "no such program".into(),
        permanent: true,
    };
    robot.say(&reject).await;
    let failed = world.until(run, State::Failed).await;
    assert_eq!(failed.error.expect("why").message, "no such program");
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_robot_finishes_what_it_has_and_gets_nothing_new() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let first = world.run().await;
    let assignment = robot.take().await;
    operations::set_draining(&world.app, ORG, robot.robot.id, true, "maintenance")
        .await
        .expect("drained");
    let drain: Drain = robot.hear().await;
    assert!(drain.draining);
    assert_eq!(drain.comment, "maintenance");
    let second = world.run().await;
    assert!(!robot.finish(assignment.claim, State::Completed).await);
    world.until(first, State::Completed).await;
    let mut other = world.robot("r2").await;
    let elsewhere = other.take().await;
    assert_eq!(elsewhere.job_id, second);
    robot.hears_nothing_yet().await;
    other.finish(elsewhere.claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_a_robot_that_has_what_it_needs() {
    let world = World::new().await;
    let mut plain = world.robot("r1").await;
    let sap = crate::support::words(&["sap"]);
    let deployed = world.deploy("invoices", |s| s.labels = sap.clone()).await;
    let run = world.submit(&deployed).await;
    let explained = operations::explain(&world.app, ORG, run)
        .await
        .expect("why");
    assert!(!explained.dispatchable);
    let enrolled = world.enrol("r2").await;
    let mut able = Script::connect_with(&enrolled, |r| r.offer.labels = sap).await;
    let assignment = able.take().await;
    assert_eq!(assignment.job_id, run);
    plain.hears_nothing_yet().await;
    able.finish(assignment.claim, State::Completed).await;
    world.done().await;
}
