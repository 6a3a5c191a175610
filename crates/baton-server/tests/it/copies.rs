//! Copies of a robot's folder: one of them works at a time, and no run is executed twice.

use baton_api::robot::{CLOSE_IN_USE, Phase, Register};
use baton_core::lease::{LEASE, MARGIN};
use baton_core::robot::UNREACHABLE_AFTER;
use baton_core::state::{OnLost, State};

use crate::support::{Enrolled, ORG, Script, World};

fn installed(at: &str) -> impl FnOnce(&mut Register) {
    let at = at.to_owned();
    move |register| register.offer.installation = at
}

/// The close that a registration from `at` gets.
async fn refused(robot: &Enrolled, at: &str) -> String {
    let mut register = robot.register();
    installed(at)(&mut register);
    let mut copy = Script::connect_saying(robot, &register).await;
    let (code, why) = copy.hear_close().await;
    assert_eq!(code, CLOSE_IN_USE, "{why}");
    why
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_refused_while_the_robot_is_heard_and_its_run_goes_on() {
    let mut world = World::new().await;
    let enrolled = world.enrol("r1").await;
    let mut robot = Script::connect_with(&enrolled, installed("here")).await;
    let run = world.run_with(OnLost::Retry).await;
    let claim = robot.take().await.claim;
    for _ in 0..3 {
        let why = refused(&enrolled, "there").await;
        assert!(why.contains("another copy of r1 is at work"), "{why}");
    }
    assert_eq!(world.get(run).await.attempt, 1);
    assert!(!robot.finish(claim, State::Completed).await);
    world.until(run, State::Completed).await;
    let events = world.store.events_after(Some(ORG), 0, 1_000).await;
    let told = events.expect("events").into_iter();
    let told = told.filter(|e| e.kind == "robot.second_installation");
    assert_eq!(told.count(), 1, "it is told once, however often it tries");
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_takes_over_only_when_what_the_robot_ran_is_dead() {
    let mut world = World::new().await;
    let enrolled = world.enrol("r1").await;
    let mut robot = Script::connect_with(&enrolled, installed("here")).await;
    let run = world.run_with(OnLost::Retry).await;
    let claim = robot.take().await.claim;
    let enrolled = world.lose(robot).await;
    world.pass(UNREACHABLE_AFTER.as_secs() + 1);
    refused(&enrolled, "there").await;
    assert_eq!(world.get(run).await.attempt, 1, "nothing is believed dead");
    // The robot itself comes back: it has lost nothing.
    let mut robot = Script::connect_with(&enrolled, |register| {
        installed("here")(register);
        let held = baton_api::robot::Held::new(claim, Phase::Running);
        register.holds.push(held);
    })
    .await;
    assert!(robot.registered.verdicts[0].keep);
    robot.beat(&[(claim, Phase::Running)]).await;
    let enrolled = world.lose(robot).await;
    world.pass((LEASE + MARGIN).as_secs());
    let copy = Script::connect_with(&enrolled, installed("there")).await;
    world
        .until_run(run, "the next attempt", |r| r.attempt == 2)
        .await;
    drop(copy);
    world.done().await;
}
