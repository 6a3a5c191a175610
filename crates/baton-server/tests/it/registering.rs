//! How robots come in, and who is turned away.

use baton_api::robot::{
    CLOSE_PROTOCOL, CLOSE_REPLACED, CLOSE_UNAUTHORISED, Heartbeat, Phase, ProtocolError, Register,
};
use baton_server::operations;

use crate::support::{ORG, Script, World, nobodys_claim};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_registers_and_is_told_its_session_and_its_rhythm() {
    let mut world = World::new().await;
    let script = world.robot("r1").await;
    assert_eq!(script.registered.session, 1);
    assert_eq!(script.registered.heartbeat_seconds, 10.0);
    assert_eq!(script.registered.lease_seconds, 60.0);
    let row = world.until_robot(script.robot.id, |r| r.connected).await;
    assert!(
        row.offer.queues.contains("default"),
        "{:?}",
        row.offer.queues
    );
    assert!(row.offer.queues.contains("pc-r1"), "{:?}", row.offer.queues);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_refused_before_the_upgrade() {
    let world = World::new().await;
    let mut robot = world.enrol("r1").await;
    robot.text = robot.text.replace("br_", "bx_");
    let refused = crate::support::dial(&robot).await.expect_err("refused");
    assert_eq!(refused.status().as_u16(), 401);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_protocol_version_is_refused_with_both_versions_named() {
    let world = World::new().await;
    let robot = world.enrol("r1").await;
    let register = Register {
        protocol: 0,
        ..robot.register()
    };
    let mut script = Script::connect_saying(&robot, &register).await;
    let error: ProtocolError = script.hear().await;
    assert_eq!(error.code, "protocol_version");
    assert!(error.message.contains("version 1"), "{}", error.message);
    assert_eq!(script.hear_close().await.0, CLOSE_PROTOCOL);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_register_first_is_told_so_and_closed() {
    let world = World::new().await;
    let robot = world.enrol("r1").await;
    let mut script = Script::connect_saying(&robot, &Heartbeat::default()).await;
    let error: ProtocolError = script.hear().await;
    assert_eq!(error.code, "not_registered");
    assert_eq!(script.hear_close().await.0, CLOSE_PROTOCOL);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_serves_no_robot_of_another_name() {
    let world = World::new().await;
    let robot = world.enrol("r1").await;
    let register = Register {
        robot_name: "r2".into(),
        ..robot.register()
    };
    let mut script = Script::connect_saying(&robot, &register).await;
    let error: ProtocolError = script.hear().await;
    assert_eq!(error.code, "wrong_robot");
    assert!(error.message.contains("r1"), "{}", error.message);
    assert_eq!(script.hear_close().await.0, CLOSE_UNAUTHORISED);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_connection_of_a_robot_wins_and_the_older_is_told_why() {
    let mut world = World::new().await;
    let mut older = world.robot("r1").await;
    let mut newer = Script::connect(&older.robot).await;
    assert_eq!(newer.registered.session, 2);
    let (code, reason) = older.hear_close().await;
    assert_eq!(code, CLOSE_REPLACED, "{reason}");
    let run = world.run().await;
    let assignment = newer.take().await;
    assert_eq!(assignment.job_id, run);
    world
        .until_robot(newer.robot.id, |r| r.connected && r.session == 2)
        .await;
    newer
        .finish(assignment.claim, baton_core::state::State::Completed)
        .await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_taken_back_closes_its_connection() {
    let world = World::new().await;
    let mut script = world.robot("r1").await;
    operations::revoke_key(&world.app, ORG, script.robot.key)
        .await
        .expect("revoked");
    assert_eq!(script.hear_close().await.0, CLOSE_UNAUTHORISED);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_taken_back_behind_the_servers_back_closes_its_connection_too() {
    let world = World::new().await;
    let mut script = world.robot("r1").await;
    let now = world.app.now();
    world
        .store
        .revoke_key(ORG, script.robot.key, now)
        .await
        .expect("revoked");
    world.pass(5);
    assert_eq!(script.hear_close().await.0, CLOSE_UNAUTHORISED);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_the_store_does_not_know_is_not_kept() {
    let world = World::new().await;
    let robot = world.enrol("r1").await;
    let run = world.run_with(baton_core::state::OnLost::Fail).await;
    let claim = nobodys_claim(run);
    let script = Script::connect_holding(&robot, &[(claim, Phase::Running)]).await;
    let verdict = &script.registered.verdicts[0];
    assert_eq!((verdict.claim, verdict.keep), (claim, false));
    drop(script);
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_understood_is_answered_and_the_connection_goes_on() {
    let world = World::new().await;
    let mut script = world.robot("r1").await;
    script.say_text("{\"type\":\"dance\"}".into()).await;
    assert_eq!(script.hear::<ProtocolError>().await.code, "unknown_message");
    script.say_text("{not json".into()).await;
    assert_eq!(script.hear::<ProtocolError>().await.code, "bad_message");
    script
        .say_text("{\"type\":\"accept\",\"payload\":{}}".into())
        .await;
    assert_eq!(script.hear::<ProtocolError>().await.code, "bad_message");
    script.hears_nothing_yet().await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_over_its_bound_ends_the_connection_and_nothing_else() {
    let world = World::new().await;
    let mut script = world.robot("r1").await;
    let padding = "x".repeat(baton_api::robot::MAX_FRAME + 1);
    // The server does not read such a frame to its end: writing it may fail already.
    script
        .try_to_say(format!("{{\"type\":\"{padding}\"}}"))
        .await;
    script.hear_the_end().await;
    let mut script = Script::connect(&script.robot).await;
    script.hears_nothing_yet().await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_that_offers_a_label_nobody_can_read_is_told_which() {
    let world = World::new().await;
    let robot = world.enrol("r1").await;
    let mut register = robot.register();
    register.offer.labels.insert("sap\u{202e}".into());
    let mut script = Script::connect_saying(&robot, &register).await;
    let error: ProtocolError = script.hear().await;
    assert_eq!(error.code, "bad_message");
    assert!(
        error.message.contains("labels") && error.message.contains("character 4 is U+202E"),
        "{}",
        error.message
    );
    assert_eq!(script.hear_close().await.0, CLOSE_PROTOCOL);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robot_makes_no_queues_without_bound() {
    let world = World::new().await;
    let robot = world.enrol("r1").await;
    for round in 0..4 {
        let script = Script::connect_with(&robot, |register| {
            let names = (0..20).map(|n| format!("made-{round}-{n:02}"));
            register.offer.queues = names.collect();
        })
        .await;
        drop(script);
    }
    let queues = world.store.queues(Some(ORG)).await.expect("queues");
    let names: Vec<&str> = queues.iter().map(|queue| queue.name.as_str()).collect();
    // `default` is there from the start; its computer's own queue comes first.
    assert_eq!(names.len(), 33, "{names:?}");
    assert!(
        names.contains(&"pc-r1") && names.contains(&"made-0-19"),
        "{names:?}"
    );
    world.done().await;
}
