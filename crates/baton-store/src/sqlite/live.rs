//! Live attempts: what occupies slots, limits and desktops.

use baton_core::id::{Fence, OrgId, RobotId};
use jiff::SignedDuration;
use rusqlite::{Connection, Row};

use super::interned::Interned;
use super::row::{Cols, Id, all, state, ts};
use crate::error::Result;
use crate::runs::LiveAttempt;

/// Every live attempt with its run. Driven by the index of live attempts, so bounded by the fleet.
pub(super) const LIVE: &str = "SELECT a.org, a.run_id, a.number, a.fence, a.robot_id, a.desktop, \
    a.assigned_at, a.state, a.started_at, r.name, r.state, r.attempt, r.started_at, r.shape_id \
    FROM attempts AS a INDEXED BY attempts_live \
    CROSS JOIN runs AS r ON r.org = a.org AND r.id = a.run_id WHERE a.live = 1";

/// Every live attempt, or those on one robot, by run and number.
pub(super) fn live(
    conn: &Connection,
    interned: &Interned,
    robot: Option<RobotId>,
) -> Result<Vec<LiveAttempt>> {
    let read = |row: &Row<'_>| one(conn, interned, row);
    let mut live = match robot {
        None => all(conn.prepare_cached(LIVE)?, [], read)?,
        Some(robot) => {
            let sql = format!("{LIVE} AND a.robot_id = ?1");
            all(conn.prepare_cached(&sql)?, [robot.bytes()], read)?
        }
    };
    live.sort_by_key(|a| (a.run_id, a.attempt));
    Ok(live)
}

fn one(conn: &Connection, interned: &Interned, row: &Row<'_>) -> Result<LiveAttempt> {
    let mut c = Cols::new(row);
    let mut live = LiveAttempt {
        org: OrgId(c.get()?),
        run_id: c.id()?,
        attempt: c.get()?,
        fence: Fence(c.get()?),
        robot_id: c.opt_id()?,
        desktop: c.get()?,
        assigned_at: c.ts()?,
        state: c.state()?,
        started_at: c.opt_ts()?,
        run_name: c.get()?,
        flow_id: baton_core::id::FlowId(uuid::Uuid::nil()),
        deployment_id: None,
        queue_id: baton_core::id::QueueId(uuid::Uuid::nil()),
        tags: Vec::new(),
        deadline_at: None,
        lost_after_seconds: baton_core::lease::LOST_AFTER,
    };
    let run_state = state(c.get()?)?;
    let current: u32 = c.get()?;
    let run_started: Option<i64> = c.get()?;
    if !live.state.is_terminal() && live.attempt == current && run_state.is_on_robot() {
        // An open attempt stands and started as its run.
        live.state = run_state;
        live.started_at = match live.started_at {
            None => run_started.map(ts).transpose()?,
            started => started,
        };
    }
    let shape = interned.shape(conn, c.get()?)?;
    let (spec, needs) = (&shape.spec, &shape.spec.needs);
    live.flow_id = needs.flow_id;
    live.deployment_id = needs.deployment_id;
    live.queue_id = needs.queue_id;
    live.tags = needs.tags.iter().cloned().collect();
    live.lost_after_seconds = spec.lost_after_seconds;
    live.deadline_at = live
        .started_at
        .zip(spec.timeout_seconds)
        .map(|(at, seconds)| {
            at.saturating_add(SignedDuration::from_secs(seconds.into()))
                .unwrap_or(jiff::Timestamp::MAX)
        });
    Ok(live)
}
