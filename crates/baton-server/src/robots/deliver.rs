//! Telling a robot what it has been given: the committed Dispatched row, as a message.

use std::sync::Arc;

use baton_api::robot::{Claim, JobAssignment, Workflow};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::id::{OrgId, VersionId};
use baton_core::lease::LOST_AFTER;
use baton_core::run::{Attempt, Run};
use baton_core::state::{Event, State};
use baton_store::runs::RunStep;
use baton_store::{Result, StoreError};

use super::Connection;
use crate::app::App;
use crate::operations;

/// Sends an assignment to the robot. One that is lost on the way is sent again when the robot
/// reconnects, and given to another when nobody answers.
pub(crate) async fn deliver(app: &Arc<App>, connection: &Connection, run: &Run, attempt: &Attempt) {
    let claim = Claim {
        job_id: run.id,
        attempt: attempt.number,
        fence: attempt.fence,
    };
    let workflow = match assigned_workflow(app, run).await {
        Ok(workflow) => workflow,
        Err(StoreError::NotFound { what }) => {
            return refuse(app, connection, run, claim, what).await;
        }
        Err(error) => {
            tracing::warn!(run = %run.name, %error, "cannot deliver an assignment yet");
            return;
        }
    };
    let message = JobAssignment {
        job_id: run.id,
        claim,
        run_name: run.name.clone(),
        workflow,
        variables: run.spec.parameters.clone(),
        timeout_seconds: run.spec.timeout_seconds,
        cancel_grace_seconds: run.spec.cancel_grace_seconds,
        stop_signal: run.spec.stop_signal,
        lost_after_seconds: Some(run.spec.lost_after_seconds).filter(|s| *s != LOST_AFTER),
        desktop: attempt.desktop.clone(),
        priority: run.spec.needs.priority.code(),
        deployment: run.spec.deployment_name.clone(),
        tags: run.spec.needs.tags.iter().cloned().collect(),
    };
    let now = app.now();
    connection.note_hold(claim, State::Dispatched, app.steady());
    connection.send(&message, now);
}

/// What the robot executes, as the wire says it.
pub(crate) async fn workflow(app: &App, org: OrgId, id: VersionId, name: &str) -> Result<Workflow> {
    let version = match app.versions.get(id).filter(|v| v.org == org) {
        Some(version) => version,
        None => {
            let version = app.store.version(org, id).await?;
            app.versions.put(id, version)
        }
    };
    Ok(Workflow {
        flow_id: version.flow_id,
        name: name.to_owned(),
        version_id: version.id,
        version: version.number,
        package: version.package.clone(),
        entry: version.entry.clone(),
    })
}

async fn assigned_workflow(app: &App, run: &Run) -> Result<Workflow> {
    let Some(version) = run.spec.version_id else {
        return Err(StoreError::not_found(
            "a version of the flow that a robot could run",
        ));
    };
    workflow(app, run.org, version, &run.spec.flow_name).await
}

/// What the run executes is gone: no robot could ever run it.
async fn refuse(app: &Arc<App>, connection: &Connection, run: &Run, claim: Claim, what: String) {
    let error = ErrorInfo::new(ErrorKind::Package, format!("{what} was not found"));
    let step = RunStep {
        org: run.org,
        run_id: run.id,
        claim: Some(connection.claim(&claim)),
        event: Event::RejectForGood { error },
        at: app.now(),
        actor: "dispatcher".into(),
        message: None,
        result: None,
        computer: None,
    };
    operations::take(app, vec![step]).await;
}
