//! One attempt from `start` to its result in the spool: fetch, prepare, run under a guard, hand over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_api::robot::{Claim, JobAssignment, JobResult, MAX_OUTPUTS};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::flow::{Entry as FlowEntry, Python};
use baton_core::run::{LogLevel, LogStream};
use baton_core::state::State;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

mod artifacts;
mod command;
mod environment;
mod lines;
mod log;
mod outcome;
mod quota;
mod report;
mod tasks;
mod watch;

pub(crate) use environment::Environments;
pub use quota::LogLimits;
pub(crate) use watch::Control;

use self::command::Places;
use self::environment::Wanted;
use self::log::{RunLog, pump};
use self::report::Reports;
use self::watch::{Watched, millis, watch};
use crate::cache::Held;
use crate::config::AgentConfig;
use crate::guard::Spec;
use crate::http::Http;
use crate::packages::{HeldPackage, Packages, copy_tree};
use crate::process::{self, Tree};
use crate::session::Input;
use crate::spool::{Entry, Spool};

/// How long a stream may stay open after its tree is gone: only a process that smuggled it out could hold it.
const STREAM_AFTER_TREE: Duration = Duration::from_secs(5);

/// What all attempts of an agent share.
pub(crate) struct Shared {
    /// The agent's configuration.
    pub(crate) config: AgentConfig,
    /// Where unacknowledged things are kept.
    pub(crate) spool: Arc<Spool>,
    /// The package cache.
    pub(crate) packages: Packages,
    /// The Python environments.
    pub(crate) environments: Environments,
    /// The server.
    pub(crate) http: Http,
    /// Where attempts work, one folder each.
    pub(crate) work: PathBuf,
    /// Tells this agent's processes from everybody else's.
    pub(crate) mark: String,
    /// Where the session hears of it.
    pub(crate) inputs: mpsc::Sender<Input>,
}

/// Name of the variable that marks every process of an agent, for the sweep after a crash.
pub(crate) const AGENT_MARK: &str = "BATON_AGENT_MARK";
/// Name of the variable that marks every process of one attempt.
const TREE_MARK: &str = "BATON_TREE_MARK";

/// Executes an attempt and leaves its result in the spool.
pub(crate) async fn execute(
    job: Box<JobAssignment>,
    entry: Arc<Entry>,
    shared: Arc<Shared>,
    mut control: Control,
) {
    let claim = job.claim;
    let log = Arc::new(RunLog::new(
        Arc::clone(&entry),
        Arc::clone(&shared.spool),
        shared.inputs.clone(),
        shared.config.limits.log,
    ));
    let work = shared.work.join(format!(
        "{}-{}-{}",
        claim.job_id, claim.attempt, claim.fence
    ));
    let attempt = Attempt {
        job: &job,
        places: Places::under(&work),
        shared: &shared,
        log: &log,
        entry: &entry,
    };
    let result = {
        let flushing = log.keep_flushing();
        tokio::select! {
            result = attempt.run(&mut control) => result,
            () = flushing => unreachable!("it flushes for as long as it is polled"),
        }
    };
    log.finish().await;
    save(&entry, result).await;
    // The session is gone only when the agent is; then the spool tells the next one.
    let _ = shared.inputs.send(Input::Ended(claim)).await;
    let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(&work)).await;
    if let Ok(Err(error)) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(run = %claim.job_id, %error, "the work folder of an attempt cannot be removed");
    }
}

/// Puts a result into the spool, on the disk if it takes it.
pub(crate) async fn save(entry: &Arc<Entry>, result: JobResult) {
    let (to, copy) = (Arc::clone(entry), result.clone());
    let saved = tokio::task::spawn_blocking(move || to.save_result(&copy)).await;
    if let Ok(Err(error)) = saved {
        tracing::error!(run = %entry.note.claim.job_id, %error, "a result cannot be written into the spool; it is kept in memory");
        entry.keep_result(result);
    }
}

/// A result without process.
pub(crate) fn unexecuted(claim: Claim, state: State, error: Option<ErrorInfo>) -> JobResult {
    JobResult {
        claim,
        status: state.job_status().to_owned(),
        state,
        error,
        exit_code: None,
        outputs: Map::new(),
        execution_time: None,
    }
}

/// What preparing gives: where to run what. What it holds must stay until the run is over.
struct Prepared {
    spec: Spec,
    _environment: Option<Held>,
}

struct Attempt<'a> {
    job: &'a JobAssignment,
    places: Places,
    shared: &'a Arc<Shared>,
    log: &'a Arc<RunLog>,
    entry: &'a Arc<Entry>,
}

impl Attempt<'_> {
    async fn run(&self, control: &mut Control) -> JobResult {
        let claim = self.job.claim;
        match self.prepare(control).await {
            Ok(Some(prepared)) => self.process(prepared, control).await,
            Ok(None) => {
                let why = control
                    .asked
                    .as_ref()
                    .expect("preparing stops only when asked to");
                let (state, error) = outcome::ended(why);
                unexecuted(claim, state, error)
            }
            Err(error) => {
                self.log.say(LogLevel::Error, error.message.clone());
                unexecuted(claim, State::Failed, Some(error.bounded()))
            }
        }
    }

    /// Everything before the process. `Ok(None)`: the attempt is to end.
    async fn prepare(&self, control: &mut Control) -> Result<Option<Prepared>, ErrorInfo> {
        let FlowEntry::Command {
            workdir, python, ..
        } = &self.job.workflow.entry
        else {
            return Err(ErrorInfo::new(
                ErrorKind::Spawn,
                "only command flows can be executed by a robot",
            ));
        };
        let fetched = self.fetch(control).await?;
        if fetched.is_none() {
            return Ok(None);
        }
        let folder = inside(&self.places.package, workdir)?;
        let environment = match python {
            Some(Python::Requirements(file)) => {
                let file = inside(&self.places.package, file)?;
                let config = &self.shared.config;
                let wanted = Wanted {
                    requirements: &file,
                    package: self.job.workflow.package.as_deref(),
                    guard: &config.guard,
                    log: self.log,
                    within: config.limits.build_within,
                };
                let built = self.shared.environments.get(&wanted, control).await?;
                if built.is_none() {
                    return Ok(None);
                }
                built
            }
            _ => None,
        };
        let venv = environment.as_ref().map(|e| e.folder.as_path());
        let argv = command::argv(self.job, &folder, venv)
            .map_err(|why| ErrorInfo::new(ErrorKind::Spawn, why))?;
        let server = &self.shared.config.server;
        let mut env = command::environment(std::env::vars(), self.job, &self.places, server, venv);
        env.push((AGENT_MARK.to_owned(), self.shared.mark.clone()));
        env.push((TREE_MARK.to_owned(), self.tree_mark()));
        Ok(Some(Prepared {
            spec: Spec {
                argv,
                env,
                folder,
                lease_until: 0,
            },
            _environment: environment,
        }))
    }

    fn tree_mark(&self) -> String {
        let Claim {
            job_id,
            attempt,
            fence,
        } = self.job.claim;
        format!("{}/{job_id}/{attempt}/{fence}", self.shared.mark)
    }

    /// The attempt's own folder with its own copy of the package. `Ok(None)`: the attempt is to end.
    async fn fetch(&self, control: &mut Control) -> Result<Option<()>, ErrorInfo> {
        let package_error = |e: anyhow::Error| {
            ErrorInfo::new(
                ErrorKind::Package,
                format!("the flow's package cannot be fetched: {e:#}"),
            )
        };
        let held = match &self.job.workflow.package {
            Some(hash) => {
                let within = self.shared.config.limits.fetch_within;
                let fetching = tokio::time::timeout(within, self.shared.packages.fetch(hash));
                match control.unless_ended(fetching).await {
                    None => return Ok(None),
                    Some(Ok(fetched)) => Some(fetched.map_err(package_error)?),
                    Some(Err(_)) => {
                        let message = format!(
                            "the flow's package did not come within {} s",
                            within.as_secs()
                        );
                        return Err(ErrorInfo::new(ErrorKind::Package, message));
                    }
                }
            }
            None => None,
        };
        let tree = held.as_ref().map(HeldPackage::tree);
        let places = Places::under(
            self.places
                .package
                .parent()
                .expect("it lies in the work folder"),
        );
        let parameters = serde_json::to_vec_pretty(&self.job.variables).unwrap_or_default();
        let set_up = move || -> std::io::Result<()> {
            match tree {
                Some(tree) => copy_tree(&tree, &places.package)?,
                None => fs::create_dir_all(&places.package)?,
            }
            fs::create_dir_all(&places.artifacts)?;
            fs::create_dir_all(&places.temporary)?;
            fs::write(&places.parameters, parameters)?;
            fs::write(&places.events, b"")
        };
        let done = tokio::task::spawn_blocking(set_up)
            .await
            .map_err(std::io::Error::other);
        done.and_then(|d| d).map_err(|e| {
            ErrorInfo::new(
                ErrorKind::Resource,
                format!("the run's folder cannot be made: {e}"),
            )
        })?;
        drop(held);
        Ok(Some(()))
    }

    async fn process(&self, mut prepared: Prepared, control: &mut Control) -> JobResult {
        let claim = self.job.claim;
        prepared.spec.lease_until = millis(*control.lease.borrow_and_update());
        let started = Tree::start(&self.shared.config.guard, prepared.spec);
        let (mut tree, out, err) = match started {
            Ok(started) => started,
            Err(error) => {
                let message = format!("no guard could be started: {error}");
                let error = ErrorInfo::new(ErrorKind::Resource, message);
                self.log.say(LogLevel::Error, error.message.clone());
                return unexecuted(claim, State::Failed, Some(error));
            }
        };
        let out = tokio::spawn(pump(out, LogStream::Stdout, Arc::clone(self.log)));
        let err = tokio::spawn(pump(err, LogStream::Stderr, Arc::clone(self.log)));
        let mut reports = Reports::new(
            &self.places.events,
            Arc::clone(self.entry),
            Arc::clone(self.log),
            self.shared.inputs.clone(),
        );
        let timeout = self
            .job
            .timeout_seconds
            .map(|s| Duration::from_secs(s.into()));
        let grace = Duration::from_secs(self.job.cancel_grace_seconds.into());
        let seen = watch(&mut tree, control, timeout, grace, Some(&mut reports)).await;
        drop(tree);
        self.log.ends();
        self.tidy_up(&seen).await;
        for mut stream in [out, err] {
            if tokio::time::timeout(STREAM_AFTER_TREE, &mut stream)
                .await
                .is_err()
            {
                stream.abort();
                self.log.say(
                    LogLevel::Warning,
                    "a stream of the run was still open after all its processes were gone",
                );
            }
        }
        reports.finish(seen.cause.is_some()).await;
        self.result(&seen, reports, control).await
    }

    /// Speaks of what the tree left behind, and kills what a lost guard could not.
    async fn tidy_up(&self, seen: &Watched) {
        if seen.left_behind > 0 {
            let message = format!(
                "{} processes were still running at the end and were killed",
                seen.left_behind
            );
            self.log.say(LogLevel::Warning, message);
        }
        if seen.guard_lost {
            let mark = format!("{TREE_MARK}={}", self.tree_mark());
            let swept = tokio::task::spawn_blocking(move || process::sweep(&mark)).await;
            let message = format!(
                "the guard was lost; {} processes were killed after it",
                swept.unwrap_or(0)
            );
            self.log.say(LogLevel::Error, message);
        }
    }

    async fn result(
        &self,
        seen: &Watched,
        mut reports: Reports,
        control: &mut Control,
    ) -> JobResult {
        let timeout = self.job.timeout_seconds;
        let (mut state, mut error) =
            outcome::outcome(seen, reports.error.take(), self.log.tail(), timeout);
        let mut outputs = reports.outputs;
        match read_outputs(&self.places.outputs, &mut outputs) {
            Ok(()) => {}
            Err(why) => {
                self.log.say(LogLevel::Error, why.clone());
                if state == State::Completed {
                    state = State::Failed;
                    error = Some(ErrorInfo::new(ErrorKind::Failed, why));
                }
            }
        }
        if let Some(error) = &error {
            self.log.say(LogLevel::Error, error.message.clone());
        }
        artifacts::upload(
            self.job.claim,
            &self.places.artifacts,
            self.shared,
            self.log,
            control,
        )
        .await;
        JobResult {
            claim: self.job.claim,
            status: state.job_status().to_owned(),
            state,
            error,
            exit_code: seen.code,
            outputs,
            execution_time: seen.ran.map(|r| r.as_secs_f64()),
        }
    }
}

/// A path inside the package, given by its flow; nothing outside can be meant.
fn inside(package: &Path, path: &str) -> Result<PathBuf, ErrorInfo> {
    let relative = Path::new(path);
    let stays = relative.components().all(|c| {
        matches!(
            c,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    });
    let full = package.join(relative);
    if !stays || !full.exists() {
        let message = format!("{path:?} is not in the flow's package");
        return Err(ErrorInfo::new(ErrorKind::Package, message));
    }
    Ok(full)
}

/// Adds what the script wrote into its outputs file.
fn read_outputs(file: &Path, outputs: &mut Map<String, Value>) -> Result<(), String> {
    let size = match fs::metadata(file) {
        Ok(meta) if !meta.is_file() => return Err("the outputs file is not a file".into()),
        Ok(meta) => meta.len(),
        Err(_) => return Ok(()),
    };
    if size == 0 {
        return Ok(());
    }
    if size > MAX_OUTPUTS as u64 {
        return Err(format!(
            "the outputs file has {size} bytes; {MAX_OUTPUTS} are allowed, leave a file in BATON_ARTIFACTS instead"
        ));
    }
    let bytes = fs::read(file).map_err(|e| format!("the outputs file cannot be read: {e}"))?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(map)) => {
            outputs.extend(map);
            let total = serde_json::to_vec(&outputs).map_or(0, |v| v.len());
            if total > MAX_OUTPUTS {
                outputs.clear();
                return Err(format!(
                    "all outputs together have {total} bytes; {MAX_OUTPUTS} are allowed"
                ));
            }
            Ok(())
        }
        Ok(_) => Err("the outputs file must hold one JSON object".into()),
        Err(error) => Err(format!("the outputs file is not JSON: {error}")),
    }
}
