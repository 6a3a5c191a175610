//! Schedules and their slots in SQLite.

use async_trait::async_trait;
use baton_core::flow::Deployment;
use baton_core::id::{DeploymentId, OrgId, RunId, ScheduleId};
use baton_core::run::Trigger;
use baton_core::schedule::{Edit, Schedule, ScheduleSettings};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use std::collections::BTreeSet;

use super::interned::Prepared;
use super::row::{Cols, Id, all, first, opt_us, to_json, us};
use super::writer::Tx;
use super::{SqliteStore, create, flow_rows};
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest, cursor, paged};
use crate::schedules::{MAX_OPEN_RUNS, Schedules, SlotCommit, place};

/// The columns that [`read`] takes.
pub(super) const SCHEDULE: &str = "org, id, deployment_id, name, settings, paused, next_at, last_slot, \
    created_at, updated_at";

/// Schedules that are due.
pub(super) const DUE: &str = "SELECT org, id, deployment_id, name, settings, paused, next_at, \
    last_slot, created_at, updated_at FROM schedules INDEXED BY schedules_due \
    WHERE held = 0 AND next_at IS NOT NULL AND next_at <= ?1 ORDER BY next_at, id LIMIT ?2";
/// The first slot after a time.
pub(super) const NEXT: &str = "SELECT next_at FROM schedules INDEXED BY schedules_due \
    WHERE held = 0 AND next_at IS NOT NULL AND next_at > ?1 ORDER BY next_at LIMIT 1";
/// Runs of a schedule that are not terminal.
pub(super) const OPEN: &str = "SELECT id FROM runs INDEXED BY runs_open_by_schedule \
    WHERE org = ?1 AND schedule_id = ?2 AND ended_at IS NULL ORDER BY id LIMIT ?3";
/// All schedules of an org by their next slot.
pub(super) const BY_NEXT: &str = "SELECT org, id, deployment_id, name, settings, paused, next_at, \
    last_slot, created_at, updated_at FROM schedules INDEXED BY schedules_by_next \
    WHERE org = ?1 ORDER BY (next_at IS NULL), next_at, id LIMIT ?2";

/// Those of an org that come after a place among those that have a next slot.
pub(super) const SOON: &str = "SELECT org, id, deployment_id, name, settings, paused, next_at, \
    last_slot, created_at, updated_at FROM schedules INDEXED BY schedules_by_next \
    WHERE org = ?1 AND (next_at IS NULL) = 0 AND next_at >= ?2 AND (next_at > ?2 OR id > ?3) \
    ORDER BY next_at, id LIMIT ?4";
/// Those of an org without a next slot that come after this one.
pub(super) const NEVER: &str = "SELECT org, id, deployment_id, name, settings, paused, next_at, \
    last_slot, created_at, updated_at FROM schedules INDEXED BY schedules_by_next \
    WHERE org = ?1 AND (next_at IS NULL) = 1 AND next_at IS NULL AND id > ?2 \
    ORDER BY id LIMIT ?3";

/// A schedule of a row that begins with [`SCHEDULE`].
pub(super) fn read(row: &Row<'_>) -> Result<Schedule> {
    let mut c = Cols::new(row);
    Ok(Schedule {
        org: OrgId(c.get()?),
        id: c.id()?,
        deployment_id: c.id()?,
        name: c.get()?,
        settings: c.json()?,
        paused: c.get()?,
        next_at: c.opt_ts()?,
        last_slot: c.opt_ts()?,
        created_at: c.ts()?,
        updated_at: c.ts()?,
    })
}

fn schedule(conn: &Connection, org: OrgId, id: ScheduleId) -> Result<Schedule> {
    let sql = format!("SELECT {SCHEDULE} FROM schedules WHERE org = ?1 AND id = ?2");
    first(conn.prepare_cached(&sql)?, params![org.0, id.bytes()], read)?
        .ok_or_else(|| StoreError::not_found(format!("schedule {id}")))
}

/// The schedules of a deployment, by name.
pub(super) fn of_deployment_by_name(
    conn: &Connection,
    org: OrgId,
    id: DeploymentId,
) -> Result<Vec<Schedule>> {
    let sql = format!(
        "SELECT {SCHEDULE} FROM schedules WHERE org = ?1 AND deployment_id = ?2 ORDER BY name"
    );
    all(conn.prepare_cached(&sql)?, params![org.0, id.bytes()], read)
}

/// Inserts or replaces a schedule of a deployment that is paused or not.
fn write(tx: &mut Tx, schedule: &Schedule, deployment_paused: bool) -> Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT INTO schedules (org, id, deployment_id, name, settings, paused, held, next_at,
                 last_slot, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (org, id) DO UPDATE SET name = excluded.name, settings = excluded.settings,
                 paused = excluded.paused, held = excluded.held, next_at = excluded.next_at,
                 last_slot = excluded.last_slot, updated_at = excluded.updated_at",
        )?
        .execute(params![
            schedule.org.0,
            schedule.id.bytes(),
            schedule.deployment_id.bytes(),
            schedule.name,
            to_json(&schedule.settings),
            schedule.paused,
            schedule.paused || deployment_paused,
            opt_us(schedule.next_at),
            opt_us(schedule.last_slot),
            us(schedule.created_at),
            us(schedule.updated_at),
        ])?;
    tx.pending.note.due_changed = true;
    Ok(())
}

/// Whether a schedule of this deployment may be named so.
fn check_name(tx: &Tx, schedule: &Schedule, name: &str) -> Result<()> {
    let taken = tx
        .conn
        .prepare_cached(
            "SELECT 1 FROM schedules WHERE org = ?1 AND deployment_id = ?2 AND name = ?3",
        )?
        .exists(params![
            schedule.org.0,
            schedule.deployment_id.bytes(),
            name
        ])?;
    if taken {
        let text = format!("there is a schedule {name} already");
        return Err(StoreError::conflict("schedule_exists", text));
    }
    Ok(())
}

/// The schedules of a deployment that was paused or resumed.
pub(super) fn turn_with_deployment(
    tx: &mut Tx,
    deployment: &Deployment,
    now: Timestamp,
) -> Result<()> {
    let paused = deployment.settings.paused;
    for schedule in of_deployment_by_name(&tx.conn, deployment.org, deployment.id)? {
        write(tx, &schedule.turned(paused, now), paused)?;
    }
    Ok(())
}

/// Creates the schedule that came with a deploy, or replaces the one of its name. Says whether it is new
/// or changed.
pub(super) fn put_with_deploy(
    tx: &mut Tx,
    deployment: &Deployment,
    new: &Schedule,
    now: Timestamp,
) -> Result<bool> {
    let known = of_deployment_by_name(&tx.conn, deployment.org, deployment.id)?
        .into_iter()
        .find(|s| s.name == new.name);
    let held = deployment.settings.paused;
    let edit = Edit {
        settings: &new.settings,
        paused: new.paused,
        deployment_was_paused: held,
        deployment_paused: held,
    };
    let schedule = match known {
        Some(known) => {
            let edited = known.edited(edit, now);
            if edited == known {
                return Ok(false);
            }
            edited
        }
        None => Schedule {
            org: deployment.org,
            deployment_id: deployment.id,
            next_at: new.next_at.filter(|_| !held),
            ..new.clone()
        },
    };
    write(tx, &schedule, held)?;
    Ok(true)
}

#[async_trait]
impl Schedules for SqliteStore {
    async fn create_schedule(&self, schedule: Schedule) -> Result<()> {
        self.write(move |tx| {
            let deployment = flow_rows::deployment(&tx.conn, schedule.org, schedule.deployment_id)?;
            check_name(tx, &schedule, &schedule.name)?;
            let sql = "SELECT 1 FROM schedules WHERE org = ?1 AND id = ?2";
            if (tx.conn.prepare_cached(sql)?)
                .exists(params![schedule.org.0, schedule.id.bytes()])?
            {
                let text = format!("there is a schedule {} already", schedule.id);
                return Err(StoreError::conflict("schedule_exists", text));
            }
            let held = deployment.settings.paused;
            let mut schedule = schedule.clone();
            schedule.next_at = schedule.next_at.filter(|_| !held);
            write(tx, &schedule, held)
        })
        .await
    }

    async fn update_schedule(
        &self,
        org: OrgId,
        id: ScheduleId,
        name: Option<String>,
        settings: ScheduleSettings,
        paused: bool,
        now: Timestamp,
    ) -> Result<Schedule> {
        self.write(move |tx| {
            let before = schedule(&tx.conn, org, id)?;
            let held = flow_rows::deployment(&tx.conn, org, before.deployment_id)?
                .settings
                .paused;
            let edit = Edit {
                settings: &settings,
                paused,
                deployment_was_paused: held,
                deployment_paused: held,
            };
            let mut after = before.edited(edit, now);
            if let Some(name) = name.as_ref().filter(|name| **name != before.name) {
                check_name(tx, &before, name)?;
                after.name.clone_from(name);
                after.updated_at = now;
            }
            write(tx, &after, held)?;
            Ok(after)
        })
        .await
    }

    async fn delete_schedule(&self, org: OrgId, id: ScheduleId) -> Result<()> {
        self.write(move |tx| {
            let gone = tx
                .conn
                .prepare_cached("DELETE FROM schedules WHERE org = ?1 AND id = ?2")?
                .execute(params![org.0, id.bytes()])?;
            if gone == 0 {
                return Err(StoreError::not_found(format!("schedule {id}")));
            }
            tx.pending.note.due_changed = true;
            Ok(())
        })
        .await
    }

    async fn schedule(&self, org: OrgId, id: ScheduleId) -> Result<Schedule> {
        self.point(|conn| schedule(conn, org, id))
    }

    async fn schedules(
        &self,
        org: OrgId,
        deployment_id: Option<DeploymentId>,
        limit: u32,
    ) -> Result<Vec<Schedule>> {
        self.scan(move |conn| match deployment_id {
            None => all(conn.prepare_cached(BY_NEXT)?, params![org.0, limit], read),
            Some(id) => {
                let mut found = of_deployment_by_name(conn, org, id)?;
                found.sort_by_key(|s| (s.next_at.is_none(), s.next_at, s.id));
                found.truncate(limit as usize);
                Ok(found)
            }
        })
        .await
    }

    async fn schedules_page(
        &self,
        deployment_id: Option<DeploymentId>,
        request: PageRequest,
    ) -> Result<Page<Schedule>> {
        self.scan(move |conn| {
            let after = cursor::<(bool, Option<Timestamp>, ScheduleId)>(&request)?;
            let rows = match deployment_id {
                Some(id) => {
                    let mut found = of_deployment_by_name(conn, request.org, id)?;
                    found.sort_by_key(place);
                    found.retain(|s| after.is_none_or(|after| place(s) > after));
                    found
                }
                None => after_place(conn, request.org, after, request.clamped() + 1)?,
            };
            Ok(paged(rows, &request, |s| to_json(&place(s))))
        })
        .await
    }

    async fn due_schedules(
        &self,
        now: Timestamp,
        passed_over: BTreeSet<ScheduleId>,
        limit: u32,
    ) -> Result<Vec<Schedule>> {
        self.scan(move |conn| {
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let rows = most.saturating_add(passed_over.len());
            let rows = i64::try_from(rows).unwrap_or(i64::MAX);
            let wanted = all(
                conn.prepare_cached(DUE)?,
                params![us(now), rows],
                |row| -> Result<_> {
                    let id = ScheduleId::from_bytes(row.get("id")?);
                    // What is passed over is not even read.
                    let wanted = (!passed_over.contains(&id)).then(|| read(row));
                    wanted.transpose()
                },
            );
            Ok(wanted?.into_iter().flatten().take(most).collect())
        })
        .await
    }

    async fn next_slot_after(&self, after: Timestamp) -> Result<Option<Timestamp>> {
        self.point(|conn| {
            let next = conn.prepare_cached(NEXT)?;
            first(next, [us(after)], |row| Cols::new(row).ts())
        })
    }

    async fn open_runs_of(&self, org: OrgId, id: ScheduleId) -> Result<Vec<RunId>> {
        self.point(|conn| {
            all(
                conn.prepare_cached(OPEN)?,
                params![org.0, id.bytes(), MAX_OPEN_RUNS],
                |row| Ok(RunId::from_bytes(row.get(0)?)),
            )
        })
    }

    async fn commit_slots(&self, commits: Vec<SlotCommit>, now: Timestamp) -> Vec<Result<u32>> {
        let mut commits: Vec<(SlotCommit, Vec<Prepared>)> = commits
            .into_iter()
            .map(|mut commit| {
                let runs = std::mem::take(&mut commit.runs);
                (commit, runs.into_iter().map(Prepared::new).collect())
            })
            .collect();
        self.write_each(commits.len(), move |tx| {
            let commit = |(commit, runs): &mut (SlotCommit, Vec<Prepared>)| {
                tx.part(|tx| commit_slot(tx, commit, runs, now))
            };
            Ok(commits.iter_mut().map(commit).collect())
        })
        .await
    }
}

/// So many schedules of an org after a place, by next slot; those without one last.
fn after_place(
    conn: &Connection,
    org: OrgId,
    after: Option<(bool, Option<Timestamp>, ScheduleId)>,
    limit: u32,
) -> Result<Vec<Schedule>> {
    // Before all ids.
    let first = ScheduleId(uuid::Uuid::nil());
    let (soon, never) = match after {
        None => (Some((i64::MIN, first)), first),
        Some((_, Some(at), id)) => (Some((us(at), id)), first),
        Some((_, None, id)) => (None, id),
    };
    let mut found = match soon {
        Some((at, id)) => all(
            conn.prepare_cached(SOON)?,
            params![org.0, at, id.bytes(), limit],
            read,
        )?,
        None => Vec::new(),
    };
    let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
    if left > 0 {
        let rest = params![org.0, never.bytes(), left];
        found.extend(all(conn.prepare_cached(NEVER)?, rest, read)?);
    }
    Ok(found)
}

/// Whether a schedule or its deployment is paused.
fn is_paused(tx: &Tx, id: ScheduleId) -> Result<bool> {
    let sql = "SELECT held FROM schedules WHERE id = ?1";
    let mut statement = tx.conn.prepare_cached(sql)?;
    Ok(statement.query_row([id.bytes()], |row| row.get(0))?)
}

/// Commits what was decided for one schedule: its runs, and up to where it is decided.
pub(super) fn commit_slot(
    tx: &mut Tx,
    commit: &SlotCommit,
    runs: &[Prepared],
    now: Timestamp,
) -> Result<u32> {
    let mut schedule = schedule(&tx.conn, commit.org, commit.schedule_id)?;
    // Where there is no next slot, it or its deployment may have been paused after it was read.
    if schedule.updated_at != commit.read_at
        || schedule.last_slot != commit.read_last_slot
        || (schedule.next_at.is_none() && is_paused(tx, commit.schedule_id)?)
    {
        let text = format!("schedule {} has changed meanwhile", schedule.name);
        return Err(StoreError::conflict("schedule_changed", text));
    }
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::with_capacity(runs.len());
    for new in runs {
        let passed = match new.trigger {
            Trigger::Schedule {
                schedule_id, slot, ..
            } => {
                Some(slot) <= schedule.last_slot
                    || !seen.insert((schedule_id, slot))
                    || is_taken(tx, commit.org, schedule_id, slot)?
            }
            _ => false,
        };
        if !passed {
            create::check(tx, new)?;
            wanted.push(new);
        }
    }
    let mut made = 0;
    for new in wanted {
        made += u32::from(!create::create(tx, new, "scheduler", now)?.existing);
    }
    schedule.last_slot = commit.last_slot.or(schedule.last_slot);
    schedule.next_at = commit.next_at;
    tx.conn
        .prepare_cached(
            "UPDATE schedules SET last_slot = ?3, next_at = ?4 WHERE org = ?1 AND id = ?2",
        )?
        .execute(params![
            commit.org.0,
            commit.schedule_id.bytes(),
            opt_us(schedule.last_slot),
            opt_us(schedule.next_at),
        ])?;
    tx.pending.note.due_changed = true;
    Ok(made)
}

fn is_taken(tx: &Tx, org: OrgId, id: ScheduleId, slot: Timestamp) -> Result<bool> {
    Ok(tx
        .conn
        .prepare_cached(
            "SELECT 1 FROM schedule_slots WHERE org = ?1 AND schedule_id = ?2 AND slot = ?3",
        )?
        .exists(params![org.0, id.bytes(), us(slot)])?)
}
