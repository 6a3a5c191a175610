//! Samples, aggregates and upkeep in SQLite.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use baton_core::id::{DeploymentId, FlowId, OrgId, QueueId, RobotId};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::row::{Id, all};
use super::{SqliteStore, backup, buckets, prune, queued, unused, verify};
use crate::error::Result;
use crate::stats::{
    Grain, OutcomeBucket, OutcomeQuery, Pruned, Retention, Sample, Stats, StoreCounters,
    Verification,
};

/// The stored number of a grain.
pub(super) const fn grain_code(grain: Grain) -> i64 {
    grain.seconds()
}

#[async_trait]
impl Stats for SqliteStore {
    async fn put_samples(&self, samples: Vec<Sample>) -> Result<()> {
        self.write(move |tx| {
            let mut put = tx.conn.prepare_cached(
                "INSERT INTO samples (org, grain, metric, subject, at, value, count)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
                 ON CONFLICT (org, grain, metric, subject, at)
                 DO UPDATE SET value = value + excluded.value, count = count + 1",
            )?;
            for sample in &samples {
                for grain in Grain::ALL {
                    let length = grain.seconds();
                    put.execute(params![
                        sample.org.0,
                        grain_code(grain),
                        sample.metric,
                        sample.subject,
                        sample.at.as_second().div_euclid(length) * length,
                        sample.value,
                    ])?;
                }
            }
            Ok(())
        })
        .await
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
        let (metric, subject) = (metric.to_owned(), subject.map(str::to_owned));
        self.scan(move |conn| {
            all(
                conn.prepare_cached(
                    "SELECT subject, at, value / count FROM samples
                     WHERE org = ?1 AND grain = ?2 AND metric = ?3 AND (?4 IS NULL OR subject = ?4)
                     AND at >= ?5 AND at < ?6 ORDER BY at, subject",
                )?,
                params![
                    org.0,
                    grain_code(grain),
                    metric,
                    subject,
                    ceil_seconds(from),
                    ceil_seconds(until),
                ],
                |row| {
                    Ok(Sample {
                        org,
                        metric: metric.clone(),
                        subject: row.get(0)?,
                        at: Timestamp::from_second(row.get(1)?).unwrap_or(Timestamp::MAX),
                        value: row.get(2)?,
                    })
                },
            )
        })
        .await
    }

    async fn outcomes(&self, query: OutcomeQuery) -> Result<Vec<OutcomeBucket>> {
        self.scan(move |conn| outcomes(conn, &query)).await
    }

    async fn queue_depths(
        &self,
        org: Option<OrgId>,
    ) -> Result<Vec<(OrgId, QueueId, u64, Option<Timestamp>)>> {
        let shared = self.shared.clone();
        self.scan(move |conn| {
            let mut depths = queued::depths(conn, &shared.interned, org)?;
            depths.sort();
            Ok(depths)
        })
        .await
    }

    async fn prune(&self, retention: Retention, now: Timestamp) -> Result<Pruned> {
        let mut pruned = self
            .write(move |tx| prune::prune(tx, retention, now))
            .await?;
        if !pruned.more {
            let unused = self.scan(unused::find).await?;
            for step in unused.steps() {
                pruned.specs += self.write(move |tx| unused::remove(tx, &step)).await?;
            }
            // When runs came faster than this could be looked at, it is left for another time.
            pruned.more = unused.more && pruned.specs > 0;
        }
        Ok(pruned)
    }

    async fn backup(&self, path: &Path) -> Result<()> {
        let path = path.to_owned();
        // A connection of its own, so that a long copy holds up nobody.
        let (from, options) = (self.shared.path.clone(), self.options.clone());
        tokio::task::spawn_blocking(move || backup::copy(&from, &path, &options))
            .await
            .map_err(|e| crate::StoreError::Backend(Box::new(e)))?
    }

    async fn verify(&self) -> Result<Verification> {
        let shared = self.shared.clone();
        self.scan(move |conn| verify::verify(conn, &shared.interned))
            .await
    }

    fn counters(&self) -> StoreCounters {
        let counters = &self.shared.counters;
        StoreCounters {
            commits: counters.commits.load(Ordering::Relaxed),
            operations: counters.operations.load(Ordering::Relaxed),
            syncs: counters.syncs.load(Ordering::Relaxed),
        }
    }
}

/// The first whole second at or after an instant.
fn ceil_seconds(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
}

/// The id in a column of a key, where none is an empty blob.
fn key_id<I: Id>(bytes: &[u8]) -> Option<I> {
    bytes.try_into().ok().map(I::from_bytes)
}

type GroupKey = (i64, Option<FlowId>, Option<DeploymentId>, Option<RobotId>);

/// Sums buckets into periods, by what the query names.
fn outcomes(conn: &Connection, query: &OutcomeQuery) -> Result<Vec<OutcomeBucket>> {
    let from = query.from.as_second().div_euclid(60);
    // A bucket belongs to the query when its minute begins before the end.
    let until = query.until.as_second().saturating_add(59).div_euclid(60);
    let mut found: BTreeMap<GroupKey, OutcomeBucket> = BTreeMap::new();
    let mut statement = conn.prepare_cached(
        "SELECT minute, flow_id, deployment_id, robot_id, created, completed, failed, timed_out,
             crashed, cancelled, seconds, timed, histogram, durations FROM outcomes
         WHERE org = ?1 AND minute >= ?2 AND minute < ?3 AND (?4 IS NULL OR flow_id = ?4)
         AND (?5 IS NULL OR deployment_id = ?5) AND (?6 IS NULL OR robot_id = ?6)",
    )?;
    let mut rows = statement.query(params![
        query.org.0,
        from,
        until,
        super::row::opt(&query.flow_id),
        super::row::opt(&query.deployment_id),
        super::row::opt(&query.robot_id),
    ])?;
    while let Some(row) = rows.next()? {
        let minute: i64 = row.get(0)?;
        let bytes = |i: usize| row.get_ref(i).map(|v| v.as_blob().unwrap_or_default());
        let start = if query.step_seconds > 0 {
            let step = query.step_seconds;
            (minute - from) * 60 / step * step + from * 60
        } else {
            from * 60
        };
        let by = |what: &str| query.by == Some(what);
        let flow = key_id(bytes(1)?).filter(|_| by("flow"));
        let deployment = key_id(bytes(2)?).filter(|_| by("deployment"));
        let robot = key_id(bytes(3)?).filter(|_| by("robot"));
        let sum = found
            .entry((start, flow, deployment, robot))
            .or_insert_with(|| OutcomeBucket {
                at: start,
                flow_id: flow,
                deployment_id: deployment,
                robot_id: robot,
                ..OutcomeBucket::default()
            });
        buckets::merge(sum, row, 4)?;
    }
    Ok(found.into_values().collect())
}
