//! Figures for Prometheus, in its text form: what alert rules of a fleet are made of.
//!
//! Flows, queues and robots are named up to a bound, the ones with the most runs first, so that a server with many
//! of them does not fill the store of whoever reads this.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use baton_api::rest::MAX_PAGE;
use baton_core::id::OrgId;
use baton_core::run::LATE_AFTER;
use baton_store::page::PageRequest;
use baton_store::runs::RunFilter;
use baton_store::stats;
use jiff::{SignedDuration, Timestamp};

use super::Http;
use super::extract::Caller;
use super::route::Text;
use crate::error::ApiError;
use crate::histograms::Histogram;
use crate::operations;

/// Flows, queues or robots that one family names at most.
const NAMED: usize = 100;
/// The figures of ended runs are those of the last hour.
const ENDED_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// The label of what is not counted apart, and of what was deleted.
const OTHERS: &str = "(others)";
/// States in the order of a bucket of outcomes.
const ENDS: [&str; 5] = ["completed", "failed", "timed_out", "crashed", "cancelled"];

/// Labels with their texts.
type Labels = Vec<(&'static str, String)>;

/// The text, family after family.
#[derive(Debug, Default)]
struct Exposition(String);

impl Exposition {
    /// One family with its values; each has its labels.
    fn family(&mut self, name: &str, kind: &str, help: &str, values: &[(Labels, f64)]) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let labels: Vec<String> = (labels.iter())
                .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
                .collect();
            let labels = match labels.as_slice() {
                [] => String::new(),
                some => format!("{{{}}}", some.join(",")),
            };
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }

    /// Gauges of the same things: one family each, with a value for each row that has one.
    fn gauges<const N: usize>(
        &mut self,
        families: [(&str, &str); N],
        rows: &[(Labels, [Option<f64>; N])],
    ) {
        for (place, (name, help)) in families.into_iter().enumerate() {
            let values = rows.iter().filter_map(|(labels, values)| {
                let value = values.get(place).copied().flatten()?;
                Some((labels.clone(), value))
            });
            self.family(name, "gauge", help, &values.collect::<Vec<_>>());
        }
    }

    /// One histogram for each label's text.
    fn histograms(&mut self, name: &str, help: &str, label: &str, of: &Named) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (text, histogram) in of {
            let (text, mut count) = (escaped(text), 0);
            for (edge, up_to) in histogram.buckets() {
                let edge = if edge.is_finite() {
                    edge.to_string()
                } else {
                    "+Inf".to_owned()
                };
                count = up_to;
                let _ = writeln!(
                    self.0,
                    "{name}_bucket{{{label}=\"{text}\",le=\"{edge}\"}} {up_to}"
                );
            }
            let _ = writeln!(self.0, "{name}_sum{{{label}=\"{text}\"}} {}", histogram.sum);
            let _ = writeln!(self.0, "{name}_count{{{label}=\"{text}\"}} {count}");
        }
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help, &[(Vec::new(), value)]);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// `GET /metrics`.
pub(crate) async fn get_metrics(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Result<Text, ApiError> {
    let mut text = Exposition::default();
    let now = http.app.clock.now();
    runs(&http, caller.org, now, &mut text).await?;
    queues(&http, caller.org, now, &mut text).await?;
    robots(&http, caller.org, now, &mut text).await?;
    ended(&http, caller.org, now, &mut text).await?;
    took(&http, caller.org, &mut text).await?;
    server(&http, &mut text);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(Text(([(CONTENT_TYPE, kind)], text.0).into_response()))
}

async fn runs(
    http: &Http,
    org: OrgId,
    now: Timestamp,
    text: &mut Exposition,
) -> Result<(), ApiError> {
    let store = &http.app.store;
    let states = store.state_counts(org).await?;
    let states: Vec<_> = (states.into_iter())
        .map(|(state, count)| (vec![("state", state.to_string())], count as f64))
        .collect();
    text.family("baton_runs", "gauge", "Runs by state.", &states);
    let filter = RunFilter {
        late_at: now.checked_sub(LATE_AFTER).ok(),
        ..RunFilter::default()
    };
    let late = store
        .runs(filter, PageRequest::first(org, MAX_PAGE))
        .await?;
    let help = "Runs that have not started although they were due, counted up to 1000.";
    text.one("baton_runs_late", "gauge", help, late.items.len() as f64);
    let next = store.schedules(org, None, 1).await?;
    let behind = next.first().and_then(|schedule| schedule.next_at);
    let behind = behind.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
    let help = "How long the schedule that is due first has been due.";
    text.one("baton_schedule_lag_seconds", "gauge", help, behind);
    Ok(())
}

async fn queues(
    http: &Http,
    org: OrgId,
    now: Timestamp,
    text: &mut Exposition,
) -> Result<(), ApiError> {
    let store = &*http.app.store;
    let mut found = store.queue_depths(Some(org)).await?;
    found.sort_by_key(|(_, id, depth, _)| (std::cmp::Reverse(*depth), *id));
    let mut rows = Vec::new();
    for (_, queue, depth, due) in found.into_iter().take(NAMED) {
        let name = http.names.queue(store, org, queue).await?;
        let waited = due.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
        rows.push((vec![("queue", name)], [Some(depth as f64), Some(waited)]));
    }
    let families = [
        ("baton_queue_depth", "Runs that wait for a robot."),
        (
            "baton_queue_oldest_seconds",
            "How long the run that was due first has waited.",
        ),
    ];
    text.gauges(families, &rows);
    Ok(())
}

async fn robots(
    http: &Http,
    org: OrgId,
    now: Timestamp,
    text: &mut Exposition,
) -> Result<(), ApiError> {
    let store = &http.app.store;
    let connected = http.app.robots.of(org).len() as f64;
    let help = "Robots connected to this server.";
    text.one("baton_robots_connected", "gauge", help, connected);
    let by_status = operations::robots_by_status(&http.app, org).await?;
    let by_status = by_status.map(|(status, count)| {
        let word = serde_json::to_value(status).unwrap_or_default();
        let word = word.as_str().unwrap_or_default().to_owned();
        (vec![("status", word)], f64::from(count))
    });
    text.family("baton_robots", "gauge", "Robots by status.", &by_status);
    let live = store.live_attempts().await?;
    let mut found: Vec<_> = (store.robots(Some(org)).await?.into_iter())
        .map(|robot| {
            let held = live.iter().filter(|a| a.robot_id == Some(robot.id)).count();
            (held, robot)
        })
        .collect();
    found.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.name.cmp(&y.name)));
    let rows = found.into_iter().take(NAMED).map(|(held, robot)| {
        let heard = http.app.robots.heard_at(robot.id);
        let heard = heard.map(|at| http.app.day_of(at)).or(robot.last_seen);
        let silent = heard.map(|at| now.duration_since(at).as_secs_f64().max(0.0));
        let slots = f64::from(robot.offer.max_concurrent_jobs);
        let values = [Some(slots), Some(held as f64), silent];
        (vec![("robot", robot.name)], values)
    });
    let families = [
        ("baton_robot_slots", "Slots of a robot."),
        ("baton_robot_slots_used", "Slots of a robot that are taken."),
        (
            "baton_robot_heard_age_seconds",
            "How long ago a robot was heard.",
        ),
    ];
    text.gauges(families, &rows.collect::<Vec<_>>());
    Ok(())
}

async fn ended(
    http: &Http,
    org: OrgId,
    now: Timestamp,
    text: &mut Exposition,
) -> Result<(), ApiError> {
    let store = &http.app.store;
    let query = stats::OutcomeQuery {
        org,
        from: now.saturating_sub(ENDED_WITHIN).unwrap_or(Timestamp::MIN),
        until: now,
        step_seconds: 0,
        flow_id: None,
        deployment_id: None,
        robot_id: None,
        by: Some("flow"),
    };
    let mut buckets = store.outcomes(query).await?;
    buckets.sort_by_key(|bucket| std::cmp::Reverse(bucket.ended.iter().sum::<u64>()));
    let mut ends = Vec::new();
    for bucket in buckets.iter().take(NAMED) {
        let flow = match bucket.flow_id {
            Some(id) => http.names.flow(&**store, org, id).await?,
            None => String::new(),
        };
        for (state, count) in ENDS.iter().zip(bucket.ended) {
            let labels = vec![("flow", flow.clone()), ("state", (*state).to_owned())];
            ends.push((labels, count as f64));
        }
    }
    let help = "Runs that ended within the last hour.";
    text.family("baton_runs_ended_last_hour", "gauge", help, &ends);
    Ok(())
}

async fn took(http: &Http, org: OrgId, text: &mut Exposition) -> Result<(), ApiError> {
    let store = &*http.app.store;
    let (mut flows, mut queues) = (Named::default(), Named::default());
    for (flow, histogram) in http.app.histograms.took(org) {
        let name = match flow {
            Some(id) => http.names.flow(store, org, id).await?,
            None => String::new(),
        };
        add(&mut flows, name, histogram);
    }
    for (queue, histogram) in http.app.histograms.started(org) {
        let name = match queue {
            Some(id) => http.names.queue(store, org, id).await?,
            None => String::new(),
        };
        add(&mut queues, name, histogram);
    }
    let help = "How long completed and failed runs took, since the server started.";
    text.histograms("baton_run_duration_seconds", help, "flow", &flows);
    let help = "From when attempts were due until they started, since the server started.";
    text.histograms("baton_run_start_latency_seconds", help, "queue", &queues);
    Ok(())
}

/// Histograms by name.
type Named = BTreeMap<String, Histogram>;

/// Adds one. What was deleted has no name, and its successor may have the same: a name is there once.
fn add(of: &mut Named, name: String, histogram: Histogram) {
    let name = if name.is_empty() {
        OTHERS.to_owned()
    } else {
        name
    };
    match of.entry(name) {
        Entry::Occupied(known) => known.into_mut().merge(&histogram),
        Entry::Vacant(new) => {
            new.insert(histogram);
        }
    }
}

fn server(http: &Http, text: &mut Exposition) {
    let counters = http.app.store.counters();
    for (name, help, value) in [
        (
            "baton_store_commits_total",
            "Transactions committed.",
            counters.commits,
        ),
        (
            "baton_store_operations_total",
            "Operations within them.",
            counters.operations,
        ),
        (
            "baton_store_syncs_total",
            "Syncs of the disk.",
            counters.syncs,
        ),
    ] {
        text.one(name, "counter", help, value as f64);
    }
    let started = http.app.started_at.as_millisecond() as f64 / 1_000.0;
    text.one(
        "process_start_time_seconds",
        "gauge",
        "When this server started.",
        started,
    );
    if let Some(bytes) = resident_bytes() {
        let help = "Memory of this process that is in RAM.";
        text.one("process_resident_memory_bytes", "gauge", help, bytes);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        let help = "Files and sockets that this process has open.";
        text.one("process_open_fds", "gauge", help, files.count() as f64);
    }
}

/// Where the system says it; `VmRSS` is in kB.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_a_family_says_what_it_is() {
        let mut text = Exposition::default();
        let odd = vec![
            ("queue", "a \"b\" \\ c\nd".to_owned()),
            ("state", "x".into()),
        ];
        text.family("baton_x", "gauge", "Words.", &[(odd, 1.5)]);
        text.one("baton_y_total", "counter", "More.", 3.0);
        assert_eq!(
            text.0,
            "# HELP baton_x Words.\n# TYPE baton_x gauge\n\
             baton_x{queue=\"a \\\"b\\\" \\\\ c\\nd\",state=\"x\"} 1.5\n\
             # HELP baton_y_total More.\n# TYPE baton_y_total counter\nbaton_y_total 3\n"
        );
    }
}
