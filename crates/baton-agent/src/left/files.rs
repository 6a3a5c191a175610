//! Files that a run left: which may be read by the agent, whose rights are not the run's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The plain file that a path means and its size, or why it may not be read. `Ok(None)`: there is nothing.
///
/// A link is followed inside the run's own work folder only. What lies elsewhere may be more than the run itself
/// may read; and a pipe or a device would never end.
pub(crate) fn plain(path: &Path, work: &Path) -> Result<Option<(PathBuf, u64)>, String> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be looked at: {error}")),
    };
    if meta.is_file() {
        return Ok(Some((path.to_owned(), meta.len())));
    }
    if !meta.is_symlink() {
        return Err(format!("is {}, not a file", kind(&meta)));
    }
    let shown = fs::read_link(path).map_or_else(|_| String::new(), |to| to.display().to_string());
    let Ok(target) = path.canonicalize() else {
        return Err(format!("is a link to {shown}, which is not there"));
    };
    let inside = work
        .canonicalize()
        .is_ok_and(|work| target.starts_with(work));
    match fs::metadata(&target) {
        _ if !inside => Err(format!("is a link to {shown}, outside the run's folder")),
        Ok(meta) if meta.is_file() => Ok(Some((target, meta.len()))),
        Ok(meta) => Err(format!("is a link to {shown}, which is {}", kind(&meta))),
        Err(error) => Err(format!(
            "is a link to {shown}, which cannot be read: {error}"
        )),
    }
}

#[cfg(unix)]
fn kind(meta: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = meta.file_type();
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(meta: &fs::Metadata) -> &'static str {
    if meta.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}
