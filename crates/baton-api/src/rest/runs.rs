//! Runs: how they are asked for, listed and shown.

use std::collections::BTreeSet;

use baton_core::error::ErrorInfo;
use baton_core::id::{DeploymentId, Fence, FlowId, QueueId, RobotId, RunId, ScheduleId, VersionId};
use baton_core::retry::RetryPolicy;
use baton_core::run::{Priority, Progress, Trigger};
use baton_core::state::{Executor, OnLost, State};
use baton_core::stop_signal::StopSignal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::comma;

/// A run to be made: of a deployment, or of a flow's newest version on the queue `default`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRun {
    /// The deployment, by id or `flow/name`. Absent under `/deployments/{id}/run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The flow, by id or name, to be run without a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Another version than the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// Parameters, over those of the deployment.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// When it should start; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Its priority, over that of the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Tags beside those of the deployment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// The name of another work queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Labels a robot must have beside those of the deployment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// The one robot it may use, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot: Option<String>,
    /// How long an attempt may run, in seconds; 0 is without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// Seconds after its due time at which it ends as timed out if it has not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_within_seconds: Option<u32>,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Creating with the same key again yields the same run. The header `Idempotency-Key` does the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What became of a run that was to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedRun {
    /// Its id.
    pub id: RunId,
    /// The name by which people know it.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Whether the same idempotency key had made it before.
    pub existing: bool,
}

/// A run as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The name by which people know it.
    pub name: String,
    /// `<flow>` for a manual run, `<flow>-<computer>` for an unattended one.
    pub label: String,
    /// Where it stands.
    pub state: State,
    /// The orchestrator reference's `JobStatus` for the same.
    #[serde(default)]
    pub job_status: String,
    /// Whether it has not started although it was due.
    pub late: bool,
    /// Whether this is not its first attempt.
    pub retrying: bool,
    /// Whether it has a deployment.
    pub unattended: bool,
    /// The number of its current attempt.
    pub attempt: u32,
    /// How many retries have been spent.
    #[serde(default)]
    pub retries_used: u32,
    /// The fence of its latest assignment.
    #[serde(default)]
    pub fence: Fence,
    /// Whether its current attempt occupies a robot.
    pub live: bool,
    /// Its flow.
    pub flow_id: FlowId,
    /// The flow's name when it was made.
    pub flow_name: String,
    /// Its deployment.
    pub deployment_id: Option<DeploymentId>,
    /// The deployment's name when it was made.
    pub deployment_name: Option<String>,
    /// The version that is executed.
    pub version_id: Option<VersionId>,
    /// The work queue it waits in.
    pub queue_id: QueueId,
    /// The queue's name.
    pub queue_name: String,
    /// The robot of its current attempt.
    pub robot_id: Option<RobotId>,
    /// That robot's name.
    pub robot_name: Option<String>,
    /// The computer it is or was on.
    pub computer: Option<String>,
    /// The one robot it may run on.
    pub target_robot_id: Option<RobotId>,
    /// How much it matters.
    pub priority: Priority,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Labels its robot must have.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Capabilities its robot must have.
    #[serde(default)]
    pub capabilities: BTreeSet<String>,
    /// The environment its robot must belong to.
    pub environment: Option<String>,
    /// Who executes it.
    #[serde(default)]
    pub executor: Executor,
    /// Who or what made it.
    pub trigger: Trigger,
    /// How long an attempt may run, in seconds; absent is without limit.
    pub timeout_seconds: Option<u32>,
    /// How long a cancel waits before the process tree is killed, in seconds.
    #[serde(default)]
    pub cancel_grace_seconds: u32,
    /// The signal with which a run is asked to end; what is left after the grace is killed.
    #[serde(default)]
    pub stop_signal: StopSignal,
    /// When to try again.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// What happens when its robot is lost.
    #[serde(default)]
    pub on_lost: OnLost,
    /// How long an attempt may go on while its robot and the server do not hear each other, in seconds.
    #[serde(default)]
    pub lost_after_seconds: u32,
    /// Since when the robot of its live attempt is not heard, and how long that may go on; absent while it is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard: Option<super::Unheard>,
    /// Its parameters; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its current attempt should start.
    pub due_at: Timestamp,
    /// When its current attempt was queued.
    pub queued_at: Option<Timestamp>,
    /// When its current attempt was assigned.
    pub dispatched_at: Option<Timestamp>,
    /// When its current attempt started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it last changed state.
    pub changed_at: Timestamp,
    /// The latest time to start.
    pub start_deadline: Option<Timestamp>,
    /// Why it ended badly.
    pub error: Option<ErrorInfo>,
    /// What it reported last about its progress.
    pub progress: Option<Progress>,
    /// The number of its flow version: where one run is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Why it waits, in one sentence: where a list was asked with `explain=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who asked for its end and why, in one sentence, such as `cancelled by admin: wrong month`: where one run
    /// is asked for that is or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<String>,
}

/// Whether a list shows runs with a deployment or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Without a deployment: a person ran it.
    Manual,
    /// With a deployment.
    Unattended,
}

/// How much of each row a list gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Everything that a list has.
    Full,
    /// What the row of a table shows.
    Slim,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Which runs are listed. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunQuery {
    /// In any of these states, with commas between them.
    #[serde(default, with = "comma", skip_serializing_if = "Vec::is_empty")]
    #[param(style = Form, explode = false)]
    pub state: Vec<State>,
    /// Of this flow, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Of this deployment, by id or `flow/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Made by this schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleId>,
    /// In this work queue, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Whose latest attempt is or was on this robot, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot: Option<String>,
    /// With this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// With any of these priorities, with commas between them.
    #[serde(default, with = "comma", skip_serializing_if = "Vec::is_empty")]
    #[param(style = Form, explode = false)]
    pub priority: Vec<Priority>,
    /// Only runs that have not started although they were due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// Manual or unattended; both unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RunKind>,
    /// Name or id begins with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Any of these, by id, with commas between them: at most 200.
    #[serde(default, with = "comma", skip_serializing_if = "Vec::is_empty")]
    #[param(style = Form, explode = false)]
    pub ids: Vec<RunId>,
    /// Made at or after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_after: Option<Timestamp>,
    /// Made before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Timestamp>,
    /// Ended at or after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_after: Option<Timestamp>,
    /// Ended before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_before: Option<Timestamp>,
    /// With this parameter, as `name=value` (text as it is, other values as JSON) or `name` for any value. A page of a
    /// list with this, `error` or `search` looks at 2000 runs at most and may be shorter, even empty: go on while
    /// there is `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Whose error's message has this in it; case is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whose name, flow, deployment, label, tag, parameter or error has this in it; case is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Newest first unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Says of the first ten that wait why they do; no part of the filter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
    /// `slim` leaves out of each row what only the page of one run shows; no part of the filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub view: Option<View>,
    /// Rows on the page: 1 to 1000, 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A run is put off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Postpone {
    /// When it should start.
    pub due_at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One try of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// The run.
    pub run_id: RunId,
    /// 1, 2, …
    pub number: u32,
    /// The fence of its latest assignment.
    pub fence: Fence,
    /// Who executes it.
    pub executor: Executor,
    /// The robot it is or was on.
    pub robot_id: Option<RobotId>,
    /// That robot's name.
    pub robot_name: Option<String>,
    /// The computer it is or was on.
    pub computer: Option<String>,
    /// The desktop session it occupies.
    pub desktop: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Whether it occupies its robot.
    pub live: bool,
    /// When it was assigned.
    pub assigned_at: Timestamp,
    /// When it was told to start.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The exit code of its process.
    pub exit_code: Option<i32>,
    /// Why it ended badly.
    pub error: Option<ErrorInfo>,
    /// What it handed back.
    #[schema(value_type = Object)]
    pub outputs: Map<String, Value>,
    /// Seconds the process ran.
    pub execution_time: Option<f64>,
    /// A result that came after the attempt was closed, kept as evidence.
    #[schema(value_type = Option<Object>)]
    pub late_result: Option<Value>,
}

/// One transition of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunEvent {
    /// Position in the history of all runs.
    pub seq: i64,
    /// The run.
    pub run_id: RunId,
    /// The state before; absent for the first.
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// The attempt concerned.
    pub attempt: u32,
    /// The fence in force.
    pub fence: Fence,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: String,
    /// Who did it.
    pub actor: String,
    /// The robot concerned.
    pub robot_id: Option<RobotId>,
    /// A sentence, where there is one.
    pub message: Option<String>,
}
