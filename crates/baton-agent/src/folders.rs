//! Removing folders, also those that a run has closed to their owner.

use std::fs;
use std::io;
use std::path::Path;

/// Removes a folder with all that is in it. Some programs leave folders that may not be written (Go's cache of
/// modules does): without the rights of root these must be opened first.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open(folder)?;
            fs::remove_dir_all(folder)
        }
        done => done,
    }
}

/// Lets the owner into a folder and all below it. Links are left as they are.
#[cfg(unix)]
fn open(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn open(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Only without the rights of root does this differ from removing.
    #[test]
    fn a_folder_that_was_closed_is_opened_and_removed_and_links_are_not_followed() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("kept"), "x").expect("written");
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("work");
        let closed = folder.join("closed");
        fs::create_dir_all(&closed).expect("made");
        fs::write(closed.join("file"), "x").expect("written");
        std::os::unix::fs::symlink(outside.path(), folder.join("link")).expect("linked");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).expect("closed");
        open(&folder).expect("opened");
        let mode = fs::metadata(&closed).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        remove(&folder).expect("removed");
        assert!(!folder.exists() && outside.path().join("kept").exists());
    }
}
