//! What people ask of the command line every day: which runs, by what they say; and how everything set is taken back.

use serde_json::Value;

use crate::home::{Home, Up};

/// A server with two flows: `good` completes, `bad` fails with what its parameter says.
fn with_runs() -> (Home, Up) {
    let home = Home::new();
    let up = home.up();
    home.write("good.py", "print('fine')\n");
    home.write(
        "bad.py",
        "import os, sys\nsys.exit('certificate of ' + os.environ['BATON_PARAM_HOST'] + ' has expired')\n",
    );
    home.baton(&["deploy", "good.py", "--tag", "daily"]).ok();
    home.baton(&["deploy", "bad.py", "-p", "host=sap"]).ok();
    home.baton(&["run", "good", "-p", "order=PO-1", "--watch"])
        .ok();
    home.baton(&["run", "bad", "--watch"]);
    home.baton(&["run", "bad", "-p", "host=crm", "--watch"]);
    (home, up)
}

/// The names of the runs of a filter, newest first.
fn listed(home: &Home, flags: &[&str]) -> Vec<String> {
    let words = [&["runs", "ls", "--json"], flags].concat();
    let all = home.baton(&words).ok().json();
    let names = all.as_array().expect("a list").iter();
    names
        .map(|run| run["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn runs_are_found_by_what_they_say_and_when_they_were() {
    let (home, _up) = with_runs();
    let all = listed(&home, &[]);
    let [crm, sap, good] = all.as_slice() else {
        panic!("{all:?}");
    };
    for (flags, found) in [
        (&["--error", "EXPIRED"][..], vec![crm, sap]),
        (&["--error", "certificate of sap"], vec![sap]),
        (&["--parameter", "order=PO-1"], vec![good]),
        (&["--parameter", "order"], vec![good]),
        (&["--parameter", "host=crm"], vec![crm]),
        (&["--search", "po-1"], vec![good]),
        (&["--search", "good/def"], vec![good]),
        (&["--search", "DAIL"], vec![good]),
        (&["--deployment", "bad"], vec![crm, sap]),
        (&["--tag", "daily"], vec![good]),
        (&["--since", "1h", "--flow", "bad"], vec![crm, sap]),
        (&["--until", "1h"], vec![]),
        (
            &["--ended-since", "1h", "--state", "failed"],
            vec![crm, sap],
        ),
        (&["--ended-until", "2020-01-01"], vec![]),
        (&["--state", "late"], vec![]),
        (&["--state", "scheduled"], vec![]),
    ] {
        assert_eq!(
            listed(&home, flags).iter().collect::<Vec<_>>(),
            found,
            "{flags:?}"
        );
    }
    let said = home.baton(&["runs", "ls", "--state", "sleeping"]);
    assert!(
        said.err.contains("late") && said.err.contains("scheduled"),
        "{}",
        said.err
    );
}

#[test]
fn many_runs_are_shown_before_anything_is_done_to_them() {
    let (home, _up) = with_runs();
    let said = home
        .baton(&["runs", "retry", "--error", "of sap", "--dry-run"])
        .ok();
    assert!(said.err.contains("failed"), "{said:?}");
    let said = home.baton(&["runs", "retry", "--error", "of sap"]);
    assert_eq!(said.code, 4, "nobody answers: {said:?}");
    let said = home
        .baton(&["runs", "retry", "--error", "of sap", "--yes"])
        .ok();
    assert!(said.out.contains("retried 1 run"), "{said:?}");
    let said = home
        .baton(&["runs", "cancel", "--flow", "good", "--yes"])
        .ok();
    assert!(said.err.contains("no such runs"), "{said:?}");
    home.baton(&["runs", "rm", "--flow", "good", "--yes"]).ok();
    assert!(listed(&home, &["--flow", "good"]).is_empty());
    let said = home
        .baton(&["runs", "resume", "--flow", "bad", "--yes"])
        .ok();
    assert!(
        said.out.is_empty() && said.err.contains("no such runs"),
        "{said:?}"
    );
    for words in [
        &["runs", "cancel"][..],
        &["runs", "rm", "x", "--flow", "bad"],
    ] {
        assert_eq!(home.baton(words).code, 2, "{words:?}");
    }
}

#[test]
fn a_waiting_run_is_put_off() {
    let home = Home::new();
    let _server = home.serve("server", &[]);
    home.write("job.py", "print(1)\n");
    home.baton(&["deploy", "job.py"]).ok();
    let name = home.baton(&["run", "job"]).ok().out.trim().to_owned();
    let said = home.baton(&[
        "runs",
        "postpone",
        &name,
        "--to",
        "2098-01-01T06:00",
        "--json",
    ]);
    let after = said.ok().json();
    assert_eq!(after[0]["due_at"], "2098-01-01T06:00:00Z");
    assert_eq!(after[0]["state"], "pending");
    let said = home.baton(&["runs", "pause", &name]);
    assert_eq!(said.code, 4, "{said:?}");
}

#[test]
fn a_flows_name_is_its_last_run_where_one_is_looked_at_and_a_slip_is_answered_with_a_name() {
    let (home, _up) = with_runs();
    let last = listed(&home, &["--flow", "bad"]).remove(0);
    let said = home.baton(&["runs", "logs", "bad"]).ok();
    assert!(
        said.err
            .contains(&format!("bad is a flow; its last run is {last}")),
        "{said:?}"
    );
    assert!(said.out.contains("certificate of crm"), "{said:?}");
    home.baton(&["runs", "explain", "--last"]).ok();
    // What deletes takes no guess.
    assert_eq!(home.baton(&["runs", "rm", "bad", "--yes"]).code, 3);
    for (words, meant) in [
        (&["run", "goood"][..], "did you mean good?"),
        (&["flows", "show", "god"], "did you mean good?"),
        (
            &["deployments", "show", "good/defautl"],
            "did you mean good/default?",
        ),
        (&["queues", "show", "defualt"], "did you mean default?"),
        (&["runs", "logs", "goodd"], "did you mean good?"),
    ] {
        let said = home.baton(words);
        assert_eq!(said.code, 3, "{words:?}: {said:?}");
        assert!(said.err.contains(meant), "{words:?}: {}", said.err);
    }
}

/// Everything that can be set of a deployment, with a robot to be filled in.
const SET: [&str; 26] = [
    "deployments",
    "edit",
    "ok",
    "--robot",
    "ROBOT",
    "--label",
    "a",
    "--capability",
    "b",
    "--tag",
    "t",
    "--desktop",
    "--environment",
    "e",
    "--concurrency",
    "2",
    "--start-within",
    "1h",
    "--priority",
    "high",
    "--on-lost",
    "park",
    "--cancel-grace",
    "5s",
    "--description",
    "words",
];

#[test]
fn what_was_set_can_be_taken_back_and_is_shown() {
    let home = Home::new();
    let _up = home.up();
    home.write("ok.py", "print(1)\n");
    home.baton(&["deploy", "ok.py"]).ok();
    let robots = home.baton(&["robots", "ls", "--json"]).ok().json();
    let robot = robots[0]["name"].as_str().expect("a name");
    let before = home
        .baton(&["deployments", "show", "ok", "--json"])
        .ok()
        .json();
    let set = SET.map(|word| if word == "ROBOT" { robot } else { word });
    home.baton(&set).ok();
    let shown = home.baton(&["deployments", "show", "ok"]).ok().out;
    for part in [
        robot,
        "labels",
        "capabilities",
        "tags",
        "desktop",
        "environment",
        "at most 2",
        "1 h",
        "high",
        "park",
        "5.0 s",
        "words",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let mut clear = vec!["deployments", "edit", "ok", "--desktop=none"];
    for flag in [
        "--robot",
        "--label",
        "--capability",
        "--tag",
        "--environment",
        "--concurrency",
        "--start-within",
        "--priority",
        "--on-lost",
        "--cancel-grace",
        "--description",
    ] {
        clear.extend([flag, "none"]);
    }
    home.baton(&clear).ok();
    let after = home
        .baton(&["deployments", "show", "ok", "--json"])
        .ok()
        .json();
    let settings = |shown: &Value| shown["deployment"]["settings"].clone();
    assert_eq!(settings(&after), settings(&before));
    schedules_too(&home, robot);
}

fn schedules_too(home: &Home, robot: &str) {
    let add = [
        "schedules",
        "add",
        "ok",
        "--daily",
        "06:00",
        "--timezone",
        "UTC",
        "--name",
        "s",
        "--starts",
        "2098-01-01",
        "--ends",
        "2099-01-01",
        "--robot",
        robot,
        "--priority",
        "high",
        "--jitter",
        "1m",
        "-p",
        "x=1",
    ];
    home.baton(&add).ok();
    let shown = home.baton(&["schedules", "show", "ok/default/s"]).ok().out;
    for part in ["2098-01-01", "2099-01-01", robot, "high", "1 min", "\"x\""] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let clear = [
        "schedules",
        "edit",
        "ok/default/s",
        "--starts",
        "none",
        "--ends",
        "none",
        "--robot",
        "none",
        "--priority",
        "none",
        "--jitter",
        "none",
        "--unset",
        "x",
        "--json",
    ];
    let after = home.baton(&clear).ok().json()["settings"].clone();
    for field in ["starts_at", "ends_at", "robot_id", "priority"] {
        assert!(after[field].is_null(), "{field}: {after}");
    }
    assert_eq!(after["jitter_seconds"], 0);
    assert_eq!(after["parameters"], serde_json::json!({}));
}

#[test]
fn a_limit_of_nothing_holds_all_everywhere_and_none_takes_it_away() {
    let home = Home::new();
    let _server = home.serve("server", &[]);
    let limit =
        |words: &[&str]| home.baton(words).ok().json()["settings"]["concurrency_limit"].clone();
    assert_eq!(limit(&["queues", "add", "q", "--limit", "0", "--json"]), 0);
    assert_eq!(
        limit(&["queues", "edit", "q", "--limit", "none", "--json"]),
        Value::Null
    );
    home.baton(&["limits", "set", "sap", "0"]).ok();
    home.baton(&["limits", "set", "sap", "none"]).ok();
    let left = home.baton(&["limits", "ls", "--json"]).ok().json();
    assert_eq!(left, serde_json::json!([]));
}

#[test]
fn a_drained_robot_says_that_it_may_be_restarted() {
    let home = Home::new();
    let _up = home.up();
    let robots = home.baton(&["robots", "ls", "--json"]).ok().json();
    let robot = robots[0]["name"].as_str().expect("a name");
    let said = home.baton(&["robots", "drain", robot, "--wait"]).ok();
    assert!(
        said.out.contains("drained, nothing runs: safe to restart"),
        "{said:?}"
    );
    let shown = home.baton(&["robots", "show", robot, "--json"]).ok().json();
    assert_eq!(shown["drained"], true);
    assert!(home.baton(&["robots", "ls"]).ok().out.contains("drained"));
    home.baton(&["robots", "resume", robot]).ok();
    let shown = home.baton(&["robots", "show", robot, "--json"]).ok().json();
    assert_eq!(shown["drained"], false);
}

#[test]
fn the_trail_is_read_by_who_what_and_when() {
    let home = Home::new();
    let _server = home.serve("server", &[]);
    home.baton(&["queues", "add", "q"]).ok();
    home.baton(&["queues", "pause", "q"]).ok();
    home.baton(&["queues", "pause", "q"]).ok();
    home.baton(&["limits", "set", "sap", "1"]).ok();
    home.baton(&["limits", "rm", "sap"]).ok();
    let kinds = |flags: &[&str]| -> Vec<String> {
        let words = [&["audit", "--json"], flags].concat();
        let all = home.baton(&words).ok().json();
        let entries = all.as_array().expect("a list").iter();
        entries
            .map(|entry| entry["kind"].as_str().expect("a word").to_owned())
            .collect()
    };
    assert_eq!(
        kinds(&["--action", "queue"]),
        ["queue.paused", "queue.created"]
    );
    assert_eq!(kinds(&["--limit", "1"]), ["limit.deleted"]);
    assert_eq!(kinds(&["--actor", "nobody"]), [""; 0]);
    assert_eq!(kinds(&["--until", "1h"]), [""; 0]);
    assert_eq!(kinds(&["--all", "--since", "1h"]).len(), 4);
    let shown = home.baton(&["audit", "--action", "limit.deleted"]).ok().out;
    assert!(shown.contains("sap"), "{shown}");
}

#[test]
fn the_runs_that_were_done_before_one_that_cannot_be_are_named() {
    let home = Home::new();
    let _server = home.serve("server", &[]);
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    let run = home.baton(&["run", "job"]).ok().out.trim().to_owned();
    let said = home.baton(&["runs", "cancel", &run, "nosuch", "--reason", "not today"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains(&format!("cancelled: {run}")), "{said:?}");
    let shown = home.baton(&["runs", "show", &run]).ok();
    assert!(shown.out.contains("not today"), "{shown:?}");
}
