//! Bad input at the command line: each says what, where and what to do, under a stable code, and changes nothing.

use std::path::Path;

use crate::home::{Home, Said};

/// It ended with this code, said all of this on standard error, and nothing else on standard output.
#[track_caller]
fn refused(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{}", said.err);
    for part in parts {
        assert!(
            said.err.contains(part),
            "{part} is missing in: {}",
            said.err
        );
    }
    assert!(said.out.is_empty(), "{}", said.out);
}

/// Runs a command with one variable set.
fn with(home: &Home, variable: (&str, &str), words: &[&str]) -> Said {
    let output = (home.command(words).env(variable.0, variable.1).output()).expect("it starts");
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// How many things a `ls` command shows.
fn count(home: &Home, what: &str) -> usize {
    let listed = home.baton(&[what, "ls", "--json"]).ok().json();
    listed.as_array().expect("a list").len()
}

#[test]
fn a_taken_port_is_refused_and_no_data_folder_is_made() {
    let home = Home::new();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = holder.local_addr().expect("bound").port().to_string();
    for command in ["up", "server"] {
        let said = home.baton(&[command, "--port", &port, "--data", "new"]);
        refused(&said, 4, &["[port_in_use]", &port, "--port"]);
        assert!(!home.path("new").exists(), "{command} made its folder");
    }
}

#[test]
fn useless_certificates_are_refused_and_no_data_folder_is_made() {
    let home = Home::new();
    home.write("words.pem", "only words");
    for file in ["absent.pem", "words.pem"] {
        let words = [
            "server",
            "--port",
            "0",
            "--data",
            "new",
            "--tls-cert",
            file,
            "--tls-key",
            file,
        ];
        let said = with(&home, ("SUPABASE_URL", "https://x.supabase.co"), &words);
        refused(&said, 4, &["[bad_tls]", file, "--tls-key"]);
        assert!(said.err.contains("SUPABASE_URL is set"), "{}", said.err);
        assert!(!home.path("new").exists());
    }
}

#[test]
fn a_data_folder_that_cannot_be_used_is_refused_and_left_alone() {
    let home = Home::new();
    home.write("file", "mine");
    for folder in ["file", "file/below"] {
        let said = with(&home, ("BATON_DATA", folder), &["server", "--port", "0"]);
        refused(&said, 4, &["[data_unavailable]", "file", "BATON_DATA"]);
    }
    assert_eq!(std::fs::read(home.path("file")).expect("there"), b"mine");
}

#[test]
fn a_data_folder_of_another_server_is_refused_and_that_server_goes_on() {
    let home = Home::new();
    let _up = home.up();
    let said = home.baton(&["server", "--port", "0"]);
    refused(
        &said,
        4,
        &["[data_unavailable]", "in use", "process", "BATON_DATA"],
    );
    home.baton(&["queues", "ls"]).ok();
}

#[test]
fn a_damaged_database_is_refused_untouched() {
    let home = Home::new();
    let words = "this is no database, although it has the name of one";
    home.write("baton-data/baton.db", words);
    let said = home.baton(&["server", "--port", "0"]);
    refused(
        &said,
        4,
        &["[data_corrupt]", "baton.db", "restore a backup"],
    );
    let after = std::fs::read_to_string(home.path("baton-data/baton.db")).expect("there");
    assert_eq!(after, words);
}

#[test]
fn a_backup_replaces_no_device_and_makes_no_folder() {
    let home = Home::new();
    let _up = home.up();
    std::os::unix::fs::symlink("/dev/null", home.path("device")).expect("linked");
    let said = home.baton(&["backup", "device"]);
    refused(&said, 4, &["[not_a_file]", "device", "name a file"]);
    assert!(home.path("device").is_symlink(), "it is what it was");
    let said = home.baton(&["backup", "unmounted/copy.db"]);
    assert_ne!(said.code, 0);
    assert!(said.err.contains("unmounted"), "{}", said.err);
    assert!(!home.path("unmounted").exists());
}

#[test]
fn a_backup_cut_short_is_refused_and_nothing_is_made() {
    let home = Home::new();
    let up = home.up();
    home.baton(&["backup", "copy.db"]).ok();
    assert_eq!(up.stop(), 0);
    let whole = std::fs::read(home.path("copy.db")).expect("written");
    std::fs::write(home.path("cut.db"), &whole[..whole.len() / 3]).expect("written");
    let said = home.baton(&["restore", "cut.db", "--data", "other", "--yes"]);
    refused(
        &said,
        4,
        &["[data_corrupt]", "cut.db", "nothing was changed"],
    );
    assert!(!home.path("other").exists());
    let said = home.baton(&["restore", "absent.db", "--data", "other", "--yes"]);
    refused(&said, 3, &["[file]", "absent.db"]);
}

#[test]
fn a_deployment_with_a_mistake_is_refused_whole() {
    let home = Home::new();
    let _up = home.up();
    home.write("job/main.py", "print('hello')\n");
    std::os::unix::fs::symlink("/etc/hostname", home.path("linked.py")).expect("linked");
    home.write("linking/main.py", "print('hello')\n");
    std::os::unix::fs::symlink("/etc/hostname", home.path("linking/link")).expect("linked");
    std::fs::create_dir_all(home.path("folder/main.py")).expect("made");
    let at_nine: &[&str] = &["deploy", "job", "--cron", "0 9 * * *"];
    for (words, code, parts) in [
        (
            &["deploy", "job", "--cron", "0 0 30 2 *"][..],
            4,
            &["[never_fires]", "0 0 30 2 *", "29 days"][..],
        ),
        (
            &["deploy", "job", "--cron", "61 * * * *"],
            4,
            &["[bad_cron]", "minute", "0 to 59"],
        ),
        (
            &[at_nine, &["--timezone", "Mars/Olympus"]].concat(),
            4,
            &["[unknown_timezone]", "Mars/Olympus", "Europe/Berlin"],
        ),
        (
            &["deploy", "linking"],
            4,
            &["[package_link]", "link", ".batonignore"],
        ),
        (&["deploy", "folder"], 4, &["[no_entry]", "-- python3"]),
        (
            &["deploy", "job", "--", "--month"],
            2,
            &["[usage]", "--month", "python3 main.py --month"],
        ),
    ] {
        refused(&home.baton(words), code, parts);
    }
    assert_eq!(count(&home, "flows"), 0);
    assert_eq!(count(&home, "schedules"), 0);
}

#[test]
fn a_zone_of_the_machine_that_nobody_knows_is_said_and_not_guessed() {
    let home = Home::new();
    let _up = home.up();
    home.write("job.py", "print('hello')\n");
    let words = ["deploy", "job.py", "--cron", "0 6 * * *"];
    let said = with(&home, ("TZ", "Mars/Olympus"), &words).ok();
    for part in ["warning", "Mars/Olympus", "UTC", "--timezone"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
}

#[test]
fn parameters_against_their_schema_are_refused_and_no_run_is_made() {
    let home = Home::new();
    let _up = home.up();
    home.baton(&["deploy", &crate::home::example("invoice_report")])
        .ok();
    let run = |parameter| home.baton(&["run", "invoice_report", "-p", parameter]);
    refused(
        &run("month=2026-13"),
        4,
        &["[invalid_parameters]", "month", "2026-13", "pattern"],
    );
    refused(
        &run("moth=2026-10"),
        4,
        &["[invalid_parameters]", "moth", "did you mean month"],
    );
    refused(&run("month"), 2, &["[usage]", "name=value"]);
    assert_eq!(count(&home, "runs"), 0);
}

#[test]
fn a_label_nobody_has_is_said_at_deploy_and_explained_while_the_run_waits() {
    let home = Home::new();
    let _up = home.up();
    home.write("job.py", "print('hello')\n");
    // A robot that has run something is connected: what it lacks is the label alone.
    home.baton(&["deploy", "job.py"]).ok();
    home.baton(&["run", "job", "--watch"]).ok();
    let said = home.baton(&["deploy", "job.py", "--label", "sap"]).ok();
    assert!(
        said.err.contains("no robot has the label \"sap\""),
        "{}",
        said.err
    );
    let run = home.baton(&["run", "job", "--json"]).ok().json();
    let name = run["name"].as_str().expect("a name");
    let said = home.baton(&["runs", "explain", name]).ok();
    assert!(said.out.contains("lacks the label \"sap\""), "{}", said.out);
    assert!(
        said.out.contains("    baton up --label sap"),
        "{}",
        said.out
    );
}

#[test]
fn a_robot_is_not_started_with_a_label_that_nobody_can_read() {
    let home = Home::new();
    let said = home.baton(&["robot", "--label", "sap\u{200b}"]);
    refused(&said, 2, &["[usage]", "--label", "character 4 is U+200B"]);
}

#[test]
fn a_run_for_a_time_that_has_passed_starts_now_and_one_long_past_is_refused() {
    let home = Home::new();
    let _up = home.up();
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    let hour_ago = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1)).to_string();
    let said = home.baton(&["run", "job", "--at", &hour_ago]).ok();
    assert!(said.err.contains("has passed (1 h"), "{}", said.err);
    assert!(said.err.contains("it starts now"), "{}", said.err);
    let said = home.baton(&["run", "job", "--at", "2020-01-01"]);
    refused(&said, 4, &["[in_the_past]", "--at"]);
}

#[test]
fn a_wrong_key_is_refused_with_6_and_the_way_to_a_right_one() {
    let home = Home::new();
    let _up = home.up();
    let said = with(&home, ("BATON_API_KEY", "bk_wrong"), &["runs", "ls"]);
    refused(&said, 6, &["[unknown_key]", "BATON_API_KEY"]);
}

#[test]
fn a_robot_that_may_not_come_in_is_told_why_and_leaves_no_folder() {
    let home = Home::new();
    let up = home.up();
    let token = |words: &[&str]| {
        let told = home.baton(words).ok().json();
        told["token"].as_str().expect("a token").to_owned()
    };
    let present = home.baton(&["robots", "ls", "--json"]).ok().json();
    let taken = present[0]["name"]
        .as_str()
        .expect("the local robot")
        .to_owned();
    let first = token(&["robots", "enroll", "--json"]);
    let robot = |server: &str, token: &str, name: &str, more: &[&str]| {
        let words = [
            "robot", "--server", server, "--token", token, "--name", name, "--data", "robot",
        ];
        home.baton(&[&words[..], more].concat())
    };
    refused(
        &robot(&up.url, &first, &taken, &[]),
        4,
        &["[robot_exists]", &taken, "--name"],
    );
    refused(
        &robot(&up.url, "be_nonsense", "new", &[]),
        6,
        &["[unknown_key]", "baton robots enroll"],
    );
    refused(
        &robot("http://127.0.0.1:1", &first, "new", &[]),
        5,
        &["[unreachable]", "http://127.0.0.1:1"],
    );
    refused(
        &robot(&up.url, &first, "new", &["--fingerprint", "00ff"]),
        2,
        &["[usage]", "--fingerprint", "64 hex digits"],
    );
    assert!(!home.path("robot").exists());
    assert_eq!(count(&home, "robots"), 1);
}

#[test]
fn a_robots_folder_serves_one_robot_at_a_time() {
    let home = Home::new();
    let _up = home.up();
    let said = home.baton(&["robot", "--data", "baton-data/robot"]);
    refused(
        &said,
        4,
        &["[data_unavailable]", "baton-data/robot", "another agent"],
    );
    let said = home.baton(&["robot", "--data", "baton-data/robot", "--name", "other"]);
    refused(&said, 4, &["[already_enrolled]", "--data"]);
}

#[test]
fn a_certificate_nobody_vouches_for_is_refused_unless_its_fingerprint_is_given() {
    let home = Home::new();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("made");
    home.write("cert.pem", &made.cert.pem());
    home.write("key.pem", &made.signing_key.serialize_pem());
    let up = home.up_with(&[
        "--no-examples",
        "--tls-cert",
        "cert.pem",
        "--tls-key",
        "key.pem",
    ]);
    assert!(up.url.starts_with("https://"), "{}", up.url);
    let told = home.baton(&["robots", "enroll", "--json"]).ok().json();
    let token = told["token"].as_str().expect("a token");
    let command = told["command"].as_str().expect("a command");
    assert!(command.contains("sha256sum -c"), "{command}");
    let wrong = "0".repeat(64);
    let stranger = Home::new();
    for more in [&[][..], &["--fingerprint", &wrong]] {
        let words = [
            "robot", "--server", &up.url, "--token", token, "--name", "new", "--data", "robot",
        ];
        let said = stranger.baton(&[&words[..], more].concat());
        refused(
            &said,
            5,
            &["[untrusted_certificate]", &up.url, "--fingerprint"],
        );
    }
    assert!(!stranger.path("robot").exists());
    // The command line of this person knows the fingerprint from the start of the server.
    home.baton(&["runs", "ls"]).ok();
}

#[test]
fn words_of_a_command_arrive_as_they_are() {
    let home = Home::new();
    let _up = home.up();
    home.write("sp ace ü/main.py", "import sys\nprint(sys.argv[1:])\n");
    let words = [
        "deploy",
        "sp ace ü",
        "--",
        "python3",
        "main.py",
        "Jänner 2026",
        "",
        "a'b\"$c",
        "-x",
    ];
    let said = home.baton(&words).ok();
    assert!(said.err.contains("'sp ace ü/default'"), "{}", said.err);
    let said = home.baton(&["run", "sp ace ü", "--watch"]).ok();
    let arrived = r#"['Jänner 2026', '', 'a\'b"$c', '-x']"#;
    assert!(said.out.contains(arrived), "{}", said.out);
}

#[test]
fn an_interpreter_that_is_missing_fails_the_run_with_a_word_about_it() {
    let home = Home::new();
    let _up = home.up();
    let script = home.write("job/run.sh", "#!/no/such/interpreter\n");
    executable(&script);
    home.baton(&["deploy", "job"]).ok();
    let said = home.baton(&["run", "job", "--watch"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let all = format!("{}{}", said.out, said.err);
    assert!(
        all.contains("the interpreter its first line names is missing"),
        "{all}"
    );
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("set");
}
