//! The store on SQLite: one file, one writing thread that commits whole groups, a few readers.
//!
//! Everything durable is in one database in WAL mode with `synchronous=FULL`. All writes go through
//! one thread ([`writer`]) and share commits; point reads run where they are asked for, on their own
//! connections; scans run on blocking threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use crate::Store;
use crate::commit::{Committed, Hooks};
use crate::error::{Result, StoreError};
use crate::noting;

mod assign;
mod backup;
mod blobs;
mod buckets;
mod catalog;
mod create;
mod deploy;
mod events;
mod failure;
mod fleet;
mod flow_rows;
mod history;
mod interned;
mod keys;
mod live;
mod logs;
mod migrate;
mod open;
mod pending;
mod prune;
mod queued;
mod queues;
mod readers;
mod row;
mod run_candidates;
mod run_list;
mod run_row;
mod runs;
mod schedules;
mod stats;
mod step;
mod tasks;
mod trouble;
mod unused;
mod verify;
mod wal;
mod writer;
mod zones;

use interned::Interned;
use readers::Readers;
use writer::{Message, OpOf, Tx};

/// How an SQLite store is opened. The defaults suit a server of any size on one machine.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Connections for point reads; each is used for microseconds.
    pub point_readers: usize,
    /// Connections for scans, on blocking threads.
    pub scan_readers: usize,
    /// Page cache of the writer in KiB: the hot pages of every index, allocated as they are used.
    pub writer_cache_kib: u32,
    /// Page cache of each reader in KiB.
    pub reader_cache_kib: u32,
    /// The database may not grow beyond this many pages of 4 KiB; `None` is without limit.
    pub max_pages: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            point_readers: 2,
            scan_readers: 2,
            writer_cache_kib: 16_384,
            reader_cache_kib: 2_048,
            max_pages: None,
        }
    }
}

/// What the writing thread and the callers share.
struct Shared {
    path: PathBuf,
    hooks: Hooks,
    interned: Interned,
    counters: Counters,
    wal_pages: AtomicU64,
    /// A sync failed: nothing more is written until the server is started again.
    poisoned: AtomicBool,
    /// Wakes whoever waits for that.
    on_poison: Notify,
    trouble: trouble::Trouble,
}

impl Shared {
    /// From now on nothing is written.
    fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
        self.on_poison.notify_waiters();
    }
}

#[derive(Default)]
struct Counters {
    commits: AtomicU64,
    operations: AtomicU64,
    syncs: AtomicU64,
}

/// The store on SQLite.
pub struct SqliteStore {
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Message>,
    closed: AtomicBool,
    options: SqliteOptions,
    points: Readers,
    scans: Arc<Readers>,
    /// One for each of `scans`: whoever waits for its turn holds no thread.
    turns: Arc<Semaphore>,
    /// How many groups of queued runs the last look at them found.
    groups_seen: AtomicUsize,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the database at this path, creates it if there is none, and brings its schema up to date.
    ///
    /// `Unavailable` when another server uses it, `Corrupt` when it is damaged, not Baton's, or from
    /// a newer Baton.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Arc<Self>> {
        open::check_sqlite()?;
        let lock = open::lock(path)?;
        let mut conn = open::writer(path, &options)?;
        migrate::migrate(&conn, migrate::MIGRATIONS)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            hooks: Hooks::default(),
            interned: Interned::default(),
            counters: Counters::default(),
            wal_pages: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            on_poison: Notify::new(),
            trouble: trouble::Trouble::default(),
        });
        wal::watch(&mut conn, &shared)?;
        let points = Readers::open(path, &options, options.point_readers)?;
        let scans = Arc::new(Readers::open(path, &options, options.scan_readers)?);
        let turns = Arc::new(Semaphore::new(options.scan_readers.max(1)));
        let (outbox, inbox) = mpsc::channel(writer::MAX_WAITING);
        let for_writer = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("baton-store".into())
            .spawn(move || {
                let closing = writer::run(conn, for_writer, inbox);
                // Another server may have the file only after the last byte is in it.
                drop(lock);
                if let Some(reply) = closing {
                    // Whoever closed may have gone away.
                    let _ = reply.send(());
                }
            })
            .map_err(|e| StoreError::Unavailable(format!("cannot start the writer: {e}")))?;
        Ok(Arc::new(Self {
            shared,
            outbox,
            closed: AtomicBool::new(false),
            options,
            points,
            turns,
            scans,
            groups_seen: AtomicUsize::new(0),
            writer: Mutex::new(Some(thread)),
        }))
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Runs a write on the writing thread and waits until it is durable; with what is to be noted of it.
    async fn write<T, F>(&self, mut run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx) -> Result<T> + Send + 'static,
    {
        let Some(note) = noting::current() else {
            return self.send(run).await;
        };
        let of = note.clone();
        let both = move |tx: &mut Tx| {
            let value = run(tx)?;
            let events = of.events(&value).unwrap_or_default();
            events.iter().try_for_each(|e| events::append(tx, e))?;
            Ok((value, !events.is_empty()))
        };
        let (value, noted) = self.send(both).await?;
        if noted {
            note.done();
        }
        Ok(value)
    }

    async fn send<T, F>(&self, run: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let op = Message::Op(Box::new(OpOf {
            run,
            result: None,
            reply,
        }));
        self.outbox.send(op).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Runs a write with one answer for each of `count` parts.
    async fn write_each<T, F>(&self, count: usize, run: F) -> Vec<Result<T>>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx) -> Result<Vec<Result<T>>> + Send + 'static,
    {
        if count == 0 {
            return Vec::new();
        }
        match self.write(run).await {
            Ok(answers) => answers,
            Err(error) => {
                let why = match error {
                    StoreError::Unavailable(why) => why,
                    other => other.to_string(),
                };
                (0..count)
                    .map(|_| Err(StoreError::Unavailable(why.clone())))
                    .collect()
            }
        }
    }

    /// Reads a few rows by key, here and now.
    fn point<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if self.closed.load(Ordering::Acquire) {
            return Err(stopped());
        }
        read(&self.points.get())
    }

    /// Reads many rows on a blocking thread, from one consistent snapshot.
    async fn scan<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        if self.closed.load(Ordering::Acquire) {
            return Err(stopped());
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.expect("the semaphore is never closed");
        let scans = Arc::clone(&self.scans);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let conn = scans.get();
            let snapshot = conn.unchecked_transaction()?;
            let value = read(&conn);
            snapshot.finish()?;
            value
        })
        .await
        .map_err(|e| StoreError::Backend(Box::new(e)))?
    }

    fn join(&self) {
        let thread = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's writing thread panicked");
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The writer ends when the last sender is gone; this one is the last.
        let (alone, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.outbox, alone));
        self.join();
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let (reply, done) = oneshot::channel();
        if self.outbox.send(Message::Close(reply)).await.is_ok() {
            // An error means that the writer is gone already, which is what is wanted.
            let _ = done.await;
        }
    }

    async fn lost(&self) {
        let told = self.shared.on_poison.notified();
        if !self.shared.poisoned.load(Ordering::Acquire) {
            told.await;
        }
    }

    fn on_commit(&self, hook: Committed) {
        self.shared.hooks.add(hook);
    }

    async fn check_writes(&self) -> Result<()> {
        self.point(|_| Ok(()))?;
        match self.shared.trouble.now(Instant::now()) {
            None => Ok(()),
            Some((why, false)) => Err(StoreError::Unavailable(why)),
            Some((_, true)) => {
                self.write(|tx| trouble::probe(tx)).await?;
                self.shared.trouble.is_over();
                self.write(|tx| trouble::erase(tx)).await
            }
        }
    }
}

#[cfg(test)]
#[path = "sqlite/plan_tests.rs"]
mod plan_tests;
#[cfg(test)]
#[path = "sqlite/statement_tests.rs"]
mod statement_tests;
#[cfg(test)]
#[path = "sqlite/store_tests.rs"]
mod store_tests;
