//! The write-ahead log: emptied into the database off the callers' path, and kept from growing.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::Shared;

/// Pages in the log from which on it is moved into the database (16 MB): enough that a page written
/// many times is moved once, few enough that a start after a crash reads it in a blink.
const CHECKPOINT_PAGES: u64 = 4_096;
/// A log longer than this (128 MB) is cut as soon as no reader needs it: some reader held it up for long.
const CUT_PAGES: u64 = 32_768;
/// The same in bytes, for the file that stays behind.
pub(super) const CUT_BYTES: u64 = CUT_PAGES * 4_096;
/// How long a cut waits for readers while callers wait for it.
const CUT_WAIT: Duration = Duration::from_millis(100);
/// How long the writer waits for a lock otherwise; nobody but a backup or a shell can hold one.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Keeps count of the pages in the log.
pub(super) fn watch(conn: &mut Connection, shared: &Arc<Shared>) -> rusqlite::Result<()> {
    let shared = Arc::clone(shared);
    conn.wal_hook(Some(move |_: &mut Wal, pages: i32| {
        shared
            .wal_pages
            .store(u64::from(pages.unsigned_abs()), Ordering::Relaxed);
        Ok(())
    }))
}

/// Moves the log into the database when it is long. Called after the answers are out.
pub(super) fn checkpoint_if_long(conn: &Connection, shared: &Shared) {
    let pages = shared.wal_pages.load(Ordering::Relaxed);
    if pages < CHECKPOINT_PAGES {
        return;
    }
    let moved = if pages < CUT_PAGES {
        checkpoint(conn, "PASSIVE")
    } else {
        let wait = conn.busy_timeout(CUT_WAIT);
        let moved = wait.and_then(|()| checkpoint(conn, "TRUNCATE"));
        conn.busy_timeout(BUSY_WAIT).and(moved)
    };
    match moved {
        Ok(()) => {
            shared.wal_pages.store(0, Ordering::Relaxed);
            shared.counters.syncs.fetch_add(2, Ordering::Relaxed);
        }
        Err(error) => tracing::debug!(%error, "the write-ahead log could not be moved now"),
    }
}

fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<()> {
    conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}

/// Moves all of the log, removes it, and closes.
pub(super) fn close(conn: Rc<Connection>) {
    if let Err(error) = checkpoint(&conn, "TRUNCATE") {
        tracing::debug!(%error, "the write-ahead log stays for the next start");
    }
    match Rc::try_unwrap(conn) {
        Ok(conn) => {
            conn.flush_prepared_statement_cache();
            if let Err((_, error)) = conn.close() {
                tracing::warn!(%error, "the database did not close cleanly");
            }
        }
        Err(_) => tracing::debug!("the connection is still in use and closes with its last user"),
    }
}
