//! The one thread that writes: takes all operations that wait and commits them together.
//!
//! Each operation runs without a savepoint as long as none fails after its first write. If one does,
//! the whole group is rolled back and run again, this time with a savepoint around each operation:
//! the rare case pays, the common one does not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::assign::Rules;
use super::failure::is_lost_sync;
use super::interned::Numbers;
use super::pending::Pending;
use super::trouble;
use super::wal;
use crate::error::{Result, StoreError};

/// Most operations in one commit: enough to make the sync cheap, few enough that none waits long.
pub(super) const MAX_GROUP: usize = 512;
/// Operations that may wait for the writer before callers are held back.
pub(super) const MAX_WAITING: usize = 4_096;

/// What an operation sees: the connection inside a transaction, and what its group adds up.
pub(super) struct Tx {
    /// The writer's connection, inside a transaction.
    pub(super) conn: Rc<Connection>,
    /// What is written once per commit.
    pub(super) pending: Pending,
    /// Numbers of needs and shapes.
    pub(super) numbers: Numbers,
    /// Rules for assignments, read once and dropped when something changes them.
    pub(super) rules: Rules,
    /// What the writer shares with the readers.
    pub(super) shared: Arc<Shared>,
    /// Whether each operation has a savepoint.
    careful: bool,
    /// Whether the group must be run again, carefully.
    replay: bool,
    /// Whether an operation of this group could not write.
    troubled: bool,
    /// Why the database rolled the transaction back by itself: a full disk does that.
    lost: Option<String>,
}

impl Tx {
    /// Runs one part that fails as a whole: when it returns an error, nothing of it stays.
    pub(super) fn part<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.conn.is_autocommit() {
            // An earlier part lost the transaction: outside of one, this part would be kept by itself.
            return Err(self.gone());
        }
        if !self.careful {
            let before = self.conn.total_changes();
            let result = run(self);
            self.note_loss(&result);
            if result.is_err() && self.conn.total_changes() != before {
                self.replay = true;
            }
            return result;
        }
        let before = self.pending.clone();
        self.conn.execute_batch("SAVEPOINT part")?;
        let result = run(self);
        self.note_loss(&result);
        if self.conn.is_autocommit() {
            return result.and(Err(self.gone()));
        }
        if result.is_ok() {
            self.conn.execute_batch("RELEASE part")?;
        } else {
            self.conn.execute_batch("ROLLBACK TO part; RELEASE part")?;
            self.pending = before;
            self.forget();
        }
        result
    }

    /// Remembers the error after which there was no transaction any more, for all who were in it.
    fn note_loss<T>(&mut self, result: &Result<T>) {
        self.troubled |= trouble::note(&self.shared.trouble, result);
        if let (Err(error), true, None) = (result, self.conn.is_autocommit(), &self.lost) {
            self.lost = Some(match error {
                StoreError::Unavailable(why) => why.clone(),
                other => other.to_string(),
            });
        }
    }

    /// What those are told whose transaction the database has rolled back.
    fn gone(&self) -> StoreError {
        match &self.lost {
            Some(why) => StoreError::Unavailable(why.clone()),
            None => gone(),
        }
    }

    /// Drops everything that a rollback may have made untrue.
    fn forget(&mut self) {
        self.numbers.clear();
        self.rules.clear();
        self.shared.interned.forget();
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the transaction was rolled back by the database; try again".into())
}

/// A write that waits, and whoever waits for its answer.
pub(super) trait Op: Send {
    /// Does it; may be called again after a rollback.
    fn run(&mut self, tx: &mut Tx);
    /// Answers: what it returned if the commit went well, the error otherwise.
    fn answer(self: Box<Self>, committed: std::result::Result<(), &Failed>);
}

/// Why a group was not committed.
pub(super) enum Failed {
    /// Nothing of it was kept.
    Nothing(String),
    /// The disk failed to sync it: nobody knows what of it was kept.
    Unknown(String),
}

impl Failed {
    fn why(&self) -> &str {
        let (Self::Nothing(why) | Self::Unknown(why)) = self;
        why
    }

    fn error(&self) -> StoreError {
        match self {
            Self::Nothing(why) => StoreError::Unavailable(why.clone()),
            Self::Unknown(why) => StoreError::NotKnown(why.clone()),
        }
    }
}

/// An operation from a closure.
pub(super) struct OpOf<F, T> {
    pub(super) run: F,
    pub(super) result: Option<Result<T>>,
    pub(super) reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Op for OpOf<F, T>
where
    F: FnMut(&mut Tx) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, tx: &mut Tx) {
        let run = &mut self.run;
        self.result = Some(tx.part(|tx| {
            catch_unwind(AssertUnwindSafe(|| run(tx))).unwrap_or_else(|_| {
                Err(StoreError::Backend(
                    "a write panicked; nothing of it was kept".into(),
                ))
            })
        }));
    }

    fn answer(self: Box<Self>, committed: std::result::Result<(), &Failed>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            // A refusal stands whether or not its neighbours could be committed.
            (Err(_), Some(Err(refused))) => Err(refused),
            (Err(failed), _) => Err(failed.error()),
            (Ok(()), None) => Err(gone()),
        };
        // Whoever asked may have gone away; the change stands all the same.
        let _ = self.reply.send(result);
    }
}

/// What is sent to the writer.
pub(super) enum Message {
    /// A write.
    Op(Box<dyn Op>),
    /// Finish, close, and say so.
    Close(oneshot::Sender<()>),
}

/// The writer's loop: returns when it is told to close (and who told it) or nobody can send any more.
pub(super) fn run(
    conn: Connection,
    shared: Arc<Shared>,
    mut inbox: mpsc::Receiver<Message>,
) -> Option<oneshot::Sender<()>> {
    let pending = match Pending::load(&conn) {
        Ok(pending) => pending,
        Err(error) => {
            tracing::error!(%error, "the store cannot read its sequences; it takes no writes");
            return None;
        }
    };
    let mut tx = Tx {
        conn: Rc::new(conn),
        pending,
        numbers: Numbers::default(),
        rules: Rules::default(),
        shared,
        careful: false,
        replay: false,
        troubled: false,
        lost: None,
    };
    let mut messages = Vec::with_capacity(MAX_GROUP);
    let mut ops: Vec<Box<dyn Op>> = Vec::with_capacity(MAX_GROUP);
    let mut closing = None;
    while closing.is_none() && inbox.blocking_recv_many(&mut messages, MAX_GROUP) > 0 {
        for message in messages.drain(..) {
            match message {
                Message::Op(op) => ops.push(op),
                Message::Close(reply) => closing = Some(reply),
            }
        }
        commit_and_answer(&mut tx, &mut ops);
        wal::checkpoint_if_long(&tx.conn, &tx.shared);
    }
    wal::close(tx.conn);
    closing
}

fn commit_and_answer(tx: &mut Tx, ops: &mut Vec<Box<dyn Op>>) {
    if ops.is_empty() {
        return;
    }
    let committed = if tx.shared.poisoned.load(Ordering::Relaxed) {
        Err(StoreError::Unavailable(POISONED.into()))
    } else {
        commit(tx, ops)
    };
    let counters = &tx.shared.counters;
    counters
        .operations
        .fetch_add(ops.len() as u64, Ordering::Relaxed);
    match committed {
        Ok(()) => {
            let note = tx.pending.finish();
            tx.shared.hooks.call(&note);
            ops.drain(..).for_each(|op| op.answer(Ok(())));
        }
        Err(error) => {
            let failed = match error {
                StoreError::NotKnown(why) => Failed::Unknown(why),
                StoreError::Unavailable(why) => Failed::Nothing(why),
                other => Failed::Nothing(other.to_string()),
            };
            tx.shared.trouble.failed(failed.why());
            tracing::warn!(
                error = failed.why(),
                operations = ops.len(),
                "a commit failed"
            );
            ops.drain(..).for_each(|op| op.answer(Err(&failed)));
        }
    }
}

/// What callers are told after a failed sync.
pub(super) const POISONED: &str = "the disk failed to keep what was written (sync error). \
    Restart the server when the disk is well: what was acknowledged before is in the database";

/// Runs the operations and commits them; on error nothing of them stays.
fn commit(tx: &mut Tx, ops: &mut [Box<dyn Op>]) -> Result<()> {
    let before = tx.pending.clone();
    for careful in [false, true] {
        tx.careful = careful;
        tx.replay = false;
        let changes = tx.conn.total_changes();
        let result = attempt(tx, ops, &before, changes);
        match result {
            Ok(true) => return Ok(()),
            Ok(false) => roll_back(tx, &before),
            Err(error) => {
                roll_back(tx, &before);
                return Err(error);
            }
        }
    }
    Err(gone())
}

fn roll_back(tx: &mut Tx, before: &Pending) {
    if !tx.conn.is_autocommit()
        && let Err(error) = tx.conn.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a rollback failed");
    }
    tx.pending = before.clone();
    tx.forget();
}

/// One try; `false` when it must be repeated carefully.
fn attempt(tx: &mut Tx, ops: &mut [Box<dyn Op>], before: &Pending, changes: u64) -> Result<bool> {
    let conn = Rc::clone(&tx.conn);
    tx.lost = None;
    tx.troubled = false;
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for op in ops.iter_mut() {
        op.run(tx);
        if tx.replay {
            return Ok(false);
        }
        if conn.is_autocommit() {
            return Err(tx.gone());
        }
    }
    tx.pending.flush(&conn, before)?;
    let changed = conn.total_changes() != changes;
    if let Err(error) = conn.prepare_cached("COMMIT")?.execute([]) {
        if is_lost_sync(&error) {
            tx.shared.poison();
            tracing::error!(%error, "{POISONED}");
            return Err(StoreError::NotKnown(POISONED.into()));
        }
        return Err(match StoreError::from(error) {
            full @ StoreError::Unavailable(_) => full,
            other => StoreError::Unavailable(other.to_string()),
        });
    }
    if changed && !tx.troubled {
        tx.shared.trouble.may_be_over();
    }
    if changed {
        tx.shared.counters.commits.fetch_add(1, Ordering::Relaxed);
        tx.shared.counters.syncs.fetch_add(1, Ordering::Relaxed);
    }
    Ok(true)
}
