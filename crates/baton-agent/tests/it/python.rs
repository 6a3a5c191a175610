//! Python environments: built from local wheels, cached by what they depend on, bounded, and ended with their attempt.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use baton_api::robot::{CancelJob, JobAssignment};
use baton_core::error::ErrorKind;
use baton_core::flow::{Entry, Python};
use baton_core::run::LogStream;
use baton_core::state::State;
use nix::sys::signal::Signal;

use crate::server::{SHORT, Server};
use crate::support::{OwnProcess, Robot, eventually, gone, job, pids};

/// Writes the wheel of a package `tinything` that says this word.
const WHEEL: &str = r#"
import sys, zipfile
folder, word = sys.argv[1:]
about = "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n"
wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
with zipfile.ZipFile(folder + "/tinything-1.0-py3-none-any.whl", "w") as z:
    z.writestr("tinything.py", f"WORD = {word!r}\n")
    z.writestr("tinything-1.0.dist-info/METADATA", about)
    z.writestr("tinything-1.0.dist-info/WHEEL", wheel)
    z.writestr("tinything-1.0.dist-info/RECORD", "")
"#;

/// A package of source whose build writes its process id into a file and never ends.
const NEVER_BUILT: &str = r#"
import os, signal
def never(*_, **__):
    with open({file:?}, "a") as f:
        f.write(f"{os.getpid()}\n")
    signal.pause()
build_wheel = prepare_metadata_for_build_wheel = never
"#;

fn wheel(folder: &Path, word: &str) {
    fs::create_dir_all(folder).expect("made");
    let made = Command::new("python3")
        .args(["-c", WHEEL])
        .arg(folder)
        .arg(word)
        .status();
    assert!(made.expect("python3 is needed").success());
}

/// Packs a folder with these requirements and a script that says tinything's word.
fn package(server: &Server, requirements: &str, more: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("requirements.txt"), requirements).expect("written");
    let script = "import sys, tinything; print(tinything.WORD, sys.prefix)\n";
    fs::write(folder.path().join("main.py"), script).expect("written");
    more(folder.path());
    server.add_package(folder.path())
}

/// One whose environment is never ready; its builder's process id comes into the file.
fn never_ready(server: &Server, pids: &Path) -> String {
    package(server, "--no-index\n./never\n", |folder| {
        let never = folder.join("never");
        fs::create_dir(&never).expect("made");
        let project = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n\
                       [project]\nname = 'never'\nversion = '1'\n";
        fs::write(never.join("pyproject.toml"), project).expect("written");
        let backend = NEVER_BUILT.replace("{file:?}", &format!("{:?}", pids.display().to_string()));
        fs::write(never.join("backend.py"), backend).expect("written");
    })
}

fn python(number: u128, hash: &str) -> JobAssignment {
    let mut job = job(number, &["main.py"]);
    job.workflow.package = Some(hash.to_owned());
    let Entry::Command { python, .. } = &mut job.workflow.entry else {
        panic!("a command")
    };
    *python = Some(Python::Requirements("requirements.txt".into()));
    job
}

const LOCAL: &str = "--no-index\n--find-links wheels\ntinything==1.0\n";

#[tokio::test]
async fn an_environment_is_built_once_and_anew_when_its_local_wheels_change() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let first = package(&server, LOCAL, |f| wheel(&f.join("wheels"), "first"));
    let second = package(&server, LOCAL, |f| wheel(&f.join("wheels"), "second"));
    let prefix = robot.dir.path().join("environments");
    let prefix = prefix.canonicalize().expect("there").display().to_string();
    for (number, hash, word, is_built) in [
        (1, &first, "first", true),
        (2, &first, "first", false),
        (3, &second, "second", true),
        (4, &first, "first", false),
    ] {
        link.lines.clear();
        let result = link.run(&python(number, hash)).await;
        let said = link.messages(LogStream::System);
        assert_eq!(
            result.state,
            State::Completed,
            "{:?} {said:?}",
            result.error
        );
        let built = said.iter().any(|m| m.contains("building"));
        assert_eq!(built, is_built, "run {number}");
        let out = link.messages(LogStream::Stdout)[0];
        assert!(out.starts_with(word) && out.contains(&prefix), "{out}");
    }
}

#[tokio::test]
async fn an_environment_is_built_with_the_interpreter_that_the_flow_names() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    // An interpreter of another name than the default, which leaves a word each time it is called.
    let named = robot.dir.path().join("python-of-finance");
    let called = robot.dir.path().join("called");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> {}\nexec python3 \"$@\"\n",
        called.display()
    );
    fs::write(&named, script).expect("written");
    fs::set_permissions(&named, fs::Permissions::from_mode(0o755)).expect("set");
    let hash = package(&server, LOCAL, |f| wheel(&f.join("wheels"), "word"));
    let job = |number, interpreter: &str| {
        let mut job = python(number, &hash);
        let Entry::Command { python, .. } = &mut job.workflow.entry else {
            panic!("a command")
        };
        *python = Some(Python::Environment {
            interpreter: interpreter.into(),
            requirements: "requirements.txt".into(),
        });
        job
    };
    let result = link.run(&job(1, &named.display().to_string())).await;
    assert_eq!((result.state, result.error), (State::Completed, None));
    let out = link.messages(LogStream::Stdout)[0];
    let prefix = robot.dir.path().join("environments");
    let prefix = prefix.canonicalize().expect("there").display().to_string();
    assert!(out.starts_with("word") && out.contains(&prefix), "{out}");
    let called = fs::read_to_string(&called).expect("it was called");
    assert!(called.contains("-m venv"), "{called}");

    let result = link.run(&job(2, "python-that-is-not-there")).await;
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::Failed, ErrorKind::Environment)
    );
    assert!(
        error.message.contains("python-that-is-not-there"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_build_that_fails_fails_the_run_with_the_installers_own_words() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let hash = package(&server, "--no-index\nnot-there==1\n", |_| ());
    let result = link.run(&python(1, &hash)).await;
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind, result.exit_code),
        (State::Failed, ErrorKind::Environment, None)
    );
    let words = "No matching distribution found for not-there";
    let said = link.messages(LogStream::System);
    assert!(said.iter().any(|m| m.contains(words)), "{said:?}");
    assert!(error.stack.expect("its last lines").contains(words));
    let left = fs::read_dir(robot.dir.path().join("environments"));
    assert_eq!(left.expect("there").count(), 0);
}

#[tokio::test]
async fn building_has_a_timeout_of_its_own() {
    let mut server = Server::start().await;
    let robot = Robot::with(&server, |c| {
        c.limits.build_within = std::time::Duration::from_secs(2);
    })
    .await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("pids");
    let mut job = python(1, &never_ready(&server, &file));
    // The run's own timeout does not count yet: nothing of it has begun.
    job.timeout_seconds = Some(1);
    let result = link.run(&job).await;
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::Failed, ErrorKind::Environment)
    );
    assert!(error.message.contains("2 s"), "{}", error.message);
    assert!(result.execution_time.is_none());
    gone(&pids(&file, 0).await).await;
}

#[tokio::test]
async fn a_cancel_while_an_environment_is_built_ends_the_builder() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("pids");
    let job = python(1, &never_ready(&server, &file));
    link.start(&job).await;
    let builder = link.during(pids(&file, 1)).await;
    let cancel = CancelJob {
        job_id: job.job_id,
        claim: job.claim,
        reason: "not needed".into(),
        grace_seconds: 0,
    };
    link.say(&cancel).await;
    assert_eq!(link.result().await.state, State::Cancelled);
    assert!(!builder.iter().any(|p| crate::support::alive(*p)));
}

#[tokio::test]
async fn an_agent_killed_or_frozen_while_it_builds_leaves_no_builder_and_trusts_no_half() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().expect("folder");
    let data = dir.path().join("data");
    let file = dir.path().join("pids");
    let hash = never_ready(&server, &file);

    let agent = OwnProcess::start(&server, &data);
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;
    link.start(&python(1, &hash)).await;
    let builder = link.during(pids(&file, 1)).await;
    agent.signal(Signal::SIGSTOP);
    gone(&builder).await;
    agent.signal(Signal::SIGCONT);
    let mut link = server.robot().await;
    assert_eq!(link.result().await.state, State::Crashed);

    fs::remove_file(&file).expect("there");
    link.start(&python(2, &hash)).await;
    let builder = link.during(pids(&file, 1)).await;
    agent.signal(Signal::SIGKILL);
    gone(&builder).await;
    drop(agent);
    let environments = data.join("environments");
    assert_eq!(fs::read_dir(&environments).expect("there").count(), 1);
    let _next = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    assert_eq!(link.result().await.state, State::Crashed);
    eventually("half an environment is swept away", || {
        fs::read_dir(&environments).expect("there").count() == 0
    })
    .await;
}
