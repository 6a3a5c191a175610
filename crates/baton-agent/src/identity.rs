//! Who this robot is, kept beside its data: `robot.json` for the name, `robot.key` for the proof.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use baton_core::id::RobotId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::secret::Secret;

const FILE: &str = "robot.json";
const KEY: &str = "robot.key";
const LOCK: &str = "agent.lock";

/// Who a robot is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: RobotId,
    /// Its name.
    pub name: String,
    /// The server that knows it.
    pub server: String,
}

impl Identity {
    /// The identity in this folder with its key; `None` where no robot was enrolled.
    pub fn load(folder: &Path) -> Result<Option<(Self, Secret)>> {
        let path = folder.join(FILE);
        let bytes = match fs::read(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.with_context(|| path.display().to_string())?,
        };
        let identity =
            serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?;
        let path = folder.join(KEY);
        let key = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Some((identity, Secret(key.trim().to_owned()))))
    }

    /// Writes the identity, its key readable by its owner alone.
    pub fn save(&self, folder: &Path, key: &Secret) -> Result<()> {
        make(folder)?;
        // The key first: an identity without key would look enrolled.
        write(&folder.join(KEY), key.0.as_bytes())?;
        write(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }
}

/// Makes the agent's folder where there is none, for its owner alone: parameters and logs lie in it.
fn make(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .with_context(|| folder.display().to_string())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = || -> io::Result<()> {
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    written().with_context(|| path.display().to_string())
}

/// The folder belongs to an agent that is running.
#[derive(Debug, thiserror::Error)]
#[error("another agent is running on {}; stop it, or give this one a folder of its own", .0.display())]
pub struct FolderInUse(pub PathBuf);

/// Takes the folder for one agent alone; the lock lasts as long as the file is held.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    make(folder)?;
    let path = folder.join(LOCK);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = file.with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(FolderInUse(folder.to_owned()).into()),
        Err(fs::TryLockError::Error(e)) => Err(e).with_context(|| path.display().to_string()),
    }
}

/// Stands for this machine and this folder on it, and is another one for a copy of either: the hash of the
/// machine's id and the folder's place on its disk.
pub(crate) fn installation(folder: &Path) -> String {
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(machine.trim());
    hash.update(place(folder).to_le_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(unix)]
fn place(folder: &Path) -> u64 {
    fs::metadata(folder).map_or(0, |m| std::os::unix::fs::MetadataExt::ino(&m))
}

#[cfg(not(unix))]
fn place(_folder: &Path) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_comes_back_and_its_key_is_private() {
        let dir = tempfile::tempdir().expect("folder");
        assert!(Identity::load(dir.path()).expect("reads").is_none());
        let identity = Identity {
            id: RobotId(uuid::Uuid::from_u128(1)),
            name: "r".into(),
            server: "http://s".into(),
        };
        identity
            .save(dir.path(), &Secret("k".into()))
            .expect("saved");
        let (loaded, key) = Identity::load(dir.path()).expect("reads").expect("there");
        assert_eq!((loaded, key.0.as_str()), (identity, "k"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(KEY))
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("folder");
        let folder = dir.path().join("robot");
        let _lock = lock(&folder).expect("locked");
        let mode = fs::metadata(&folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_of_a_folder_is_another_installation_and_a_renamed_one_is_the_same() {
        let dir = tempfile::tempdir().expect("folder");
        let (first, copy) = (dir.path().join("a"), dir.path().join("b"));
        make(&first).expect("made");
        make(&copy).expect("made");
        let before = installation(&first);
        assert_ne!(before, installation(&copy));
        fs::rename(&first, dir.path().join("c")).expect("renamed");
        assert_eq!(before, installation(&dir.path().join("c")));
    }

    #[test]
    fn two_agents_do_not_share_a_folder() {
        let dir = tempfile::tempdir().expect("folder");
        let held = lock(dir.path()).expect("free");
        assert!(lock(dir.path()).is_err());
        drop(held);
        assert!(lock(dir.path()).is_ok());
    }
}
