//! Outcomes per minute, flow, deployment and robot: written once per commit, read by the dashboard.

use baton_core::durations::Durations;
use baton_core::id::{DeploymentId, FlowId, OrgId, RobotId};
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

/// An id that may be missing, as a part of a key: columns of a key are never null.
fn key_bytes<I: Id>(id: &Option<I>) -> &[u8] {
    id.as_ref().map_or(&[], |id| id.bytes().as_slice())
}

/// What the commit changes in one bucket.
#[derive(Clone, Default)]
pub(super) struct Change {
    /// What is counted in addition.
    pub(super) more: OutcomeBucket,
    /// What was counted before and is taken back: ends of runs that are tried again.
    pub(super) less: OutcomeBucket,
}

/// Changes the stored bucket; one that counts nothing any more goes.
pub(super) fn change(conn: &Connection, key: &BucketKey, change: &Change) -> Result<()> {
    let deployment = key_bytes(&key.deployment_id);
    let robot = key_bytes(&key.robot_id);
    let found = first(
        conn.prepare_cached(FIND)?,
        params![
            key.org.0,
            key.minute,
            key.flow_id.bytes(),
            deployment,
            robot
        ],
        |row| read(row, 0),
    )?;
    let mut sum = found.unwrap_or_default();
    sum.merge(&change.more);
    sum.take_back(&change.less);
    if sum.is_empty() {
        conn.prepare_cached(REMOVE)?.execute(params![
            key.org.0,
            key.minute,
            key.flow_id.bytes(),
            deployment,
            robot
        ])?;
        return Ok(());
    }
    conn.prepare_cached(WRITE)?.execute(params![
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
        pack(&sum.durations),
    ])?;
    Ok(())
}

const FIND: &str =
    "SELECT created, completed, failed, timed_out, crashed, cancelled, seconds, timed,
         histogram, durations FROM outcomes
     WHERE org = ?1 AND minute = ?2 AND flow_id = ?3 AND deployment_id = ?4 AND robot_id = ?5";

const REMOVE: &str = "DELETE FROM outcomes
     WHERE org = ?1 AND minute = ?2 AND flow_id = ?3 AND deployment_id = ?4 AND robot_id = ?5";

/// `histogram` is what earlier versions counted, by whole octaves: what is written anew has none.
const WRITE: &str = "INSERT INTO outcomes (org, minute, flow_id, deployment_id, robot_id, created,
         completed, failed, timed_out, crashed, cancelled, seconds, timed, histogram, durations)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, x'', ?14)
     ON CONFLICT DO UPDATE SET created = excluded.created, completed = excluded.completed,
         failed = excluded.failed, timed_out = excluded.timed_out, crashed = excluded.crashed,
         cancelled = excluded.cancelled, seconds = excluded.seconds, timed = excluded.timed,
         histogram = excluded.histogram, durations = excluded.durations";

/// The counts that start at this column, in the order in which [`FIND`] names them.
pub(super) fn read(row: &Row<'_>, from: usize) -> Result<OutcomeBucket> {
    let mut bucket = OutcomeBucket::default();
    merge(&mut bucket, row, from)?;
    Ok(bucket)
}

/// Adds the counts that start at this column. A month of figures is read through here: it makes nothing anew.
pub(super) fn merge(sum: &mut OutcomeBucket, row: &Row<'_>, from: usize) -> Result<()> {
    let count = |i: usize| -> Result<u64> { Ok(row.get::<_, i64>(from + i)?.unsigned_abs()) };
    let blob =
        |i: usize| -> Result<&[u8]> { Ok(row.get_ref(from + i)?.as_blob().unwrap_or_default()) };
    sum.created += count(0)?;
    for (i, ended) in sum.ended.iter_mut().enumerate() {
        *ended += count(1 + i)?;
    }
    let seconds: f64 = row.get(from + 6)?;
    sum.seconds += seconds;
    sum.timed += count(7)?;
    let octaves = blob(8)?;
    if octaves.is_empty() {
        unpack(&mut sum.durations, blob(9)?);
    } else {
        let old = Durations::from_octaves(&unpack_octaves(octaves), seconds);
        sum.durations.merge(&old);
    }
    Ok(())
}

/// Durations as pairs of numbers: how many slots further, and the count in that one. Numbers take seven
/// bits a byte, the lowest first, so that a run alone in its minute takes three bytes.
fn pack(durations: &Durations) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut last = 0;
    for (slot, count) in durations.slots() {
        put(&mut bytes, u64::from(slot - last));
        put(&mut bytes, count);
        last = slot;
    }
    bytes
}

fn unpack(durations: &mut Durations, mut bytes: &[u8]) {
    let mut slot = 0_u16;
    while let (Some(further), Some(count)) = (take(&mut bytes), take(&mut bytes)) {
        slot = slot.saturating_add(u16::try_from(further).unwrap_or(u16::MAX));
        durations.add(slot, count);
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// What earlier versions kept: 32-bit counts by whole octaves of milliseconds.
fn unpack_octaves(bytes: &[u8]) -> Vec<u64> {
    let counts = bytes.as_chunks::<4>().0.iter();
    counts.map(|n| u64::from(u32::from_le_bytes(*n))).collect()
}

#[cfg(test)]
#[path = "buckets_tests.rs"]
mod tests;
