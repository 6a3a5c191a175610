//! The time of day is set while runs are on robots: no run ends by it, none is made twice.

use baton_api::robot::Phase;
use baton_core::lease::{LEASE, MARGIN, START_WITHIN};
use baton_core::state::State;
use baton_store::logs::ResourceEvent;
use jiff::SignedDuration;

use crate::support::{ORG, Script, World};

/// A minute, an hour and a day, forward and back.
const STEPS: [i64; 6] = [60, 3_600, 86_400, -60, -3_600, -86_400];

/// Waits until it is recorded that the clock was set by so many seconds, and gives what is said of it.
async fn noticed(world: &mut World, by: i64) -> ResourceEvent {
    let of = async |world: &World| {
        let events = world.store.events_after(Some(ORG), 0, 1_000).await;
        let mut events = events.expect("events").into_iter();
        events.find(|e| e.kind == "server.clock_set" && e.detail["seconds"] == by)
    };
    world
        .until_stored("the clock was set", async |world| of(world).await.is_some())
        .await;
    of(world).await.expect("it is there")
}

async fn look_again(world: &mut World) {
    // Longer than the rescuer's safety tick; shorter than anything that it waits for.
    world.pass(START_WITHIN.as_secs() - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_on_a_connected_robot_goes_on_whatever_the_time_of_day_is_set_to() {
    let (mut world, mut robot, run, claim) = World::with_a_started_run().await;
    for step in STEPS {
        world.clock.set(SignedDuration::from_secs(step));
        look_again(&mut world).await;
        robot.beat(&[(claim, Phase::Running)]).await;
        noticed(&mut world, step).await;
        assert_eq!(world.get(run).await.state, State::Running, "{step} s");
    }
    assert!(!robot.finish(claim, State::Completed).await);
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_robot_has_its_whole_lease_whatever_the_time_of_day_is_set_to() {
    for step in [86_400, -86_400] {
        let (mut world, robot, run, claim) = World::with_a_started_run().await;
        let enrolled = world.lose(robot).await;
        world.clock.set(SignedDuration::from_secs(step));
        world.pass((LEASE + MARGIN).as_secs() - 1);
        let mut robot = Script::connect_holding(&enrolled, &[(claim, Phase::Running)]).await;
        assert!(robot.registered.verdicts[0].keep, "{step} s");
        assert!(!robot.finish(claim, State::Completed).await);
        world.until(run, State::Completed).await;
        world.done().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_robots_run_is_found_lost_in_time_though_the_clock_was_set_back() {
    let (mut world, robot, run, _) = World::with_a_started_run().await;
    world.lose(robot).await;
    world.clock.set(SignedDuration::from_secs(-86_400));
    world.pass((LEASE + MARGIN).as_secs());
    world.until(run, State::Crashed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_is_waited_for_as_long_as_ever_though_the_clock_was_set_forward() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let assigned: baton_api::robot::JobAssignment = robot.hear().await;
    world.clock.set(SignedDuration::from_secs(3_600));
    world.pass(START_WITHIN.as_secs() - 1);
    noticed(&mut world, 3_600).await;
    assert_eq!(world.get(run).await.state, State::Dispatched);
    robot.accept(assigned.claim).await;
    world.until(run, State::Running).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_the_clock_was_set_is_recorded_with_what_schedules_do() {
    let mut world = World::new().await;
    for (by, says) in [(7_200, "missed"), (-7_200, "do not come again")] {
        world.clock.set(SignedDuration::from_secs(by));
        world.pass(6);
        let event = noticed(&mut world, by).await;
        let words = event.detail["schedules"].as_str().expect("a sentence");
        assert!(words.contains(says), "{words}");
    }
    world.done().await;
}
