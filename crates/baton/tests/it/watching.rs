//! What a person reads who watches a run: one stream, in the order in which things were.

use std::process::{Command, Stdio};

use crate::home::{BATON, Home, Said};

/// A flow that fails twice and then succeeds, and says which attempt it is.
fn deploy_flaky(home: &Home) {
    home.write(
        "flaky.py",
        "import os, sys\nn = int(os.environ['BATON_ATTEMPT'])\nprint('attempt', n)\nsys.exit(n < 3)\n",
    );
    let words = [
        "deploy",
        "flaky.py",
        "--retries",
        "3",
        "--retry-delay",
        "1s",
        "--retry-backoff",
        "1",
    ];
    home.baton(&words).ok();
}

/// What a command says with both its streams in one pipe.
fn in_one(home: &Home, words: &[&str]) -> Said {
    let shell = std::path::Path::new("/bin/sh");
    let mut all = vec!["-c", "exec \"$0\" \"$@\" 2>&1", BATON];
    all.extend(words);
    let mut command: Command = home.program(shell, &all);
    Said::of(command.stdin(Stdio::null()).output().expect("it starts"))
}

/// The places of these parts, each after the one before.
#[track_caller]
fn assert_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        match text[from..].find(part) {
            Some(place) => from += place + part.len(),
            None => panic!("no {part:?} after the parts before it:\n{text}"),
        }
    }
}

const WHOLE: [&str; 10] = [
    "running\n",
    "attempt 1\n",
    "waits 1 s before attempt 2",
    "running (attempt 2)\n",
    "attempt 2\n",
    "waits 1 s before attempt 3",
    "running (attempt 3)\n",
    "attempt 3\n",
    "completed",
    "in attempt 3",
];

#[test]
fn a_watched_run_tells_lines_and_states_in_the_order_in_which_they_were() {
    let home = Home::new();
    let _up = home.up();
    deploy_flaky(&home);
    let said = in_one(&home, &["run", "flaky", "--watch"]).ok();
    assert_order(&said.out, &WHOLE);
    let runs = home.baton(&["runs", "ls", "--json"]).ok().json();
    let name = runs[0]["name"].as_str().expect("a name").to_owned();
    // The same to who comes when all is over.
    let said = in_one(&home, &["runs", "logs", &name, "-f"]).ok();
    assert_order(&said.out, &WHOLE);
    assert_eq!(said.out.matches("waits 1 s").count(), 2, "{}", said.out);
    // A retry by hand tells what is new, and nothing of what was before.
    let said = in_one(&home, &["runs", "retry", &name, "--watch"]).ok();
    assert_order(
        &said.out,
        &["running (attempt 4)\n", "attempt 4\n", "completed"],
    );
    assert!(!said.out.contains("attempt 3"), "{}", said.out);
}
