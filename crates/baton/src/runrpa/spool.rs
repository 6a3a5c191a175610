//! Where manual runs are recorded until the server has them: one folder a run, below the user's state folder.
//!
//! `start.json`, `log.jsonl`, `events.jsonl` and `finish.json` are what the server is told, in this
//! order. Telling may be repeated at any time; the folder goes when everything has been told.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Done, Failure};
use crate::settings;

/// Most left-over runs that are sent along with one run.
const LEFT_OVER: usize = 20;

/// One run's folder.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// A new folder, which this process holds.
    pub(crate) fn create() -> Done<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the operating system gives random bytes");
        let name = format!(
            "{}-{:016x}",
            jiff::Timestamp::now().as_millisecond(),
            u64::from_be_bytes(random)
        );
        let folder = base()?.join(name);
        for path in [folder.join("artifacts"), folder.join("tmp")] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|e| Failure::file(&path, "make", &e))?;
        }
        let spool = Self { folder };
        let events = spool.path("events.jsonl");
        std::fs::write(&events, b"").map_err(|e| Failure::file(&events, "write", &e))?;
        spool.write("pid.json", &std::process::id())?;
        Ok(spool)
    }

    /// The run's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file or folder of the run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The key under which the server knows the run, whoever reports it and however often.
    pub(crate) fn key(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        format!("manual-{}", name.to_string_lossy())
    }

    /// Writes one of the run's files, whole or not at all.
    pub(crate) fn write(&self, name: &str, value: &impl Serialize) -> Done {
        let bytes = serde_json::to_vec(value).expect("wire types are plain JSON");
        settings::known::write_private(&self.path(name), &bytes)
    }

    /// Reads one of the run's files, if it is there and whole.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.path(name)).ok()?).ok()
    }

    /// Reads one of the run's files, if it is there. One that is there and cannot be read is no reason to go on without.
    pub(crate) fn find<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        match std::fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets the run: the server has it.
    pub(crate) fn remove(&self) {
        // A folder that stays is sent again, which changes nothing.
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Whether the process that recorded the run is gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        match self.read::<i32>("pid.json") {
            Some(pid) => !Path::new("/proc").join(pid.to_string()).exists(),
            None => true,
        }
    }

    /// Runs that were not told to the server yet and that nobody records any more, oldest first.
    pub(crate) fn left_over(except: Option<&Self>) -> Vec<Self> {
        let Ok(base) = base() else {
            return Vec::new();
        };
        let Ok(entries) = std::fs::read_dir(base) else {
            return Vec::new();
        };
        let mut folders: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
        folders.sort();
        folders
            .into_iter()
            .map(|folder| Self { folder })
            .filter(|spool| except.is_none_or(|e| e.folder != spool.folder))
            .filter(Self::is_abandoned)
            .take(LEFT_OVER)
            .collect()
    }
}

fn base() -> Done<PathBuf> {
    Ok(settings::personal("XDG_STATE_HOME", ".local/state")?.join("manual-runs"))
}
