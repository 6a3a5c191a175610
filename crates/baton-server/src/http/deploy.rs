//! The one call behind `baton deploy`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{DeployRequest, DeployResponse, DeploySchedule, MAX_PAGE};
use baton_core::flow::{self, DeploymentSettings};
use baton_core::id::{DeploymentId, FlowId, OrgId, QueueId, ScheduleId, VersionId};
use baton_core::origin;
use baton_core::parameter::ParameterSchema;
use baton_core::queue::DEFAULT_QUEUE;
use baton_core::schedule::Schedule;
use baton_store::StoreError;
use baton_store::catalog::{Deploy, Deployed};
use baton_store::logs::ResourceEvent;
use baton_store::noting::Note;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Http;
use super::deployments::{self, check_defaults, check_patch, ensure_queue, merge};
use super::extract::{Caller, Json, LARGE};
use super::flows::{self, check, check_folder, check_text, check_words, entropy};
use super::schedules;
use crate::error::{ApiError, bad_description};

/// Most entries in `source`, and longest of them in bytes.
const MAX_SOURCE: (usize, usize) = (32, 1_024);

pub(crate) async fn deploy(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<DeployRequest, LARGE>,
) -> Result<axum::Json<DeployResponse>, ApiError> {
    let org = caller.org;
    check_deploy(&body)?;
    check_patch(&http, org, &body.settings).await?;
    let schema = ParameterSchema::compile(&body.parameter_schema)?;
    let mut warnings = check_words_of(&body.entry, &schema)?;
    let (store, now) = (&http.app.store, http.app.clock.now());
    let existing = match store
        .deployment_by_name(org, &body.flow, &body.deployment)
        .await
    {
        Ok(deployment) => Some(deployment),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let base = match &existing {
        Some(deployment) => deployment.settings.clone(),
        None => defaults(&http, &caller).await?,
    };
    let settings = merge(&http, &caller, base, body.settings).await?;
    check_defaults(&schema, &settings)?;
    let mut planned: Vec<Schedule> = Vec::new();
    for ask in body.schedule.into_iter().chain(body.schedules) {
        if planned.iter().any(|other| other.name == ask.name) {
            let why = format!("two schedules are named {:?}; name each once", ask.name);
            return Err(ApiError::invalid("schedule_exists", "schedules", why));
        }
        let existing = existing.as_ref();
        planned.push(plan_schedule(&http, org, existing, ask, &schema, &settings, now).await?);
    }
    let deploy = Deploy {
        org,
        flow_name: body.flow,
        description: body.description,
        folder: body.folder,
        flow_tags: body.flow_tags,
        package: body.package,
        entry: body.entry,
        parameter_schema: body.parameter_schema,
        source: body.source,
        replace: body.replace,
        deployment_name: body.deployment,
        settings,
        schedules: planned,
        flow_id: FlowId::new(now, entropy()),
        version_id: VersionId::new(now, entropy()),
        deployment_id: DeploymentId::new(now, entropy()),
    };
    warnings.extend(taken_over(&http, &deploy).await?);
    let note = note(&http, &caller, deploy.flow_id);
    let deployed = http.noted(note, store.deploy(deploy, now)).await?;
    http.app.wakeups.fleet_changed();
    http.app.wakeups.scheduler.notify_one();
    warnings.extend(missing(&http, &deployed.deployment).await?);
    Ok(axum::Json(DeployResponse {
        flow: flows::view(&http, deployed.flow).await?,
        version: flows::version_view(deployed.version),
        new_version: deployed.new_version,
        deployment: deployments::view(&http, deployed.deployment).await?,
        new_deployment: deployed.new_deployment,
        warnings,
    }))
}

/// The rows of a deploy, and of the flow, the version and the schedules that came with it, each for whoever looks at
/// its list. A flow is new where it has the id that was offered. A deploy that changes nothing leaves none.
fn note(http: &Http, caller: &Caller, offered: FlowId) -> Note {
    let event = http.event(caller, "deployment.deployed", "", Value::Null);
    Note::when(move |deployed: &Deployed| {
        let row = |kind: &str, subject: String, detail| ResourceEvent {
            kind: kind.to_owned(),
            subject,
            detail,
            ..event.clone()
        };
        let detail = json!({
            "name": deployed.deployment.name,
            "flow": deployed.flow.name,
            "version": deployed.version.number,
        });
        let mut rows = Vec::new();
        if deployed.flow.id == offered {
            let about = json!({"name": deployed.flow.name});
            rows.push(row("flow.created", offered.to_string(), about));
        }
        if deployed.new_version {
            let id = deployed.version.id.to_string();
            rows.push(row("version.created", id, detail.clone()));
        }
        let changed = |s: &&Schedule| deployed.schedules_changed.contains(&s.name);
        for schedule in deployed.schedules.iter().filter(changed) {
            let about = json!({"name": schedule.name, "deployment": deployed.deployment.name});
            rows.push(row("schedule.deployed", schedule.id.to_string(), about));
        }
        if deployed.changed || deployed.new_version {
            let id = deployed.deployment.id.to_string();
            rows.push(row("deployment.deployed", id, detail));
        }
        rows
    })
}

fn check_deploy(body: &DeployRequest) -> Result<(), ApiError> {
    check("flow", &body.flow)?;
    check("deployment", &body.deployment)?;
    check_text("description", body.description.as_ref())?;
    check_folder(body.folder.as_ref())?;
    check_words("flow_tags", body.flow_tags.iter().flatten())?;
    let (most, longest) = MAX_SOURCE;
    let too_long = |(k, v): (&String, &String)| k.len() > longest || v.len() > longest;
    if body.source.len() > most || body.source.iter().any(too_long) {
        let why = format!("at most {most} entries of {longest} bytes are kept");
        return Err(ApiError::invalid("too_long", "source", why));
    }
    if let flow::Entry::Command { argv, .. } = &body.entry
        && argv.first().is_none_or(String::is_empty)
    {
        let why = "names no program; the first element is what is executed";
        return Err(ApiError::invalid("no_program", "entry.argv", why));
    }
    Ok(())
}

/// Refuses a description that no run could fit and a command whose words name nothing; warns of what may be missing.
fn check_words_of(entry: &flow::Entry, schema: &ParameterSchema) -> Result<Vec<String>, ApiError> {
    let issues = schema.check_description();
    if !issues.is_empty() {
        return Err(bad_description(issues));
    }
    if let flow::Entry::Command { env, .. } = entry {
        flow::check_env(env).map_err(|why| ApiError::invalid("bad_variable", "entry.env", why))?;
    }
    entry
        .check_names(schema)
        .map_err(|why| ApiError::invalid("unknown_parameter", "entry", why))
}

/// What is said where a deploy takes a flow over from another project. Whether it may is for the store to say.
async fn taken_over(http: &Http, deploy: &Deploy) -> Result<Option<String>, ApiError> {
    let store = &http.app.store;
    let latest = match store.flow_by_name(deploy.org, &deploy.flow_name).await {
        Ok(flow) => flow.latest_version,
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(id) = latest else { return Ok(None) };
    let known = store.version(deploy.org, id).await?;
    Ok(deploy.takes_over(&known).then(|| {
        format!(
            "version {} of this flow came from {}; this one takes its place",
            known.number,
            origin::described(&known.source)
        )
    }))
}

/// The settings of a new deployment.
pub(crate) async fn defaults(http: &Http, caller: &Caller) -> Result<DeploymentSettings, ApiError> {
    let queue: QueueId = ensure_queue(http, caller, DEFAULT_QUEUE).await?;
    let mut settings = DeploymentSettings::on(queue);
    settings.timeout_seconds = http.app.config.default_timeout_seconds;
    Ok(settings)
}

async fn plan_schedule(
    http: &Http,
    org: OrgId,
    deployment: Option<&flow::Deployment>,
    ask: DeploySchedule,
    schema: &ParameterSchema,
    defaults: &DeploymentSettings,
    now: Timestamp,
) -> Result<Schedule, ApiError> {
    check("schedule.name", &ask.name)?;
    let before = match deployment {
        Some(deployment) => http
            .app
            .store
            .schedules(org, Some(deployment.id), MAX_PAGE)
            .await?
            .into_iter()
            .find(|schedule| schedule.name == ask.name),
        None => None,
    };
    let stored = before.as_ref().map(|schedule| &schedule.settings);
    let settings = schedules::settings(http, org, ask.settings, stored, now).await?;
    schedules::check_parameters(schema, &settings, defaults)?;
    let paused = ask
        .paused
        .unwrap_or_else(|| before.as_ref().is_some_and(|schedule| schedule.paused));
    // Of a new one; the store edits one that is there.
    let next_at = settings.next_after(now).filter(|_| !paused);
    Ok(Schedule {
        id: before
            .as_ref()
            .map_or_else(|| ScheduleId::new(now, entropy()), |s| s.id),
        org,
        deployment_id: deployment.map_or_else(|| DeploymentId::new(now, entropy()), |d| d.id),
        name: ask.name,
        settings,
        paused,
        next_at,
        last_slot: before.as_ref().and_then(|s| s.last_slot),
        created_at: before.as_ref().map_or(now, |s| s.created_at),
        updated_at: now,
    })
}

/// What works but deserves a look: nobody may be there to run it.
async fn missing(http: &Http, deployment: &flow::Deployment) -> Result<Vec<String>, ApiError> {
    let settings = &deployment.settings;
    let robots = http.app.store.robots(Some(deployment.org)).await?;
    let queue = http
        .names
        .queue(&*http.app.store, deployment.org, settings.queue_id)
        .await?;
    let mut warnings = Vec::new();
    let serving: Vec<_> = robots
        .iter()
        .filter(|robot| robot.offer.queues.contains(&queue))
        .collect();
    if serving.is_empty() {
        warnings.push(format!(
            "no robot serves the queue {queue:?} yet; its runs wait until one does"
        ));
    }
    let mut missing = |kind: &str, wanted: &BTreeSet<String>, has: &dyn Fn(&str) -> bool| {
        for word in wanted.iter().filter(|word| !has(word)) {
            warnings.push(format!("no robot has the {kind} {word:?} yet"));
        }
    };
    missing("label", &settings.labels, &|word| {
        robots.iter().any(|r| r.offer.labels.contains(word))
    });
    missing("capability", &settings.capabilities, &|word| {
        robots.iter().any(|r| r.offer.capabilities.contains(word))
    });
    Ok(warnings)
}
