//! Work queues and limits on tags in SQLite.

use baton_core::id::{OrgId, QueueId};
use baton_core::queue::{DEFAULT_QUEUE, Queue, TagLimit};
use rusqlite::{Connection, Row, params};

use super::fleet::rules_changed;
use super::row::{Cols, Id, all, first, to_json, us};
use super::writer::Tx;
use crate::error::{Result, StoreError};

pub(super) const QUEUE: &str = "org, id, name, settings, created_at";

pub(super) fn read_queue(row: &Row<'_>) -> Result<Queue> {
    let mut c = Cols::new(row);
    Ok(Queue {
        org: OrgId(c.get()?),
        id: c.id()?,
        name: c.get()?,
        settings: c.json()?,
        created_at: c.ts()?,
    })
}

/// The queue of this org, if it is there.
pub(super) fn find_queue(conn: &Connection, org: OrgId, id: QueueId) -> Result<Option<Queue>> {
    let sql = format!("SELECT {QUEUE} FROM queues WHERE org = ?1 AND id = ?2");
    first(
        conn.prepare_cached(&sql)?,
        params![org.0, id.bytes()],
        read_queue,
    )
}

pub(super) fn queue(conn: &Connection, org: OrgId, id: QueueId) -> Result<Queue> {
    find_queue(conn, org, id)?.ok_or_else(|| StoreError::not_found(format!("queue {id}")))
}

pub(super) fn queue_named(conn: &Connection, org: OrgId, name: &str) -> Result<Option<Queue>> {
    let sql = format!("SELECT {QUEUE} FROM queues WHERE org = ?1 AND name = ?2");
    first(conn.prepare_cached(&sql)?, params![org.0, name], read_queue)
}

pub(super) fn insert_queue(tx: &Tx, queue: &Queue) -> Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT INTO queues (org, id, name, settings, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            queue.org.0,
            queue.id.bytes(),
            queue.name,
            to_json(&queue.settings),
            us(queue.created_at),
        ])?;
    Ok(())
}

/// All limits of all orgs, or of one, by org and tag.
/// A page of the queues of an org.
pub(super) const QUEUES: &str = "SELECT org, id, name, settings, created_at FROM queues
    WHERE org = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
/// A page of the limits of an org; a tag is never empty.
pub(super) const TAG_LIMITS: &str = "SELECT org, id, tag, \"limit\", created_at FROM tag_limits
    WHERE org = ?1 AND tag > ?2 ORDER BY tag LIMIT ?3";

pub(super) fn read_tag_limit(row: &Row<'_>) -> Result<TagLimit> {
    let mut c = Cols::new(row);
    Ok(TagLimit {
        org: OrgId(c.get()?),
        id: c.id()?,
        tag: c.get()?,
        limit: c.get()?,
        created_at: c.ts()?,
    })
}

pub(super) fn all_tag_limits(conn: &Connection, org: Option<OrgId>) -> Result<Vec<TagLimit>> {
    all(
        conn.prepare_cached(
            r#"SELECT org, id, tag, "limit", created_at FROM tag_limits
               WHERE ?1 IS NULL OR org = ?1 ORDER BY org, tag"#,
        )?,
        [org.map(|o| o.0)],
        read_tag_limit,
    )
}

/// Ten bytes for the id of a queue that a robot names: from org and name, which are unique together.
pub(super) fn queue_entropy(org: OrgId, name: &str) -> [u8; 10] {
    let hash = name
        .bytes()
        .chain(org.0.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let mut entropy = [0; 10];
    entropy[2..].copy_from_slice(&hash.to_be_bytes());
    entropy
}

pub(super) fn delete_queue(tx: &mut Tx, org: OrgId, id: QueueId) -> Result<()> {
    let queue = queue(&tx.conn, org, id)?;
    let feeds = tx
        .conn
        .prepare_cached("SELECT 1 FROM deployments WHERE org = ?1 AND queue_id = ?2")?
        .exists(params![org.0, id.bytes()])?;
    let mut waits = false;
    for phase in [0, 1, 2] {
        waits |= tx
            .conn
            .prepare_cached(
                "SELECT 1 FROM runs INDEXED BY runs_by_phase
                 WHERE org = ?1 AND phase = ?2 AND queue_id = ?3",
            )?
            .exists(params![org.0, phase, id.bytes()])?;
    }
    if waits || feeds || queue.name == DEFAULT_QUEUE {
        let text = format!("queue {} is still in use", queue.name);
        return Err(StoreError::conflict("queue_in_use", text));
    }
    tx.conn
        .prepare_cached("DELETE FROM queues WHERE org = ?1 AND id = ?2")?
        .execute(params![org.0, id.bytes()])?;
    tx.numbers.doubt();
    rules_changed(tx);
    Ok(())
}

pub(super) fn put_tag_limit(tx: &mut Tx, limit: &TagLimit) -> Result<TagLimit> {
    tx.conn
        .prepare_cached(
            r#"INSERT INTO tag_limits (org, tag, id, "limit", created_at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (org, tag) DO UPDATE SET "limit" = excluded."limit""#,
        )?
        .execute(params![
            limit.org.0,
            limit.tag,
            limit.id.bytes(),
            limit.limit,
            us(limit.created_at),
        ])?;
    rules_changed(tx);
    all_tag_limits(&tx.conn, Some(limit.org))?
        .into_iter()
        .find(|l| l.tag == limit.tag)
        .ok_or_else(|| StoreError::not_found(format!("limit of {}", limit.tag)))
}
