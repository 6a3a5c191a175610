//! Flows, their immutable versions, and the deployments that make a version runnable.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{DeploymentId, FlowId, OrgId, QueueId, RobotId, VersionId};
use crate::parameter::ParameterSchema;
use crate::retry::RetryPolicy;
use crate::run::Priority;
use crate::state::OnLost;
use crate::stop_signal::StopSignal;
use crate::template;

/// A named automation.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// Its tenant.
    pub org: OrgId,
    /// Unique within the org.
    pub name: String,
    /// A few words for people.
    pub description: String,
    /// Where it stands in the tree, `/`-separated; empty is the top.
    pub folder: String,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// The newest version.
    pub latest_version: Option<VersionId>,
    /// When it was first deployed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A version of a flow. Never changes, except for its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// Its flow.
    pub flow_id: FlowId,
    /// Its tenant.
    pub org: OrgId,
    /// 1, 2, … within the flow.
    pub number: u32,
    /// Whether new runs may use it.
    pub status: VersionStatus,
    /// The SHA-256 of its package, in lower-case hex; `None` for a flow without files.
    pub package: Option<String>,
    /// What is executed.
    pub entry: Entry,
    /// JSON Schema of its parameters.
    pub parameter_schema: Value,
    /// Where it came from: source path, revision, user; for people.
    pub source: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether new runs may use a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VersionStatus {
    /// Not yet for deployments.
    Draft,
    /// In use.
    #[default]
    Active,
    /// Still runs where it is pinned.
    Deprecated,
    /// Kept for the history of its runs only.
    Archived,
}

/// What is executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// An executable with arguments, without a shell; the exit code decides.
    Command {
        /// Program and arguments. `{{name}}` in an argument or a variable stands for that parameter,
        /// `{{baton.artifacts}}` for what Baton tells a run ([`crate::template`]).
        argv: Vec<String>,
        /// Environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// Folder inside the package to run in; empty is its top.
        #[serde(default)]
        workdir: String,
        /// Python to run it with, where the program is a Python script.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        python: Option<Python>,
    },
    /// A run that only its own process knows how to execute (a manual run by `runrpa`, a Prefect flow).
    External,
}

impl Entry {
    /// What is wrong with the names in its command and variables under this schema. Where the schema takes
    /// parameters that it does not describe, a name that it does not know is only worth a warning.
    pub fn check_names(&self, schema: &ParameterSchema) -> Result<Vec<String>, String> {
        let Self::Command { argv, env, .. } = self else {
            return Ok(Vec::new());
        };
        let mut warnings = Vec::new();
        for word in argv.iter().skip(1).chain(env.values()) {
            for piece in template::pieces(word) {
                let template::Piece::Name(name) = piece else {
                    continue;
                };
                if template::own(name).is_some() || schema.describes(name) {
                    continue;
                }
                if template::is_own(name) || schema.is_closed() {
                    return Err(template::advice(word, name));
                }
                if schema.describes_any() {
                    warnings.push(format!(
                        "{word:?} names the parameter {name:?}, which is not described; a run without it fails"
                    ));
                }
            }
        }
        Ok(warnings)
    }
}

/// Which Python runs a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Python {
    /// The interpreter of this name or path on the robot.
    Interpreter(String),
    /// An environment built from this requirements file of the package, cached by its content.
    Requirements(String),
    /// An environment built with this interpreter from this requirements file.
    Environment {
        /// Name or path on the robot.
        interpreter: String,
        /// The file in the package.
        requirements: String,
    },
}

impl Python {
    /// What is asked for: an interpreter, a requirements file, or both.
    pub fn of(interpreter: Option<String>, requirements: Option<String>) -> Option<Self> {
        match (interpreter, requirements) {
            (Some(interpreter), Some(requirements)) => Some(Self::Environment {
                interpreter,
                requirements,
            }),
            (Some(interpreter), None) => Some(Self::Interpreter(interpreter)),
            (None, requirements) => requirements.map(Self::Requirements),
        }
    }

    /// The requirements file of the package that an environment is built from.
    pub fn requirements(&self) -> Option<&str> {
        match self {
            Self::Requirements(file)
            | Self::Environment {
                requirements: file, ..
            } => Some(file),
            Self::Interpreter(_) => None,
        }
    }
}

/// What of the variables of a flow could not reach its runs, if anything.
pub fn check_env(env: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in env {
        let ours = name
            .strip_prefix("BATON_")
            .is_some_and(|rest| template::WORDS.contains(&rest.to_ascii_lowercase().as_str()));
        if ours || name.starts_with(crate::parameter::VARIABLE_PREFIX) {
            return Err(format!(
                "{name} is set by Baton for each run; give the variable another name"
            ));
        }
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("{name:?} cannot name a variable"));
        }
        if value.contains('\0') {
            return Err(format!(
                "the value of {name} holds a NUL character, which no variable can hold"
            ));
        }
    }
    Ok(())
}

/// A flow version made runnable.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Its tenant.
    pub org: OrgId,
    /// Its flow.
    pub flow_id: FlowId,
    /// Unique within the flow; `default` unless given.
    pub name: String,
    /// Everything that can be edited.
    pub settings: DeploymentSettings,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What of a deployment can be edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeploymentSettings {
    /// The pinned version; `None` follows the newest active one.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Uuid))]
    pub version_id: Option<VersionId>,
    /// Where its runs wait.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub queue_id: QueueId,
    /// A few words for people.
    #[serde(default)]
    pub description: String,
    /// Words to find its runs by; limits may hold on them.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Parameters that a run gets unless it brings its own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub parameters: Map<String, Value>,
    /// Priority of its runs.
    #[serde(default)]
    pub priority: Priority,
    /// Labels a robot must all have.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Capabilities a robot must all have.
    #[serde(default)]
    pub capabilities: BTreeSet<String>,
    /// The environment a robot must belong to.
    #[serde(default)]
    pub environment: Option<String>,
    /// The one robot its runs may use.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Uuid))]
    pub robot_id: Option<RobotId>,
    /// Whether each run occupies a desktop session of its own.
    #[serde(default)]
    pub desktop: bool,
    /// How many of its runs may be live at once.
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// How long an attempt may run, in seconds; 0 is without limit.
    pub timeout_seconds: u32,
    /// How long a cancel waits before the process tree is killed, in seconds.
    pub cancel_grace_seconds: u32,
    /// The signal with which a run is asked to end; what is left after the grace is killed.
    #[serde(default)]
    pub stop_signal: StopSignal,
    /// When to try again.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// What happens when the robot is lost.
    #[serde(default)]
    pub on_lost: OnLost,
    /// How long an attempt may go on while its robot and the server do not hear each other, in seconds, 60 to
    /// 604800; `None` is 60 where another attempt may follow it, else four hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_after_seconds: Option<u32>,
    /// Seconds after its due time at which a run that has not started ends as timed out.
    #[serde(default)]
    pub start_within_seconds: Option<u32>,
    /// Whether it is paused, and all its schedules with it.
    #[serde(default)]
    pub paused: bool,
}

/// How long a command or graph run may take unless its deployment says otherwise, in seconds.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 3_600;
/// How long a cancel waits before the process tree is killed, in seconds.
pub const DEFAULT_CANCEL_GRACE_SECONDS: u32 = 30;

impl DeploymentSettings {
    /// The standard settings on this queue.
    pub fn on(queue_id: QueueId) -> Self {
        Self {
            version_id: None,
            queue_id,
            description: String::new(),
            tags: BTreeSet::new(),
            parameters: Map::new(),
            priority: Priority::default(),
            labels: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            environment: None,
            robot_id: None,
            desktop: false,
            concurrency_limit: None,
            timeout_seconds: DEFAULT_TIMEOUT_SECONDS,
            cancel_grace_seconds: DEFAULT_CANCEL_GRACE_SECONDS,
            stop_signal: StopSignal::default(),
            retry: RetryPolicy::default(),
            on_lost: OnLost::default(),
            lost_after_seconds: None,
            start_within_seconds: None,
            paused: false,
        }
    }
}

/// What is wrong with a name for a flow, deployment, queue or robot, if anything.
///
/// Names appear in paths (`flow/deployment`), tables and file names: 1 to 200 characters, no `/`,
/// no character that nobody sees ([`crate::text`]), no blank at either end, not `.` or `..`.
pub fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 || length > 200 {
        return Err(format!("a name has 1 to 200 characters, not {length}"));
    }
    crate::text::check_line(name)?;
    if name.trim() != name {
        return Err("a name neither begins nor ends with a blank".into());
    }
    if name == "." || name == ".." {
        return Err(format!("{name:?} cannot be a name"));
    }
    match name.chars().find(|c| *c == '/' || *c == '\\') {
        Some(c) => Err(format!("a name has no {c:?} in it")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_break_a_path_are_refused() {
        for bad in [
            "",
            " a",
            "a ",
            "a/b",
            "a\\b",
            "a\0",
            "..",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}",
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in ["cscKPI-CDAPXXX03", "Cat Fact Flow", "rechnungen-für-märz"] {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
    }
}
