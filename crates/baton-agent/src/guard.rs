//! The guard: the process between an agent and one run, which lets nothing of the run outlive its claim.
//!
//! The agent starts the executable anew as `baton guard` and keeps one socket to it. Down that socket go
//! what to execute and until when the claim holds; up comes what became of it. The guard kills the whole
//! tree when the socket closes (the agent died), when the claim lapses (the agent froze or lost the server),
//! or when it is told to; and it says that the tree is gone only when no descendant is left, whatever
//! sessions and forks they hid behind. A guard is two processes: whoever kills one of them has the tree
//! killed by the other.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use baton_core::stop_signal::StopSignal;
use serde::{Deserialize, Serialize};

/// The hidden subcommand under which the executable is a guard.
pub const SUBCOMMAND: &str = "guard";

/// How the agent starts a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardCommand {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

impl Default for GuardCommand {
    /// This very executable, even if its file was replaced meanwhile.
    fn default() -> Self {
        let program = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("baton"))
        };
        Self {
            program,
            args: vec![SUBCOMMAND.to_owned()],
        }
    }
}

impl GuardCommand {
    /// The same, and what runs under it may open this many files at once: the soft limit of its processes.
    #[must_use]
    pub fn with_open_files(mut self, limit: u64) -> Self {
        self.args.push(format!("{OPEN_FILES}{limit}"));
        self
    }
}

/// The guard's argument that says how many files its tree may open.
const OPEN_FILES: &str = "--open-files=";

/// How many files the tree of this guard may open, where it was told.
pub(crate) fn open_files() -> Option<u64> {
    std::env::args_os().find_map(|word| word.to_str()?.strip_prefix(OPEN_FILES)?.parse().ok())
}

/// What the agent tells a guard; one JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// First, once: execute this.
    Execute(Spec),
    /// The claim holds until this moment on the boot clock, in milliseconds.
    Lease {
        /// The moment.
        until: u64,
    },
    /// Ask the tree to end, and kill it after the grace. However often this comes, processes are asked once:
    /// to many programs a second signal means "at once". A later order can only shorten the grace.
    End {
        /// Milliseconds between asking and killing; 0 kills at once.
        grace: u64,
    },
}

/// What to execute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(Plain, Plain)>,
    /// The folder to run in.
    pub folder: Plain,
    /// User and group whose rights it gets; without them it keeps the guard's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<(u32, u32)>,
    /// Until when the claim holds, on the boot clock, in milliseconds.
    pub lease_until: u64,
    /// The signal that asks it to end.
    pub stop_signal: StopSignal,
}

/// A text of the operating system's on its way through JSON: what is not UTF-8 goes as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Plain {
    /// Almost always.
    Text(String),
    /// Its bytes, as the system has them.
    Bytes(Vec<u8>),
}

impl From<OsString> for Plain {
    fn from(text: OsString) -> Self {
        match text.into_string() {
            Ok(text) => Self::Text(text),
            Err(other) => Self::Bytes(other.into_encoded_bytes()),
        }
    }
}

impl From<Plain> for OsString {
    fn from(text: Plain) -> Self {
        match text {
            Plain::Text(text) => text.into(),
            #[cfg(unix)]
            Plain::Bytes(bytes) => std::os::unix::ffi::OsStringExt::from_vec(bytes),
            #[cfg(not(unix))]
            Plain::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        }
    }
}

/// What a guard tells the agent; one JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The process runs.
    Started {
        /// Its id.
        pid: i32,
    },
    /// There is no process.
    NotStarted {
        /// One sentence.
        message: String,
        /// Whether the machine ran out of something.
        resource: bool,
    },
    /// The first process of the tree has ended.
    Exited {
        /// Its exit code, unless a signal ended it.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// It knows that the claim holds until this moment. The answer to each [`Order::Lease`]: a guard that does not
    /// answer is frozen.
    Held {
        /// The moment, on the boot clock, in milliseconds.
        until: u64,
    },
    /// One half of the guard was killed; the other has ended the tree, and nothing of it is left. A last word, too.
    HalfLost,
    /// No process of the tree is left. The last word of a guard.
    Gone {
        /// How many processes the first one left behind; they were killed.
        left_behind: usize,
        /// Whether the claim lapsed.
        lapsed: bool,
    },
}

/// Name of the variable by which an agent knows the halves of its guards: its own mark and the attempt.
pub(crate) const GUARD_MARK: &str = "BATON_GUARD_MARK";
/// Name of the variable that marks every process of an agent, for the sweep after a crash.
pub(crate) const AGENT_MARK: &str = "BATON_AGENT_MARK";
/// Name of the variable that marks every process of one attempt.
pub(crate) const TREE_MARK: &str = "BATON_TREE_MARK";

/// Longest line of [`Order`] or [`Report`], in bytes: an environment with the largest parameters fits.
pub(crate) const MAX_MESSAGE: usize = 8 << 20;

/// The guard's `main`: call it first thing when the subcommand is [`SUBCOMMAND`], before any thread is started.
pub fn main() -> ExitCode {
    crate::process::guard_main()
}
