//! Event streams resume without gap or repetition, and end when they should.

use std::time::Duration;

use baton_api::client::LogNews;
use baton_api::rest::{CreateRun, EventQuery, LogQuery, ReportFinish, ReportLogs};
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_core::state::State;

use crate::world::{World, answer, report_start};

/// Longer than any step here takes, even on a machine under load; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(120);

fn line(seq: i64) -> LogLine {
    LogLine {
        seq,
        at: jiff::Timestamp::UNIX_EPOCH,
        level: LogLevel::Info,
        stream: LogStream::Stdout,
        task: None,
        message: format!("line {seq}"),
    }
}

#[tokio::test]
async fn a_followed_run_gives_every_line_once_and_then_its_end() {
    let world = World::new().await;
    let start = report_start("cscKPI");
    let run = world.client.report_start(&start).await.expect("started");
    let first = ReportLogs {
        lines: (1..=3).map(line).collect(),
    };
    world
        .client
        .report_logs(run.id, &first)
        .await
        .expect("accepted");
    let mut follow = world.client.follow_run(run.id, &LogQuery::default());
    let mut lines = Vec::new();
    let mut states = Vec::new();
    let mut reported = false;
    let end = loop {
        let news = tokio::time::timeout(LONG, follow.next())
            .await
            .expect("in time");
        match news.expect("followed").expect("not over yet") {
            LogNews::Line(line) => lines.push(line.seq),
            LogNews::State(change) => states.push(change.to),
            LogNews::End(run) => break run,
        }
        if lines.len() == 3 && !reported {
            reported = true;
            let more = ReportLogs {
                lines: vec![line(4)],
            };
            world
                .client
                .report_logs(run.id, &more)
                .await
                .expect("accepted");
            let finish = ReportFinish {
                state: State::Completed,
                exit_code: Some(0),
                outputs: Default::default(),
                execution_time: None,
                error: None,
                ended_at: None,
            };
            world
                .client
                .report_finish(run.id, &finish)
                .await
                .expect("finished");
        }
    };
    assert_eq!(lines, [1, 2, 3, 4]);
    assert_eq!(states.last(), Some(&State::Completed));
    assert_eq!(end.state, State::Completed);
    assert!(follow.next().await.expect("quiet").is_none());
}

#[tokio::test]
async fn events_resume_after_the_last_id_without_gap_or_repetition() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let mut all = world.client.follow_events(&EventQuery::default());
    // The stream begins with its own position; only then is what follows in it.
    let hello = tokio::spawn({
        let client = world.client.clone();
        async move { client.about().await }
    });
    hello.await.expect("joined").expect("answered");
    let begin = async |query: &EventQuery, n: usize| {
        let mut follow = world.client.follow_events(query);
        let mut seen = Vec::new();
        while seen.len() < n {
            let event = tokio::time::timeout(LONG, follow.next())
                .await
                .expect("in time");
            seen.push(event.expect("an event"));
        }
        seen
    };
    let zero = EventQuery {
        after: Some("e1-0-0".into()),
        kinds: Some("run".into()),
        ..EventQuery::default()
    };
    for _ in 0..3 {
        let ask = CreateRun::default();
        world
            .client
            .run_deployment("cat_fact/default", &ask)
            .await
            .expect("a run");
    }
    let whole = begin(&zero, 3).await;
    let resumed = EventQuery {
        after: Some(whole[0].id.clone()),
        ..zero.clone()
    };
    let rest = begin(&resumed, 2).await;
    let ids = |events: &[baton_api::rest::Event]| -> Vec<String> {
        events.iter().map(|event| event.id.clone()).collect()
    };
    assert_eq!(ids(&whole[1..]), ids(&rest));
    assert!(whole.iter().all(|event| event.kind.starts_with("run.")));
    drop(all.next());
}

#[tokio::test]
async fn streams_of_one_key_leave_room_for_those_of_others() {
    let world = World::new().await;
    let greedy = world.key(baton_core::access::Role::Viewer).await;
    let open = async |key: &str| {
        let asked = world.request(reqwest::Method::GET, "/api/v1/events", key);
        asked.send().await.expect("sent")
    };
    let mut held = Vec::new();
    let refused = loop {
        let response = open(&greedy).await;
        if !response.status().is_success() {
            break response;
        }
        held.push(response);
        assert!(held.len() < 1_000, "nobody gets as many as they like");
    };
    let (status, body) = answer(refused).await;
    let wanted = (503, "too_many_streams");
    assert_eq!(
        (status.as_u16(), body["code"].as_str().expect("a code")),
        wanted
    );
    let other = world.key(baton_core::access::Role::Viewer).await;
    assert!(open(&other).await.status().is_success());
    assert!(held.len() >= 20, "tabs enough: {}", held.len());
}

#[tokio::test]
async fn a_busy_stream_ends_with_the_key_that_opened_it() {
    let world = World::new().await;
    let made = baton_api::rest::CreateKey {
        name: "wall".into(),
        role: baton_core::access::Role::Viewer,
        expires_in_seconds: None,
    };
    let made = world.client.create_key(&made).await.expect("a key");
    let asked = world.request(reqwest::Method::GET, "/api/v1/events", &made.secret);
    let mut stream = asked.send().await.expect("a stream");
    world.client.revoke_key(made.key.id).await.expect("revoked");
    let mut text = String::new();
    let read = async {
        while let Ok(Some(chunk)) = stream.chunk().await {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    tokio::time::timeout(LONG, read).await.expect("it ends");
    assert!(text.contains("revoked_key"), "{text}");
    assert!(
        !text.contains("key.revoked"),
        "nothing more is told: {text}"
    );
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let world = World::new().await;
    let path = "/api/v1/events?after=nonsense";
    let response = world
        .request(reqwest::Method::GET, path, &world.admin)
        .send()
        .await
        .expect("sent");
    let (status, body) = answer(response).await;
    assert_eq!(
        (status.as_u16(), body["code"].as_str()),
        (400, Some("bad_cursor"))
    );
}
