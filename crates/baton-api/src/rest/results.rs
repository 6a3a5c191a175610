//! What runs leave behind: results, task runs and log lines.

use std::collections::BTreeMap;

use baton_core::error::ErrorInfo;
use baton_core::id::RunId;
use baton_core::run::{LogLevel, LogStream};
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// The result of a run under the names of the orchestrator reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobResult {
    /// The run.
    pub job_id: RunId,
    /// The run's name.
    pub name: String,
    /// The orchestrator reference's `JobStatus`.
    pub status: String,
    /// Baton's own state.
    pub state: State,
    /// The attempt whose result this is.
    pub attempt: u32,
    /// What it handed back.
    #[schema(value_type = Object)]
    pub outputs: Map<String, Value>,
    /// The last lines of its log, at most [`RESULT_LOG_LINES`].
    pub logs: Vec<LogEntry>,
    /// Where the whole log is.
    pub logs_url: String,
    /// Seconds the process ran: without waiting, without set-up.
    pub execution_time: Option<f64>,
    /// What became of its tasks, by key.
    pub node_results: BTreeMap<String, NodeResult>,
    /// Why it ended badly.
    pub error: Option<ErrorInfo>,
    /// The exit code of its process.
    pub exit_code: Option<i32>,
    /// When it ended; absent while it has not.
    pub completed_at: Option<Timestamp>,
}

/// Log lines shown with a result: enough to see how it ended.
pub const RESULT_LOG_LINES: u32 = 100;

/// What became of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeResult {
    /// How the flow names it.
    pub node_id: String,
    /// What people read.
    pub name: String,
    /// Where it stands.
    pub status: State,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Seconds it took.
    pub execution_time: Option<f64>,
    /// How many times it was tried.
    pub tries: u32,
    /// What it took and gave.
    #[schema(value_type = Object)]
    pub data: Value,
    /// Why it failed.
    pub error: Option<ErrorInfo>,
}

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogEntry {
    /// The attempt that wrote it.
    pub attempt: u32,
    /// Counts from 1 within the attempt.
    pub seq: i64,
    /// When it was written, by the robot's clock.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// Where it came from.
    pub stream: LogStream,
    /// The task it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The text.
    pub message: String,
}

impl LogEntry {
    /// Its position: pass it as `cursor` to read on after it.
    pub fn cursor(&self) -> String {
        format!("{}.{}", self.attempt, self.seq)
    }
}

/// Which log lines are read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Of this attempt; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// At least this level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub level: Option<LogLevel>,
    /// Of this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Containing this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// The last lines instead of the first; `cursor` then means before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tail: bool,
    /// Lines on the page: 1 to 1000, 200 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// `<attempt>.<seq>` of a line: lines after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which task runs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AttemptQuery {
    /// Of this attempt; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Rows on the page: 1 to 1000, 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How many lines an attempt wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogSpan {
    /// The attempt.
    pub attempt: u32,
    /// Its lines.
    pub lines: i64,
}
