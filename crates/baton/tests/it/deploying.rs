//! Deploying from real folders: what goes along, whose flow it is, where it came from, and what a run is told.

use std::process::Command;

use super::home::Home;

/// Prints a word that is looked for, and what a run was told.
const SHOW: &str = "import json, os, sys\n\
    told = {k: v for k, v in os.environ.items() if k.startswith('BATON_PARAM_')}\n\
    print('GOT', json.dumps([sys.argv[1:], told, sorted(os.listdir('.'))]))\n";

/// Runs a flow, and gives what its script printed with the rest of the log.
fn got(home: &Home, words: &[&str]) -> (serde_json::Value, String) {
    let said = home.baton(&[&["run"], words, &["--watch"]].concat()).ok();
    let all = format!("{}{}", said.out, said.err);
    let line = all
        .lines()
        .find_map(|line| line.split_once("GOT ").map(|(_, rest)| rest));
    let line = line.unwrap_or_else(|| panic!("nothing was printed: {all}"));
    (serde_json::from_str(line).expect("JSON"), all)
}

#[test]
fn a_run_is_told_what_was_written() {
    let home = Home::new();
    let _up = home.up();
    home.write("show.py", SHOW);
    home.baton(&["deploy", "show.py"]).ok();
    let pairs = [
        "version=1.10",
        "commit=12e5",
        "amount=100.00",
        "id=007",
        "no=null",
        "list=[1, 2]",
    ];
    let words: Vec<&str> = pairs.iter().flat_map(|pair| ["-p", pair]).collect();
    let (told, _) = got(&home, &[&["show"], &words[..]].concat());
    for pair in pairs {
        let (name, text) = pair.split_once('=').expect("a pair");
        assert_eq!(
            told[1][format!("BATON_PARAM_{}", name.to_uppercase())],
            text,
            "{told}"
        );
    }
    let (told, all) = got(
        &home,
        &["show", "-p", "cost-center=1", "-p", "cost_center=2"],
    );
    assert_eq!(told[1]["BATON_PARAM_COST_CENTER"], "2");
    assert!(
        all.contains("same variable, BATON_PARAM_COST_CENTER"),
        "{all}"
    );
    home.write("f/main.py", SHOW);
    home.write("f/baton.toml", "[parameters]\nday = 2026-10-01\n");
    let words = [
        "deploy",
        "f",
        "--",
        "python3",
        "main.py",
        "{{.Names}}",
        "{{{{day}}}}",
        "{{day}}",
        "{{baton.attempt}}",
    ];
    home.baton(&words).ok();
    let (told, _) = got(&home, &["f"]);
    assert_eq!(
        told[0],
        serde_json::json!(["{{.Names}}", "{{day}}", "2026-10-01", "1"])
    );
    let said = home.baton(&["deploy", "f", "--", "python3", "main.py", "{{dya}}"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.err.contains("unknown_parameter") && said.err.contains("dya"),
        "{said:?}"
    );
}

#[test]
fn a_project_folder_deploys_without_what_git_ignores_and_without_its_environment() {
    let home = Home::new();
    let _up = home.up();
    home.write("p/main.py", SHOW);
    home.write("p/.gitignore", "*.log\ndata/\n");
    home.write("p/run.log", "");
    home.write("p/data/dump.bin", "");
    home.write("p/.env", "PASSWORD=x");
    home.write("p/my venv/pyvenv.cfg", "");
    std::os::unix::fs::symlink("/usr/bin/python3", home.path("p/my venv/python")).expect("linked");
    let said = home.baton(&["deploy", "p"]).ok();
    for part in ["secret", ".env", "run.log", "data", "my venv"] {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
    let (told, _) = got(&home, &["p"]);
    assert_eq!(
        told[2],
        serde_json::json!([".env", ".gitignore", "main.py"])
    );
    home.write("p/.gitignore", "main.py\n");
    let said = home.baton(&["deploy", "p"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("package_lacks"), "{said:?}");
}

#[test]
fn another_projects_deploy_never_takes_a_flow_over_silently() {
    let home = Home::new();
    let _up = home.up();
    let payroll = home.write("payroll/main.py", "print('payroll')\n");
    home.write("newsletter/main.py", "print('newsletter')\n");
    home.baton(&["deploy", "payroll/main.py"]).ok();
    let said = home.baton(&["deploy", "newsletter/main.py"]);
    assert_eq!(said.code, 4, "{said:?}");
    for part in ["another_project", "payroll/main.py", "--replace", "--flow"] {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
    let said = home
        .baton(&["deploy", "newsletter/main.py", "--replace"])
        .ok();
    assert!(said.err.contains("payroll/main.py"), "{said:?}");
    // The same from runrpa; and a folder that was moved goes on, because its old place is gone.
    home.write("a/job.py", "print(1)\n");
    home.write("b/job.py", "print(2)\n");
    let runrpa = |folder: &str| {
        let link = home.folder().join("runRPA");
        let mut command = home.program(&link, &["-f", "job", "-o", "2"]);
        command
            .current_dir(home.path(folder))
            .output()
            .expect("it starts")
    };
    home.runrpa(&["-h"]);
    assert!(runrpa("a").status.success());
    let refused = runrpa("b");
    assert!(!refused.status.success());
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("another_project"),
        "{refused:?}"
    );
    home.baton(&["deploy", "payroll/main.py", "--flow", "moving"])
        .ok();
    std::fs::rename(payroll.parent().expect("a folder"), home.path("renamed")).expect("renamed");
    home.write("renamed/main.py", "print('payroll, newer')\n");
    let said = home
        .baton(&["deploy", "renamed/main.py", "--flow", "moving"])
        .ok();
    assert!(said.err.contains("moved"), "{said:?}");
}

#[test]
fn a_version_says_its_commit_and_what_was_said_of_it() {
    let home = Home::new();
    let _up = home.up();
    home.write("r/main.py", "print(1)\n");
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "commit.gpgsign=false",
        ]);
        let done = git
            .args(words)
            .current_dir(home.path("r"))
            .output()
            .expect("git is needed");
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "-q", "-b", "trunk"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first words"]);
    home.baton(&["deploy", "r"]).ok();
    home.write("r/main.py", "print(2)\n");
    home.baton(&["deploy", "r", "--message", "hot fix"]).ok();
    let shown = home.baton(&["flows", "show", "r", "--json"]).ok().json();
    let sources: Vec<_> = shown["versions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| &v["source"])
        .collect();
    let of = |message: Option<&str>| {
        sources
            .iter()
            .find(|s| s["message"].as_str() == message)
            .expect("a version")
    };
    let (first, second) = (of(None), of(Some("hot fix")));
    assert_eq!(
        (first["subject"].as_str(), first["dirty"].as_str()),
        (Some("first words"), Some("no"))
    );
    assert_eq!(
        (second["branch"].as_str(), second["dirty"].as_str()),
        (Some("trunk"), Some("yes"))
    );
    assert_eq!(first["revision"].as_str().map(str::len), Some(40));
    let said = home.baton(&["flows", "show", "r"]).ok();
    for part in ["on trunk", "with changes", "hot fix"] {
        assert!(said.out.contains(part), "{part}: {said:?}");
    }
}

/// A stand-in for Robot Framework, which writes where it was told to.
const ROBOT: &str = "import pathlib, sys\n\
    out = pathlib.Path(sys.argv[sys.argv.index('--outputdir') + 1])\n\
    (out / 'log.html').write_text('<p>' + sys.argv[-1])\n";

#[test]
fn a_suite_of_robot_framework_leaves_its_files_with_the_run() {
    let home = Home::new();
    let _up = home.up();
    home.write("suite/tasks.robot", "*** Tasks ***\n");
    home.write("suite/robot.py", ROBOT);
    let said = home.baton(&["deploy", "suite"]).ok();
    assert!(said.err.contains("Robot Framework"), "{said:?}");
    home.baton(&["run", "suite", "--watch"]).ok();
    let run = home
        .baton(&["runs", "ls", "--flow", "suite", "--json"])
        .ok()
        .json()[0]["name"]
        .clone();
    let files = home
        .baton(&["artifacts", "ls", run.as_str().expect("a name")])
        .ok();
    assert!(files.out.contains("log.html"), "{files:?}");
}

/// What Robot Framework 7.5 prints of a suite with one failed test of two, and how it ends.
const FAILING: &str = r#"import pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index('--outputdir') + 1])
for name in ['output.xml', 'log.html', 'report.html']:
    (out / name).write_text('x')
line = lambda words, status: print(words.ljust(70) + '| ' + status + ' |')
print('=' * 78)
line('Reads the invoices', 'PASS')
print('-' * 78)
line('Checks the sum', 'FAIL')
print('invoice 17 has no date')
print('-' * 78)
line('Suite', 'FAIL')
print('2 tests, 1 passed, 1 failed')
print('=' * 78)
for name in ['Output:  output.xml', 'Log:     log.html', 'Report:  report.html']:
    print(name)
sys.exit(1)
"#;

#[test]
fn a_suite_with_a_failed_test_fails_its_run_with_the_words_of_that_test() {
    let home = Home::new();
    let _up = home.up();
    home.write("suite/tasks.robot", "*** Test Cases ***\n");
    home.write("suite/robot.py", FAILING);
    home.baton(&["deploy", "suite"]).ok();
    home.baton(&["run", "suite", "--watch"]);
    let run = home.baton(&["runs", "ls", "--json"]).ok().json()[0].clone();
    assert_eq!(run["state"], "failed", "{run}");
    let words = "it exited with code 1 (1 task failed): Checks the sum: invoice 17 has no date";
    assert_eq!(run["error"]["message"], words);
    let name = run["name"].as_str().expect("a name");
    let files = home.baton(&["artifacts", "ls", name]).ok().out;
    for file in ["output.xml", "log.html", "report.html"] {
        assert!(files.contains(file), "{file}: {files}");
    }
}
