//! The history of runs: appended with each transition, read per run backwards along its chain.

use baton_core::id::{Fence, OrgId, RunId};
use baton_core::run::RunEvent;
use rusqlite::{Connection, Row, params};

use super::row::{Cols, Id, all, first, opt, us};
use super::writer::Tx;
use crate::error::Result;

const COLUMNS: &str =
    r#"seq, run_id, "from", "to", attempt, fence, at, event, actor, robot_id, message"#;

/// Appends a row after the run's previous one and returns its position.
pub(super) fn append(tx: &mut Tx, org: OrgId, event: &RunEvent, previous: i64) -> Result<i64> {
    let seq = tx.pending.next_run_seq();
    tx.conn
        .prepare_cached(
            r#"INSERT INTO run_events (seq, previous, org, run_id, "from", "to", attempt, fence,
                   at, event, actor, robot_id, message)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"#,
        )?
        .execute(params![
            seq,
            previous,
            org.0,
            event.run_id.bytes(),
            event.from.map(|s| s.code()),
            event.to.code(),
            event.attempt,
            event.fence.0,
            us(event.at),
            event.event,
            event.actor,
            opt(&event.robot_id),
            event.message,
        ])?;
    Ok(seq)
}

fn read(row: &Row<'_>) -> Result<RunEvent> {
    let mut c = Cols::new(row);
    Ok(RunEvent {
        seq: c.get()?,
        run_id: c.id()?,
        from: c.get::<Option<i64>>()?.map(super::row::state).transpose()?,
        to: c.state()?,
        attempt: c.get()?,
        fence: Fence(c.get()?),
        at: c.ts()?,
        event: c.get()?,
        actor: c.get()?,
        robot_id: c.opt_id()?,
        message: c.get()?,
    })
}

/// The positions of a run's history after a position: each event names the one before it.
macro_rules! chain {
    () => {
        "WITH RECURSIVE chain (at) AS (
             SELECT last_event FROM runs WHERE org = ?1 AND id = ?2 AND last_event > ?3
             UNION ALL
             SELECT e.previous FROM chain JOIN run_events e ON e.seq = chain.at
             WHERE e.previous > ?3
         ) "
    };
}

/// A run's history after a position.
pub(super) const OF_RUN: &str = concat!(
    chain!(),
    r#"SELECT seq, run_id, "from", "to", attempt, fence, r.at, event, actor, robot_id, message
       FROM chain JOIN run_events r ON r.seq = chain.at"#
);
/// Removes a run's history.
pub(super) const DELETE: &str = concat!(
    chain!(),
    "DELETE FROM run_events WHERE seq IN (SELECT at FROM chain)"
);

/// The history of one run after a position, first to last.
pub(super) fn of_run(
    conn: &Connection,
    org: OrgId,
    id: RunId,
    after: i64,
) -> Result<Vec<RunEvent>> {
    let statement = conn.prepare_cached(OF_RUN)?;
    let mut events = all(statement, params![org.0, id.bytes(), after], read)?;
    // The chain leads backwards, and the statement promises no order.
    events.sort_unstable_by_key(|event| event.seq);
    Ok(events)
}

/// History after a position.
pub(super) fn after(
    conn: &Connection,
    org: Option<OrgId>,
    after: i64,
    limit: u32,
) -> Result<Vec<RunEvent>> {
    match org {
        None => {
            let sql =
                format!("SELECT {COLUMNS} FROM run_events WHERE seq > ?1 ORDER BY seq LIMIT ?2");
            all(conn.prepare_cached(&sql)?, params![after, limit], read)
        }
        Some(org) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM run_events WHERE seq > ?1 AND org = ?3 ORDER BY seq LIMIT ?2"
            );
            all(
                conn.prepare_cached(&sql)?,
                params![after, limit, org.0],
                read,
            )
        }
    }
}

/// The first and last position kept.
pub(super) fn span(conn: &Connection) -> Result<(i64, i64)> {
    let end = |which: &str| -> Result<i64> {
        let sql = format!("SELECT {which}(seq) FROM run_events");
        let seq = first(conn.prepare_cached(&sql)?, [], |row| {
            Ok(row.get::<_, Option<i64>>(0)?)
        })?;
        Ok(seq.flatten().unwrap_or(0))
    };
    Ok((end("min")?, end("max")?))
}
