//! The ten figures of the dashboard.

use std::collections::HashMap;

use baton_api::rest::DashboardMetrics;
use baton_core::id::{OrgId, RobotId};
use baton_core::robot::RobotStatus;
use baton_core::state::State;
use baton_store::stats::OutcomeQuery;
use baton_store::{Result, StoreError};
use jiff::Timestamp;

use crate::app::App;

/// The dashboard's figures now: today is the day in the org's zone, the success rate is completed of
/// finished, the average is run time without waiting.
pub async fn dashboard_metrics(app: &App, org: OrgId) -> Result<DashboardMetrics> {
    let now = app.now();
    let (from, until) = today(&app.config.timezone, now)?;
    let robots = robots_by_status(app, org).await?;
    let total: u32 = robots.iter().map(|(_, count)| count).sum();
    let away = robots
        .iter()
        .filter(|(status, _)| *status == RobotStatus::Offline);
    let online = total - away.map(|(_, count)| count).sum::<u32>();
    let day = app
        .store
        .outcomes(OutcomeQuery {
            org,
            from,
            until,
            step_seconds: 0,
            flow_id: None,
            deployment_id: None,
            robot_id: None,
            by: None,
        })
        .await?;
    let sum = |of: fn(&baton_store::stats::OutcomeBucket) -> u64| day.iter().map(of).sum::<u64>();
    let completed = sum(|b| b.ended[0]);
    let failed = sum(|b| b.ended[1] + b.ended[2] + b.ended[3]);
    let timed = sum(|b| b.timed);
    let seconds: f64 = day.iter().map(|b| b.seconds).sum();
    let counts: HashMap<State, u64> = app.store.state_counts(org).await?.into_iter().collect();
    let in_states = |states: &[State]| states.iter().filter_map(|s| counts.get(s)).sum();
    Ok(DashboardMetrics {
        total_robots: total,
        online_robots: online,
        offline_robots: total - online,
        total_jobs_today: sum(|b| b.created),
        completed_jobs_today: completed,
        failed_jobs_today: failed,
        pending_jobs: in_states(&[State::Pending, State::Queued]),
        running_jobs: in_states(&[State::Dispatched, State::Running, State::Cancelling]),
        average_execution_time: ratio(seconds, timed as f64),
        success_rate: 100.0 * ratio(completed as f64, (completed + failed) as f64),
    })
}

/// How many robots have each status now.
pub async fn robots_by_status(app: &App, org: OrgId) -> Result<[(RobotStatus, u32); 4]> {
    let now = app.now();
    let mut live: HashMap<RobotId, u32> = HashMap::new();
    for attempt in app.store.live_attempts().await? {
        if let Some(robot) = attempt.robot_id {
            *live.entry(robot).or_default() += 1;
        }
    }
    let mut counts = [
        RobotStatus::Online,
        RobotStatus::Busy,
        RobotStatus::Draining,
        RobotStatus::Offline,
    ]
    .map(|status| (status, 0));
    for robot in app.store.robots(Some(org)).await? {
        let status = robot.status(live.get(&robot.id).copied().unwrap_or(0), now);
        for (_, count) in counts.iter_mut().filter(|(one, _)| *one == status) {
            *count += 1;
        }
    }
    Ok(counts)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// The day of `now` in this zone: from its first instant until before the next day's.
fn today(zone: &str, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
    let unknown = |error: jiff::Error| {
        StoreError::conflict(
            "bad_timezone",
            format!("the zone {zone:?} is of no use: {error}"),
        )
    };
    let missing = || {
        let text = format!("the zone {zone:?} is not known; start with --timezone ZONE");
        StoreError::conflict("bad_timezone", text)
    };
    let zone = baton_core::zone::get(zone).ok_or_else(missing)?;
    let start = now.to_zoned(zone).start_of_day().map_err(unknown)?;
    let end = start.tomorrow().map_err(unknown)?;
    let end = end.start_of_day().map_err(unknown)?;
    Ok((start.timestamp(), end.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_the_day_in_the_zone_also_when_clocks_change() {
        let now: Timestamp = "2026-10-25T12:00:00Z".parse().expect("a time");
        let (from, until) = today("Europe/Berlin", now).expect("a zone");
        assert_eq!(from.to_string(), "2026-10-24T22:00:00Z");
        assert_eq!(until.to_string(), "2026-10-25T23:00:00Z");
        assert!(today("Mars/Base", now).is_err());
    }
}
