//! Why a run waits, and the smallest change that would start it.

use baton_core::id::{RobotId, RunId};
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Holder;

/// The dispatcher's own decision, asked for one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The run.
    pub run_id: RunId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Whether nothing keeps it from a robot.
    pub dispatchable: bool,
    /// One sentence that says it all.
    pub summary: String,
    /// Everything that keeps it waiting; empty when it is dispatchable.
    pub reasons: Vec<WaitReason>,
    /// For each robot, the first thing that keeps the run from it; at most 100.
    pub robots: Vec<RobotReason>,
    /// How many runs of its queue come before it, counted up to 1000.
    pub rank: Option<u32>,
    /// The smallest change that would start it.
    pub change: Option<String>,
    /// When this was decided.
    pub at: Timestamp,
}

/// One thing that keeps a run waiting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WaitReason {
    /// Stable, snake_case.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Until when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who holds the limit, where one is reached; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
}

/// What keeps a run from one robot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RobotReason {
    /// The robot.
    pub robot_id: RobotId,
    /// Its name.
    pub robot_name: String,
    /// Stable, snake_case; absent when it could take the run.
    pub code: Option<String>,
    /// One sentence.
    pub message: String,
}
