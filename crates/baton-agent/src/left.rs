//! What a run left in its artifacts folder: every file under a name that the server takes, or why not.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) mod files;
mod outputs;

pub use self::outputs::{Handed, read_outputs};

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 32;
/// Longest name that the server takes, in bytes, with room for the mark of a second file of the same name.
const MAX_NAME: usize = 1_000;
/// Entries that are looked at: beyond it a folder is a mistake, and only this many of it are named or counted.
const MAX_LOOKED_AT: usize = 100_000;
/// Files that are not uploaded are named up to this many; the rest is counted.
const MAX_WARNINGS: usize = 50;

/// Where a run leaves files.
#[derive(Clone, Copy, Debug)]
pub struct Where<'a> {
    /// The run's own folder: links are followed inside it only.
    pub work: &'a Path,
    /// Its artifacts folder.
    pub artifacts: &'a Path,
    /// Its outputs file, where this is to be kept as a file too.
    pub outputs: Option<&'a Path>,
}

/// How much of it is uploaded.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most files.
    pub files: usize,
    /// Largest file, in bytes.
    pub bytes: u64,
}

/// What there is to upload.
#[derive(Debug, Default)]
pub struct Left {
    /// Name, file and size of each.
    pub files: Vec<(String, PathBuf, u64)>,
    /// What is not uploaded or has another name there, a sentence each.
    pub warnings: Vec<String>,
    names: HashSet<String>,
    looked_at: usize,
}

/// Everything that the run left and that is within these bounds, sorted by name.
pub fn collect(lies: Where<'_>, bounds: Bounds) -> Left {
    let mut left = Left::default();
    match fs::symlink_metadata(lies.artifacts) {
        Ok(meta) if meta.is_dir() => left.folder(lies.artifacts, "", 0, lies.work),
        Ok(_) => left.warnings.push(
            "artifacts: BATON_ARTIFACTS is not a folder any more; nothing is uploaded".into(),
        ),
        // A run may remove what it does not need.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => left.warnings.push(format!(
            "artifacts: BATON_ARTIFACTS cannot be looked at: {error}; nothing is uploaded"
        )),
    }
    if let Some(outputs) = lies.outputs {
        left.file(OsStr::new("outputs.json"), "", outputs, lies.work);
    }
    left.files.sort();
    left.bound(bounds);
    left
}

impl Left {
    /// Takes out what is beyond the bounds, and says so.
    fn bound(&mut self, bounds: Bounds) {
        let surplus = self.files.len().saturating_sub(bounds.files);
        if surplus > 0 {
            let (first, bound) = (&self.files[bounds.files].0, bounds.files);
            let why = format!(
                "more than {bound} artifacts; {surplus} are not uploaded, from {first:?} on"
            );
            // It speaks of more files than any other, and must not be the one that is only counted.
            self.warnings.insert(0, why);
            self.files.truncate(bounds.files);
        }
        let (files, warnings) = (&mut self.files, &mut self.warnings);
        files.retain(|(name, _, size)| {
            let fits = *size <= bounds.bytes;
            if !fits {
                let bound = bounds.bytes;
                warnings.push(format!(
                    "artifact {name:?} has {size} bytes; {bound} are allowed, it is not uploaded"
                ));
            }
            fits
        });
        let unseen = warnings.len().saturating_sub(MAX_WARNINGS);
        if unseen > 0 {
            warnings.truncate(MAX_WARNINGS);
            warnings.push(format!(
                "artifacts: {unseen} more are not uploaded or have other names"
            ));
        }
    }

    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize, work: &Path) {
        let shown = if prefix.is_empty() { "." } else { prefix };
        if depth > MAX_DEPTH {
            let why = format!(
                "artifacts: {shown:?} lies deeper than {MAX_DEPTH} folders; it is not uploaded"
            );
            return self.warnings.push(why);
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let why = format!("artifacts: the folder {shown:?} cannot be read: {error}");
                return self.warnings.push(why);
            }
        };
        let mut entries = self.listed(entries, shown);
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            self.looked_at += 1;
            if self.looked_at > MAX_LOOKED_AT {
                let why = format!(
                    "artifacts: more than {MAX_LOOKED_AT} entries; the rest is not looked at"
                );
                if self.warnings.last() != Some(&why) {
                    self.warnings.push(why);
                }
                return;
            }
            let (name, path) = (entry.file_name(), entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let prefix = format!("{prefix}{}/", plain_name(&name));
                self.folder(&path, &prefix, depth + 1, work);
            } else {
                self.file(&name, prefix, &path, work);
            }
        }
    }

    /// The entries of a folder, as far as they are looked at; one that cannot be read is said.
    fn listed<T>(&mut self, entries: impl Iterator<Item = io::Result<T>>, shown: &str) -> Vec<T> {
        let mut listed = Vec::new();
        // One more than is looked at, so that the rest is missed.
        for entry in entries.take(MAX_LOOKED_AT + 1) {
            match entry {
                Ok(entry) => listed.push(entry),
                Err(error) => self.warnings.push(format!(
                    "artifacts: the folder {shown:?} cannot be read to its end: {error}"
                )),
            }
        }
        listed
    }

    fn file(&mut self, name: &OsStr, prefix: &str, path: &Path, work: &Path) {
        let own = format!("{prefix}{}", name.to_string_lossy());
        match files::plain(path, work) {
            Ok(Some((path, size))) => {
                let given = self.name(&format!("{prefix}{}", plain_name(name)));
                if given != own {
                    self.warnings
                        .push(format!("artifacts: {own:?} is uploaded as {given:?}"));
                }
                self.files.push((given, path, size));
            }
            Ok(None) => {}
            Err(why) => self
                .warnings
                .push(format!("artifacts: {own:?} {why}; it is not uploaded")),
        }
    }

    /// The name, short enough and different from all others.
    fn name(&mut self, wanted: &str) -> String {
        let mut short = wanted.to_owned();
        if short.len() > MAX_NAME {
            // Its end tells more than its middle: the extension stands there.
            let head = short.floor_char_boundary(MAX_NAME / 2);
            let tail = short.ceil_char_boundary(short.len() - MAX_NAME / 2 + 8);
            short = format!(
                "{}…{}",
                &short[..head],
                short[tail..].trim_start_matches('/')
            );
        }
        let mut name = short.clone();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{short} ({number})");
        }
        name
    }
}

/// One part of a path as the server takes it: what is no plain character stands as `%` and its number.
fn plain_name(name: &OsStr) -> String {
    let mut out = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '\\' {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    out.push_str(&format!("%{byte:02X}"));
                }
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(all(test, target_os = "linux"))]
#[path = "left_tests.rs"]
mod tests;
