//! The OPTIMUS face of the executable, as its users call it.

use super::home::{Home, example};

#[test]
fn its_help_lists_every_flag_with_its_default() {
    let home = Home::new();
    let help = home.runrpa(&["-h"]).ok().out;
    insta::assert_snapshot!("runrpa_help", help);
    for words in [&["-help"][..], &["--help"], &["-f", "x", "-h"]] {
        assert_eq!(home.runrpa(words).ok().out, help, "{words:?}");
    }
    assert_eq!(home.baton(&["runrpa", "-h"]).ok().out, help);
}

#[test]
fn wrong_flags_end_with_2_and_missing_scripts_with_1() {
    let home = Home::new();
    home.write("scripts/book.xlsm", "");
    for (words, code, said) in [
        (&["-i", "1"][..], 2, "unrecognized arguments: -i 1"),
        (
            &["-s", "main"],
            2,
            "ambiguous option: -s could match -sc, -sh",
        ),
        (&["-o", "two"], 2, "invalid int value: 'two'"),
        (&["-f", "absent"], 1, "there is no script \"absent\""),
        (&["-f", "book"], 1, "no program is configured"),
        (&[], 1, "no script is named"),
    ] {
        let got = home.runrpa(words);
        assert_eq!(got.code, code, "{words:?}: {}", got.err);
        assert!(got.err.contains(said), "{words:?}: {}", got.err);
    }
}

#[test]
fn a_manual_run_works_without_a_server_and_passes_the_scripts_exit_code_through() {
    let home = Home::new();
    home.write(
        "scripts/job.py",
        "import os, sys\nprint('code', os.environ['BATON_PARAM_STARTCODE'])\nsys.exit(7)\n",
    );
    let mut command = home.command(&["runrpa", "-f", "job", "-sc", "block"]);
    let output = command
        .env("BATON_URL", "http://127.0.0.1:1")
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "code block\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("kept on this computer"));
}

#[test]
fn a_debug_run_runs_here_as_well_and_the_script_can_tell() {
    let home = Home::new();
    home.write(
        "scripts/job.py",
        "import os\nprint('flowrun', os.environ['BATON_PARAM_FLOWRUN'])\n",
    );
    for mode in ["0", "1", "3"] {
        let mut command = home.command(&["runrpa", "-f", "job", "-o", mode]);
        let output = command
            .env("BATON_URL", "http://127.0.0.1:1")
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, format!("flowrun {mode}\n"));
    }
}

#[test]
fn manual_and_unattended_runs_are_told_apart_by_the_computers_name() {
    let home = Home::new();
    home.write(
        "scripts/cscKPI.py",
        "import os\nprint('hello from', os.environ['BATON_PARAM_TAG'])\n",
    );
    // Recorded while there is no server, and sent with the next run.
    let offline = home
        .command(&["runrpa", "-f", "cscKPI"])
        .env("BATON_URL", "http://127.0.0.1:1")
        .status()
        .expect("it starts");
    assert!(offline.success());
    let up = home.up();
    let here = home.runrpa(&["-f", "cscKPI", "-t", "test"]).ok();
    assert_eq!(here.out, "hello from test\n");

    let deployed = home.runrpa(&["-f", "cscKPI", "-o", "2", "-r", "2"]).ok();
    let again = home.runrpa(&["-f", "cscKPI", "-o", "2", "-r", "2"]).ok();
    assert!(deployed.out.contains("version 1 (new)"), "{}", deployed.out);
    assert!(again.out.contains("version 1 (unchanged)"), "{}", again.out);
    let all = home.baton(&["deployments", "ls", "--json"]).ok().json();
    let computer = nix::unistd::gethostname()
        .expect("a name")
        .into_string()
        .expect("text");
    assert_eq!(all[0]["full_name"], format!("cscKPI/cscKPI-{computer}"));
    assert_eq!(all[0]["queue_name"], computer);
    assert_eq!(all[0]["settings"]["retry"]["max_retries"], 2);
    // What is deployed runs as a flow, as it did in the original.
    assert_eq!(all[0]["settings"]["parameters"]["flowrun"], 1);
    assert_eq!(all[0]["settings"]["parameters"]["startfile"], "cscKPI.py");

    home.baton(&["run", "cscKPI", "--watch"]).ok();
    let runs = home.baton(&["runs", "ls", "--json"]).ok().json();
    let mut labels: Vec<&str> = runs
        .as_array()
        .expect("a list")
        .iter()
        .map(|run| run["label"].as_str().expect("text"))
        .collect();
    labels.sort_unstable();
    let unattended = format!("cscKPI-{computer}");
    assert_eq!(labels, ["cscKPI", "cscKPI", &unattended]);
    assert!(
        runs.as_array()
            .expect("a list")
            .iter()
            .all(|run| run["state"] == "completed")
    );
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_redeploy_keeps_the_schedule_that_somebody_set() {
    let home = Home::new();
    home.write("scripts/job.py", "print('hello')\n");
    let _up = home.up();
    home.runrpa(&["-f", "job", "-o", "2"]).ok();
    home.baton(&[
        "schedules",
        "add",
        "job",
        "--cron",
        "0 6 * * *",
        "--timezone",
        "Asia/Hong_Kong",
    ])
    .ok();
    home.write("scripts/job.py", "print('hello again')\n");
    let said = home.runrpa(&["-f", "job", "-o", "2"]).ok();
    assert!(said.out.contains("version 2 (new)"), "{}", said.out);
    assert!(said.out.contains("Asia/Hong_Kong"), "{}", said.out);
}

#[test]
fn a_folder_with_settings_runs_here_as_its_settings_say() {
    let home = Home::new();
    let said = home
        .command(&["runrpa", "-f", &example("flaky"), "-r", "0"])
        .env("BATON_URL", "http://127.0.0.1:1")
        .output()
        .expect("it starts");
    // Its default is to fail in its first two attempts.
    assert_eq!(
        said.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
}

#[test]
fn outputs_that_are_no_json_are_said_and_the_run_keeps_its_exit_code() {
    let home = Home::new();
    home.write(
        "scripts/job.py",
        "import os\nopen(os.environ['BATON_OUTPUTS'], 'w').write('{oops')\n",
    );
    let mut command = home.command(&["runrpa", "-f", "job"]);
    let output = command
        .env("BATON_URL", "http://127.0.0.1:1")
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("the outputs file is not understood"),
        "{said}"
    );
}

/// Leaves something of everything that a robot says in the log when it is not as it should be.
const LEAVES: &str = r#"
import os
folder = os.environb[b"BATON_ARTIFACTS"]
with open(os.environ["BATON_EVENTS"], "a") as f:
    f.write('{"type":"log","level":"error","message":"said by an event","task":"a"}\n')
    f.write('nonsense\n')
    f.write('x' * (5 << 20) + '\n')
    f.write('{"type":"task","key":"a","state":"running"}\n')
    f.write('{"type":"output","name":"last","value":1}')
open(folder + b"/caf\xe9", "w").write("x")
open(folder + b"/big", "w").truncate((64 << 20) + 1)
os.symlink("/etc/hostname", folder + b"/outside")
open(os.environ["BATON_OUTPUTS"], "w").write("[1, 2")
"#;

#[test]
fn what_a_manual_run_leaves_is_kept_or_said_in_its_log_told_at_once_or_later() {
    let home = Home::new();
    home.write("scripts/job.py", LEAVES);
    let offline = home
        .command(&["runrpa", "-f", "job"])
        .env("BATON_URL", "http://127.0.0.1:1")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&offline.stderr).into_owned();
    assert_eq!(offline.status.code(), Some(0), "{said}");
    assert!(said.contains("\"outside\" is a link"), "{said}");
    let up = home.up();
    home.runrpa(&["-f", "job"]).ok();
    let runs = home.baton(&["runs", "ls", "--json"]).ok().json();
    assert_eq!(runs.as_array().map(Vec::len), Some(2), "{runs}");
    for run in runs.as_array().expect("a list") {
        let name = run["name"].as_str().expect("text");
        assert_eq!(run["state"], "completed", "{run}");
        let log = home.baton(&["runs", "logs", name]).ok().out;
        for said in [
            "said by an event",
            "events: not understood",
            "events: a line longer than",
            "\"caf\u{fffd}\" is uploaded as \"caf%E9\"",
            "\"big\" has 67108865 bytes",
            "\"outside\" is a link to /etc/hostname",
            "outputs: the outputs file is not understood",
        ] {
            assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
        }
        let shown = home.baton(&["runs", "show", name, "--json"]).ok().json();
        assert_eq!(shown["attempts"][0]["outputs"]["last"], 1, "{shown}");
        let kept = home.baton(&["artifacts", "ls", name]).ok().out;
        assert!(
            kept.contains("caf%E9") && kept.contains("outputs.json"),
            "{kept}"
        );
    }
    assert_eq!(up.stop(), 0);
}

#[test]
fn half_a_line_of_a_manual_run_whose_child_holds_its_output_is_kept_and_said() {
    let home = Home::new();
    home.write(
        "scripts/job.py",
        "import subprocess, sys\nsubprocess.Popen(['sleep', '20'])\nsys.stdout.write('half a line')\n",
    );
    let up = home.up();
    home.runrpa(&["-f", "job"]).ok();
    let log = home.baton(&["runs", "logs", "job"]).ok().out;
    assert!(log.contains("half a line"), "{log}");
    assert!(log.contains("still holds its output open"), "{log}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_line_that_a_manual_run_draws_again_keeps_its_last_state_in_the_log() {
    let home = Home::new();
    home.write(
        "scripts/job.py",
        "for n in range(1, 401): print(f'\\r{n} of 400 ' + 'x' * 60, end='')\nprint(' LAST WORDS')\n",
    );
    let up = home.up();
    home.runrpa(&["-f", "job"]).ok();
    let log = home.baton(&["runs", "logs", "job"]).ok().out;
    let last = log.lines().last().expect("a line");
    assert!(
        last.starts_with("400 of 400") && last.ends_with("LAST WORDS"),
        "{log}"
    );
    assert!(log.lines().count() < 10, "{log}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_record_of_a_manual_run_that_cannot_be_read_is_kept_and_the_others_are_told() {
    let home = Home::new();
    home.write("scripts/job.py", "print('hello')\n");
    let mut folders = Vec::new();
    for broken in ["finish.json", "start.json", "none"] {
        let said = home
            .command(&["runrpa", "-f", "job"])
            .env("BATON_URL", "http://127.0.0.1:1")
            .env("XDG_STATE_HOME", home.path("state"))
            .status();
        assert!(said.expect("it starts").success());
        let base = home.path("state/baton/manual-runs");
        let made = std::fs::read_dir(base).expect("there");
        let made = made.map(|entry| entry.expect("read").path());
        let new = made.filter(|path| !folders.contains(path)).last();
        let new = new.expect("a new record");
        if broken != "none" {
            std::fs::write(new.join(broken), "{").expect("written");
        }
        folders.push(new);
    }
    let up = home.up();
    let said = home
        .command(&["runrpa", "-f", "job"])
        .env("XDG_STATE_HOME", home.path("state"))
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    for broken in ["finish.json", "start.json"] {
        assert!(said.contains(&format!("{broken} cannot be read")), "{said}");
    }
    let there: Vec<bool> = folders.iter().map(|folder| folder.exists()).collect();
    assert_eq!(there, [true, true, false], "{said}");
    let runs = home.baton(&["runs", "ls", "--json"]).ok().json();
    let states: Vec<_> = runs
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| &r["state"])
        .collect();
    assert_eq!(states, ["completed", "completed"]);
    assert_eq!(up.stop(), 0);
}
