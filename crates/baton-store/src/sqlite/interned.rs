//! Needs and shapes of runs, stored once and known by number: a million equal runs share one row.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use baton_core::id::OrgId;
use baton_core::run::{Needs, NewRun, RunSpec, Trigger};
use baton_core::state::Executor;
use rusqlite::{Connection, params};
use serde_json::Map;

use super::row::{Id, executor_code, first, json, to_json};
use crate::error::{Result, StoreError};

/// Everything fixed about a run that other runs share: its spec without parameters, trigger and deadline.
pub(super) struct Shape {
    /// The spec with those parts empty.
    pub(super) spec: RunSpec,
    /// The number of its needs.
    pub(super) needs_id: i64,
}

/// Needs, and whose they are.
pub(super) struct Wanted {
    pub(super) org: OrgId,
    /// Whether robots run what needs this; workers and clients help themselves.
    pub(super) for_robots: bool,
    pub(super) needs: Needs,
}

/// Entries kept in memory; beyond it the cache starts afresh. A thousand deployments with a few
/// variants each fit.
const MAX_CACHED: usize = 8_192;

/// What committed numbers stand for; shared by the writer and all readers.
#[derive(Default)]
pub(super) struct Interned {
    needs: RwLock<HashMap<i64, Arc<Wanted>>>,
    shapes: RwLock<HashMap<i64, Arc<Shape>>>,
}

impl Interned {
    /// The needs with this number.
    pub(super) fn needs(&self, conn: &Connection, id: i64) -> Result<Arc<Wanted>> {
        cached(&self.needs, id, || {
            let found = first(
                conn.prepare_cached("SELECT json, org, executor FROM needs WHERE id = ?1")?,
                [id],
                |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?)),
            )?;
            let (text, org, executor) = found.ok_or_else(|| missing(id))?;
            Ok(Wanted {
                org: OrgId(org),
                for_robots: executor == executor_code(Executor::Robot),
                needs: json(&text)?,
            })
        })
    }

    /// The shape with this number.
    pub(super) fn shape(&self, conn: &Connection, id: i64) -> Result<Arc<Shape>> {
        cached(&self.shapes, id, || {
            let (text, needs_id) =
                load(conn, "SELECT json, needs_id FROM shapes WHERE id = ?1", id)?;
            Ok(Shape {
                spec: json(&text)?,
                needs_id,
            })
        })
    }

    /// Forgets numbers that a rollback took back.
    pub(super) fn forget(&self) {
        write(&self.needs).clear();
        write(&self.shapes).clear();
    }
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn cached<T>(
    map: &RwLock<HashMap<i64, Arc<T>>>,
    id: i64,
    load: impl FnOnce() -> Result<T>,
) -> Result<Arc<T>> {
    if let Some(found) = map
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&id)
        .cloned()
    {
        return Ok(found);
    }
    let value = Arc::new(load()?);
    let mut map = write(map);
    if map.len() >= MAX_CACHED {
        map.clear();
    }
    map.insert(id, Arc::clone(&value));
    Ok(value)
}

fn load(conn: &Connection, sql: &str, id: i64) -> Result<(String, i64)> {
    first(conn.prepare_cached(sql)?, [id], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?
    .ok_or_else(|| missing(id))
}

fn missing(id: i64) -> StoreError {
    StoreError::Corrupt(format!(
        "a run points to shape or needs {id}, which is gone"
    ))
}

/// A run to be created, with what it shares taken out of it and made text, away from the writer.
pub(super) struct Prepared {
    /// The run; its spec without parameters, trigger and start deadline.
    pub(super) run: NewRun,
    /// Its shape.
    pub(super) shape: String,
    /// Its trigger.
    pub(super) trigger_json: String,
    /// Its trigger, for what the store itself reads from it.
    pub(super) trigger: Trigger,
    /// Its parameters; `None` for none.
    pub(super) parameters: Option<String>,
    /// Its start deadline in microseconds.
    pub(super) start_deadline: Option<i64>,
}

impl Prepared {
    pub(super) fn new(mut run: NewRun) -> Self {
        let spec = &mut run.spec;
        spec.needs.rejected_by.clear();
        let parameters = std::mem::take(&mut spec.parameters);
        let trigger = std::mem::replace(&mut spec.trigger, no_trigger());
        let start_deadline = spec.start_deadline.take().map(super::row::us);
        Self {
            shape: to_json(spec),
            trigger_json: to_json(&trigger),
            trigger,
            parameters: (!parameters.is_empty()).then(|| to_json(&parameters)),
            start_deadline,
            run,
        }
    }
}

fn no_trigger() -> Trigger {
    Trigger::Manual { by: String::new() }
}

/// Completes a shape to the spec of one run.
pub(super) fn complete(
    shape: &Shape,
    parameters: Option<&str>,
    trigger: &str,
    start_deadline: Option<i64>,
) -> Result<RunSpec> {
    let mut spec = shape.spec.clone();
    spec.parameters = parameters.map_or_else(|| Ok(Map::new()), json)?;
    spec.trigger = json(trigger)?;
    spec.start_deadline = start_deadline.map(super::row::ts).transpose()?;
    Ok(spec)
}

/// The writer's way from text to number. What it holds may not be committed yet, so a rollback
/// clears it.
#[derive(Default)]
pub(super) struct Numbers {
    needs: HashMap<(OrgId, i64, String), i64>,
    shapes: HashMap<OrgId, HashMap<String, (i64, i64)>>,
    /// Needs whose flow, queue and deployment are known to be there.
    sound: HashSet<i64>,
}

impl Numbers {
    pub(super) fn clear(&mut self) {
        self.needs.clear();
        self.shapes.clear();
        self.sound.clear();
    }

    /// The number of the needs of a shape that was used before.
    pub(super) fn known_needs(&self, org: OrgId, shape: &str) -> Option<i64> {
        self.shapes.get(&org)?.get(shape).map(|ids| ids.1)
    }

    /// Whether flow, queue and deployment of these needs were found before.
    pub(super) fn is_sound(&self, needs_id: i64) -> bool {
        self.sound.contains(&needs_id)
    }

    /// Flow, queue and deployment of these needs are there.
    pub(super) fn note_sound(&mut self, needs_id: i64) {
        self.sound.insert(needs_id);
    }

    /// Something that needs name may have been deleted.
    pub(super) fn doubt(&mut self) {
        self.sound.clear();
    }

    /// The number of these needs, given to them now if they are new.
    pub(super) fn needs(
        &mut self,
        conn: &Connection,
        org: OrgId,
        executor: Executor,
        needs: &Needs,
    ) -> Result<i64> {
        let key = (org, executor_code(executor), to_json(needs));
        if let Some(id) = self.needs.get(&key) {
            return Ok(*id);
        }
        let found = first(
            conn.prepare_cached(
                "SELECT id FROM needs WHERE org = ?1 AND executor = ?2 AND json = ?3",
            )?,
            params![org.0, key.1, key.2],
            |row| Ok(row.get(0)?),
        )?;
        let id = match found {
            Some(id) => id,
            None => {
                conn.prepare_cached(
                    "INSERT INTO needs (org, executor, queue_id, json) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![org.0, key.1, needs.queue_id.bytes(), key.2])?;
                conn.last_insert_rowid()
            }
        };
        if self.needs.len() >= MAX_CACHED {
            self.needs.clear();
        }
        self.needs.insert(key, id);
        Ok(id)
    }

    /// The numbers of this shape and of its needs, given to them now if they are new.
    pub(super) fn shape(&mut self, conn: &Connection, new: &Prepared) -> Result<(i64, i64)> {
        let org = new.run.org;
        if let Some(known) = self.shapes.get(&org).and_then(|s| s.get(&new.shape)) {
            return Ok(*known);
        }
        let stored = first(
            conn.prepare_cached("SELECT id, needs_id FROM shapes WHERE org = ?1 AND json = ?2")?,
            params![org.0, new.shape],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let ids = match stored {
            Some(ids) => ids,
            None => {
                let spec = &new.run.spec;
                let needs_id = self.needs(conn, org, spec.executor, &spec.needs)?;
                conn.prepare_cached(
                    "INSERT INTO shapes (org, json, needs_id) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![org.0, new.shape, needs_id])?;
                (conn.last_insert_rowid(), needs_id)
            }
        };
        if self.shapes.values().map(HashMap::len).sum::<usize>() >= MAX_CACHED {
            self.shapes.clear();
        }
        (self.shapes.entry(org).or_default()).insert(new.shape.clone(), ids);
        Ok(ids)
    }
}
