//! What waits: groups of queued runs, runs that come due, deadlines for starting. All by seeks.

use std::cmp::Reverse;

use baton_core::id::{OrgId, QueueId, RunId};
use baton_core::state::State;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::interned::Interned;
use super::row::{Cols, Id, all, first, robots_from, us};
use super::run_row::{self, Depth};
use super::writer::Tx;
use crate::error::Result;
use crate::runs::{DueRun, QueuedGroup, QueuedRun};

/// The next group with a queued run: one seek, however many runs wait in it.
pub(super) const NEXT_GROUP: &str = "SELECT needs_id FROM runs INDEXED BY runs_queued \
    WHERE phase = 1 AND needs_id > ?1 ORDER BY needs_id LIMIT 1";
/// The front of a group.
pub(super) const HEADS: &str = "SELECT id, attempt, due_at, rejected_by FROM runs INDEXED BY runs_queued \
    WHERE phase = 1 AND needs_id = ?1 ORDER BY due_at, id LIMIT ?2";
/// Pending runs that are due and wait for no earlier run of their schedule.
pub(super) const DUE: &str = "SELECT org, id, attempt, due_at FROM runs INDEXED BY runs_due \
    WHERE phase = 0 AND live = 0 AND executor = 0 AND waits <> 1 AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2";
/// Runs that have not started by their deadline.
pub(super) const OVERDUE: &str = "SELECT org, id, attempt, start_deadline FROM runs \
    INDEXED BY runs_start_deadline \
    WHERE start_deadline IS NOT NULL AND attempt = 1 AND started_at IS NULL AND ended_at IS NULL \
    AND start_deadline <= ?1 ORDER BY start_deadline, id LIMIT ?2";
/// Queued runs of a group before a place, up to a cap.
pub(super) const BEFORE: &str = "SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_queued \
    WHERE phase = 1 AND needs_id = ?1 AND (due_at, id) < (?2, ?3) LIMIT ?4)";

/// Numbers of all groups that have a queued run.
pub(super) fn group_ids(conn: &Connection) -> Result<Vec<i64>> {
    let mut next = conn.prepare_cached(NEXT_GROUP)?;
    let mut ids = Vec::new();
    let mut last = 0;
    while let Some(id) = first(&mut *next, [last], |row| Ok(row.get(0)?))? {
        ids.push(id);
        last = id;
    }
    Ok(ids)
}

fn heads(conn: &Connection, needs_id: i64, limit: u32) -> Result<Vec<QueuedRun>> {
    all(
        conn.prepare_cached(HEADS)?,
        params![needs_id, limit],
        |row| {
            let mut c = Cols::new(row);
            Ok(QueuedRun {
                run_id: c.id()?,
                attempt: c.get()?,
                due_at: c.ts()?,
                rejected_by: robots_from(c.get::<Option<Vec<u8>>>()?.as_deref()),
            })
        },
    )
}

/// The groups with the most urgent runs, each with its front.
pub(super) fn groups(
    conn: &Connection,
    interned: &Interned,
    limit: u32,
    front: u32,
) -> Result<Vec<QueuedGroup>> {
    let mut found = Vec::new();
    for id in group_ids(conn)? {
        let needs = interned.needs(conn, id)?;
        if !needs.for_robots {
            continue;
        }
        let heads = heads(conn, id, 1)?;
        found.extend(heads.into_iter().next().map(|head| (needs, id, head)));
    }
    found.sort_by_key(|(needs, _, head)| (Reverse(needs.needs.priority), head.due_at, head.run_id));
    found.truncate(limit as usize);
    found
        .into_iter()
        .map(|(needs, id, _)| {
            Ok(QueuedGroup {
                id,
                org: needs.org,
                needs: needs.needs.clone(),
                heads: heads(conn, id, front)?,
            })
        })
        .collect()
}

/// How many queued runs of the queue come before this one.
pub(super) fn rank(
    conn: &Connection,
    interned: &Interned,
    org: OrgId,
    id: RunId,
    cap: u32,
) -> Result<u32> {
    let row = run_row::get(conn, interned, org, id, Depth::Light)?;
    let (run, needs) = (&row.run, &row.run.spec.needs);
    if run.state != State::Queued {
        return Ok(0);
    }
    let mut before = 0;
    for group in group_ids(conn)? {
        let other = interned.needs(conn, group)?;
        let above = other.needs.priority > needs.priority;
        if other.org != org
            || other.needs.queue_id != needs.queue_id
            || (!above && other.needs.priority < needs.priority)
            || before >= cap
        {
            continue;
        }
        let place = if above { i64::MAX } else { us(run.due_at) };
        before += first(
            conn.prepare_cached(BEFORE)?,
            params![group, place, id.bytes(), cap - before],
            |row| Ok(row.get::<_, u32>(0)?),
        )?
        .unwrap_or(0);
    }
    Ok(before)
}

/// Moves queued runs to the groups that name their rejecters.
pub(super) fn regroup(tx: &mut Tx, runs: &[(OrgId, RunId)]) -> Result<u32> {
    let conn = tx.conn.clone();
    let mut moved = 0;
    for (org, id) in runs {
        let Some(row) = run_row::find(&conn, &tx.shared.interned, *org, *id, Depth::Light)? else {
            continue;
        };
        if row.run.state != State::Queued {
            continue;
        }
        let mut needs = row.run.spec.needs.clone();
        needs.rejected_by.clone_from(&row.run.rejected_by);
        let executor = row.run.spec.executor;
        let needs_id = tx.numbers.needs(&conn, *org, executor, &needs)?;
        if needs_id == row.needs_id {
            continue;
        }
        conn.prepare_cached("UPDATE runs SET needs_id = ?3 WHERE org = ?1 AND id = ?2")?
            .execute(params![org.0, id.bytes(), needs_id])?;
        tx.pending.queued(row.needs_id, -1);
        tx.pending.queued(needs_id, 1);
        tx.pending.note.queued = true;
        moved += 1;
    }
    Ok(moved)
}

/// Pending runs of a schedule that come after its earlier runs.
pub(super) const WAITING: &str = "SELECT id, waits FROM runs INDEXED BY runs_waiting \
    WHERE org = ?1 AND schedule_id = ?2 AND waits <> 0 AND phase = 0 ORDER BY id LIMIT ?3";

/// Decides anew which runs of a schedule wait for its earlier ones, after one of them began or ended.
/// One seek for a schedule whose runs do not wait.
pub(super) fn settle(tx: &mut Tx, org: OrgId, schedule_id: &[u8]) -> Result<()> {
    let conn = tx.conn.clone();
    let waiting: Vec<(Vec<u8>, i64)> = all(
        conn.prepare_cached(WAITING)?,
        params![org.0, schedule_id, crate::schedules::MAX_OPEN_RUNS],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if waiting.is_empty() {
        return Ok(());
    }
    let first_open: Option<Vec<u8>> = first(
        conn.prepare_cached(super::schedules::OPEN)?,
        params![org.0, schedule_id, 1],
        |row| Ok(row.get(0)?),
    )?;
    for (id, waits) in waiting {
        let wanted = if first_open.as_ref().is_some_and(|f| *f < id) {
            1
        } else {
            2
        };
        if waits != wanted {
            conn.prepare_cached("UPDATE runs SET waits = ?3 WHERE org = ?1 AND id = ?2")?
                .execute(params![org.0, id, wanted])?;
            tx.pending.note.due_changed = true;
        }
    }
    Ok(())
}

/// Runs of a due index up to an instant.
pub(super) fn due(conn: &Connection, sql: &str, until: i64, limit: u32) -> Result<Vec<DueRun>> {
    all(conn.prepare_cached(sql)?, params![until, limit], |row| {
        let mut c = Cols::new(row);
        Ok(DueRun {
            org: OrgId(c.get()?),
            run_id: c.id()?,
            attempt: c.get()?,
            at: c.ts()?,
        })
    })
}

/// The first instant in a due index.
pub(super) fn next(conn: &Connection, sql: &str) -> Result<Option<Timestamp>> {
    Ok(due(conn, sql, i64::MAX, 1)?.first().map(|run| run.at))
}

/// A queue, how many runs are queued in it, and when the oldest of them was due.
type QueueDepth = (OrgId, QueueId, u64, Option<Timestamp>);

/// The depth of each queue and the due time of its oldest queued run, by org and queue.
pub(super) fn depths(
    conn: &Connection,
    interned: &Interned,
    org: Option<OrgId>,
) -> Result<Vec<QueueDepth>> {
    let mut queues: std::collections::BTreeMap<(OrgId, QueueId), (u64, Option<Timestamp>)> = all(
        conn.prepare_cached("SELECT org, id FROM queues WHERE ?1 IS NULL OR org = ?1")?,
        [org.map(|o| o.0)],
        |row| {
            let mut c = Cols::new(row);
            Ok(((OrgId(c.get()?), c.id()?), (0, None)))
        },
    )?
    .into_iter()
    .collect();
    for id in group_ids(conn)? {
        let needs = interned.needs(conn, id)?;
        if let Some((depth, oldest)) = queues.get_mut(&(needs.org, needs.needs.queue_id)) {
            let queued: i64 = conn
                .prepare_cached("SELECT queued FROM needs WHERE id = ?1")?
                .query_row([id], |row| row.get(0))?;
            *depth += queued.unsigned_abs();
            let head = heads(conn, id, 1)?.first().map(|h| h.due_at);
            *oldest = match (*oldest, head) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
    }
    Ok(queues
        .into_iter()
        .map(|((org, id), (depth, oldest))| (org, id, depth, oldest))
        .collect())
}
