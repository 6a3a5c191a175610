//! Tests of what only a store on a file can do wrong: locks, damage, a full disk, shared commits.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use baton_core::id::{OrgId, QueueId};
use baton_core::queue::{Queue, QueueSettings};
use jiff::Timestamp;
use uuid::Uuid;

use super::writer::Tx;
use super::*;
use crate::fleet::Fleet;
use crate::logs::{Logs, ResourceEvent};
use crate::stats::Stats;

fn open(path: &Path) -> Result<Arc<SqliteStore>> {
    SqliteStore::open(path, SqliteOptions::default())
}

fn queue(n: u128) -> Queue {
    Queue {
        id: QueueId(Uuid::from_u128(n)),
        org: OrgId::DEFAULT,
        name: format!("queue-{n}"),
        settings: QueueSettings::default(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn event(detail: &str) -> ResourceEvent {
    ResourceEvent {
        seq: 0,
        org: OrgId::DEFAULT,
        at: Timestamp::UNIX_EPOCH,
        kind: "test.happened".into(),
        subject: "it".into(),
        actor: "test".into(),
        detail: serde_json::Value::String(detail.into()),
    }
}

#[tokio::test]
async fn a_second_server_is_told_who_has_the_data() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    let first = open(&path).expect("a new database");
    let Err(StoreError::Unavailable(why)) = open(&path) else {
        panic!("a second server must be refused");
    };
    assert!(why.contains(&std::process::id().to_string()), "{why}");
    first.close().await;
    open(&path).expect("free again after a close");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_start() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    let store = open(&path).expect("a new database");
    store.create_queue(queue(7)).await.expect("created");
    drop(store);
    let store = open(&path).expect("an old database");
    let found = store.queue_by_name(OrgId::DEFAULT, "queue-7").await;
    assert_eq!(found.expect("still there"), queue(7));
}

#[tokio::test]
async fn a_closed_store_answers_that_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    store.close().await;
    store.close().await;
    let write = store.create_queue(queue(7)).await;
    assert!(
        matches!(write, Err(StoreError::Unavailable(_))),
        "{write:?}"
    );
    let read = store.queues(None).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
}

#[test]
fn a_file_that_is_not_a_database_is_refused_untouched() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    let text = "these are not the pages you are looking for\n".repeat(200);
    std::fs::write(&path, &text).expect("written");
    let refusal = open(&path).err();
    assert!(
        matches!(refusal, Some(StoreError::Corrupt(_))),
        "{refusal:?}"
    );
    assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
}

#[test]
fn a_damaged_database_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    drop(open(&path).expect("a new database"));
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xa5);
    std::fs::write(&path, bytes).expect("written");
    let refusal = open(&path).err();
    assert!(
        matches!(refusal, Some(StoreError::Corrupt(_))),
        "{refusal:?}"
    );
}

#[test]
fn the_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    let other = Connection::open(&path).expect("opened");
    other
        .execute_batch("CREATE TABLE theirs (x)")
        .expect("created");
    drop(other);
    let refusal = open(&path).err();
    assert!(
        matches!(refusal, Some(StoreError::Corrupt(_))),
        "{refusal:?}"
    );
}

#[test]
fn a_database_of_a_newer_baton_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    drop(open(&path).expect("a new database"));
    let conn = Connection::open(&path).expect("opened");
    conn.execute(
        "INSERT INTO schema_migrations (number, name, checksum, baton) VALUES (99, 'later', '', '9.9.9')",
        [],
    )
    .expect("recorded");
    drop(conn);
    let Some(StoreError::Corrupt(why)) = open(&path).err() else {
        panic!("a newer schema must be refused");
    };
    assert!(why.contains("9.9.9"), "{why}");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_space_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions {
        max_pages: Some(200),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&dir.path().join("baton.db"), options).expect("a new database");
    store.create_queue(queue(7)).await.expect("there is space");
    let large = "x".repeat(50_000);
    let mut refused = None;
    for _ in 0..100 {
        if let Err(error) = store.append_events(vec![event(&large)]).await {
            refused = Some(error);
            break;
        }
    }
    let Some(StoreError::Unavailable(why)) = refused else {
        panic!("a full disk must refuse: {refused:?}");
    };
    assert!(why.contains("full"), "{why}");
    let read = store.queue_by_name(OrgId::DEFAULT, "queue-7").await;
    assert_eq!(read.expect("reads go on"), queue(7));
    let (_, last) = store.events_span().await.expect("reads go on");
    store
        .write(|tx| Ok(tx.conn.execute_batch("PRAGMA max_page_count = 100000")?))
        .await
        .expect("space is made");
    let next = store.append_events(vec![event(&large)]).await;
    assert_eq!(next.expect("writes go on"), last + 1);
    let found = store.verify().await.expect("verified");
    assert_eq!(found.breaches, []);
}

#[tokio::test]
async fn a_change_whose_note_cannot_be_kept_is_not_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    let options = SqliteOptions {
        max_pages: Some(200),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&path, options).expect("a new database");
    let large = event(&"x".repeat(2_000_000));
    let create = store.create_queue(queue(7));
    let (refused, noted) = noting::noting(large.into(), create).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))) && !noted);
    let create = store.create_queue(queue(8));
    let (made, noted) = noting::noting(event("small").into(), create).await;
    made.expect("there is space");
    assert!(noted);
    // A start after it finds no change without its note, and no note without its change.
    store.close().await;
    drop(store);
    let store = open(&path).expect("the same database");
    let queues = store.queues(None).await.expect("read");
    let names: Vec<_> = queues.into_iter().map(|q| q.name).collect();
    assert_eq!(names, ["default", "queue-8"]);
    let events = store.events_after(None, 0, 9).await.expect("read");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].detail, serde_json::json!("small"));
}

#[tokio::test]
async fn when_a_full_disk_takes_the_transaction_away_no_later_part_of_it_is_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions {
        max_pages: Some(200),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&dir.path().join("baton.db"), options).expect("a new database");
    let fill = |tx: &mut Tx| -> Result<()> {
        for n in 0..100 {
            tx.conn.execute(
                "INSERT INTO blob_chunks (hash, number, bytes) VALUES ('x', ?1, zeroblob(50000))",
                [n],
            )?;
        }
        Ok(())
    };
    let parts = store
        .write(move |tx| {
            let first = tx.part(fill);
            let second = tx.part(|tx| {
                let sql = "INSERT INTO sequences (name, value) VALUES ('left behind', 1)";
                Ok(tx.conn.execute(sql, [])?)
            });
            Ok((first.is_ok(), second.is_ok()))
        })
        .await;
    let Err(StoreError::Unavailable(why)) = parts else {
        panic!("nothing of it may be kept: {parts:?}");
    };
    assert!(why.contains("full"), "{why}");
    let left = store.point(|conn| {
        let sql = "SELECT count(*) FROM sequences WHERE name = 'left behind'";
        Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(left.expect("reads go on"), 0);
    store
        .create_queue(queue(7))
        .await
        .expect("the writer goes on");
}

/// Holds the writer until told to go on, so that what is sent meanwhile shares one commit.
async fn hold(store: &Arc<SqliteStore>) -> mpsc::Sender<()> {
    let (go, wait) = mpsc::channel::<()>();
    let (began, has_begun) = oneshot::channel();
    let mut began = Some(began);
    let holder = Arc::clone(store);
    tokio::spawn(async move {
        holder
            .write(move |_: &mut Tx| {
                if let Some(began) = began.take() {
                    began.send(()).expect("the test waits for it");
                }
                wait.recv_timeout(Duration::from_secs(30)).ok();
                Ok(())
            })
            .await
    });
    has_begun.await.expect("the writer is held");
    go
}

fn failing_after_its_first_write(tx: &mut Tx) -> Result<()> {
    tx.conn
        .execute("DELETE FROM queues WHERE name = 'default'", [])?;
    tx.conn.execute("INSERT INTO nowhere VALUES (1)", [])?;
    Ok(())
}

#[tokio::test]
async fn a_write_that_fails_midway_does_not_undo_its_neighbours() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    let go = hold(&store).await;
    let before = store.counters().commits;
    let neighbours = async {
        tokio::join!(
            store.create_queue(queue(7)),
            store.write(failing_after_its_first_write),
            store.create_queue(queue(8)),
            store.create_queue(queue(7)),
        )
    };
    let released = async {
        // The four are sent when they are first polled, before this.
        tokio::task::yield_now().await;
        go.send(()).expect("the writer waits");
    };
    let ((first, failed, second, refused), ()) = tokio::join!(neighbours, released);
    first.expect("kept");
    second.expect("kept");
    assert!(matches!(failed, Err(StoreError::Backend(_))), "{failed:?}");
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    assert_eq!(store.counters().commits, before + 1, "one commit for all");
    let names: Vec<String> = (store.queues(None).await.expect("read").into_iter())
        .map(|q| q.name)
        .collect();
    assert_eq!(names, ["default", "queue-7", "queue-8"]);
}

#[tokio::test]
async fn a_write_that_panics_is_refused_and_the_writer_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    let failed = store
        .write(|_: &mut Tx| -> Result<()> { panic!("a bug, made for this test") })
        .await;
    assert!(matches!(failed, Err(StoreError::Backend(_))), "{failed:?}");
    store.create_queue(queue(7)).await.expect("it goes on");
}

#[tokio::test]
async fn a_failed_sync_stops_all_writes_and_leaves_reads() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    store.shared.poisoned.store(true, Ordering::Relaxed);
    let write = store.create_queue(queue(7)).await;
    let Err(StoreError::Unavailable(why)) = write else {
        panic!("nothing may be acknowledged after a failed sync: {write:?}");
    };
    assert!(why.contains("Restart"), "{why}");
    assert_eq!(store.queues(None).await.expect("reads go on").len(), 1);
}

#[tokio::test]
async fn whoever_waits_for_the_loss_of_the_store_is_told_before_and_after_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    let mut waiting = std::pin::pin!(store.lost());
    assert!(futures_poll(&mut waiting).is_none(), "nothing is lost yet");
    store.shared.poison();
    waiting.await;
    store.lost().await;
}

/// What a future answers when it is asked once.
fn futures_poll<F: Future>(future: &mut std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn callers_of_a_group_whose_sync_failed_are_told_that_it_is_not_known() {
    use super::writer::{Failed, Op, OpOf};
    let told = |failed: &Failed| {
        let (reply, mut answer) = tokio::sync::oneshot::channel();
        let op = OpOf {
            run: |_: &mut Tx| Ok(()),
            result: Some(Ok(())),
            reply,
        };
        Op::answer(Box::new(op), Err(failed));
        answer.try_recv().expect("answered")
    };
    let lost = told(&Failed::Unknown("sync".into()));
    assert!(matches!(lost, Err(StoreError::NotKnown(_))), "{lost:?}");
    let full = told(&Failed::Nothing("full".into()));
    assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
}

#[tokio::test]
async fn hooks_hear_of_a_commit_before_its_callers_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    let (tell, told) = mpsc::channel();
    store.on_commit(Arc::new(move |note| {
        tell.send(note.clone()).expect("the test listens");
    }));
    let last = store.append_events(vec![event("a"), event("b")]).await;
    let note = told.try_recv().expect("told before the answer");
    assert_eq!(note.events_up_to, last.expect("appended"));
    store.queues(None).await.expect("read");
    assert!(told.try_recv().is_err(), "a read changes nothing");
}

#[tokio::test]
async fn a_backup_opens_and_holds_everything() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    store.create_queue(queue(7)).await.expect("created");
    let copy = dir.path().join("copy.db");
    store.backup(&copy).await.expect("copied");
    let again = store.backup(&copy).await;
    assert!(
        matches!(again, Err(StoreError::Conflict { .. })),
        "{again:?}"
    );
    let restored = open(&copy).expect("the copy opens");
    assert_eq!(
        restored.queues(None).await.expect("read"),
        store.queues(None).await.expect("read")
    );
    assert_eq!(restored.verify().await.expect("verified").breaches, []);
}

#[test]
fn scans_that_wait_for_their_turn_hold_no_thread() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(&dir.path().join("baton.db")).expect("a new database");
    let threads = store.options.scan_readers + 1;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .expect("a runtime");
    let gate = Arc::new(Mutex::new(()));
    let shut = gate.lock().expect("nobody has it");
    runtime.block_on(async {
        let scans: Vec<_> = (0..4 * threads)
            .map(|_| {
                let (store, gate) = (Arc::clone(&store), Arc::clone(&gate));
                let wait = move |_: &Connection| {
                    drop(gate.lock().expect("nobody panics"));
                    Ok(())
                };
                tokio::spawn(async move { store.scan(wait).await })
            })
            .collect();
        // All of them have begun before this; those that have no connection must leave a thread to it.
        tokio::task::yield_now().await;
        let other = tokio::task::spawn_blocking(|| "work");
        let done = tokio::time::timeout(Duration::from_secs(60), other).await;
        drop(shut);
        assert_eq!(done.expect("a thread is free").expect("no panic"), "work");
        for scan in scans {
            scan.await.expect("no panic").expect("scanned");
        }
    });
}
