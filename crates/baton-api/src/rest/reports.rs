//! What a process that executes its own run tells the server (`runrpa`, later Prefect flows).
//!
//! Every call may be repeated: the start by its idempotency key, log lines by their `seq`, tasks by
//! their key, the end by the fact that an ended attempt never changes.

use std::collections::BTreeSet;

use baton_core::error::ErrorInfo;
use baton_core::run::{LogLine, Progress};
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A process says that it executes a run now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportStart {
    /// The flow's name; made if there is none.
    pub flow: String,
    /// The computer on which it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer: Option<String>,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// When it started, for a report that comes later; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Reporting with the same key again yields the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// How often at least the process will report something, in seconds: 20 to 201,600, 28,800 (8 hours) unless
    /// given. After three times as long without a report the run is crashed. A report of no tasks is one, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_every_seconds: Option<u32>,
}

/// Lines that the process wrote, by rising `seq` from 1 without gap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportLogs {
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// Up to where the log is now without gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogsAccepted {
    /// The highest `seq`; send on from the one after it.
    pub seq: i64,
}

/// What became of tasks; a later report of the same key replaces the earlier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportTasks {
    /// The tasks, each whole.
    #[serde(default)]
    pub tasks: Vec<TaskInput>,
    /// How far the run is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

/// One task as the process tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskInput {
    /// How the flow names it; unique within the attempt.
    pub key: String,
    /// What people read.
    pub name: String,
    /// Pending, running, completed, failed or cancelled.
    pub state: State,
    /// Keys of the tasks it waited for.
    #[serde(default)]
    pub after: Vec<String>,
    /// How many times it was tried.
    #[serde(default)]
    pub tries: u32,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
    /// What it took and gave.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: Value,
}

/// The process has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFinish {
    /// Completed, failed, timed_out, crashed or cancelled.
    pub state: State,
    /// The exit code of its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What it gives back.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub outputs: Map<String, Value>,
    /// Seconds it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_time: Option<f64>,
    /// Why it ended badly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
    /// When it ended, for a report that comes later; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}
