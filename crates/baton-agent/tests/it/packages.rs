//! Packages on a robot: fetched once, ahead of time if asked, dropped when unused, never trusted half made.

use std::path::Path;

use baton_api::robot::{
    CancelJob, JobAssignment, RobotLog, Workflow, WorkflowDeploy, WorkflowUndeploy,
};
use baton_core::state::State;
use nix::sys::signal::Signal;

use crate::server::{Link, Server};
use crate::support::{OwnProcess, Robot, eventually, shell};

/// A package whose one file holds this; its hash.
fn package(server: &Server, content: &str) -> String {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("data"), content).expect("written");
    server.add_package(folder.path())
}

fn job(number: u128, hash: &str) -> JobAssignment {
    let mut job = shell(number, "grep -q x data");
    job.workflow.package = Some(hash.to_owned());
    job
}

fn workflow(hash: &str) -> Workflow {
    job(1, hash).workflow
}

fn downloads(server: &Server) -> usize {
    server.files.lock().expect("not poisoned").downloads
}

fn stall(server: &Server, method: Option<&'static str>) {
    server.files.lock().expect("not poisoned").stall = method;
}

fn is_cached(data: &Path, hash: &str) -> bool {
    data.join("packages")
        .join(hash)
        .join("baton-whole")
        .exists()
}

/// Waits until the agent's own log, as it comes to the server, says this.
async fn until_said(link: &mut Link, what: &str) {
    loop {
        let log: RobotLog = link.until().await;
        if log.lines.iter().any(|l| l.message.contains(what)) {
            return;
        }
    }
}

#[tokio::test]
async fn concurrent_runs_share_one_download() {
    let mut server = Server::start().await;
    let hash = package(&server, "x");
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let jobs: Vec<_> = (1..=4).map(|n| job(n, &hash)).collect();
    for job in &jobs {
        link.start(job).await;
    }
    for _ in &jobs {
        assert_eq!(link.result().await.state, State::Completed);
    }
    assert_eq!(downloads(&server), 1);
}

#[tokio::test]
async fn a_package_is_placed_ahead_of_time_and_dropped_again() {
    let mut server = Server::start().await;
    let hash = package(&server, "x");
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let workflow = workflow(&hash);
    link.say(&WorkflowDeploy {
        workflow: workflow.clone(),
    })
    .await;
    until_said(&mut link, "is ready").await;
    assert_eq!(downloads(&server), 1);
    assert!(is_cached(robot.dir.path(), &hash));
    assert_eq!(link.run(&job(1, &hash)).await.state, State::Completed);
    assert_eq!(downloads(&server), 1, "the run found it");

    link.say(&WorkflowUndeploy {
        workflow: workflow.clone(),
    })
    .await;
    until_said(&mut link, "is dropped").await;
    assert!(!robot.dir.path().join("packages").join(&hash).exists());
    assert_eq!(link.run(&job(2, &hash)).await.state, State::Completed);
    assert_eq!(downloads(&server), 2, "the run fetched it anew");
}

#[tokio::test]
async fn an_undeploy_leaves_a_run_alone_that_works_on_the_package() {
    let mut server = Server::start().await;
    let hash = package(&server, "x");
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let go = robot.dir.path().join("go");
    let mut job = job(1, &hash);
    job.workflow.entry = shell(
        1,
        &format!(
            "echo up; while [ ! -e {} ]; do sleep 0.02; done; grep -q x data",
            go.display()
        ),
    )
    .workflow
    .entry;
    link.start(&job).await;
    link.until_line("up").await;
    link.say(&WorkflowUndeploy {
        workflow: workflow(&hash),
    })
    .await;
    until_said(&mut link, "is dropped").await;
    std::fs::write(&go, "").expect("written");
    assert_eq!(link.result().await.state, State::Completed);
}

#[tokio::test]
async fn a_full_cache_drops_what_was_used_longest_ago() {
    let mut server = Server::start().await;
    let hashes = ["x1", "x2", "x3"].map(|c| package(&server, &c.repeat(50_000)));
    let robot = Robot::with(&server, |c| c.limits.cache_bytes = 250_000).await;
    let mut link = server.robot().await;
    for (number, hash) in (1..).zip(&hashes) {
        assert_eq!(link.run(&job(number, hash)).await.state, State::Completed);
    }
    let cached = hashes.map(|h| is_cached(robot.dir.path(), &h));
    assert_eq!(cached, [false, true, true]);
}

#[tokio::test]
async fn a_cancel_while_the_package_is_fetched_ends_the_attempt_and_the_next_run_has_it_whole() {
    let mut server = Server::start().await;
    let hash = package(&server, "x");
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    stall(&server, Some("GET"));
    let first = job(1, &hash);
    link.start(&first).await;
    let files = std::sync::Arc::clone(&server.files);
    let fetches = eventually("it fetches", || {
        files.lock().expect("not poisoned").stalled == 1
    });
    link.during(fetches).await;
    let cancel = CancelJob {
        job_id: first.job_id,
        claim: first.claim,
        reason: "not needed".into(),
        grace_seconds: 30,
    };
    link.say(&cancel).await;
    assert_eq!(link.result().await.state, State::Cancelled);
    stall(&server, None);
    assert_eq!(link.run(&job(2, &hash)).await.state, State::Completed);
}

#[tokio::test]
async fn half_a_package_that_a_killed_agent_left_is_not_trusted() {
    let mut server = Server::start().await;
    let hash = package(&server, "x");
    let dir = tempfile::tempdir().expect("folder");
    let data = dir.path().join("data");
    let agent = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    stall(&server, Some("GET"));
    link.start(&job(1, &hash)).await;
    let files = std::sync::Arc::clone(&server.files);
    let fetches = eventually("it fetches", || {
        files.lock().expect("not poisoned").stalled == 1
    });
    link.during(fetches).await;
    agent.signal(Signal::SIGKILL);
    drop(agent);
    stall(&server, None);
    // As if it had come as far as unpacking: its files are there, but not all, and not their mark.
    let home = data.join("packages").join(&hash);
    std::fs::create_dir_all(home.join("tree")).expect("made");
    std::fs::write(home.join("tree/data"), "half").expect("written");

    let _next = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    assert_eq!(link.result().await.state, State::Crashed);
    let result = link.run(&job(2, &hash)).await;
    assert_eq!(result.state, State::Completed, "{:?}", result.error);
    assert!(is_cached(&data, &hash));
}
