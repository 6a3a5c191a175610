//! Which time zone data is in use, and what it did to schedules when it changed.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{MovedSchedule, ZoneReport};
use baton_core::id::{OrgId, ScheduleId};
use baton_store::StoreError;
use jiff::Timestamp;
use serde::Deserialize;

use super::Http;
use super::extract::Caller;
use super::schedules::view;
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
