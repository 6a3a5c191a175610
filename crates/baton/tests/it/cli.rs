//! What the command line says and ends with, without any server.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;

use super::home::Home;

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn walk(home: &Home, path: &[&str], all: &mut Vec<(String, String)>) {
    let mut words = path.to_vec();
    // `runrpa` has flags of its own; its help stands in a test of its own.
    if path == ["runrpa"] {
        return;
    }
    words.push("--help");
    let said = home.baton(&words).ok();
    let below = commands(&said.out);
    all.push((
        format!("baton {}", path.join(" ")).trim().to_owned(),
        said.out,
    ));
    for name in &below {
        let mut path = path.to_vec();
        path.push(name);
        walk(home, &path, all);
    }
}

#[test]
fn the_help_of_every_command_is_as_it_was() {
    let home = Home::new();
    let mut all = Vec::new();
    walk(&home, &[], &mut all);
    let text: String = all
        .iter()
        .map(|(name, help)| format!("──── {name}\n{help}\n"))
        .collect();
    insta::assert_snapshot!("help", text);
}

#[test]
fn every_command_has_examples_in_its_help() {
    let home = Home::new();
    let mut all = Vec::new();
    walk(&home, &[], &mut all);
    let without: Vec<&String> = all
        .iter()
        .filter(|(name, help)| !help.contains("Examples:") && name != "baton exit-codes")
        .map(|(name, _)| name)
        .collect();
    assert!(without.is_empty(), "{without:?}");
    assert!(all.len() > 60, "only {} commands were found", all.len());
}

#[test]
fn exit_codes_are_listed_and_each_says_something_else() {
    let said = Home::new().baton(&["exit-codes"]).ok();
    insta::assert_snapshot!("exit_codes", said.out);
    let meanings: BTreeSet<&str> = said.out.lines().collect();
    assert!(meanings.len() > 11);
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let home = Home::new();
    for words in [
        &["nonsense"][..],
        &["runs", "ls", "--nonsense"],
        &["deploy"],
        &["deploy", ".", "--cron", "* * * * *", "--every", "1m"],
        &["up", "--port", "99999"],
        &["up", "--port", "-1"],
        &["up", "--slots", "0"],
        &["up", "--slots", "1025"],
        &["up", "--default-timeout", "-1"],
        &["robot", "--slots", "0"],
        &["runs", "ls", "--limit", "0"],
        &["runs", "ls", "--limit", "-5"],
        &["runs", "ls", "--limit", "100001"],
        &["runs", "logs", "x", "--attempt", "0"],
        &["schedules", "next", "--limit", "0"],
        &["schedules", "preview", "--cron", "* * * * *", "-n", "0"],
        &["schedules", "preview", "--cron", "* * * * *", "-n", "1001"],
        &["schedules", "preview", "--hourly", "60"],
        &["queues", "peek", "default", "--limit", "0"],
        &["queues", "add", "q", "--limit", "-1"],
        &["limits", "set", "sap", "-1"],
        &["robots", "logs", "x", "--limit", "0"],
        &["robots", "logs", "x", "--limit", "4294967296"],
        &["deploy", ".", "--retries", "-1"],
        &["runs", "ls", "--state", "sleeping"],
    ] {
        let said = home.baton(words);
        assert_eq!(said.code, 2, "{words:?}: {}", said.err);
        assert!(said.out.is_empty(), "{words:?}: {}", said.out);
    }
}

#[test]
fn without_a_server_the_error_says_what_where_and_what_to_do() {
    let home = Home::new();
    let said = home.baton(&["runs", "ls", "--url", "http://127.0.0.1:1"]);
    assert_eq!(said.code, 5);
    for part in ["http://127.0.0.1:1", "[unreachable]", "baton up"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let said = home.baton(&["runs", "ls", "--url", "http://127.0.0.1:1", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&said.err).expect("an object");
    assert_eq!(error["error"]["code"], "unreachable");
    assert_eq!(error["error"]["exit"], 5);
}

#[test]
fn an_open_door_without_a_lock_is_refused() {
    let home = Home::new();
    let said = home
        .command(&["server"])
        .env("ORCHESTRATOR_HOST", "0.0.0.0")
        .output()
        .expect("it starts");
    let err = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(4), "{err}");
    for part in ["insecure_listen", "--tls-cert", "--insecure-http"] {
        assert!(err.contains(part), "{err}");
    }
    assert!(!home.path("baton-data").exists(), "nothing was made");
}

#[test]
fn a_database_that_cannot_be_used_yet_is_refused_and_nothing_is_made() {
    let home = Home::new();
    let said = home
        .command(&["up"])
        .env("DATABASE_URL", "postgres://db/baton")
        .output()
        .expect("it starts");
    assert_eq!(said.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&said.stderr).contains("postgres_not_yet"));
    assert!(!home.path("baton-data").exists());
}

#[test]
fn a_misspelt_setting_is_refused_with_file_and_line() {
    let home = Home::new();
    home.write("baton.toml", "[server]\nprot = 9000\n");
    let said = home.baton(&["server"]);
    assert_eq!(said.code, 4);
    assert!(said.err.contains("baton.toml:2"), "{}", said.err);
}

#[test]
fn something_that_cannot_be_deployed_is_refused_before_any_server_is_asked() {
    let home = Home::new();
    home.write("empty/README.md", "nothing to run");
    let said = home.baton(&["deploy", "empty"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(
        said.err.contains("README.md") && said.err.contains("-- python3"),
        "{}",
        said.err
    );
    assert_eq!(home.baton(&["deploy", "absent"]).code, 3);
}

#[test]
fn reports_go_into_the_file_of_the_run_and_nowhere_else() {
    let home = Home::new();
    let outside = home.baton(&["report", "progress", "40"]);
    assert_eq!(outside.code, 4);
    let events = home.path("events.jsonl");
    for words in [
        &[
            "report",
            "task",
            "read",
            "failed",
            "--error",
            "no date",
            "--business",
        ][..],
        &["report", "progress", "40", "reading"],
        &["report", "output", "total", "12.5"],
    ] {
        let status = home
            .command(words)
            .env("BATON_EVENTS", &events)
            .status()
            .expect("it starts");
        assert!(status.success(), "{words:?}");
    }
    let text = std::fs::read_to_string(&events).expect("written");
    insta::assert_snapshot!("reports", text);
}

#[test]
fn completion_scripts_know_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = home.baton(&["completion", shell]).ok();
        for name in ["deployments", "schedules", "exit-codes"] {
            assert!(said.out.contains(name), "{shell} lacks {name}");
        }
    }
}

#[test]
fn a_unit_can_be_looked_at_before_it_is_installed_and_systemd_understands_it() {
    let home = Home::new();
    let odd = home.path("my 100% data");
    let odd = odd.to_str().expect("text");
    for (unit, words) in [
        ("server", &["--", "--port", "9000"][..]),
        ("server", &["--data", odd, "--run-as", "daemon"]),
        (
            "robot",
            &["--user", "--", "--token", "be_x", "--label", "a b$c"],
        ),
    ] {
        let install = [&["service", "install", unit, "--dry-run"], words].concat();
        let said = home.baton(&install).ok();
        for line in [
            "[Service]\n",
            "Restart=always\n",
            "KillSignal=SIGTERM\n",
            "KillMode=mixed\n",
            "TimeoutStopSec=90\n",
            "[Install]\nWantedBy=",
        ] {
            assert!(said.out.contains(line), "{line}: {}", said.out);
        }
        let file = home.write(&format!("baton-{unit}.service"), &said.out);
        let verified = std::process::Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&file)
            .output();
        // A machine without systemd cannot say what it thinks.
        let Ok(verified) = verified else { continue };
        let thinks = String::from_utf8_lossy(&verified.stderr);
        let name = format!("baton-{unit}.service");
        assert!(!thinks.contains(&name), "{thinks}\n{}", said.out);
    }
    assert!(!home.path("baton-data").exists());
}

#[test]
fn a_robots_service_needs_a_robot_or_a_token() {
    let home = Home::new();
    let said = home.baton(&["service", "install", "robot", "--user"]);
    assert_eq!(said.code, 6, "{}", said.err);
    for part in ["[not_enrolled]", "baton robots enroll", "--token"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert!(!home.folder().join("config/systemd").exists());
}

#[test]
fn a_wrong_value_from_the_environment_is_refused_by_the_variables_name() {
    let home = Home::new();
    for (variable, value, command) in [
        ("ORCHESTRATOR_PORT", "99999", "up"),
        ("ORCHESTRATOR_PORT", "http", "server"),
        ("DEFAULT_JOB_TIMEOUT", "1h", "server"),
        ("DISPATCH_INTERVAL", "often", "server"),
        ("DISPATCH_INTERVAL", "-1", "server"),
    ] {
        let output = home
            .command(&[command])
            .env(variable, value)
            .output()
            .expect("it starts");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{err}");
        for part in [variable, value] {
            assert!(err.contains(part), "{part}: {err}");
        }
    }
    // Bytes that are no text are refused by name, and never taken for a variable that is not set.
    let bytes = std::ffi::OsStr::from_bytes(b"caf\xe9");
    for (variable, words) in [
        ("BATON_URL", &["runs", "ls"][..]),
        ("BATON_API_KEY", &["runs", "ls"]),
        ("ORCHESTRATOR_HOST", &["runs", "ls"]),
        ("ORCHESTRATOR_PORT", &["runs", "ls"]),
        ("BATON_PUBLIC_URL", &["server"]),
        ("DEFAULT_JOB_TIMEOUT", &["--json", "up"]),
        ("SUPABASE_URL", &["server"]),
        ("DATABASE_URL", &["server"]),
        ("BATON_ENROLMENT_TOKEN", &["robot"]),
        ("BATON_MIN_FREE_MB", &["robot"]),
    ] {
        let mut command = home.command(words);
        let output = command.env(variable, bytes).output().expect("it starts");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{variable}: {err}");
        assert!(err.contains(variable) && err.contains("UTF-8"), "{err}");
    }
    let mut runrpa = home.program(&home.runrpa_path(), &["-f", "x", "-o", "2"]);
    let output = runrpa.env("BATON_URL", bytes).output().expect("it starts");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("BATON_URL"), "{err}");
    // A typed flag is not the variable's fault.
    let output = home
        .command(&["up", "--port", "http"])
        .env("ORCHESTRATOR_PORT", "9000")
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("ORCHESTRATOR_PORT"));
    assert!(!home.path("baton-data").exists(), "nothing was made");
}

#[test]
fn a_variable_that_is_set_to_nothing_counts_as_not_set() {
    let home = Home::new();
    let output = home
        .command(&["up", "--port", "none"])
        .env("DEFAULT_JOB_TIMEOUT", "")
        .env("DISPATCH_INTERVAL", "")
        .output()
        .expect("it starts");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("'none' for '--port"), "{err}");
    let output = home
        .command(&["env", "--json"])
        .env("BATON_URL", "")
        .output()
        .expect("it starts");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("an object");
    assert_eq!(told["BATON_URL"], "http://127.0.0.1:8765");
}

#[test]
fn a_wrong_command_line_is_told_as_json_to_a_program() {
    let said = Home::new().baton(&["runs", "ls", "--json", "--limit", "none"]);
    assert_eq!(said.code, 2);
    let error: serde_json::Value = serde_json::from_str(&said.err).expect("an object");
    assert_eq!(error["error"]["code"], "usage");
    assert_eq!(error["error"]["exit"], 2);
    assert!(
        error["error"]["message"]
            .as_str()
            .expect("text")
            .contains("--limit")
    );
}

#[test]
fn a_rule_is_previewed_without_a_server_and_the_zones_rules_are_named_where_they_matter() {
    let home = Home::new();
    let preview = |rule: &[&str]| {
        let mut words = vec![
            "schedules",
            "preview",
            "--url",
            "http://127.0.0.1:1",
            "-n",
            "2",
        ];
        words.extend(rule);
        home.baton(&words)
    };
    let utc = [
        "--daily",
        "00:00",
        "--timezone",
        "UTC",
        "--from",
        "2099-12-01",
    ];
    let said = preview(&utc).ok();
    assert!(
        said.out.contains("2099-12-01T00:00:00+00:00"),
        "{}",
        said.out
    );
    assert!(!said.err.contains("no server"), "{}", said.err);
    let from_start = [
        "--every",
        "7d",
        "--anchor",
        "2099-12-01T09:00",
        "--timezone",
        "Europe/Berlin",
        "--from",
        "2099-12-01T09:00",
    ];
    let said = preview(&from_start).ok();
    assert!(said.out.contains("Every 7 days"), "{}", said.out);
    assert!(
        said.out.contains("2099-12-01T09:00:00+01:00"),
        "{}",
        said.out
    );
    assert!(said.err.contains("rules of Europe/Berlin"), "{}", said.err);
    let refused = preview(&["--cron", "0 0 12 ? * 2-6", "--timezone", "UTC"]);
    assert!(refused.err.contains("MON-FRI"), "{}", refused.err);
}
