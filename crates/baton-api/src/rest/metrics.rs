//! Figures: the ten of the dashboard, counts by state, samples and outcomes over time.

use baton_core::id::{DeploymentId, FlowId, RobotId};
use baton_core::robot::RobotStatus;
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The orchestrator reference's `DashboardMetrics`; "today" is in the org's zone. A run counts once: as it
/// ended last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DashboardMetrics {
    /// Robots that are enrolled.
    pub total_robots: u32,
    /// Robots that are connected: free, busy or draining.
    pub online_robots: u32,
    /// Robots that are not.
    pub offline_robots: u32,
    /// Runs made today.
    pub total_jobs_today: u64,
    /// Runs that completed today.
    pub completed_jobs_today: u64,
    /// Runs that failed, timed out or crashed today.
    pub failed_jobs_today: u64,
    /// Runs that wait now: pending or queued.
    pub pending_jobs: u64,
    /// Runs that a robot has now: dispatched, running or cancelling.
    pub running_jobs: u64,
    /// Mean run time of today's finished runs in seconds, without waiting; 0 when there is none.
    pub average_execution_time: f64,
    /// Completed of finished runs today, in percent; 0 when there is none.
    pub success_rate: f64,
}

/// How many runs are in each state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateCounts {
    /// One for each state.
    pub items: Vec<StateCount>,
    /// Runs that have not started although they were due, counted up to 1000.
    pub late: u32,
    /// One for each status that a robot can have.
    pub robots: Vec<RobotCount>,
}

/// How many robots have one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RobotCount {
    /// The status.
    pub status: RobotStatus,
    /// How many.
    pub count: u32,
}

/// How many runs are in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateCount {
    /// The state.
    pub state: State,
    /// How many.
    pub count: u64,
}

/// Which samples are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SampleQuery {
    /// `queue_depth`, `queue_oldest_seconds` and `throughput` (runs that ended each second), of each work queue
    /// and of all; `robot_utilization` (the share of the slots that is taken), of each robot and of all;
    /// `robots_online`. Up to eight, with commas between them.
    pub metric: String,
    /// Of this queue or robot, by id; empty for the whole; of each, and of the whole, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// From this instant; an hour ago unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until before this instant; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Seconds between points: 10, 60 or 3600; fitting to the range unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain_seconds: Option<u32>,
    /// Points of each line at most: 2 to 2000, 500 unless given; neighbours are averaged where there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 2, maximum = 2000)]
    pub points: Option<u32>,
}

/// Samples of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Samples {
    /// The metric.
    pub metric: String,
    /// Seconds between points.
    pub grain_seconds: u32,
    /// One for each queue or robot it was measured of.
    pub series: Vec<SampleSeries>,
}

/// Samples of one metric of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SampleSeries {
    /// The metric.
    pub metric: String,
    /// The id of the queue or robot; empty for the whole.
    pub subject: String,
    /// Its name.
    pub name: String,
    /// The points, oldest first.
    pub points: Vec<SamplePoint>,
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SamplePoint {
    /// The start of the period.
    pub at: Timestamp,
    /// The mean over the period.
    pub value: f64,
}

/// By what outcomes are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeBy {
    /// By flow.
    Flow,
    /// By deployment.
    Deployment,
    /// By robot.
    Robot,
}

/// Which outcomes are read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OutcomeQuery {
    /// From this instant; a day ago unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until before this instant; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Length of each period in seconds, a multiple of 60; 0 is one period over all; fitting to the range unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_seconds: Option<i64>,
    /// Only this flow, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// Only this deployment, by id or `flow/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Only this robot, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot: Option<String>,
    /// Told apart by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub by: Option<OutcomeBy>,
}

/// How runs ended over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcomes {
    /// From this instant.
    pub from: Timestamp,
    /// Until before this instant.
    pub until: Timestamp,
    /// Length of each period in seconds; 0 is one period over all.
    pub step_seconds: i64,
    /// Oldest first; periods in which nothing happened are absent.
    pub items: Vec<OutcomeBucket>,
}

/// How the runs that ended within one period ended. A run that is retried by hand is counted where it
/// ends next, and no longer where it ended before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutcomeBucket {
    /// The start of the period.
    pub at: Timestamp,
    /// The flow, where told apart by it.
    pub flow_id: Option<FlowId>,
    /// The deployment, where told apart by it.
    pub deployment_id: Option<DeploymentId>,
    /// The robot, where told apart by it.
    pub robot_id: Option<RobotId>,
    /// The name of whichever it is told apart by.
    pub name: Option<String>,
    /// Runs made.
    pub created: u64,
    /// Runs that completed.
    pub completed: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that timed out.
    pub timed_out: u64,
    /// Runs that crashed.
    pub crashed: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
    /// Completed of finished, in percent; absent when nothing finished.
    pub success_rate: Option<f64>,
    /// Mean run time in seconds.
    pub average_seconds: Option<f64>,
    /// Half of the runs took at most this, in seconds; within about 6 % of the exact figure.
    pub p50_seconds: Option<f64>,
    /// 95 of 100 runs took at most this, in seconds; within about 6 % of the exact figure.
    pub p95_seconds: Option<f64>,
}
