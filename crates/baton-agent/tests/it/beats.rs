//! What a robot says of itself and of what it holds: in heartbeats, under load, and after a reboot.

use std::time::{Duration, Instant};

use baton_api::robot::{CancelJob, Claim, Heartbeat, Held, Phase};
use baton_core::error::ErrorKind;
use baton_core::run::LogStream;
use baton_core::state::State;

use crate::server::{Link, SHORT, Server};
use crate::support::{OwnProcess, Robot, config, gone, job, pids, shell};

/// What the next heartbeat says of this attempt.
async fn beat(link: &mut Link, claim: Claim) -> Held {
    loop {
        let beat: Heartbeat = link.until().await;
        if let Some(held) = beat.active.into_iter().find(|h| h.claim == claim) {
            return held;
        }
    }
}

#[tokio::test]
async fn heartbeats_say_since_when_a_process_runs_and_not_before_it_does() {
    let mut server = Server::start().await;
    let package = tempfile::tempdir().expect("folder");
    std::fs::write(package.path().join("data"), "x").expect("written");
    let hash = server.add_package(package.path());
    let _robot = Robot::start(&server).await;
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;

    server.files.lock().expect("not poisoned").stall = Some("GET");
    let mut job = job(1, &["sh", "-c", "exec sleep 600"]);
    job.workflow.package = Some(hash);
    link.start(&job).await;
    for _ in 0..2 {
        let preparing = beat(&mut link, job.claim).await;
        assert_eq!(
            (preparing.phase, preparing.executing_seconds),
            (Phase::Running, None)
        );
    }
    server.files.lock().expect("not poisoned").stall = None;
    let first = loop {
        if let Some(seconds) = beat(&mut link, job.claim).await.executing_seconds {
            break seconds;
        }
    };
    let later = beat(&mut link, job.claim).await.executing_seconds;
    assert!(later.expect("it still runs") > first);

    drop(link);
    let link = server.robot().await;
    let told = link.holds[0]
        .executing_seconds
        .expect("told with `register` too");
    assert!(told > first);
}

#[tokio::test]
async fn heartbeats_keep_coming_while_a_run_burns_every_core_and_floods_its_log() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().expect("folder");
    let _agent = OwnProcess::start(&server, &dir.path().join("data"));
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let script = format!(
        "for i in $(seq {}); do (while :; do :; done) & done; yes burning",
        cores * 4
    );
    let job = shell(1, &script);
    link.start(&job).await;
    link.until_line("burning").await;
    // Longer than two leases would last without them; if one lapsed, the attempt would not be running.
    let enough = Instant::now() + Duration::from_secs_f64(link.lease * 2.0);
    while Instant::now() < enough {
        assert_eq!(beat(&mut link, job.claim).await.phase, Phase::Running);
    }
    let cancel = CancelJob {
        job_id: job.job_id,
        claim: job.claim,
        reason: "enough".into(),
        grace_seconds: 0,
    };
    link.say(&cancel).await;
    assert_eq!(link.result().await.state, State::Cancelled);
}

#[tokio::test]
async fn after_a_reboot_the_attempts_of_the_old_boot_are_reported_gone_at_once() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().expect("folder");
    let data = dir.path().join("data");
    let before = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    let old_boot = link.offer.boot_id.clone();
    assert!(!old_boot.is_empty());
    let file = dir.path().join("pids");
    let script = format!("echo up; echo $$ > {}; exec sleep 600", file.display());
    let job = shell(1, &script);
    link.start(&job).await;
    link.until_line("up").await;
    let tree = pids(&file, 1).await;
    drop(before);
    gone(&tree).await;

    let mut config = config(&server, &data);
    config.offer.boot_id = "another-boot".into();
    let _after = baton_agent::Agent::start(config).await.expect("starts");
    let mut link = server.robot().await;
    assert_eq!(link.offer.boot_id, "another-boot");
    assert_eq!(link.holds, [Held::new(job.claim, Phase::Finished)]);
    let result = link.result().await;
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::Crashed, ErrorKind::Lost)
    );
    assert!(error.message.contains("rebooted"), "{}", error.message);
    assert!(link.messages(LogStream::System)[0].contains("rebooted"));
}
