//! What is measured every ten seconds: of the whole, of each robot, of each queue.

use baton_core::state::State;
use baton_store::stats::{Grain, Sample};
use jiff::Timestamp;

use crate::support::{ORG, World};

async fn samples(world: &World, metric: &str, subject: &str, grain: Grain) -> Vec<Sample> {
    let (from, until) = (Timestamp::MIN, Timestamp::MAX);
    let subject = Some(subject);
    let found = world
        .store
        .samples(ORG, metric, subject, grain, from, until);
    found.await.expect("samples")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_robot_and_each_queue_is_measured_in_every_grain() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let id = robot.robot.id.to_string();
    let run = world.run().await;
    let queue = world.get(run).await.spec.needs.queue_id.to_string();
    let claim = robot.take().await.claim;
    world.pass(10);
    world
        .until_stored("the robot to be seen at work", async |world| {
            let found = samples(world, "robot_utilization", &id, Grain::TenSeconds).await;
            found.iter().any(|sample| sample.value == 1.0)
        })
        .await;
    robot.finish(claim, State::Completed).await;
    world.pass(10);
    world
        .until_stored("a run to be seen ending", async |world| {
            let found = samples(world, "throughput", &queue, Grain::TenSeconds).await;
            found.iter().any(|sample| sample.value == 0.1)
        })
        .await;
    for grain in Grain::ALL {
        for (metric, subject) in [
            ("robot_utilization", id.as_str()),
            ("robot_utilization", ""),
            ("throughput", &queue),
            ("throughput", ""),
            ("queue_depth", &queue),
        ] {
            let found = samples(&world, metric, subject, grain).await;
            assert!(!found.is_empty(), "{metric} of {subject:?} at {grain:?}");
        }
    }
    let hour = samples(&world, "robot_utilization", &id, Grain::Hour).await;
    assert!(
        hour[0].value > 0.0 && hour[0].value < 1.0,
        "a mean: {hour:?}"
    );
    world.done().await;
}
