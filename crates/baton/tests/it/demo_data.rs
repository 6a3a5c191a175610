//! `baton demo-data` makes a world of its own that keeps every promise, and takes nobody's folder for it.

use crate::home::Home;

/// How often a test looks whether something has come about.
const LOOKS: usize = 1_000;

#[test]
fn a_demo_keeps_every_promise_and_shows_every_state() {
    let home = Home::new();
    home.baton(&["demo-data", "--data", "demo", "--days", "2", "--fill-only"])
        .ok();
    let found = home
        .baton(&["verify", "--data", "demo", "--json"])
        .ok()
        .json();
    assert_eq!(
        found["breaches"].as_array().map(Vec::len),
        Some(0),
        "{found}"
    );
    assert!(
        found["runs"].as_u64().is_some_and(|runs| runs > 200),
        "{found}"
    );
    assert!(
        found["lines"].as_u64().is_some_and(|lines| lines > 100_000),
        "{found}"
    );
    // Later commands go on using the real server.
    assert!(!home.path("../config").exists());
    // What is there already is started again, not made again.
    let again = home
        .baton(&["demo-data", "--data", "demo", "--fill-only"])
        .ok();
    assert_eq!(again.out, "");
}

#[test]
fn a_demo_seems_to_work_and_hands_over_when_it_is_stopped() {
    let home = Home::new();
    let demo = ["demo-data", "--data", "demo", "--days", "1"];
    let up = home.serving(&[&demo[..], &["--port", "0", "--json"]].concat());
    let key = std::fs::read_to_string(home.path("demo/admin.key")).expect("its key");
    let ask = |words: &[&str]| {
        let at = ["--url", &up.url, "--api-key", key.trim(), "--json"];
        home.baton(&[words, &at].concat()).ok().json()
    };
    // It begins to serve before everybody has arrived; each look is a process, so that none is wasted.
    let looks = |words: &[&str], is_enough: &dyn Fn(&[serde_json::Value]) -> bool| {
        (0..LOOKS).any(|_| {
            let all = ask(words);
            is_enough(all["items"].as_array().or(all.as_array()).expect("a list"))
        })
    };
    let all_there = |robots: &[serde_json::Value]| {
        robots.iter().filter(|r| r["connected"] == true).count() == 9
    };
    assert!(looks(&["robots", "ls"], &all_there), "nine robots");
    let at_work = ["runs", "ls", "--state", "running"];
    assert!(looks(&at_work, &|runs| !runs.is_empty()), "some work");
    assert_eq!(up.stop(), 0);
    let found = home
        .baton(&["verify", "--data", "demo", "--json"])
        .ok()
        .json();
    assert_eq!(
        found["breaches"].as_array().map(Vec::len),
        Some(0),
        "{found}"
    );
    // The same folder serves again, and nothing was lost by the stop.
    let up = home.serving(&[&demo[..], &["--port", "0", "--json"]].concat());
    let crashed = home.baton(&[
        "runs",
        "ls",
        "--state",
        "crashed",
        "--json",
        "--url",
        &up.url,
        "--api-key",
        key.trim(),
    ]);
    let crashed = crashed.ok().json();
    let crashed = crashed["items"].as_array().or(crashed.as_array()).cloned();
    let by_restart = crashed
        .iter()
        .flatten()
        .filter(|run| run["error"]["message"].to_string().contains("reconnected"));
    assert_eq!(by_restart.count(), 0, "{crashed:?}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_folder_that_holds_something_else_is_not_taken_for_a_demo() {
    let home = Home::new();
    let file = home.write("mine/baton.db", "somebody's data");
    let refused = home.baton(&["demo-data", "--data", "mine", "--fill-only", "--json"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("\"not_a_demo\""), "{refused:?}");
    let kept = std::fs::read_to_string(file).expect("it is there");
    assert_eq!(kept, "somebody's data");
    assert!(!home.path("mine/demo.mark").exists());
}

#[test]
fn a_demo_that_was_interrupted_says_what_to_do() {
    let home = Home::new();
    home.write("half/demo.mark", "filling\n");
    let refused = home.baton(&["demo-data", "--data", "half", "--fill-only"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("[demo_unfinished]"), "{refused:?}");
    assert!(refused.err.contains("rm -r half"), "{refused:?}");
}
