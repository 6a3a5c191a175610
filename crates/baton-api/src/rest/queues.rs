//! Work queues and limits on tags.

use baton_core::id::{LimitId, QueueId, RobotId, RunId};
use baton_core::queue::{QueueSettings, Strategy};
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::nullable;

/// Where runs wait for robots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Unique.
    pub name: String,
    /// Everything that can be edited.
    pub settings: QueueSettings,
    /// Runs that wait in it for a robot.
    pub depth: u64,
    /// The due time of the run that has waited longest.
    pub oldest_due_at: Option<Timestamp>,
    /// How long that run has waited, in seconds.
    pub oldest_wait_seconds: Option<f64>,
    /// Live attempts of its runs.
    pub live: u32,
    /// Who holds its limit: its live attempts, at most 100.
    pub holders: Vec<LimitHolder>,
    /// Robots that serve it.
    pub robots: u32,
    /// Those of them that are connected.
    pub robots_online: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A live attempt that holds a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LimitHolder {
    /// The run.
    pub run_id: RunId,
    /// Its name.
    pub run_name: String,
    /// The attempt.
    pub attempt: u32,
    /// Where it stands.
    pub state: State,
    /// The robot it is on.
    pub robot_id: Option<RobotId>,
    /// When it started.
    pub started_at: Option<Timestamp>,
}

/// A work queue to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateQueue {
    /// Unique.
    pub name: String,
    /// What is set of it.
    #[serde(default)]
    pub settings: QueuePatch,
}

/// What of a work queue is changed. What is absent stays; `null` clears what may be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueuePatch {
    /// A few words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How robots are chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// How many of its runs may be live at once; `null` is any number.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub concurrency_limit: Option<Option<u32>>,
    /// Whether nothing is dispatched from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// How many runs with a tag may be live at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Limit {
    /// Its id.
    pub id: LimitId,
    /// The tag; unique.
    pub tag: String,
    /// How many; 0 holds all.
    pub limit: u32,
    /// Live attempts that count against it.
    pub live: u32,
    /// Who holds it, at most 100.
    pub holders: Vec<LimitHolder>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A limit to be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutLimit {
    /// The tag.
    pub tag: String,
    /// How many; 0 holds all.
    pub limit: u32,
}
