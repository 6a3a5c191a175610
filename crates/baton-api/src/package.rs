//! Packages: how a flow's folder or file travels, as one archive named by the SHA-256 of its bytes.
//!
//! An archive is a gzipped tar of plain files and folders. [`pack`] is deterministic: the same files
//! give the same bytes on every machine, so that a redeploy of what did not change is the same version.
//! [`inspect`] and [`unpack`] trust nothing: whatever could leave the folder, fill the disk or surprise
//! the reader is refused, with a stable code and the name of the entry.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

mod admit;
mod extended;
mod ignored;
mod notable;
mod pack;
mod read;

pub use notable::{LARGE, looks_secret};
pub use pack::{LeftOut, Packed, pack, pack_with};
pub use read::{inspect, inspect_from, unpack};

/// Longest archive, in bytes: flow code, not data; a larger thing belongs on a share or in an artifact.
pub const MAX_PACKAGE: usize = 64 << 20;
/// All files of an unpacked archive hold at most this many bytes: eight times the archive is ordinary
/// for text, what goes far beyond is a bomb.
pub const MAX_UNPACKED: u64 = 512 << 20;
/// Most files and folders in one archive, those included that are only implied by a name: every attempt gets its
/// own copy of them.
pub const MAX_FILES: usize = 20_000;
/// Longest name of an entry, in bytes: half of what Linux takes as a path, because robots unpack it below a folder.
pub const MAX_NAME: usize = 2_048;
/// Most parts of an entry's name: deeper is a loop of mounts, not a flow.
pub const MAX_DEPTH: usize = 64;

/// One file or folder in an archive.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PackageEntry {
    /// Where it lies under the archive's top, with `/` between folders.
    pub path: String,
    /// Its size in bytes; 0 for a folder.
    pub size: u64,
    /// Whether it may be executed.
    pub executable: bool,
    /// Whether it is a folder.
    pub folder: bool,
}

/// Why something could not be packed, or an archive is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", entry.as_ref().map(|e| format!("{e:?}: ")).unwrap_or_default())]
pub struct PackageError {
    /// Stable, snake_case; what programs match on.
    pub code: &'static str,
    /// The entry concerned, where there is one.
    pub entry: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl PackageError {
    /// An archive that breaks off or makes no sense after this entry.
    fn damaged(after: Option<&PackageEntry>, why: impl std::fmt::Display) -> Self {
        match after {
            None => Self::new("package_corrupt", None, format!("not a gzipped tar: {why}")),
            Some(entry) => Self::new(
                "package_corrupt",
                entry.path.clone(),
                format!("the archive is damaged behind this entry: {why}"),
            ),
        }
    }

    fn new(
        code: &'static str,
        entry: impl Into<Option<String>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            entry: entry.into(),
            message: message.into(),
        }
    }

    fn io(entry: impl Into<Option<String>>, error: &std::io::Error) -> Self {
        Self::new("package_io", entry, error.to_string())
    }
}

/// The name of an archive: SHA-256 of its bytes in lower-case hex.
pub fn hash(archive: &[u8]) -> String {
    hex(&Sha256::digest(archive))
}

/// Whether this is the name of an archive: 64 lower-case hex digits.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
#[path = "package_tests.rs"]
mod tests;
