//! What becomes of every byte of an events file: an event, or a warning.

use std::fs;

use super::*;

/// The names of the outputs and the warnings that reading gives.
struct Told(Vec<String>);

impl Told {
    fn of(follow: &mut Follow) -> Self {
        Self::all(|each| while follow.read(&mut |said| each(said)) {})
    }

    fn of_last(follow: &mut Follow) -> Self {
        Self::all(|each| follow.last_line(&mut |said| each(said)))
    }

    fn all(read: impl FnOnce(&mut dyn FnMut(Said))) -> Self {
        let mut all = Vec::new();
        read(&mut |said| {
            all.push(match said {
                Said::Event(event) => match *event {
                    Event::Output { name, .. } => name,
                    other => format!("{other:?}"),
                },
                Said::Warning(what) => what,
            });
        });
        Self(all)
    }
}

fn output(name: &str) -> String {
    format!("{{\"type\":\"output\",\"name\":{name:?}}}")
}

fn begun(text: &str) -> (tempfile::TempDir, PathBuf, Follow) {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("events.jsonl");
    fs::write(&path, text).expect("written");
    let follow = Follow::open(&path, dir.path());
    (dir, path, follow)
}

#[test]
fn half_a_line_waits_for_its_other_half_or_for_the_end() {
    let (first, second) = (output("a"), output("b"));
    let (_dir, path, mut follow) = begun(&format!("{first}\nnonsense\n{}", &second[..9]));
    let told = Told::of(&mut follow).0;
    assert_eq!((told.len(), told[0].as_str()), (2, "a"), "{told:?}");
    assert!(told[1].starts_with("not understood"), "{told:?}");
    fs::write(&path, format!("{first}\nnonsense\n{second}")).expect("written");
    assert!(Told::of(&mut follow).0.is_empty());
    let last = Told::of_last(&mut follow).0;
    assert_eq!(last, ["b"]);
}

#[test]
fn a_line_that_is_too_long_is_said_and_what_follows_it_is_read() {
    let long = "x".repeat(5 << 20);
    let (_dir, _path, mut follow) = begun(&format!("{long}\n{}\n", output("a")));
    let told = Told::of(&mut follow).0;
    assert_eq!(told.len(), 2, "{}", told.len());
    assert!(told[0].contains("longer than") && told[1] == "a");
}

#[test]
fn a_file_that_became_shorter_is_read_again_and_said() {
    let (_dir, path, mut follow) = begun(&format!("{}\n{}\n", output("a"), output("b")));
    assert_eq!(Told::of(&mut follow).0, ["a", "b"]);
    fs::write(&path, format!("{}\n", output("c"))).expect("written");
    let told = Told::of(&mut follow).0;
    assert!(
        told[0].contains("became shorter") && told[1] == "c",
        "{told:?}"
    );
}

#[test]
fn a_file_that_is_absent_or_no_file_is_said_once() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("events.jsonl");
    let mut absent = Follow::open(&path, dir.path());
    assert_eq!(Told::of(&mut absent).0, ["the events file is not there"]);
    assert!(Told::of(&mut absent).0.is_empty());
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("made");
    let told = Told::of(&mut Follow::open(&path, dir.path())).0;
    assert_eq!(told, ["the events file is a pipe, not a file"]);
}

#[test]
fn a_file_whose_reading_fails_is_said_once() {
    let (dir, path, mut follow) = begun("");
    // A folder can be opened, and every reading of it fails.
    follow.file = Some(File::open(dir.path()).expect("opened"));
    let told = Told::of(&mut follow).0;
    assert!(
        told.len() == 1 && told[0].contains("cannot be read from byte 0"),
        "{told:?}"
    );
    assert!(Told::of(&mut follow).0.is_empty());
    follow.file = Some(File::open(&path).expect("opened"));
    fs::write(&path, format!("{}\n", output("a"))).expect("written");
    assert_eq!(Told::of(&mut follow).0, ["a"]);
}
