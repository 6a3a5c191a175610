//! Finds what people name: a run by name or the beginning of its id, a deployment by its flow, a schedule by its path.

use baton_api::rest::{Deployment, DeploymentQuery, Run, RunQuery, Schedule, ScheduleQuery};
use baton_core::id::{RobotId, ScheduleId};

use super::Session;
use super::runs::states;
use crate::cli::or_none::or_none;
use crate::cli::runs_filter::Which;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use crate::units;

/// Most deployments, schedules or keys that are looked through for a name.
const MOST: u32 = 1_000;

/// The run with this name or id, or whose name or id begins so; the name of a flow is its last run, and that is said.
pub(crate) async fn run(session: &Session, named: &str) -> Done<Run> {
    let failure = match run_itself(session, named).await {
        Err(failure) if failure.code == "run_not_found" => failure,
        found => return found,
    };
    let flow = match session.client.flow(named).await {
        Ok(flow) => flow,
        Err(_) => return Err(failure),
    };
    let Some(run) = last(session, Some(flow.id.to_string())).await? else {
        return Err(Failure::new(
            Exit::NotFound,
            "run_not_found",
            format!("the flow {named} has no run yet"),
        )
        .fix(format!(
            "make one with `baton run {}`",
            baton_api::rest::shell_word(named)
        )));
    };
    if !session.json {
        output::note(&format!("{named} is a flow; its last run is {}", run.name));
    }
    Ok(run)
}

/// The run that was made last, of this flow or of all.
pub(crate) async fn last(session: &Session, flow: Option<String>) -> Done<Option<Run>> {
    let query = RunQuery {
        flow,
        limit: Some(1),
        ..RunQuery::default()
    };
    match session.client.runs(&query).await?.items.pop() {
        // Lists leave parameters out; the run itself has them.
        Some(run) => Ok(Some(session.client.run(&run.id.to_string()).await?)),
        None => Ok(None),
    }
}

/// The run with this name or id, or whose name or id begins so.
pub(crate) async fn run_itself(session: &Session, named: &str) -> Done<Run> {
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

/// What a filter on the command line asks of the server.
pub(crate) async fn filter(session: &Session, which: &Which) -> Done<RunQuery> {
    let time = |text: &Option<String>| text.as_deref().map(units::since).transpose();
    let schedule = match &which.schedule {
        Some(named) => Some(schedule(session, named).await?.id),
        None => None,
    };
    let deployment = match &which.deployment {
        Some(named) => Some(deployment(session, named).await?.id.to_string()),
        None => None,
    };
    // Late is no state but a question about time.
    let words = which.state.iter().flat_map(|words| words.split(','));
    Ok(RunQuery {
        state: states(&which.state)?,
        late: words.into_iter().any(|word| word == "late"),
        flow: which.flow.clone(),
        deployment,
        schedule,
        queue: which.queue.clone(),
        robot: which.robot.clone(),
        tag: which.tag.clone(),
        parameter: which.parameter.clone(),
        error: which.error.clone(),
        search: which.search.clone(),
        created_after: time(&which.since)?,
        created_before: time(&which.until)?,
        ended_after: time(&which.ended_since)?,
        ended_before: time(&which.ended_until)?,
        ..RunQuery::default()
    })
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
        ..ScheduleQuery::default()
    };
    let mut all = session.client.all_schedules(&query).await?.items;
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

/// The one robot that may be used, as a flag names it: `none` is any, and no flag says nothing.
pub(crate) async fn target_robot(
    session: &Session,
    named: Option<&str>,
) -> Done<Option<Option<RobotId>>> {
    match named.map(or_none) {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(robot)) => Ok(Some(Some(session.client.robot(robot).await?.id))),
    }
}

/// Says that a list was cut, where it was.
pub(crate) fn more(next: Option<&String>) {
    if next.is_some() {
        output::note("… and more; --limit shows them");
    }
}
