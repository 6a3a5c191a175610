//! What a run leaves behind: its result and its task runs.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{AttemptQuery, BASE, Collection, JobResult, NodeResult, RESULT_LOG_LINES};
use baton_core::run::{Attempt, TaskRun};
use baton_store::logs::LogQuery;

use super::Http;
use super::extract::{Caller, Name, Query};
use super::logs::entry;
use super::paging::{listed, page, slice_by_place};
use super::runs::find;
use crate::error::ApiError;

type Reply<T> = Result<axum::Json<T>, ApiError>;

pub(crate) async fn list_task_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<AttemptQuery>,
) -> Reply<Collection<TaskRun>> {
    let run = find(&http, caller.org, &text).await?;
    let store = &http.app.store;
    let request = page(caller.org, query.limit, query.cursor)?;
    let tasks = store.task_runs(caller.org, run.id, query.attempt).await?;
    let attempts = store.attempts(caller.org, run.id).await?;
    let found = slice_by_place(seen_with(tasks, &attempts), &request)?;
    Ok(axum::Json(listed(found, |task| task)))
}

/// The task runs as they stand now that their attempts stand like this.
fn seen_with(tasks: Vec<TaskRun>, attempts: &[Attempt]) -> Vec<TaskRun> {
    let seen = |task: TaskRun| match attempts.iter().find(|a| a.number == task.attempt) {
        Some(attempt) => task.seen_with(attempt),
        None => task,
    };
    tasks.into_iter().map(seen).collect()
}

pub(crate) async fn get_result(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<JobResult> {
    let run = find(&http, caller.org, &text).await?;
    let store = &http.app.store;
    let attempts = store.attempts(caller.org, run.id).await?;
    let tasks = store
        .task_runs(caller.org, run.id, Some(run.attempt))
        .await?;
    let tasks = seen_with(tasks, &attempts);
    let attempt = attempts.into_iter().rfind(|a| a.number == run.attempt);
    let lines = store
        .logs(LogQuery {
            org: caller.org,
            run_id: run.id,
            attempt: Some(run.attempt),
            after: None,
            tail: true,
            level: None,
            task: None,
            search: None,
            limit: RESULT_LOG_LINES,
        })
        .await?;
    let (outputs, execution_time, exit_code) = match attempt {
        Some(attempt) => (attempt.outputs, attempt.execution_time, attempt.exit_code),
        None => Default::default(),
    };
    Ok(axum::Json(JobResult {
        job_id: run.id,
        status: run.state.job_status().to_owned(),
        state: run.state,
        attempt: run.attempt,
        outputs,
        logs: lines.into_iter().map(entry).collect(),
        logs_url: format!("{BASE}/runs/{}/logs", run.id),
        execution_time,
        node_results: tasks.into_iter().map(node).collect(),
        error: run.error,
        exit_code,
        completed_at: run.ended_at,
        name: run.name,
    }))
}

fn node(task: TaskRun) -> (String, NodeResult) {
    let took = match (task.started_at, task.ended_at) {
        (Some(from), Some(until)) => Some(until.duration_since(from).as_secs_f64()),
        _ => None,
    };
    let result = NodeResult {
        node_id: task.key.clone(),
        name: task.name,
        status: task.state,
        started_at: task.started_at,
        completed_at: task.ended_at,
        execution_time: took,
        tries: task.tries,
        data: task.data,
        error: task.error,
    };
    (task.key, result)
}
