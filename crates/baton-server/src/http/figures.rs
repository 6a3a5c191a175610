//! Figures: the ten of the dashboard, counts by state, samples and outcomes over time.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{
    DashboardMetrics, MAX_PAGE, OutcomeBucket, OutcomeBy, OutcomeQuery, Outcomes, RobotCount,
    SamplePoint, SampleQuery, SampleSeries, Samples, StateCount, StateCounts,
};
use baton_core::id::OrgId;
use baton_core::run::LATE_AFTER;
use baton_core::state::State as RunState;
use baton_store::page::PageRequest;
use baton_store::runs::RunFilter;
use baton_store::stats::{self, Grain};
use jiff::{SignedDuration, Timestamp};

use super::Http;
use super::extract::{Caller, Query};
use super::flows::{self, count};
use crate::error::ApiError;
use crate::operations;
use crate::submit::find_deployment;

type Reply<T> = Result<axum::Json<T>, ApiError>;

/// Points of a chart: more than its pixels help nobody.
const MAX_POINTS: i64 = 2_000;
/// Periods that a chart has at least, where the caller leaves their length open.
const FITTING: i64 = 60;
/// Points of a line unless the caller says otherwise: more than a chart has pixels to tell apart.
const SHOWN_POINTS: u32 = 500;
/// Points of a line that a caller may ask for.
const POINTS: std::ops::RangeInclusive<u32> = 2..=2_000;
/// Metrics of one request: as many as a page has charts.
const MAX_METRICS: usize = 8;

pub(crate) async fn get_dashboard_metrics(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Reply<DashboardMetrics> {
    let metrics = operations::dashboard_metrics(&http.app, caller.org).await?;
    Ok(axum::Json(metrics))
}

pub(crate) async fn get_state_counts(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Reply<StateCounts> {
    let (store, now) = (&http.app.store, http.app.clock.now());
    let counted: BTreeMap<RunState, u64> =
        store.state_counts(caller.org).await?.into_iter().collect();
    let filter = RunFilter {
        late_at: now.checked_sub(LATE_AFTER).ok(),
        ..RunFilter::default()
    };
    let late = store
        .runs(filter, PageRequest::first(caller.org, MAX_PAGE))
        .await?;
    Ok(axum::Json(StateCounts {
        items: RunState::ALL
            .into_iter()
            .map(|state| StateCount {
                state,
                count: counted.get(&state).copied().unwrap_or(0),
            })
            .collect(),
        late: count(late.items.len()),
        robots: operations::robots_by_status(&http.app, caller.org)
            .await?
            .map(|(status, count)| RobotCount { status, count })
            .to_vec(),
    }))
}

pub(crate) async fn list_samples(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<SampleQuery>,
) -> Reply<Samples> {
    let now = http.app.clock.now();
    let (from, until) = range(query.from, query.until, now, SignedDuration::from_hours(1))?;
    let span = until.duration_since(from).as_secs();
    let grain = match query.grain_seconds {
        Some(seconds) => Grain::ALL
            .into_iter()
            .find(|grain| grain.seconds() == i64::from(seconds))
            .ok_or_else(|| {
                ApiError::invalid("out_of_range", "grain_seconds", "is 10, 60 or 3600")
            })?,
        None => Grain::ALL
            .into_iter()
            .find(|grain| span / grain.seconds() <= MAX_POINTS / 4)
            .unwrap_or(Grain::Hour),
    };
    if span / grain.seconds() > MAX_POINTS * 5 {
        let why = "gives more points than a chart has; take a coarser one or a shorter range";
        return Err(ApiError::invalid("out_of_range", "grain_seconds", why));
    }
    let points = query.points.unwrap_or(SHOWN_POINTS);
    if !POINTS.contains(&points) {
        let why = format!("lies between {} and {}", POINTS.start(), POINTS.end());
        return Err(ApiError::invalid("out_of_range", "points", why));
    }
    let metrics: Vec<&str> = query.metric.split(',').collect();
    if metrics.len() > MAX_METRICS {
        let why = "names more metrics than are read at once; ask for eight at most";
        return Err(ApiError::invalid("out_of_range", "metric", why));
    }
    let mut series = Vec::new();
    for metric in metrics {
        let subject = query.subject.as_deref();
        let samples = http
            .app
            .store
            .samples(caller.org, metric, subject, grain, from, until)
            .await?;
        let found = named(&http, caller.org, metric, samples).await?;
        series.extend(found.into_iter().map(|line| thinned(line, points)));
    }
    Ok(axum::Json(Samples {
        metric: query.metric,
        grain_seconds: u32::try_from(grain.seconds()).unwrap_or(u32::MAX),
        series,
    }))
}

/// A line with at most so many points: each is the mean of some neighbours, at the time of the first.
fn thinned(mut line: SampleSeries, points: u32) -> SampleSeries {
    let points = usize::try_from(points).unwrap_or(usize::MAX).max(1);
    let each = line.points.len().div_ceil(points).max(1);
    if each > 1 {
        let mean = |some: &[SamplePoint]| SamplePoint {
            at: some[0].at,
            value: some.iter().map(|point| point.value).sum::<f64>() / some.len() as f64,
        };
        line.points = line.points.chunks(each).map(mean).collect();
    }
    line
}

/// Samples of one metric, a series for each of its subjects.
async fn named(
    http: &Http,
    org: OrgId,
    metric: &str,
    samples: Vec<stats::Sample>,
) -> Result<Vec<SampleSeries>, ApiError> {
    let mut points: BTreeMap<String, Vec<SamplePoint>> = BTreeMap::new();
    for sample in samples {
        let (at, value) = (sample.at, sample.value);
        let series = points.entry(sample.subject).or_default();
        series.push(SamplePoint { at, value });
    }
    let mut series = Vec::with_capacity(points.len());
    for (subject, points) in points {
        series.push(SampleSeries {
            metric: metric.to_owned(),
            name: subject_name(http, org, &subject).await?,
            subject,
            points,
        });
    }
    Ok(series)
}

async fn subject_name(http: &Http, org: OrgId, subject: &str) -> Result<String, ApiError> {
    let store = &*http.app.store;
    if let Ok(id) = subject.parse() {
        let queue = http.names.queue(store, org, id).await?;
        if !queue.is_empty() {
            return Ok(queue);
        }
    }
    if let Ok(id) = subject.parse()
        && let Some(robot) = http.names.robot(store, org, id).await?
    {
        return Ok(robot.name);
    }
    Ok(subject.to_owned())
}

pub(crate) async fn list_outcomes(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<OutcomeQuery>,
) -> Reply<Outcomes> {
    let (store, now) = (&http.app.store, http.app.clock.now());
    let (from, until) = range(query.from, query.until, now, SignedDuration::from_hours(24))?;
    let span = until.duration_since(from).as_secs();
    let step_seconds = match query.step_seconds {
        Some(step) => step,
        None => (span / FITTING / 60 * 60).max(60),
    };
    if step_seconds < 0 || step_seconds % 60 != 0 {
        let why = "is a multiple of 60, or 0 for one period over all";
        return Err(ApiError::invalid("out_of_range", "step_seconds", why));
    }
    if step_seconds > 0 && span / step_seconds > MAX_POINTS {
        let why = "gives more periods than a chart has; take a longer one or a shorter range";
        return Err(ApiError::invalid("out_of_range", "step_seconds", why));
    }
    let buckets = store
        .outcomes(stats::OutcomeQuery {
            org: caller.org,
            from,
            until,
            step_seconds,
            flow_id: match &query.flow {
                Some(text) => Some(flows::find(&http, caller.org, text).await?.id),
                None => None,
            },
            deployment_id: match &query.deployment {
                Some(text) => Some(find_deployment(&**store, caller.org, text).await?.id),
                None => None,
            },
            robot_id: match &query.robot {
                Some(text) => Some(super::lookup::robot(&http, caller.org, text).await?.id),
                None => None,
            },
            by: query.by.map(|by| match by {
                OutcomeBy::Flow => "flow",
                OutcomeBy::Deployment => "deployment",
                OutcomeBy::Robot => "robot",
            }),
        })
        .await?;
    let mut items = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        items.push(outcome(&http, caller.org, bucket, query.by).await?);
    }
    Ok(axum::Json(Outcomes {
        from,
        until,
        step_seconds,
        items,
    }))
}

fn range(
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    now: Timestamp,
    default: SignedDuration,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let until = until.unwrap_or(now);
    let from = from.unwrap_or_else(|| until.saturating_sub(default).unwrap_or(Timestamp::MIN));
    if from >= until {
        let why = "lies before `until`";
        return Err(ApiError::invalid("out_of_range", "from", why));
    }
    Ok((from, until))
}

async fn outcome(
    http: &Http,
    org: OrgId,
    bucket: stats::OutcomeBucket,
    by: Option<OutcomeBy>,
) -> Result<OutcomeBucket, ApiError> {
    let store = &*http.app.store;
    let name = match (by, bucket.flow_id, bucket.deployment_id, bucket.robot_id) {
        (Some(OutcomeBy::Flow), Some(id), ..) => Some(http.names.flow(store, org, id).await?),
        (Some(OutcomeBy::Robot), .., Some(id)) => http
            .names
            .robot(store, org, id)
            .await?
            .map(|robot| robot.name),
        (Some(OutcomeBy::Deployment), _, Some(id), _) => match store.deployment(org, id).await {
            Ok(deployment) => {
                let flow = http.names.flow(store, org, deployment.flow_id).await?;
                Some(format!("{flow}/{}", deployment.name))
            }
            Err(baton_store::StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        _ => None,
    };
    let [completed, failed, timed_out, crashed, cancelled] = bucket.ended;
    let finished = completed + failed + timed_out + crashed;
    let part = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    Ok(OutcomeBucket {
        at: Timestamp::from_second(bucket.at).unwrap_or(Timestamp::UNIX_EPOCH),
        flow_id: bucket.flow_id,
        deployment_id: bucket.deployment_id,
        robot_id: bucket.robot_id,
        name,
        created: bucket.created,
        completed,
        failed,
        timed_out,
        crashed,
        cancelled,
        success_rate: part(completed, finished).map(|share| share * 100.0),
        average_seconds: (bucket.timed > 0).then(|| bucket.seconds / bucket.timed as f64),
        p50_seconds: bucket.quantile(0.50),
        p95_seconds: bucket.quantile(0.95),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_thinned_to_the_points_that_were_asked_for_and_keeps_its_mean() {
        let point = |n: i64| SamplePoint {
            at: Timestamp::from_second(n).expect("an instant"),
            value: n as f64,
        };
        let line = |length: i64| SampleSeries {
            metric: "throughput".into(),
            name: String::new(),
            subject: String::new(),
            points: (0..length).map(point).collect(),
        };
        assert_eq!(thinned(line(500), 500).points.len(), 500);
        let thin = thinned(line(1_000), 500).points;
        assert_eq!(
            (thin.len(), thin[0].value, thin[499].value),
            (500, 0.5, 998.5)
        );
        assert_eq!(thin[1].at.as_second(), 2);
        assert!(thinned(line(1_001), 500).points.len() <= 500);
    }
}
