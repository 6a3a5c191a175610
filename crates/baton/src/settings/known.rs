//! The server this person used last, recorded so that the CLI works from any directory.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Pinned;
use crate::failure::{Done, Failure};

/// What is recorded, in `$XDG_CONFIG_HOME/baton/server.json`, readable by its owner alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The server's address.
    pub(crate) url: String,
    /// The key itself, after `baton login --save`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<String>,
    /// Or the file with the key in it, after `baton up`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    /// SHA-256 of the server's certificate, where it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// PEM file of the authorities that may vouch for the server, as an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_ca: Option<PathBuf>,
}

impl Known {
    /// Whom to trust.
    pub(crate) fn pinned(&self) -> Pinned {
        Pinned {
            fingerprint: self.fingerprint.clone(),
            authority: self.tls_ca.clone(),
        }
    }

    /// The key.
    pub(crate) fn key(&self) -> Option<String> {
        self.api_key
            .clone()
            .or_else(|| self.key_file.as_deref().and_then(key_in))
    }
}

/// The key in this file, if it can be read and holds one.
pub(crate) fn key_in(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let key = text.trim();
    (!key.is_empty()).then(|| key.to_owned())
}

fn path() -> Done<PathBuf> {
    Ok(super::personal("XDG_CONFIG_HOME", ".config")?.join("server.json"))
}

/// What was recorded. A file that cannot be understood counts as none: it is only a convenience.
pub(crate) fn read() -> Done<Option<Known>> {
    let Ok(path) = path() else {
        return Ok(None);
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Failure::file(&path, "read", &e)),
    };
    Ok(serde_json::from_str(&text).ok())
}

/// Records the server. Never readable by anybody else, not even for a moment.
pub(crate) fn write(known: &Known) -> Done<PathBuf> {
    let path = path()?;
    let text = serde_json::to_string_pretty(known).expect("it holds only text");
    write_private(&path, text.as_bytes())?;
    Ok(path)
}

/// Writes a file that its owner alone can read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Done {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| Failure::file(folder, "make", &e))?;
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let _ = std::fs::remove_file(&draft);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&draft, path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&draft);
        Failure::file(path, "write", &e)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_recorded_is_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("deep/server.json");
        write_private(&path, b"secret").expect("written");
        write_private(&path, b"secret 2").expect("written over");
        let mode = std::fs::metadata(&path)
            .expect("it exists")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(key_in(&path).as_deref(), Some("secret 2"));
    }
}
