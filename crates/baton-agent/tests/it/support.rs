//! Robots to test: in this process or in one of their own, and ways to watch processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use baton_agent::guard::GuardCommand;
use baton_agent::{Agent, AgentConfig, AgentHandle};
use baton_api::robot::{Claim, JobAssignment, Workflow};
use baton_core::flow::Entry;
use baton_core::id::{Fence, FlowId, RunId, VersionId};
use serde_json::Map;
use uuid::Uuid;

use crate::server::{PATIENCE, Server};

/// The example executable, which is agent and guard.
pub(crate) fn robot_program() -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    let debug = own
        .parent()
        .and_then(Path::parent)
        .expect("it lies in deps");
    debug.join("examples/robot")
}

/// An agent in this process.
pub(crate) struct Robot {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) handle: AgentHandle,
}

pub(crate) fn config(server: &Server, data: &Path) -> AgentConfig {
    let mut config = AgentConfig::new(&server.url, "robot", "secret-key", data);
    config.offer.max_concurrent_jobs = 4;
    config.guard = GuardCommand {
        program: robot_program(),
        args: vec!["guard".into()],
    };
    config.backoff = (
        std::time::Duration::from_millis(20),
        std::time::Duration::from_millis(100),
    );
    config
}

impl Robot {
    pub(crate) async fn start(server: &Server) -> Self {
        Self::with(server, |_| ()).await
    }

    pub(crate) async fn with(server: &Server, change: impl FnOnce(&mut AgentConfig)) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let mut config = config(server, dir.path());
        change(&mut config);
        let handle = Agent::start(config).await.expect("starts");
        Self { dir, handle }
    }
}

/// An agent in a process of its own, which can be killed and frozen.
pub(crate) struct OwnProcess(pub(crate) Child);

impl OwnProcess {
    pub(crate) fn start(server: &Server, folder: &Path) -> Self {
        let child = Command::new(robot_program())
            .args([&server.url, "robot", "secret-key"])
            .arg(folder)
            .spawn()
            .expect("starts; `cargo test` builds the example");
        Self(child)
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("small")
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal)
            .expect("it is there");
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn job(number: u128, argv: &[&str]) -> JobAssignment {
    let id = Uuid::from_u128(number);
    let claim = Claim {
        job_id: RunId(id),
        attempt: 1,
        fence: Fence(1),
    };
    JobAssignment {
        job_id: claim.job_id,
        claim,
        run_name: format!("run-{number}"),
        workflow: Workflow {
            flow_id: FlowId(id),
            name: "flow".into(),
            version_id: VersionId(id),
            version: 1,
            package: None,
            entry: Entry::Command {
                argv: argv.iter().map(|a| (*a).to_owned()).collect(),
                env: Default::default(),
                workdir: String::new(),
                python: None,
            },
        },
        variables: Map::new(),
        timeout_seconds: None,
        cancel_grace_seconds: 30,
        stop_signal: baton_core::stop_signal::StopSignal::default(),
        lost_after_seconds: None,
        desktop: None,
        priority: 1,
        deployment: None,
        tags: Vec::new(),
    }
}

pub(crate) fn shell(number: u128, script: &str) -> JobAssignment {
    job(number, &["sh", "-c", script])
}

/// Waits until this holds, looking again and again.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came true: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// The process ids that a script wrote into a file, one a line, once there are this many.
pub(crate) async fn pids(file: &Path, count: usize) -> Vec<i32> {
    let read = || -> Vec<i32> {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|l| l.trim().parse().expect("a number"))
            .collect()
    };
    eventually("the script writes its process ids", || {
        read().len() >= count
    })
    .await;
    read()
}

/// Whether this process is there and not only a corpse.
pub(crate) fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .trim_start()
            .starts_with('Z')
    })
}

/// Waits until all of these are gone; how long that took.
pub(crate) async fn gone(pids: &[i32]) -> std::time::Duration {
    let start = Instant::now();
    eventually("the processes are gone", || !pids.iter().any(|p| alive(*p))).await;
    start.elapsed()
}

/// The parent of a process.
pub(crate) fn parent(pid: i32) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    let line = status.lines().find_map(|l| l.strip_prefix("PPid:"));
    line.expect("Linux says it")
        .trim()
        .parse()
        .expect("a number")
}

/// The first bytes of a connection, left in it; they may come one by one. None if it ends before.
pub(crate) async fn first_bytes<const N: usize>(tcp: &tokio::net::TcpStream) -> Option<[u8; N]> {
    let mut start = [0; N];
    loop {
        match tcp.peek(&mut start).await {
            Ok(n) if n == N => return Some(start),
            Ok(n) if n > 0 => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
            _ => return None,
        }
    }
}
