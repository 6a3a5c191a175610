//! The verbs: what people, programs and services do to runs and robots. Each loads what it needs, lets
//! the core decide inside the store's transaction, and tells robots only after the commit.
//!
//! Whoever moves a run goes through [`take`]: it is the one place that knows what follows a step.

use std::collections::BTreeSet;
use std::sync::Arc;

use baton_api::robot::{CancelJob, Claim};
use baton_core::id::{OrgId, RunId};
use baton_core::state::{Effect, Event};
use baton_store::logs::Refusal;
use baton_store::runs::{RunStep, Stepped};
use baton_store::{Result, StoreError};

use crate::app::App;
use crate::robots::Connection;

mod dashboard;
mod end_reason;
mod explain;
mod fleet;
mod runs;

pub use dashboard::{dashboard_metrics, robots_by_status};
pub(crate) use end_reason::end_reason;
pub use explain::explain;
pub use fleet::{
    Told, broadcast, delete_robot, deploy_to_robots, lost, revoke_key, set_draining,
    undeploy_from_robots,
};
pub use runs::{cancel, cancel_waiting, retry};

/// Takes steps and does what follows from them: frees slots, tells robots, ends children.
/// One answer for each, in order.
pub async fn take(app: &Arc<App>, steps: Vec<RunStep>) -> Vec<Result<Stepped>> {
    let orgs: Vec<OrgId> = steps.iter().map(|s| s.org).collect();
    let taken = app.store.step_runs(steps).await;
    for (org, stepped) in orgs.into_iter().zip(&taken) {
        if let Ok(stepped) = stepped {
            app.histograms.count(org, stepped);
            if stepped.to.is_terminal() && !stepped.from.is_terminal() && !stepped.late {
                app.ended.count(org, stepped.queue_id);
            }
            follow(app, org, stepped).await;
        }
    }
    taken
}

/// Takes one step.
pub async fn take_one(app: &Arc<App>, step: RunStep) -> Result<Stepped> {
    let mut taken = take(app, vec![step]).await;
    taken
        .pop()
        .unwrap_or_else(|| Err(StoreError::Unavailable("the store gave no answer".into())))
}

/// What an operator or service asks of a run, without a claim.
pub(crate) fn ask(app: &App, org: OrgId, run_id: RunId, event: Event, actor: &str) -> RunStep {
    RunStep {
        org,
        run_id,
        claim: None,
        event,
        at: app.now(),
        actor: actor.to_owned(),
        message: None,
        result: None,
        computer: None,
    }
}

async fn follow(app: &Arc<App>, org: OrgId, stepped: &Stepped) {
    let mut cancel = false;
    let mut released = false;
    let mut next = 0;
    for effect in &stepped.effects {
        match effect {
            Effect::Release => released = true,
            Effect::TellRobotToCancel => cancel = true,
            Effect::NextAttempt { .. } => next = 1,
            _ => {}
        }
    }
    if released {
        app.fleet.released(stepped.run_id, stepped.fence);
        app.wakeups.dispatcher.notify_one();
    }
    let Some(connection) = stepped.robot_id.and_then(|robot| app.robots.get(robot)) else {
        return;
    };
    if released {
        connection.drop_hold(stepped.run_id, stepped.fence);
    }
    if cancel {
        let claim = Claim {
            job_id: stepped.run_id,
            attempt: stepped.attempt - next,
            fence: stepped.fence,
        };
        send_cancel_in(app, org, &connection, claim).await;
    }
}

/// Tells a robot to end an attempt.
pub(crate) async fn send_cancel(app: &App, connection: &Connection, claim: Claim) {
    send_cancel_in(app, connection.org, connection, claim).await;
}

async fn send_cancel_in(app: &App, org: OrgId, connection: &Connection, claim: Claim) {
    let run = app.store.run(org, claim.job_id).await.ok();
    let grace_seconds = match &run {
        Some(run) => run.spec.cancel_grace_seconds,
        None => baton_core::flow::DEFAULT_CANCEL_GRACE_SECONDS,
    };
    let reason = match &run {
        Some(run) => end_reason(app, org, run).await.ok().flatten(),
        None => None,
    };
    let message = CancelJob {
        job_id: claim.job_id,
        claim,
        reason: reason.unwrap_or_else(|| "the server asked for its end".to_owned()),
        grace_seconds,
    };
    connection.send(&message, app.now());
}

/// Records refused messages beside their runs. They are in this server's log too; a store that cannot
/// write now costs the record, not the robot's connection.
pub(crate) async fn record_refusals(app: &App, refusals: Vec<Refusal>) {
    if refusals.is_empty() {
        return;
    }
    if let Err(error) = app.store.record_refusals(refusals).await {
        tracing::warn!(%error, "refused messages were not recorded");
    }
}

/// The orgs that there are: each has its queue `default`.
pub(crate) async fn orgs(app: &App) -> Result<BTreeSet<OrgId>> {
    let queues = app.store.queues(None).await?;
    Ok(queues.into_iter().map(|queue| queue.org).collect())
}

/// Frees what an attempt occupies that was closed before its process was known to be gone.
pub(crate) async fn release(
    app: &Arc<App>,
    org: OrgId,
    run_id: RunId,
    claim: baton_store::runs::Claim,
) {
    let released = app
        .store
        .release_attempt(org, run_id, claim, None, app.now());
    match released.await {
        Ok(true) => {
            app.fleet.released(run_id, claim.fence);
            app.wakeups.dispatcher.notify_one();
            app.wakeups.scheduler.notify_one();
        }
        Ok(false) => {}
        Err(error) => tracing::debug!(run = %run_id, %error, "nothing was released"),
    }
}
