//! A run: one execution of a flow, its attempts, its task runs, and what it needs of a robot.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ErrorInfo;
use crate::id::{
    DeploymentId, Fence, FlowId, OrgId, QueueId, RobotId, RunId, ScheduleId, TaskRunId, VersionId,
};
use crate::retry::RetryPolicy;
use crate::state::{Executor, OnLost, Standing, State};
use crate::stop_signal::StopSignal;

/// How much a run matters. First by priority, then by due time; waiting ages a run upward.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// 0: when nothing else waits.
    Low,
    /// 1.
    #[default]
    Normal,
    /// 2.
    High,
    /// 3: before all others.
    Critical,
}

impl Priority {
    /// All priorities, lowest first; the position is the number stored and spoken on the wire.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// The number stored and spoken on the wire.
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// The priority with this number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// The name in the API and the CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Who or what created a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    /// A person or a program asked, by API, CLI or dashboard.
    Manual {
        /// The name of the key that was used.
        by: String,
    },
    /// A schedule's slot came.
    Schedule {
        /// Which schedule.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
        schedule_id: ScheduleId,
        /// The instant for which the run was made.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
        slot: Timestamp,
        /// It stays Pending until every earlier run of the same schedule is terminal
        /// (`Overlap::Queue`): stores leave it out of the due runs until then.
        #[serde(default)]
        after_running: bool,
    },
    /// Another run started it.
    Parent {
        /// Which run.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
        run_id: RunId,
    },
}

impl Trigger {
    /// Whether the run stays Pending until the earlier runs of its schedule are terminal.
    pub const fn waits_for_earlier_runs(&self) -> bool {
        matches!(
            self,
            Self::Schedule {
                after_running: true,
                ..
            }
        )
    }
}

/// What a run needs of the robot that gets it. Queued runs with equal needs form one group, so that
/// a backlog of a million costs dispatch no more than one of a thousand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Needs {
    /// The work queue it waits in.
    pub queue_id: QueueId,
    /// Its flow: affinity prefers robots that ran it before.
    pub flow_id: FlowId,
    /// Its deployment, whose limit holds.
    pub deployment_id: Option<DeploymentId>,
    /// How much it matters.
    pub priority: Priority,
    /// Its tags, whose limits hold.
    pub tags: BTreeSet<String>,
    /// Labels the robot must all have.
    pub labels: BTreeSet<String>,
    /// Capabilities the robot must all have.
    pub capabilities: BTreeSet<String>,
    /// The environment the robot must belong to; `None` is any.
    pub environment: Option<String>,
    /// The one robot it may run on.
    pub robot_id: Option<RobotId>,
    /// Whether it occupies a desktop session of its own.
    pub desktop: bool,
    /// Robots that rejected this attempt. Only runs blocked by nothing else leave their group for one with these.
    pub rejected_by: BTreeSet<RobotId>,
}

/// Everything about a run that is fixed when it is created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The version that is executed, whatever is deployed later.
    pub version_id: Option<VersionId>,
    /// What it needs of a robot.
    pub needs: Needs,
    /// Validated parameters with defaults filled in.
    pub parameters: Map<String, Value>,
    /// How long an attempt may run, in seconds; `None` is without limit.
    pub timeout_seconds: Option<u32>,
    /// How long a cancel waits before the process tree is killed, in seconds.
    pub cancel_grace_seconds: u32,
    /// The signal with which a run is asked to end; what is left after the grace is killed.
    #[serde(default, skip_serializing_if = "StopSignal::is_usual")]
    pub stop_signal: StopSignal,
    /// When to try again.
    pub retry: RetryPolicy,
    /// What happens when the robot is lost.
    pub on_lost: OnLost,
    /// How long an attempt may go on while its robot and the server do not hear each other, in seconds.
    #[serde(default = "one_lease")]
    pub lost_after_seconds: u32,
    /// Who executes it.
    pub executor: Executor,
    /// Who or what created it.
    pub trigger: Trigger,
    /// The latest time to start.
    pub start_deadline: Option<Timestamp>,
    /// The name of the flow when the run was created.
    pub flow_name: String,
    /// The name of the deployment when the run was created.
    pub deployment_name: Option<String>,
    /// The computer on which a `client` run executes; for robots the attempt says it.
    pub computer: Option<String>,
}

/// What robots kept to before a run could say something else.
fn one_lease() -> u32 {
    crate::lease::LOST_AFTER
}

/// A run to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Its tenant.
    pub org: OrgId,
    /// The name by which people know it.
    pub name: String,
    /// When it should start.
    pub due_at: Timestamp,
    /// Everything fixed about it.
    pub spec: RunSpec,
    /// Creating with the same key again yields the same run.
    pub idempotency_key: Option<String>,
}

/// A run as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its tenant.
    pub org: OrgId,
    /// The name by which people know it.
    pub name: String,
    /// Everything fixed about it.
    pub spec: RunSpec,
    /// Where it stands.
    pub state: State,
    /// The number of its current attempt; 1 from the start.
    pub attempt: u32,
    /// The fence of its latest assignment.
    pub fence: Fence,
    /// How many retries have been spent.
    pub retries_used: u32,
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
    /// When it reached its terminal state.
    pub ended_at: Option<Timestamp>,
    /// When it last changed state.
    pub changed_at: Timestamp,
    /// The robot of its current attempt.
    pub robot_id: Option<RobotId>,
    /// Whether its current attempt (or, while Pending, the one before) is live.
    pub live: bool,
    /// Robots that rejected the current attempt.
    pub rejected_by: BTreeSet<RobotId>,
    /// Why it ended badly.
    pub error: Option<ErrorInfo>,
    /// What it reported last about its progress.
    pub progress: Option<Progress>,
}

impl Run {
    /// What the state machine must know of it.
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            live: self.live,
            attempt: self.attempt,
            retries_used: self.retries_used,
            retry: self.spec.retry.clone(),
            on_lost: self.spec.on_lost,
            executor: self.spec.executor,
            seed: (self.id.0.as_u64_pair().1) ^ u64::from(self.attempt),
        }
    }

    /// Whether it has not started this long after it was due. Derived, never stored.
    pub fn is_late(&self, now: Timestamp, after: SignedDuration) -> bool {
        matches!(
            self.state,
            State::Pending | State::Queued | State::Dispatched
        ) && now.duration_since(self.due_at) > after
    }

    /// `<flow>` for a manual run, `<flow>-<computer>` for an unattended one (before dispatch: the queue).
    pub fn label(&self, computer_or_queue: Option<&str>) -> String {
        match (self.spec.needs.deployment_id, computer_or_queue) {
            (Some(_), Some(place)) => format!("{}-{place}", self.spec.flow_name),
            _ => self.spec.flow_name.clone(),
        }
    }
}

/// A run is late when it has not started this long after it was due.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// What a running attempt says about how far it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// From 0 to 100, where the flow knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The task (or node) it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
}

/// One try of a run on one robot. Its outcome never changes once written.
#[derive(Clone, Debug, PartialEq)]
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
    /// The computer it is or was on.
    pub computer: Option<String>,
    /// The desktop session it occupies.
    pub desktop: Option<String>,
    /// Dispatched, Running or Cancelling while open; then terminal.
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
    pub outputs: Map<String, Value>,
    /// Seconds the process ran, as the executor measured them: without waiting, without set-up.
    pub execution_time: Option<f64>,
    /// A result that came after the attempt was closed, kept as evidence.
    pub late_result: Option<Value>,
}

/// One execution of a task inside an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskRun {
    /// Its id.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub id: TaskRunId,
    /// The run.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub run_id: RunId,
    /// The attempt it belongs to.
    pub attempt: u32,
    /// The key by which the flow names it; unique within the attempt.
    pub key: String,
    /// The name that people read.
    pub name: String,
    /// Pending, Running, Completed, Failed or Cancelled as reported; what its attempt left open ends as
    /// the attempt did.
    pub state: State,
    /// Keys of the tasks it waited for.
    pub after: Vec<String>,
    /// How many times it was tried.
    pub tries: u32,
    /// When it started.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<ErrorInfo>,
    /// What it took and gave, as far as the flow reported it.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub data: Value,
}

impl TaskRun {
    /// The task run as it stands now that its attempt stands like this. Whoever was to report its end may
    /// be gone: with the attempt it has ended too, and what had not begun never will.
    pub fn seen_with(mut self, attempt: &Attempt) -> Self {
        if let (Some(ended_at), false) = (attempt.ended_at, self.state.is_terminal()) {
            self.state = match self.state {
                State::Pending => State::Cancelled,
                _ => attempt.state,
            };
            self.ended_at = Some(ended_at);
        }
        self
    }
}

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// Counts from 1 within the attempt, without gaps.
    pub seq: i64,
    /// When the line was written, by the robot's clock.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// How much it matters.
    pub level: LogLevel,
    /// Where it came from.
    pub stream: LogStream,
    /// The task it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The text, without its line end; at most [`MAX_LINE`] bytes, with a visible mark where it was cut.
    pub message: String,
}

/// Longest log line kept, in bytes. Longer ones are cut with a mark that says how much is missing.
pub const MAX_LINE: usize = 16_384;

/// How much a log line matters.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// 10.
    Debug,
    /// 20.
    #[default]
    Info,
    /// 30.
    Warning,
    /// 40.
    Error,
    /// 50.
    Critical,
}

impl LogLevel {
    /// All levels, least first.
    pub const ALL: [Self; 5] = [
        Self::Debug,
        Self::Info,
        Self::Warning,
        Self::Error,
        Self::Critical,
    ];

    /// The level that a program means by this word, in any case: the names of Python, of syslog and of most
    /// loggers, and Python's numbers.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        Some(match word.as_str() {
            "trace" | "debug" | "dbg" | "verbose" | "fine" | "finer" | "finest" => Self::Debug,
            "info" | "information" | "informational" | "inf" | "notice" | "log" | "success"
            | "notset" | "" => Self::Info,
            "warning" | "warn" | "wrn" => Self::Warning,
            "error" | "err" | "severe" | "fail" | "failure" => Self::Error,
            "critical" | "crit" | "fatal" | "alert" | "emergency" | "emerg" | "panic" | "ftl" => {
                Self::Critical
            }
            number => Self::from_code(number.parse::<u16>().ok()?.into()),
        })
    }

    /// 10, 20, 30, 40 or 50, as Python counts them.
    pub const fn code(self) -> i64 {
        (self as i64 + 1) * 10
    }

    /// The level at or just below this number.
    pub fn from_code(code: i64) -> Self {
        let index = usize::try_from(code / 10 - 1).unwrap_or(0);
        Self::ALL[index.min(4)]
    }
}

/// Where a log line came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// The process's standard output.
    #[default]
    Stdout,
    /// The process's standard error.
    Stderr,
    /// Baton's own words about the run.
    System,
}

impl LogStream {
    /// The number stored in databases.
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// The stream with this stored number.
    pub const fn from_code(code: i64) -> Self {
        match code {
            1 => Self::Stderr,
            2 => Self::System,
            _ => Self::Stdout,
        }
    }
}

/// One transition of a run, as history keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEvent {
    /// Position in the history of all runs; readers resume after it.
    pub seq: i64,
    /// The run.
    pub run_id: RunId,
    /// The state before; `None` for the first.
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// The attempt concerned.
    pub attempt: u32,
    /// The fence in force.
    pub fence: Fence,
    /// When.
    pub at: Timestamp,
    /// What happened, as [`crate::state::Event::name`] says it.
    pub event: String,
    /// Who did it: a key's name, `scheduler`, `dispatcher`, `rescuer`, or a robot's name.
    pub actor: String,
    /// The robot concerned.
    pub robot_id: Option<RobotId>,
    /// A sentence, where there is one.
    pub message: Option<String>,
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
