//! Packages on this robot: fetched once, checked by their hash, kept while there is room.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use baton_api::package;

use crate::cache::{Bounds, Cache, Found, Held};
use crate::http::{Http, Refused};

/// How often a download is tried before the run fails, and how long the waits in between are at first.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Packages kept: more are not looked through quickly.
const MAX_KEPT: usize = 10_000;

/// The cache.
pub(crate) struct Packages {
    cache: Cache,
    http: Http,
}

/// A package in the cache that stays there while this exists.
pub(crate) struct HeldPackage(Held);

impl HeldPackage {
    /// Its unpacked files. Nobody runs in here; attempts get copies.
    pub(crate) fn tree(&self) -> PathBuf {
        self.0.folder.join("tree")
    }
}

impl Packages {
    pub(crate) fn open(folder: PathBuf, bytes: u64, age: Duration, http: Http) -> io::Result<Self> {
        let bounds = Bounds {
            bytes,
            count: MAX_KEPT,
            age,
        };
        let cache = Cache::open(folder, bounds)?;
        Ok(Self { cache, http })
    }

    /// The package with this hash, from the cache or from the server. Concurrent callers share one download.
    pub(crate) async fn fetch(&self, hash: &str) -> Result<HeldPackage> {
        if !package::is_hash(hash) {
            bail!(NoName(hash.to_owned()));
        }
        let making = match self.cache.find(hash).await? {
            Found::Whole(held) => return Ok(HeldPackage(held)),
            Found::Missing(making) => making,
        };
        let bytes = self.download(hash).await?;
        // The making goes along: a caller who does not wait for the end must not let the next one in.
        let unpack = move || package::unpack(&bytes, &making.folder.join("tree")).map(|_| making);
        let making = tokio::task::spawn_blocking(unpack).await??;
        let held = self.cache.finish(making).await;
        Ok(HeldPackage(
            held.context("cannot put the package into the cache")?,
        ))
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

    /// Drops the package as soon as no run is being set up from it; the next run fetches it anew.
    pub(crate) async fn evict(&self, hash: &str) -> io::Result<()> {
        if package::is_hash(hash) {
            self.cache.evict(hash).await?;
        }
        Ok(())
    }
}

/// Whether a package that could not be fetched cannot be had by any robot: the server refuses it, or it is none.
pub(crate) fn is_at_fault(error: &anyhow::Error) -> bool {
    let broken = error
        .downcast_ref::<package::PackageError>()
        .is_some_and(|e| !matches!(e.code, "package_io" | "package_folder_not_empty"));
    broken || error.is::<Refused>() || error.is::<NoName>()
}

/// The flow names something that is no package.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not the name of a package")]
struct NoName(String);

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
