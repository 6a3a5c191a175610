//! A folder of things that are made once, used by many, and dropped when room or time runs out.
//!
//! A thing is whole when the file [`WHOLE`] is in it, which is written last: whatever a killed agent left half
//! made is swept away by the next one and never used. One thing has one lock: users share it, makers and
//! droppers have it alone, so that nothing is dropped under its user and nothing is made twice.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::process;

/// The file that says how many bytes a thing takes, and by its time when it was last used.
const WHOLE: &str = "baton-whole";
/// Names of things that are being dropped end with this and a number.
const GONE: &str = ".gone-";

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of all things together; the least recently used go.
    pub(crate) bytes: u64,
    /// How many things; the least recently used go.
    pub(crate) count: usize,
    /// A thing that was not used for this long goes.
    pub(crate) age: Duration,
}

/// The folder.
pub(crate) struct Cache {
    folder: PathBuf,
    bounds: Bounds,
    locks: Mutex<HashMap<String, Arc<RwLock<()>>>>,
    dropped: AtomicU64,
}

/// A whole thing that stays where it is while this exists.
#[derive(Debug)]
pub(crate) struct Held {
    /// Where it is.
    pub(crate) folder: PathBuf,
    _in_use: OwnedRwLockReadGuard<()>,
}

/// A thing that is being made by its only user. Dropped before it is whole, it counts for nothing.
pub(crate) struct Making {
    /// Where it is to be: an empty place.
    pub(crate) folder: PathBuf,
    alone: OwnedRwLockWriteGuard<()>,
}

impl Making {
    /// Clears its place. It goes along: a caller who does not wait for the end must not let the next one in.
    fn empty(self) -> io::Result<Self> {
        remove(&self.folder)?;
        Ok(self)
    }
}

/// What there is of a thing.
pub(crate) enum Found {
    /// It is there.
    Whole(Held),
    /// It is not, and nobody else can make it now.
    Missing(Making),
}

impl Cache {
    /// The folder, with what an earlier agent left half made or too old swept away. Does not return at once.
    pub(crate) fn open(folder: PathBuf, bounds: Bounds) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if read(&path).is_none() {
                remove(&path)?;
            }
        }
        let cache = Self {
            folder,
            bounds,
            locks: Mutex::default(),
            dropped: AtomicU64::new(0),
        };
        for gone in cache.surplus("") {
            remove(&gone)?;
        }
        Ok(cache)
    }

    /// The thing of this name. Waits while another makes it.
    pub(crate) async fn find(&self, name: &str) -> io::Result<Found> {
        let lock = self.lock(name);
        let folder = self.folder.join(name);
        let shared = Arc::clone(&lock).read_owned().await;
        if touch(&folder) {
            return Ok(Found::Whole(Held {
                folder,
                _in_use: shared,
            }));
        }
        drop(shared);
        let alone = lock.write_owned().await;
        if touch(&folder) {
            return Ok(Found::Whole(Held {
                folder,
                _in_use: alone.downgrade(),
            }));
        }
        let making = Making { folder, alone };
        let making = blocking(move || making.empty()).await?;
        Ok(Found::Missing(making))
    }

    /// Declares a thing whole, and drops what is too much with it.
    pub(crate) async fn finish(&self, making: Making) -> io::Result<Held> {
        // The making goes along: a caller who does not wait for the end must not let the next one in.
        let making = blocking(move || {
            let bytes = size(&making.folder)?;
            // A machine that loses its power must not find the mark without the files.
            process::sync_files(&making.folder)?;
            let mark = fs::File::create(making.folder.join(WHOLE))?;
            io::Write::write_all(&mut &mark, bytes.to_string().as_bytes())?;
            mark.sync_all()?;
            Ok(making)
        })
        .await?;
        let name = making.folder.file_name().and_then(|n| n.to_str());
        let surplus = self.surplus(name.unwrap_or_default());
        let held = Held {
            folder: making.folder,
            _in_use: making.alone.downgrade(),
        };
        blocking(move || surplus.iter().try_for_each(|gone| remove(gone))).await?;
        Ok(held)
    }

    /// Gives back the space of a thing that will not become whole.
    pub(crate) async fn abandon(&self, making: Making) {
        // What cannot be removed now is swept away before the next try.
        let _ = blocking(move || making.empty()).await;
    }

    /// Drops a thing as soon as nobody uses it.
    pub(crate) async fn evict(&self, name: &str) -> io::Result<()> {
        let _alone = self.lock(name).write_owned().await;
        match self.put_away(name) {
            Some(gone) => blocking(move || remove(&gone)).await,
            None => Ok(()),
        }
    }

    /// Puts out of sight what exceeds the bounds and is not in use; where to find it.
    fn surplus(&self, just: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut whole: Vec<(SystemTime, u64, String)> = entries
            .filter_map(|e| {
                let (used, bytes) = read(&e.path())?;
                Some((used, bytes, e.file_name().into_string().ok()?))
            })
            .collect();
        whole.sort();
        let oldest = SystemTime::now()
            .checked_sub(self.bounds.age)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let mut bytes: u64 = whole.iter().map(|(_, bytes, _)| bytes).sum();
        let mut count = whole.len();
        let mut gone = Vec::new();
        for (used, size, name) in whole {
            let too_much = bytes > self.bounds.bytes || count > self.bounds.count;
            if name == just || !(too_much || used < oldest) {
                continue;
            }
            let Ok(_alone) = self.lock(&name).try_write_owned() else {
                continue;
            };
            if let Some(path) = self.put_away(&name) {
                gone.push(path);
                bytes -= size;
                count -= 1;
            }
        }
        gone
    }

    /// Out of sight, so that nobody finds half of it. Its lock must be held alone.
    fn put_away(&self, name: &str) -> Option<PathBuf> {
        let number = self.dropped.fetch_add(1, Ordering::Relaxed);
        let gone = self.folder.join(format!("{name}{GONE}{number}"));
        fs::rename(self.folder.join(name), &gone).ok()?;
        Some(gone)
    }

    fn lock(&self, name: &str) -> Arc<RwLock<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks nobody holds are made again when needed; so the map stays as small as the work at hand.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(name.to_owned()).or_default())
    }
}

/// When a whole thing was last used, and how large it is.
fn read(folder: &Path) -> Option<(SystemTime, u64)> {
    if folder.extension().is_some() {
        return None;
    }
    let mark = folder.join(WHOLE);
    let bytes = fs::read_to_string(&mark).ok()?.parse().ok()?;
    Some((fs::metadata(&mark).ok()?.modified().ok()?, bytes))
}

/// Notes that a thing is used now; whether it is there as a whole.
fn touch(folder: &Path) -> bool {
    let whole = read(folder).is_some();
    if whole && let Ok(mark) = fs::File::options().write(true).open(folder.join(WHOLE)) {
        // Its time only decides what is dropped first.
        let _ = mark.set_modified(SystemTime::now());
    }
    whole
}

/// Bytes of a tree, with something for each entry's own record.
fn size(folder: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        total += 4_096;
        total += if meta.is_dir() {
            size(&entry.path())?
        } else {
            meta.len()
        };
    }
    Ok(total)
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => crate::folders::remove(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Disks are slow, and heartbeats must not wait for them.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other)?
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
