//! What a server keeps is for its owner alone: folders and files that are open to others are closed, or warned of.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use baton_server::auth::ADMIN_KEY_FILE;

use super::{DATABASE, EXAMPLES_DONE};
use crate::output;

/// The bits that let anybody but the owner in.
const OTHERS: u32 = 0o077;
/// What stands beside the database under its name and an ending.
const OF_DATABASE: [&str; 4] = ["", "-wal", "-shm", ".lock"];
/// What else a server or its own robot makes in a data folder.
const OURS: [&str; 6] = [
    ADMIN_KEY_FILE,
    EXAMPLES_DONE,
    "examples",
    "robot",
    "demo.mark",
    "demo.keys.json",
];

/// What became of a folder or file that others could read.
#[derive(Debug, PartialEq)]
enum Found {
    /// It is closed now.
    Closed(PathBuf, u32),
    /// It is still open, for this reason.
    Open(PathBuf, u32, String),
}

/// Closes a data folder and what a server keeps in it, and says so once.
pub(crate) fn close(data: &Path) {
    let found = look(data);
    let closed: Vec<String> = found.iter().filter_map(Found::closed).collect();
    if !closed.is_empty() {
        output::note(&format!(
            "closed to other users of this machine: {}",
            closed.join(", ")
        ));
    }
    for one in &found {
        if let Found::Open(path, mode, why) = one {
            output::warn(&format!(
                "other users of this machine may read {} (mode {mode:04o}): {why}",
                path.display()
            ));
        }
    }
}

/// Closes a database that was made just now; a folder that is open lets others see it.
pub(crate) fn close_new(data: &Path) {
    for path in files(data) {
        // A warning of the folder was given, and nothing more can be done.
        let _ = closed(&path);
    }
}

impl Found {
    fn closed(&self) -> Option<String> {
        match self {
            Self::Closed(path, mode) => {
                Some(format!("{} (it had mode {mode:04o})", path.display()))
            }
            Self::Open(..) => None,
        }
    }
}

fn look(data: &Path) -> Vec<Found> {
    let folder = match fs::metadata(data) {
        Ok(met) if met.mode() & OTHERS != 0 && !is_ours_alone(data, &met) => Some(Found::Open(
            data.to_owned(),
            met.mode() & 0o7777,
            "it holds more than Baton's data, so that it was left as it is; use a folder of its own".into(),
        )),
        _ => closed(data),
    };
    let files = files(data);
    folder
        .into_iter()
        .chain(files.iter().filter_map(|path| closed(path)))
        .collect()
}

/// Whether nothing but a server's data is in a folder: one that others use as well is not closed to them.
fn is_ours_alone(data: &Path, met: &Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    let Ok(mut entries) = fs::read_dir(data) else {
        return false;
    };
    met.mode() & STICKY == 0
        && entries.all(|entry| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                name.to_str()
                    .is_some_and(|name| name.starts_with(DATABASE) || OURS.contains(&name))
            })
        })
}

fn files(data: &Path) -> Vec<PathBuf> {
    let of_database = OF_DATABASE
        .iter()
        .map(|ending| data.join(format!("{DATABASE}{ending}")));
    of_database.chain([data.join(ADMIN_KEY_FILE)]).collect()
}

/// Closes what is there and open; nothing when it was closed or is not there.
fn closed(path: &Path) -> Option<Found> {
    let met = fs::metadata(path).ok()?;
    let mode = met.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return None;
    }
    let private = Permissions::from_mode(mode & !OTHERS);
    Some(match fs::set_permissions(path, private) {
        Ok(()) => Found::Closed(path.to_owned(), mode),
        Err(error) => Found::Open(path.to_owned(), mode, why(&error, &met)),
    })
}

fn why(error: &io::Error, met: &Metadata) -> String {
    if error.kind() == io::ErrorKind::PermissionDenied {
        format!(
            "it belongs to the user {}, who alone can close it (chmod go= on it)",
            met.uid()
        )
    } else {
        format!("it cannot be closed: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").mode() & 0o7777
    }

    #[test]
    fn folder_database_and_key_are_closed_once() {
        let home = tempfile::tempdir().expect("a folder");
        let data = home.path().join("data");
        fs::create_dir(&data).expect("made");
        let (database, key) = (data.join(DATABASE), data.join(ADMIN_KEY_FILE));
        for file in [&database, &key] {
            fs::write(file, "").expect("written");
            with_mode(file, 0o644);
        }
        with_mode(&data, 0o755);
        assert_eq!(
            look(&data),
            [
                Found::Closed(data.clone(), 0o755),
                Found::Closed(database.clone(), 0o644),
                Found::Closed(key.clone(), 0o644),
            ]
        );
        assert_eq!(
            (mode(&data), mode(&database), mode(&key)),
            (0o700, 0o600, 0o600)
        );
        assert_eq!(look(&data), []);
    }

    #[test]
    fn a_folder_that_holds_other_things_is_left_as_it_is_and_warned_of() {
        let home = tempfile::tempdir().expect("a folder");
        let data = home.path().join("data");
        fs::create_dir(&data).expect("made");
        fs::write(data.join("thesis.odt"), "").expect("written");
        fs::write(data.join(DATABASE), "").expect("written");
        with_mode(&data.join(DATABASE), 0o644);
        with_mode(&data, 0o755);
        let found = look(&data);
        assert!(
            matches!(&found[0], Found::Open(path, 0o755, _) if *path == data),
            "{found:?}"
        );
        assert_eq!(mode(&data), 0o755);
        assert_eq!(mode(&data.join(DATABASE)), 0o600, "what is ours is closed");
    }
}
