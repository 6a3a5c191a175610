//! Events of everything that is not a run, and what is recorded beside runs, in SQLite.

use baton_core::id::OrgId;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, params};

use super::row::{Cols, Id, all, first, to_json, us};
use super::writer::Tx;
use crate::error::{Result, StoreError};
use crate::logs::{
    EventFilter, MAX_EVENTS_SEEN, MAX_REFUSALS, MESSAGE_REFUSED, Refusal, ResourceEvent, refused,
};
use crate::page::{Page, PageRequest};

const COLUMNS: &str = "seq, org, at, kind, subject, actor, detail";

/// Appends one event at the next position.
pub(super) fn append(tx: &mut Tx, event: &ResourceEvent) -> Result<()> {
    let seq = tx.pending.next_event_seq();
    tx.conn
        .prepare_cached(
            "INSERT INTO events (seq, org, at, kind, subject, actor, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            seq,
            event.org.0,
            us(event.at),
            event.kind,
            event.subject,
            event.actor,
            to_json(&event.detail),
        ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<ResourceEvent> {
    let mut c = Cols::new(row);
    Ok(ResourceEvent {
        seq: c.get()?,
        org: OrgId(c.get()?),
        at: c.ts()?,
        kind: c.get()?,
        subject: c.get()?,
        actor: c.get()?,
        detail: c.json()?,
    })
}

/// Events after a position.
pub(super) fn after(
    conn: &Connection,
    org: Option<OrgId>,
    after: i64,
    limit: u32,
) -> Result<Vec<ResourceEvent>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events
         WHERE seq > ?1 AND (?2 IS NULL OR org = ?2) ORDER BY seq LIMIT ?3"
    );
    all(
        conn.prepare_cached(&sql)?,
        params![after, org.map(|o| o.0), limit],
        read,
    )
}

/// The first and last position kept.
pub(super) fn span(conn: &Connection) -> Result<(i64, i64)> {
    let end = |which: &str| -> Result<i64> {
        let sql = format!("SELECT coalesce({which}(seq), 0) FROM events");
        Ok(conn.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
    };
    Ok((end("min")?, end("max")?))
}

/// The statement behind a list: by the subject's own index where there is one.
pub(super) fn list_sql(by_subject: bool) -> String {
    let (index, subject) = match by_subject {
        true => ("INDEXED BY events_by_subject", "AND subject = ?4"),
        false => ("NOT INDEXED", "AND ?4 IS NULL"),
    };
    format!(
        "SELECT {COLUMNS} FROM events {index}
         WHERE org = ?1 AND seq < ?2 {subject} ORDER BY seq DESC LIMIT ?3"
    )
}

/// How much clocks may differ in events that stand in the order of their commits.
const CLOCKS: SignedDuration = SignedDuration::from_hours(1);

fn is_long_before(at: Timestamp, from: Timestamp) -> bool {
    from.duration_since(at) > CLOCKS
}

/// Events, newest first; see [`MAX_EVENTS_SEEN`].
pub(super) fn list(
    conn: &Connection,
    filter: &EventFilter,
    page: &PageRequest,
) -> Result<Page<ResourceEvent>> {
    let before = match &page.after {
        None => i64::MAX,
        Some(cursor) => cursor.parse().map_err(|_| StoreError::bad_cursor())?,
    };
    let limit = page.clamped() as usize;
    let mut statement = conn.prepare_cached(&list_sql(filter.subject.is_some()))?;
    let mut rows = statement.query(params![
        page.org.0,
        before,
        MAX_EVENTS_SEEN as i64,
        filter.subject,
    ])?;
    let (mut items, mut seen, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        if items.len() == limit {
            return Ok(Page { items, next: last });
        }
        seen += 1;
        let event = read(row)?;
        if filter
            .from
            .is_some_and(|from| is_long_before(event.at, from))
        {
            return Ok(Page { items, next: None });
        }
        last = Some(event.seq.to_string());
        if filter.admits(&event) {
            items.push(event);
        }
    }
    let next = last.filter(|_| seen == MAX_EVENTS_SEEN);
    Ok(Page { items, next })
}

/// Records a refused message beside its run, unless enough of this attempt have been.
pub(super) fn record_refusal(tx: &mut Tx, refusal: &Refusal) -> Result<bool> {
    let conn = tx.conn.clone();
    let standing = first(
        conn.prepare_cached("SELECT attempt, fence FROM runs WHERE org = ?1 AND id = ?2")?,
        params![refusal.org.0, refusal.run_id.bytes()],
        |row| Ok((row.get::<_, u32>(0)?, row.get(1)?)),
    )?;
    let Some((attempt, fence)) = standing else {
        return Ok(false);
    };
    let before: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_by_subject
                 WHERE org = ?1 AND subject = ?2 AND kind = ?3
                 AND json_extract(detail, '$.attempt') = ?4 ORDER BY seq DESC LIMIT ?5)",
        )?
        .query_row(
            params![
                refusal.org.0,
                refusal.run_id.to_string(),
                MESSAGE_REFUSED,
                attempt,
                MAX_REFUSALS as i64,
            ],
            |row| row.get(0),
        )?;
    let before = usize::try_from(before).unwrap_or(MAX_REFUSALS);
    match refused(refusal, attempt, baton_core::id::Fence(fence), before) {
        Some(event) => append(tx, &event).map(|()| true),
        None => Ok(false),
    }
}
