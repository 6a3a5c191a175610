//! What commands print: one JSON document for programs, plain aligned tables for people, and no colours in files.

use serde_json::Value;

use crate::home::{Home, Said};

/// A server with one of everything that can be listed.
fn furnished(home: &Home) -> (crate::home::Up, String) {
    let up = home.up();
    home.write("job.py", "print('hello')\n");
    home.baton(&[
        "deploy",
        "job.py",
        "--cron",
        "0 6 * * *",
        "--flow",
        "報告書",
    ])
    .ok();
    home.baton(&["deploy", "job.py", "--label", "nobody"]).ok();
    home.baton(&["limits", "set", "sap", "2"]).ok();
    home.baton(&["run", "報告書", "--watch"]).ok();
    let run = home.baton(&["run", "job"]).ok().out.trim().to_owned();
    (up, run)
}

#[test]
fn every_command_answers_a_program_with_one_json_document() {
    let home = Home::new();
    let (_up, run) = furnished(&home);
    let robot = home.baton(&["robots", "ls", "--json"]).ok().json();
    let robot = robot[0]["name"].as_str().expect("a name").to_owned();
    let all: [&[&str]; 40] = [
        &["runs", "ls"],
        &["runs", "show", &run],
        &["runs", "explain", &run],
        &["runs", "cancel", &run],
        &["runs", "rm", &run, "--dry-run"],
        &["runs", "rm", &run, "--yes"],
        &["run", "報告書"],
        &["deploy", "job.py"],
        &["deployments", "ls"],
        &["deployments", "show", "job"],
        &["deployments", "edit", "job", "--timeout", "5m"],
        &["deployments", "pause", "job"],
        &["deployments", "resume", "job"],
        &["schedules", "ls"],
        &["schedules", "next"],
        &["schedules", "preview", "--cron", "* * * * *"],
        &["schedules", "add", "job", "--daily", "06:30"],
        &["schedules", "edit", "job", "--daily", "07:30"],
        &["schedules", "pause", "job"],
        &["schedules", "resume", "job"],
        &["schedules", "rm", "job", "--yes"],
        &["queues", "ls"],
        &["queues", "add", "web"],
        &["queues", "show", "web"],
        &["queues", "peek", "web"],
        &["queues", "rm", "web", "--yes"],
        &["limits", "ls"],
        &["limits", "rm", "sap"],
        &["robots", "ls"],
        &["robots", "show", &robot],
        &["robots", "logs", &robot],
        &["robots", "drain", &robot],
        &["robots", "enroll"],
        &["flows", "ls"],
        &["flows", "show", "job"],
        &["flows", "rm", "job", "--yes"],
        &["keys", "create", "one"],
        &["keys", "revoke", "one", "--yes"],
        &["backup", "copy.db"],
        &["exit-codes"],
    ];
    for words in all {
        let said = home.baton(&[words, &["--json"]].concat());
        assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        let told: Result<Value, _> = serde_json::from_str(&said.out);
        assert!(told.is_ok(), "{words:?}: {}", said.out);
    }
    for words in [&["env"][..], &["login"], &["verify"], &["keys", "ls"]] {
        home.baton(&[words, &["--json"]].concat()).ok().json();
    }
    // What follows a run tells it line by line.
    home.baton(&["robots", "resume", &robot, "--json"])
        .ok()
        .json();
    let followed = home.baton(&["run", "報告書", "--watch", "--json"]).ok();
    for line in followed.out.lines() {
        let told: Result<Value, _> = serde_json::from_str(line);
        assert!(told.is_ok(), "{line}");
    }
}

#[test]
fn nothing_is_coloured_that_does_not_go_to_a_terminal() {
    let home = Home::new();
    let (_up, run) = furnished(&home);
    for words in [
        &["runs", "ls"][..],
        &["runs", "show", &run],
        &["runs", "explain", &run],
        &["robots", "ls"],
        &["schedules", "ls"],
        &["runs", "show", "nobody"],
        &["runs", "ls", "--state", "odd"],
        &["--help"],
    ] {
        for no_color in [false, true] {
            let mut command = home.command(words);
            if !no_color {
                command.env_remove("NO_COLOR");
            }
            let said = Said::of(command.output().expect("it starts"));
            for text in [&said.out, &said.err] {
                assert!(!text.contains('\u{1b}'), "{words:?}: {text:?}");
            }
        }
    }
    let forced = home
        .command(&["runs", "ls"])
        .env_remove("NO_COLOR")
        .env("CLICOLOR_FORCE", "1")
        .output()
        .expect("it starts");
    assert!(String::from_utf8_lossy(&forced.stdout).contains('\u{1b}'));
}

#[test]
fn of_what_a_flow_says_a_terminal_obeys_nothing_but_colours() {
    let home = Home::new();
    let _up = home.up();
    home.write(
        "job.py",
        "import sys\nprint('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\x1b[2J')\n\
         sys.exit('\\x1b[31mbroken\\u202e\\x1b[2J')\n",
    );
    home.baton(&["deploy", "job.py"]).ok();
    home.baton(&["run", "job", "--watch"]);
    let run = home.baton(&["runs", "ls", "--json"]).ok().json()[0]["id"].clone();
    let run = run.as_str().expect("an id");
    let on_a_terminal = |words: &[&str]| {
        let mut command = home.command(words);
        command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
        let said = Said::of(command.output().expect("it starts"));
        format!("{}{}", said.out, said.err)
    };
    let log = on_a_terminal(&["runs", "logs", run]);
    assert!(log.contains("\u{1b}[31mred\u{1b}[0m"), "{log:?}");
    assert!(log.contains(r"\u{1b}]0;title\u{7}\u{1b}[2J"), "{log:?}");
    for words in [
        &["runs", "logs", run][..],
        &["runs", "show", run],
        &["runs", "ls"],
    ] {
        let said = on_a_terminal(words);
        for raw in ["\u{1b}]", "\u{7}", "\u{1b}[2J", "\u{202e}"] {
            assert!(!said.contains(raw), "{words:?} {raw:?}: {said:?}");
        }
    }
    // A program gets what was written.
    let raw = home.baton(&["runs", "logs", run, "--json"]).ok();
    assert!(raw.out.contains(r"\u001b[2J"), "{}", raw.out);
}

#[test]
fn refusals_of_the_server_name_the_command_that_helps() {
    let home = Home::new();
    let _up = home.up();
    home.write("job.py", "print('hello')\n");
    let made = home
        .baton(&["deploy", "job.py", "--cron", "0 6 * * *"])
        .ok();
    // The zone stands behind the rule, once.
    assert!(
        made.out.contains("At 06:00 every day, UTC\n"),
        "{}",
        made.out
    );
    let again = ["schedules", "add", "job", "--cron", "0 7 * * *"];
    home.baton(&again).ok();
    for (words, code, parts) in [
        (&again[..], 4, ["[schedule_exists]", "--name"]),
        (
            &["robots", "drain", "x"],
            3,
            ["[not_found]", "baton robots ls"],
        ),
        (
            &["flows", "show", "x"],
            3,
            ["[not_found]", "baton flows ls"],
        ),
        (&["run", "x"], 3, ["[not_found]", "baton flows ls"]),
        (
            &["queues", "pause", "x"],
            3,
            ["[not_found]", "baton queues ls"],
        ),
    ] {
        let said = home.baton(words);
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        for part in parts {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
    }
}

/// Columns that a text takes in a terminal: two for the wide characters that this test uses.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if ('\u{2e80}'..='\u{9fff}').contains(&c) {
                2
            } else {
                1
            }
        })
        .sum()
}

#[test]
fn columns_of_a_table_stand_below_their_heads_whatever_is_in_them() {
    let home = Home::new();
    let (_up, _run) = furnished(&home);
    let table = home.baton(&["deployments", "ls"]).ok().out;
    let mut lines = table.lines();
    let head = lines.next().expect("a head");
    let second = head.split_whitespace().nth(1).expect("a second column");
    let start = columns(&head[..head.find(second).expect("it is there")]);
    assert!(table.contains("報告書"), "{table}");
    for line in lines {
        // Before the second column stand two blanks, and at it something.
        let mut at = 0;
        let mut before = String::new();
        let mut here = None;
        for c in line.chars() {
            if at == start {
                here = Some(c);
                break;
            }
            before.push(c);
            at += columns(&c.to_string());
        }
        assert!(before.ends_with("  "), "{table}");
        assert!(here.is_some_and(|c| c != ' '), "{table}");
    }
}

#[test]
fn completion_scripts_load_in_their_shells() {
    let home = Home::new();
    let mut tried = 0;
    for (shell, check) in [
        (
            "bash",
            "bash -n ./script && . ./script && complete -p baton",
        ),
        ("zsh", "zsh -n ./script"),
        ("fish", "fish --no-execute ./script"),
    ] {
        home.write("script", &home.baton(&["completion", shell]).ok().out);
        let mut command = home.program(std::path::Path::new(shell), &["-c", check]);
        // A shell that this machine lacks cannot be asked.
        let Ok(output) = command.output() else {
            continue;
        };
        tried += 1;
        let said = Said::of(output);
        assert_eq!(said.code, 0, "{shell}: {}", said.err);
    }
    assert!(tried > 0, "not even bash is here");
}

#[test]
fn a_script_that_leaves_its_neighbours_behind_is_warned_about_and_the_folder_works() {
    let home = Home::new();
    let _up = home.up();
    home.write("tools/report.py", "import helper\nprint(helper.WORD)\n");
    home.write("tools/helper.py", "WORD = 'together'\n");
    let said = home.baton(&["deploy", "tools/report.py"]).ok();
    for part in ["warning", "helper.py", "--flow report -- python3 report.py"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let words = [
        "deploy",
        "tools",
        "--flow",
        "report",
        "--",
        "python3",
        "report.py",
    ];
    let said = home.baton(&words).ok();
    assert!(!said.err.contains("warning"), "{}", said.err);
    let run = home.baton(&["run", "report", "--watch"]).ok();
    assert!(run.out.contains("together"), "{}", run.out);
}

#[test]
fn a_backup_under_load_is_whole_and_verifies() {
    let home = Home::new();
    let up = home.up();
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            for _ in 0..20 {
                home.baton(&["run", "job"]).ok();
            }
        });
        for name in ["first.db", "second.db", "third.db"] {
            home.baton(&["backup", name]).ok();
        }
        load.join().expect("every run was accepted");
    });
    assert_eq!(up.stop(), 0);
    for name in ["first.db", "second.db", "third.db"] {
        let folder = format!("from-{name}");
        home.baton(&["restore", name, "--data", &folder, "--yes"])
            .ok();
        let checked = home.baton(&["verify", "--data", &folder]).ok();
        assert!(checked.out.contains("every promise was kept"), "{name}");
    }
}

#[test]
fn the_list_of_deployments_names_a_schedules_zone_once() {
    let home = Home::new();
    let _up = home.serve("server", &[]);
    home.write("job.py", "print('hello')\n");
    let zoned = ["--cron", "0 6 * * *", "--timezone", "Europe/Berlin"];
    home.baton(&[&["deploy", "job.py"][..], &zoned].concat())
        .ok();
    let table = home.baton(&["deployments", "ls"]).ok().out;
    assert!(table.contains("At 06:00 every day"), "{table}");
    assert_eq!(table.matches("Europe/Berlin").count(), 1, "{table}");
}

#[test]
fn what_people_say_of_a_flow_is_changed_shown_and_taken_back() {
    let home = Home::new();
    let _up = home.serve("server", &[]);
    home.write("report.py", "print(1)\n");
    home.baton(&["deploy", "report.py"]).ok();
    let edit = |words: &[&str]| {
        let all = [&["flows", "edit", "report", "--json"], words].concat();
        home.baton(&all).ok().json()
    };
    let edited = edit(&[
        "--description",
        "Sends it",
        "--folder",
        "finance",
        "--tag",
        "b",
        "--tag",
        "a",
    ]);
    assert_eq!(edited["description"], "Sends it");
    assert_eq!(edited["folder"], "finance");
    assert_eq!(edited["tags"], serde_json::json!(["a", "b"]));
    let edited = edit(&["--tag", "none"]);
    assert_eq!(edited["tags"], serde_json::json!([]));
    assert_eq!(edited["description"], "Sends it", "what is not named stays");
    let said = home.baton(&["flows", "edit", "report"]);
    assert_eq!(said.code, 2, "{}", said.err);
}
