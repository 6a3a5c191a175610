//! How many files may be open: a server and a robot raise their own limit, what they run keeps the old one.

use std::path::Path;
use std::process::Command;

use super::home::{BATON, Home};

/// The executable, started by a shell after it has set its limits.
fn limited(home: &Home, limits: &str, words: &[&str]) -> Command {
    let script = format!("{limits} && exec \"$0\" \"$@\"");
    let mut all = vec!["-c", script.as_str(), BATON];
    all.extend(words);
    home.program(Path::new("/bin/sh"), &all)
}

/// The soft and the hard limit of a process.
fn limits(pid: u32) -> (String, String) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs");
    let line = text.lines().find(|line| line.starts_with("Max open files"));
    let mut words = line.expect("Linux tells it").split_whitespace().skip(3);
    let mut next = || words.next().expect("two limits").to_owned();
    (next(), next())
}

#[test]
fn a_server_takes_what_the_system_allows_and_its_runs_keep_what_was_before() {
    let home = Home::new();
    let words = ["up", "--no-examples", "--json", "--port", "0"];
    let up = home.serving_as(limited(
        &home,
        "ulimit -S -n 300 && ulimit -H -n 2000",
        &words,
    ));
    assert_eq!(limits(up.pid()), ("2000".to_owned(), "2000".to_owned()));
    home.write(
        "job.sh",
        "#!/bin/sh\necho \"soft $(ulimit -S -n) hard $(ulimit -H -n)\"\n",
    );
    home.baton(&["deploy", "job.sh"]).ok();
    let said = home.baton(&["run", "job", "--watch"]).ok();
    assert!(said.out.contains("soft 300 hard 2000"), "{said:?}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn too_few_open_files_are_said_in_one_line() {
    let home = Home::new();
    let words = ["server", "--json", "--port", "0"];
    let mut server = home.serving_as(limited(&home, "ulimit -n 1000", &words));
    server.wait_for_note("warning: this process may open 1000 files");
    assert_eq!(server.stop(), 0);
}
