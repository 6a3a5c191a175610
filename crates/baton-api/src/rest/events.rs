//! The event stream: everything that happens, in order, resumable.

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
}
