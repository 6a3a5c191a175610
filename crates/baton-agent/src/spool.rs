//! The spool: what the server has not yet committed, on disk, so that it survives the agent.
//!
//! One folder for each attempt: `note.json` (what it is), `log-*.jsonl` (lines in segments, dropped when
//! acknowledged), `tasks.jsonl`, `result.json`. Results are synced to the disk before they are sent, and
//! with them the lines that belong to them; lines alone are only written, because a machine that loses
//! its power loses the attempt too.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_api::robot::Claim;
use serde::{Deserialize, Serialize};

mod entry;
mod segments;

pub(crate) use entry::Entry;

/// The spool may hold this many bytes unless configured otherwise; past it, pipes are not read.
pub(crate) const DEFAULT_BOUND: u64 = 1 << 30;

/// What a spooled attempt is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Its claim.
    pub(crate) claim: Claim,
    /// The run's name.
    pub(crate) run_name: String,
    /// The boot of the machine on which it began.
    pub(crate) boot_id: String,
}

/// All spooled attempts.
pub(crate) struct Spool {
    folder: PathBuf,
    entries: Mutex<HashMap<Claim, Arc<Entry>>>,
    used: Arc<AtomicU64>,
    bound: u64,
}

impl Spool {
    /// Opens the spool in this folder with everything that an earlier agent left in it.
    pub(crate) fn open(folder: &Path, bound: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let used = Arc::new(AtomicU64::new(0));
        let mut entries = HashMap::new();
        for found in fs::read_dir(folder)? {
            let path = found?.path();
            match Entry::load(&path, &used) {
                Ok(entry) => {
                    entries.insert(entry.note.claim, Arc::new(entry));
                }
                // The disk has trouble: what is in there may be whole.
                Err(error) if !is_torn(&error) => return Err(error),
                Err(error) => {
                    // A note that was torn by a crash: nothing had begun under it.
                    tracing::warn!(path = %path.display(), %error, "a spooled attempt cannot be read and is dropped");
                    if path.is_dir() {
                        fs::remove_dir_all(&path)?;
                    } else {
                        fs::remove_file(&path)?;
                    }
                }
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            entries: Mutex::new(entries),
            used,
            bound,
        })
    }

    /// A place for a new attempt. One that is there already is given back as it is.
    pub(crate) fn create(&self, note: Note) -> io::Result<Arc<Entry>> {
        let claim = note.claim;
        if let Some(entry) = self.get(claim) {
            return Ok(entry);
        }
        let name = format!("{}-{}-{}", claim.job_id, claim.attempt, claim.fence);
        let entry = Arc::new(Entry::create(self.folder.join(name), note, &self.used)?);
        self.lock().insert(claim, Arc::clone(&entry));
        Ok(entry)
    }

    /// A place in memory only, for an attempt that the disk refused.
    pub(crate) fn create_in_memory(&self, note: Note) -> Arc<Entry> {
        let claim = note.claim;
        let entry = Arc::new(Entry::in_memory(
            self.folder.join("in-memory"),
            note,
            &self.used,
        ));
        self.lock().insert(claim, Arc::clone(&entry));
        entry
    }

    /// The place of this attempt.
    pub(crate) fn get(&self, claim: Claim) -> Option<Arc<Entry>> {
        self.lock().get(&claim).cloned()
    }

    /// Everything in the spool.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.lock().values().cloned().collect()
    }

    /// Drops a settled attempt.
    pub(crate) fn forget(&self, claim: Claim) -> io::Result<()> {
        let entry = self.lock().remove(&claim);
        entry.map_or(Ok(()), |e| e.remove())
    }

    /// Whether nothing more should be put in until the server has taken something out.
    pub(crate) fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.bound
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Claim, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a file is not there or holds less than it should, as a crash leaves it.
fn is_torn(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotADirectory, NotFound, UnexpectedEof};
    matches!(
        error.kind(),
        InvalidData | NotADirectory | NotFound | UnexpectedEof
    )
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
