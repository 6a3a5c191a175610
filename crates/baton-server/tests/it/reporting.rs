//! Logs, tasks, progress and the agent's own log: acknowledged after the commit, in order, without gap.

use baton_api::robot::{
    Ack, LogBatch, ProtocolError, RobotLog, RobotLogLine, StatusUpdate, TaskReport, TaskUpdate,
};
use baton_core::run::{LogLevel, LogLine, LogStream, MAX_LINE, Progress};
use baton_core::state::State;
use jiff::Timestamp;

use crate::support::{ORG, World};

fn line(seq: i64, message: &str) -> LogLine {
    LogLine {
        seq,
        at: Timestamp::UNIX_EPOCH,
        level: LogLevel::Info,
        stream: LogStream::Stdout,
        task: None,
        message: message.into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_lines_are_acknowledged_up_to_the_first_gap() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    let mut send = async |lines: Vec<LogLine>| {
        robot.say(&LogBatch { claim, lines }).await;
        match robot.hear::<Ack>().await {
            Ack::Log { seq, .. } => seq,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(send(vec![line(1, "a"), line(2, "b")]).await, 2);
    assert_eq!(send(vec![line(4, "d")]).await, 2, "3 is missing");
    assert_eq!(
        send(vec![line(2, "b"), line(3, "c"), line(4, "d")]).await,
        4
    );
    let spans = world.store.log_span(ORG, run).await.expect("a span");
    assert_eq!(spans, [(1, 4)]);
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overlong_line_is_cut_visibly_whatever_the_robot_sends() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    let lines = vec![line(1, &"x".repeat(MAX_LINE + 10))];
    robot.say(&LogBatch { claim, lines }).await;
    let _: Ack = robot.hear().await;
    let query = baton_store::logs::LogQuery {
        org: ORG,
        run_id: run,
        attempt: None,
        after: None,
        tail: false,
        level: None,
        task: None,
        search: None,
        limit: 10,
    };
    let lines = world.store.logs(query).await.expect("lines");
    assert!(lines[0].1.message.len() <= MAX_LINE && lines[0].1.message.ends_with('…'));
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_a_claim_of_nobody_are_refused_and_need_not_be_sent_again() {
    let (world, mut robot, run, claim) = World::with_a_started_run().await;
    let nobody = crate::support::nobodys_claim(run);
    let lines = vec![line(1, "a"), line(2, "b")];
    robot
        .say(&LogBatch {
            claim: nobody,
            lines,
        })
        .await;
    assert_eq!(robot.hear::<ProtocolError>().await.code, "stale_fence");
    let ack: Ack = robot.hear().await;
    assert_eq!(
        ack,
        Ack::Log {
            claim: nobody,
            seq: 2
        }
    );
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_and_progress_are_there_while_the_run_goes_on() {
    let (mut world, mut robot, run, claim) = World::with_a_started_run().await;
    let report = |state| TaskReport {
        key: "load".into(),
        name: "load invoices".into(),
        state,
        after: vec![],
        tries: 1,
        started_at: None,
        ended_at: None,
        error: None,
        data: serde_json::Value::Null,
    };
    for (seq, state) in [(1, State::Running), (2, State::Completed)] {
        let tasks = vec![report(state)];
        robot.say(&TaskUpdate { claim, seq, tasks }).await;
        assert_eq!(robot.hear::<Ack>().await, Ack::Tasks { claim, seq });
    }
    let tasks = world.store.task_runs(ORG, run, None).await.expect("tasks");
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].state, State::Completed);
    let progress = Progress {
        percent: Some(40.0),
        message: Some("page 4 of 10".into()),
        task: None,
    };
    robot
        .say(&StatusUpdate {
            claim,
            status: "running".into(),
            progress: progress.clone(),
        })
        .await;
    world
        .until_run(run, "its progress", |r| {
            r.progress == Some(progress.clone())
        })
        .await;
    robot.finish(claim, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agents_own_log_is_kept() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let lines = (1..=3).map(|seq| RobotLogLine {
        seq,
        at: Timestamp::UNIX_EPOCH,
        level: LogLevel::Warning,
        message: format!("line {seq}"),
    });
    robot
        .say(&RobotLog {
            lines: lines.collect(),
        })
        .await;
    assert_eq!(robot.hear::<Ack>().await, Ack::RobotLog { seq: 3 });
    let log = world.store.robot_log(ORG, robot.robot.id, 0, 10).await;
    assert_eq!(log.expect("a log").len(), 3);
    world.done().await;
}
