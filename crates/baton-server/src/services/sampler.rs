//! The sampler: measures queues, robots and throughput every ten seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_core::id::{OrgId, RobotId};
use baton_core::robot::RobotStatus;
use baton_core::state::State;
use baton_store::Result;
use baton_store::stats::{Grain, Sample};
use jiff::Timestamp;

use super::Service;
use crate::app::App;

/// Measures every ten seconds, on the ten seconds.
#[derive(Default)]
pub(super) struct Sampler {
    /// Runs that had ended at the last measurement, by org.
    ended: HashMap<OrgId, (Timestamp, u64)>,
    /// The period that was measured last.
    last: Option<Timestamp>,
}

#[async_trait]
impl Service for Sampler {
    const NAME: &'static str = "sampler";

    fn tick(_app: &App) -> Duration {
        Duration::from_secs(10)
    }

    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>> {
        let now = app.now();
        let grain = Grain::TenSeconds.seconds();
        let start = now.as_second() - now.as_second().rem_euclid(grain);
        let next = Timestamp::from_second(start + grain).ok();
        let at = Timestamp::from_second(start).unwrap_or(now);
        if self.last != Some(at) {
            let samples = self.measure(app, at, now).await?;
            if !samples.is_empty() {
                app.store.put_samples(samples).await?;
            }
            self.last = Some(at);
        }
        Ok(next)
    }
}

impl Sampler {
    async fn measure(&mut self, app: &App, at: Timestamp, now: Timestamp) -> Result<Vec<Sample>> {
        let mut samples = Vec::new();
        let mut put = |org, metric: &str, subject: String, value: f64| {
            samples.push(Sample {
                org,
                metric: metric.to_owned(),
                subject,
                at,
                value,
            });
        };
        let mut depth: HashMap<OrgId, (u64, f64)> = HashMap::new();
        for (org, queue, count, oldest) in app.store.queue_depths(None).await? {
            let waits = oldest.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
            put(org, "queue_depth", queue.to_string(), count as f64);
            put(org, "queue_oldest_seconds", queue.to_string(), waits);
            let total = depth.entry(org).or_default();
            total.0 += count;
            total.1 = total.1.max(waits);
        }
        for (org, (count, waits)) in &depth {
            put(*org, "queue_depth", String::new(), *count as f64);
            put(*org, "queue_oldest_seconds", String::new(), *waits);
        }
        for (org, fleet) in fleet(app, now).await? {
            put(org, "robots_online", String::new(), f64::from(fleet.online));
            put(org, "robot_utilization", String::new(), fleet.utilization());
        }
        for org in depth.into_keys() {
            if let Some(rate) = self.throughput(app, org, now).await? {
                put(org, "throughput", String::new(), rate);
            }
        }
        Ok(samples)
    }

    /// Runs that ended in each second since the last measurement.
    async fn throughput(&mut self, app: &App, org: OrgId, now: Timestamp) -> Result<Option<f64>> {
        let counts = app.store.state_counts(org).await?;
        let terminal = |state: &State| state.is_terminal();
        let ended = counts.iter().filter(|(s, _)| terminal(s)).map(|(_, n)| n);
        let ended: u64 = ended.sum();
        let before = self.ended.insert(org, (now, ended));
        Ok(before.and_then(|(at, was)| {
            let seconds = now.duration_since(at).as_secs_f64();
            // Pruned runs make the count fall; that is not throughput.
            (seconds > 0.0).then(|| ended.saturating_sub(was) as f64 / seconds)
        }))
    }
}

#[derive(Debug, Default)]
struct FleetSample {
    online: u32,
    slots: u64,
    taken: u64,
}

impl FleetSample {
    /// The share of the slots of reachable robots that is taken, from 0 to 1.
    fn utilization(&self) -> f64 {
        if self.slots == 0 {
            0.0
        } else {
            self.taken as f64 / self.slots as f64
        }
    }
}

async fn fleet(app: &App, now: Timestamp) -> Result<HashMap<OrgId, FleetSample>> {
    let mut live: HashMap<RobotId, u32> = HashMap::new();
    for attempt in app.store.live_attempts().await? {
        if let Some(robot) = attempt.robot_id {
            *live.entry(robot).or_default() += 1;
        }
    }
    let mut orgs: HashMap<OrgId, FleetSample> = HashMap::new();
    for robot in app.store.robots(None).await? {
        let fleet = orgs.entry(robot.org).or_default();
        let taken = live.get(&robot.id).copied().unwrap_or(0);
        if robot.status(taken, now) != RobotStatus::Offline {
            fleet.online += 1;
            fleet.slots += u64::from(robot.offer.max_concurrent_jobs);
            fleet.taken += u64::from(taken);
        }
    }
    Ok(orgs)
}
