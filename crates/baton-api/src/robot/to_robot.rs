//! What a server says to a robot.

use baton_core::flow::Entry;
use baton_core::id::{FlowId, RobotId, VersionId};
use baton_core::stop_signal::StopSignal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Claim;

/// Answer to `register`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobotRegistered {
    /// The robot's id.
    pub robot_id: RobotId,
    /// Its name.
    pub name: String,
    /// This session; rises with each registration.
    pub session: i64,
    /// How often to say `heartbeat`, in seconds.
    pub heartbeat_seconds: f64,
    /// How long each heartbeat renews the claims, in seconds, counted from when it was sent.
    pub lease_seconds: f64,
    /// How long to wait for `start` after `accept`, in seconds.
    pub start_within_seconds: f64,
    /// Whether it takes no new jobs.
    #[serde(default)]
    pub draining: bool,
    /// One for each attempt in `holds`.
    #[serde(default)]
    pub verdicts: Vec<Verdict>,
    /// The server's version.
    pub server_version: String,
}

/// What the server says of an attempt that a robot holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The claim.
    pub claim: Claim,
    /// Whether the claim is valid: go on, hand over. Otherwise end the process tree and report it gone.
    pub keep: bool,
}

/// Answer to `heartbeat`: the lease is renewed from `sent_at` on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatAck {
    /// The heartbeat's own `sent_at`.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
    /// Claims that are no longer valid: end their process trees and report them gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Claim>,
}

/// A run for this robot. Sent again on reconnect until it is accepted or rejected; a robot that
/// already holds the claim answers again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobAssignment {
    /// The run, as the reference names it at the top of the payload.
    pub job_id: baton_core::id::RunId,
    /// The claim.
    pub claim: Claim,
    /// The name by which people know the run.
    pub run_name: String,
    /// What is executed.
    pub workflow: Workflow,
    /// Parameters.
    pub variables: Map<String, Value>,
    /// How long the process may run, in seconds; `None` is without limit.
    pub timeout_seconds: Option<u32>,
    /// How long a cancel waits before the process tree is killed, in seconds.
    pub cancel_grace_seconds: u32,
    /// The signal that asks its processes to end. Left out it is SIGTERM, which is all that older robots send.
    #[serde(default, skip_serializing_if = "StopSignal::is_usual")]
    pub stop_signal: StopSignal,
    /// How long it may go on without hearing the server, in seconds. Left out it is the session's lease, which is
    /// all that older robots know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_after_seconds: Option<u32>,
    /// The desktop session to use.
    #[serde(default)]
    pub desktop: Option<String>,
    /// 0 low, 1 normal, 2 high, 3 critical.
    pub priority: i64,
    /// The deployment's name, where there is one.
    #[serde(default)]
    pub deployment: Option<String>,
    /// Tags of the run.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// What is executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// The flow.
    pub flow_id: FlowId,
    /// Its name.
    pub name: String,
    /// The version.
    pub version_id: VersionId,
    /// Its number.
    pub version: u32,
    /// SHA-256 of its package, in lower-case hex; fetched from `/api/v1/packages/{hash}`.
    pub package: Option<String>,
    /// How to run it.
    pub entry: Entry,
}

/// Begin. The server has committed Running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The claim.
    pub claim: Claim,
}

/// End the process tree: ask first, kill after the grace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelJob {
    /// The run, as the reference names it at the top of the payload.
    pub job_id: baton_core::id::RunId,
    /// The claim.
    pub claim: Claim,
    /// One sentence.
    pub reason: String,
    /// Seconds between asking and killing.
    pub grace_seconds: u32,
}

/// What was sent is committed: forget it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Ack {
    /// Log lines of an attempt up to and including `seq`.
    Log {
        /// The claim.
        claim: Claim,
        /// The highest line without a gap before it.
        seq: i64,
    },
    /// Task updates of an attempt up to and including `seq`.
    Tasks {
        /// The claim.
        claim: Claim,
        /// The highest update.
        seq: i64,
    },
    /// The result of an attempt. `superseded`: it came too late and was kept as evidence only.
    Result {
        /// The claim.
        claim: Claim,
        /// Whether it changed nothing.
        #[serde(default)]
        superseded: bool,
    },
    /// The agent's own log up to and including `seq`.
    RobotLog {
        /// The highest line.
        seq: i64,
    },
}

/// Take no new jobs, or take them again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drain {
    /// Whether to drain.
    pub draining: bool,
    /// Why.
    #[serde(default)]
    pub comment: String,
}

/// A word to all robots: shown in the agent's own log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broadcast {
    /// What it is called.
    pub event: String,
    /// What it says.
    #[serde(default)]
    pub data: Value,
}

/// Fetch a package ahead of its first run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowDeploy {
    /// What to fetch.
    pub workflow: Workflow,
}

/// Drop a package from the cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkflowUndeploy {
    /// What to drop.
    pub workflow: Workflow,
}

/// Something was wrong with a message (`correlation_id` names it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProtocolError {
    /// Stable, snake_case: `stale_fence`, `unknown_message`, `bad_message`, `too_large`, `protocol_version`,
    /// `not_registered`, `unavailable`.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// More, by code; for `stale_fence` the claim.
    #[serde(default)]
    pub details: Map<String, Value>,
}
