//! Packages on this robot: fetched once, checked by their hash, kept while there is room.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use baton_api::package;

use crate::http::{Http, Refused};

/// How often a download is tried before the run fails, and how long the waits in between are at first.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The file in each cached package that says how large it is, and by its time when it was last used.
const SIZE: &str = "size";

/// The cache.
pub(crate) struct Packages {
    folder: PathBuf,
    bound: u64,
    http: Http,
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// A package in the cache that stays there while this exists.
pub(crate) struct Held {
    /// Its unpacked files. Nobody runs in here; attempts get copies.
    pub(crate) tree: PathBuf,
    _in_use: Arc<tokio::sync::Mutex<()>>,
}

impl Packages {
    pub(crate) fn open(folder: PathBuf, bound: u64, http: Http) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            // Half a package of an agent that died while it unpacked.
            if path.extension().is_some() {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(Self {
            folder,
            bound,
            http,
            locks: Mutex::default(),
        })
    }

    /// The package with this hash, from the cache or from the server. Concurrent callers share one download.
    pub(crate) async fn fetch(&self, hash: &str) -> Result<Held> {
        if !package::is_hash(hash) {
            bail!("{hash:?} is not the name of a package");
        }
        let lock = Arc::clone(self.locks().entry(hash.to_owned()).or_default());
        let _alone = lock.lock().await;
        let home = self.folder.join(hash);
        let held = Held {
            tree: home.join("tree"),
            _in_use: Arc::clone(&lock),
        };
        let size = home.join(SIZE);
        if let Ok(file) = fs::File::options().write(true).open(&size) {
            file.set_modified(SystemTime::now())?;
            return Ok(held);
        }
        let bytes = self.download(hash).await?;
        let (partial, home_of) = (self.folder.join(format!("{hash}.partial")), home.clone());
        let unpack = move || -> Result<()> {
            if partial.exists() {
                fs::remove_dir_all(&partial)?;
            }
            let entries = package::unpack(&bytes, &partial.join("tree"))?;
            let total: u64 = entries.iter().map(|e| e.size + 4_096).sum();
            fs::write(partial.join(SIZE), total.to_string())?;
            fs::rename(&partial, &home_of).context("cannot put the package into the cache")
        };
        tokio::task::spawn_blocking(unpack).await??;
        self.shrink(hash);
        Ok(held)
    }

    async fn download(&self, hash: &str) -> Result<Vec<u8>> {
        let mut wait = FIRST_WAIT;
        for tried in 1.. {
            let why = match self.http.package(hash).await {
                Ok(bytes) if package::hash(&bytes) == hash => return Ok(bytes),
                Ok(bytes) => {
                    anyhow::anyhow!("{} bytes came whose checksum is another", bytes.len())
                }
                Err(error) if error.is::<Refused>() => return Err(error),
                Err(error) => error,
            };
            if tried == TRIES {
                return Err(why);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        unreachable!("the loop ends by returning")
    }

    /// Drops the package unless a run is on it; the next run fetches it anew.
    pub(crate) fn evict(&self, hash: &str) -> io::Result<()> {
        if package::is_hash(hash) && !self.in_use(hash) {
            self.remove(&self.folder.join(hash))?;
        }
        Ok(())
    }

    fn remove(&self, home: &Path) -> io::Result<()> {
        // First out of sight, so that nobody finds half a package.
        let gone = home.with_extension("gone");
        match fs::rename(home, &gone) {
            Ok(()) => fs::remove_dir_all(gone),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn in_use(&self, hash: &str) -> bool {
        self.locks()
            .get(hash)
            .is_some_and(|lock| Arc::strong_count(lock) > 1)
    }

    /// Drops the least recently used packages until the rest fits, never the one just fetched.
    fn shrink(&self, just: &str) {
        let measured = |entry: fs::DirEntry| {
            let file = entry.path().join(SIZE);
            let size = fs::read_to_string(&file).ok()?.parse::<u64>().ok()?;
            let used = fs::metadata(&file).ok()?.modified().ok()?;
            Some((used, size, entry.path()))
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut cached: Vec<_> = entries.filter_map(measured).collect();
        cached.sort();
        let mut total: u64 = cached.iter().map(|(_, size, _)| size).sum();
        for (_, size, home) in cached {
            let name = home
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            if total <= self.bound {
                break;
            }
            if name != just && !self.in_use(name) && self.remove(&home).is_ok() {
                total -= size;
            }
        }
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks nobody holds are made again when needed; so the map stays as small as the work at hand.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        locks
    }
}

/// Copies a tree of plain files and folders, which is all that a package holds.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            // Shares blocks where the file system can; permissions come along.
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
