//! Process trees: whatever a run starts is gone when its attempt is, and sooner if its claim ends.

use std::path::Path;
use std::time::{Duration, Instant};

use baton_api::robot::{CancelJob, JobAssignment};
use baton_core::error::ErrorKind;
use baton_core::run::LogStream;
use baton_core::state::State;
use nix::sys::signal::Signal;

use crate::server::{Link, SHORT, Server};
use crate::support::{OwnProcess, Robot, eventually, gone, pids, shell};

/// Starts a daemon that left its session and its parent, and a plain child; all write their ids.
fn daemons(number: u128, pids: &Path, then: &str) -> JobAssignment {
    let script = format!(
        r#"P={}
        setsid sh -c 'echo $$ >> '"$P"'; trap "" TERM HUP; (sleep 600 & echo $! >> '"$P"'); while :; do sleep 600; done' &
        sleep 600 & echo $! >> "$P"
        echo $$ >> "$P"
        while [ "$(wc -l < "$P")" -lt 4 ]; do sleep 0.01; done
        echo up
        {then}"#,
        pids.display()
    );
    shell(number, &script)
}

fn cancel(job: &JobAssignment, grace_seconds: u32) -> CancelJob {
    CancelJob {
        job_id: job.job_id,
        claim: job.claim,
        reason: "cancelled by ada".into(),
        grace_seconds,
    }
}

#[tokio::test]
async fn daemons_that_a_run_leaves_behind_are_gone_before_its_result() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("pids");
    let result = link.run(&daemons(1, &file, "exit 0")).await;
    let left = pids(&file, 4).await;
    assert!(
        !left.iter().any(|p| crate::support::alive(*p)),
        "something is alive after the result"
    );
    assert_eq!(result.state, State::Completed);
    let said = link.messages(LogStream::System);
    assert!(
        said.iter().any(|m| m.contains("were still running")),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_cancel_asks_first_and_kills_after_the_grace() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;

    let polite = shell(
        1,
        "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done",
    );
    link.start(&polite).await;
    link.until_line("up").await;
    link.say(&cancel(&polite, 60)).await;
    let result = link.result().await;
    assert_eq!(result.state, State::Cancelled);
    assert_eq!(result.error.expect("why").message, "cancelled by ada");
    assert!(link.messages(LogStream::Stdout).contains(&"bye"));

    link.lines.clear();
    let file = robot.dir.path().join("pids");
    let stubborn = daemons(2, &file, "trap '' TERM; while :; do sleep 600; done");
    link.start(&stubborn).await;
    link.until_line("up").await;
    link.say(&cancel(&stubborn, 1)).await;
    assert_eq!(link.result().await.state, State::Cancelled);
    assert!(
        !pids(&file, 4)
            .await
            .iter()
            .any(|p| crate::support::alive(*p))
    );
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_ended() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let mut job = shell(1, "exec sleep 600");
    job.timeout_seconds = Some(1);
    let result = link.run(&job).await;
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::TimedOut, ErrorKind::TimedOut)
    );
    assert!(result.execution_time.expect("ran") >= 1.0);
}

/// Starts daemons that stay; their ids.
async fn staying(link: &mut Link, folder: &Path) -> Vec<i32> {
    let file = folder.join("pids");
    link.start(&daemons(1, &file, "while :; do sleep 600; done"))
        .await;
    link.until_line("up").await;
    pids(&file, 4).await
}

#[tokio::test]
async fn a_killed_agent_leaves_nothing_running_and_the_next_one_says_what_was_lost() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().expect("folder");
    let data = dir.path().join("data");
    let mut agent = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    let tree = staying(&mut link, dir.path()).await;
    agent.signal(Signal::SIGKILL);
    let took = gone(&tree).await;
    // Long before its lease of a minute would have ended it.
    assert!(took < Duration::from_secs(20), "{took:?}");
    agent.0.wait().expect("reaped");

    let _next = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    assert_eq!(link.holds.len(), 1);
    let result = link.result().await;
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::Crashed, ErrorKind::Lost)
    );
    assert!(error.message.contains("restarted"), "{}", error.message);
    assert!(
        link.messages(LogStream::Stdout).contains(&"up"),
        "its log came along"
    );
    assert!(link.messages(LogStream::System)[0].contains("restarted"));
}

#[tokio::test]
async fn a_frozen_agent_has_its_runs_killed_at_the_end_of_the_lease() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().expect("folder");
    let agent = OwnProcess::start(&server, &dir.path().join("data"));
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;
    let tree = staying(&mut link, dir.path()).await;
    agent.signal(Signal::SIGSTOP);
    let frozen = Instant::now();
    gone(&tree).await;
    let took = frozen.elapsed();
    // The server believes the attempt dead five seconds after its lease.
    assert!(took.as_secs_f64() < link.lease + 5.0, "{took:?}");
    agent.signal(Signal::SIGCONT);
    // It wakes up to a connection that was silent for too long, and dials anew.
    let mut link = server.robot().await;
    let result = link.result().await;
    assert_eq!(
        (result.state, result.error.expect("why").kind),
        (State::Crashed, ErrorKind::Lost)
    );
}

#[tokio::test]
async fn an_agent_that_loses_its_server_ends_its_runs_when_the_lease_is_over() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;
    let tree = staying(&mut link, robot.dir.path()).await;
    drop(link);
    gone(&tree).await;
    // The robot comes back and reports what it did.
    let mut link = server.robot().await;
    while link.holds.is_empty() {
        link = server.robot().await;
    }
    let result = link.result().await;
    assert_eq!(
        (result.state, result.error.expect("why").kind),
        (State::Crashed, ErrorKind::Lost)
    );
}

#[tokio::test]
async fn a_stopping_agent_lets_runs_end_and_then_ends_them() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("pids");
    link.start(&daemons(1, &file, "while :; do sleep 600; done"))
        .await;
    let tree = pids(&file, 4).await;
    let stopping = tokio::spawn(robot.handle.stop(Duration::from_millis(200)));
    let result = link.result().await;
    assert_eq!(result.state, State::Crashed);
    stopping.await.expect("stops");
    eventually("everything is gone", || {
        !tree.iter().any(|p| crate::support::alive(*p))
    })
    .await;
}
