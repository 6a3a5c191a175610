//! Live streams: every event and line once, in order, also across a break.

use baton_api::robot::LogBatch;
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_core::state::State;
use baton_server::hub::{Event, EventFeed, FeedError, Filter, Item, LogFeed, LogItem};
use jiff::Timestamp;

use crate::support::{ORG, PATIENCE, World};

async fn next(feed: &mut EventFeed) -> Vec<Item> {
    tokio::time::timeout(PATIENCE, feed.next())
        .await
        .expect("there is something")
        .expect("events")
}

fn states(items: &[Item]) -> Vec<State> {
    items
        .iter()
        .filter_map(|item| match &item.event {
            Event::Run(event) => Some(event.to),
            Event::Resource(_) => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_resumed_by_its_last_id_has_no_gap_and_no_repetition() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let mut feed = EventFeed::after(world.server.app.clone(), None, Filter::all(ORG))
        .await
        .expect("a feed");
    let run = world.run().await;
    let claim = robot.take().await.claim;
    let mut seen = next(&mut feed).await;
    // The connection breaks after the first event of what came; the reader goes on after that one.
    seen.truncate(1);
    let id = seen[0].cursor.to_string();
    robot.finish(claim, State::Completed).await;
    let cursor = id.parse().expect("its own id");
    let mut feed = EventFeed::after(world.server.app.clone(), Some(cursor), Filter::all(ORG))
        .await
        .expect("a feed");
    while states(&seen).last() != Some(&State::Completed) {
        seen.extend(next(&mut feed).await);
    }
    let all = world.store.run_history(ORG, run).await.expect("history");
    let all: Vec<State> = all.iter().map(|e| e.to).collect();
    assert_eq!(states(&seen), all);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_from_the_future_is_refused() {
    let world = World::new().await;
    let cursor = "e1-ffff-0".parse().expect("well formed");
    let feed = EventFeed::after(world.server.app.clone(), Some(cursor), Filter::all(ORG)).await;
    assert!(matches!(
        feed.err(),
        Some(FeedError::Cursor {
            code: "cursor_expired",
            ..
        })
    ));
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_followed_log_ends_with_its_run_and_has_every_line_once() {
    let world = World::new().await;
    let mut robot = world.robot("r1").await;
    let run = world.run().await;
    let claim = robot.take().await.claim;
    let mut feed = LogFeed::after(world.server.app.clone(), ORG, run, None, 0)
        .await
        .expect("a feed");
    let reader = tokio::spawn(async move {
        let mut seqs = Vec::new();
        loop {
            let lines = feed.next().await.expect("lines");
            seqs.extend(lines.items.iter().filter_map(|item| match item {
                LogItem::Line(_, line) => Some(line.seq),
                LogItem::State(_) => None,
            }));
            if lines.ended {
                return seqs;
            }
        }
    });
    for seq in 1..=20 {
        let line = LogLine {
            seq,
            at: Timestamp::UNIX_EPOCH,
            level: LogLevel::Info,
            stream: LogStream::Stdout,
            task: None,
            message: format!("line {seq}"),
        };
        let lines = vec![line];
        robot.say(&LogBatch { claim, lines }).await;
        let _: baton_api::robot::Ack = robot.hear().await;
    }
    robot.finish(claim, State::Completed).await;
    let seqs = tokio::time::timeout(PATIENCE, reader).await;
    let seqs = seqs.expect("it ends").expect("it does not panic");
    assert_eq!(seqs, (1..=20).collect::<Vec<i64>>());
    world.done().await;
}
