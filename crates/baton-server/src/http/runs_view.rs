//! How runs, attempts and transitions look from outside.

use baton_api::rest::{Attempt, Run, RunEvent, RunQuery, View};
use baton_core::id::OrgId;
use baton_core::run::{self, LATE_AFTER};
use jiff::Timestamp;

use super::{Http, unheard};
use crate::error::ApiError;

/// A run as it stands `now`.
pub(crate) async fn view(http: &Http, run: run::Run, now: Timestamp) -> Result<Run, ApiError> {
    let (store, org) = (&*http.app.store, run.org);
    let queue_name = http
        .names
        .queue(store, org, run.spec.needs.queue_id)
        .await?;
    let (robot_name, computer) = place(http, &run).await?;
    let label = run.label(computer.as_deref().or(Some(&queue_name)));
    let late = run.is_late(now, LATE_AFTER);
    let unheard = unheard::of_run(&http.app, &run).await;
    let needs = run.spec.needs;
    Ok(Run {
        id: run.id,
        name: run.name,
        label,
        state: run.state,
        job_status: run.state.job_status().to_owned(),
        late,
        retrying: run.attempt > 1 && !run.state.is_terminal(),
        unattended: needs.deployment_id.is_some(),
        attempt: run.attempt,
        retries_used: run.retries_used,
        fence: run.fence,
        live: run.live,
        flow_id: needs.flow_id,
        flow_name: run.spec.flow_name,
        deployment_id: needs.deployment_id,
        deployment_name: run.spec.deployment_name,
        version_id: run.spec.version_id,
        queue_id: needs.queue_id,
        queue_name,
        robot_id: run.robot_id,
        robot_name,
        computer,
        target_robot_id: needs.robot_id,
        priority: needs.priority,
        tags: needs.tags,
        labels: needs.labels,
        capabilities: needs.capabilities,
        environment: needs.environment,
        executor: run.spec.executor,
        trigger: run.spec.trigger,
        timeout_seconds: run.spec.timeout_seconds,
        cancel_grace_seconds: run.spec.cancel_grace_seconds,
        stop_signal: run.spec.stop_signal,
        retry: run.spec.retry,
        on_lost: run.spec.on_lost,
        lost_after_seconds: run.spec.lost_after_seconds,
        unheard,
        parameters: Some(run.spec.parameters),
        created_at: run.created_at,
        due_at: run.due_at,
        queued_at: run.queued_at,
        dispatched_at: run.dispatched_at,
        started_at: run.started_at,
        ended_at: run.ended_at,
        changed_at: run.changed_at,
        start_deadline: run.spec.start_deadline,
        error: run.error,
        progress: run.progress,
        version: None,
        why: None,
        end_reason: None,
    })
}

/// The robot and the computer it is or was on.
async fn place(http: &Http, run: &run::Run) -> Result<(Option<String>, Option<String>), ApiError> {
    let robot = match run.robot_id {
        Some(id) => http.names.robot(&*http.app.store, run.org, id).await?,
        None => None,
    };
    Ok(match robot {
        Some(robot) => (Some(robot.name), Some(robot.computer)),
        None => (None, run.spec.computer.clone()),
    })
}

/// An attempt as the API shows it.
pub(crate) async fn attempt_view(
    http: &Http,
    org: OrgId,
    attempt: run::Attempt,
) -> Result<Attempt, ApiError> {
    let robot = match attempt.robot_id {
        Some(id) => http.names.robot(&*http.app.store, org, id).await?,
        None => None,
    };
    Ok(Attempt {
        run_id: attempt.run_id,
        number: attempt.number,
        fence: attempt.fence,
        executor: attempt.executor,
        robot_id: attempt.robot_id,
        robot_name: robot.map(|robot| robot.name),
        computer: attempt.computer,
        desktop: attempt.desktop,
        state: attempt.state,
        live: attempt.live,
        assigned_at: attempt.assigned_at,
        started_at: attempt.started_at,
        ended_at: attempt.ended_at,
        exit_code: attempt.exit_code,
        error: attempt.error,
        outputs: attempt.outputs,
        execution_time: attempt.execution_time,
        late_result: attempt.late_result,
    })
}

/// A transition as the API shows it.
pub(crate) fn event_view(event: run::RunEvent) -> RunEvent {
    RunEvent {
        seq: event.seq,
        run_id: event.run_id,
        from: event.from,
        to: event.to,
        attempt: event.attempt,
        fence: event.fence,
        at: event.at,
        event: event.event,
        actor: event.actor,
        robot_id: event.robot_id,
        message: event.message,
    }
}

/// What a table of runs does not show: a third of what a run says of itself.
const NOT_IN_ROWS: &[&str] = &[
    "job_status",
    "retries_used",
    "fence",
    "labels",
    "capabilities",
    "cancel_grace_seconds",
    "retry",
    "on_lost",
    "lost_after_seconds",
    "executor",
    "queued_at",
    "dispatched_at",
    "start_deadline",
    "environment",
    "target_robot_id",
    "timeout_seconds",
];

/// What the rows of this list go without.
pub(crate) fn left_out(query: &RunQuery) -> &'static [&'static str] {
    match query.view {
        Some(View::Slim) => NOT_IN_ROWS,
        Some(View::Full) | None => &[],
    }
}
