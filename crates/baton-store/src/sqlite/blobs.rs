//! Packages and artifacts: content-addressed, in chunks.

use baton_core::id::{ArtifactId, OrgId, RunId};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::row::{Cols, Id, all, first, to_json, us};
use super::writer::Tx;
use crate::catalog::{Artifact, BLOB_CHUNK};
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest, cursor, paged};

/// Stores one chunk of a blob that is not complete yet.
pub(super) fn put_chunk(tx: &Tx, hash: &str, number: u32, bytes: &[u8]) -> Result<()> {
    if bytes.len() > BLOB_CHUNK {
        let text = format!("a chunk has at most {BLOB_CHUNK} bytes");
        return Err(StoreError::conflict("chunk_too_large", text));
    }
    if get(&tx.conn, hash).is_ok() {
        return Ok(());
    }
    tx.conn
        .prepare_cached(
            "INSERT INTO blob_chunks (hash, number, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (hash, number) DO UPDATE SET bytes = excluded.bytes, seen_at = NULL",
        )?
        .execute(params![hash, number, bytes])?;
    Ok(())
}

/// Declares a blob complete, if it is.
pub(super) fn finish(tx: &Tx, hash: &str, size: i64, chunks: u32, now: Timestamp) -> Result<()> {
    if get(&tx.conn, hash).is_ok() {
        return Ok(());
    }
    let (count, sum): (u32, i64) = tx
        .conn
        .prepare_cached(
            "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM blob_chunks
             WHERE hash = ?1 AND number < ?2",
        )?
        .query_row(params![hash, chunks], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if count != chunks || sum != size {
        let text = format!("of the {size} bytes of {hash} there are {sum}; upload the rest");
        return Err(StoreError::conflict("blob_incomplete", text));
    }
    tx.conn
        .prepare_cached(
            "INSERT INTO blobs (hash, size, chunks, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![hash, size, chunks, us(now)])?;
    Ok(())
}

/// Size and number of chunks of a complete blob.
pub(super) fn get(conn: &Connection, hash: &str) -> Result<(i64, u32)> {
    first(
        conn.prepare_cached("SELECT size, chunks FROM blobs WHERE hash = ?1")?,
        [hash],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?
    .ok_or_else(|| StoreError::not_found(format!("blob {hash}")))
}

/// One chunk of a complete blob.
pub(super) fn chunk(conn: &Connection, hash: &str, number: u32) -> Result<Vec<u8>> {
    let (_, chunks) = get(conn, hash)?;
    let found = first(
        conn.prepare_cached("SELECT bytes FROM blob_chunks WHERE hash = ?1 AND number = ?2")?,
        params![hash, number],
        |row| Ok(row.get(0)?),
    )?;
    found
        .filter(|_| number < chunks)
        .ok_or_else(|| StoreError::not_found(format!("chunk {number} of blob {hash}")))
}

/// A page of the artifacts of a run.
pub(super) const ARTIFACTS: &str =
    "SELECT org, id, run_id, attempt, name, content_type, size, hash,
    created_at FROM artifacts WHERE org = ?1 AND run_id = ?2 AND (attempt, name) > (?3, ?4)
    ORDER BY attempt, name LIMIT ?5";
const ARTIFACT: &str = "org, id, run_id, attempt, name, content_type, size, hash, created_at";

fn read(row: &Row<'_>) -> Result<Artifact> {
    let mut c = Cols::new(row);
    Ok(Artifact {
        org: OrgId(c.get()?),
        id: c.id()?,
        run_id: c.id()?,
        attempt: c.get()?,
        name: c.get()?,
        content_type: c.get()?,
        size: c.get()?,
        hash: c.get()?,
        created_at: c.ts()?,
    })
}

/// Records an artifact; one of the same name in the same attempt is replaced.
pub(super) fn put_artifact(tx: &Tx, artifact: &Artifact) -> Result<()> {
    let there = tx
        .conn
        .prepare_cached("SELECT 1 FROM runs WHERE org = ?1 AND id = ?2")?
        .exists(params![artifact.org.0, artifact.run_id.bytes()])?;
    if !there {
        return Err(StoreError::not_found(format!("run {}", artifact.run_id)));
    }
    get(&tx.conn, &artifact.hash)?;
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO artifacts (org, id, run_id, attempt, name, content_type, size,
                 hash, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            artifact.org.0,
            artifact.id.bytes(),
            artifact.run_id.bytes(),
            artifact.attempt,
            artifact.name,
            artifact.content_type,
            artifact.size,
            artifact.hash,
            us(artifact.created_at),
        ])?;
    Ok(())
}

/// The artifacts of a run, by attempt and name.
pub(super) fn artifacts(conn: &Connection, org: OrgId, run_id: RunId) -> Result<Vec<Artifact>> {
    let sql = format!(
        "SELECT {ARTIFACT} FROM artifacts WHERE org = ?1 AND run_id = ?2 ORDER BY attempt, name"
    );
    all(
        conn.prepare_cached(&sql)?,
        params![org.0, run_id.bytes()],
        read,
    )
}

/// The same in pages.
pub(super) fn artifacts_page(
    conn: &Connection,
    run_id: RunId,
    request: &PageRequest,
) -> Result<Page<Artifact>> {
    let (attempt, name) = cursor::<(u32, String)>(request)?.unwrap_or_default();
    let (org, limit) = (request.org.0, request.clamped() + 1);
    let rows = params![org, run_id.bytes(), attempt, name, limit];
    let found = all(conn.prepare_cached(ARTIFACTS)?, rows, read)?;
    Ok(paged(found, request, |one| {
        to_json(&(one.attempt, &one.name))
    }))
}

/// One artifact.
pub(super) fn artifact(conn: &Connection, org: OrgId, id: ArtifactId) -> Result<Artifact> {
    let sql = format!("SELECT {ARTIFACT} FROM artifacts WHERE org = ?1 AND id = ?2");
    first(conn.prepare_cached(&sql)?, params![org.0, id.bytes()], read)?
        .ok_or_else(|| StoreError::not_found(format!("artifact {id}")))
}
