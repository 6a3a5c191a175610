//! Schedules: made, changed, paused, and looked at before they are used.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{
    Collection, CreateSchedule, LocalTime, MAX_PAGE, NextQuery, PreviewRequest, Schedule,
    ScheduleInput, SchedulePreview, ScheduleQuery, UpdateSchedule,
};
use baton_core::flow::{Deployment, DeploymentSettings};
use baton_core::id::{OrgId, ScheduleId};
use baton_core::parameter::ParameterSchema;
use baton_core::schedule::{self, ScheduleSettings, Timetable};
use baton_core::zone;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::Http;
use super::extract::{Caller, Id, Json, LARGE, Query};
use super::flows::{check, entropy};
use super::lookup::known_robot;
use super::paging::{bounded, cursor, page};
use super::route::{Created, Done};
use crate::error::{ApiError, bad_parameters};
use crate::submit::{Plan, find_deployment};
use crate::zones;

type Reply<T> = Result<axum::Json<T>, ApiError>;

/// Slots that are shown unless the caller says otherwise.
const SHOWN: u32 = 10;

pub(crate) async fn list_schedules(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<ScheduleQuery>,
) -> Reply<Collection<Schedule>> {
    let store = &http.app.store;
    let deployment = match &query.deployment {
        Some(text) => Some(find_deployment(&**store, caller.org, text).await?.id),
        None => None,
    };
    let request = page(caller.org, query.limit, query.cursor)?;
    let found = store.schedules_page(deployment, request).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for schedule in found.items {
        items.push(view(&http, schedule).await?);
    }
    let next = cursor(found.next);
    Ok(axum::Json(Collection { items, next }))
}

/// A schedule's place in a list: by its next slot, those without one last.
pub(crate) fn place(schedule: &Schedule) -> (bool, Option<Timestamp>, ScheduleId) {
    (schedule.next_at.is_none(), schedule.next_at, schedule.id)
}

pub(crate) async fn get_schedule(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<ScheduleId>,
) -> Reply<Schedule> {
    let schedule = http.app.store.schedule(caller.org, id).await?;
    Ok(axum::Json(view(&http, schedule).await?))
}

pub(crate) async fn create_schedule(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<CreateSchedule, LARGE>,
) -> Result<Created<Schedule>, ApiError> {
    let (store, now) = (&http.app.store, http.app.clock.now());
    let deployment = find_deployment(&**store, caller.org, &body.deployment).await?;
    let name = body
        .name
        .unwrap_or_else(|| body.settings.rule.kind().to_owned());
    check("name", &name)?;
    let settings = settings(&http, caller.org, body.settings, None, now).await?;
    check_against(&http, deployment.clone(), &settings).await?;
    let schedule = schedule::Schedule {
        id: ScheduleId::new(now, entropy()),
        org: caller.org,
        deployment_id: deployment.id,
        name,
        // A paused deployment is the store's to know.
        next_at: settings.next_after(now).filter(|_| !body.paused),
        settings,
        paused: body.paused,
        last_slot: None,
        created_at: now,
        updated_at: now,
    };
    let create = store.create_schedule(schedule.clone());
    changed(&http, &caller, &schedule, "schedule.created", create).await?;
    Ok(Created(view(&http, schedule).await?))
}

pub(crate) async fn update_schedule(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<ScheduleId>,
    Json(body): Json<UpdateSchedule, LARGE>,
) -> Reply<Schedule> {
    change(&http, &caller, id, body, "schedule.updated").await
}

pub(crate) async fn pause_schedule(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<ScheduleId>,
) -> Reply<Schedule> {
    let patch = UpdateSchedule {
        paused: Some(true),
        ..UpdateSchedule::default()
    };
    change(&http, &caller, id, patch, "schedule.paused").await
}

pub(crate) async fn resume_schedule(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<ScheduleId>,
) -> Reply<Schedule> {
    let patch = UpdateSchedule {
        paused: Some(false),
        ..UpdateSchedule::default()
    };
    change(&http, &caller, id, patch, "schedule.resumed").await
}

async fn change(
    http: &Http,
    caller: &Caller,
    id: ScheduleId,
    patch: UpdateSchedule,
    kind: &str,
) -> Reply<Schedule> {
    let (store, now) = (&http.app.store, http.app.clock.now());
    let before = store.schedule(caller.org, id).await?;
    let paused = patch.paused.unwrap_or(before.paused);
    let asked = patch.name.clone();
    let settings = merge(&before.settings, patch)?;
    let name = name_after(http, &before, asked, &settings).await?;
    if settings == before.settings && paused == before.paused && name.is_none() {
        return Ok(axum::Json(view(http, before).await?));
    }
    if settings != before.settings {
        if settings.timezone == before.settings.timezone {
            settings.check_in_kept_zone(now)?;
        } else {
            settings.check(now)?;
        }
        if let Some(robot) = settings.robot_id {
            known_robot(http, caller.org, robot).await?;
        }
        let deployment = store.deployment(caller.org, before.deployment_id).await?;
        check_against(http, deployment, &settings).await?;
    }
    let update = store.update_schedule(caller.org, id, name, settings, paused, now);
    let schedule = changed(http, caller, &before, kind, update).await?;
    Ok(axum::Json(view(http, schedule).await?))
}

/// The new name, if it gets one: the one that is asked for, or that of the new kind of rule where it is
/// called after the old kind and nothing else has that name.
async fn name_after(
    http: &Http,
    before: &schedule::Schedule,
    asked: Option<String>,
    settings: &ScheduleSettings,
) -> Result<Option<String>, ApiError> {
    if let Some(name) = asked {
        check("name", &name)?;
        return Ok(Some(name).filter(|name| *name != before.name));
    }
    let (old, new) = (before.settings.rule.kind(), settings.rule.kind());
    if before.name != old || new == old {
        return Ok(None);
    }
    let store = &http.app.store;
    let all = store.schedules(before.org, Some(before.deployment_id), MAX_PAGE);
    let taken = all.await?.iter().any(|other| other.name == new);
    Ok((!taken).then(|| new.to_owned()))
}

pub(crate) async fn delete_schedule(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<ScheduleId>,
) -> Result<Done, ApiError> {
    let schedule = http.app.store.schedule(caller.org, id).await?;
    let delete = http.app.store.delete_schedule(caller.org, id);
    changed(&http, &caller, &schedule, "schedule.deleted", delete).await?;
    Ok(Done)
}

pub(crate) async fn next_slots(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<ScheduleId>,
    Query(query): Query<NextQuery>,
) -> Reply<SchedulePreview> {
    let schedule = http.app.store.schedule(caller.org, id).await?;
    let count = bounded(query.count, SHOWN)?;
    let now = http.app.clock.now();
    Ok(axum::Json(SchedulePreview::stored(
        &schedule.settings,
        now,
        count,
        zones::view(now),
    )))
}

pub(crate) async fn preview_schedule(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<PreviewRequest>,
) -> Reply<SchedulePreview> {
    let now = http.app.clock.now();
    let from = body.from.unwrap_or(now);
    if let Some(robot) = body.settings.robot_id {
        known_robot(&http, caller.org, robot).await?;
    }
    let given = body.settings.given(&http.app.config.timezone);
    let count = bounded(body.count, SHOWN)?;
    Ok(axum::Json(SchedulePreview::of(
        given,
        from,
        count,
        zones::view(now),
    )?))
}

/// Makes a change together with its row, and wakes whom it concerns.
async fn changed<T>(
    http: &Http,
    caller: &Caller,
    schedule: &schedule::Schedule,
    kind: &str,
    change: impl Future<Output = baton_store::Result<T>>,
) -> Result<T, ApiError> {
    let detail = json!({"name": schedule.name, "deployment_id": schedule.deployment_id});
    let event = http.event(caller, kind, schedule.id, detail);
    let answer = http.noted(event, change).await?;
    http.app.wakeups.scheduler.notify_one();
    Ok(answer)
}

/// What was asked for, with the server's zone where none was named, checked. What is stored already is
/// left as it is, also where an earlier version understood it otherwise, or where its time is over.
pub(crate) async fn settings(
    http: &Http,
    org: OrgId,
    input: ScheduleInput,
    stored: Option<&ScheduleSettings>,
    now: Timestamp,
) -> Result<ScheduleSettings, ApiError> {
    if let Some(robot) = input.robot_id {
        known_robot(http, org, robot).await?;
    }
    let given = input.given(&http.app.config.timezone);
    let keeps_zone = stored.is_some_and(|stored| stored.timezone == given.timezone);
    let plain = ScheduleSettings {
        rule: given.rule.normal().unwrap_or_else(|_| given.rule.clone()),
        ..given.clone()
    };
    if let Some(stored) = stored.filter(|stored| **stored == given || **stored == plain) {
        return Ok(stored.clone());
    }
    let settings = given.normal()?;
    if stored == Some(&settings) {
        return Ok(settings);
    }
    if keeps_zone {
        settings.check_in_kept_zone(now)?;
    } else {
        settings.check(now)?;
    }
    Ok(settings)
}

/// What is there, with what the patch names.
fn merge(before: &ScheduleSettings, patch: UpdateSchedule) -> Result<ScheduleSettings, ApiError> {
    let mut settings = before.clone();
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    if let Some(rule) = patch.rule.filter(|rule| *rule != before.rule) {
        settings.rule = rule.normal()?;
    }
    if let Some(name) = patch.timezone.filter(|name| *name != before.timezone) {
        settings.timezone = zone::spelling(&name);
    }
    set(&mut settings.starts_at, patch.starts_at);
    set(&mut settings.ends_at, patch.ends_at);
    set(&mut settings.jitter_seconds, patch.jitter_seconds);
    set(&mut settings.missed, patch.missed);
    set(&mut settings.overlap, patch.overlap);
    set(&mut settings.parameters, patch.parameters);
    set(&mut settings.robot_id, patch.robot_id);
    set(&mut settings.priority, patch.priority);
    Ok(settings.after(before))
}

async fn check_against(
    http: &Http,
    deployment: Deployment,
    settings: &ScheduleSettings,
) -> Result<(), ApiError> {
    match Plan::of_deployment(&*http.app.store, deployment, None).await {
        Ok(plan) => check_parameters(&plan.schema, settings, &plan.settings),
        Err(error) if error.code == "not_runnable" => Ok(()),
        Err(error) => Err(error),
    }
}

/// A schedule brings no parameters later: together with the deployment's they must be complete now.
pub(crate) fn check_parameters(
    schema: &ParameterSchema,
    settings: &ScheduleSettings,
    defaults: &DeploymentSettings,
) -> Result<(), ApiError> {
    schema
        .fill_and_check(&settings.parameters, &defaults.parameters)
        .map(drop)
        .map_err(bad_parameters)
}

pub(super) async fn view(http: &Http, schedule: schedule::Schedule) -> Result<Schedule, ApiError> {
    let (store, org) = (&*http.app.store, schedule.org);
    let deployment = store.deployment(org, schedule.deployment_id).await?;
    let flow = http.names.flow(store, org, deployment.flow_id).await?;
    Ok(view_of(schedule, &deployment, &flow))
}

fn local_time(shown: schedule::Local) -> LocalTime {
    LocalTime {
        local: shown.local,
        offset: shown.offset,
        abbreviation: shown.zone,
    }
}

/// An instant on the clock of a zone.
pub(super) fn on_clock(clock: &TimeZone, at: Timestamp) -> LocalTime {
    local_time(schedule::Local::of(at, clock))
}

/// A schedule as the API shows it.
pub(crate) fn view_of(
    schedule: schedule::Schedule,
    deployment: &Deployment,
    flow_name: &str,
) -> Schedule {
    let timetable = Timetable::new(&schedule.settings).ok();
    let local = |at: Option<Timestamp>| Some(local_time(timetable.as_ref()?.local(at?)));
    // Rows of an earlier version have one beside a paused deployment.
    let next_at = schedule.next_at.filter(|_| !deployment.settings.paused);
    Schedule {
        over: !schedule.paused && !deployment.settings.paused && next_at.is_none(),
        next_local: local(next_at),
        starts_local: local(schedule.settings.starts_at),
        ends_local: local(schedule.settings.ends_at),
        last_local: local(schedule.last_slot),
        id: schedule.id,
        deployment_id: deployment.id,
        deployment_name: deployment.name.clone(),
        flow_id: deployment.flow_id,
        flow_name: flow_name.to_owned(),
        name: schedule.name,
        description: schedule.settings.describe(),
        settings: schedule.settings,
        paused: schedule.paused,
        deployment_paused: deployment.settings.paused,
        next_at,
        last_slot: schedule.last_slot,
        created_at: schedule.created_at,
        updated_at: schedule.updated_at,
    }
}
