//! Which server a command goes to, with two real ones: the one that is named, and never another.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::home::{Home, Said, Up};

/// A server with a data folder of its own; what it told when it was ready.
fn server(home: &Home, data: &str) -> Up {
    home.serve("server", &["--data", data])
}

/// What a command says in a shell that exports these variables.
fn with(home: &Home, variables: &[(&str, &str)], words: &[&str]) -> Said {
    let mut command: Command = home.command(words);
    command.envs(variables.iter().copied());
    Said::of(command.output().expect("it starts"))
}

fn port(up: &Up) -> String {
    let (_, port) = up.url.rsplit_once(':').expect("a port");
    port.to_owned()
}

fn flows(home: &Home, url: &str) -> Vec<String> {
    let all = home
        .baton(&["flows", "ls", "--url", url, "--json"])
        .ok()
        .json();
    let names = all.as_array().expect("a list").iter();
    names
        .filter_map(|flow| flow["name"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_shell_that_exports_a_servers_settings_goes_to_that_server() {
    let home = Home::new();
    let (a, b) = (server(&home, "a"), server(&home, "b"));
    home.write("form.py", "print(1)\n");
    let (port_a, port_b) = (port(&a), port(&b));
    let folder = home.path("b");
    let folder = folder.to_str().expect("text");
    for (variables, target) in [
        (vec![("BATON_DATA", folder)], &b),
        (vec![("ORCHESTRATOR_PORT", port_b.as_str())], &b),
        (
            vec![
                ("BATON_DATA", folder),
                ("ORCHESTRATOR_PORT", port_b.as_str()),
            ],
            &b,
        ),
        (
            vec![
                ("ORCHESTRATOR_HOST", "localhost"),
                ("ORCHESTRATOR_PORT", port_a.as_str()),
            ],
            &a,
        ),
        (vec![("BATON_DATA", "")], &a),
        // A flag, or BATON_URL, beats them all.
        (
            vec![("BATON_DATA", folder), ("BATON_URL", a.url.as_str())],
            &a,
        ),
    ] {
        let said = with(&home, &variables, &["env", "--json"]).ok().json();
        assert_eq!(said["BATON_URL"], target.url.as_str(), "{variables:?}");
        // Its key is the one that is shown.
        with(&home, &variables, &["flows", "ls"]).ok();
    }
    let said = with(&home, &[("BATON_DATA", folder)], &["deploy", "form.py"]).ok();
    assert!(said.err.contains(&format!("on {}", b.url)), "{}", said.err);
    assert_eq!(flows(&home, &b.url), ["form"]);
    assert!(flows(&home, &a.url).is_empty());
}

#[test]
fn settings_that_name_two_servers_or_none_that_runs_are_refused() {
    let home = Home::new();
    let (a, b) = (server(&home, "a"), server(&home, "b"));
    home.write("form.py", "print(1)\n");
    let folder = home.path("b");
    let folder = folder.to_str().expect("text");
    let port_a = port(&a);
    let both = [
        ("BATON_DATA", folder),
        ("ORCHESTRATOR_PORT", port_a.as_str()),
    ];
    let said = with(&home, &both, &["deploy", "form.py"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("[two_servers]"), "{}", said.err);
    assert_eq!(b.stop(), 0);
    let said = with(&home, &[("BATON_DATA", folder)], &["deploy", "form.py"]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("[not_served]"), "{}", said.err);
    let said = with(&home, &[("ORCHESTRATOR_PORT", "many")], &["flows", "ls"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("ORCHESTRATOR_PORT"), "{}", said.err);
    assert!(flows(&home, &a.url).is_empty());
}

#[test]
fn a_second_server_takes_no_command_over_while_the_first_answers() {
    let home = Home::new();
    let a = server(&home, "a");
    let mut b = server(&home, "b");
    b.wait_for_note(&format!("later commands still go to {}", a.url));
    home.write("form.py", "print(1)\n");
    let said = home.baton(&["deploy", "form.py"]).ok();
    assert!(said.err.contains(&format!("on {}", a.url)), "{}", said.err);
    assert!(flows(&home, &b.url).is_empty());
    // One that is named is known with its key, and nothing is said of it.
    let said = home.baton(&["deploy", "form.py", "--url", &b.url]).ok();
    assert!(!said.err.contains("on http"), "{}", said.err);
    let url_a = a.url.clone();
    assert_eq!(a.stop(), 0);
    let mut c = server(&home, "c");
    c.wait_for_note(&format!(
        "later commands go to {}; those before went to {url_a}",
        c.url.clone()
    ));
    let said: Value = home.baton(&["env", "--json"]).ok().json();
    assert_eq!(said["BATON_URL"], c.url.as_str());
}

#[test]
fn every_command_that_changes_something_says_where_and_no_other_does() {
    let home = Home::new();
    let a = server(&home, "a");
    home.write("form.py", "print(1)\n");
    let place = format!("on {}\n", a.url);
    for words in [
        &["deploy", "form.py", "--daily", "06:00"][..],
        &["run", "form"],
        &["deployments", "edit", "form", "--timeout", "1m"],
        &["deployments", "pause", "form"],
        &["schedules", "edit", "form", "--daily", "07:00"],
        &["queues", "add", "q"],
        &["limits", "set", "sap", "2"],
        &["robots", "enroll", "r"],
        &["keys", "create", "ci"],
        &["schedules", "rm", "form", "--yes"],
    ] {
        let said = home.baton(words);
        assert!(said.err.ends_with(&place), "{words:?}: {}", said.err);
    }
    for words in [
        &["flows", "ls"][..],
        &["runs", "ls"],
        &["schedules", "preview", "--daily", "06:00"],
        &["verify"],
        &["keys", "create", "quiet", "--quiet"],
        &["queues", "rm", "q", "--dry-run"],
        &["queues", "rm", "q", "--yes", "--url", &a.url],
    ] {
        let said = home.baton(words).ok();
        assert!(!said.err.contains(&place), "{words:?}: {}", said.err);
    }
}

#[test]
fn verify_asks_the_server_that_uses_the_folder() {
    let home = Home::new();
    let mut a = server(&home, "a");
    let folder = home.path("a");
    let folder = folder.to_str().expect("text");
    let said = with(&home, &[("BATON_DATA", folder)], &["verify"]).ok();
    assert!(said.out.contains("every promise was kept"), "{}", said.out);
    home.baton(&["verify", "--data", folder, "--json"])
        .ok()
        .json();
    a.signal(Signal::SIGTERM);
    a.wait_for_note("stopping");
    assert_eq!(a.ended(), 0);
    home.baton(&["verify", "--data", folder]).ok();
}

#[test]
fn a_data_folder_whose_name_is_no_text_is_served_and_found() {
    let home = Home::new();
    let folder = home.folder().join(OsStr::from_bytes(b"caf\xe9"));
    let mut up = home.command(&["up", "--json", "--port", "0", "--no-examples"]);
    up.env("BATON_DATA", &folder);
    let _up = home.serving_as(up);
    home.write("form.sh", "#!/bin/sh\necho done\n");
    for words in [
        &["deploy", "form.sh"][..],
        &["run", "form", "--watch"],
        &["runs", "ls"],
    ] {
        let mut command = home.command(words);
        command.env("BATON_DATA", &folder);
        Said::of(command.output().expect("it starts")).ok();
    }
}
