//! The sampler: measures queues, robots and throughput every ten seconds.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use baton_core::id::{OrgId, QueueId, RobotId};
use baton_core::robot::RobotStatus;
use baton_core::state::State;
use baton_store::Result;
use baton_store::stats::{Grain, Sample};
use jiff::Timestamp;

use super::Service;
use crate::app::App;

/// Queues or robots of which one metric is kept, the busiest first; the whole is kept always. Each comes to
/// 27,000 rows (a day of 10 s, a week of minutes, a year of hours), some 5 MB: so many are 250 MB a metric.
const MAX_SUBJECTS: usize = 50;

/// Runs that ended since the last sample, by queue. Lost with the process: ten seconds of a chart.
#[derive(Debug, Default)]
pub(crate) struct Ended(Mutex<HashMap<(OrgId, QueueId), u32>>);

impl Ended {
    /// Counts a run that ended.
    pub(crate) fn count(&self, org: OrgId, queue: QueueId) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((org, queue)).or_default() += 1;
    }

    fn take(&self) -> HashMap<(OrgId, QueueId), u32> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Measures every ten seconds, on the ten seconds.
#[derive(Default)]
pub(super) struct Sampler {
    /// Runs that had ended at the last measurement, by org.
    ended: HashMap<OrgId, (Timestamp, u64)>,
    /// When what was counted by queue was taken last.
    taken_at: Option<Timestamp>,
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
            let mut samples = self.measure(app, at, now).await?;
            keep_busiest(&mut samples);
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
        let ended = app.ended.take();
        let before = self.taken_at.replace(now);
        let seconds = before.map_or(0.0, |then| now.duration_since(then).as_secs_f64());
        let mut depth: HashMap<OrgId, (u64, f64)> = HashMap::new();
        for (org, queue, count, oldest) in app.store.queue_depths(None).await? {
            let waits = oldest.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
            put(org, "queue_depth", queue.to_string(), count as f64);
            put(org, "queue_oldest_seconds", queue.to_string(), waits);
            if seconds > 0.0 {
                let ended = ended.get(&(org, queue)).copied().unwrap_or(0);
                let rate = f64::from(ended) / seconds;
                put(org, "throughput", queue.to_string(), rate);
            }
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
            for (robot, share) in fleet.robots {
                put(org, "robot_utilization", robot.to_string(), share);
            }
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

/// Leaves out all but the busiest [`MAX_SUBJECTS`] of each metric; the whole stays.
fn keep_busiest(samples: &mut Vec<Sample>) {
    let busiest_first = |a: &Sample, b: &Sample| -> Ordering {
        (a.org, &a.metric)
            .cmp(&(b.org, &b.metric))
            .then_with(|| b.subject.is_empty().cmp(&a.subject.is_empty()))
            .then_with(|| b.value.total_cmp(&a.value))
            .then_with(|| a.subject.cmp(&b.subject))
    };
    samples.sort_by(busiest_first);
    let mut kept: HashMap<(OrgId, String), usize> = HashMap::new();
    samples.retain(|sample| {
        let kept = kept.entry((sample.org, sample.metric.clone())).or_default();
        *kept += usize::from(!sample.subject.is_empty());
        *kept <= MAX_SUBJECTS
    });
}

#[derive(Debug, Default)]
struct FleetSample {
    online: u32,
    slots: u64,
    taken: u64,
    /// The share of its slots that is taken, of each reachable robot.
    robots: Vec<(RobotId, f64)>,
}

impl FleetSample {
    /// The share of the slots of reachable robots that is taken, from 0 to 1.
    fn utilization(&self) -> f64 {
        share(self.taken, self.slots)
    }
}

fn share(taken: u64, slots: u64) -> f64 {
    if slots == 0 {
        0.0
    } else {
        taken as f64 / slots as f64
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
            let (taken, slots) = (u64::from(taken), u64::from(robot.offer.max_concurrent_jobs));
            fleet.online += 1;
            fleet.slots += slots;
            fleet.taken += taken;
            fleet.robots.push((robot.id, share(taken, slots)));
        }
    }
    Ok(orgs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_fleet_the_busiest_are_kept_and_the_whole() {
        let sample = |subject: String, value: f64| Sample {
            org: OrgId::DEFAULT,
            metric: "robot_utilization".into(),
            subject,
            at: Timestamp::UNIX_EPOCH,
            value,
        };
        let robot = |n: usize| sample(format!("robot-{n:04}"), n as f64);
        let mut samples: Vec<_> = (0..MAX_SUBJECTS + 50).map(robot).collect();
        samples.push(sample(String::new(), 0.5));
        let mut other = sample("queue".into(), 0.0);
        other.metric = "queue_depth".into();
        samples.push(other);
        keep_busiest(&mut samples);
        assert_eq!(samples.len(), MAX_SUBJECTS + 2);
        assert!(samples.iter().any(|s| s.subject.is_empty()));
        assert!(samples.iter().any(|s| s.subject == "queue"));
        assert!(!samples.iter().any(|s| s.subject == "robot-0049"));
        assert!(samples.iter().any(|s| s.subject == "robot-0050"));
    }
}
