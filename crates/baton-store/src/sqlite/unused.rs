//! Needs and shapes that no run has any more: found from a snapshot, removed by the writer.
//!
//! No index leads from a shape to its runs, since every run would pay for it. So a reader looks at all
//! runs once, and the writer removes what it found unless a run has come to it since: a new run and a
//! transition stand in the history after the snapshot, a run that was regrouped stands in its queue.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::history;
use super::row::all;
use super::writer::Tx;
use crate::error::Result;

/// With fewer shapes than this nothing is looked for: a few unused rows cost less than the look.
pub(super) const WORTH_A_LOOK: i64 = 256;
/// Rows of each kind that one look gives: the look walks over all runs, so it should be worth it.
const FOUND: usize = 100_000;
/// Rows that one step removes: some milliseconds of the writer.
const STEP: usize = 2_000;
/// Transitions since the snapshot that the writer looks at; after more it is left for another time.
const MAX_SINCE: i64 = 20_000;

/// What was unused in one snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Unused {
    shapes: Vec<i64>,
    needs: Vec<i64>,
    /// The last position of history in the snapshot.
    seen: i64,
    /// There is more than one look gives.
    pub(super) more: bool,
}

impl Unused {
    /// What single steps of the writer remove: first the shapes, which refer to the needs.
    pub(super) fn steps(&self) -> impl Iterator<Item = Self> + '_ {
        let empty = Self {
            seen: self.seen,
            ..Self::default()
        };
        let (of_shapes, of_needs) = (empty.clone(), empty);
        let shapes = self.shapes.chunks(STEP).map(move |shapes| Self {
            shapes: shapes.to_vec(),
            ..of_shapes.clone()
        });
        let needs = self.needs.chunks(STEP).map(move |needs| Self {
            needs: needs.to_vec(),
            ..of_needs.clone()
        });
        shapes.chain(needs)
    }
}

/// What no run and no attempt has. The newest row of each kind stays, so that its number is never given
/// to another: whoever has read the old one would take it for the new one.
pub(super) fn find(conn: &Connection) -> Result<Unused> {
    let count = |sql: &str| -> Result<i64> {
        Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    if count("SELECT count(*) FROM shapes")? < WORTH_A_LOOK {
        return Ok(Unused::default());
    }
    let seen = history::span(conn)?.1;
    let ids = |sql: &str| -> Result<HashSet<i64>> {
        let ids = all(conn.prepare_cached(sql)?, [], |row| Ok(row.get(0)?))?;
        Ok(ids.into_iter().collect())
    };
    let mut used_shapes: HashSet<i64> = HashSet::new();
    let mut used_needs = ids("SELECT DISTINCT needs_id FROM attempts")?;
    let mut statement = conn.prepare_cached("SELECT DISTINCT shape_id, needs_id FROM runs")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        used_shapes.insert(row.get(0)?);
        used_needs.insert(row.get(1)?);
    }
    let (newest_shape, newest_needs) = (
        count("SELECT max(id) FROM shapes")?,
        count("SELECT coalesce(max(id), 0) FROM needs")?,
    );
    let mut unused = Unused {
        seen,
        ..Unused::default()
    };
    let mut statement = conn.prepare_cached("SELECT id, needs_id FROM shapes ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, needs_id): (i64, i64) = (row.get(0)?, row.get(1)?);
        let stays = used_shapes.contains(&id) || id == newest_shape;
        if !stays && unused.shapes.len() < FOUND {
            unused.shapes.push(id);
        } else {
            unused.more |= !stays;
            used_needs.insert(needs_id);
        }
    }
    for id in ids("SELECT id FROM needs WHERE queued = 0")? {
        if !used_needs.contains(&id) && id != newest_needs && unused.needs.len() < FOUND {
            unused.needs.push(id);
        }
    }
    Ok(unused)
}

/// Removes what is still unused; answers how many rows went.
pub(super) fn remove(tx: &mut Tx, unused: &Unused) -> Result<u64> {
    let conn = tx.conn.clone();
    if history::span(&conn)?.1 - unused.seen > MAX_SINCE {
        return Ok(0);
    }
    let (mut shapes, mut needs) = (HashSet::new(), HashSet::new());
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT r.shape_id, r.needs_id FROM run_events AS e
         JOIN runs AS r ON r.org = e.org AND r.id = e.run_id WHERE e.seq > ?1",
    )?;
    let mut rows = statement.query([unused.seen])?;
    while let Some(row) = rows.next()? {
        shapes.insert(row.get::<_, i64>(0)?);
        needs.insert(row.get::<_, i64>(1)?);
    }
    let mut attempts = conn.prepare_cached(
        "SELECT DISTINCT a.needs_id FROM run_events AS e
         JOIN attempts AS a ON a.org = e.org AND a.run_id = e.run_id WHERE e.seq > ?1",
    )?;
    needs.extend(all(&mut *attempts, [unused.seen], |row| {
        Ok(row.get::<_, i64>(0)?)
    })?);
    let mut removed = 0;
    for id in unused.shapes.iter().filter(|id| !shapes.contains(id)) {
        removed += conn
            .prepare_cached("DELETE FROM shapes WHERE id = ?1")?
            .execute([id])?;
    }
    let mut remove = conn.prepare_cached(
        "DELETE FROM needs WHERE id = ?1 AND queued = 0
         AND NOT EXISTS (SELECT 1 FROM shapes WHERE needs_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM runs INDEXED BY runs_queued WHERE phase = 1 AND needs_id = ?1)",
    )?;
    for id in unused.needs.iter().filter(|id| !needs.contains(id)) {
        removed += remove.execute(params![id])?;
    }
    // The numbers that are gone must be given anew to whoever needs the same again.
    tx.numbers.clear();
    tx.rules.clear();
    tx.shared.interned.forget();
    Ok(removed as u64)
}
