//! Whether commits succeed at present: noted by the writer, asked by whoever tells others that the server is well.
//!
//! On a disk that is nearly full a small commit succeeds where the next one fails. So a success after a failure only
//! makes it time to try a write of some size, and that decides.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::params;

use super::writer::Tx;
use crate::error::{Result, StoreError};

/// While writes fail, one is tried at most this often: often enough to see the end of it soon.
const PROBE_EVERY: Duration = Duration::from_secs(3);
/// What is tried: a commit of some size, not one that a last free page would hold.
const PROBE_BYTES: u32 = 256 << 10;
/// A blob that is never finished; what a crash leaves of it goes with other unfinished ones.
const PROBE: &str = "probe";

/// Why the last write failed, if it did.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    why: Option<String>,
    probed_at: Option<Instant>,
}

impl Trouble {
    /// A write failed for a reason that is not the caller's.
    pub(super) fn failed(&self, why: &str) {
        self.with(|state| state.why = Some(why.to_owned()));
    }

    /// Something was written and is kept: it may be over.
    pub(super) fn may_be_over(&self) {
        self.with(|state| state.probed_at = None);
    }

    /// The probe was written and is kept.
    pub(super) fn is_over(&self) {
        self.with(|state| *state = State::default());
    }

    /// Why writes fail, and whether it is time to try one.
    pub(super) fn now(&self, now: Instant) -> Option<(String, bool)> {
        self.with(|state| {
            let why = state.why.clone()?;
            let is_due = state
                .probed_at
                .is_none_or(|at| now.saturating_duration_since(at) >= PROBE_EVERY);
            if is_due {
                state.probed_at = Some(now);
            }
            Some((why, is_due))
        })
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Notes what an operation says about the disk: only `Unavailable` is about it.
pub(super) fn note<T>(trouble: &Trouble, result: &Result<T>) -> bool {
    if let Err(StoreError::Unavailable(why)) = result {
        trouble.failed(why);
        return true;
    }
    false
}

/// Writes something that is of no use.
pub(super) fn probe(tx: &Tx) -> Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO blob_chunks (hash, number, bytes) VALUES (?1, 0, zeroblob(?2))",
        )?
        .execute(params![PROBE, PROBE_BYTES])?;
    Ok(())
}

/// Takes it away.
pub(super) fn erase(tx: &Tx) -> Result<()> {
    tx.conn
        .prepare_cached("DELETE FROM blob_chunks WHERE hash = ?1")?
        .execute([PROBE])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stands_until_a_probe_is_kept_and_one_is_due_now_and_then_or_after_a_success() {
        let trouble = Trouble::default();
        let began = Instant::now();
        assert_eq!(trouble.now(began), None);
        trouble.failed("the disk is full");
        let full = |probe| Some(("the disk is full".to_owned(), probe));
        assert_eq!(trouble.now(began), full(true));
        assert_eq!(trouble.now(began + PROBE_EVERY / 2), full(false));
        assert_eq!(trouble.now(began + PROBE_EVERY), full(true));
        assert_eq!(trouble.now(began + PROBE_EVERY), full(false));
        trouble.may_be_over();
        assert_eq!(trouble.now(began + PROBE_EVERY), full(true));
        trouble.is_over();
        assert_eq!(trouble.now(began), None);
    }
}
