//! Deletion: of single runs with all that belongs to them, and of what retention no longer keeps.

use baton_core::id::{OrgId, RunId};
use baton_core::run::Trigger;
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::history;
use super::row::{Cols, Id, all, us};
use super::run_row::{self, Depth};
use super::writer::Tx;
use crate::error::Result;
use crate::stats::{Grain, Pruned, Retention};

/// Runs, or other rows of one kind, removed in one step: some milliseconds of the writer.
const STEP: u32 = 200;
/// Log lines removed in one step.
const LINES: u32 = 5_000;
/// How long a blob that nothing names is kept: an upload may still be waiting for its deploy.
const BLOB_GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Deletes a terminal run that is not live, with all that belongs to it; `false` for any other.
pub(super) fn delete_run(tx: &mut Tx, org: OrgId, id: RunId) -> Result<bool> {
    let conn = tx.conn.clone();
    let Some(row) = run_row::find(&conn, &tx.shared.interned, org, id, Depth::Full)? else {
        return Ok(false);
    };
    let run = &row.run;
    if !run.state.is_terminal() || run.live {
        return Ok(false);
    }
    conn.prepare_cached(history::DELETE)?
        .execute(params![org.0, id.bytes(), 0])?;
    for tag in &run.spec.needs.tags {
        conn.prepare_cached("DELETE FROM run_tags WHERE org = ?1 AND tag = ?2 AND run_id = ?3")?
            .execute(params![org.0, tag, id.bytes()])?;
    }
    if let Trigger::Schedule {
        schedule_id, slot, ..
    } = run.spec.trigger
    {
        conn.prepare_cached(
            "DELETE FROM schedule_slots WHERE org = ?1 AND schedule_id = ?2 AND slot = ?3 AND run_id = ?4",
        )?
        .execute(params![org.0, schedule_id.bytes(), us(slot), id.bytes()])?;
    }
    for sql in [
        "DELETE FROM logs WHERE org = ?1 AND run_id = ?2",
        "DELETE FROM task_runs WHERE org = ?1 AND run_id = ?2",
        "DELETE FROM attempts WHERE org = ?1 AND run_id = ?2",
        "DELETE FROM artifacts WHERE org = ?1 AND run_id = ?2",
        "DELETE FROM run_keys WHERE org = ?1 AND run_id = ?2",
        "DELETE FROM runs WHERE org = ?1 AND id = ?2",
    ] {
        conn.prepare_cached(sql)?
            .execute(params![org.0, id.bytes()])?;
    }
    tx.pending.moved(org, Some(run.state), None);
    tx.pending.note.note_run(id);
    Ok(true)
}

/// Removes a bounded amount of what retention no longer keeps.
pub(super) fn prune(tx: &mut Tx, retention: Retention, now: Timestamp) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    if let Some(before) = cutoff(now, retention.runs_days) {
        prune_runs(tx, &mut pruned, before)?;
    }
    if let Some(before) = cutoff(now, retention.logs_days) {
        prune_lines(tx, &mut pruned, before)?;
    }
    if let Some(before) = cutoff(now, retention.events_days) {
        prune_events(tx, &mut pruned, before)?;
    }
    if let Some(before) = cutoff(now, retention.outcomes_days()) {
        prune_outcomes(tx, &mut pruned, before.div_euclid(60_000_000))?;
    }
    prune_blobs(tx, &mut pruned, now)?;
    prune_samples(tx, &mut pruned, now)?;
    // What the caches grew to while there was much to do is given back.
    if !pruned.more {
        tx.conn.execute_batch("PRAGMA shrink_memory")?;
    }
    Ok(pruned)
}

/// The instant before which things are no longer kept.
fn cutoff(now: Timestamp, days: Option<u32>) -> Option<i64> {
    let kept = SignedDuration::from_hours(24 * i64::from(days?));
    Some(us(now.saturating_sub(kept).unwrap_or(Timestamp::MIN)))
}

fn prune_runs(tx: &mut Tx, pruned: &mut Pruned, before: i64) -> Result<()> {
    let old: Vec<(OrgId, RunId)> = all(
        tx.conn.prepare_cached(
            "SELECT org, id FROM runs INDEXED BY runs_ended
             WHERE ended_at IS NOT NULL AND ended_at < ?1 AND live = 0 ORDER BY ended_at LIMIT ?2",
        )?,
        params![before, STEP],
        |row| {
            let mut c = Cols::new(row);
            Ok((OrgId(c.get()?), c.id()?))
        },
    )?;
    pruned.more |= old.len() == STEP as usize;
    for (org, id) in old {
        pruned.runs += u64::from(delete_run(tx, org, id)?);
    }
    Ok(())
}

/// Removes lines of runs that ended long ago. What is gone is noted in the attempt, so that nothing
/// is looked at twice and nothing is taken for a gap.
fn prune_lines(tx: &mut Tx, pruned: &mut Pruned, before: i64) -> Result<()> {
    let conn = tx.conn.clone();
    let done: i64 = sequence(tx, LINES_UP_TO)?;
    let old: Vec<(OrgId, RunId, i64)> = all(
        conn.prepare_cached(
            "SELECT org, id, ended_at FROM runs INDEXED BY runs_ended
             WHERE ended_at IS NOT NULL AND ended_at >= ?1 AND ended_at < ?2
             ORDER BY ended_at LIMIT ?3",
        )?,
        params![done, before, STEP],
        |row| {
            let mut c = Cols::new(row);
            Ok((OrgId(c.get()?), c.id()?, c.get()?))
        },
    )?;
    let mut left = i64::from(LINES);
    let mut up_to = None;
    for (org, id, ended_at) in &old {
        conn.prepare_cached(
            "UPDATE attempts SET log_pruned = max(log_pruned, coalesce((SELECT max(seq) FROM logs
                 WHERE logs.org = attempts.org AND logs.run_id = attempts.run_id
                 AND logs.attempt = attempts.number), 0)) WHERE org = ?1 AND run_id = ?2",
        )?
        .execute(params![org.0, id.bytes()])?;
        let lines = conn
            .prepare_cached("DELETE FROM logs WHERE org = ?1 AND run_id = ?2")?
            .execute(params![org.0, id.bytes()])?;
        pruned.lines += lines as u64;
        left -= i64::try_from(lines).unwrap_or(i64::MAX);
        up_to = Some(*ended_at);
        if left <= 0 {
            pruned.more = true;
            break;
        }
    }
    if old.len() == STEP as usize {
        pruned.more |= up_to != Some(done);
    }
    if let Some(up_to) = up_to.filter(|at| *at > done) {
        conn.prepare_cached(
            "INSERT INTO sequences (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![LINES_UP_TO, up_to.max(0)])?;
    }
    Ok(())
}

/// Lines of runs that ended before this instant have been removed.
const LINES_UP_TO: &str = "lines_pruned_up_to";

fn sequence(tx: &Tx, name: &str) -> Result<i64> {
    Ok(all(
        tx.conn
            .prepare_cached("SELECT value FROM sequences WHERE name = ?1")?,
        [name],
        |row| Ok(row.get(0)?),
    )?
    .first()
    .copied()
    .unwrap_or(0))
}

fn prune_events(tx: &Tx, pruned: &mut Pruned, before: i64) -> Result<()> {
    // Events are in the order of their positions, which is that of time but for clocks that differ.
    let gone = tx
        .conn
        .prepare_cached(
            "DELETE FROM events WHERE seq IN (
                 SELECT seq FROM (SELECT seq, at FROM events ORDER BY seq LIMIT ?2) WHERE at < ?1)",
        )?
        .execute(params![before, LINES])?;
    pruned.events += gone as u64;
    pruned.more |= gone == LINES as usize;
    Ok(())
}

fn prune_blobs(tx: &Tx, pruned: &mut Pruned, now: Timestamp) -> Result<()> {
    let before = us(now.saturating_sub(BLOB_GRACE).unwrap_or(Timestamp::MIN));
    let named = "EXISTS (SELECT 1 FROM versions INDEXED BY versions_by_package WHERE package = hash)
         OR EXISTS (SELECT 1 FROM artifacts INDEXED BY artifacts_by_hash WHERE artifacts.hash = b.hash)";
    let old: Vec<String> = all(
        tx.conn.prepare_cached(&format!(
            "SELECT hash FROM blobs AS b WHERE created_at < ?1 AND NOT ({named}) LIMIT ?2"
        ))?,
        params![before, STEP],
        |row| Ok(row.get(0)?),
    )?;
    for hash in &old {
        for sql in [
            "DELETE FROM blobs WHERE hash = ?1",
            "DELETE FROM blob_chunks WHERE hash = ?1",
        ] {
            tx.conn.prepare_cached(sql)?.execute([hash])?;
        }
        pruned.blobs += 1;
    }
    pruned.more |= old.len() == STEP as usize;
    // Uploads that were never finished: gone a day after they were first seen.
    tx.conn
        .prepare_cached(
            "DELETE FROM blob_chunks WHERE seen_at < ?1
             AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.hash = blob_chunks.hash)",
        )?
        .execute([before])?;
    tx.conn
        .prepare_cached(
            "UPDATE blob_chunks SET seen_at = ?1 WHERE seen_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.hash = blob_chunks.hash)",
        )?
        .execute([us(now)])?;
    Ok(())
}

/// Removes figures of what was before this minute, from one org after the other: no index has minutes first,
/// for it would cost every commit.
fn prune_outcomes(tx: &Tx, pruned: &mut Pruned, before: i64) -> Result<()> {
    let mut last = i64::MIN;
    loop {
        let next: Option<i64> = tx
            .conn
            .prepare_cached("SELECT min(org) FROM outcomes WHERE org > ?1")?
            .query_row([last], |row| row.get(0))?;
        let Some(org) = next else { return Ok(()) };
        let gone = tx
            .conn
            .prepare_cached(
                "DELETE FROM outcomes WHERE (org, minute, flow_id, deployment_id, robot_id) IN (
                     SELECT org, minute, flow_id, deployment_id, robot_id FROM outcomes
                     WHERE org = ?1 AND minute < ?2 LIMIT ?3)",
            )?
            .execute(params![org, before, LINES])?;
        pruned.more |= gone == LINES as usize;
        last = org;
    }
}

fn prune_samples(tx: &Tx, pruned: &mut Pruned, now: Timestamp) -> Result<()> {
    for grain in Grain::ALL {
        let days = match grain {
            Grain::TenSeconds => 1,
            Grain::Minute => 7,
            Grain::Hour => 365,
        };
        let gone = tx
            .conn
            .prepare_cached(
                "DELETE FROM samples WHERE (org, grain, metric, subject, at) IN (
                     SELECT org, grain, metric, subject, at FROM samples INDEXED BY samples_by_age
                     WHERE grain = ?1 AND at < ?2 LIMIT ?3)",
            )?
            .execute(params![
                grain.seconds(),
                now.as_second() - days * 86_400,
                LINES
            ])?;
        pruned.more |= gone == LINES as usize;
    }
    Ok(())
}
