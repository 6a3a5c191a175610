//! What was really executed: lines of attempts that were believed dead.

use baton_core::id::RunId;
use baton_core::robot::Robot;
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_core::state::{Event, OnLost};
use baton_store::logs::{LogBatch, ResourceEvent};
use baton_store::runs::Claim;
use baton_store::stats::Breach;

use crate::harness::{Bench, ORG, at, for_each_store};

for_each_store!(
    two_attempts_that_wrote_at_once_are_found,
    one_robots_two_copies_that_wrote_at_once_are_found,
    a_clock_of_the_server_that_went_forward_hides_nothing,
    an_attempt_that_went_on_after_it_was_lost_is_found,
    lines_within_the_patience_or_of_one_moment_are_no_fault,
    a_robot_whose_clock_is_wrong_is_no_fault,
    a_robot_whose_clock_is_behind_is_no_fault,
    clocks_that_contradict_each_other_are_said_and_are_no_breach,
);

/// Lines that the process of an attempt wrote, by the robot's clock.
async fn wrote(b: &Bench, run_id: RunId, claim: Claim, seconds: &[i64]) {
    let line = |(seq, second): (i64, &i64)| LogLine {
        seq,
        at: at(*second),
        level: LogLevel::Info,
        stream: LogStream::Stdout,
        task: None,
        message: "tick".into(),
    };
    let batch = LogBatch {
        org: ORG,
        run_id,
        claim,
        lines: (1..).zip(seconds).map(line).collect(),
    };
    b.store
        .append_logs(vec![batch])
        .await
        .remove(0)
        .expect("kept");
}

/// The robot connects, its clock so many seconds ahead of the server's.
async fn connected(b: &Bench, robot: &Robot, ahead: i64) {
    let event = ResourceEvent {
        seq: 0,
        org: ORG,
        at: at(1),
        kind: "robot.connected".into(),
        subject: robot.id.to_string(),
        actor: robot.name.clone(),
        detail: serde_json::json!({ "session": 1, "clock_ahead_ms": ahead * 1_000 }),
    };
    b.store.append_events(vec![event]).await.expect("kept");
}

/// A run that started at 2, was believed lost at this second, and began anew 2 s later on another robot.
async fn again(b: &Bench, one: &Robot, two: &Robot, lost: i64) -> (RunId, Claim, Claim) {
    let mut new = b.new_run().await;
    new.spec.on_lost = OnLost::Retry;
    let (id, first) = b.running(new, one).await;
    b.event(id, Event::LeaseLapsed, lost).await.expect("lost");
    b.event(id, Event::Due, lost + 1).await.expect("due");
    let second = b.assign(id, two).await;
    b.told(id, second, Event::Start, lost + 2)
        .await
        .expect("begun");
    (id, first, second)
}

/// The checks of breaches and of observations. The store is closed then: what is made up here is to be found.
async fn checks(b: &Bench) -> (Vec<String>, Vec<String>) {
    let found = b.store.verify().await.expect("verified");
    b.store.close().await;
    let names = |all: Vec<Breach>| all.into_iter().map(|b| b.check).collect();
    (names(found.breaches), names(found.observations))
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

async fn two_attempts_that_wrote_at_once_are_found(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    let (id, first, second) = again(b, &one, &two, 70).await;
    wrote(b, id, first, &[2, 30, 75, 80, 85, 90]).await;
    wrote(b, id, second, &[72, 80, 90]).await;
    assert_eq!(checks(b).await, (names(&["executed_twice"]), vec![]));
}

async fn one_robots_two_copies_that_wrote_at_once_are_found(b: &Bench) {
    let one = b.robot("one", 2).await;
    let (id, first, second) = again(b, &one, &one, 10).await;
    wrote(b, id, first, &[2, 8, 12, 18, 20, 22]).await;
    wrote(b, id, second, &[12, 14]).await;
    assert_eq!(checks(b).await, (names(&["executed_twice"]), vec![]));
}

async fn a_clock_of_the_server_that_went_forward_hides_nothing(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    connected(b, &two, 0).await;
    // It was set 120 s forward 10 s after the start; what robots wrote has their own times.
    let (id, first, second) = again(b, &one, &two, 132).await;
    wrote(b, id, first, &[2, 12, 15, 20, 25, 30]).await;
    wrote(b, id, second, &[14, 20]).await;
    assert_eq!(checks(b).await, (names(&["executed_twice"]), vec![]));
}

async fn an_attempt_that_went_on_after_it_was_lost_is_found(b: &Bench) {
    let one = b.robot("one", 1).await;
    let (id, first) = b.running(b.new_run().await, &one).await;
    b.event(id, Event::LeaseLapsed, 70).await.expect("lost");
    wrote(b, id, first, &[2, 60, 80, 90]).await;
    assert_eq!(checks(b).await, (names(&["written_after_lost"]), vec![]));
}

async fn lines_within_the_patience_or_of_one_moment_are_no_fault(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 2).await);
    let (id, first, second) = again(b, &one, &two, 70).await;
    wrote(b, id, first, &[2, 60, 71, 73]).await;
    wrote(b, id, second, &[72, 99]).await;
    let (id, first, second) = again(b, &one, &two, 70).await;
    // The agent was frozen; what waited in the pipe has the time at which it went on.
    wrote(b, id, first, &[2, 60, 95, 95]).await;
    wrote(b, id, second, &[72, 99]).await;
    let late = names(&["late_lines", "late_lines"]);
    assert_eq!(checks(b).await, (vec![], late));
}

async fn a_robot_whose_clock_is_wrong_is_no_fault(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    let (id, first, second) = again(b, &one, &two, 70).await;
    wrote(b, id, first, &[3_602, 3_630, 3_660]).await;
    wrote(b, id, second, &[72, 99]).await;
    assert_eq!(checks(b).await, (vec![], vec![]));
}

async fn a_robot_whose_clock_is_behind_is_no_fault(b: &Bench) {
    let (one, two) = (b.robot("one", 2).await, b.robot("two", 9).await);
    connected(b, &two, -60).await;
    let (id, first, second) = again(b, &one, &two, 70).await;
    wrote(b, id, first, &[2, 20, 40, 60, 68]).await;
    wrote(b, id, second, &[12, 39]).await;
    // The same with one robot twice, whose clock its own first line tells.
    let (id, first, second) = again(b, &two, &two, 70).await;
    wrote(b, id, first, &[-58, -30, 0, 8]).await;
    wrote(b, id, second, &[12, 39]).await;
    // What went on is found all the same.
    let (id, first, second) = again(b, &one, &two, 70).await;
    wrote(b, id, first, &[2, 60, 80, 90]).await;
    wrote(b, id, second, &[12, 39]).await;
    assert_eq!(checks(b).await, (names(&["executed_twice"]), vec![]));
}

async fn clocks_that_contradict_each_other_are_said_and_are_no_breach(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    let (id, first, second) = again(b, &one, &two, 70).await;
    wrote(b, id, first, &[2, 20, 40, 60]).await;
    wrote(b, id, second, &[12, 39]).await;
    assert_eq!(checks(b).await, (vec![], names(&["clocks_apart"])));
}
