//! Every file that a run left is uploaded or said.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use super::*;

fn work() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("folder");
    let artifacts = dir.path().join("artifacts");
    fs::create_dir(&artifacts).expect("made");
    (dir, artifacts)
}

fn collected(dir: &tempfile::TempDir, files: usize) -> Left {
    let lies = Where {
        work: dir.path(),
        artifacts: &dir.path().join("artifacts"),
        outputs: None,
    };
    collect(lies, Bounds { files, bytes: 100 })
}

fn names(left: &Left) -> Vec<&str> {
    left.files.iter().map(|(name, ..)| name.as_str()).collect()
}

#[test]
fn odd_names_are_uploaded_under_names_that_the_server_takes() {
    let (dir, artifacts) = work();
    for name in [
        &b"-n"[..],
        b"a\nb",
        b"caf\xe9.txt",
        b"dots..",
        b"back\\slash",
        b" ",
    ] {
        fs::write(artifacts.join(OsStr::from_bytes(name)), "x").expect("written");
    }
    let left = collected(&dir, 100);
    assert_eq!(
        names(&left),
        [" ", "-n", "a%0Ab", "back%5Cslash", "caf%E9.txt", "dots.."]
    );
    assert_eq!(left.warnings.len(), 3, "{:?}", left.warnings);
}

#[test]
fn links_are_followed_inside_the_runs_folder_only_and_the_rest_is_said() {
    let (dir, artifacts) = work();
    let at = |name: &str| artifacts.join(name);
    fs::create_dir_all(dir.path().join("package")).expect("made");
    fs::write(dir.path().join("package/report.txt"), "x").expect("written");
    symlink(dir.path().join("package/report.txt"), at("inside")).expect("linked");
    symlink("/etc/hostname", at("outside")).expect("linked");
    symlink(dir.path(), at("folder")).expect("linked");
    symlink("nowhere", at("broken")).expect("linked");
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("bound");
    let left = collected(&dir, 100);
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
    let (dir, artifacts) = work();
    fs::remove_dir(&artifacts).expect("removed");
    symlink("/etc", &artifacts).expect("linked");
    let left = collected(&dir, 100);
    assert_eq!((left.files.len(), left.warnings.len()), (0, 1));
}

#[test]
fn what_is_too_large_or_cannot_be_read_is_said() {
    let (dir, artifacts) = work();
    fs::write(artifacts.join("large"), [0; 101]).expect("written");
    fs::write(artifacts.join("small"), [0; 100]).expect("written");
    let mut left = collected(&dir, 10);
    assert_eq!(names(&left), ["small"]);
    assert!(left.warnings[0].contains("\"large\" has 101 bytes; 100 are allowed"));
    // A disk that fails while a folder is read.
    let entries = [Ok(1), Err(io::Error::other("the disk fails")), Ok(2)];
    assert_eq!(left.listed(entries.into_iter(), "a/"), [1, 2]);
    let said = left.warnings.last().expect("one");
    assert!(
        said.contains("\"a/\" cannot be read to its end: the disk fails"),
        "{said}"
    );
    // A folder that cannot even be looked at.
    fs::write(dir.path().join("file"), "").expect("written");
    let lies = Where {
        work: dir.path(),
        artifacts: &dir.path().join("file/artifacts"),
        outputs: None,
    };
    let left = collect(lies, Bounds { files: 1, bytes: 1 });
    assert_eq!(left.warnings.len(), 1, "{:?}", left.warnings);
    assert!(left.warnings[0].contains("cannot be looked at"));
}

#[test]
fn more_files_than_are_taken_deep_folders_and_long_names_are_said() {
    let (dir, artifacts) = work();
    for n in 0..5 {
        fs::write(artifacts.join(format!("{n}")), "").expect("written");
    }
    let mut deep = artifacts.clone();
    (0..=MAX_DEPTH).for_each(|_| deep.push("d"));
    fs::create_dir_all(&deep).expect("made");
    let long = artifacts
        .join("l".repeat(250))
        .join("l".repeat(250))
        .join("l".repeat(250))
        .join("l".repeat(200));
    fs::create_dir_all(&long).expect("made");
    fs::write(long.join(format!("{}.csv", "m".repeat(100))), "x").expect("written");
    let left = collected(&dir, 3);
    assert_eq!(names(&left), ["0", "1", "2"]);
    assert_eq!(left.warnings.len(), 3, "{:?}", left.warnings);
    let all = collected(&dir, 10);
    let last = names(&all).last().copied().expect("the long one");
    assert!(last.len() <= 1_024 && last.ends_with(".csv"), "{last}");
}
