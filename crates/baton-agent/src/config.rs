//! What an agent is told when it starts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use baton_api::client::Trust;
use baton_core::robot::RobotOffer;

use crate::guard::GuardCommand;
pub use crate::secret::Secret;

/// What an agent is told when it starts.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Where the server is, such as `http://127.0.0.1:8765`.
    pub server: String,
    /// The robot's name, as enrolled.
    pub name: String,
    /// The robot's key. Never shown.
    pub key: Secret,
    /// Folder for everything the agent keeps: spool, packages, environments, work, log.
    pub data: PathBuf,
    /// What the robot offers; empty facts about the machine are filled in.
    pub offer: RobotOffer,
    /// Whom to trust on `https`.
    pub trust: Trust,
    /// How guards are started.
    pub guard: GuardCommand,
    /// Whose rights runs have; without it, the agent's own. Needs an agent that is root.
    pub run_as: Option<RunAs>,
    /// Bounds on what is kept and moved.
    pub limits: Limits,
    /// Shortest and longest wait between two attempts to connect.
    pub backoff: (Duration, Duration),
}

impl AgentConfig {
    /// The standard configuration of a robot.
    pub fn new(
        server: impl Into<String>,
        name: impl Into<String>,
        key: impl Into<String>,
        data: impl Into<PathBuf>,
    ) -> Self {
        Self {
            server: server.into(),
            name: name.into(),
            key: Secret(key.into()),
            data: data.into(),
            offer: RobotOffer {
                max_concurrent_jobs: 1,
                ..RobotOffer::default()
            },
            trust: Trust::default(),
            guard: GuardCommand::default(),
            run_as: None,
            limits: Limits::default(),
            backoff: (Duration::from_millis(500), Duration::from_secs(30)),
        }
    }

    /// This boot of the machine, unless it was given.
    pub(crate) fn boot_id(&self) -> String {
        if self.offer.boot_id.is_empty() {
            crate::process::boot_id()
        } else {
            self.offer.boot_id.clone()
        }
    }

    /// The offer with what this machine knows about itself filled in.
    pub(crate) fn full_offer(&self) -> RobotOffer {
        let mut offer = self.offer.clone();
        if offer.computer.is_empty() {
            offer.computer = computer();
        }
        if offer.platform.is_empty() {
            offer.platform = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        }
        if offer.version.is_empty() {
            offer.version = env!("CARGO_PKG_VERSION").to_owned();
        }
        offer.boot_id = self.boot_id();
        if offer.installation.is_empty() {
            offer.installation = crate::identity::installation(&self.data);
        }
        // It serves the common queue and the one of its computer, whatever else it serves.
        offer
            .queues
            .extend(["default".to_owned(), offer.computer.clone()]);
        let python = which("python3");
        let found: BTreeSet<String> = python.into_iter().map(|()| "python".to_owned()).collect();
        offer.capabilities.extend(found);
        offer.max_concurrent_jobs = offer
            .max_concurrent_jobs
            .clamp(1, baton_core::robot::MAX_SLOTS);
        offer
    }
}

/// Whose rights runs have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAs {
    /// One user's.
    User(Account),
    /// Each run has a user of its own, of numbers that no account has: [`crate::own_user`].
    Each,
}

/// A user whose rights a run has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: u32,
    /// Its group, and the only one that runs are in.
    pub gid: u32,
    /// Its home, where it has one; runs without get a folder that goes with them.
    pub home: Option<PathBuf>,
}

/// This computer's name, or `unknown`.
pub fn computer() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned())
}

fn which(program: &str) -> Option<()> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .any(|dir| dir.join(program).is_file())
        .then_some(())
}

/// Bounds on the log of one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogLimits {
    /// Lines a second in the long run; a faster script waits at its pipe.
    pub lines_per_second: u32,
    /// Bytes a second in the long run.
    pub bytes_per_second: u64,
    /// Bytes of one attempt in all; what comes after is counted and not kept.
    pub bytes: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            lines_per_second: 10_000,
            bytes_per_second: 8 << 20,
            bytes: 64 << 20,
        }
    }
}

/// Bounds on what an agent keeps and moves.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes in the spool; past it, pipes are not read.
    pub spool_bytes: u64,
    /// Free bytes below which no work is taken; unless given, 64 MiB, or a twentieth of a small file system.
    pub min_free: Option<u64>,
    /// Bytes of cached packages; past it, the least recently used go.
    pub cache_bytes: u64,
    /// Bytes of built Python environments; past it, the least recently used go.
    pub environment_bytes: u64,
    /// Packages and environments that were not used for this long go.
    pub cache_age: Duration,
    /// The log of one attempt.
    pub log: LogLimits,
    /// Bytes of one artifact; a larger file is not uploaded, visibly.
    pub artifact_bytes: u64,
    /// Files that one attempt may leave behind.
    pub artifacts: usize,
    /// How long fetching a package may take.
    pub fetch_within: Duration,
    /// How long building an environment may take.
    pub build_within: Duration,
    /// How long handing over artifacts may take before it is given up, visibly.
    pub upload_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            spool_bytes: crate::spool::DEFAULT_BOUND,
            min_free: None,
            cache_bytes: 5 << 30,
            environment_bytes: 10 << 30,
            cache_age: Duration::from_secs(30 * 86_400),
            log: LogLimits::default(),
            artifact_bytes: 64 << 20,
            artifacts: 1_000,
            fetch_within: Duration::from_secs(600),
            build_within: Duration::from_secs(600),
            upload_within: Duration::from_secs(600),
        }
    }
}
