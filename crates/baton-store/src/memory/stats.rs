//! Samples and aggregates in memory.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use baton_core::id::{DeploymentId, FlowId, OrgId, QueueId, RobotId};
use baton_core::state::State;
use jiff::Timestamp;

use super::{MemoryStore, World, period};
use crate::error::{Result, StoreError};
use crate::stats::{
    Grain, OutcomeBucket, OutcomeQuery, Pruned, Retention, Sample, Stats, StoreCounters,
    Verification,
};

#[async_trait]
impl Stats for MemoryStore {
    async fn put_samples(&self, samples: Vec<Sample>) -> Result<()> {
        self.write(|world, _| {
            for sample in samples {
                for (index, grain) in Grain::ALL.into_iter().enumerate() {
                    let at = period(sample.at, grain);
                    let (metric, subject) = (sample.metric.clone(), sample.subject.clone());
                    let key = (sample.org, metric, index, at, subject);
                    let (sum, count) = world.samples.entry(key).or_default();
                    *sum += sample.value;
                    *count += 1;
                }
            }
            Ok(())
        })
    }

    async fn samples(
        &self,
        org: OrgId,
        metric: &str,
        subject: Option<&str>,
        grain: Grain,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Sample>> {
        self.read(|world| {
            let mut found = Vec::new();
            for ((of, name, index, at, about), (sum, count)) in &world.samples {
                let at = Timestamp::from_second(*at).unwrap_or(Timestamp::MAX);
                let fits = *of == org
                    && name == metric
                    && Grain::ALL[*index] == grain
                    && subject.is_none_or(|s| s == about)
                    && at >= from
                    && at < until;
                if fits {
                    found.push(Sample {
                        org,
                        metric: name.clone(),
                        subject: about.clone(),
                        at,
                        value: sum / *count as f64,
                    });
                }
            }
            Ok(found)
        })
    }

    async fn outcomes(&self, query: OutcomeQuery) -> Result<Vec<OutcomeBucket>> {
        self.read(|world| Ok(world.outcomes_of(&query)))
    }

    async fn queue_depths(
        &self,
        org: Option<OrgId>,
    ) -> Result<Vec<(OrgId, QueueId, u64, Option<Timestamp>)>> {
        self.read(|world| {
            let queues = world
                .queues
                .values()
                .filter(|q| org.is_none_or(|o| o == q.org));
            let mut depths: Vec<_> = queues
                .map(|queue| {
                    let due = (world.runs.values().map(|rows| &rows.run))
                        .filter(|r| r.state == State::Queued && r.spec.needs.queue_id == queue.id)
                        .map(|run| run.due_at);
                    (queue.org, queue.id, due.clone().count() as u64, due.min())
                })
                .collect();
            depths.sort();
            Ok(depths)
        })
    }

    async fn prune(&self, retention: Retention, now: Timestamp) -> Result<Pruned> {
        self.write(|world, note| Ok(world.prune(note, retention, now)))
    }

    async fn backup(&self, _path: &Path) -> Result<()> {
        Err(StoreError::conflict(
            "backup_unsupported",
            "this store lives in memory only; there is nothing to copy to a file",
        ))
    }

    async fn verify(&self) -> Result<Verification> {
        self.read(|world| Ok(world.verify()))
    }

    fn counters(&self) -> StoreCounters {
        self.read(|world| Ok(world.counters)).unwrap_or_default()
    }
}

impl World {
    fn outcomes_of(&self, query: &OutcomeQuery) -> Vec<OutcomeBucket> {
        let minute = |at: Timestamp| at.as_second().div_euclid(60) * 60;
        let from = minute(query.from);
        let mut found: BTreeMap<GroupKey, OutcomeBucket> = BTreeMap::new();
        for ((org, at, flow, deployment, robot), bucket) in &self.outcomes {
            let fits = *org == query.org
                && *at >= from
                && *at < query.until.as_second()
                && query.flow_id.is_none_or(|id| id == *flow)
                && query.deployment_id.is_none_or(|id| Some(id) == *deployment)
                && query.robot_id.is_none_or(|id| Some(id) == *robot)
                && !bucket.is_empty();
            if !fits {
                continue;
            }
            let start = match query.step_seconds {
                0 => from,
                step => from + (at - from).div_euclid(step) * step,
            };
            let by = |what| query.by == Some(what);
            let flow = Some(*flow).filter(|_| by("flow"));
            let deployment = deployment.filter(|_| by("deployment"));
            let robot = robot.filter(|_| by("robot"));
            let sum = (found.entry((start, flow, deployment, robot))).or_insert(OutcomeBucket {
                at: start,
                flow_id: flow,
                deployment_id: deployment,
                robot_id: robot,
                ..OutcomeBucket::default()
            });
            sum.merge(bucket);
        }
        found.into_values().collect()
    }
}

type GroupKey = (i64, Option<FlowId>, Option<DeploymentId>, Option<RobotId>);
