//! A few journeys through the real executable: server, robot and scripts as a person has them.
//!
//! Nothing here sleeps: each step waits for a line, a connection or the end of a process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use super::home::{Home, example, is_gone, signal, visitor};

/// A script that tells a listener of the test that it runs, and ends when the listener lets go.
fn knocking(port: u16) -> String {
    format!(
        "import socket\ns = socket.create_connection(('127.0.0.1', {port}))\n\
         s.sendall(b'here')\ns.recv(1)\nprint('let go')\n"
    )
}

#[test]
fn a_fresh_start_deploys_the_examples_runs_one_and_shows_the_way_in() {
    let home = Home::new();
    let mut child = home
        .command(&["up", "--port", "0", "--no-browser"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It is held to the end: whoever closes it tells the server that nobody listens.
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut seen = String::new();
    for line in out.by_ref().lines() {
        let line = line.expect("text");
        seen.push_str(&line);
        seen.push('\n');
        if line.contains("/sign-in#") {
            break;
        }
    }
    for part in [
        "invoice_report",
        "✓ completed",
        "4 good, 1 rejected",
        "dashboard",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    // The CLI finds the server by itself.
    let run = home.baton(&["runs", "ls", "--json"]).ok().json()[0]["id"].clone();
    let shown = home
        .baton(&["runs", "show", run.as_str().expect("an id"), "--json"])
        .ok()
        .json();
    let tasks = shown["task_runs"].as_array().expect("a list");
    let failed: Vec<_> = tasks.iter().filter(|t| t["state"] == "failed").collect();
    assert_eq!((tasks.len(), failed.len()), (7, 1), "{shown:#}");
    assert_eq!(failed[0]["error"]["kind"], "business");
    assert_eq!(shown["artifacts"].as_array().expect("a list").len(), 2);
    signal(&child, nix::sys::signal::Signal::SIGINT);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let warm = home.up();
    let flows = home.baton(&["flows", "ls", "--json"]).ok().json();
    assert_eq!(flows.as_array().expect("a list").len(), 4);
    assert_eq!(warm.stop(), 0);
}

#[test]
fn the_cat_fact_comes_in_the_third_attempt() {
    let home = Home::new();
    let endpoint = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/fact", endpoint.local_addr().expect("bound"));
    let serve = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 27\r\nconnection: close\r\n\r\n{\"fact\": \"cats sleep a lot\"}",
        ] {
            let mut socket = visitor(&endpoint);
            let mut asked = [0; 1024];
            let _ = socket.read(&mut asked);
            let answer =
                answer.replace("27", &"{\"fact\": \"cats sleep a lot\"}".len().to_string());
            socket.write_all(answer.as_bytes()).expect("answered");
        }
    });
    let _up = home.up();
    home.baton(&["deploy", &example("cat_fact")]).ok();
    let said = home
        .baton(&["run", "cat_fact", "-p", &format!("url={url}"), "--watch"])
        .ok();
    serve.join().expect("it served");
    assert!(
        said.out.contains("Cat Fact: cats sleep a lot"),
        "{}",
        said.out
    );
    let run = home.baton(&["runs", "ls", "--json"]).ok().json()[0]["name"].clone();
    let shown = home
        .baton(&["runs", "show", run.as_str().expect("a name"), "--json"])
        .ok()
        .json();
    let attempts = shown["attempts"].as_array().expect("a list");
    let states: Vec<&str> = attempts
        .iter()
        .filter_map(|a| a["state"].as_str())
        .collect();
    assert_eq!(states, ["failed", "failed", "completed"]);
}

#[test]
fn a_cancelled_run_hears_it_and_the_exit_code_of_its_watcher_says_so() {
    let home = Home::new();
    let _up = home.up();
    home.baton(&["deploy", &example("long_running")]).ok();
    let mut watcher = home
        .command(&["run", "long_running", "-p", "seconds=3600", "--watch"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut out = BufReader::new(watcher.stdout.take().expect("it is piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("text");
    assert_eq!(line, "working for 3600 s\n");
    let run = home
        .baton(&["runs", "ls", "--state", "running", "--json"])
        .ok()
        .json();
    let name = run[0]["name"].as_str().expect("a name").to_owned();
    home.baton(&["runs", "cancel", &name, "--wait"]).ok();
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert!(rest.contains("cancelled: cleaning up"), "{rest}");
    assert_eq!(watcher.wait().expect("it ends").code(), Some(8));
}

#[test]
fn a_failed_run_is_given_another_attempt_by_hand() {
    let home = Home::new();
    let _up = home.up();
    home.write(
        "job.py",
        "import os, sys\nsys.exit(0 if os.environ['BATON_ATTEMPT'] == '2' else 'not yet')\n",
    );
    home.baton(&["deploy", "job.py"]).ok();
    let first = home.baton(&["run", "job", "--watch"]);
    assert_eq!(first.code, 1, "{}", first.err);
    let name = home.baton(&["runs", "ls", "--json"]).ok().json()[0]["name"].clone();
    let name = name.as_str().expect("a name");
    let again = home.baton(&["runs", "retry", name, "--watch"]);
    assert_eq!(again.code, 0, "{}", again.err);
    let log = home.baton(&["runs", "logs", name, "--attempt", "1"]).ok();
    assert!(log.out.contains("not yet"), "{}", log.out);
}

#[test]
fn a_schedule_runs_a_script_by_itself_until_it_is_paused() {
    let home = Home::new();
    let _up = home.up();
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    home.write(
        "job.py",
        &knocking(door.local_addr().expect("bound").port()),
    );
    let made = home.baton(&["deploy", "job.py", "--every", "1s"]).ok();
    assert!(made.out.contains("Every second"), "{}", made.out);
    for _ in 0..2 {
        drop(visitor(&door));
    }
    home.baton(&["schedules", "pause", "job"]).ok();
    let all = home.baton(&["schedules", "ls", "--json"]).ok().json();
    assert_eq!(all[0]["paused"], true);
    assert_eq!(all[0]["next_at"], serde_json::Value::Null);
    let runs = home.baton(&["runs", "ls", "--json"]).ok().json();
    assert!(
        runs.as_array()
            .expect("a list")
            .iter()
            .all(|r| r["trigger"]["kind"] == "schedule")
    );
}

#[test]
fn a_drained_robot_takes_nothing_and_the_run_says_why() {
    let home = Home::new();
    let _up = home.up();
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    // What has run once had a robot that is connected.
    home.baton(&["run", "job", "--watch"]).ok();
    let robot = home.baton(&["robots", "ls", "--json"]).ok().json()[0]["name"].clone();
    let robot = robot.as_str().expect("a name");
    home.baton(&["robots", "drain", robot, "--comment", "reboot", "--wait"])
        .ok();
    let run = home.baton(&["run", "job"]).ok().out.trim().to_owned();
    let why = home.baton(&["runs", "explain", &run]).ok();
    assert!(why.out.contains("draining"), "{}", why.out);
    let command = format!("    baton robots resume {robot}\n");
    assert!(why.out.contains(&command), "{}", why.out);
    home.baton(&["robots", "resume", robot]).ok();
    let log = home.baton(&["runs", "logs", &run, "-f"]).ok();
    assert!(log.out.contains("hello"), "{}", log.out);
}

#[test]
fn what_was_accepted_outlives_a_killed_server_and_its_process_tree_does_not() {
    let home = Home::new();
    let up = home.up();
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    home.write(
        "held.py",
        &knocking(door.local_addr().expect("bound").port()),
    );
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "held.py"]).ok();
    home.baton(&["deploy", "job.py", "--queue", "later"]).ok();
    let held = home.baton(&["run", "held"]).ok().out.trim().to_owned();
    let waiting = home.baton(&["run", "job"]).ok().out.trim().to_owned();
    let mut script = visitor(&door);
    script.read_exact(&mut [0; 4]).expect("it says so");
    up.kill();
    // The guard ends the script when its agent is gone: the connection breaks.
    is_gone(script);
    let _up = home.up();
    let log = home.baton(&["runs", "logs", &held, "-f"]).ok();
    assert!(
        log.err.contains("crashed") || log.err.contains("failed"),
        "{}",
        log.err
    );
    let still = home
        .baton(&["runs", "show", &waiting, "--json"])
        .ok()
        .json();
    assert_eq!(still["run"]["state"], "queued");
    let checked = home.baton(&["verify"]).ok();
    assert!(
        checked.out.contains("every promise was kept"),
        "{}",
        checked.out
    );
}

#[test]
fn a_second_robot_enrols_itself_with_a_token_and_runs_what_is_meant_for_it() {
    let home = Home::new();
    let up = home.up();
    let token = home
        .baton(&["robots", "enroll", "second", "--json"])
        .ok()
        .json();
    let token = token["token"].as_str().expect("a token").to_owned();
    let words = [
        "robot", "--server", &up.url, "--token", &token, "--name", "second", "--data", "second",
    ];
    let mut robot = home
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(robot.stdout.take().expect("it is piped"))
        .read_line(&mut line)
        .expect("text");
    assert!(line.contains("second"), "{line}");
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py", "--robot", "second"]).ok();
    home.baton(&["run", "job", "--watch"]).ok();
    let run = home.baton(&["runs", "ls", "--json"]).ok().json();
    assert_eq!(run[0]["robot_name"], "second");
    signal(&robot, nix::sys::signal::Signal::SIGTERM);
    assert_eq!(robot.wait().expect("it ends").code(), Some(0));
    let again = home.baton(&[
        "robot", "--server", &up.url, "--token", &token, "--data", "third",
    ]);
    assert_ne!(again.code, 0, "a token works once");
}

#[test]
fn a_backup_taken_while_running_brings_everything_back() {
    let home = Home::new();
    let up = home.up();
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    home.baton(&["run", "job", "--watch"]).ok();
    home.baton(&["keys", "create", "leaver", "--role", "admin"])
        .ok();
    home.baton(&["backup", "copy.db"]).ok();
    home.baton(&["keys", "revoke", "leaver", "--yes"]).ok();
    let busy = home.baton(&["restore", "copy.db", "--yes"]);
    assert_eq!(busy.code, 4, "{}", busy.err);
    assert!(busy.err.contains("in use"), "{}", busy.err);
    home.baton(&["runs", "rm", "--flow", "job", "--yes"]).ok();
    assert_eq!(up.stop(), 0);
    home.write("nonsense.db", "this is no database, only some words");
    assert_eq!(home.baton(&["restore", "nonsense.db", "--yes"]).code, 4);
    let restored = home.baton(&["restore", "copy.db", "--yes"]).ok();
    assert!(
        restored.err.contains("still so: leaver"),
        "{}",
        restored.err
    );
    home.baton(&["verify", "--data", "baton-data"]).ok();
    let _up = home.up();
    let runs = home.baton(&["runs", "ls", "--json"]).ok().json();
    assert_eq!(runs.as_array().expect("a list").len(), 1);
}

#[test]
fn a_link_signs_in_once_and_a_viewers_key_only_looks() {
    let home = Home::new();
    let up = home.up();
    assert!(
        up.told["link"]
            .as_str()
            .expect("a link")
            .contains("/sign-in#")
    );
    let link = home.baton(&["login"]).ok();
    assert!(link.out.starts_with(&up.url), "{}", link.out);
    let key = home
        .baton(&["keys", "create", "eyes", "--role", "viewer", "-q"])
        .ok();
    let as_viewer = |words: &[&str]| {
        home.command(words)
            .env("BATON_API_KEY", key.out.trim())
            .output()
            .expect("it starts")
            .status
            .code()
    };
    assert_eq!(as_viewer(&["runs", "ls"]), Some(0));
    home.write("job.py", "print('hello')\n");
    assert_eq!(as_viewer(&["deploy", "job.py"]), Some(6));
    home.baton(&["keys", "revoke", "eyes", "--yes"]).ok();
    assert_eq!(as_viewer(&["runs", "ls"]), Some(6));
    assert_eq!(home.baton(&["runs", "show", "nobody"]).code, 3);
    let port = up.url.rsplit(':').next().expect("a port").to_owned();
    let taken = home.baton(&["up", "--port", &port, "--data", "other"]);
    assert_eq!(taken.code, 4);
    assert!(taken.err.contains("port_in_use"), "{}", taken.err);
}

#[test]
fn a_run_that_has_not_ended_is_not_deleted_and_that_is_a_refusal() {
    let home = Home::new();
    let _up = home.up();
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    home.baton(&["run", "job", "--watch"]).ok();
    home.write("stuck.py", "print('never')\n");
    // Nobody has the label, so that it waits.
    home.baton(&["deploy", "stuck.py", "--label", "nobody-has-it"])
        .ok();
    let waits = home.baton(&["run", "stuck", "--json"]).ok().json();
    let waits = waits["name"].as_str().expect("a name");
    let all = home.baton(&["runs", "ls", "--flow", "job", "--json"]).ok();
    let ended = all.json()[0]["name"].as_str().expect("a name").to_owned();

    let said = home.baton(&["runs", "rm", waits, "--yes"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("[run_not_ended]"), "{said:?}");
    assert!(said.err.contains(&format!("{waits} is queued")), "{said:?}");

    let said = home.baton(&["runs", "rm", waits, &ended, "--yes"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.out.contains("deleted 1 run\n"), "{said:?}");
    assert!(
        said.err.contains(&format!("not deleted: {waits}")),
        "{said:?}"
    );
    let left = home.baton(&["runs", "ls", "--json"]).ok().json();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");

    // Found by what they are, only those that ended are meant.
    let said = home.baton(&["runs", "rm", "--flow", "stuck", "--yes"]).ok();
    assert!(said.err.contains("no such runs"), "{said:?}");
    for (words, code) in [
        (&["flows", "rm", "stuck", "--yes"], "[flow_in_use]"),
        (
            &["deployments", "rm", "stuck/default", "--yes"],
            "[deployment_in_use]",
        ),
        (&["queues", "rm", "default", "--yes"], "[queue_in_use]"),
    ] {
        let said = home.baton(words);
        assert_eq!(said.code, 4, "{words:?}: {said:?}");
        assert!(said.err.contains(code), "{words:?}: {said:?}");
    }
}

#[test]
fn a_data_folder_that_others_may_read_is_closed_at_the_start_and_that_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let server = home.serve("server", &[]);
    assert_eq!(server.stop(), 0);
    let data = home.path("baton-data");
    let mode = |name: &str| {
        let met = std::fs::metadata(data.join(name)).expect("there");
        met.permissions().mode() & 0o777
    };
    for (name, private) in [("", 0o700), ("baton.db", 0o600), ("admin.key", 0o600)] {
        assert_eq!(mode(name), private, "{name} as it is made");
        let open = std::fs::Permissions::from_mode(private | 0o055);
        std::fs::set_permissions(data.join(name), open).expect("ours");
    }
    let mut server = home.serve("server", &[]);
    server.wait_for_note("closed to other users of this machine: ");
    for (name, private) in [("", 0o700), ("baton.db", 0o600), ("admin.key", 0o600)] {
        assert_eq!(mode(name), private, "{name}");
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn the_robot_of_baton_up_offers_what_its_flags_say() {
    let home = Home::new();
    let wants = ["--label", "sap", "--capability", "browser"];
    let _up = home.up_with(&[&["--no-examples"][..], &wants].concat());
    home.write("job.py", "print('hello')\n");
    home.baton(&[&["deploy", "job.py"][..], &wants].concat())
        .ok();
    home.baton(&["run", "job", "--watch"]).ok();
}

#[test]
fn a_script_that_fails_says_why_where_people_look_and_a_retry_shows_only_what_is_new() {
    let home = Home::new();
    let _up = home.up();
    let script = "import os\nprint('attempt', os.environ['BATON_ATTEMPT'])\n\
                  raise ValueError('account 4711 is missing')\n";
    home.write("job.py", script);
    home.baton(&["deploy", "job.py"]).ok();
    let first = home.baton(&["run", "job", "--watch"]);
    let name = home.baton(&["runs", "ls", "--json"]).ok().json();
    let name = name[0]["name"].as_str().expect("a name");
    assert!(first.out.contains("attempt 1"), "{}", first.out);
    let shown = home.baton(&["runs", "show", name]).ok();
    let why = "it exited with code 1: ValueError: account 4711 is missing";
    assert!(shown.out.contains(why), "{}", shown.out);
    let again = home.baton(&["runs", "retry", name, "--watch"]);
    assert!(again.out.contains("attempt 2"), "{}", again.out);
    assert!(!again.out.contains("attempt 1"), "{}", again.out);
}

#[test]
fn a_later_start_runs_nothing() {
    let home = Home::new();
    let up = home.up_with(&[]);
    up.signal(nix::sys::signal::Signal::SIGTERM);
    up.ended();
    let up = home.up_with(&[]);
    let count = || {
        let runs = home.baton(&["runs", "ls", "--json"]).ok().json();
        runs.as_array().expect("a list").len()
    };
    assert_eq!(count(), 1, "the example ran on the first start");
    home.write("own.py", "print('money is transferred')\n");
    home.baton(&["deploy", "own.py", "--flow", "invoice_report"])
        .ok();
    up.signal(nix::sys::signal::Signal::SIGTERM);
    up.ended();
    let _up = home.up_with(&[]);
    assert_eq!(count(), 1);
}

#[test]
fn a_flow_of_a_developer_reads_neither_the_admin_key_nor_the_data_of_the_server_beside_it() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    let _up = home.up();
    let developer = home
        .baton(&["keys", "create", "dev", "--role", "developer", "--json"])
        .ok()
        .json();
    let key = developer["secret"].as_str().expect("a key").to_owned();
    home.write(
        "reader.py",
        "import os, sys\nfor root in sys.argv[1:]:\n    try:\n        print('read', root, os.listdir(root))\n    except OSError as e:\n        print('refused', root, e.errno)\n\
         for name in ('admin.key', 'baton.db', 'robot/robot.key'):\n    path = os.path.join(sys.argv[1], name)\n    try:\n        print('read', name, open(path, 'rb').read(9))\n    except OSError as e:\n        print('refused', name, e.errno)\n",
    );
    let script = home.path("reader.py").display().to_string();
    let data = home.path("baton-data").display().to_string();
    assert!(std::fs::read(home.path("baton-data/admin.key")).is_ok());
    let deployed = home
        .command(&["deploy", &script, "--", "python3", "reader.py", &data])
        .env("BATON_API_KEY", &key)
        .output()
        .expect("it runs");
    super::home::Said::of(deployed).ok();
    let said = home.baton(&["run", "reader", "--watch"]).ok();
    assert_eq!(said.out.matches("refused").count(), 4, "{}", said.out);
    assert!(!said.out.contains("read "), "{}", said.out);
}
