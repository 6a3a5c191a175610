//! What exactly is executed for an attempt: program, arguments and environment, as a pure function.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use baton_api::robot::JobAssignment;
use baton_core::flow::{Entry, Python};
use baton_core::parameter::{sharing, variable};
use baton_core::template;
use serde_json::Value;

/// A parameter longer than this, in bytes, is in the parameters file only: the kernel refuses an
/// environment variable beyond 128 KiB, and all of them together share two megabytes.
const MAX_ENV_VALUE: usize = 32 << 10;

/// Variables of the agent that a run must not see: they carry its keys or would mislead it.
const HIDDEN: [&str; 5] = [
    "BATON_",
    "ORCHESTRATOR_",
    "SUPABASE_",
    "DATABASE_URL",
    "PREFECT_API_",
];

/// The interpreter for Python scripts unless the flow names one.
pub(crate) const DEFAULT_PYTHON: &str = "python3";

/// Where an attempt's files are.
pub(crate) struct Places {
    /// The folder in which all of them lie.
    pub(crate) work: PathBuf,
    /// The attempt's own copy of the package.
    pub(crate) package: PathBuf,
    /// The parameters as JSON.
    pub(crate) parameters: PathBuf,
    /// Where the script says what it does.
    pub(crate) events: PathBuf,
    /// Where the script writes its outputs.
    pub(crate) outputs: PathBuf,
    /// Where the script leaves files.
    pub(crate) artifacts: PathBuf,
    /// Scratch space that goes with the attempt.
    pub(crate) temporary: PathBuf,
}

impl Places {
    pub(crate) fn under(work: &Path) -> Self {
        Self {
            work: work.to_owned(),
            package: work.join("package"),
            parameters: work.join("parameters.json"),
            events: work.join("events.jsonl"),
            outputs: work.join("outputs.json"),
            artifacts: work.join("artifacts"),
            temporary: work.join("tmp"),
        }
    }
}

/// Program and arguments of a command entry, with parameters filled in.
///
/// A program without `/` that lies in the run's folder is meant; another is looked up in `PATH`. A
/// program that ends in `.py` runs under the flow's Python, and `python` or `python3` *is* that Python.
pub(crate) fn argv(
    job: &JobAssignment,
    folder: &Path,
    venv: Option<&Path>,
    own: &Own,
) -> Result<Vec<String>, String> {
    let Entry::Command { argv, python, .. } = &job.workflow.entry else {
        return Err("only command flows can be executed by a robot".into());
    };
    let (program, args) = argv.split_first().ok_or("the command is empty")?;
    let chosen = match (python, venv) {
        (_, Some(venv)) => Some(venv.join("bin/python").display().to_string()),
        (Some(Python::Interpreter(name)), None) => Some(name.clone()),
        _ => None,
    };
    let interpreter = || chosen.clone().unwrap_or_else(|| DEFAULT_PYTHON.to_owned());
    let is_script = Path::new(program).extension().is_some_and(|e| e == "py");
    let mut out = match program.as_str() {
        _ if is_script => vec![interpreter(), program.clone()],
        "python" | "python3" if chosen.is_some() => vec![interpreter()],
        _ if !program.contains('/') && folder.join(program).is_file() => {
            vec![format!("./{program}")]
        }
        _ => vec![program.clone()],
    };
    for arg in args {
        out.push(fill(arg, job, own)?);
    }
    match out.iter().position(|a| a.contains('\0')) {
        Some(at) => Err(format!(
            "argument {at} holds a NUL character, which no program can take"
        )),
        None => Ok(out),
    }
}

/// What Baton itself tells a run, by the words of [`template::WORDS`].
pub(crate) type Own = BTreeMap<&'static str, OsString>;

/// What Baton tells this run.
pub(crate) fn own(job: &JobAssignment, places: &Places, server: &str) -> Own {
    let run = job.claim.job_id.to_string();
    let text = |text: &str| OsString::from(text);
    BTreeMap::from([
        // The same for every attempt of a run: what the outside world was asked under it was asked once.
        ("idempotency_key", text(&run)),
        ("run_id", text(&run)),
        ("run_name", text(&job.run_name)),
        ("attempt", text(&job.claim.attempt.to_string())),
        ("flow", text(&job.workflow.name)),
        ("deployment", text(job.deployment.as_deref().unwrap_or(""))),
        ("url", text(server)),
        ("desktop", text(job.desktop.as_deref().unwrap_or(""))),
        ("parameters", places.parameters.clone().into()),
        ("events", places.events.clone().into()),
        ("outputs", places.outputs.clone().into()),
        ("artifacts", places.artifacts.clone().into()),
    ])
}

/// The word with every `{{name}}` replaced by that parameter, or by what Baton tells a run.
fn fill(word: &str, job: &JobAssignment, own: &Own) -> Result<String, String> {
    template::fill(word, |name| match template::own(name) {
        Some(ours) => own
            .get(ours)
            .map(|value| value.to_string_lossy().into_owned()),
        None => job.variables.get(name).map(plain),
    })
    .map_err(|name| template::advice(word, name))
}

/// One sentence for each variable that stands for several parameters, of which it can hold one only.
pub(crate) fn shared_variables(job: &JobAssignment) -> Vec<String> {
    let said = |(variable, names): (String, Vec<&str>)| {
        let last = names.last().copied().unwrap_or_default();
        format!(
            "the parameters {} become the same variable, {variable}: it holds that of {last}, and the file in \
             BATON_PARAMETERS holds them all",
            names.join(" and ")
        )
    };
    let names = job.variables.keys().map(String::as_str);
    sharing(names).into_iter().map(said).collect()
}

/// A value as a person would type it: text without quotes, nothing for null, JSON otherwise.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The agent's own environment without its secrets, as it is: not all of it need be UTF-8.
pub(crate) fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| is_visible(name))
}

fn is_visible(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    !HIDDEN
        .iter()
        .any(|hidden| name.starts_with(hidden.as_bytes()))
}

/// The environment of a run: the agent's own without its secrets, the flow's, and what Baton says.
pub(crate) fn environment(
    inherited: impl Iterator<Item = (OsString, OsString)>,
    job: &JobAssignment,
    places: &Places,
    venv: Option<&Path>,
    own: &Own,
) -> Result<Vec<(OsString, OsString)>, String> {
    let mut env: BTreeMap<OsString, OsString> =
        inherited.filter(|(name, _)| is_visible(name)).collect();
    if let Some(venv) = venv {
        let mut path = venv.join("bin").into_os_string();
        path.push(":");
        path.push(env.remove(OsStr::new("PATH")).unwrap_or_default());
        env.insert("PATH".into(), path);
        env.insert("VIRTUAL_ENV".into(), venv.into());
    }
    env.insert("PYTHONUNBUFFERED".into(), "1".into());
    env.insert("TMPDIR".into(), places.temporary.clone().into());
    if let Entry::Command { env: flows, .. } = &job.workflow.entry {
        for (name, value) in flows {
            env.insert(name.into(), fill(value, job, own)?.into());
        }
    }
    for (name, value) in &job.variables {
        let value = plain(value);
        if value.len() <= MAX_ENV_VALUE {
            env.insert(variable(name).into(), value.into());
        }
    }
    for (word, value) in own {
        let name = format!("BATON_{}", word.to_ascii_uppercase());
        env.insert(name.into(), value.clone());
    }
    Ok(env.into_iter().filter(is_possible).collect())
}

/// Whether the system can hand on such a variable.
fn is_possible((name, value): &(OsString, OsString)) -> bool {
    let (name, value) = (name.as_encoded_bytes(), value.as_encoded_bytes());
    !name.is_empty() && !name.contains(&b'=') && !name.contains(&0) && !value.contains(&0)
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
