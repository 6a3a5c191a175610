//! Runs that no robot executes: a process on somebody's machine reports what it does.

use baton_api::rest::{
    AttemptQuery, ReportFinish, ReportLogs, ReportStart, ReportTasks, TaskInput,
};
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_core::state::State;
use serde_json::json;

use crate::world::{World, report_start};

fn start() -> ReportStart {
    ReportStart {
        computer: Some("CDAPXXX03".into()),
        idempotency_key: Some("manual-1".into()),
        ..report_start("cscKPI")
    }
}

fn finish(state: State) -> ReportFinish {
    ReportFinish {
        state,
        exit_code: Some(i32::from(state != State::Completed)),
        outputs: Default::default(),
        execution_time: Some(1.5),
        error: None,
        ended_at: None,
    }
}

#[tokio::test]
async fn a_process_reports_its_own_run_and_every_report_may_be_repeated() {
    let world = World::new().await;
    let start = start();
    let run = world.client.report_start(&start).await.expect("started");
    assert_eq!(run.state, State::Running);
    let again = world.client.report_start(&start).await.expect("the same");
    assert_eq!(again.id, run.id);
    let line = |seq| LogLine {
        seq,
        at: jiff::Timestamp::UNIX_EPOCH,
        level: LogLevel::Info,
        stream: LogStream::Stdout,
        task: None,
        message: format!("line {seq}"),
    };
    let logs = ReportLogs {
        lines: vec![line(1), line(2)],
    };
    for _ in 0..2 {
        let accepted = world
            .client
            .report_logs(run.id, &logs)
            .await
            .expect("accepted");
        assert_eq!(accepted.seq, 2);
    }
    let outputs = json!({"rows": 3});
    let finish = ReportFinish {
        outputs: outputs.as_object().expect("an object").clone(),
        ..finish(State::Completed)
    };
    for _ in 0..2 {
        let ended = world
            .client
            .report_finish(run.id, &finish)
            .await
            .expect("finished");
        assert_eq!(ended.state, State::Completed);
        assert_eq!(ended.label, "cscKPI", "a manual run bears its flow's name");
    }
    let result = world.client.result(&run.name).await.expect("a result");
    assert_eq!(result.status, "completed");
    assert_eq!(result.outputs["rows"], 3);
    assert_eq!(result.logs.len(), 2);
    let text = world
        .client
        .log_text(run.id, &Default::default(), 1 << 20)
        .await
        .expect("a text")
        .bytes()
        .await
        .expect("read");
    assert!(String::from_utf8(text).expect("UTF-8").contains("line 2\n"));
}

#[tokio::test]
async fn a_run_that_a_process_reported_is_not_retried_for_nobody_would_take_it() {
    let world = World::new().await;
    let run = world.client.report_start(&start()).await.expect("started");
    let ended = finish(State::Failed);
    world
        .client
        .report_finish(run.id, &ended)
        .await
        .expect("ended");
    let path = format!("/api/v1/runs/{}/retry", run.id);
    let (status, body) = world.send(reqwest::Method::POST, &path, "{}").await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (409, &json!("illegal_transition"))
    );
    let detail = body["detail"].as_str().expect("a sentence");
    assert!(detail.contains("start it there again"), "{detail}");
    let shown = world.client.run(&run.name).await.expect("it is there");
    assert_eq!(shown.state, State::Failed);
}

#[tokio::test]
async fn what_a_process_left_open_ends_with_its_attempt() {
    let world = World::new().await;
    let run = world.client.report_start(&start()).await.expect("started");
    let task = |key: &str, state| {
        let told = json!({"key": key, "name": key, "state": state});
        serde_json::from_value::<TaskInput>(told).expect("a task")
    };
    let report = ReportTasks {
        tasks: vec![
            task("read", "completed"),
            task("check", "running"),
            task("send", "pending"),
        ],
        progress: None,
    };
    world
        .client
        .report_tasks(run.id, &report)
        .await
        .expect("accepted");
    let states = async || {
        let query = AttemptQuery::default();
        let tasks = world.client.task_runs(&run.name, &query).await;
        let mut states: Vec<_> = (tasks.expect("tasks").items.into_iter())
            .map(|t| (t.key, t.state, t.ended_at.is_some()))
            .collect();
        states.sort();
        states
    };
    let told = |key: &str, state, ended| (key.to_owned(), state, ended);
    assert_eq!(states().await[0], told("check", State::Running, false));
    let ended = finish(State::Failed);
    let ended = world.client.report_finish(run.id, &ended).await;
    assert_eq!(ended.expect("ended").state, State::Failed);
    let after = states().await;
    assert_eq!(after[0], told("check", State::Failed, true));
    assert_eq!(
        (after[1].0.as_str(), after[1].1),
        ("read", State::Completed)
    );
    assert_eq!(after[2], told("send", State::Cancelled, true));
    let result = world.client.result(&run.name).await.expect("a result");
    assert_eq!(result.node_results["check"].status, State::Failed);
}
