//! Runs from assignment to result: parameters, outcomes, reports, outputs, artifacts, packages.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use baton_core::error::ErrorKind;
use baton_core::run::LogStream;
use baton_core::state::State;
use serde_json::json;

use crate::server::Server;
use crate::support::{Robot, job, shell};

const SCRIPT: &str = r#"#!/bin/sh
set -e
echo "hello $1"
echo "oops" >&2
[ "$BATON_PARAM_WHO" = "ada lovelace" ]
grep -q lovelace "$BATON_PARAMETERS"
say() { printf '%s\n' "$1" >> "$BATON_EVENTS"; }
say '{"type":"task","key":"read","name":"Read","state":"running"}'
say '{"type":"task","key":"read","state":"completed"}'
say '{"type":"task","key":"write","after":["read"],"state":"running"}'
say '{"type":"progress","percent":50,"message":"half"}'
say 'this is not JSON'
say '{"type":"output","name":"by_event","value":1}'
say '{"type":"log","level":"warning","message":"careful","task":"write"}'
printf '{"by_file": [1,2]}' > "$BATON_OUTPUTS"
mkdir "$BATON_ARTIFACTS/sub"
printf 'content' > "$BATON_ARTIFACTS/sub/report ä.txt"
grep -q original data
echo changed > data
"#;

#[tokio::test]
async fn a_run_gives_back_its_log_tasks_outputs_and_artifacts() {
    let mut server = Server::start().await;
    let package = tempfile::tempdir().expect("folder");
    fs::write(package.path().join("job.sh"), SCRIPT).expect("written");
    fs::write(package.path().join("data"), "original").expect("written");
    fs::set_permissions(
        package.path().join("job.sh"),
        fs::Permissions::from_mode(0o755),
    )
    .expect("mode");
    let hash = server.add_package(package.path());
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;

    for number in 1..=2 {
        let mut job = job(number, &["job.sh", "{{who}}"]);
        job.workflow.package = Some(hash.clone());
        job.variables = json!({"who": "ada lovelace"})
            .as_object()
            .expect("object")
            .clone();
        link.lines.clear();
        let result = link.run(&job).await;
        assert_eq!(
            (result.state, result.exit_code),
            (State::Completed, Some(0)),
            "{:?} {:?}",
            result.error,
            link.lines
        );
        assert_eq!(
            json!(result.outputs),
            json!({"by_event": 1, "by_file": [1, 2]})
        );
        assert_eq!(link.messages(LogStream::Stderr), ["oops"]);
        let stdout = link.messages(LogStream::Stdout);
        assert!(
            stdout.contains(&"hello ada lovelace") && stdout.contains(&"careful"),
            "{stdout:?}"
        );
        assert!(
            link.messages(LogStream::System)
                .iter()
                .any(|m| m.contains("not understood"))
        );
        let seqs: Vec<i64> = link.lines.iter().map(|(_, l)| l.seq).collect();
        assert_eq!(
            seqs,
            (1..=i64::try_from(seqs.len()).expect("few")).collect::<Vec<_>>()
        );
    }
    let last = |key: &str| {
        link.tasks
            .iter()
            .rev()
            .find(|t| t.key == key)
            .expect("reported")
            .clone()
    };
    assert_eq!(
        (last("read").state, last("read").name.as_str()),
        (State::Completed, "Read")
    );
    assert!(last("read").started_at.is_some() && last("read").ended_at.is_some());
    assert_eq!(
        last("write").state,
        State::Failed,
        "still running at the end"
    );
    assert_eq!(link.progress.first().expect("progress").percent, Some(50.0));
    {
        let files = server.files.lock().expect("not poisoned");
        assert_eq!(
            files.downloads, 1,
            "the second run found the package in the cache"
        );
        let (path, body) = &files.artifacts[0];
        assert!(
            path.ends_with("/artifacts?name=sub%2Freport+%C3%A4.txt&attempt=1&fence=1"),
            "{path}"
        );
        assert_eq!(body, b"content");
    }
    robot.handle.stop(std::time::Duration::ZERO).await;
    let left = fs::read_dir(robot.dir.path().join("work"))
        .expect("folder")
        .count();
    assert_eq!(left, 0, "work folders are removed");
    assert_eq!(
        fs::read_dir(robot.dir.path().join("spool"))
            .expect("folder")
            .count(),
        0
    );
}

#[tokio::test]
async fn exits_signals_and_missing_programs_become_states_with_reasons() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;

    let failed = link.run(&shell(1, "echo because >&2; exit 3")).await;
    let error = failed.error.expect("why");
    assert_eq!(
        (failed.state, failed.exit_code, error.kind),
        (State::Failed, Some(3), ErrorKind::Failed)
    );
    assert_eq!(error.stack.as_deref(), Some("because"));

    let signalled = link.run(&shell(2, "kill -SEGV $$")).await;
    let error = signalled.error.expect("why");
    assert_eq!(
        (signalled.state, signalled.exit_code),
        (State::Failed, None)
    );
    assert!(error.message.contains("SIGSEGV"), "{}", error.message);

    let missing = link.run(&job(3, &["no-such-program-anywhere"])).await;
    let error = missing.error.expect("why");
    assert_eq!(
        (missing.state, error.kind),
        (State::Failed, ErrorKind::Spawn)
    );
    assert!(
        error.message.contains("no-such-program-anywhere"),
        "{}",
        error.message
    );

    let business = r#"echo '{"type":"error","kind":"business","message":"invoice 7 has no date"}' >> "$BATON_EVENTS"; exit 1"#;
    let business = link.run(&shell(4, business)).await;
    let error = business.error.expect("why");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Business, "invoice 7 has no date")
    );

    let outputs = link.run(&shell(5, "echo nonsense > $BATON_OUTPUTS")).await;
    assert_eq!((outputs.state, outputs.error), (State::Completed, None));
    let said = link.messages(LogStream::System).join("\n");
    assert!(
        said.contains("the outputs file is not understood"),
        "{said}"
    );

    let template = link.run(&job(6, &["echo", "{{absent}}"])).await;
    let error = template.error.expect("why");
    assert_eq!(error.kind, ErrorKind::Spawn);
    assert!(error.message.contains("absent"), "{}", error.message);
}

#[tokio::test]
async fn a_package_that_is_missing_or_not_what_its_name_says_is_not_run() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let mut job = job(1, &["true"]);
    job.workflow.package = Some("0".repeat(64));
    let error = link.run(&job).await.error.expect("why");
    assert_eq!(error.kind, ErrorKind::Package);
    assert!(error.message.contains("404"), "{}", error.message);
}
