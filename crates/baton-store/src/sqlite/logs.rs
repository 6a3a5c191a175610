//! The log lines of runs in SQLite.
//!
//! The table has no rowid, so a line of over 1 KB takes a page of its own. A table with rowid beside a
//! unique index was measured against it, a million lines of eight runs at a time, 40–120 B but for the
//! share of them that has 1–10 KB (size; lines/s of processor time on insert; a page of 100 lines):
//!
//! | long lines | without rowid | rowid and index |
//! |---|---|---|
//! | none | 139 MB; 216,000; 0.11 ms | 159 MB; 224,000; 0.12 ms |
//! | 1 % | 199 MB; 154,000; 0.15 ms | 204 MB; 199,000; 0.12 ms |
//! | 10 % | 732 MB; 103,000; 0.16 ms | 605 MB; 178,000; 0.16 ms |
//!
//! Neither is better on the whole: what long lines gain, short ones pay, and short ones are the rule. A
//! change would copy every line of a large installation at its start. So it stays; what larger pages and
//! compression would do to lines of one length stands in `docs/performance.md`.

use async_trait::async_trait;
use baton_core::id::{OrgId, RunId};
use baton_core::run::{LogLevel, LogLine, LogStream};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::row::{Cols, Id, all, first, opt, us};
use super::run_row::{self, Depth};
use super::writer::Tx;
use super::{SqliteStore, events};
use crate::error::Result;
use crate::logs::{EventFilter, LogBatch, LogQuery, Logs, Refusal, ResourceEvent};
use crate::page::{Page, PageRequest};
use crate::step;

#[async_trait]
impl Logs for SqliteStore {
    async fn append_logs(&self, batches: Vec<LogBatch>) -> Vec<Result<i64>> {
        self.write_each(batches.len(), move |tx| {
            let append = |batch| tx.part(|tx| append(tx, batch));
            Ok(batches.iter().map(append).collect())
        })
        .await
    }

    async fn logs(&self, query: LogQuery) -> Result<Vec<(u32, LogLine)>> {
        self.scan(move |conn| lines(conn, &query)).await
    }

    async fn log_span(&self, org: OrgId, run_id: RunId) -> Result<Vec<(u32, i64)>> {
        self.point(|conn| {
            all(
                conn.prepare_cached(
                    "SELECT number, max(log_pruned, coalesce((SELECT max(seq) FROM logs
                         WHERE logs.org = a.org AND logs.run_id = a.run_id
                         AND logs.attempt = a.number), 0)) AS lines
                     FROM attempts AS a WHERE org = ?1 AND run_id = ?2 AND lines > 0
                     ORDER BY number",
                )?,
                params![org.0, run_id.bytes()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
    }

    async fn append_events(&self, new: Vec<ResourceEvent>) -> Result<i64> {
        self.write(move |tx| {
            new.iter().try_for_each(|event| events::append(tx, event))?;
            Ok(tx.pending.last_event_seq())
        })
        .await
    }

    async fn events_after(
        &self,
        org: Option<OrgId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<ResourceEvent>> {
        self.scan(move |conn| events::after(conn, org, after, limit))
            .await
    }

    async fn events(&self, filter: EventFilter, page: PageRequest) -> Result<Page<ResourceEvent>> {
        self.scan(move |conn| events::list(conn, &filter, &page))
            .await
    }

    async fn record_refusals(&self, refusals: Vec<Refusal>) -> Result<u32> {
        self.write(move |tx| {
            let mut recorded = 0;
            for refusal in &refusals {
                recorded += u32::from(events::record_refusal(tx, refusal)?);
            }
            Ok(recorded)
        })
        .await
    }

    async fn events_span(&self) -> Result<(i64, i64)> {
        self.point(events::span)
    }
}

/// How far the log of an attempt goes without gap, pruned lines included; `None` when the claim names
/// no attempt by number, last fence and robot.
fn high(conn: &Connection, batch: &LogBatch) -> Result<Option<i64>> {
    let claim = &batch.claim;
    first(
        conn.prepare_cached(
            "SELECT max(log_pruned, coalesce((SELECT max(seq) FROM logs
                 WHERE org = ?1 AND run_id = ?2 AND attempt = ?3), 0))
             FROM attempts WHERE org = ?1 AND run_id = ?2 AND number = ?3 AND fence = ?4
             AND robot_id IS ?5",
        )?,
        params![
            batch.org.0,
            batch.run_id.bytes(),
            claim.attempt,
            claim.fence.0,
            opt(&claim.robot_id),
        ],
        |row| Ok(row.get(0)?),
    )
}

fn append(tx: &mut Tx, batch: &LogBatch) -> Result<i64> {
    let conn = tx.conn.clone();
    let Some(mut high) = high(&conn, batch)? else {
        let shared = &tx.shared.interned;
        let row = run_row::get(&conn, shared, batch.org, batch.run_id, Depth::Light)?;
        return Err(step::stale(&row.run, &batch.claim));
    };
    let before = high;
    let mut insert = conn.prepare_cached(
        "INSERT INTO logs (org, run_id, attempt, seq, at, level, stream, task, message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for line in batch.lines.iter() {
        if line.seq == high + 1 {
            insert.execute(params![
                batch.org.0,
                batch.run_id.bytes(),
                batch.claim.attempt,
                line.seq,
                us(line.at),
                line.level.code(),
                line.stream.code(),
                line.task,
                line.message,
            ])?;
            high = line.seq;
        }
    }
    if high > before {
        tx.pending.note.note_logs(batch.run_id);
    }
    Ok(high)
}

/// Lines with their attempt, in order.
fn lines(conn: &Connection, query: &LogQuery) -> Result<Vec<(u32, LogLine)>> {
    let (sql, values) = lines_sql(query);
    let mut found = all(
        conn.prepare_cached(&sql)?,
        params_from_iter(values),
        |row| {
            let mut c = Cols::new(row);
            Ok((
                c.get()?,
                LogLine {
                    seq: c.get()?,
                    at: c.ts()?,
                    level: LogLevel::from_code(c.get()?),
                    stream: LogStream::from_code(c.get()?),
                    task: c.get()?,
                    message: c.get()?,
                },
            ))
        },
    )?;
    if query.tail {
        found.reverse();
    }
    Ok(found)
}

/// The statement of a query, with its values.
pub(super) fn lines_sql(query: &LogQuery) -> (String, Vec<Value>) {
    let mut sql = "SELECT attempt, seq, at, level, stream, task, message FROM logs \
        WHERE org = ? AND run_id = ?"
        .to_owned();
    let mut values = vec![
        Value::Integer(query.org.0),
        Value::Blob(query.run_id.bytes().to_vec()),
    ];
    let mut and = |condition: &str, more: &[Value]| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend_from_slice(more);
    };
    if let Some(attempt) = query.attempt {
        and("attempt = ?", &[Value::Integer(attempt.into())]);
    }
    if let Some((attempt, seq)) = query.after {
        let mark = [Value::Integer(attempt.into()), Value::Integer(seq)];
        let sign = if query.tail { "<" } else { ">" };
        and(&format!("(attempt, seq) {sign} (?, ?)"), &mark);
    }
    if let Some(level) = query.level {
        and("level >= ?", &[Value::Integer(level.code())]);
    }
    if let Some(task) = &query.task {
        and("task = ?", &[Value::Text(task.clone())]);
    }
    if let Some(search) = &query.search {
        let needle = Value::Text(search.to_ascii_lowercase());
        and("instr(lower(message), ?) > 0", &[needle]);
    }
    let order = if query.tail { "DESC" } else { "ASC" };
    sql.push_str(&format!(
        " ORDER BY attempt {order}, seq {order} LIMIT {}",
        query.limit
    ));
    (sql, values)
}
