//! Deployments, and the one call behind `baton deploy`.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::flow::{DeploymentSettings, Entry};
use baton_core::id::{DeploymentId, FlowId, RobotId, VersionId};
use baton_core::retry::RetryPolicy;
use baton_core::run::Priority;
use baton_core::state::OnLost;
use baton_core::stop_signal::StopSignal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::nullable;
use super::{Flow, Schedule, ScheduleInput, Version};

/// A flow version made runnable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Its flow.
    pub flow_id: FlowId,
    /// The flow's name.
    pub flow_name: String,
    /// Unique within the flow.
    pub name: String,
    /// `flow/name`: what people type.
    pub full_name: String,
    /// Everything that can be edited.
    pub settings: DeploymentSettings,
    /// The name of its work queue.
    pub queue_name: String,
    /// The version that its next run would use.
    pub version_id: Option<VersionId>,
    /// The number of that version.
    pub version: Option<u32>,
    /// Its schedules.
    pub schedules: Vec<Schedule>,
    /// The next slot of any of its schedules.
    pub next_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which deployments are listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeploymentQuery {
    /// Of this flow, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Rows on the page: 1 to 1000, 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What of a deployment is changed. What is absent stays (or, for a new deployment, is the default);
/// `null` clears what may be empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentPatch {
    /// The pinned version; `null` follows the newest active one.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<VersionId>)]
    pub version_id: Option<Option<VersionId>>,
    /// The name of the work queue; made if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// A few words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find its runs by; limits may hold on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeSet<String>>,
    /// Parameters that a run gets unless it brings its own; replaced as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Map<String, Value>>,
    /// Priority of its runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Labels a robot must all have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeSet<String>>,
    /// Capabilities a robot must all have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<BTreeSet<String>>,
    /// The environment a robot must belong to; `null` is any.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub environment: Option<Option<String>>,
    /// The one robot its runs may use; `null` is any.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RobotId>)]
    pub robot_id: Option<Option<RobotId>>,
    /// Whether each run occupies a desktop session of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desktop: Option<bool>,
    /// How many of its runs may be live at once; `null` is any number.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub concurrency_limit: Option<Option<u32>>,
    /// How long an attempt may run, in seconds; 0 is without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// How long a cancel waits before the process tree is killed, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_grace_seconds: Option<u32>,
    /// The signal with which a run is asked to end; what is left after the grace is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<StopSignal>,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// What happens when the robot is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_lost: Option<OnLost>,
    /// How long an attempt may go on while its robot and the server do not hear each other, in seconds, 60 to
    /// 604800; `null` is 60 where another attempt may follow it, else four hours.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub lost_after_seconds: Option<Option<u32>>,
    /// Seconds after its due time at which a run that has not started ends as timed out; `null` is never.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub start_within_seconds: Option<Option<u32>>,
    /// Whether it is paused, and all its schedules with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// One `baton deploy`: everything it names, in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// The flow's name; made if there is none.
    pub flow: String,
    /// What people read about the flow; absent leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the flow stands in the tree; absent leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Words to find the flow by; absent leaves them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_tags: Option<BTreeSet<String>>,
    /// SHA-256 of a package that was uploaded before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// What is executed.
    pub entry: Entry,
    /// JSON Schema of its parameters; absent accepts any.
    #[serde(default = "any_parameters")]
    #[schema(value_type = Object)]
    pub parameter_schema: Value,
    /// Where it came from: source path, revision, user.
    #[serde(default)]
    pub source: BTreeMap<String, String>,
    /// Whether the flow may be taken over from another project (`source.project`) that deployed it before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
    /// The deployment's name; made if there is none.
    #[serde(default = "default_deployment")]
    pub deployment: String,
    /// What of the deployment is set.
    #[serde(default)]
    pub settings: DeploymentPatch,
    /// A schedule to make, or to replace where one of its name exists; others stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<DeploySchedule>,
    /// More of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<DeploySchedule>,
}

/// The name of a deployment unless one is given.
pub const DEFAULT_DEPLOYMENT: &str = "default";

fn default_deployment() -> String {
    DEFAULT_DEPLOYMENT.into()
}

fn any_parameters() -> Value {
    Value::Object(Map::new())
}

/// The schedule that comes with a deploy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploySchedule {
    /// Unique within the deployment; `default` unless given.
    #[serde(default = "default_deployment")]
    pub name: String,
    /// When it fires, and how.
    pub settings: ScheduleInput,
    /// Whether it is paused; absent leaves it as it is, or runs a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// What a deploy made or found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeployResponse {
    /// The flow.
    pub flow: Flow,
    /// The version: the latest one when nothing in it changed.
    pub version: Version,
    /// Whether the version is new.
    pub new_version: bool,
    /// The deployment with all its schedules.
    pub deployment: Deployment,
    /// Whether the deployment is new.
    pub new_deployment: bool,
    /// What works but deserves a look, such as a label that no robot has.
    #[serde(default)]
    pub warnings: Vec<String>,
}
