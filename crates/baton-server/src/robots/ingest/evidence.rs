//! Logs, tasks and progress: what a robot says that proves what a run did.

use std::collections::HashMap;

use super::Replies;
use crate::task_runs::{MAX_TASK_NAME, task_run};
use baton_api::rest::TaskInput;
use baton_api::robot::{Ack, Claim, LogBatch, RobotLog, TaskReport, TaskUpdate};
use baton_core::error::clip;
use baton_core::run::{MAX_LINE, Progress, TaskRun};
use baton_store::StoreError;

/// Appends log lines; answers how far each log is now without gap.
pub(super) async fn logs(replies: &mut Replies<'_>, batches: Vec<LogBatch>) {
    let claims: Vec<(Claim, i64)> = batches
        .iter()
        .map(|b| (b.claim, b.lines.last().map_or(0, |line| line.seq)))
        .collect();
    let batches = batches.into_iter().map(|batch| {
        let mut lines = batch.lines;
        for line in &mut lines {
            if line.message.len() > MAX_LINE {
                line.message = clip(std::mem::take(&mut line.message), MAX_LINE);
            }
        }
        baton_store::logs::LogBatch {
            org: replies.connection.org,
            run_id: batch.claim.job_id,
            claim: replies.connection.claim(&batch.claim),
            lines,
        }
    });
    let appended = replies.app.store.append_logs(batches.collect()).await;
    for ((claim, last), appended) in claims.into_iter().zip(appended) {
        match appended {
            Ok(seq) => replies.ack(Ack::Log { claim, seq }),
            Err(error @ (StoreError::StaleFence { .. } | StoreError::NotFound { .. })) => {
                // Nobody will ever want these lines: the robot may forget them.
                replies.stale(claim, "log_batch", &error.to_string());
                replies.ack(Ack::Log { claim, seq: last });
            }
            Err(error) => replies.unavailable("log_batch", &error),
        }
    }
}

/// Writes what became of tasks; the updates of one attempt in their order.
pub(super) async fn tasks(replies: &mut Replies<'_>, mut updates: Vec<TaskUpdate>) {
    updates.sort_by_key(|u| (u.claim, u.seq));
    let mut merged: Vec<(Claim, i64, Vec<TaskReport>)> = Vec::new();
    for update in updates {
        match merged.last_mut() {
            Some((claim, seq, tasks)) if *claim == update.claim => {
                *seq = update.seq;
                tasks.extend(update.tasks);
            }
            _ => merged.push((update.claim, update.seq, update.tasks)),
        }
    }
    for (claim, seq, reports) in merged {
        let tasks = reports.into_iter().map(|r| reported(&claim, r)).collect();
        let stored = replies
            .app
            .store
            .put_task_runs(
                replies.connection.org,
                claim.job_id,
                replies.connection.claim(&claim),
                tasks,
                replies.app.now(),
            )
            .await;
        match stored {
            Ok(()) => replies.ack(Ack::Tasks { claim, seq }),
            Err(error @ (StoreError::StaleFence { .. } | StoreError::NotFound { .. })) => {
                replies.stale(claim, "task_update", &error.to_string());
                replies.ack(Ack::Tasks { claim, seq });
            }
            Err(error) => replies.unavailable("task_update", &error),
        }
    }
}

fn reported(claim: &Claim, report: TaskReport) -> TaskRun {
    let input = TaskInput {
        key: report.key,
        name: report.name,
        state: report.state,
        after: report.after,
        tries: report.tries,
        started_at: report.started_at,
        ended_at: report.ended_at,
        error: report.error,
        data: report.data,
    };
    task_run(claim.job_id, claim.attempt, input)
}

/// Writes how far attempts are. Progress is not acknowledged: the next word replaces it.
pub(super) async fn progress(replies: &mut Replies<'_>, progress: HashMap<Claim, Progress>) {
    for (claim, progress) in progress {
        let progress = Progress {
            percent: progress.percent.filter(|p| (0.0..=100.0).contains(p)),
            message: progress.message.map(|m| clip(m, MAX_TASK_NAME)),
            task: progress.task.map(|t| clip(t, MAX_TASK_NAME)),
        };
        let stored = replies
            .app
            .store
            .put_progress(
                replies.connection.org,
                claim.job_id,
                replies.connection.claim(&claim),
                progress,
            )
            .await;
        match stored {
            Ok(()) => {}
            Err(error @ (StoreError::StaleFence { .. } | StoreError::NotFound { .. })) => {
                replies.stale(claim, "status_update", &error.to_string());
            }
            Err(error) => tracing::debug!(%error, "progress was not written"),
        }
    }
}

/// Appends to the agent's own log.
pub(super) async fn robot_log(replies: &mut Replies<'_>, logs: Vec<RobotLog>) {
    let mut lines: Vec<baton_store::fleet::RobotLogLine> = logs
        .into_iter()
        .flat_map(|log| log.lines)
        .map(|line| baton_store::fleet::RobotLogLine {
            seq: line.seq,
            at: line.at,
            level: line.level,
            message: clip(line.message, MAX_LINE),
        })
        .collect();
    lines.sort_by_key(|line| line.seq);
    let last = lines.last().map_or(0, |line| line.seq);
    let robot = replies.connection.robot_id;
    match replies.app.store.append_robot_log(robot, lines).await {
        Ok(()) => replies.ack(Ack::RobotLog { seq: last }),
        Err(error) => replies.unavailable("robot_log", &error),
    }
}
