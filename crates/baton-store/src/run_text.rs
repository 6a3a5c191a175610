//! Filters of runs that look at text: no index serves them, so a page looks at a bounded number of runs.

use std::collections::BTreeMap;

use baton_core::id::RobotId;
use baton_core::run::Run;
use serde_json::Value;

/// Runs that one page looks at for a text: some hundred milliseconds at most. A page that finds fewer than it may
/// hold says where to go on.
pub const SCANNED: usize = 2_000;

/// What the texts of a run must say. Empty fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunText {
    /// A parameter, and its value as text (text as it is, other values as JSON); without a value, any.
    pub parameter: Option<(String, Option<String>)>,
    /// The error's message has this in it; case is ignored.
    pub error: Option<String>,
    /// Name, flow, deployment, label, a tag, a parameter's value or the error's message has this in it; case is
    /// ignored.
    pub search: Option<String>,
    /// Computers of robots, whose names are part of labels.
    pub computers: BTreeMap<RobotId, String>,
}

impl RunText {
    /// Whether nothing is asked.
    pub const fn is_empty(&self) -> bool {
        self.parameter.is_none() && self.error.is_none() && self.search.is_none()
    }

    /// Whether a run says all that is asked.
    pub fn is_said_by(&self, run: &Run) -> bool {
        let parameter = self.parameter.as_ref().is_none_or(|(name, wanted)| {
            run.spec
                .parameters
                .get(name)
                .is_some_and(|value| wanted.as_ref().is_none_or(|wanted| *wanted == text(value)))
        });
        let error = self.error.as_deref().is_none_or(|part| {
            let error = run.error.as_ref();
            error.is_some_and(|error| has(&error.message, &part.to_lowercase()))
        });
        parameter
            && error
            && self
                .search
                .as_deref()
                .is_none_or(|part| self.finds(run, part))
    }

    fn finds(&self, run: &Run, part: &str) -> bool {
        let part = part.to_lowercase();
        let computer = run.robot_id.and_then(|id| self.computers.get(&id));
        let label = run.label(computer.map(String::as_str));
        let deployment = run.spec.deployment_name.iter();
        let full = deployment.map(|name| format!("{}/{name}", run.spec.flow_name));
        let error = run.error.iter().map(|error| error.message.clone());
        has(&run.name, &part)
            || has(&label, &part)
            || full.chain(error).any(|text| has(&text, &part))
            || run.spec.needs.tags.iter().any(|tag| has(tag, &part))
            || run
                .spec
                .parameters
                .values()
                .any(|value| has(&text(value), &part))
    }
}

/// A value as people write it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn has(text: &str, lowered: &str) -> bool {
    text.to_lowercase().contains(lowered)
}
