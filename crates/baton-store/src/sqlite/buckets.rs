//! Outcomes per minute, flow, deployment and robot: written once per commit, read by the dashboard.

use baton_core::id::{DeploymentId, FlowId, OrgId, RobotId};
use baton_core::state::State;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::row::{Id, first};
use crate::error::Result;
use crate::stats::OutcomeBucket;

/// Which bucket.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BucketKey {
    pub(super) org: OrgId,
    /// Minutes since the Unix epoch.
    pub(super) minute: i64,
    pub(super) flow_id: FlowId,
    pub(super) deployment_id: Option<DeploymentId>,
    pub(super) robot_id: Option<RobotId>,
}

impl BucketKey {
    /// The minute of an instant.
    pub(super) fn minute(at: Timestamp) -> i64 {
        at.as_second().div_euclid(60)
    }
}

/// Counts a run that reached a terminal state; `seconds` for those whose execution time is known.
pub(super) fn count_end(bucket: &mut OutcomeBucket, state: State, seconds: Option<f64>) {
    let index = match state {
        State::Completed => 0,
        State::Failed => 1,
        State::TimedOut => 2,
        State::Crashed => 3,
        _ => 4,
    };
    bucket.ended[index] += 1;
    if let Some(seconds) = seconds.filter(|s| index < 2 && s.is_finite() && *s >= 0.0) {
        bucket.seconds += seconds;
        bucket.timed += 1;
        bucket.histogram[slot(seconds)] += 1;
    }
}

/// The slot of the histogram: by power of two of milliseconds.
fn slot(seconds: f64) -> usize {
    let millis = (seconds * 1_000.0).max(1.0) as u64;
    (millis.ilog2() as usize).min(31)
}

/// An id that may be missing, as a part of a key: columns of a key are never null.
fn key_bytes<I: Id>(id: &Option<I>) -> &[u8] {
    id.as_ref().map_or(&[], |id| id.bytes().as_slice())
}

/// Adds a bucket to the stored one.
pub(super) fn add(conn: &Connection, key: &BucketKey, more: &OutcomeBucket) -> Result<()> {
    let deployment = key_bytes(&key.deployment_id);
    let robot = key_bytes(&key.robot_id);
    let found = first(
        conn.prepare_cached(
            "SELECT created, completed, failed, timed_out, crashed, cancelled, seconds, timed, histogram
             FROM outcomes
             WHERE org = ?1 AND minute = ?2 AND flow_id = ?3 AND deployment_id = ?4 AND robot_id = ?5",
        )?,
        params![key.org.0, key.minute, key.flow_id.bytes(), deployment, robot],
        |row| read(row, 0),
    )?;
    let mut sum = found.unwrap_or_default();
    merge(&mut sum, more);
    conn.prepare_cached(
        "INSERT INTO outcomes (org, minute, flow_id, deployment_id, robot_id, created, completed,
             failed, timed_out, crashed, cancelled, seconds, timed, histogram)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT DO UPDATE SET created = excluded.created, completed = excluded.completed,
             failed = excluded.failed, timed_out = excluded.timed_out, crashed = excluded.crashed,
             cancelled = excluded.cancelled, seconds = excluded.seconds, timed = excluded.timed,
             histogram = excluded.histogram",
    )?
    .execute(params![
        key.org.0,
        key.minute,
        key.flow_id.bytes(),
        deployment,
        robot,
        sum.created as i64,
        sum.ended[0] as i64,
        sum.ended[1] as i64,
        sum.ended[2] as i64,
        sum.ended[3] as i64,
        sum.ended[4] as i64,
        sum.seconds,
        sum.timed as i64,
        pack(&sum.histogram),
    ])?;
    Ok(())
}

/// Adds the counts of one bucket to another.
pub(super) fn merge(sum: &mut OutcomeBucket, more: &OutcomeBucket) {
    sum.created += more.created;
    sum.seconds += more.seconds;
    sum.timed += more.timed;
    for (a, b) in sum.ended.iter_mut().zip(more.ended) {
        *a += b;
    }
    for (a, b) in sum.histogram.iter_mut().zip(more.histogram) {
        *a += b;
    }
}

/// The counts that start at this column, in the order in which [`add`] writes them.
pub(super) fn read(row: &Row<'_>, from: usize) -> Result<OutcomeBucket> {
    let count = |i: usize| -> Result<u64> { Ok(row.get::<_, i64>(from + i)?.unsigned_abs()) };
    Ok(OutcomeBucket {
        created: count(0)?,
        ended: [count(1)?, count(2)?, count(3)?, count(4)?, count(5)?],
        seconds: row.get(from + 6)?,
        timed: count(7)?,
        histogram: unpack(row.get_ref(from + 8)?.as_blob().unwrap_or_default()),
        ..OutcomeBucket::default()
    })
}

/// A histogram without the empty slots at its end; runs of one flow fill few slots.
fn pack(histogram: &[u64; 32]) -> Vec<u8> {
    let used = histogram.iter().rposition(|n| *n > 0).map_or(0, |i| i + 1);
    histogram[..used]
        .iter()
        .flat_map(|n| u32::try_from(*n).unwrap_or(u32::MAX).to_le_bytes())
        .collect()
}

fn unpack(bytes: &[u8]) -> [u64; 32] {
    let mut histogram = [0; 32];
    for (slot, n) in histogram.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *slot = u64::from(u32::from_le_bytes(*n));
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_packing() {
        let mut histogram = [0; 32];
        histogram[0] = 3;
        histogram[9] = 70_000;
        assert_eq!(unpack(&pack(&histogram)), histogram);
        assert_eq!(unpack(&pack(&[0; 32])), [0; 32]);
    }

    #[test]
    fn slots_are_powers_of_two_of_milliseconds() {
        assert_eq!(slot(0.0), 0);
        assert_eq!(slot(0.001), 0);
        assert_eq!(slot(0.002), 1);
        assert_eq!(slot(1.024), 10);
        assert_eq!(slot(1e12), 31);
    }

    #[test]
    fn only_completed_and_failed_runs_add_time() {
        let mut bucket = OutcomeBucket::default();
        count_end(&mut bucket, State::Completed, Some(2.0));
        count_end(&mut bucket, State::Cancelled, Some(2.0));
        assert_eq!(bucket.ended, [1, 0, 0, 0, 1]);
        assert_eq!((bucket.seconds, bucket.timed), (2.0, 1));
    }
}
