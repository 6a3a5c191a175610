//! The event stream, in order and resumable, and the trail of what was done by whom.

use baton_core::id::{RobotId, RunId};
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Which events a stream carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Kinds or prefixes of kinds with commas between them, such as `run,robot.connected`; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<String>,
    /// Only events of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The `id` of the last event seen; the header `Last-Event-ID` does the same. Without either, from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Opaque; resume after it.
    pub id: String,
    /// `run.<state>`, `robot.connected`, `schedule.updated`, `queue.paused`, …
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The id of the thing it happened to.
    pub subject: String,
    /// Who did it.
    pub actor: String,
    /// The transition, where it happened to a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunChange>,
    /// More.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// A transition of a run, with what a live list shows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunChange {
    /// The run.
    pub id: RunId,
    /// The state before; absent for the first.
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// The attempt concerned.
    pub attempt: u32,
    /// What happened.
    pub event: String,
    /// The robot concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot_id: Option<RobotId>,
    /// A sentence, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When; only in the stream of one run, where nothing else says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When an attempt that waits for its time is to start; only in the stream of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// Which entries of the trail are given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Kinds or prefixes of kinds with commas between them, such as `key,queue.paused`; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<String>,
    /// Only what was done to the thing with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only what this key, robot or service did, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// From this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Entries on the page: 1 to 1000, 50 unless given. A page of a rare kind may be shorter; go on while there is `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What was done, when and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// The name of the key, robot or service that did it.
    pub actor: String,
    /// `key.revoked`, `queue.paused`, `run.cancel_requested`, `run.message_refused`, …
    pub kind: String,
    /// The id of the thing it was done to; empty where it was done to many.
    pub subject: String,
    /// More.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    pub detail: Value,
}
