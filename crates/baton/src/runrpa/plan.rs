//! What a manual run executes: program, arguments and environment, and how often.

use std::collections::BTreeMap;
use std::process::Stdio;

use baton_core::parameter::variable;
use baton_core::retry::RetryPolicy;
use baton_core::template;
use serde_json::{Map, Value};
use tokio::process::Command;

use super::argv::Flags;
use super::spool::Spool;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::source;

/// What is executed, and how often.
pub(super) struct Plan {
    pub(super) argv: Vec<String>,
    folder: std::path::PathBuf,
    env: Vec<(String, String)>,
    flow: String,
    pub(super) parameters: Map<String, Value>,
    pub(super) retry: RetryPolicy,
}

impl Plan {
    pub(super) fn new(
        source: &source::Source,
        parameters: Map<String, Value>,
        flags: &Flags,
    ) -> Done<Self> {
        let retry = flags.retry()?;
        let baton_core::flow::Entry::Command {
            argv, env, workdir, ..
        } = &source.entry
        else {
            return Err(Failure::usage("only a command can be run here"));
        };
        let base = if source.path.is_dir() {
            source.path.join(workdir)
        } else {
            source
                .path
                .parent()
                .map(std::path::Path::to_owned)
                .unwrap_or_default()
        };
        for word in argv.iter().chain(env.values()) {
            let known = |name: &str| {
                (template::own(name).is_some() || parameters.contains_key(name)).then(String::new)
            };
            template::fill(word, known).map_err(|name| {
                Failure::new(
                    Exit::Refused,
                    "unknown_parameter",
                    template::advice(word, name),
                )
            })?;
        }
        let mut argv = argv.clone();
        // A lone script that is to be run under a Python says only its own name.
        if argv.first().is_some_and(|program| program.ends_with(".py")) {
            argv.insert(0, "python3".into());
        }
        Ok(Self {
            argv,
            folder: base,
            env: env.clone().into_iter().collect(),
            flow: source.flow.clone(),
            parameters,
            retry,
        })
    }

    /// The command of one attempt, with everything that a robot would tell it as well.
    pub(super) fn command(&self, spool: &Spool, attempt: u32) -> Command {
        let shown = |name: &str| spool.path(name).display().to_string();
        let own: BTreeMap<&str, String> = BTreeMap::from([
            ("flow", self.flow.clone()),
            ("attempt", attempt.to_string()),
            ("idempotency_key", spool.key()),
            ("parameters", shown("parameters.json")),
            ("events", shown("events.jsonl")),
            ("outputs", shown("outputs.json")),
            ("artifacts", shown("artifacts")),
        ]);
        // Every name was known when this was planned; what only a robot tells is empty here.
        let filled = |word: &String| {
            template::fill(word, |name| match template::own(name) {
                Some(ours) => Some(own.get(ours).cloned().unwrap_or_default()),
                None => self.parameters.get(name).map(plain),
            })
            .unwrap_or_else(|_| word.clone())
        };
        let mut command = Command::new(&self.argv[0]);
        command
            .args(self.argv[1..].iter().map(filled))
            .current_dir(&self.folder)
            .env("PYTHONUNBUFFERED", "1")
            .envs(self.env.iter().map(|(k, v)| (k, filled(v))));
        for (name, value) in &self.parameters {
            command.env(variable(name), plain(value));
        }
        for (word, value) in &own {
            command.env(format!("BATON_{}", word.to_ascii_uppercase()), value);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A value as a person would type it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
