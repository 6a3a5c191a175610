//! What is done to robots: drained, told, given packages ahead of time, forgotten.

use std::sync::Arc;

use baton_api::robot::{
    Broadcast, CLOSE_UNAUTHORISED, Drain, Message, WorkflowDeploy, WorkflowUndeploy,
};
use baton_core::id::{KeyId, OrgId, RobotId, VersionId};
use baton_core::robot::Robot;
use baton_core::state::Event;
use baton_store::Result;
use baton_store::keys::Key;
use baton_store::runs::{Claim, Stepped};
use serde_json::Value;

use super::{ask, release, take};
use crate::app::App;
use crate::robots::{Connection, Sent, workflow};

/// Which robots a message reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// On its way to these.
    pub reached: Vec<RobotId>,
    /// Not connected now.
    pub absent: Vec<RobotId>,
}

/// Sets whether a robot takes new runs. It is durable before the robot is told.
pub async fn set_draining(
    app: &Arc<App>,
    org: OrgId,
    robot: RobotId,
    draining: bool,
    comment: &str,
) -> Result<Robot> {
    let row = app
        .store
        .set_draining(org, robot, draining, comment, app.now())
        .await?;
    app.fleet.draining(robot, draining);
    app.wakeups.dispatcher.notify_one();
    if let Some(connection) = app.robots.get(robot) {
        let message = Drain {
            draining,
            comment: comment.to_owned(),
        };
        connection.send(&message, app.now());
    }
    Ok(row)
}

/// Says a word to robots of an org: to these, or to all that are connected.
pub fn broadcast(
    app: &App,
    org: OrgId,
    robots: Option<&[RobotId]>,
    event: &str,
    data: Value,
) -> Told {
    let message = Broadcast {
        event: event.to_owned(),
        data,
    };
    tell(app, org, robots, &message)
}

/// Has robots fetch a version's package ahead of its first run.
pub async fn deploy_to_robots(
    app: &App,
    org: OrgId,
    version: VersionId,
    robots: Option<&[RobotId]>,
) -> Result<Told> {
    let workflow = named_workflow(app, org, version).await?;
    Ok(tell(app, org, robots, &WorkflowDeploy { workflow }))
}

/// Has robots drop a version's package from their caches.
pub async fn undeploy_from_robots(
    app: &App,
    org: OrgId,
    version: VersionId,
    robots: Option<&[RobotId]>,
) -> Result<Told> {
    let workflow = named_workflow(app, org, version).await?;
    Ok(tell(app, org, robots, &WorkflowUndeploy { workflow }))
}

async fn named_workflow(
    app: &App,
    org: OrgId,
    version: VersionId,
) -> Result<baton_api::robot::Workflow> {
    let version = app.store.version(org, version).await?;
    let flow = app.store.flow(org, version.flow_id).await?;
    workflow(app, org, version.id, &flow.name).await
}

/// One text for all: a frame is written once, however many robots get it.
fn tell(app: &App, org: OrgId, robots: Option<&[RobotId]>, message: &impl Message) -> Told {
    let text = message.frame(app.message_id(), app.now(), None);
    let frame = axum::extract::ws::Utf8Bytes::from(text);
    let mut told = Told::default();
    let mut send = |robot: RobotId, connection: Option<Arc<Connection>>| {
        let sent = connection.map_or(Sent::Gone, |c| c.send_frame(frame.clone()));
        match sent {
            Sent::Queued => told.reached.push(robot),
            Sent::Gone => told.absent.push(robot),
        }
    };
    match robots {
        None => {
            for connection in app.robots.of(org) {
                send(connection.robot_id, Some(connection));
            }
        }
        Some(robots) => {
            for robot in robots {
                let connection = app.robots.get(*robot).filter(|c| c.org == org);
                send(*robot, connection);
            }
        }
    }
    told
}

/// Takes a key back and closes what was opened with it.
pub async fn revoke_key(app: &App, org: OrgId, key: KeyId) -> Result<Key> {
    let key = app.store.revoke_key(org, key, app.now()).await?;
    app.robots
        .close_key(key.id, "the robot's key was taken back");
    Ok(key)
}

/// Takes a person's word that a robot that is not connected is gone, and with it all that it ran. One answer for
/// each attempt that it held.
pub async fn lost(
    app: &Arc<App>,
    org: OrgId,
    robot: RobotId,
    actor: &str,
    message: Option<String>,
) -> Result<Vec<Stepped>> {
    let live = app.store.live_attempts_of(robot).await?;
    let mut steps = Vec::new();
    for attempt in live.iter().filter(|attempt| attempt.org == org) {
        let claim = Claim {
            attempt: attempt.attempt,
            fence: attempt.fence,
            robot_id: Some(robot),
        };
        if attempt.state.is_terminal() {
            release(app, org, attempt.run_id, claim).await;
            continue;
        }
        let mut step = ask(app, org, attempt.run_id, Event::LeaseLapsed, actor);
        step.claim = Some(claim);
        step.message.clone_from(&message);
        steps.push(step);
    }
    // One that has moved on by itself meanwhile needs nothing.
    Ok(take(app, steps).await.into_iter().flatten().collect())
}

/// Deletes a robot and its keys, and closes its connection. `Conflict` while attempts are live on it.
pub async fn delete_robot(app: &App, org: OrgId, robot: RobotId) -> Result<()> {
    app.store.delete_robot(org, robot, app.now()).await?;
    if let Some(connection) = app.robots.get(robot) {
        connection.close(CLOSE_UNAUTHORISED, "the robot was deleted");
    }
    app.robots.forget(robot);
    app.fleet.forgotten(robot);
    Ok(())
}
