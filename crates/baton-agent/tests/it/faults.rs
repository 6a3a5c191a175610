//! Connections that break, claims that are void, words that come twice.

use baton_api::robot::{Accept, CancelJob, JobResult, Phase, ProtocolError, Start};
use baton_core::run::LogStream;
use baton_core::state::State;

use crate::server::Server;
use crate::support::{Robot, eventually, gone, pids, shell};

#[tokio::test]
async fn a_run_goes_on_without_connection_and_hands_everything_over_afterwards() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let go = robot.dir.path().join("go");
    let script = format!(
        "echo before; while [ ! -e {} ]; do sleep 0.02; done; seq 1 2000; echo end",
        go.display()
    );
    link.ack = false;
    let job = shell(1, &script);
    link.start(&job).await;
    link.until_line("before").await;
    drop(link);
    std::fs::write(&go, "").expect("written");
    let work = robot.dir.path().join("work");
    eventually("the run ends offline", || {
        std::fs::read_dir(&work).is_ok_and(|mut d| d.next().is_none())
    })
    .await;
    let mut link = server.robot().await;
    while link
        .holds
        .first()
        .is_none_or(|h| h.phase != Phase::Finished)
    {
        link = server.robot().await;
    }
    let result = link.result().await;
    assert_eq!(result.state, State::Completed);
    let lines = link.messages(LogStream::Stdout);
    assert_eq!(
        (lines.len(), lines[0], lines[2_001]),
        (2_002, "before", "end"),
        "the unacknowledged line came again"
    );
}

#[tokio::test]
async fn a_void_claim_ends_its_tree_and_reports_it_gone() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("pids");
    link.start(&shell(
        1,
        &format!("echo $$ > {}; exec sleep 600", file.display()),
    ))
    .await;
    let tree = pids(&file, 1).await;
    drop(link);
    let mut link = server.link().await;
    link.register(|_| false).await;
    let result = link.result().await;
    assert_eq!(result.state, State::Crashed);
    gone(&tree).await;
}

#[tokio::test]
async fn doubled_assignments_and_starts_run_once() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("ran");
    let job = shell(1, &format!("echo $$ >> {}; sleep 0.2", file.display()));
    for _ in 0..3 {
        link.say(&job).await;
    }
    for _ in 0..3 {
        let _: Accept = link.until().await;
    }
    for _ in 0..3 {
        link.say(&Start { claim: job.claim }).await;
    }
    assert_eq!(link.result().await.state, State::Completed);
    link.say(&job).await;
    link.say(&Start { claim: job.claim }).await;
    // Whatever those began would be done before this one is.
    let second = shell(2, "true");
    assert_eq!(link.run(&second).await.claim, second.claim);
    assert_eq!(pids(&file, 1).await.len(), 1);
}

#[tokio::test]
async fn a_cancel_between_accept_and_start_leaves_no_process_whatever_comes_after_it() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("ran");
    let job = shell(1, &format!("echo $$ >> {}", file.display()));
    link.say(&job).await;
    let _: Accept = link.until().await;
    let cancel = CancelJob {
        job_id: job.job_id,
        claim: job.claim,
        reason: "cancelled by ada".into(),
        grace_seconds: 30,
    };
    link.say(&cancel).await;
    // On its way before the server knew of the cancel.
    link.say(&Start { claim: job.claim }).await;
    let result = link.result().await;
    assert_eq!(
        (result.state, result.execution_time),
        (State::Cancelled, None)
    );
    assert_eq!(link.run(&shell(2, "true")).await.state, State::Completed);
    assert!(!file.exists());
}

#[tokio::test]
async fn a_newer_fence_ends_what_runs_under_the_older_one_before_it_begins() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("pids");
    let old = shell(1, &format!("echo $$ > {}; exec sleep 600", file.display()));
    link.start(&old).await;
    let tree = pids(&file, 1).await;
    drop(link);

    let mut link = server.link().await;
    link.register(|_| false).await;
    let mut new = shell(1, "echo again");
    new.claim.fence = baton_core::id::Fence(2);
    link.say(&new).await;
    let ended: JobResult = link.until().await;
    assert_eq!((ended.claim, ended.state), (old.claim, State::Crashed));
    gone(&tree).await;
    // Its result is refused by name, which settles it.
    let mut refusal = ProtocolError {
        code: "stale_fence".into(),
        message: "a newer fence is known".into(),
        details: Default::default(),
    };
    let claim = serde_json::to_value(old.claim).expect("plain");
    refusal.details.insert("claim".into(), claim);
    link.say(&refusal).await;
    link.say(&Start { claim: new.claim }).await;
    let result = link.result().await;
    assert_eq!((result.claim, result.state), (new.claim, State::Completed));
    let held = robot.handle.status();
    eventually("nothing is held", || held.borrow().held == 0).await;
}
