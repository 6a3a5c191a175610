//! One attempt from `start` to its result in the spool: fetch, prepare, run under a guard, hand over.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use baton_api::robot::{Claim, JobAssignment, JobResult};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::run::LogLevel;
use baton_core::state::State;
use futures_util::FutureExt as _;
use serde_json::Map;
use tokio::sync::mpsc;

mod artifacts;
mod command;
mod environment;
mod exit_code;
mod last_lines;
mod log;
mod outcome;
mod prepare;
mod pulse;
mod quota;
mod report;
mod rights;
mod robot_framework;
mod streams;
mod telling;
mod unready;
mod watch;

pub(crate) use environment::Environments;
pub(crate) use watch::{Control, Lease};

use self::command::Places;
use self::log::RunLog;
use self::outcome::LastWords;
use self::prepare::Prepared;
use self::report::Reports;
use self::rights::{own_user, without_user};
use self::streams::pump;
use self::unready::Unready;
use self::watch::{Watched, watch};
use crate::config::AgentConfig;
use crate::folders;
use crate::http::Http;
use crate::left::read_outputs;
use crate::own_user::OwnUser;
use crate::packages::Packages;
use crate::process::{Marked, Tree};
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
    let own_user = match own_user(&shared).await {
        Ok(taken) => taken.map(Arc::new),
        Err(error) => return without_user(&log, &entry, &shared, error).await,
    };
    let attempt = Attempt {
        own_user: own_user.clone(),
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
    if let Some(error) = result.error.as_ref().filter(|_| result.handed_back) {
        let why = error.message.clone();
        let _ = shared.inputs.send(Input::HandedBack(claim, why)).await;
    }
    save(&entry, result).await;
    // The session is gone only when the agent is; then the spool tells the next one.
    let _ = shared.inputs.send(Input::Ended(claim)).await;
    let removed = tokio::task::spawn_blocking(move || {
        let removed = folders::remove(&work);
        // Its number is given back when nothing of the run is left.
        if let Some(Err(error)) = own_user.map(|own| own.give_back()) {
            tracing::warn!(run = %claim.job_id, %error, "the user number of a run stays marked as taken");
        }
        removed
    })
    .await;
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
        handed_back: false,
    }
}

/// What a panic while preparing means.
fn mistaken(mistake: &(dyn std::any::Any + Send)) -> Unready {
    let said = mistake
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| mistake.downcast_ref::<&str>().copied())
        .unwrap_or("it did not say what");
    let message = format!("the agent made a mistake while it set the run up: {said}");
    Unready::of_robot(ErrorInfo::new(ErrorKind::Internal, message))
}

struct Attempt<'a> {
    /// The user that only this run has.
    own_user: Option<Arc<OwnUser>>,
    job: &'a JobAssignment,
    places: Places,
    shared: &'a Arc<Shared>,
    log: &'a Arc<RunLog>,
    entry: &'a Arc<Entry>,
}

impl Attempt<'_> {
    async fn run(&self, control: &mut Control) -> JobResult {
        let claim = self.job.claim;
        // A mistake of the agent's own costs one robot a rest, and no run.
        let prepared = std::panic::AssertUnwindSafe(self.prepare(control))
            .catch_unwind()
            .await
            .unwrap_or_else(|mistake| Err(mistaken(&*mistake)));
        match prepared {
            Ok(Some(prepared)) => self.process(prepared, control).await,
            Ok(None) => {
                let why = control
                    .asked
                    .as_ref()
                    .expect("preparing stops only when asked to");
                let (state, error) = outcome::ended(why);
                if let Some(error) = &error {
                    self.log.say(LogLevel::Info, error.message.clone());
                }
                unexecuted(claim, state, error)
            }
            Err(Unready {
                error,
                of_robot: true,
            }) => self.handed_back(error),
            Err(Unready { error, .. }) => {
                self.log.say(LogLevel::Error, error.message.clone());
                unexecuted(claim, State::Failed, Some(error.bounded()))
            }
        }
    }

    /// Nothing began, for a reason of this robot's own: the run may go elsewhere.
    fn handed_back(&self, error: ErrorInfo) -> JobResult {
        let said = format!(
            "this robot could not set the run up and hands it back: {}",
            error.message
        );
        self.log.say(LogLevel::Warning, said);
        JobResult {
            handed_back: true,
            ..unexecuted(self.job.claim, State::Failed, Some(error.bounded()))
        }
    }

    fn tree_mark(&self) -> String {
        let Claim {
            job_id,
            attempt,
            fence,
        } = self.job.claim;
        format!("{}/{job_id}/{attempt}/{fence}", self.shared.mark)
    }

    async fn process(&self, mut prepared: Prepared, control: &mut Control) -> JobResult {
        prepared.spec.lease_until = control.lease.until();
        // Opened before the run could put something else in its place.
        let mut reports = Reports::new(
            &self.places,
            Arc::clone(self.entry),
            Arc::clone(self.log),
            self.shared.inputs.clone(),
        );
        let started = Tree::start(&self.shared.config.guard, &self.tree_mark(), prepared.spec);
        let (mut tree, out, err) = match started {
            Ok(started) => started,
            Err(error) => {
                let message = format!("no guard could be started: {error}");
                return self.handed_back(ErrorInfo::new(ErrorKind::Resource, message));
            }
        };
        let mut streams = tokio::spawn(pump(out, err, Arc::clone(self.log)));
        let timeout = self
            .job
            .timeout_seconds
            .map(|s| Duration::from_secs(s.into()));
        let grace = Duration::from_secs(self.job.cancel_grace_seconds.into());
        let guarded = (&mut tree, &Marked::Attempt(self.tree_mark()));
        let seen = watch(guarded, control, timeout, grace, Some(&mut reports)).await;
        drop(tree);
        self.log.ends();
        self.tidy_up(&seen);
        // A guard that ended as it should has seen the last process go.
        if seen.lost.is_some() {
            self.end_what_hides().await;
        }
        let ended = tokio::time::timeout(STREAM_AFTER_TREE, &mut streams).await;
        if ended.is_err() {
            streams.abort();
            self.log.say(
                LogLevel::Warning,
                "a stream of the run was still open after all its processes were gone",
            );
        }
        reports.finish(seen.cause.is_some()).await;
        if let Some((message, true)) = &seen.not_started {
            return self.handed_back(ErrorInfo::new(ErrorKind::Resource, message.clone()));
        }
        self.result(&seen, reports, control).await
    }

    /// Speaks of what the tree left behind, and of a guard that was lost.
    fn tidy_up(&self, seen: &Watched) {
        if seen.left_behind > 0 {
            let message = match seen.left_behind {
                1 => "1 process was still running at the end and was killed".to_owned(),
                n => format!("{n} processes were still running at the end and were killed"),
            };
            self.log.say(LogLevel::Warning, message);
        }
        // Where the run was to end anyway, or had done its work, its error does not say this, and it must be known.
        let unsaid = seen.cause.is_some() || seen.code == Some(0);
        if let Some(lost) = seen.lost.filter(|_| unsaid) {
            self.log.say(LogLevel::Error, lost.message());
        }
    }

    async fn result(
        &self,
        seen: &Watched,
        mut reports: Reports,
        control: &mut Control,
    ) -> JobResult {
        let timeout = self.job.timeout_seconds;
        let last = LastWords::of(self.log.last_lines(), &self.job.workflow.entry);
        let (state, error) = outcome::outcome(seen, reports.heard.error.take(), &last, timeout);
        let mut outputs = reports.heard.outputs;
        let handed = read_outputs(&self.places.outputs, &self.places.work, &mut outputs);
        for warning in handed.warnings {
            self.log.say(LogLevel::Warning, warning);
        }
        if let Some(error) = &error {
            // What somebody or something asked for is no mistake of the run.
            let (level, text) = match seen.cause {
                Some(_) => (LogLevel::Info, outcome::ended_line(&error.message, seen)),
                None => (LogLevel::Error, error.message.clone()),
            };
            self.log.say(level, text);
            self.say_why_denied(error);
        }
        let result = JobResult {
            claim: self.job.claim,
            status: state.job_status().to_owned(),
            state,
            error,
            exit_code: seen.code,
            outputs,
            execution_time: seen.ran.map(|r| r.as_secs_f64()),
            handed_back: false,
        };
        // Handing over may take long, and what was said so far should survive the agent meanwhile.
        self.log.flush().await;
        if let Err(error) = self.entry.note_outcome(&result) {
            tracing::warn!(run = %self.job.claim.job_id, %error, "an outcome cannot be written into the spool");
        }
        artifacts::upload(
            self.job.claim,
            &self.places,
            handed.keep_file,
            self.shared,
            self.log,
            control,
        )
        .await;
        result
    }
}
