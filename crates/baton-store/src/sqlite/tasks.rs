//! Task runs and progress: what an attempt says while it runs.

use baton_core::error::ErrorInfo;
use baton_core::id::{OrgId, RunId};
use baton_core::run::{Progress, TaskRun};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::row::{Cols, Id, all, opt_us, to_json};
use super::run_row::{self, Depth};
use super::writer::Tx;
use crate::error::Result;
use crate::runs::Claim;
use crate::step;

/// Writes task runs by key.
pub(super) fn put(
    tx: &mut Tx,
    org: OrgId,
    run_id: RunId,
    claim: &Claim,
    tasks: &[TaskRun],
) -> Result<()> {
    let conn = tx.conn.clone();
    let row = run_row::get(&conn, &tx.shared.interned, org, run_id, Depth::Light)?;
    step::check_claim(&row.run, Some(claim))?;
    for task in tasks {
        conn.prepare_cached(
            "INSERT INTO task_runs (org, run_id, attempt, key, id, name, state, after, tries,
                 started_at, ended_at, error, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (org, run_id, attempt, key) DO UPDATE SET id = excluded.id,
                 name = excluded.name, state = excluded.state, after = excluded.after,
                 tries = excluded.tries, started_at = excluded.started_at,
                 ended_at = excluded.ended_at, error = excluded.error, data = excluded.data",
        )?
        .execute(params![
            org.0,
            run_id.bytes(),
            claim.attempt,
            task.key,
            task.id.bytes(),
            task.name,
            task.state.code(),
            to_json(&task.after),
            task.tries,
            opt_us(task.started_at),
            opt_us(task.ended_at),
            task.error.as_ref().map(to_json),
            to_json(&task.data),
        ])?;
    }
    tx.pending.note_tasks(run_id);
    Ok(())
}

/// The task runs of a run, in the order in which they were first reported.
pub(super) fn of_run(
    conn: &Connection,
    org: OrgId,
    run_id: RunId,
    attempt: Option<u32>,
) -> Result<Vec<TaskRun>> {
    all(
        conn.prepare_cached(
            "SELECT id, attempt, key, name, state, after, tries, started_at, ended_at, error, data
             FROM task_runs WHERE org = ?1 AND run_id = ?2 AND (?3 IS NULL OR attempt = ?3)
             ORDER BY position",
        )?,
        params![org.0, run_id.bytes(), attempt],
        |row| {
            let mut c = Cols::new(row);
            Ok(TaskRun {
                id: c.id()?,
                run_id,
                attempt: c.get()?,
                key: c.get()?,
                name: c.get()?,
                state: c.state()?,
                after: c.json()?,
                tries: c.get()?,
                started_at: c.opt_ts()?,
                ended_at: c.opt_ts()?,
                error: c.opt_json()?,
                data: c.json()?,
            })
        },
    )
}

/// Writes what an attempt says of its progress.
pub(super) fn progress(
    tx: &mut Tx,
    org: OrgId,
    run_id: RunId,
    claim: &Claim,
    progress: &Progress,
) -> Result<()> {
    let conn = tx.conn.clone();
    let row = run_row::get(&conn, &tx.shared.interned, org, run_id, Depth::Light)?;
    step::check_claim(&row.run, Some(claim))?;
    if row.run.state.is_terminal() {
        return Err(step::stale(&row.run, claim));
    }
    conn.prepare_cached("UPDATE runs SET progress = ?3 WHERE org = ?1 AND id = ?2")?
        .execute(params![org.0, run_id.bytes(), to_json(progress)])?;
    tx.pending.note_tasks(run_id);
    Ok(())
}

/// Frees the slot of a closed attempt.
pub(super) fn release(
    tx: &mut Tx,
    org: OrgId,
    run_id: RunId,
    claim: &Claim,
    error: Option<&ErrorInfo>,
    now: Timestamp,
) -> Result<bool> {
    let conn = tx.conn.clone();
    let before = run_row::get(&conn, &tx.shared.interned, org, run_id, Depth::Light)?;
    let known = run_row::concerned(&conn, &before.run, Some(claim.attempt))?;
    let Some((run, attempt)) = step::release(&before.run, &known, claim, error, now)? else {
        return Ok(false);
    };
    run_row::write(tx, &before, &run, before.last_event)?;
    run_row::write_attempt(tx, &run, before.needs_id, &known, &attempt)?;
    tx.pending.note.note_run(run_id);
    tx.pending.note.queued = true;
    tx.pending.note.due_changed = true;
    Ok(true)
}
