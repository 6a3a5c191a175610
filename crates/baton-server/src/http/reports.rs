//! Runs that their own process executes and reports (`runrpa`). Every report may be repeated.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{
    CreatedRun, LogsAccepted, ReportFinish, ReportLogs, ReportStart, ReportTasks, Run,
};
use baton_core::error::{ErrorInfo, ErrorKind, clip};
use baton_core::flow::{DEFAULT_CANCEL_GRACE_SECONDS, Flow};
use baton_core::id::{Fence, QueueId, RunId, run_name};
use baton_core::lease;
use baton_core::queue::DEFAULT_QUEUE;
use baton_core::run::{self, MAX_LINE, Needs, NewRun, Priority, RunSpec, Trigger};
use baton_core::state::{Event, Executor, OnLost, Outcome, State as RunState};
use baton_store::logs::LogBatch;
use baton_store::runs::{AttemptResult, Claim, RunStep};
use jiff::Timestamp;

use super::Http;
use super::deployments::ensure_queue;
use super::extract::{Caller, HUGE, Id, IdempotencyKey, Json, LARGE, check_idempotency_key};
use super::flows::{check, check_words, ensure, entropy};
use super::route::{Created, Done};
use super::runs_view::view;
use crate::error::ApiError;
use crate::operations;
use crate::task_runs::task_run;

/// Lines or tasks in one report at most.
const MAX_REPORTED: usize = 10_000;

pub(crate) async fn report_start(
    State(http): State<Arc<Http>>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<ReportStart, LARGE>,
) -> Result<Created<CreatedRun>, ApiError> {
    check("flow", &body.flow)?;
    check_words("tags", &body.tags)?;
    check_words("computer", &body.computer)?;
    check_every(every(&body))?;
    let key = key.or(body.idempotency_key.clone());
    if let Some(key) = &key {
        check_idempotency_key(key)?;
    }
    let (store, now) = (&http.app.store, http.app.clock.now());
    let started_at = body.started_at.unwrap_or(now).min(now);
    let flow = ensure(&http, &caller, &body.flow).await?;
    let id = RunId::new(now, entropy());
    let queue_id = ensure_queue(&http, &caller, DEFAULT_QUEUE).await?;
    let computer = body.computer.clone();
    let by = caller.name.clone();
    let run = NewRun {
        id,
        org: caller.org,
        name: run_name(id),
        due_at: started_at,
        spec: spec(body, flow, queue_id, by),
        idempotency_key: key,
    };
    let mut made = store.create_runs(vec![run], &caller.name, now).await;
    let mut made = made
        .pop()
        .ok_or_else(|| ApiError::internal("the store gave no answer"))??;
    if matches!(made.state, RunState::Pending | RunState::Queued) {
        let mut step = step(&caller, made.run_id, Event::Start, started_at);
        step.computer = computer;
        made.state = operations::take_one(&http.app, step).await?.to;
    }
    http.app.reporters.heard(made.run_id, http.app.steady());
    Ok(Created(super::runs::created_view(made)))
}

/// What a run is that this report begins.
fn spec(body: ReportStart, flow: Flow, queue_id: QueueId, by: String) -> RunSpec {
    RunSpec {
        version_id: None,
        lost_after_seconds: every(&body) * lease::MISSED_REPORTS,
        needs: Needs {
            queue_id,
            flow_id: flow.id,
            deployment_id: None,
            priority: Priority::default(),
            tags: body.tags,
            labels: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            environment: None,
            robot_id: None,
            desktop: false,
            rejected_by: BTreeSet::new(),
        },
        parameters: body.parameters,
        timeout_seconds: None,
        cancel_grace_seconds: DEFAULT_CANCEL_GRACE_SECONDS,
        stop_signal: baton_core::stop_signal::StopSignal::default(),
        retry: baton_core::retry::RetryPolicy::default(),
        on_lost: OnLost::Fail,
        executor: Executor::Client,
        trigger: Trigger::Manual { by },
        start_deadline: None,
        flow_name: flow.name,
        deployment_name: None,
        computer: body.computer,
    }
}

/// How often at least the process will report something, in seconds.
fn every(body: &ReportStart) -> u32 {
    body.report_every_seconds.unwrap_or(lease::REPORT_EVERY)
}

fn check_every(seconds: u32) -> Result<(), ApiError> {
    let bounds = lease::REPORT_EVERY_BOUNDS;
    if bounds.contains(&seconds) {
        return Ok(());
    }
    let (least, most) = (bounds.start(), bounds.end());
    let why = format!("is {seconds}; say {least} to {most} seconds");
    Err(ApiError::invalid(
        "out_of_range",
        "report_every_seconds",
        why,
    ))
}

pub(crate) async fn report_logs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<RunId>,
    Json(body): Json<ReportLogs, HUGE>,
) -> Result<axum::Json<LogsAccepted>, ApiError> {
    bounded("lines", body.lines.len())?;
    let run = own_run(&http, &caller, id).await?;
    let mut lines = body.lines;
    for line in &mut lines {
        line.message = clip(std::mem::take(&mut line.message), MAX_LINE);
    }
    let batch = LogBatch {
        org: caller.org,
        run_id: id,
        claim: claim(&run),
        lines,
    };
    let mut answers = http.app.store.append_logs(vec![batch]).await;
    let seq = answers
        .pop()
        .ok_or_else(|| ApiError::internal("the store gave no answer"))??;
    Ok(axum::Json(LogsAccepted { seq }))
}

pub(crate) async fn report_tasks(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<RunId>,
    Json(body): Json<ReportTasks, LARGE>,
) -> Result<Done, ApiError> {
    bounded("tasks", body.tasks.len())?;
    let run = own_run(&http, &caller, id).await?;
    let (store, now) = (&http.app.store, http.app.clock.now());
    if !body.tasks.is_empty() {
        let tasks = body.tasks.into_iter();
        let tasks = tasks.map(|t| task_run(id, run.attempt, t)).collect();
        store
            .put_task_runs(caller.org, id, claim(&run), tasks, now)
            .await?;
    }
    if let Some(progress) = body.progress {
        store
            .put_progress(caller.org, id, claim(&run), progress)
            .await?;
    }
    Ok(Done)
}

pub(crate) async fn report_finish(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<RunId>,
    Json(body): Json<ReportFinish, LARGE>,
) -> Result<axum::Json<Run>, ApiError> {
    let run = own_run(&http, &caller, id).await?;
    let now = http.app.clock.now();
    let outcome = outcome(body.state, body.error)?;
    let ended_at = body.ended_at.unwrap_or(now).min(now);
    let mut step = step(&caller, id, Event::Finish(outcome), ended_at);
    step.claim = Some(claim(&run));
    step.result = Some(AttemptResult {
        exit_code: body.exit_code,
        outputs: body.outputs,
        execution_time: body.execution_time,
    });
    // The same report once more, after an answer that was lost on its way, changes nothing. One that comes after the
    // run was given up is kept beside its attempt.
    operations::take_one(&http.app, step).await?;
    let run = http.app.store.run(caller.org, id).await?;
    Ok(axum::Json(view(&http, run, now).await?))
}

fn step(caller: &Caller, run_id: RunId, event: Event, at: Timestamp) -> RunStep {
    RunStep {
        org: caller.org,
        run_id,
        claim: None,
        event,
        at,
        actor: caller.name.clone(),
        message: None,
        result: None,
        computer: None,
    }
}

/// A run that its own process executes; what robots execute, robots report.
async fn own_run(http: &Http, caller: &Caller, id: RunId) -> Result<run::Run, ApiError> {
    let run = http.app.store.run(caller.org, id).await?;
    if run.spec.executor == Executor::Client {
        http.app.reporters.heard(id, http.app.steady());
        return Ok(run);
    }
    Err(ApiError::conflict(
        "not_reported",
        format!(
            "run {} is executed by a robot, which reports it itself",
            run.name
        ),
    ))
}

fn claim(run: &run::Run) -> Claim {
    Claim {
        attempt: run.attempt,
        fence: Fence::default(),
        robot_id: None,
    }
}

fn bounded(field: &str, length: usize) -> Result<(), ApiError> {
    if length <= MAX_REPORTED {
        return Ok(());
    }
    let why = format!("has {length} entries; send at most {MAX_REPORTED} at once");
    Err(ApiError::invalid("too_many", field, why))
}

fn outcome(state: RunState, error: Option<ErrorInfo>) -> Result<Outcome, ApiError> {
    let error = |kind, message| {
        error
            .clone()
            .unwrap_or_else(|| ErrorInfo::new(kind, message))
            .bounded()
    };
    Ok(match state {
        RunState::Completed => Outcome::Completed,
        RunState::Failed => Outcome::Failed {
            error: error(ErrorKind::Failed, "the process reported a failure"),
        },
        RunState::TimedOut => Outcome::TimedOut {
            error: error(ErrorKind::TimedOut, "the process reported a timeout"),
        },
        RunState::Crashed => Outcome::Crashed {
            error: error(ErrorKind::Lost, "the process was lost"),
        },
        RunState::Cancelled => Outcome::Cancelled,
        other => {
            return Err(ApiError::invalid(
                "not_terminal",
                "state",
                format!(
                    "{other} is not an end; say completed, failed, timed_out, crashed or cancelled"
                ),
            ));
        }
    })
}
