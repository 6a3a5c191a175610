//! Runs that the rarest part of a filter may mean, where there are few: the beginning of a name or id, a time of end.

use baton_core::id::{OrgId, RunId};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::row::{Id as _, all, us};
use super::run_list::{FEW, rest, sort};
use crate::error::Result;
use crate::runs::RunFilter;

/// All runs that the filter's rarest part may mean, if there are few; `None` when a scan finds them faster.
pub(super) fn candidates(
    conn: &Connection,
    filter: &RunFilter,
    org: OrgId,
) -> Result<Option<Vec<RunId>>> {
    if !filter.ids.is_empty() {
        return Ok(Some(filter.ids.clone()));
    }
    match &filter.prefix {
        Some(prefix) => beginning(conn, prefix, org),
        None => ended(conn, filter, org),
    }
}

/// All runs that ended in the wanted time, if there are few. Newer ids say nothing of it: a run of long ago may
/// have ended just now.
fn ended(conn: &Connection, filter: &RunFilter, org: OrgId) -> Result<Option<Vec<RunId>>> {
    if filter.ended_after.is_none() && filter.ended_before.is_none() {
        return Ok(None);
    }
    let from = filter.ended_after.map_or(i64::MIN, us);
    let until = filter.ended_before.map_or(i64::MAX, us);
    let found = all(
        conn.prepare_cached(ENDED)?,
        params![from, until, FEW + 1],
        |row| Ok((row.get(0)?, RunId::from_bytes(row.get(1)?))),
    )?;
    // The bound is for the work, so it counts what belongs to others too.
    if found.len() > FEW as usize {
        return Ok(None);
    }
    let own = found
        .into_iter()
        .filter(|(of, _): &(i64, RunId)| *of == org.0);
    Ok(Some(own.map(|(_, id)| id).collect()))
}

/// Runs of every org by when they ended.
pub(super) const ENDED: &str = "SELECT org, id FROM runs INDEXED BY runs_ended \
    WHERE ended_at IS NOT NULL AND ended_at >= ?1 AND ended_at < ?2 LIMIT ?3";

/// All runs whose name or id begins so, if there are few.
fn beginning(conn: &Connection, prefix: &str, org: OrgId) -> Result<Option<Vec<RunId>>> {
    let (low, high) = name_range(prefix);
    let id = |row: &rusqlite::Row<'_>| Ok(RunId::from_bytes(row.get(0)?));
    let mut ids = all(
        conn.prepare_cached(NAMED)?,
        params![org.0, low, high, FEW + 1],
        id,
    )?;
    if let Some((low, high)) = id_range(prefix) {
        ids.extend(all(
            conn.prepare_cached(
                "SELECT id FROM runs WHERE org = ?1 AND id BETWEEN ?2 AND ?3 LIMIT ?4",
            )?,
            params![org.0, low.bytes(), high.bytes(), FEW + 1],
            id,
        )?);
    }
    Ok((ids.len() <= FEW as usize).then_some(ids))
}

/// Runs by the beginning of their name.
pub(super) const NAMED: &str = "SELECT id FROM runs INDEXED BY runs_by_name \
    WHERE org = ?1 AND name COLLATE NOCASE BETWEEN ?2 AND ?3 LIMIT ?4";

/// Those of the candidates that pass the other filters, in order, up to the limit.
pub(super) fn among(
    conn: &Connection,
    filter: &RunFilter,
    org: OrgId,
    mut ids: Vec<RunId>,
    after: Option<RunId>,
    limit: usize,
) -> Result<Vec<RunId>> {
    sort(&mut ids, filter.ascending);
    ids.dedup();
    let mut sql = "SELECT 1 FROM runs WHERE runs.org = ? AND runs.id = ?".to_owned();
    let mut values = vec![Value::Integer(org.0), Value::Null];
    rest(filter, &mut sql, &mut values);
    let mut fits = conn.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for id in ids {
        let passed = after.is_some_and(|after| {
            if filter.ascending {
                id <= after
            } else {
                id >= after
            }
        });
        values[1] = Value::Blob(id.bytes().to_vec());
        if !passed && fits.exists(params_from_iter(&values))? {
            found.push(id);
            if found.len() == limit {
                break;
            }
        }
    }
    Ok(found)
}

/// The range of names that begin like this.
pub(super) fn name_range(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{prefix}{}", char::MAX))
}

/// The range of ids that begin like this, if any can.
pub(super) fn id_range(prefix: &str) -> Option<(RunId, RunId)> {
    if prefix.len() > 36 {
        return None;
    }
    let (mut low, mut high) = (String::new(), String::new());
    for place in 0..36 {
        let given = prefix.as_bytes().get(place).copied();
        match (place, given) {
            (8 | 13 | 18 | 23, None | Some(b'-')) => {}
            (8 | 13 | 18 | 23, Some(_)) => return None,
            (_, None) => {
                low.push('0');
                high.push('f');
            }
            (_, Some(c)) if c.is_ascii_hexdigit() => {
                low.push(char::from(c));
                high.push(char::from(c));
            }
            _ => return None,
        }
    }
    Some((low.parse().ok()?, high.parse().ok()?))
}

#[cfg(test)]
#[path = "run_list_tests.rs"]
mod tests;
