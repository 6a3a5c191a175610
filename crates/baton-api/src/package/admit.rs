//! What may stand in an archive: plain files and folders under names that stay where they are unpacked.

use std::collections::BTreeMap;
use std::io::Read;

use tar::EntryType;

use super::{MAX_DEPTH, MAX_FILES, MAX_NAME, PackageEntry, PackageError};

/// Names seen so far, and whether each is a folder.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, bool>);

/// What an entry is, or why it may not be in a package.
pub(super) fn check<R: Read>(
    name: &[u8],
    entry: &tar::Entry<'_, R>,
    seen: &mut Seen,
) -> Result<PackageEntry, PackageError> {
    let shown = || String::from_utf8_lossy(name).into_owned();
    let header = entry.header();
    let folder = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => false,
        EntryType::Directory => true,
        EntryType::Symlink | EntryType::Link => {
            return Err(PackageError::new(
                "package_link",
                shown(),
                "links are not allowed in a package",
            ));
        }
        other => {
            return Err(PackageError::new(
                "package_not_a_file",
                shown(),
                format!("only plain files and folders are allowed in a package, not {other:?}"),
            ));
        }
    };
    let path = check_path(name).map_err(|(code, why)| PackageError::new(code, shown(), why))?;
    if !seen.admit(&path, folder) {
        return Err(PackageError::new(
            "package_duplicate",
            path,
            "the archive holds this name twice",
        ));
    }
    if seen.0.len() > MAX_FILES {
        return Err(PackageError::new(
            "package_too_many_files",
            path,
            format!("the archive has more than {MAX_FILES} files and folders"),
        ));
    }
    let size = entry.size();
    if folder && size > 0 {
        return Err(PackageError::new(
            "package_corrupt",
            path,
            "a folder with content",
        ));
    }
    let mode = header.mode().unwrap_or(0o644);
    Ok(PackageEntry {
        path,
        size,
        executable: !folder && mode & 0o111 != 0,
        folder,
    })
}

/// Whether this names the archive's top itself.
pub(super) fn is_top(name: &[u8]) -> bool {
    matches!(name, b"." | b"./")
}

/// The path of an entry, or why it may not be one. It stays under the top on every operating system.
fn check_path(name: &[u8]) -> Result<String, (&'static str, &'static str)> {
    let bad = |why| Err(("package_path", why));
    let Ok(text) = std::str::from_utf8(name) else {
        return bad("its name is not UTF-8");
    };
    let text = text
        .strip_prefix("./")
        .unwrap_or(text)
        .trim_end_matches('/');
    if text.len() > MAX_NAME {
        return bad("its name is too long");
    }
    if text.starts_with('/') {
        return bad("an absolute path is not allowed in a package");
    }
    if text
        .chars()
        .any(|c| c.is_control() || c == '\\' || c == ':')
    {
        return bad("a backslash, a colon or a control character is not allowed in a name");
    }
    for part in text.split('/') {
        match part {
            ".." => return bad("`..` is not allowed in a package"),
            "" | "." => return bad("an empty part is not allowed in a path"),
            _ if part.len() > 255 => return bad("one part of its name is too long"),
            _ => {}
        }
    }
    if text.split('/').count() > MAX_DEPTH {
        return Err(("package_too_deep", "folders nest too deep"));
    }
    Ok(text.to_owned())
}

impl Seen {
    /// Takes note of an entry; false if it is there already, or if a file stands where a folder must be.
    fn admit(&mut self, path: &str, folder: bool) -> bool {
        let mut end = 0;
        while let Some(at) = path[end..].find('/') {
            end += at;
            if !*self.0.entry(path[..end].to_owned()).or_insert(true) {
                return false;
            }
            end += 1;
        }
        match self.0.insert(path.to_owned(), folder) {
            None => true,
            // A folder may have been implied by a file in it before its own entry came.
            Some(was_folder) => was_folder && folder,
        }
    }
}
