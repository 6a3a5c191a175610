//! Files of runs that have a user of their own: where they lie, and whose they are.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::config::Account;

/// Where runs of another user work: the agent's own folder is closed to them.
pub(crate) const OUTSIDE: &str = "/var/lib/baton-runs";

/// The folder for work and environments of an agent with this mark. Others may pass through it and see nothing.
pub(crate) fn outside(mark: &str) -> Result<PathBuf> {
    let folder = Path::new(OUTSIDE).join(mark);
    let (work, environments) = (folder.join("work"), folder.join("environments"));
    for folder in [Path::new(OUTSIDE), &folder, &work, &environments] {
        passable(folder)
            .with_context(|| format!("{} for runs of another user", folder.display()))?;
    }
    Ok(folder)
}

/// Whether runs of other users can have a place at all.
pub(crate) fn ready() -> Result<()> {
    passable(Path::new(OUTSIDE)).with_context(|| OUTSIDE.to_owned())
}

#[cfg(unix)]
fn passable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let meta = fs::symlink_metadata(folder)?;
    if !meta.is_dir() || meta.uid() != nix::unistd::geteuid().as_raw() {
        bail!("it is there and does not belong to the agent");
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?;
    Ok(())
}

#[cfg(not(unix))]
fn passable(_: &Path) -> Result<()> {
    bail!("runs of another user are not supported on this operating system")
}

/// Closes a run's folder to all but its owner, and gives it to the user of the run where that is another.
#[cfg(unix)]
pub(crate) fn close(folder: &Path, owner: Option<&Account>) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    owner.map_or(Ok(()), |owner| give(folder, owner.uid, owner.gid))
}

#[cfg(not(unix))]
pub(crate) fn close(_: &Path, _: Option<&Account>) -> io::Result<()> {
    Ok(())
}

/// The folders of a `PATH` that a user of nobody's can enter. A program that is nowhere is otherwise reported as
/// forbidden when one of the folders is root's alone.
#[cfg(unix)]
pub(crate) fn open_to(path: &OsStr, owner: &Account) -> OsString {
    use std::os::unix::fs::MetadataExt as _;
    let may_enter = |folder: &Path| match fs::metadata(folder) {
        // What is not there hinders nobody.
        Err(_) => true,
        Ok(meta) if meta.uid() == owner.uid => meta.mode() & 0o100 != 0,
        Ok(meta) if meta.gid() == owner.gid => meta.mode() & 0o010 != 0,
        Ok(meta) => meta.mode() & 0o001 != 0,
    };
    let folders = std::env::split_paths(path);
    let open = folders.filter(|folder| folder.ancestors().all(may_enter));
    std::env::join_paths(open).unwrap_or_else(|_| path.to_owned())
}

#[cfg(not(unix))]
pub(crate) fn open_to(path: &OsStr, _: &Account) -> OsString {
    path.to_owned()
}

/// Gives a tree to root for good: others may read and execute, and nobody else may change it.
#[cfg(unix)]
pub(crate) fn seal(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let meta = fs::symlink_metadata(path)?;
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            seal(&entry?.path())?;
        }
    }
    std::os::unix::fs::lchown(path, Some(0), Some(0))?;
    if !meta.is_symlink() {
        let executable = meta.is_dir() || meta.permissions().mode() & 0o111 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn seal(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a tree to a user. Links are given, not followed.
#[cfg(unix)]
pub(crate) fn give(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), uid, gid)?;
        }
    }
    std::os::unix::fs::lchown(path, Some(uid), Some(gid))
}

#[cfg(not(unix))]
pub(crate) fn give(_: &Path, _: u32, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn folders_that_a_runs_user_cannot_enter_are_not_looked_into_for_programs() {
        let place = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path, bits| {
            fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("changed");
        };
        let (open, shut) = (place.path().join("open"), place.path().join("shut"));
        let below = shut.join("below");
        for folder in [&open, &shut, &below] {
            fs::create_dir(folder).expect("made");
            mode(folder, 0o755);
        }
        mode(&shut, 0o700);
        mode(place.path(), 0o711);
        let owner = Account {
            uid: 60_706,
            gid: 60_706,
            home: None,
        };
        let path = std::env::join_paths([&below, &open, &shut]).expect("a path");
        assert_eq!(open_to(&path, &owner), *open.as_os_str());
        // Where it is not shut, the order stays.
        mode(&shut, 0o755);
        assert_eq!(open_to(&path, &owner), path);
    }
}
