//! Which time zone data is in use, what it did to schedules when it changed, and how it reads a time on a clock.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{InstantQuery, MeantInstant, MovedSchedule, ZoneReport};
use baton_core::id::{OrgId, ScheduleId};
use baton_core::zone;
use baton_store::StoreError;
use jiff::Timestamp;
use serde::Deserialize;

use super::Http;
use super::extract::{Caller, Query};
use super::schedules::{on_clock, view};
use crate::error::ApiError;
use crate::zones;

/// A schedule that moved, as the scheduler stored it.
#[derive(Deserialize)]
struct Moved {
    org: OrgId,
    schedule_id: ScheduleId,
    was_at: Option<Timestamp>,
    now_at: Option<Timestamp>,
}

pub(crate) async fn get_instant(
    State(http): State<Arc<Http>>,
    _: Caller,
    Query(query): Query<InstantQuery>,
) -> Result<axum::Json<MeantInstant>, ApiError> {
    let name = query
        .timezone
        .unwrap_or_else(|| http.app.config.timezone.clone());
    // A name that stored schedules may keep is read as well: their ends are edited by it.
    let Some(clock) = zone::get(&name) else {
        let why = zone::check(&name).err().map(|error| error.to_string());
        let why = why.unwrap_or_else(|| format!("\"{name}\" is not a known time zone"));
        return Err(ApiError::invalid("unknown_timezone", "timezone", why));
    };
    let at = zone::instant(&query.local, &clock).ok_or_else(|| {
        let why = format!(
            "\"{}\" is not a time; write 2026-12-24, 2026-12-24T18:00, or with an offset 2026-12-24T18:00+01:00",
            query.local
        );
        ApiError::invalid("bad_time", "local", why)
    })?;
    Ok(axum::Json(MeantInstant {
        at,
        on_clock: on_clock(&clock, at),
        timezone: zone::spelling(&name),
    }))
}

pub(crate) async fn get_zone_report(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Result<axum::Json<ZoneReport>, ApiError> {
    let store = &http.app.store;
    let mut report = ZoneReport {
        zone_data: zones::view(http.app.clock.now()),
        changed_at: None,
        before: None,
        moved: Vec::new(),
    };
    let Some(rules) = store.zone_rules().await? else {
        return Ok(axum::Json(report));
    };
    report.changed_at = Some(rules.changed_at);
    report.before = rules.before;
    let moved: Vec<Moved> = serde_json::from_value(rules.moved).map_err(ApiError::internal)?;
    for one in moved.into_iter().filter(|one| one.org == caller.org) {
        let schedule = match store.schedule(caller.org, one.schedule_id).await {
            Ok(schedule) => schedule,
            // It was deleted since.
            Err(StoreError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let mut shown = schedule.clone();
        shown.next_at = one.now_at;
        let shown = view(&http, shown).await?;
        report.moved.push(MovedSchedule {
            schedule_id: one.schedule_id,
            name: format!(
                "{}/{}/{}",
                shown.flow_name, shown.deployment_name, shown.name
            ),
            timezone: shown.settings.timezone,
            was_at: one.was_at,
            now_at: one.now_at,
            now_local: shown.next_local,
        });
    }
    Ok(axum::Json(report))
}
