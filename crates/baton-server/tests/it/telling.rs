//! What is said beside runs: a word to robots, packages ahead of time, and what robots measure.

use baton_api::robot::{Broadcast, Heartbeat, HeartbeatAck, WorkflowDeploy, WorkflowUndeploy};
use baton_core::robot::RobotMetrics;
use baton_server::operations;
use serde_json::{Value, json};

use crate::support::{ORG, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_reaches_every_connected_robot_and_absent_ones_are_named() {
    let world = World::new().await;
    let mut robots = [world.robot("r1").await, world.robot("r2").await];
    let absent = world.enrol("r3").await;
    let told = operations::broadcast(&world.app, ORG, None, "reboot", json!({"at": "18:00"}));
    assert_eq!(told.reached.len(), 2);
    for robot in &mut robots {
        let word: Broadcast = robot.hear().await;
        assert_eq!(word.event, "reboot");
        assert_eq!(word.data["at"], "18:00");
    }
    let one = [robots[0].robot.id, absent.id];
    let told = operations::broadcast(&world.app, ORG, Some(&one), "hello", Value::Null);
    assert_eq!(told.reached, [robots[0].robot.id]);
    assert_eq!(told.absent, [absent.id]);
    let word: Broadcast = robots[0].hear().await;
    assert_eq!(word.event, "hello");
    robots[1].hears_nothing_yet().await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_placed_on_a_robot_ahead_of_its_first_run_and_taken_away() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let deployed = world.deploy("report", |_| {}).await;
    let version = deployed.version.id;
    let told = operations::deploy_to_robots(&world.app, ORG, version, None).await;
    assert_eq!(told.expect("told").reached, [robot.robot.id]);
    let placed: WorkflowDeploy = robot.hear().await;
    assert_eq!(placed.workflow.name, "report");
    assert_eq!(placed.workflow.version_id, version);
    let told = operations::undeploy_from_robots(&world.app, ORG, version, None).await;
    assert_eq!(told.expect("told").reached, [robot.robot.id]);
    let gone: WorkflowUndeploy = robot.hear().await;
    assert_eq!(gone.workflow.version_id, version);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_robot_measures_is_kept_with_its_row() {
    let mut world = World::new().await;
    let mut robot = world.robot("r1").await;
    let metrics = RobotMetrics {
        cpu_percent: 12.5,
        memory_percent: 50.0,
        disk_percent: 75.0,
        uptime_seconds: 3_600,
        trouble: None,
    };
    let beat = Heartbeat {
        status: "online".into(),
        sent_at: world.app.now(),
        metrics: metrics.clone(),
        active: Vec::new(),
    };
    robot.say(&beat).await;
    let _: HeartbeatAck = robot.hear().await;
    // What was heard is written in one batch, every five seconds.
    world.pass(5);
    let row = world
        .until_robot(robot.robot.id, |row| row.metrics == metrics)
        .await;
    assert!(row.connected);
    world.done().await;
}
