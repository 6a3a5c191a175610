//! Robots that vanish: what their runs become, and when, and when not.

use baton_api::robot::{CLOSE_SLOW, CancelJob, JobAssignment, Phase};
use baton_core::error::ErrorKind;
use baton_core::lease::{HEARTBEAT, LEASE, MARGIN};
use baton_core::state::{OnLost, State};

use crate::support::{ORG, Script, World};

/// Seconds after which a robot that said nothing since is believed dead.
fn lapse() -> i64 {
    (LEASE + MARGIN).as_secs()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_robots_run_crashes_when_its_lease_has_lapsed_and_the_slot_is_free() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    robot.take().await;
    let enrolled = world.lose(robot).await;
    world.pass(lapse());
    let crashed = world.until(run, State::Crashed).await;
    assert_eq!(crashed.error.expect("why").kind, ErrorKind::Lost);
    assert!(!crashed.live);
    let next = world.run().await;
    let mut robot = Script::connect(&enrolled).await;
    let taken = robot.take().await;
    assert_eq!(taken.job_id, next);
    robot.finish(taken.claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_believed_dead_before_its_lease_and_margin_are_over() {
    let (mut world, robot, run, claim) = World::with_a_started_run().await;
    let enrolled = world.lose(robot).await;
    world.pass(lapse() - 1);
    // It comes back in time, and what it holds is still its own.
    let mut robot = Script::connect_holding(&enrolled, &[(claim, Phase::Running)]).await;
    assert!(robot.registered.verdicts[0].keep);
    world.pass(1);
    assert_eq!(world.get(run).await.state, State::Running);
    assert!(!robot.finish(claim, State::Completed).await);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_lapses_within_a_full_lease_of_a_servers_start() {
    let (mut world, robot, run, claim) = World::with_a_started_run().await;
    let enrolled = world.lose(robot).await;
    // The server is away for an hour: nobody could renew.
    let mut world = world.after_being_away(3_600).await;
    world.pass(lapse() - 1);
    let robot = enrolled.at(&world.server.url);
    let mut robot = Script::connect_holding(&robot, &[(claim, Phase::Running)]).await;
    assert!(robot.registered.verdicts[0].keep);
    assert!(!robot.finish(claim, State::Completed).await);
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_robot_was_lost_before_the_start_is_queued_again() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let _: JobAssignment = robot.hear().await;
    let id = robot.robot.id;
    drop(robot);
    world.until_robot(id, |r| !r.connected).await;
    world.pass(lapse());
    world.until(run, State::Queued).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_after_the_lapse_is_kept_as_evidence_only() {
    let (mut world, robot, run, claim) = World::with_a_started_run().await;
    let enrolled = world.lose(robot).await;
    world.pass(lapse());
    world.until(run, State::Crashed).await;
    let mut robot = Script::connect_holding(&enrolled, &[(claim, Phase::Finished)]).await;
    assert!(!robot.registered.verdicts[0].keep);
    assert!(robot.finish(claim, State::Completed).await, "superseded");
    let attempts = world.store.attempts(ORG, run).await.expect("attempts");
    assert_eq!(attempts[0].state, State::Crashed);
    assert!(attempts[0].late_result.is_some());
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_lost_retry_opens_another_attempt_elsewhere() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run_with(OnLost::Retry).await;
    robot.take().await;
    let id = robot.robot.id;
    drop(robot);
    world.until_robot(id, |r| !r.connected).await;
    world.pass(lapse());
    world
        .until_run(run, "the next attempt", |r| r.attempt == 2)
        .await;
    let mut other = world.robot("r2").await;
    world.pass(2);
    let again = other.take().await;
    assert_eq!((again.job_id, again.claim.attempt), (run, 2));
    other.finish(again.claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_comes_back_without_its_run_has_lost_it() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    robot.take().await;
    let robot = Script::connect_with(&robot.robot, |r| r.offer.boot_id = "b2".into()).await;
    let crashed = world.until(run, State::Crashed).await;
    let error = crashed.error.expect("why");
    assert_eq!(error.kind, ErrorKind::Lost);
    assert!(
        error.message.contains("reconnected without the run"),
        "{}",
        error.message
    );
    drop(robot);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reboot_is_told_from_a_network_cut() {
    let mut world = World::new().await;
    let enrolled = world.enrol("r1").await;
    let mut robot = Script::connect_with(&enrolled, |r| r.offer.boot_id = "b1".into()).await;
    let run = world.run().await;
    robot.take().await;
    // A machine that boots has cut its connection.
    let enrolled = world.lose(robot).await;
    let robot = Script::connect_with(&enrolled, |r| r.offer.boot_id = "b2".into()).await;
    let crashed = world.until(run, State::Crashed).await;
    let error = crashed.error.expect("why");
    assert!(
        error.message.contains("machine restarted"),
        "{}",
        error.message
    );
    drop(robot);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_heartbeats_no_longer_name_is_lost_after_two() {
    let (mut world, mut robot, run, claim) = World::with_a_started_run().await;
    for _ in 0..3 {
        world.pass(HEARTBEAT.as_secs() + 1);
        robot.beat(&[(claim, Phase::Running)]).await;
    }
    assert_eq!(world.get(run).await.state, State::Running);
    for _ in 0..2 {
        world.pass(HEARTBEAT.as_secs() + 1);
        robot.beat(&[]).await;
    }
    let crashed = world.until(run, State::Crashed).await;
    assert_eq!(crashed.error.expect("why").kind, ErrorKind::Lost);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_names_a_claim_of_nobody_is_told_so() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    let mut old = claim;
    old.fence = baton_core::id::Fence(0);
    let ack = robot
        .beat(&[(claim, Phase::Running), (old, Phase::Running)])
        .await;
    assert_eq!(ack.superseded, [old]);
    assert_eq!(world.get(run).await.state, State::Running);
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_says_nothing_is_cut_off() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    world.pass(31);
    let (code, reason) = robot.hear_close().await;
    assert_eq!(code, CLOSE_SLOW);
    assert!(reason.contains("nothing was heard"), "{reason}");
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_most_of_the_fleet_vanishes_nothing_is_tried_again_elsewhere() {
    let mut world = World::new().await;
    let mut runs = Vec::new();
    let mut robots = Vec::new();
    for n in 0..10 {
        let mut robot = world.robot(&format!("r{n}")).await;
        // The last one is lost with a run that only fails.
        let on_lost = if n == 9 { OnLost::Fail } else { OnLost::Retry };
        runs.push(world.run_with(on_lost).await);
        robot.take().await;
        robots.push(robot);
    }
    let ids: Vec<_> = robots.iter().map(|r| r.robot.id).collect();
    drop(robots);
    for id in ids {
        world.until_robot(id, |r| !r.connected).await;
    }
    world.pass(lapse());
    world.until(runs[9], State::Crashed).await;
    for run in &runs[..9] {
        assert_eq!(world.get(*run).await.state, State::Running, "held back");
    }
    let events = world.store.events_after(Some(ORG), 0, 1_000).await;
    let events = events.expect("events");
    assert!(events.iter().any(|e| e.kind == "fleet.mass_loss"));
    // It does not come back: after a while nobody waits any longer.
    world.pass(16 * 60);
    for run in &runs[..9] {
        world
            .until_run(*run, "the next attempt", |r| r.attempt == 2)
            .await;
    }
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_is_forced_only_when_the_lease_has_lapsed() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    robot.take().await;
    world.cancel(run).await;
    let _: CancelJob = robot.hear().await;
    let id = robot.robot.id;
    drop(robot);
    world.until_robot(id, |r| !r.connected).await;
    assert_eq!(world.get(run).await.state, State::Cancelling);
    world.pass(lapse());
    let cancelled = world.until(run, State::Cancelled).await;
    assert!(!cancelled.live);
    world.done().await;
}
