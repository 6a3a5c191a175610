//! The robot protocol: what a robot and a server say to each other over one WebSocket.
//!
//! Every frame is one JSON text: `{type, id, timestamp, payload, correlation_id?}`. A *job* on this
//! wire is a run everywhere else; the names are the orchestrator reference's. The robot dials out
//! with its key in the `Authorization` header and says [`Register`] first; anything before that
//! closes the connection.
//!
//! What a robot sends under a claim carries `(job_id, attempt, fence)`. [`LogBatch`], [`TaskUpdate`]
//! and [`JobResult`] are resent until the server's [`Ack`], which comes only after the commit.
//!
//! A run's start is a handshake: `job_assignment` → `accept` → the server commits Running → `start`.
//! Only then does the process begin.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

mod from_robot;
mod to_robot;

pub use from_robot::*;
pub use to_robot::*;

/// The version of this protocol. A server refuses another with `protocol_version`, naming its own.
pub const PROTOCOL: u32 = 1;
/// Where robots connect.
pub const PATH: &str = "/ws/robot";
/// Longest frame either side accepts, in bytes: an assignment with the largest parameters fits.
pub const MAX_FRAME: usize = 4 << 20;
/// Log lines in one batch hold at most this many bytes, so that heartbeats are never stuck behind them.
pub const MAX_LOG_BATCH: usize = 256 << 10;
/// Outputs of one attempt hold at most this many bytes of JSON; what is larger belongs in an artifact.
pub const MAX_OUTPUTS: usize = 1 << 20;
/// Close code: the key is wrong, or belongs to a robot that was deleted.
pub const CLOSE_UNAUTHORISED: u16 = 4001;
/// Close code: the same robot has connected anew; the older connection yields.
pub const CLOSE_REPLACED: u16 = 4002;
/// Close code: the robot broke the protocol; the reason names the rule.
pub const CLOSE_PROTOCOL: u16 = 4003;
/// Close code: the robot did not read fast enough, or was not heard for too long; reconnect.
pub const CLOSE_SLOW: u16 = 4004;
/// Another installation works with this robot's key, or what it runs may still live: try again later.
pub const CLOSE_IN_USE: u16 = 4005;
/// Close code: the server is going down; come back with backoff.
pub const CLOSE_RESTART: u16 = 1012;

/// A frame as received: enough to route it; the payload is read by its type.
#[derive(Debug, Deserialize)]
pub struct Frame<'a> {
    /// One of the message names.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The sender's id of the message.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The `id` of the message that this one answers.
    #[serde(default)]
    pub correlation_id: Option<Uuid>,
    /// When it was sent, as the sender says it.
    #[serde(borrow, default)]
    pub timestamp: Option<&'a RawValue>,
    /// The message itself.
    #[serde(borrow, default)]
    pub payload: Option<&'a RawValue>,
}

impl Frame<'_> {
    /// When it was sent, by the sender's clock; nothing where that is no time.
    pub fn sent_at(&self) -> Option<Timestamp> {
        serde_json::from_str(self.timestamp?.get()).ok()
    }
}

#[derive(Serialize)]
struct Outgoing<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: Uuid,
    timestamp: Timestamp,
    payload: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Uuid>,
}

/// A message of the protocol.
pub trait Message: Serialize + for<'de> Deserialize<'de> {
    /// Its name on the wire.
    const KIND: &'static str;

    /// The frame's text.
    fn frame(&self, id: Uuid, timestamp: Timestamp, correlation_id: Option<Uuid>) -> String {
        let frame = Outgoing {
            kind: Self::KIND,
            id,
            timestamp,
            payload: self,
            correlation_id,
        };
        serde_json::to_string(&frame).expect("messages hold only what JSON can say")
    }

    /// The message in a frame of its kind.
    fn read(frame: &Frame<'_>) -> Result<Self, serde_json::Error> {
        serde_json::from_str(frame.payload.map_or("{}", RawValue::get))
    }
}

macro_rules! messages {
    ($($name:ident = $kind:literal),+ $(,)?) => {$(
        impl Message for $name {
            const KIND: &'static str = $kind;
        }
    )+};
}

messages! {
    Register = "register",
    Heartbeat = "heartbeat",
    Accept = "accept",
    Reject = "reject",
    StatusUpdate = "status_update",
    TaskUpdate = "task_update",
    LogBatch = "log_batch",
    JobResult = "job_result",
    RobotLog = "robot_log",
    RobotRegistered = "robot_registered",
    HeartbeatAck = "heartbeat_ack",
    JobAssignment = "job_assignment",
    Start = "start",
    CancelJob = "cancel_job",
    Ack = "ack",
    Drain = "drain",
    Broadcast = "broadcast",
    WorkflowDeploy = "workflow_deploy",
    WorkflowUndeploy = "workflow_undeploy",
    ProtocolError = "error",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_the_shape_of_the_reference() {
        let message = Start {
            claim: Claim {
                job_id: baton_core::id::RunId(Uuid::nil()),
                attempt: 2,
                fence: baton_core::id::Fence(7),
            },
        };
        let text = message.frame(Uuid::nil(), Timestamp::UNIX_EPOCH, None);
        let value: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(value["type"], "start");
        assert_eq!(value["timestamp"], "1970-01-01T00:00:00Z");
        assert_eq!(value["payload"]["claim"]["fence"], 7);
        assert!(value.get("correlation_id").is_none());

        let frame: Frame<'_> = serde_json::from_str(&text).expect("frame");
        assert_eq!(Start::read(&frame).expect("start").claim.attempt, 2);
    }

    #[test]
    fn a_frame_without_payload_reads_as_an_empty_one() {
        let frame: Frame<'_> = serde_json::from_str(r#"{"type":"heartbeat_ack"}"#).expect("frame");
        assert!(HeartbeatAck::read(&frame).is_ok());
    }
}
