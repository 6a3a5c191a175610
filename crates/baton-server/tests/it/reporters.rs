//! Processes that execute runs by themselves and die: their runs end, and what they say later is kept.

use baton_api::client::Client;
use baton_api::rest::{ReportFinish, ReportStart, ReportTasks, TaskInput};
use baton_core::id::RunId;
use baton_core::state::State;
use serde_json::json;

use crate::support::{ORG, World};
use crate::world::report_start;

/// A run whose process promised to report this often.
async fn begun(client: &Client, every: Option<u32>) -> RunId {
    let start = ReportStart {
        report_every_seconds: every,
        ..report_start("by-hand")
    };
    client.report_start(&start).await.expect("started").id
}

fn finish(state: State) -> ReportFinish {
    serde_json::from_value(json!({"state": state, "exit_code": 0})).expect("a report")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_process_misses_three_reports_is_crashed_and_what_comes_later_is_kept_beside_it()
 {
    let mut world = World::new().await;
    let client = world.client().await;
    let run = begun(&client, Some(20)).await;
    world.pass(40);
    let heard = client.report_tasks(run, &ReportTasks::default()).await;
    heard.expect("a report of nothing is one");
    world.pass(62);
    world.app.wakeups.rescuer.notify_one();
    let shown = client.run(&run.to_string()).await.expect("the run");
    let unheard = shown.unheard.expect("reports are missing");
    assert_eq!(shown.state, State::Running);
    assert_eq!(unheard.until.duration_since(unheard.since).as_secs(), 65);

    world.pass(4);
    world.app.wakeups.rescuer.notify_one();
    let ended = world.until(run, State::Crashed).await;
    assert!(!ended.live, "it holds nothing any more");
    let attempts = world.store.attempts(ORG, run).await.expect("attempts");
    let error = attempts[0].error.as_ref().expect("an error");
    assert!(error.message.contains("was not heard"), "{}", error.message);

    let late = client.report_finish(run, &finish(State::Completed)).await;
    assert_eq!(late.expect("it is taken").state, State::Crashed);
    let attempts = world.store.attempts(ORG, run).await.expect("attempts");
    let late = attempts[0].late_result.as_ref().expect("kept as evidence");
    assert_eq!(late["status"], "completed");
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_promised_nothing_has_a_day() {
    let mut world = World::new().await;
    let client = world.client().await;
    let run = begun(&client, None).await;
    world.pass(24 * 3_600);
    world.app.wakeups.rescuer.notify_one();
    assert_eq!(world.get(run).await.state, State::Running);
    world.pass(6);
    world.app.wakeups.rescuer.notify_one();
    world.until(run, State::Crashed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_ends_though_the_process_never_hears_of_it() {
    let mut world = World::new().await;
    let client = world.client().await;
    let run = begun(&client, None).await;
    world.cancel(run).await;
    world.until(run, State::Cancelling).await;
    let cancelled_at = world.app.now();
    world
        .until_stored("the cancel to end", async |world| {
            world.pass(5);
            world.app.wakeups.rescuer.notify_one();
            world.get(run).await.state == State::Cancelled
        })
        .await;
    let ended = world.get(run).await;
    assert!(!ended.live);
    // The grace of a run, and a minute in which nobody says anything.
    let took = ended.changed_at.duration_since(cancelled_at).as_secs();
    assert!(took >= 30 + 60, "{took}");
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_gives_a_process_its_time_again() {
    let world = World::new().await;
    let client = world.client().await;
    let run = begun(&client, Some(20)).await;
    let mut world = world.after_being_away(3_600).await;
    world.app.wakeups.rescuer.notify_one();
    let client = world.client().await;
    let heard = client.report_tasks(run, &ReportTasks::default()).await;
    heard.expect("it goes on");
    let ended = client.report_finish(run, &finish(State::Completed)).await;
    assert_eq!(ended.expect("it counts").state, State::Completed);
    world.until(run, State::Completed).await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_out_of_bounds_is_refused() {
    let world = World::new().await;
    let client = world.client().await;
    for every in [0, 19, 201_601] {
        let start = ReportStart {
            report_every_seconds: Some(every),
            ..report_start("by-hand")
        };
        let refused = client.report_start(&start).await;
        assert_eq!(refused.expect_err("not taken").code(), "out_of_range");
    }
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_keeps_its_id_from_report_to_report() {
    let world = World::new().await;
    let client = world.client().await;
    let run = begun(&client, None).await;
    let mut seen = Vec::new();
    for state in [State::Running, State::Completed] {
        let told = json!({"key": "read", "name": "Read", "state": state});
        let task: TaskInput = serde_json::from_value(told).expect("a task");
        let report = ReportTasks {
            tasks: vec![task],
            progress: None,
        };
        client.report_tasks(run, &report).await.expect("taken");
        let tasks = world.store.task_runs(ORG, run, None).await.expect("tasks");
        seen.push((tasks[0].id, tasks[0].state));
    }
    assert_eq!(seen[0].0, seen[1].0);
    assert_eq!(seen[1].1, State::Completed);
    client
        .report_finish(run, &finish(State::Completed))
        .await
        .expect("ended");
    world.done().await;
}
