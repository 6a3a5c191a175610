//! What a robot says.

use baton_core::error::ErrorInfo;
use baton_core::id::{Fence, RunId};
use baton_core::robot::{RobotMetrics, RobotOffer};
use baton_core::run::{LogLevel, LogLine, Progress};
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A robot's claim on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// The run.
    pub job_id: RunId,
    /// The attempt.
    pub attempt: u32,
    /// The fence of the assignment.
    pub fence: Fence,
}

/// First message of a connection: who I am, what I offer, what I still hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// [`super::PROTOCOL`].
    pub protocol: u32,
    /// The name under which it was enrolled; checked against the key.
    #[serde(default)]
    pub robot_name: String,
    /// What it offers.
    pub offer: RobotOffer,
    /// Attempts it holds: those it runs, and those whose results it could not yet hand over.
    #[serde(default)]
    pub holds: Vec<Held>,
}

/// An attempt that a robot holds when it connects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The claim.
    pub claim: Claim,
    /// How far it is.
    pub phase: Phase,
    /// Seconds since its process began, by the robot's own clock. Absent before that, while the package is
    /// fetched and the environment built, and from robots that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executing_seconds: Option<f64>,
}

impl Held {
    /// An attempt of which nothing more is said than how far it is.
    pub fn new(claim: Claim, phase: Phase) -> Self {
        Self {
            claim,
            phase,
            executing_seconds: None,
        }
    }
}

/// How far a robot is with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Accepted; waits for `start`.
    Accepted,
    /// Told to start: fetching, preparing or running.
    Running,
    /// Ended; the result is still to be handed over.
    Finished,
}

/// I am there. Renews the lease of everything in `active`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// `online`, `busy` or `draining`.
    #[serde(default)]
    pub status: String,
    /// When it was sent, by the robot's clock; echoed, so that the robot can count its lease from here.
    pub sent_at: Timestamp,
    /// What it measures.
    #[serde(default)]
    pub metrics: RobotMetrics,
    /// Every attempt it holds. One that the server thinks is here and that is missing is lost.
    #[serde(default)]
    pub active: Vec<Held>,
}

/// I take the assignment and wait for `start`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accept {
    /// The claim.
    pub claim: Claim,
}

/// I do not take the assignment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// The claim.
    pub claim: Claim,
    /// One sentence.
    pub reason: String,
    /// No robot could ever run it.
    #[serde(default)]
    pub permanent: bool,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The claim.
    pub claim: Claim,
    /// The orchestrator reference's status: `running`.
    #[serde(default)]
    pub status: String,
    /// What it does now.
    pub progress: Progress,
}

/// What became of tasks. Resent until acknowledged; `seq` rises by one with each update of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskUpdate {
    /// The claim.
    pub claim: Claim,
    /// Counts from 1 within the attempt.
    pub seq: i64,
    /// The tasks, each whole.
    pub tasks: Vec<TaskReport>,
}

/// What a flow says of one of its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// How the flow names it; unique within the attempt.
    pub key: String,
    /// What people read.
    pub name: String,
    /// Pending, Running, Completed, Failed or Cancelled.
    pub state: State,
    /// Keys of the tasks it waited for.
    #[serde(default)]
    pub after: Vec<String>,
    /// How many times it was tried.
    #[serde(default)]
    pub tries: u32,
    /// When it started.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ErrorInfo>,
    /// What it took and gave.
    #[serde(default)]
    pub data: Value,
}

/// Log lines of one attempt, by rising `seq` without gap. Resent until acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogBatch {
    /// The claim.
    pub claim: Claim,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// The attempt has ended and its process tree is gone. Sent after all its log lines and task updates
/// were acknowledged, and resent until acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobResult {
    /// The claim.
    pub claim: Claim,
    /// The orchestrator reference's `JobStatus`: `completed`, `failed`, `timeout`, `cancelled`.
    pub status: String,
    /// Baton's own state: as `status`, but `crashed` and `timed_out` in their own words.
    pub state: State,
    /// Why it ended badly.
    #[serde(default)]
    pub error: Option<ErrorInfo>,
    /// The exit code of its process.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// What it gives back.
    #[serde(default)]
    pub outputs: Map<String, Value>,
    /// Seconds the process ran.
    #[serde(default)]
    pub execution_time: Option<f64>,
    /// The robot could not set the attempt up, for a reason of its own, and nothing of the flow began: the run
    /// may go to another robot without spending a retry. `state` is `failed` and `error` says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handed_back: bool,
}

/// Lines of the agent's own log. Resent until acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobotLog {
    /// The lines.
    pub lines: Vec<RobotLogLine>,
}

/// A line of the agent's own log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobotLogLine {
    /// Rises with each line.
    pub seq: i64,
    /// By the robot's clock.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}
