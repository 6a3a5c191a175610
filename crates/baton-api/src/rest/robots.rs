//! Robots: status lights, load, logs, and how a machine is enrolled.

use baton_core::id::{FlowId, RobotId, RunId};
use baton_core::robot::{RobotMetrics, RobotOffer, RobotStatus};
use baton_core::run::LogLevel;
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// A registered executor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Robot {
    /// Its id.
    pub id: RobotId,
    /// Unique.
    pub name: String,
    /// Its status light.
    pub status: RobotStatus,
    /// Whether its session is connected.
    pub connected: bool,
    /// Whether it takes no new runs.
    pub draining: bool,
    /// Whether it takes no new runs and holds none any more: it may be restarted.
    #[serde(default)]
    pub drained: bool,
    /// Why it is drained.
    pub drain_comment: String,
    /// What it said of itself when it last registered: computer, platform, version, environment, labels,
    /// capabilities, queues, desktops, slots.
    pub offer: RobotOffer,
    /// Slots taken, from 0 to 1.
    pub load: f64,
    /// Live attempts on it.
    pub live: u32,
    /// What it runs now.
    pub current_runs: Vec<CurrentRun>,
    /// When it was last heard.
    pub last_seen: Option<Timestamp>,
    /// Until when its claims hold.
    pub lease_until: Option<Timestamp>,
    /// What it measured last of its machine.
    pub metrics: RobotMetrics,
    /// Its session; rises with each registration.
    pub session: i64,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

/// A run that a robot holds now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CurrentRun {
    /// The run.
    pub run_id: RunId,
    /// Its name.
    pub run_name: String,
    /// Its flow.
    pub flow_id: FlowId,
    /// The attempt.
    pub attempt: u32,
    /// Where it stands.
    pub state: State,
    /// The desktop session it occupies.
    pub desktop: Option<String>,
    /// When it was assigned.
    pub assigned_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Since when its robot is not heard, and how long it may go on so; absent while it is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard: Option<Unheard>,
}

/// An attempt whose robot is not heard: it may be running all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unheard {
    /// When the robot was heard last.
    pub since: Timestamp,
    /// When the server believes that the attempt is gone, if nothing is heard until then.
    pub until: Timestamp,
}

/// A person says that a robot and all that it ran is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LostRequest {
    /// How that is known; stands in the history of the runs.
    #[serde(default)]
    pub comment: String,
}

/// What became of the runs of a robot that is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LostResult {
    /// The runs that it had, as they stand now.
    pub runs: Vec<LostRun>,
}

/// A run whose robot is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LostRun {
    /// The run.
    pub run_id: RunId,
    /// Its name.
    pub run_name: String,
    /// Where it stands now.
    pub state: State,
}

/// A robot is to take no new runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// Why; shown beside its status.
    #[serde(default)]
    pub comment: String,
}

/// A word to all connected robots, or to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BroadcastRequest {
    /// What it is called.
    pub event: String,
    /// What it says.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: Value,
}

/// How many robots got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BroadcastResult {
    /// Connected robots that it was sent to.
    pub sent: u32,
}

/// A line of an agent's own log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RobotLogEntry {
    /// Rises with each line.
    pub seq: i64,
    /// By the robot's clock.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}

/// Which lines of an agent's own log are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RobotLogQuery {
    /// Lines after this `seq`; without it, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// The `next` of the page before: the same place, as other lists name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many at most: 1 to 1000, 200 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// A token with which one machine may enrol is to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEnrolment {
    /// The only name under which it may enrol; any unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot_name: Option<String>,
    /// How long the token works, in seconds: 60 to 604800, an hour unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u32>,
}

/// A token with which one machine may enrol, once. It is shown only now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Enrolment {
    /// The token.
    pub token: String,
    /// When it stops to work.
    pub expires_at: Timestamp,
    /// The line to paste on the new machine.
    pub command: String,
    /// SHA-256 of the server's certificate, where it has one.
    pub fingerprint: Option<String>,
}

/// A machine enrols: its token, and the name it wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The one-time token.
    pub token: String,
    /// The robot's name; unique.
    pub name: String,
    /// The computer's host name.
    #[serde(default)]
    pub computer: String,
}

/// A machine is enrolled. The key is shown only now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// The robot's id.
    pub robot_id: RobotId,
    /// Its name.
    pub name: String,
    /// Its own key.
    pub key: String,
}
