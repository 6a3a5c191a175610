//! A server that goes away and comes back: nothing is lost, nothing is done twice.

use std::sync::Arc;

use baton_api::robot::{CLOSE_RESTART, JobAssignment, Phase};
use baton_core::state::State;
use baton_server::clock::{Clock, ManualClock};
use baton_store::{SqliteOptions, SqliteStore};
use jiff::Timestamp;

use crate::support::{Script, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_resumes_what_waits_what_is_assigned_and_what_runs() {
    let world = World::new().await;
    let mut running = world.robot("r1").await;
    let first = world.run().await;
    let held = running.take().await.claim;
    let mut assigned = world.robot("r2").await;
    let second = world.run().await;
    let lost: JobAssignment = assigned.hear().await;
    let third = world.run().await;

    let mut world = world.after_a_crash().await;
    let url = world.server.url.clone();
    let r1 = running.robot.at(&url);
    let mut running = Script::connect_holding(&r1, &[(held, Phase::Running)]).await;
    assert!(running.registered.verdicts[0].keep);
    let r2 = assigned.robot.at(&url);
    let mut assigned = Script::connect(&r2).await;
    let again = assigned.take().await;
    assert_eq!((again.job_id, again.claim), (second, lost.claim));
    assert!(!running.finish(held, State::Completed).await);
    let next = running.take().await;
    assert_eq!(next.job_id, third);
    assert!(!running.finish(next.claim, State::Completed).await);
    assert!(!assigned.finish(again.claim, State::Completed).await);
    for run in [first, second, third] {
        assert_eq!(world.until(run, State::Completed).await.attempt, 1);
    }
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graceful_stop_tells_robots_to_come_back_and_keeps_what_waits() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    robot.beat(&[]).await;
    let store = Arc::clone(&world.store);
    let clock: Arc<ManualClock> = Arc::clone(&world.clock);
    let stopping = tokio::spawn(world.server.stop());
    let (code, reason) = robot.hear_close().await;
    assert_eq!(code, CLOSE_RESTART, "{reason}");
    drop(robot);
    stopping.await.expect("it stops");
    let closed = store.robots(None).await;
    assert!(closed.is_err(), "the store is closed last");
    assert!(clock.now() > Timestamp::UNIX_EPOCH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_everything_is_there_again_when_the_file_is_opened_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("baton.db");
    let began = Timestamp::from_second(1_800_000_000).expect("in range");
    let clock = Arc::new(ManualClock::at(began));
    let store = SqliteStore::open(&file, SqliteOptions::default()).expect("a new file");
    let world = World::on(store, Arc::clone(&clock)).await;
    let mut running = world.robot("r1").await;
    let first = world.run().await;
    let held = running.take().await.claim;
    world.pass(1);
    let second = world.run().await;
    let enrolled = running.robot.clone();
    world.server.stop().await;

    let store = SqliteStore::open(&file, SqliteOptions::default()).expect("the same file");
    let mut world = World::on(store, clock).await;
    let robot = enrolled.at(&world.server.url);
    let mut running = Script::connect_holding(&robot, &[(held, Phase::Running)]).await;
    assert!(running.registered.verdicts[0].keep);
    assert_eq!(running.registered.session, 2);
    assert!(!running.finish(held, State::Completed).await);
    let next = running.take().await;
    assert_eq!(next.job_id, second);
    assert!(!running.finish(next.claim, State::Completed).await);
    for run in [first, second] {
        assert_eq!(world.until(run, State::Completed).await.attempt, 1);
    }
    world.done().await;
}
