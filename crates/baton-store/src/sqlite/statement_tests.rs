//! Tests of how many statements a read takes: over a network each of them would cost a round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use baton_core::id::OrgId;
use baton_core::queue::{Queue, QueueSettings};
use baton_core::state::Event;
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::interned::Interned;
use super::{SqliteOptions, SqliteStore, history, open, run_list, run_row};
use crate::Store as _;
use crate::catalog::Catalog as _;
use crate::fleet::Fleet as _;
use crate::page::PageRequest;
use crate::runs::{RunFilter, RunStep, Runs as _};
use crate::verify::tests::new_run;

const ORG: OrgId = OrgId::DEFAULT;
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A database with sixty runs that have started, a connection to it, and how many statements that has executed.
async fn database(folder: &std::path::Path) -> (Connection, Arc<AtomicUsize>) {
    let path = folder.join("baton.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("a new database");
    let needs = new_run(1).spec.needs;
    let flow = store.ensure_flow(ORG, needs.flow_id, "demo", NOW).await;
    flow.expect("a flow");
    let queue = Queue {
        id: needs.queue_id,
        org: ORG,
        name: "queue".into(),
        settings: QueueSettings::default(),
        created_at: NOW,
    };
    store.create_queue(queue).await.expect("a queue");
    let runs = (1..=60).map(new_run).collect();
    let made = store.create_runs(runs, "test", NOW).await;
    let starts = made.into_iter().map(|made| RunStep {
        org: ORG,
        run_id: made.expect("made").run_id,
        claim: None,
        event: Event::Start,
        at: NOW,
        actor: "test".into(),
        message: None,
        result: None,
        computer: None,
    });
    for started in store.step_runs(starts.collect()).await {
        started.expect("started");
    }
    store.close().await;
    let mut conn = open::reader(&path, &SqliteOptions::default()).expect("a connection");
    let count = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&count);
    conn.trace_v2(
        TraceEventCodes::SQLITE_TRACE_STMT,
        Some(move |_: TraceEvent<'_>| {
            counts.fetch_add(1, Ordering::Relaxed);
        }),
    )
    .expect("traced");
    (conn, count)
}

#[tokio::test]
async fn a_page_of_fifty_runs_takes_three_statements() {
    let folder = tempfile::tempdir().expect("a folder");
    let (conn, count) = database(folder.path()).await;
    let interned = Interned::default();
    let page = PageRequest::first(ORG, 50);
    let mut took = Vec::new();
    for _ in 0..2 {
        let before = count.load(Ordering::Relaxed);
        let found = run_list::list(&conn, &interned, &RunFilter::default(), &page);
        let found = found.expect("a page");
        assert_eq!((found.items.len(), found.next.is_some()), (50, true));
        took.push(count.load(Ordering::Relaxed) - before);
    }
    assert!(
        took[1] <= 3,
        "{took:?}; the first reads what runs have in common"
    );
}

#[tokio::test]
async fn a_history_takes_one_statement_and_many_runs_as_many_as_they_fill() {
    let folder = tempfile::tempdir().expect("a folder");
    let (conn, count) = database(folder.path()).await;
    let took = |read: &dyn Fn()| {
        let before = count.load(Ordering::Relaxed);
        read();
        count.load(Ordering::Relaxed) - before
    };
    let id = new_run(7).id;
    let mut last = 0;
    let read = took(&|| {
        let events = history::of_run(&conn, ORG, id, 0).expect("read");
        assert!(events.len() >= 2, "{events:?}");
        assert!(events.is_sorted_by_key(|event| event.seq));
    });
    assert_eq!(read, 1);
    for event in history::of_run(&conn, ORG, id, 0).expect("read") {
        let rest = history::of_run(&conn, ORG, id, event.seq).expect("read");
        assert!(rest.iter().all(|later| later.seq > event.seq));
        last = event.seq;
    }
    assert_eq!(history::of_run(&conn, ORG, id, last).expect("read"), []);

    let interned = Interned::default();
    let ids: Vec<_> = (1..=100).map(|n| new_run(n).id).collect();
    let many = || {
        let found = run_row::many(&conn, &interned, ORG, &ids).expect("read");
        assert_eq!(found.len(), 60);
        assert!(found.iter().map(|run| run.id).eq(ids[..60].iter().copied()));
    };
    many();
    assert_eq!(took(&many), 2, "a hundred ids are two statements of 64");
}
