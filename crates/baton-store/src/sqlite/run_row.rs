//! Rows of runs and attempts: read into core's types, written where a step changed them.

use baton_core::id::{Fence, OrgId, RunId, ScheduleId};
use baton_core::run::{Attempt, Run};
use baton_core::state::State;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use std::collections::HashMap;
use std::sync::Arc;

use super::interned::{Interned, Shape, complete};
use super::row::{
    Cols, Id, all, executor, executor_code, first, opt, opt_us, phase, robots_blob, robots_from,
    to_json, us,
};
use super::writer::Tx;
use crate::error::{Result, StoreError};

/// The columns of a run, in the order in which [`read`] takes them.
macro_rules! run_columns {
    () => {
        "org, id, state, attempt, fence, live, retries_used, needs_id, shape_id, last_event, \
         created_at, due_at, queued_at, dispatched_at, started_at, ended_at, changed_at, \
         start_deadline, robot_id, name, trigger, parameters, rejected_by, error, progress, \
         schedule_id"
    };
}

/// One run.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE org = ?1 AND id = ?2"
);

/// Runs that one statement asks for; a shorter list repeats its last id, so that the statement is prepared once.
const AT_ONCE: usize = 64;
/// Some runs.
pub(super) const FIND_MANY: &str = concat!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE org = ?1 AND id IN (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
     ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, \
     ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47, ?48, ?49, ?50, ?51, ?52, ?53, ?54, ?55, ?56, ?57, ?58, ?59, ?60, ?61, \
     ?62, ?63, ?64, ?65)"
);

/// A run with what only the database knows of it.
pub(super) struct RunRow {
    pub(super) run: Run,
    /// The group in which it waits, or waited last.
    pub(super) needs_id: i64,
    /// What it shares with other runs.
    pub(super) shape: Arc<Shape>,
    /// The position of its last event.
    pub(super) last_event: i64,
    /// The schedule that made it.
    pub(super) schedule_id: Option<ScheduleId>,
    /// Whether it must start by some instant.
    pub(super) has_start_deadline: bool,
}

/// How much of a run is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// All of it.
    Full,
    /// Without parameters, trigger and start deadline: what steps need.
    Light,
}

/// A run from its row.
pub(super) fn read(
    conn: &Connection,
    interned: &Interned,
    row: &Row<'_>,
    depth: Depth,
) -> Result<RunRow> {
    let mut c = Cols::new(row);
    let (org, id) = (OrgId(c.get()?), c.id()?);
    let state = c.state()?;
    let attempt = c.get()?;
    let fence = Fence(c.get()?);
    let live = c.get()?;
    let retries_used = c.get()?;
    let (needs_id, shape_id, last_event) = (c.get()?, c.get()?, c.get()?);
    let shape = interned.shape(conn, shape_id)?;
    let (created_at, due_at) = (c.ts()?, c.ts()?);
    let (queued_at, dispatched_at) = (c.opt_ts()?, c.opt_ts()?);
    let (started_at, ended_at) = (c.opt_ts()?, c.opt_ts()?);
    let changed_at = c.ts()?;
    let start_deadline: Option<i64> = c.get()?;
    let robot_id = c.opt_id()?;
    let name = c.get()?;
    let spec = match depth {
        Depth::Light => shape.spec.clone(),
        Depth::Full => {
            let text = |i| row.get_ref(i).map(|v| v.as_str_or_null().ok().flatten());
            complete(
                &shape,
                text(21)?,
                text(20)?.unwrap_or_default(),
                start_deadline,
            )?
        }
    };
    let mut c = Cols::at(row, 22);
    let rejected_by = robots_from(c.get::<Option<Vec<u8>>>()?.as_deref());
    let run = Run {
        id,
        org,
        name,
        spec,
        state,
        attempt,
        fence,
        retries_used,
        created_at,
        due_at,
        queued_at,
        dispatched_at,
        started_at,
        ended_at,
        changed_at,
        robot_id,
        live,
        rejected_by,
        error: c.opt_json()?,
        progress: c.opt_json()?,
    };
    Ok(RunRow {
        run,
        schedule_id: c.opt_id()?,
        needs_id,
        shape,
        last_event,
        has_start_deadline: start_deadline.is_some(),
    })
}

/// One run, if it is there.
pub(super) fn find(
    conn: &Connection,
    interned: &Interned,
    org: OrgId,
    id: RunId,
    depth: Depth,
) -> Result<Option<RunRow>> {
    first(
        conn.prepare_cached(FIND)?,
        params![org.0, id.bytes()],
        |row| read(conn, interned, row, depth),
    )
}

/// Those of these runs that are there, each once, in the order of `ids`.
pub(super) fn many(
    conn: &Connection,
    interned: &Interned,
    org: OrgId,
    ids: &[RunId],
) -> Result<Vec<Run>> {
    let mut found = HashMap::with_capacity(ids.len());
    for part in ids.chunks(AT_ONCE) {
        let last = part.last().expect("a chunk is not empty");
        let padded = part.iter().chain(std::iter::repeat(last)).take(AT_ONCE);
        let of = Value::Integer(org.0);
        let values = std::iter::once(of).chain(padded.map(|id| Value::Blob(id.bytes().to_vec())));
        let runs = all(
            conn.prepare_cached(FIND_MANY)?,
            params_from_iter(values),
            |row| Ok(read(conn, interned, row, Depth::Full)?.run),
        )?;
        found.extend(runs.into_iter().map(|run| (run.id, run)));
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// One run.
pub(super) fn get(
    conn: &Connection,
    interned: &Interned,
    org: OrgId,
    id: RunId,
    depth: Depth,
) -> Result<RunRow> {
    find(conn, interned, org, id, depth)?.ok_or_else(|| StoreError::not_found(format!("run {id}")))
}

/// Writes a run after a step, by compare-and-set on what it was. `last_event` is the position of the
/// step's event. Statements differ in which indexes they touch.
pub(super) fn write(tx: &mut Tx, before: &RunRow, after: &Run, last_event: i64) -> Result<()> {
    let was = &before.run;
    let entered_queue = after.state == State::Queued && was.state != State::Queued;
    let needs_id = if entered_queue {
        before.shape.needs_id
    } else {
        before.needs_id
    };
    let stays = after.attempt == was.attempt
        && after.due_at == was.due_at
        && after.robot_id == was.robot_id
        && after.fence == was.fence
        && after.retries_used == was.retries_used
        && after.queued_at == was.queued_at
        && after.dispatched_at == was.dispatched_at
        && needs_id == before.needs_id
        && after.rejected_by == was.rejected_by;
    let starts = stays
        && phase(after.state) == phase(was.state)
        && after.live == was.live
        && after.ended_at == was.ended_at
        && after.error == was.error
        && after.progress == was.progress;
    let (org, id) = (was.org.0, was.id.bytes());
    let (was_state, was_attempt, was_fence) = (was.state.code(), was.attempt, was.fence.0);
    let error = after.error.as_ref().map(to_json);
    let progress = after.progress.as_ref().map(to_json);
    let changed = if starts {
        tx.conn
            .prepare_cached(
                "UPDATE runs SET state = ?6, started_at = ?7, changed_at = ?8, last_event = ?9
                 WHERE org = ?1 AND id = ?2 AND state = ?3 AND attempt = ?4 AND fence = ?5",
            )?
            .execute(params![
                org,
                id,
                was_state,
                was_attempt,
                was_fence,
                after.state.code(),
                opt_us(after.started_at),
                us(after.changed_at),
                last_event,
            ])?
    } else if stays {
        tx.conn.prepare_cached(FINISH)?.execute(params![
            org,
            id,
            was_state,
            was_attempt,
            was_fence,
            after.state.code(),
            phase(after.state),
            after.live,
            opt_us(after.started_at),
            opt_us(after.ended_at),
            us(after.changed_at),
            last_event,
            error,
            progress,
        ])?
    } else {
        tx.conn
            .prepare_cached(
                "UPDATE runs SET state = ?6, phase = ?7, live = ?8, started_at = ?9, ended_at = ?10,
                     changed_at = ?11, last_event = ?12, error = ?13, progress = ?14, attempt = ?15,
                     fence = ?16, retries_used = ?17, needs_id = ?18, due_at = ?19, queued_at = ?20,
                     dispatched_at = ?21, robot_id = ?22, rejected_by = ?23
                 WHERE org = ?1 AND id = ?2 AND state = ?3 AND attempt = ?4 AND fence = ?5",
            )?
            .execute(params![
                org,
                id,
                was_state,
                was_attempt,
                was_fence,
                after.state.code(),
                phase(after.state),
                after.live,
                opt_us(after.started_at),
                opt_us(after.ended_at),
                us(after.changed_at),
                last_event,
                error,
                progress,
                after.attempt,
                after.fence.0,
                after.retries_used,
                needs_id,
                us(after.due_at),
                opt_us(after.queued_at),
                opt_us(after.dispatched_at),
                opt(&after.robot_id),
                robots_blob(&after.rejected_by),
            ])?
    };
    if changed != 1 {
        return Err(StoreError::Backend(
            format!("run {} changed under its only writer", was.id).into(),
        ));
    }
    tx.pending
        .moved(was.org, Some(was.state), Some(after.state));
    if let Some(schedule_id) = &before.schedule_id
        && (was.state.is_terminal() != after.state.is_terminal() || after.state == State::Pending)
    {
        super::queued::settle(tx, was.org, schedule_id.bytes())?;
    }
    if was.state == State::Queued && (after.state != State::Queued) {
        tx.pending.queued(before.needs_id, -1);
    }
    if entered_queue {
        tx.pending.queued(needs_id, 1);
    }
    Ok(())
}

macro_rules! attempt_columns {
    () => {
        "run_id, number, fence, executor, robot_id, computer, desktop, state, live, assigned_at, \
         started_at, ended_at, exit_code, error, outputs, execution_time, late_result"
    };
}

const ATTEMPTS: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM attempts WHERE org = ?1 AND run_id = ?2 ORDER BY number"
);

/// The end of a run whose place in the queue does not change.
pub(super) const FINISH: &str = "UPDATE runs SET state = ?6, phase = ?7, live = ?8, \
    started_at = ?9, ended_at = ?10, changed_at = ?11, last_event = ?12, error = ?13, progress = ?14 \
    WHERE org = ?1 AND id = ?2 AND state = ?3 AND attempt = ?4 AND fence = ?5";

/// The attempts that a step may concern, among those of its run.
pub(super) const CONCERNED: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM attempts WHERE org = ?1 AND run_id = ?2 AND (number IN (?3, ?4) OR +live = 1) \
     ORDER BY number"
);

/// An attempt from its row, as the run stands. An open attempt has the state and the start of its run.
fn read_attempt(row: &Row<'_>, run: Option<&Run>) -> Result<Attempt> {
    let mut c = Cols::new(row);
    let mut attempt = Attempt {
        run_id: c.id()?,
        number: c.get()?,
        fence: Fence(c.get()?),
        executor: executor(c.get()?)?,
        robot_id: c.opt_id()?,
        computer: c.get()?,
        desktop: c.get()?,
        state: c.state()?,
        live: c.get()?,
        assigned_at: c.ts()?,
        started_at: c.opt_ts()?,
        ended_at: c.opt_ts()?,
        exit_code: c.get()?,
        error: c.opt_json()?,
        outputs: c.opt_json()?.unwrap_or_default(),
        execution_time: c.get()?,
        late_result: c.opt_json()?,
    };
    if let Some(run) = run
        && follows(&attempt, run)
    {
        attempt.state = run.state;
        attempt.started_at = attempt.started_at.or(run.started_at);
    }
    Ok(attempt)
}

/// Whether state and start of this attempt are those of its run.
fn follows(attempt: &Attempt, run: &Run) -> bool {
    attempt.live
        && attempt.number == run.attempt
        && !attempt.state.is_terminal()
        && run.state.is_on_robot()
}

/// The attempts of a run, first to last.
pub(super) fn attempts(conn: &Connection, run: &Run) -> Result<Vec<Attempt>> {
    all(
        conn.prepare_cached(ATTEMPTS)?,
        params![run.org.0, run.id.bytes()],
        |row| read_attempt(row, Some(run)),
    )
}

/// The attempts that a step may concern: the current, the claimed and the live one.
pub(super) fn concerned(
    conn: &Connection,
    run: &Run,
    claimed: Option<u32>,
) -> Result<Vec<Attempt>> {
    if run.attempt == 1
        && run.fence == Fence(0)
        && matches!(run.state, State::Pending | State::Queued)
    {
        return Ok(Vec::new());
    }
    all(
        conn.prepare_cached(CONCERNED)?,
        params![
            run.org.0,
            run.id.bytes(),
            run.attempt,
            claimed.unwrap_or(run.attempt)
        ],
        |row| read_attempt(row, Some(run)),
    )
}

/// Inserts or replaces an attempt; nothing is written when its run already says it all.
pub(super) fn write_attempt(
    tx: &mut Tx,
    run: &Run,
    needs_id: i64,
    known: &[Attempt],
    attempt: &Attempt,
) -> Result<()> {
    let old = known.iter().find(|a| a.number == attempt.number);
    let said_by_run = |old: &Attempt| {
        follows(attempt, run)
            && attempt.state == run.state
            && attempt.started_at == run.started_at
            && *attempt
                == Attempt {
                    state: attempt.state,
                    started_at: attempt.started_at,
                    ..old.clone()
                }
    };
    if old.is_some_and(said_by_run) {
        return Ok(());
    }
    if old.is_some() {
        return update_attempt(tx, run, attempt);
    }
    tx.conn
        .prepare_cached(
            "INSERT INTO attempts (org, run_id, number, fence, executor, state, live, needs_id,
                 robot_id, assigned_at, started_at, ended_at, exit_code, execution_time, computer,
                 desktop, error, outputs, late_result)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19)",
        )?
        .execute(params![
            run.org.0,
            run.id.bytes(),
            attempt.number,
            attempt.fence.0,
            executor_code(attempt.executor),
            attempt.state.code(),
            attempt.live,
            needs_id,
            opt(&attempt.robot_id),
            us(attempt.assigned_at),
            opt_us(attempt.started_at),
            opt_us(attempt.ended_at),
            attempt.exit_code,
            attempt.execution_time,
            attempt.computer,
            attempt.desktop,
            attempt.error.as_ref().map(to_json),
            outputs(attempt),
            attempt.late_result.as_ref().map(to_json),
        ])?;
    Ok(())
}

fn update_attempt(tx: &mut Tx, run: &Run, attempt: &Attempt) -> Result<()> {
    tx.conn
        .prepare_cached(
            "UPDATE attempts SET fence = ?4, state = ?5, live = ?6, robot_id = ?7, assigned_at = ?8,
                 started_at = ?9, ended_at = ?10, exit_code = ?11, execution_time = ?12,
                 computer = ?13, desktop = ?14, error = ?15, outputs = ?16, late_result = ?17
             WHERE org = ?1 AND run_id = ?2 AND number = ?3",
        )?
        .execute(params![
            run.org.0,
            run.id.bytes(),
            attempt.number,
            attempt.fence.0,
            attempt.state.code(),
            attempt.live,
            opt(&attempt.robot_id),
            us(attempt.assigned_at),
            opt_us(attempt.started_at),
            opt_us(attempt.ended_at),
            attempt.exit_code,
            attempt.execution_time,
            attempt.computer,
            attempt.desktop,
            attempt.error.as_ref().map(to_json),
            outputs(attempt),
            attempt.late_result.as_ref().map(to_json),
        ])?;
    Ok(())
}

fn outputs(attempt: &Attempt) -> Option<String> {
    (!attempt.outputs.is_empty()).then(|| to_json(&attempt.outputs))
}
