//! The servers this person used, the last one first, recorded so that the CLI works from any directory.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Pinned;
use crate::failure::{Done, Failure};

/// Servers that are remembered beside the one in use: more than one person starts on one machine.
const MOST_OTHERS: usize = 16;
/// The name of a record, in `$XDG_CONFIG_HOME/baton` and in a server's data folder.
const NAME: &str = "server.json";

/// One server, as it is recorded, readable by its owner alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The server's address.
    pub(crate) url: String,
    /// The key itself, after `baton login --save`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<String>,
    /// Or the file with the key in it, after `baton up`.
    #[serde(
        default,
        with = "super::any_path",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) key_file: Option<PathBuf>,
    /// SHA-256 of the server's certificate, where it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// PEM file of the authorities that may vouch for the server, as an absolute path.
    #[serde(
        default,
        with = "super::any_path",
        skip_serializing_if = "Option::is_none"
    )]
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

    /// Whether both are about one server: one address is one server, and so is one data folder.
    fn is_same(&self, other: &Self) -> bool {
        self.url == other.url || (self.key_file.is_some() && self.key_file == other.key_file)
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

/// What one person's record holds: the server that commands use, and others whose keys are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The one that commands use.
    #[serde(flatten)]
    pub(crate) current: Option<Known>,
    /// The others, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) others: Vec<Known>,
}

impl Recorded {
    /// What is known of the server with this address.
    pub(crate) fn find(&self, url: &str) -> Option<&Known> {
        self.all().find(|known| known.url == url)
    }

    /// Every server in it.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Known> {
        self.current.iter().chain(&self.others)
    }

    /// The same with this server, which commands use from now on if `in_use` says so.
    #[must_use]
    pub(crate) fn with(self, known: Known, in_use: bool) -> Self {
        let (current, others) = (self.current, self.others);
        let mut all: Vec<Known> = current.into_iter().chain(others).collect();
        all.retain(|other| !other.is_same(&known));
        all.insert(usize::from(!in_use && !all.is_empty()), known);
        let mut all = all.into_iter();
        Self {
            current: all.next(),
            others: all.take(MOST_OTHERS).collect(),
        }
    }
}

fn path() -> Done<PathBuf> {
    Ok(super::personal("XDG_CONFIG_HOME", ".config")?.join(NAME))
}

/// What was recorded. A file that cannot be understood counts as none: it is only a convenience.
pub(crate) fn read() -> Done<Recorded> {
    let Ok(path) = path() else {
        return Ok(Recorded::default());
    };
    Ok(text_of(&path)?
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}

fn text_of(path: &Path) -> Done<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::file(path, "read", &e)),
    }
}

/// Records the server, for use from now on or only with its key. Never readable by anybody else, not even for a moment.
pub(crate) fn write(known: &Known, in_use: bool) -> Done<PathBuf> {
    let path = path()?;
    let recorded = read()?.with(known.clone(), in_use);
    let text = serde_json::to_string_pretty(&recorded).expect("it holds only text");
    write_private(&path, text.as_bytes())?;
    Ok(path)
}

/// The server that runs on this data folder, as it said when it started; gone when it has stopped.
pub(crate) fn of_folder(data: &Path) -> Done<Option<Known>> {
    Ok(text_of(&data.join(NAME))?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Says in a data folder which server runs on it.
pub(crate) fn write_to_folder(data: &Path, known: &Known) -> Done {
    let text = serde_json::to_string_pretty(known).expect("it holds only text");
    write_private(&data.join(NAME), text.as_bytes())
}

/// No server runs on this data folder any more.
pub(crate) fn remove_from_folder(data: &Path) {
    let _ = std::fs::remove_file(data.join(NAME));
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

    fn server(port: u16, key_file: &str) -> Known {
        Known {
            url: format!("http://127.0.0.1:{port}"),
            api_key: None,
            key_file: Some(key_file.into()),
            fingerprint: None,
            tls_ca: None,
        }
    }

    #[test]
    fn a_record_of_one_server_is_still_understood() {
        let old = r#"{"url": "http://127.0.0.1:1", "key_file": "/a/admin.key"}"#;
        let recorded: Recorded = serde_json::from_str(old).expect("understood");
        assert_eq!(recorded.current, Some(server(1, "/a/admin.key")));
        let none: Recorded = serde_json::from_str("{}").expect("understood");
        assert_eq!(none.current, None);
    }

    #[test]
    fn a_server_that_is_not_to_be_used_is_remembered_with_its_key() {
        let (a, b) = (server(1, "/a"), server(2, "/b"));
        let recorded = Recorded::default().with(a.clone(), false);
        assert_eq!(recorded.current, Some(a.clone()), "the first is used");
        let recorded = recorded.with(b.clone(), false);
        assert_eq!(recorded.current, Some(a.clone()));
        assert_eq!(recorded.find(&b.url), Some(&b));
        let recorded = recorded.with(b.clone(), true);
        assert_eq!(recorded.current, Some(b));
        assert_eq!(recorded.others, [a]);
        let moved = recorded.with(server(3, "/a"), true);
        assert_eq!(
            moved.all().count(),
            2,
            "one folder is one server: {moved:?}"
        );
    }
}
