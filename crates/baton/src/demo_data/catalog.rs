//! The world of the demo: the flows, deployments and schedules of a team that automates for a company.

use baton_core::error::ErrorKind;
use baton_core::run::Priority;
use baton_core::schedule::{Missed, Overlap, Rule, ScheduleSettings};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::dice::Dice;

mod data;
mod finance;
mod operations;
mod people;

/// One step of a flow: a task, and what it writes to the log.
pub(crate) struct Step {
    /// Its key.
    pub(crate) key: &'static str,
    /// What people read.
    pub(crate) name: &'static str,
    /// Keys of the steps it waits for.
    pub(crate) after: &'static [&'static str],
    /// Its part of the time, beside those of the other steps.
    pub(crate) weight: f64,
    /// Lines it writes; `{n}`, `{big}`, `{money}`, `{id}`, `{ms}` and `{pct}` are filled in. A `!` in front makes
    /// a warning, a `?` a debug line.
    pub(crate) says: &'static [&'static str],
}

/// A way in which a flow breaks.
pub(crate) struct Break {
    /// What kind of error it is.
    pub(crate) kind: ErrorKind,
    /// In which step.
    pub(crate) step: &'static str,
    /// What it says.
    pub(crate) message: &'static str,
    /// The innermost frames of its stack; empty where the flow printed none.
    pub(crate) stack: &'static str,
    /// The exit code of its process.
    pub(crate) code: i32,
}

/// A flow with everything that is made of it.
pub(crate) struct FlowDef {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where it stands in the tree.
    pub(crate) folder: &'static str,
    /// Words to find it by.
    pub(crate) tags: &'static [&'static str],
    /// A few words for people.
    pub(crate) about: &'static str,
    /// How long a run usually takes at least and at most, in seconds.
    pub(crate) seconds: (f64, f64),
    /// What it does.
    pub(crate) steps: &'static [Step],
    /// How it breaks.
    pub(crate) breaks: &'static [Break],
    /// The JSON Schema of the parameters of each version, the oldest first.
    pub(crate) schemas: &'static [&'static str],
    /// What each version brought.
    pub(crate) changes: &'static [&'static str],
    /// What a run hands back.
    pub(crate) outputs: fn(&mut Dice) -> Value,
    /// Whether a run leaves a screenshot.
    pub(crate) pictures: bool,
    /// Its deployments.
    pub(crate) deployments: &'static [DeploymentDef],
    /// How people run it without a deployment.
    pub(crate) by_hand: &'static [DeploymentDef],
}

/// A deployment.
pub(crate) struct DeploymentDef {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) tags: &'static [&'static str],
    pub(crate) labels: &'static [&'static str],
    pub(crate) capabilities: &'static [&'static str],
    pub(crate) priority: Priority,
    /// In seconds.
    pub(crate) timeout: u32,
    /// How many retries, and seconds before the first.
    pub(crate) retries: (u32, f64),
    pub(crate) start_within: Option<u32>,
    /// How many of its runs may be live at once.
    pub(crate) limit: Option<u32>,
    pub(crate) desktop: bool,
    /// Whether it stays on its first version.
    pub(crate) pinned: bool,
    /// JSON of its parameters.
    pub(crate) parameters: &'static str,
    pub(crate) schedules: &'static [ScheduleDef],
    /// Runs by hand or by other programs on a working day.
    pub(crate) by_hand: f64,
    /// Whose key those use.
    pub(crate) by: &'static str,
    /// Parameters of such a run.
    pub(crate) asks: fn(&mut Dice) -> Value,
}

impl DeploymentDef {
    /// The deployment `default` on the queue `default`, never run by hand.
    pub(crate) const PLAIN: Self = Self {
        name: "default",
        about: "",
        queue: "default",
        tags: &[],
        labels: &[],
        capabilities: &[],
        priority: Priority::Normal,
        timeout: 3_600,
        retries: (0, 1.0),
        start_within: None,
        limit: None,
        desktop: false,
        pinned: false,
        parameters: "{}",
        schedules: &[],
        by_hand: 0.0,
        by: "ops-desk",
        asks: nothing,
    };
}

/// How developers run a flow without a deployment, with its defaults.
const BY_HAND: &[DeploymentDef] = &[DeploymentDef {
    name: "",
    by_hand: 3.0,
    by: "ci",
    ..DeploymentDef::PLAIN
}];

/// A schedule.
pub(crate) struct ScheduleDef {
    pub(crate) name: &'static str,
    /// When it fires, for a demo that is made at this instant.
    pub(crate) rule: fn(Timestamp) -> Rule,
    pub(crate) zone: &'static str,
    pub(crate) overlap: Overlap,
    pub(crate) jitter: u32,
    pub(crate) paused: bool,
    /// JSON of its parameters.
    pub(crate) parameters: &'static str,
}

impl ScheduleDef {
    /// A schedule in UTC that lets runs overlap.
    pub(crate) const PLAIN: Self = Self {
        name: "regular",
        rule: |_| Rule::every_seconds(3_600),
        zone: "UTC",
        overlap: Overlap::Allow,
        jitter: 0,
        paused: false,
        parameters: "{}",
    };
}

impl ScheduleDef {
    /// Its settings, for a demo that is made at this instant.
    pub(crate) fn settings(&self, now: Timestamp) -> ScheduleSettings {
        ScheduleSettings {
            rule: (self.rule)(now),
            timezone: self.zone.to_owned(),
            starts_at: None,
            ends_at: None,
            jitter_seconds: self.jitter,
            missed: Missed::default(),
            overlap: self.overlap,
            parameters: object(self.parameters),
            robot_id: None,
            priority: None,
        }
    }
}

/// A JSON object written in this catalogue.
pub(crate) fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).expect("a test reads every object of the catalogue")
}

/// No parameters, no outputs.
pub(crate) fn nothing(_dice: &mut Dice) -> Value {
    json!({})
}

/// A cron rule.
fn cron(expression: &str) -> Rule {
    Rule::Cron {
        expression: expression.to_owned(),
    }
}

/// One time, this many days from the making of the demo, at this local time.
fn once(now: Timestamp, days: i64, time: &str) -> Rule {
    let day = super::later(now, 86_400.0 * days as f64);
    Rule::Once {
        at: format!("{}T{time}", day.strftime("%Y-%m-%d")),
    }
}

/// Every flow.
pub(crate) fn flows() -> impl Iterator<Item = &'static FlowDef> {
    let all = [
        finance::FLOWS,
        people::FLOWS,
        data::FLOWS,
        operations::FLOWS,
    ];
    all.into_iter().flatten()
}

/// The flow of this name.
pub(crate) fn flow(name: &str) -> Option<&'static FlowDef> {
    flows().find(|flow| flow.name == name)
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
