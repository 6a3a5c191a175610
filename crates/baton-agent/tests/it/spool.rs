//! The spool at its bounds: full, on a full disk, and after an agent that died at a bad moment.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use baton_api::robot::{Ack, CancelJob, JobResult, Phase};
use baton_core::run::LogStream;
use baton_core::state::State;
use nix::sys::signal::Signal;

use crate::server::{Link, Server};
use crate::support::{OwnProcess, Robot, eventually, shell};

/// Bytes of files below a folder.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|e| match e.metadata() {
            Ok(meta) if meta.is_dir() => bytes_in(&e.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The distinct lines of a stream in the order of their numbers, whichever connection brought them.
fn whole(links: &[&Link], stream: LogStream) -> Vec<String> {
    let lines = links.iter().flat_map(|l| &l.lines);
    let all: std::collections::BTreeMap<i64, _> = lines.map(|(_, l)| (l.seq, l)).collect();
    let last = all.keys().last().copied().unwrap_or(0);
    assert_eq!(i64::try_from(all.len()).expect("few"), last, "no gap");
    let of = all.into_values().filter(|l| l.stream == stream);
    of.map(|l| l.message.clone()).collect()
}

fn numbers(to: usize) -> Vec<String> {
    (1..=to).map(|n| n.to_string()).collect()
}

#[tokio::test]
async fn a_full_spool_stops_the_run_at_its_output_and_everything_comes_after_the_reconnect() {
    let mut server = Server::start().await;
    let robot = Robot::with(&server, |c| {
        c.limits.spool_bytes = 1 << 20;
        c.limits.log.lines_per_second = 1_000_000;
    })
    .await;
    let mut first = server.robot().await;
    first.ack = false;
    first.start(&shell(1, "seq 1 100000")).await;
    let spool = robot.dir.path().join("spool");
    let full = eventually("the spool is full", || bytes_in(&spool) >= 1 << 20);
    first.during(full).await;
    // What was read from the pipe before comes on top, and no more than that.
    assert!(bytes_in(&spool) < 3 << 20);
    assert_eq!(robot.handle.status().borrow().live, 1, "the run waits");
    let mut second = {
        first.hang_up().await;
        server.robot().await
    };
    let result = second.result().await;
    assert_eq!(result.state, State::Completed);
    assert_eq!(
        whole(&[&first, &second], LogStream::Stdout),
        numbers(100_000)
    );
    let said = whole(&[&first, &second], LogStream::System);
    assert!(said[0].contains("spool is full"), "{said:?}");
    eventually("the spool is empty again", || bytes_in(&spool) == 0).await;
}

#[tokio::test]
async fn a_run_that_ends_while_the_spool_is_full_says_all_that_was_in_its_pipes() {
    let mut server = Server::start().await;
    let robot = Robot::with(&server, |c| {
        c.limits.spool_bytes = 64 << 10;
        c.limits.log.lines_per_second = 1_000_000;
    })
    .await;
    let mut first = server.robot().await;
    first.ack = false;
    let job = shell(1, "seq 1 100000; exec sleep 600");
    first.start(&job).await;
    let spool = robot.dir.path().join("spool");
    let full = eventually("the spool is full", || bytes_in(&spool) >= 64 << 10);
    first.during(full).await;
    let cancel = CancelJob {
        job_id: job.job_id,
        claim: job.claim,
        reason: "enough".into(),
        grace_seconds: 0,
    };
    first.say(&cancel).await;
    while !first.holds_finished().await {}
    first.hang_up().await;
    let mut second = server.robot().await;
    assert_eq!(second.result().await.state, State::Cancelled);
    let out = whole(&[&first, &second], LogStream::Stdout);
    // The last line may be half: the process was killed while it wrote.
    assert_eq!(out[..out.len() - 1], numbers(out.len() - 1));
    let said = whole(&[&first, &second], LogStream::System);
    assert!(!said.iter().any(|m| m.contains("still open")), "{said:?}");
}

/// A file system of a few megabytes; none where this process may not make one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().expect("folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .output()
            .is_ok_and(|o| o.status.success());
        if !mounted {
            eprintln!("skipped: a small file system can be mounted by root only");
        }
        mounted.then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn on_a_full_disk_a_run_loses_nothing_while_the_server_listens_and_says_what_is_wrong() {
    let Some(disk) = SmallDisk::mount("4m") else {
        return;
    };
    let mut server = Server::start().await;
    let data = disk.0.path().join("data");
    let robot = Robot::with(&server, |c| {
        c.data.clone_from(&data);
        c.limits.log.lines_per_second = 1_000_000;
    })
    .await;
    let mut link = server.robot().await;
    // The rest of the disk is taken by a file that the run itself cannot finish writing.
    let script = "head -c 100000000 /dev/zero > filler 2> /dev/null; seq 1 100000; echo '{\"type\":\"x\"}' >> $BATON_EVENTS";
    let result = link.run(&shell(1, script)).await;
    let said = link.messages(LogStream::System).join("\n");
    assert_eq!(link.messages(LogStream::Stdout).len(), 100_000);
    assert!(
        said.contains("disk refuses log lines (No space left"),
        "{said}"
    );
    assert_eq!(
        result.state,
        State::Failed,
        "its last command could not write"
    );

    // Its folder is gone with it; the next run has the room.
    let spool = data.join("spool");
    eventually("the work folder is removed", || {
        fs::read_dir(data.join("work")).is_ok_and(|d| d.count() == 0)
    })
    .await;
    link.lines.clear();
    assert_eq!(
        link.run(&shell(2, "seq 1 1000")).await.state,
        State::Completed
    );
    assert!(link.messages(LogStream::System).is_empty());
    eventually("nothing is left", || bytes_in(&spool) == 0).await;

    // And when there is no room from the start, the run is refused in clear words, not lost.
    let filler = disk.0.path().join("filler");
    let _ = fs::write(&filler, vec![b'x'; 5 << 20]);
    let result = link.run(&shell(3, "true")).await;
    let error = result.error.expect("why");
    assert_eq!(result.state, State::Failed);
    assert!(error.message.contains("No space left"), "{}", error.message);
    robot.handle.stop(Duration::ZERO).await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("there").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[tokio::test]
async fn a_result_that_was_acknowledged_but_not_yet_removed_is_settled_again() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().expect("folder");
    let (data, kept) = (dir.path().join("data"), dir.path().join("kept"));
    let agent = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    link.start(&shell(1, "echo hi")).await;
    let result: JobResult = link.until().await;
    // The acknowledgement comes; the agent is killed before it has removed what it concerns.
    copy(&data.join("spool"), &kept);
    agent.signal(Signal::SIGKILL);
    drop(agent);
    fs::remove_dir_all(data.join("spool")).expect("there");
    copy(&kept, &data.join("spool"));

    let _next = OwnProcess::start(&server, &data);
    let mut link = server.link().await;
    link.register(|_| false).await;
    assert_eq!(link.holds[0].phase, Phase::Finished);
    let again: JobResult = link.until().await;
    assert_eq!(again, result, "word for word");
    link.say(&Ack::Result {
        claim: again.claim,
        superseded: true,
    })
    .await;
    eventually("the spool is empty", || bytes_in(&data.join("spool")) == 0).await;
    assert_eq!(link.run(&shell(2, "true")).await.state, State::Completed);
}

#[tokio::test]
async fn an_agent_killed_while_it_hands_over_what_a_run_left_reports_how_the_run_ended() {
    let mut server = Server::start().await;
    let dir = tempfile::tempdir().expect("folder");
    let data = dir.path().join("data");
    let agent = OwnProcess::start(&server, &data);
    let mut link = server.robot().await;
    // Its artifact is not taken, so the attempt stays between the two.
    server.files.lock().expect("not poisoned").stall = Some("PUT");
    link.start(&shell(1, "echo done; echo x > $BATON_ARTIFACTS/report"))
        .await;
    let files = std::sync::Arc::clone(&server.files);
    let handed_over = eventually("the process has ended", || {
        files.lock().expect("not poisoned").stalled == 1
    });
    link.during(handed_over).await;
    agent.signal(Signal::SIGKILL);
    drop(agent);
    server.files.lock().expect("not poisoned").stall = None;

    let _next = OwnProcess::start(&server, &data);
    let mut next = server.robot().await;
    let result = next.result().await;
    assert_eq!(
        (result.state, result.exit_code),
        (State::Completed, Some(0))
    );
    assert_eq!(result.error, None);
    assert_eq!(whole(&[&link, &next], LogStream::Stdout), ["done"]);
    let said = whole(&[&link, &next], LogStream::System);
    let last = said.last().expect("what was lost");
    assert!(last.contains("not uploaded by then are lost"), "{said:?}");
}
