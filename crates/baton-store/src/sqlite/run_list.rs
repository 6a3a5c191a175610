//! Lists of runs: one index drives, by id; the other filters look at what it gives.
//!
//! Where a filter has several values (states, priorities), each value is an arm of its own and the
//! arms are merged, because an index is in the order of ids only within one value.

use baton_core::id::{OrgId, RunId};
use baton_core::state::State;
use jiff::SignedDuration;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::interned::Interned;
use super::row::{ACTIVE, Id, all, first, phase, state, us};
use super::run_candidates::{among, candidates, id_range, name_range};
use super::run_row;
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest};
use crate::run_text::SCANNED;
use crate::runs::RunFilter;

/// States with at most this many runs drive a list before the filters that divide more coarsely.
pub(super) const FEW: u32 = 5_000;
/// How far the time in an id may be from the time at which its run was created.
const ID_SLACK: SignedDuration = SignedDuration::from_hours(24);

/// What drives a list: an index and the values it is read at, one arm each.
pub(super) struct Drive {
    /// After `FROM`.
    pub(super) from: &'static str,
    /// The condition that the index serves; `?` is the arm's value, if it has one.
    pub(super) on: &'static str,
    /// One value for each arm; a single `None` where the condition has no value.
    pub(super) arms: Vec<Option<Value>>,
}

/// Runs, a page at a time.
pub(super) fn list(
    conn: &Connection,
    interned: &Interned,
    filter: &RunFilter,
    page: &PageRequest,
) -> Result<Page<baton_core::run::Run>> {
    let after: Option<RunId> = match &page.after {
        None => None,
        Some(text) => Some(serde_json::from_str(text).map_err(|_| StoreError::bad_cursor())?),
    };
    let limit = page.clamped() as usize;
    // A text is looked for in whole runs: more of them are read than are shown.
    let most = if filter.text.is_empty() {
        limit
    } else {
        SCANNED.max(limit)
    };
    let ids = match candidates(conn, filter, page.org)? {
        Some(few) => among(conn, filter, page.org, few, after, most + 1)?,
        None => drive(conn, filter, page.org, after, most + 1)?,
    };
    let mut more = ids.len() > most;
    let mut last = None;
    let mut items = Vec::with_capacity(limit.min(ids.len()));
    // A search may be satisfied long before its end: it reads a page at a time.
    'pages: for part in ids[..ids.len().min(most)].chunks(limit) {
        for run in run_row::many(conn, interned, page.org, part)? {
            if items.len() == limit {
                more = true;
                break 'pages;
            }
            last = Some(run.id);
            items.extend(Some(run).filter(|run| filter.text.is_said_by(run)));
        }
    }
    let next = last
        .filter(|_| more)
        .map(|id| serde_json::to_string(&id).expect("an id is a string"));
    Ok(Page { items, next })
}

/// Reads the driving index, arm by arm, and merges.
fn drive(
    conn: &Connection,
    filter: &RunFilter,
    org: OrgId,
    after: Option<RunId>,
    limit: usize,
) -> Result<Vec<RunId>> {
    let drive = choose(filter, &state_counts(conn, org)?);
    let bounds = id_bounds(conn, filter, org)?;
    let mut ids = Vec::new();
    for arm in &drive.arms {
        let (sql, values) = arm_sql(&drive, arm.as_ref(), filter, org, after, bounds, limit);
        let statement = conn.prepare_cached(&sql)?;
        ids.extend(all(statement, params_from_iter(values), |row| {
            Ok(RunId::from_bytes(row.get(0)?))
        })?);
    }
    if drive.arms.len() > 1 {
        sort(&mut ids, filter.ascending);
        ids.dedup();
        ids.truncate(limit);
    }
    Ok(ids)
}

pub(super) fn sort(ids: &mut [RunId], ascending: bool) {
    ids.sort_unstable();
    if !ascending {
        ids.reverse();
    }
}

/// The statement of one arm, with its values in order.
pub(super) fn arm_sql(
    drive: &Drive,
    arm: Option<&Value>,
    filter: &RunFilter,
    org: OrgId,
    after: Option<RunId>,
    bounds: (Option<RunId>, Option<RunId>),
    limit: usize,
) -> (String, Vec<Value>) {
    let tags = drive.from.starts_with("run_tags");
    let id = if tags { "run_tags.run_id" } else { "runs.id" };
    let of = if tags { "run_tags.org" } else { "runs.org" };
    let mut sql = format!("SELECT {id} FROM {} WHERE {of} = ?", drive.from);
    let mut values = vec![Value::Integer(org.0)];
    if !drive.on.is_empty() {
        sql.push_str(" AND ");
        sql.push_str(drive.on);
        values.extend(arm.cloned());
    }
    let (down, up) = if filter.ascending {
        (after, None)
    } else {
        (None, after)
    };
    for (bound, sign) in [(down, ">"), (up, "<"), (bounds.0, ">="), (bounds.1, "<=")] {
        if let Some(bound) = bound {
            sql.push_str(&format!(" AND {id} {sign} ?"));
            values.push(Value::Blob(bound.bytes().to_vec()));
        }
    }
    rest(filter, &mut sql, &mut values);
    let order = if filter.ascending { "ASC" } else { "DESC" };
    sql.push_str(&format!(" ORDER BY {id} {order} LIMIT {limit}"));
    (sql, values)
}

/// Every filter as a condition on the row. The plus keeps SQLite from choosing another index for it.
pub(super) fn rest(filter: &RunFilter, sql: &mut String, values: &mut Vec<Value>) {
    let mut and = |condition: &str, value: Option<Value>| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend(value);
    };
    let blob = |bytes: &[u8; 16]| Some(Value::Blob(bytes.to_vec()));
    if !filter.states.is_empty() {
        and(
            &one_of("+runs.state", filter.states.iter().map(|s| s.code())),
            None,
        );
    }
    if !filter.priorities.is_empty() {
        and(
            &one_of("+runs.priority", filter.priorities.iter().copied()),
            None,
        );
    }
    if let Some(id) = &filter.flow_id {
        and("+runs.flow_id = ?", blob(id.bytes()));
    }
    if let Some(id) = &filter.deployment_id {
        and("+runs.deployment_id = ?", blob(id.bytes()));
    }
    if let Some(id) = &filter.schedule_id {
        and("+runs.schedule_id = ?", blob(id.bytes()));
    }
    if let Some(id) = &filter.queue_id {
        and("+runs.queue_id = ?", blob(id.bytes()));
    }
    if let Some(id) = &filter.robot_id {
        and("+runs.robot_id = ?", blob(id.bytes()));
    }
    if let Some(tag) = &filter.tag {
        and(
            "EXISTS (SELECT 1 FROM run_tags AS t WHERE t.org = runs.org AND t.tag = ? AND t.run_id = runs.id)",
            Some(Value::Text(tag.clone())),
        );
    }
    if let Some(at) = filter.late_at {
        and(
            "+runs.state <= 2 AND +runs.due_at < ?",
            Some(Value::Integer(us(at))),
        );
    }
    match filter.unattended {
        Some(true) => and("+runs.deployment_id IS NOT NULL", None),
        Some(false) => and("runs.deployment_id IS NULL", None),
        None => {}
    }
    if let Some(prefix) = &filter.prefix {
        let (low, high) = name_range(prefix);
        sql.push_str(" AND (+runs.name COLLATE NOCASE BETWEEN ? AND ?");
        values.extend([Value::Text(low), Value::Text(high)]);
        match id_range(prefix) {
            Some((low, high)) => {
                sql.push_str(" OR +runs.id BETWEEN ? AND ?)");
                values.push(Value::Blob(low.bytes().to_vec()));
                values.push(Value::Blob(high.bytes().to_vec()));
            }
            None => sql.push(')'),
        }
    }
    times(filter, sql, values);
}

/// The filters by time.
fn times(filter: &RunFilter, sql: &mut String, values: &mut Vec<Value>) {
    for (at, condition) in [
        (filter.created_after, "+runs.created_at >= ?"),
        (filter.created_before, "+runs.created_at < ?"),
        (filter.ended_after, "+runs.ended_at >= ?"),
        (filter.ended_before, "+runs.ended_at < ?"),
    ] {
        if let Some(at) = at {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(Value::Integer(us(at)));
        }
    }
}

fn one_of(column: &str, codes: impl Iterator<Item = i64>) -> String {
    let codes: Vec<String> = codes.map(|c| c.to_string()).collect();
    format!("{column} IN ({})", codes.join(", "))
}

/// The index that leaves least to look at.
pub(super) fn choose(filter: &RunFilter, counts: &[(State, u64)]) -> Drive {
    let blob = |bytes: &[u8; 16]| vec![Some(Value::Blob(bytes.to_vec()))];
    let one = |from, on, arms| Drive { from, on, arms };
    if let Some(id) = &filter.schedule_id {
        return one(
            "runs INDEXED BY runs_by_schedule",
            "runs.schedule_id = ?",
            blob(id.bytes()),
        );
    }
    let waiting = [State::Pending, State::Queued, State::Dispatched];
    let states: &[State] = match (filter.states.as_slice(), filter.late_at) {
        ([], Some(_)) => &waiting,
        (states, _) => states,
    };
    let in_states: u64 = counts
        .iter()
        .filter(|(state, _)| states.contains(state))
        .map(|(_, n)| n)
        .sum();
    let by_phase = || {
        let mut phases: Vec<i64> = states.iter().map(|s| phase(*s)).collect();
        phases.sort_unstable();
        phases.dedup();
        debug_assert!(phases.iter().all(|p| *p >= 0 && (*p <= ACTIVE || *p >= 6)));
        one(
            "runs INDEXED BY runs_by_phase",
            "runs.phase = ?",
            phases
                .into_iter()
                .map(|p| Some(Value::Integer(p)))
                .collect(),
        )
    };
    if !states.is_empty() && in_states <= u64::from(FEW) {
        return by_phase();
    }
    if let Some(tag) = &filter.tag {
        return one(
            "run_tags CROSS JOIN runs ON runs.org = run_tags.org AND runs.id = run_tags.run_id",
            "run_tags.tag = ?",
            vec![Some(Value::Text(tag.clone()))],
        );
    }
    if let Some(id) = &filter.robot_id {
        return one(
            "runs INDEXED BY runs_by_robot",
            "runs.robot_id = ?",
            blob(id.bytes()),
        );
    }
    if let Some(id) = &filter.deployment_id {
        return one(
            "runs INDEXED BY runs_by_deployment",
            "runs.deployment_id = ?",
            blob(id.bytes()),
        );
    }
    if !filter.priorities.is_empty() && !filter.priorities.contains(&1) {
        let arms = filter.priorities.iter().map(|p| Some(Value::Integer(*p)));
        return one(
            "runs INDEXED BY runs_by_priority",
            "runs.priority <> 1 AND runs.priority = ?",
            arms.collect(),
        );
    }
    if let Some(id) = &filter.flow_id {
        return one(
            "runs INDEXED BY runs_by_flow",
            "runs.flow_id = ?",
            blob(id.bytes()),
        );
    }
    if let Some(id) = &filter.queue_id {
        return one(
            "runs INDEXED BY runs_by_queue",
            "runs.queue_id = ?",
            blob(id.bytes()),
        );
    }
    if !states.is_empty() {
        return by_phase();
    }
    if filter.unattended == Some(false) {
        return one(
            "runs INDEXED BY runs_manual",
            "runs.deployment_id IS NULL",
            vec![None],
        );
    }
    one("runs", "", vec![None])
}

/// Ids between which all runs created in the wanted time lie, if this org's ids tell the time.
fn id_bounds(
    conn: &Connection,
    filter: &RunFilter,
    org: OrgId,
) -> Result<(Option<RunId>, Option<RunId>)> {
    // What ended before was made before.
    let before = match (filter.created_before, filter.ended_before) {
        (Some(created), Some(ended)) => Some(created.min(ended)),
        (created, ended) => created.or(ended),
    };
    if filter.created_after.is_none() && before.is_none() {
        return Ok((None, None));
    }
    let end = |which: &str| -> Result<Option<RunId>> {
        let sql = format!("SELECT {which}(id) FROM runs WHERE org = ?1");
        Ok(first(conn.prepare_cached(&sql)?, [org.0], |row| {
            Ok(row.get::<_, Option<[u8; 16]>>(0)?.map(RunId::from_bytes))
        })?
        .flatten())
    };
    let tells_time = |id: Option<RunId>| id.is_some_and(|id| id.0.get_version_num() == 7);
    if !tells_time(end("min")?) || !tells_time(end("max")?) {
        return Ok((None, None));
    }
    let low = filter
        .created_after
        .and_then(|at| at.checked_sub(ID_SLACK).ok())
        .map(|at| RunId::new(at, [0; 10]));
    let high = before
        .and_then(|at| at.checked_add(ID_SLACK).ok())
        .map(|at| RunId::new(at, [0xff; 10]));
    Ok((low, high))
}

/// How many runs are in each state; all states, in their order.
pub(super) fn state_counts(conn: &Connection, org: OrgId) -> Result<Vec<(State, u64)>> {
    let stored = all(
        conn.prepare_cached("SELECT state, runs FROM state_counts WHERE org = ?1")?,
        [org.0],
        |row| Ok((state(row.get(0)?)?, row.get::<_, i64>(1)?.unsigned_abs())),
    )?;
    let count = |state| stored.iter().find(|(s, _)| *s == state).map_or(0, |c| c.1);
    Ok(State::ALL.map(|state| (state, count(state))).to_vec())
}
