//! A full disk, and databases that this executable cannot use: said plainly, and nothing is lost or changed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::Home;

/// A small disk of its own; it goes with the test.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Mounts one where the tests may do so, which only root may.
    fn mount(folder: PathBuf) -> Option<Self> {
        std::fs::create_dir(&folder).expect("made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
            .arg(&folder)
            .output();
        let works = mounted.is_ok_and(|output| output.status.success());
        works.then_some(Self { folder })
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let chunk = vec![7; 1 << 16];
        let mut file = std::fs::File::create(self.filler()).expect("made");
        while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).expect("removed");
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).output();
    }
}

#[test]
fn a_full_disk_is_said_with_one_code_everywhere_and_nothing_is_lost() {
    let home = Home::new();
    let Some(disk) = Disk::mount(home.path("disk")) else {
        // Without the right to mount there is no disk to fill; the store's own tests cover the errors.
        return;
    };
    let up = home.up_with(&["--no-examples", "--data", "disk/data"]);
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    let before = home.baton(&["run", "job", "--json"]).ok().json();
    home.baton(&[
        "runs",
        "logs",
        before["name"].as_str().expect("a name"),
        "-f",
    ])
    .ok();
    disk.fill();
    for words in [&["run", "job"][..], &["keys", "create", "one"]] {
        let said = home.baton(words);
        assert_eq!(said.code, 4, "{words:?}: {}", said.err);
        for part in ["[disk_full]", "free some space"] {
            assert!(said.err.contains(part), "{words:?}: {}", said.err);
        }
        assert!(said.out.is_empty(), "{}", said.out);
    }
    // What only reads goes on.
    let listed = home.baton(&["runs", "ls", "--json"]).ok().json();
    assert_eq!(listed.as_array().expect("a list").len(), 1);
    disk.free();
    home.baton(&["run", "job", "--watch"]).ok();
    up.kill();
    disk.fill();
    let made = home.baton(&["server", "--port", "0", "--data", "disk/new"]);
    assert_eq!(made.code, 4, "{}", made.err);
    assert!(made.err.contains("[disk_full]"), "{}", made.err);
    assert!(!home.path("disk/new").exists(), "nothing stays");
    disk.free();
    let _up = home.up_with(&["--no-examples", "--data", "disk/data"]);
    let listed = home.baton(&["runs", "ls", "--state", "completed", "--json"]);
    let listed = listed.ok().json();
    assert_eq!(listed.as_array().expect("a list").len(), 2, "{listed:#}");
    home.baton(&["verify"]).ok();
}

/// Does something to a database, as another program would.
fn meddle(database: &Path, statement: &str) {
    let program =
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute(sys.argv[2])\nc.commit()";
    let done = Command::new("python3")
        .args(["-c", program])
        .arg(database)
        .arg(statement)
        .status()
        .expect("python3 is there");
    assert!(done.success());
}

#[test]
fn a_database_of_a_newer_baton_is_refused_by_both_versions_and_left_as_it_is() {
    let home = Home::new();
    assert_eq!(home.up().stop(), 0);
    let database = home.path("baton-data/baton.db");
    meddle(
        &database,
        "UPDATE schema_migrations SET number = 999, name = 'later', baton = '9.9.9' WHERE number = 1",
    );
    let before = std::fs::read(&database).expect("there");
    for words in [
        &["server", "--port", "0"][..],
        &["up", "--port", "0"],
        &["verify", "--data", "baton-data"],
        &["restore", "baton-data/baton.db", "--data", "other", "--yes"],
    ] {
        let said = home.baton(words);
        assert_eq!(said.code, 4, "{words:?}: {}", said.err);
        for part in ["[data_corrupt]", "9.9.9", "schema 999"] {
            assert!(said.err.contains(part), "{words:?} {part}: {}", said.err);
        }
    }
    assert_eq!(std::fs::read(&database).expect("there"), before);
    assert!(!home.path("other").exists());
}

#[test]
fn a_database_with_a_broken_page_is_refused_or_found_by_verify() {
    let home = Home::new();
    assert_eq!(home.up().stop(), 0);
    let database = home.path("baton-data/baton.db");
    let mut bytes = std::fs::read(&database).expect("there");
    // The first page names every table: nothing can be read without it.
    bytes[100..4_000].fill(0xa5);
    std::fs::write(&database, &bytes).expect("written");
    for words in [
        &["server", "--port", "0"][..],
        &["verify", "--data", "baton-data"],
    ] {
        let said = home.baton(words);
        assert_eq!(said.code, 4, "{words:?}: {}", said.err);
        assert!(
            said.err.contains("[data_corrupt]"),
            "{words:?}: {}",
            said.err
        );
    }
    assert_eq!(std::fs::read(&database).expect("there"), bytes);
}
