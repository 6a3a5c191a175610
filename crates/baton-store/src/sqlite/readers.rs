//! Connections that only read: some for point reads on the spot, some for scans on a blocking thread.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::Connection;

use super::{SqliteOptions, open};
use crate::error::Result;

/// Connections of one kind.
pub(super) struct Readers {
    conns: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path, options: &SqliteOptions, count: usize) -> Result<Self> {
        let conns = (0..count.max(1))
            .map(|_| open::reader(path, options).map(Mutex::new))
            .collect::<Result<_>>()?;
        Ok(Self {
            conns,
            turn: AtomicUsize::new(0),
        })
    }

    /// A free connection; waits for one if all are in use.
    pub(super) fn get(&self) -> MutexGuard<'_, Connection> {
        for conn in &self.conns {
            match conn.try_lock() {
                Ok(free) => return free,
                Err(TryLockError::Poisoned(free)) => return free.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.conns.len();
        self.conns[turn]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
