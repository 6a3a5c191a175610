//! New runs: checked, written with their first history, counted.

use baton_core::id::OrgId;
use baton_core::run::Trigger;
use baton_core::state::State;
use jiff::Timestamp;
use rusqlite::params;

use super::buckets::BucketKey;
use super::history;
use super::interned::Prepared;
use super::queued;
use super::row::{Id, executor_code, first, opt, opt_us, phase, state, us};
use super::writer::Tx;
use crate::error::{Result, StoreError};
use crate::runs::Created;
use crate::step;

/// Creates a run, or finds the one that its key made before.
pub(super) fn create(tx: &mut Tx, new: &Prepared, actor: &str, now: Timestamp) -> Result<Created> {
    if let Some(key) = &new.run.idempotency_key
        && let Some(existing) = by_key(tx, new.run.org, key)?
    {
        return Ok(existing);
    }
    check(tx, new)?;
    let (shape_id, needs_id) = tx.numbers.shape(&tx.conn.clone(), new)?;
    tx.numbers.note_sound(needs_id);
    insert(tx, new, shape_id, needs_id, actor, now)
}

fn by_key(tx: &Tx, org: OrgId, key: &str) -> Result<Option<Created>> {
    first(
        tx.conn.prepare_cached(
            "SELECT runs.id, runs.name, runs.state FROM run_keys
             JOIN runs ON runs.org = run_keys.org AND runs.id = run_keys.run_id
             WHERE run_keys.org = ?1 AND run_keys.key = ?2",
        )?,
        params![org.0, key],
        |row| {
            Ok(Created {
                run_id: Id::from_bytes(row.get(0)?),
                name: row.get(1)?,
                state: state(row.get(2)?)?,
                existing: true,
            })
        },
    )
}

/// Whether the run may be made: what it names is there, and neither it nor its slot is.
pub(super) fn check(tx: &mut Tx, new: &Prepared) -> Result<()> {
    let run = &new.run;
    let needs = &run.spec.needs;
    let conn = tx.conn.clone();
    let there = |sql: &str, id: &[u8; 16]| -> Result<bool> {
        Ok(conn.prepare_cached(sql)?.exists(params![run.org.0, id])?)
    };
    let sound = tx
        .numbers
        .known_needs(run.org, &new.shape)
        .is_some_and(|id| tx.numbers.is_sound(id));
    if !sound {
        if !there(
            "SELECT 1 FROM flows WHERE org = ?1 AND id = ?2",
            needs.flow_id.bytes(),
        )? {
            return Err(StoreError::not_found(format!("flow {}", needs.flow_id)));
        }
        if !there(
            "SELECT 1 FROM queues WHERE org = ?1 AND id = ?2",
            needs.queue_id.bytes(),
        )? {
            return Err(StoreError::not_found(format!("queue {}", needs.queue_id)));
        }
        if let Some(id) = needs.deployment_id
            && !there(
                "SELECT 1 FROM deployments WHERE org = ?1 AND id = ?2",
                id.bytes(),
            )?
        {
            return Err(StoreError::not_found(format!("deployment {id}")));
        }
    }
    if there(
        "SELECT 1 FROM runs WHERE org = ?1 AND id = ?2",
        run.id.bytes(),
    )? {
        let text = format!("there is a run {} already", run.id);
        return Err(StoreError::conflict("run_exists", text));
    }
    if let Trigger::Schedule {
        schedule_id, slot, ..
    } = new.trigger
        && conn
            .prepare_cached(
                "SELECT 1 FROM schedule_slots WHERE org = ?1 AND schedule_id = ?2 AND slot = ?3",
            )?
            .exists(params![run.org.0, schedule_id.bytes(), us(slot)])?
    {
        let text = format!("the slot {slot} has made its run already");
        return Err(StoreError::conflict("slot_taken", text));
    }
    Ok(())
}

fn insert(
    tx: &mut Tx,
    new: &Prepared,
    shape_id: i64,
    needs_id: i64,
    actor: &str,
    now: Timestamp,
) -> Result<Created> {
    let (org, id) = (new.run.org, new.run.id);
    let needs = &new.run.spec.needs;
    let executor = new.run.spec.executor;
    let waits = new.trigger.waits_for_earlier_runs();
    let begun = step::begin(id, new.run.due_at, executor, waits, (actor, now));
    let to = begun.state;
    let schedule = match new.trigger {
        Trigger::Schedule {
            schedule_id, slot, ..
        } => Some((schedule_id, slot)),
        _ => None,
    };
    let mut last_event = 0;
    for event in &begun.history {
        last_event = history::append(tx, org, event, last_event)?;
    }
    tx.conn
        .prepare_cached(
            "INSERT INTO runs (org, id, state, phase, attempt, fence, live, retries_used, needs_id,
                 shape_id, last_event, created_at, due_at, queued_at, changed_at, start_deadline,
                 executor, priority, flow_id, queue_id, deployment_id, schedule_id, name, trigger,
                 parameters, waits)
             VALUES (?1, ?2, ?3, ?4, 1, 0, 0, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?8, ?11, ?12, ?13, ?14,
                 ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        )?
        .execute(params![
            org.0,
            id.bytes(),
            to.code(),
            phase(to),
            needs_id,
            shape_id,
            last_event,
            us(now),
            us(new.run.due_at),
            opt_us((to == State::Queued).then_some(now)),
            new.start_deadline,
            executor_code(executor),
            needs.priority.code(),
            needs.flow_id.bytes(),
            needs.queue_id.bytes(),
            opt(&needs.deployment_id),
            opt(&schedule.map(|s| s.0)),
            new.run.name,
            new.trigger_json,
            new.parameters,
            waits,
        ])?;
    for tag in &needs.tags {
        tx.conn
            .prepare_cached("INSERT INTO run_tags (org, tag, run_id) VALUES (?1, ?2, ?3)")?
            .execute(params![org.0, tag, id.bytes()])?;
    }
    if let Some(key) = &new.run.idempotency_key {
        tx.conn
            .prepare_cached("INSERT INTO run_keys (org, key, run_id) VALUES (?1, ?2, ?3)")?
            .execute(params![org.0, key, id.bytes()])?;
    }
    if let Some((schedule_id, slot)) = schedule {
        tx.conn
            .prepare_cached(
                "INSERT INTO schedule_slots (org, schedule_id, slot, run_id) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![org.0, schedule_id.bytes(), us(slot), id.bytes()])?;
        queued::settle(tx, org, schedule_id.bytes())?;
    }
    count(tx, new, needs_id, to, now);
    Ok(Created {
        run_id: id,
        name: new.run.name.clone(),
        state: to,
        existing: false,
    })
}

fn count(tx: &mut Tx, new: &Prepared, needs_id: i64, to: State, now: Timestamp) {
    let needs = &new.run.spec.needs;
    tx.pending.moved(new.run.org, None, Some(to));
    tx.pending
        .bucket(BucketKey {
            org: new.run.org,
            minute: BucketKey::minute(now),
            flow_id: needs.flow_id,
            deployment_id: needs.deployment_id,
            robot_id: None,
        })
        .more
        .created += 1;
    if to == State::Queued {
        tx.pending.queued(needs_id, 1);
    }
    tx.pending.note.created(to, new.start_deadline.is_some());
}
