//! API keys and one-time tokens, in SQLite.

use async_trait::async_trait;
use baton_core::access::Role;
use baton_core::id::{KeyId, OrgId};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::row::{Cols, Id, all, first, opt, opt_us, to_json, us};
use super::writer::Tx;
use crate::error::{Result, StoreError};
use crate::keys::{Key, KeyKind, Keys};
use crate::page::{Page, PageRequest, cursor, paged};

const KEY: &str = "org, id, name, kind, role, robot_id, hash, created_at, expires_at, revoked_at, \
    last_used_at, opened_by";

/// A page of the keys that people see, by the kinds 0 and 1: so many of each, of which the newest remain.
pub(super) const PAGE: &str =
    "SELECT * FROM (SELECT org, id, name, kind, role, robot_id, hash, created_at,
        expires_at, revoked_at, last_used_at, opened_by FROM keys INDEXED BY keys_by_kind
        WHERE org = ?1 AND kind = 0 AND id < ?2 ORDER BY id DESC LIMIT ?3)
    UNION ALL SELECT * FROM (SELECT org, id, name, kind, role, robot_id, hash, created_at,
        expires_at, revoked_at, last_used_at, opened_by FROM keys INDEXED BY keys_by_kind
        WHERE org = ?1 AND kind = 1 AND id < ?2 ORDER BY id DESC LIMIT ?3)
    ORDER BY id DESC LIMIT ?3";

const KINDS: [KeyKind; 5] = [
    KeyKind::Api,
    KeyKind::Robot,
    KeyKind::Enrolment,
    KeyKind::SignIn,
    KeyKind::Session,
];

/// From this kind on, `KINDS` holds what a key opens: enrolments, links and sessions.
const FIRST_OPENING: u8 = 2;

fn read(row: &Row<'_>) -> Result<Key> {
    let mut c = Cols::new(row);
    let (org, id, name) = (OrgId(c.get()?), c.id()?, c.get()?);
    let kind: i64 = c.get()?;
    let role: String = c.get()?;
    let unknown = || StoreError::Corrupt(format!("key {id} has a kind or role that is not known"));
    Ok(Key {
        id,
        org,
        name,
        kind: *usize::try_from(kind)
            .ok()
            .and_then(|kind| KINDS.get(kind))
            .ok_or_else(unknown)?,
        role: Role::ALL
            .into_iter()
            .find(|r| r.as_str() == role)
            .ok_or_else(unknown)?,
        robot_id: c.opt_id()?,
        hash: c.get()?,
        created_at: c.ts()?,
        expires_at: c.opt_ts()?,
        revoked_at: c.opt_ts()?,
        last_used_at: c.opt_ts()?,
        opened_by: c.opt_id()?,
    })
}

fn key(conn: &Connection, id: KeyId) -> Result<Key> {
    let sql = format!("SELECT {KEY} FROM keys INDEXED BY keys_by_id WHERE id = ?1");
    first(conn.prepare_cached(&sql)?, [id.bytes()], read)?
        .ok_or_else(|| StoreError::not_found(format!("key {id}")))
}

fn insert(tx: &Tx, key_: &Key) -> Result<()> {
    if key(&tx.conn, key_.id).is_ok() {
        let text = format!("there is a key {} already", key_.id);
        return Err(StoreError::conflict("key_exists", text));
    }
    let kind = KINDS.iter().position(|k| *k == key_.kind).unwrap_or(0);
    tx.conn
        .prepare_cached(
            "INSERT INTO keys (org, id, name, kind, role, robot_id, hash, created_at, expires_at,
                 revoked_at, last_used_at, opened_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            key_.org.0,
            key_.id.bytes(),
            key_.name,
            kind as i64,
            key_.role.as_str(),
            opt(&key_.robot_id),
            key_.hash,
            us(key_.created_at),
            opt_us(key_.expires_at),
            opt_us(key_.revoked_at),
            opt_us(key_.last_used_at),
            opt(&key_.opened_by),
        ])?;
    Ok(())
}

fn revoke(tx: &Tx, key: &Key, now: Timestamp) -> Result<()> {
    tx.conn
        .prepare_cached(
            "UPDATE keys SET revoked_at = coalesce(revoked_at, ?3) WHERE org = ?1 AND id = ?2",
        )?
        .execute(params![key.org.0, key.id.bytes(), us(now)])?;
    Ok(())
}

#[async_trait]
impl Keys for SqliteStore {
    async fn create_key(&self, key: Key) -> Result<()> {
        self.write(move |tx| insert(tx, &key)).await
    }

    async fn key(&self, id: KeyId) -> Result<Key> {
        self.point(|conn| key(conn, id))
    }

    async fn keys(&self, org: OrgId) -> Result<Vec<Key>> {
        self.scan(move |conn| {
            let sql = format!(
                "SELECT {KEY} FROM keys WHERE org = ?1 AND kind IN (0, 1)
                 ORDER BY created_at DESC, id DESC"
            );
            all(conn.prepare_cached(&sql)?, [org.0], read)
        })
        .await
    }

    async fn keys_page(&self, request: PageRequest) -> Result<Page<Key>> {
        self.scan(move |conn| {
            let before = cursor::<KeyId>(&request)?.map_or([0xff; 16], |id| *id.0.as_bytes());
            let rows = params![request.org.0, before, request.clamped() + 1];
            let found = all(conn.prepare_cached(PAGE)?, rows, read)?;
            Ok(paged(found, &request, |key| to_json(&key.id)))
        })
        .await
    }

    async fn revoke_key(&self, org: OrgId, id: KeyId, now: Timestamp) -> Result<Key> {
        self.write(move |tx| {
            let mut key = key(&tx.conn, id)?;
            if key.org != org {
                return Err(StoreError::not_found(format!("key {id}")));
            }
            revoke(tx, &key, now)?;
            tx.conn
                .prepare_cached(
                    "UPDATE keys INDEXED BY keys_by_opener SET revoked_at = ?3
                     WHERE org = ?1 AND opened_by = ?2 AND revoked_at IS NULL",
                )?
                .execute(params![org.0, id.bytes(), us(now)])?;
            key.revoked_at = key.revoked_at.or(Some(now));
            Ok(key)
        })
        .await
    }

    async fn end_openings(&self, now: Timestamp) -> Result<u32> {
        self.write(move |tx| {
            // Rare, and keys are few: no index is kept for it.
            let sql = "UPDATE keys SET revoked_at = ?1 WHERE kind >= ?2 AND revoked_at IS NULL";
            let ended = tx
                .conn
                .prepare_cached(sql)?
                .execute(params![us(now), FIRST_OPENING])?;
            Ok(u32::try_from(ended).unwrap_or(u32::MAX))
        })
        .await
    }

    async fn exchange_key(&self, id: KeyId, made: Key, now: Timestamp) -> Result<()> {
        self.write(move |tx| {
            let key = key(&tx.conn, id)?;
            if key.revoked_at.is_some() {
                let text = "this token was used before; ask for another";
                return Err(StoreError::conflict("token_used", text));
            }
            if key.expires_at.is_some_and(|at| at <= now) {
                let text = "this token is too old; ask for another";
                return Err(StoreError::conflict("token_expired", text));
            }
            insert(tx, &made)?;
            revoke(tx, &key, now)
        })
        .await
    }

    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<()> {
        self.write(move |tx| {
            for (id, at) in &used {
                tx.conn
                    .prepare_cached(
                        "UPDATE keys SET last_used_at = max(coalesce(last_used_at, ?2), ?2)
                         WHERE id = ?1",
                    )?
                    .execute(params![id.bytes(), us(*at)])?;
            }
            Ok(())
        })
        .await
    }
}
