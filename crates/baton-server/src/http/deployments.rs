//! Deployments: seen, changed, paused, deleted.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{
    Collection, DeletePreview, Deployment, DeploymentPatch, DeploymentQuery, MAX_PAGE, PageQuery,
    Schedule,
};
use baton_core::flow::{self, DeploymentSettings};
use baton_core::id::{OrgId, QueueId};
use baton_core::lease::check_lost_after;
use baton_core::queue::{Queue, QueueSettings};
use baton_store::StoreError;
use serde_json::json;

use super::Http;
use super::extract::{Caller, Json, LARGE, Name, Query};
use super::flows::{self, check, check_text, check_words, count};
use super::paging::{cursor, listed, page, slice};
use super::route::Done;
use super::{lookup, schedules};
use crate::error::{ApiError, bad_parameters};
use crate::submit::{Plan, find_deployment, newest_active};

type Reply<T> = Result<axum::Json<T>, ApiError>;

pub(crate) async fn list_deployments(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<DeploymentQuery>,
) -> Reply<Collection<Deployment>> {
    let flow = match &query.flow {
        Some(text) => Some(flows::find(&http, caller.org, text).await?.id),
        None => None,
    };
    let request = page(caller.org, query.limit, query.cursor)?;
    let found = http.app.store.deployments(flow, request).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for deployment in found.items {
        items.push(view(&http, deployment).await?);
    }
    Ok(axum::Json(Collection {
        items,
        next: cursor(found.next),
    }))
}

pub(crate) async fn get_deployment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Deployment> {
    let deployment = find_deployment(&*http.app.store, caller.org, &text).await?;
    Ok(axum::Json(view(&http, deployment).await?))
}

pub(crate) async fn update_deployment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Json(patch): Json<DeploymentPatch, LARGE>,
) -> Reply<Deployment> {
    let deployment = find_deployment(&*http.app.store, caller.org, &text).await?;
    change(&http, &caller, deployment, patch, "deployment.updated").await
}

pub(crate) async fn pause_deployment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Deployment> {
    hold(&http, &caller, &text, true).await
}

pub(crate) async fn resume_deployment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Deployment> {
    hold(&http, &caller, &text, false).await
}

async fn hold(http: &Http, caller: &Caller, text: &str, paused: bool) -> Reply<Deployment> {
    let deployment = find_deployment(&*http.app.store, caller.org, text).await?;
    let patch = DeploymentPatch {
        paused: Some(paused),
        ..DeploymentPatch::default()
    };
    let kind = if paused {
        "deployment.paused"
    } else {
        "deployment.resumed"
    };
    change(http, caller, deployment, patch, kind).await
}

async fn change(
    http: &Http,
    caller: &Caller,
    deployment: flow::Deployment,
    patch: DeploymentPatch,
    kind: &str,
) -> Reply<Deployment> {
    check_patch(http, caller.org, &patch).await?;
    let settings = merge(http, caller, deployment.settings.clone(), patch).await?;
    // What changes nothing leaves no row.
    if settings == deployment.settings {
        return Ok(axum::Json(view(http, deployment).await?));
    }
    let mut changed = deployment.clone();
    changed.settings = settings.clone();
    check_parameters(http, changed).await?;
    let now = http.app.clock.now();
    let detail = json!({"name": deployment.name});
    let event = http.event(caller, kind, deployment.id, detail);
    let update = (http.app.store).update_deployment(caller.org, deployment.id, settings, now);
    let deployment = http.noted(event, update).await?;
    http.app.wakeups.fleet_changed();
    http.app.wakeups.scheduler.notify_one();
    Ok(axum::Json(view(http, deployment).await?))
}

/// Parameters of a deployment may leave out what each run brings, but what they name must fit.
async fn check_parameters(http: &Http, deployment: flow::Deployment) -> Result<(), ApiError> {
    if deployment.settings.parameters.is_empty() {
        return Ok(());
    }
    match Plan::of_deployment(&*http.app.store, deployment, None).await {
        Ok(plan) => check_defaults(&plan.schema, &plan.settings),
        // A deployment without a runnable version may be edited until it has one.
        Err(error) if error.code == "not_runnable" => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a deployment's own parameters fit the schema, those that runs must bring aside.
pub(crate) fn check_defaults(
    schema: &baton_core::parameter::ParameterSchema,
    settings: &DeploymentSettings,
) -> Result<(), ApiError> {
    let none = serde_json::Map::new();
    let Err(issues) = schema.fill_and_check(&none, &settings.parameters) else {
        return Ok(());
    };
    let wrong: Vec<_> = issues
        .into_iter()
        .filter(|issue| settings.parameters.keys().any(|name| issue.is_of(name)))
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(bad_parameters(wrong))
    }
}

pub(crate) async fn preview_delete_deployment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<DeletePreview> {
    let deployment = find_deployment(&*http.app.store, caller.org, &text).await?;
    let schedules = http
        .app
        .store
        .schedules(caller.org, Some(deployment.id), MAX_PAGE)
        .await?;
    let (_, open_runs) =
        flows::count_runs(&http, caller.org, flows::runs_of(deployment.id)).await?;
    Ok(axum::Json(DeletePreview {
        name: deployment.name,
        deployments: 1,
        schedules: count(schedules.len()),
        open_runs,
        ..DeletePreview::default()
    }))
}

pub(crate) async fn delete_deployment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Result<Done, ApiError> {
    let deployment = find_deployment(&*http.app.store, caller.org, &text).await?;
    let now = http.app.clock.now();
    let detail = json!({"name": deployment.name});
    let event = http.event(&caller, "deployment.deleted", deployment.id, detail);
    let delete = (http.app.store).delete_deployment(caller.org, deployment.id, now);
    http.noted(event, delete).await?;
    http.app.wakeups.fleet_changed();
    http.app.wakeups.scheduler.notify_one();
    Ok(Done)
}

pub(crate) async fn list_deployment_schedules(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<Schedule>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let deployment = find_deployment(&*http.app.store, caller.org, &text).await?;
    let view = view(&http, deployment).await?;
    let found = slice(view.schedules, &request, schedules::place)?;
    Ok(axum::Json(listed(found, |schedule| schedule)))
}

/// A deployment as the API shows it.
pub(crate) async fn view(
    http: &Http,
    deployment: flow::Deployment,
) -> Result<Deployment, ApiError> {
    let (store, org) = (&*http.app.store, deployment.org);
    let flow = store.flow(org, deployment.flow_id).await?;
    let version_id = match deployment.settings.version_id {
        Some(id) => Some(id),
        None => newest_active(store, &flow).await?.map(|version| version.id),
    };
    let version = match version_id {
        Some(id) => http.names.version(store, org, id).await?,
        None => None,
    };
    let schedules: Vec<Schedule> = store
        .schedules(org, Some(deployment.id), MAX_PAGE)
        .await?
        .into_iter()
        .map(|schedule| schedules::view_of(schedule, &deployment, &flow.name))
        .collect();
    Ok(Deployment {
        id: deployment.id,
        flow_id: flow.id,
        full_name: format!("{}/{}", flow.name, deployment.name),
        flow_name: flow.name,
        name: deployment.name,
        queue_name: http
            .names
            .queue(store, org, deployment.settings.queue_id)
            .await?,
        settings: deployment.settings,
        version_id,
        version,
        next_at: schedules.iter().filter_map(|s| s.next_at).min(),
        schedules,
        created_at: deployment.created_at,
        updated_at: deployment.updated_at,
    })
}

/// Refuses a change that could not work.
pub(crate) async fn check_patch(
    http: &Http,
    org: OrgId,
    patch: &DeploymentPatch,
) -> Result<(), ApiError> {
    check_text("description", patch.description.as_ref())?;
    check_words("tags", patch.tags.iter().flatten())?;
    check_words("labels", patch.labels.iter().flatten())?;
    check_words("capabilities", patch.capabilities.iter().flatten())?;
    check_words("environment", patch.environment.iter().flatten())?;
    if let Some(queue) = &patch.queue {
        check("queue", queue)?;
    }
    if let Some(retry) = &patch.retry {
        retry
            .check()
            .map_err(|why| ApiError::invalid("invalid_retry", "retry", why))?;
    }
    if let Some(Some(seconds)) = patch.lost_after_seconds {
        check_lost_after(seconds)
            .map_err(|why| ApiError::invalid("invalid_lost_after", "lost_after_seconds", why))?;
    }
    if let Some(Some(robot)) = patch.robot_id {
        lookup::known_robot(http, org, robot).await?;
    }
    Ok(())
}

/// What is there, with what the patch names.
pub(crate) async fn merge(
    http: &Http,
    caller: &Caller,
    mut settings: DeploymentSettings,
    patch: DeploymentPatch,
) -> Result<DeploymentSettings, ApiError> {
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    if let Some(name) = patch.queue {
        settings.queue_id = ensure_queue(http, caller, &name).await?;
    }
    set(&mut settings.version_id, patch.version_id);
    set(&mut settings.description, patch.description);
    set(&mut settings.tags, patch.tags);
    set(&mut settings.parameters, patch.parameters);
    set(&mut settings.priority, patch.priority);
    set(&mut settings.labels, patch.labels);
    set(&mut settings.capabilities, patch.capabilities);
    set(&mut settings.environment, patch.environment);
    set(&mut settings.robot_id, patch.robot_id);
    set(&mut settings.desktop, patch.desktop);
    set(&mut settings.concurrency_limit, patch.concurrency_limit);
    set(&mut settings.timeout_seconds, patch.timeout_seconds);
    set(
        &mut settings.cancel_grace_seconds,
        patch.cancel_grace_seconds,
    );
    set(&mut settings.stop_signal, patch.stop_signal);
    set(&mut settings.retry, patch.retry);
    set(&mut settings.on_lost, patch.on_lost);
    set(&mut settings.lost_after_seconds, patch.lost_after_seconds);
    set(
        &mut settings.start_within_seconds,
        patch.start_within_seconds,
    );
    set(&mut settings.paused, patch.paused);
    Ok(settings)
}

/// The queue with this name, made if there is none.
pub(crate) async fn ensure_queue(
    http: &Http,
    caller: &Caller,
    name: &str,
) -> Result<QueueId, ApiError> {
    let (store, org) = (&http.app.store, caller.org);
    match store.queue_by_name(org, name).await {
        Ok(queue) => return Ok(queue.id),
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let now = http.app.clock.now();
    let queue = Queue {
        id: QueueId::new(now, flows::entropy()),
        org,
        name: name.to_owned(),
        settings: QueueSettings::default(),
        created_at: now,
    };
    let id = queue.id;
    let event = http.event(caller, "queue.created", id, json!({"name": name}));
    match http.noted(event, store.create_queue(queue)).await {
        Ok(()) => {
            http.app.wakeups.fleet_changed();
            Ok(id)
        }
        // Somebody else has just made it.
        Err(StoreError::Conflict { .. }) => Ok(store.queue_by_name(org, name).await?.id),
        Err(error) => Err(error.into()),
    }
}
