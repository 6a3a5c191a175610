//! What a run left in its artifacts folder: every file under a name that the server takes, or why not.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::command::Places;
use super::files;

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 32;
/// Longest name that the server takes, in bytes, with room for the mark of a second file of the same name.
const MAX_NAME: usize = 1_000;
/// Entries that are looked at: beyond it a folder is a mistake, and only this many of it are named or counted.
const MAX_LOOKED_AT: usize = 100_000;

/// What there is to upload.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Name, file and size of each.
    pub(super) files: Vec<(String, PathBuf, u64)>,
    /// What is not uploaded or has another name there, a sentence each.
    pub(super) warnings: Vec<String>,
    names: HashSet<String>,
    looked_at: usize,
}

/// Everything that the run left, sorted by name, at most `bound` files.
pub(super) fn collect(places: &Places, bound: usize, outputs_too: bool) -> Left {
    let mut left = Left::default();
    match fs::symlink_metadata(&places.artifacts) {
        Ok(meta) if meta.is_dir() => left.folder(&places.artifacts, "", 0, &places.work),
        Ok(_) => left.warnings.push(
            "artifacts: BATON_ARTIFACTS is not a folder any more; nothing is uploaded".into(),
        ),
        // A run may remove what it does not need.
        Err(_) => {}
    }
    if outputs_too {
        left.file(
            OsStr::new("outputs.json"),
            "",
            &places.outputs,
            &places.work,
        );
    }
    left.files.sort();
    let surplus = left.files.len().saturating_sub(bound);
    if surplus > 0 {
        let first = &left.files[bound].0;
        left.warnings.push(format!(
            "more than {bound} artifacts; {surplus} are not uploaded, from {first:?} on"
        ));
        left.files.truncate(bound);
    }
    left
}

impl Left {
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
        let mut entries: Vec<_> = entries.flatten().collect();
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
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn work() -> (tempfile::TempDir, Places) {
        let dir = tempfile::tempdir().expect("folder");
        let places = Places::under(dir.path());
        fs::create_dir(&places.artifacts).expect("made");
        (dir, places)
    }

    fn names(left: &Left) -> Vec<&str> {
        left.files.iter().map(|(name, ..)| name.as_str()).collect()
    }

    #[test]
    fn odd_names_are_uploaded_under_names_that_the_server_takes() {
        let (_dir, places) = work();
        for name in [
            &b"-n"[..],
            b"a\nb",
            b"caf\xe9.txt",
            b"dots..",
            b"back\\slash",
            b" ",
        ] {
            fs::write(places.artifacts.join(OsStr::from_bytes(name)), "x").expect("written");
        }
        let left = collect(&places, 100, false);
        assert_eq!(
            names(&left),
            [" ", "-n", "a%0Ab", "back%5Cslash", "caf%E9.txt", "dots.."]
        );
        assert_eq!(left.warnings.len(), 3, "{:?}", left.warnings);
    }

    #[test]
    fn links_are_followed_inside_the_runs_folder_only_and_the_rest_is_said() {
        let (dir, places) = work();
        let at = |name: &str| places.artifacts.join(name);
        fs::create_dir_all(&places.package).expect("made");
        fs::write(places.package.join("report.txt"), "x").expect("written");
        symlink(places.package.join("report.txt"), at("inside")).expect("linked");
        symlink("/etc/hostname", at("outside")).expect("linked");
        symlink(dir.path(), at("folder")).expect("linked");
        symlink("nowhere", at("broken")).expect("linked");
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("bound");
        let left = collect(&places, 100, false);
        assert_eq!(names(&left), ["inside"]);
        assert_eq!(left.warnings.len(), 5, "{:?}", left.warnings);
        for (name, why) in [
            ("outside", "outside the run's folder"),
            ("folder", "which is a folder"),
            ("broken", "which is not there"),
            ("pipe", "is a pipe"),
            ("socket", "is a socket"),
        ] {
            let said = |w: &String| w.contains(&format!("\"{name}\"")) && w.contains(why);
            assert!(
                left.warnings.iter().any(said),
                "{name}: {:?}",
                left.warnings
            );
        }
    }

    #[test]
    fn an_artifacts_folder_that_leads_elsewhere_is_not_looked_into() {
        let (_dir, places) = work();
        fs::remove_dir(&places.artifacts).expect("removed");
        symlink("/etc", &places.artifacts).expect("linked");
        let left = collect(&places, 100, false);
        assert_eq!((left.files.len(), left.warnings.len()), (0, 1));
    }

    #[test]
    fn more_files_than_are_taken_deep_folders_and_long_names_are_said() {
        let (_dir, places) = work();
        for n in 0..5 {
            fs::write(places.artifacts.join(format!("{n}")), "").expect("written");
        }
        let mut deep = places.artifacts.clone();
        (0..=MAX_DEPTH).for_each(|_| deep.push("d"));
        fs::create_dir_all(&deep).expect("made");
        let long = places
            .artifacts
            .join("l".repeat(250))
            .join("l".repeat(250))
            .join("l".repeat(250))
            .join("l".repeat(200));
        fs::create_dir_all(&long).expect("made");
        fs::write(long.join(format!("{}.csv", "m".repeat(100))), "x").expect("written");
        let left = collect(&places, 3, false);
        assert_eq!(names(&left), ["0", "1", "2"]);
        assert_eq!(left.warnings.len(), 3, "{:?}", left.warnings);
        let all = collect(&places, 10, false);
        let last = names(&all).last().copied().expect("the long one");
        assert!(last.len() <= 1_024 && last.ends_with(".csv"), "{last}");
    }
}
