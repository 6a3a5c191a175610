//! Finds what people name: a run by name or the beginning of its id, a deployment by its flow, a schedule by its path.

use baton_api::rest::{Deployment, DeploymentQuery, Run, RunQuery, Schedule, ScheduleQuery};
use baton_core::id::ScheduleId;

use super::Session;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;

/// Most deployments, schedules or keys that are looked through for a name.
const MOST: u32 = 1_000;

/// The run with this name or id, or whose name or id begins so.
pub(crate) async fn run(session: &Session, named: &str) -> Done<Run> {
    match session.client.run(named).await {
        Ok(run) => return Ok(run),
        Err(error) if error.is_not_found() || error.status() == Some(400) => {}
        Err(error) => return Err(error.into()),
    }
    let query = RunQuery {
        prefix: Some(named.to_owned()),
        limit: Some(3),
        ..RunQuery::default()
    };
    let mut found = session.client.runs(&query).await?.items;
    match (found.pop(), found.is_empty()) {
        // Lists leave parameters out; the run itself has them.
        (Some(only), true) => Ok(session.client.run(&only.id.to_string()).await?),
        (Some(_), false) => Err(Failure::new(
            Exit::Refused,
            "ambiguous_run",
            format!("several runs begin with {named:?}"),
        )
        .fix("write more of the name or id; `baton runs ls` shows them")),
        (None, _) => Err(Failure::new(
            Exit::NotFound,
            "run_not_found",
            format!("there is no run {named:?} on {}", session.target.url),
        )
        .fix("`baton runs ls` shows the latest")),
    }
}

/// The deployment `FLOW/NAME`, or of `FLOW` the one named `default`, or the only one.
pub(crate) async fn deployment(session: &Session, named: &str) -> Done<Deployment> {
    if named.contains('/') {
        return Ok(session.client.deployment(named).await?);
    }
    // A flow that is not there is refused by the list itself.
    let query = DeploymentQuery {
        flow: Some(named.to_owned()),
        limit: Some(MOST),
        ..DeploymentQuery::default()
    };
    let mut all = match session.client.deployments(&query).await {
        Ok(all) => all.items,
        // It may be a deployment's id.
        Err(error) if error.is_not_found() => {
            return match session.client.deployment(named).await {
                Ok(deployment) => Ok(deployment),
                Err(_) => Err(Failure::from(error).fix("`baton flows ls` shows what there is")),
            };
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(index) = all.iter().position(|d| d.name == "default") {
        return Ok(all.swap_remove(index));
    }
    if all.len() == 1 {
        return Ok(all.swap_remove(0));
    }
    let names: Vec<String> = all.into_iter().map(|d| d.full_name).collect();
    Err(if names.is_empty() {
        Failure::new(
            Exit::NotFound,
            "deployment_not_found",
            format!("the flow {named:?} has no deployment"),
        )
        .fix("make one with `baton deploy`")
    } else {
        Failure::new(
            Exit::Refused,
            "ambiguous_deployment",
            format!("the flow {named:?} has several deployments and none is named default"),
        )
        .fix(format!("name one of {}", names.join(", ")))
    })
}

/// The schedule with this id, or `FLOW/DEPLOYMENT/NAME`, or the only one of a deployment.
pub(crate) async fn schedule(session: &Session, named: &str) -> Done<Schedule> {
    if let Ok(id) = named.parse::<ScheduleId>() {
        return Ok(session.client.schedule(id).await?);
    }
    let parts: Vec<&str> = named.splitn(3, '/').collect();
    let (deployment, name) = match parts.as_slice() {
        [flow, deployment, name] => (format!("{flow}/{deployment}"), Some(*name)),
        _ => (self::deployment(session, named).await?.full_name, None),
    };
    let query = ScheduleQuery {
        deployment: Some(deployment.clone()),
        limit: Some(MOST),
    };
    let mut all = session.client.schedules(&query).await?.items;
    if let Some(name) = name {
        all.retain(|s| s.name == name);
    }
    if all.len() == 1 {
        return Ok(all.swap_remove(0));
    }
    let names: Vec<String> = all
        .iter()
        .map(|s| format!("{deployment}/{}", s.name))
        .collect();
    Err(if names.is_empty() {
        Failure::new(
            Exit::NotFound,
            "schedule_not_found",
            format!("there is no schedule {named:?}"),
        )
        .fix("`baton schedules ls` shows what there is")
    } else {
        Failure::new(
            Exit::Refused,
            "ambiguous_schedule",
            format!("{named:?} has several schedules"),
        )
        .fix(format!("name one of {}", names.join(", ")))
    })
}

/// Says that a list was cut, where it was.
pub(crate) fn more(next: Option<&String>) {
    if next.is_some() {
        output::note("… and more; --limit shows them");
    }
}
