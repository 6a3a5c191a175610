//! Assignments: what [`crate::admit`] asks, read inside the transaction from rows owned by live attempts.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use baton_core::id::{DeploymentId, OrgId, QueueId, RobotId};
use baton_core::limit::{Limits, Usage};
use baton_core::queue::Queue;
use baton_core::robot::Robot;
use baton_core::run::{Needs, Run};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::row::{Id, all, first};
use super::run_row::{self, Depth};
use super::writer::Tx;
use super::{Shared, fleet, history, queues};
use crate::admit::{Facts, OnRobot, admit};
use crate::error::Result;
use crate::refusal::Refusal;
use crate::runs::{Assign, Assigned};
use crate::step;

/// Rules, read once and dropped whenever something they come from is written.
#[derive(Default)]
pub(super) struct Rules {
    robots: HashMap<RobotId, Rc<Robot>>,
    queues: HashMap<(OrgId, QueueId), Option<Rc<Queue>>>,
    limits: Limits,
    /// Deployments whose limit was read.
    deployments: HashSet<DeploymentId>,
    /// Whether the limits of tags were read.
    tags: bool,
}

impl Rules {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets one robot.
    pub(super) fn forget_robot(&mut self, id: RobotId) {
        self.robots.remove(&id);
    }

    fn robot(&mut self, conn: &Connection, org: OrgId, id: RobotId) -> Result<Option<Rc<Robot>>> {
        if let Some(robot) = self.robots.get(&id) {
            return Ok((robot.org == org).then(|| Rc::clone(robot)));
        }
        let robot = fleet::find_robot(conn, org, id)?.map(Rc::new);
        if let Some(robot) = &robot {
            self.robots.insert(id, Rc::clone(robot));
        }
        Ok(robot)
    }

    fn queue(&mut self, conn: &Connection, org: OrgId, id: QueueId) -> Result<Option<Rc<Queue>>> {
        if let Some(queue) = self.queues.get(&(org, id)) {
            return Ok(queue.clone());
        }
        let queue = queues::find_queue(conn, org, id)?.map(Rc::new);
        self.queues.insert((org, id), queue.clone());
        Ok(queue)
    }

    /// The limits that concern runs with these needs, and others.
    fn limits(&mut self, conn: &Connection, org: OrgId, needs: &Needs) -> Result<&Limits> {
        if let Some(id) = needs.deployment_id
            && self.deployments.insert(id)
        {
            let limit = first(
                conn.prepare_cached(
                    "SELECT concurrency_limit FROM deployments WHERE org = ?1 AND id = ?2",
                )?,
                params![org.0, id.bytes()],
                |row| Ok(row.get(0)?),
            )?;
            self.limits.set_deployment(id, limit.flatten());
        }
        if !needs.tags.is_empty() && !self.tags {
            for limit in queues::all_tag_limits(conn, None)? {
                self.limits
                    .set_tag(limit.org, &limit.tag, Some(limit.limit));
            }
            self.tags = true;
        }
        Ok(&self.limits)
    }
}

/// What a robot's live attempts occupy.
pub(super) const ON_ROBOT: &str =
    "SELECT desktop FROM attempts INDEXED BY attempts_live WHERE live = 1 AND robot_id = ?1";
/// The groups of all live attempts.
pub(super) const ALL_LIVE: &str =
    "SELECT needs_id FROM attempts INDEXED BY attempts_live WHERE live = 1";

/// What live attempts occupy, read at most once per batch and kept up to date while it is worked off.
#[derive(Default)]
pub(super) struct Occupied {
    robots: HashMap<RobotId, OnRobot>,
    /// What limits count; `None` until some limit asks.
    usage: Option<Usage>,
}

impl Occupied {
    fn robot(&mut self, conn: &Connection, id: RobotId) -> Result<()> {
        let Entry::Vacant(vacant) = self.robots.entry(id) else {
            return Ok(());
        };
        let desktops: Vec<Option<String>> =
            all(conn.prepare_cached(ON_ROBOT)?, [id.bytes()], |row| {
                Ok(row.get(0)?)
            })?;
        vacant.insert(OnRobot {
            live: u32::try_from(desktops.len()).unwrap_or(u32::MAX),
            desktops: desktops.into_iter().flatten().collect(),
        });
        Ok(())
    }

    /// Counts all live attempts.
    fn count(&mut self, conn: &Connection, shared: &Shared) -> Result<()> {
        if self.usage.is_some() {
            return Ok(());
        }
        let mut usage = Usage::default();
        let live: Vec<i64> = all(conn.prepare_cached(ALL_LIVE)?, [], |row| Ok(row.get(0)?))?;
        for needs_id in live {
            let wanted = shared.interned.needs(conn, needs_id)?;
            add(&mut usage, wanted.org, &wanted.needs);
        }
        self.usage = Some(usage);
        Ok(())
    }

    fn take(&mut self, robot: RobotId, org: OrgId, needs: &Needs, desktop: Option<&str>) {
        let on_robot = self.robots.entry(robot).or_default();
        on_robot.live += 1;
        on_robot.desktops.extend(desktop.map(str::to_owned));
        if let Some(usage) = &mut self.usage {
            add(usage, org, needs);
        }
    }
}

fn add(usage: &mut Usage, org: OrgId, needs: &Needs) {
    let tags = needs.tags.iter().map(String::as_str);
    usage.add(org, needs.queue_id, needs.deployment_id, tags);
}

/// Gives one run to a robot, unless something stands against it.
pub(super) fn assign(
    tx: &mut Tx,
    occupied: &mut Occupied,
    asked: &Assign,
    actor: &str,
    now: Timestamp,
) -> Result<Assigned> {
    let conn = Rc::clone(&tx.conn);
    let found = run_row::find(
        &conn,
        &tx.shared.interned,
        asked.org,
        asked.run_id,
        Depth::Full,
    )?;
    let Some(before) = found else {
        return Ok(Assigned::Refused(Refusal::RunMoved));
    };
    let robot = match admitted(tx, occupied, asked, &before.run)? {
        Ok(robot) => robot,
        Err(refusal) => return Ok(Assigned::Refused(refusal)),
    };
    let known = run_row::concerned(&conn, &before.run, None)?;
    let current = known.iter().find(|a| a.number == before.run.attempt);
    let (run, attempt, event) = step::assign(
        &before.run,
        current,
        &robot,
        asked.desktop.clone(),
        actor,
        now,
    );
    let last_event = history::append(tx, asked.org, &event, before.last_event)?;
    run_row::write(tx, &before, &run, last_event)?;
    run_row::write_attempt(tx, &run, before.needs_id, &known, &attempt)?;
    let needs = &before.run.spec.needs;
    occupied.take(robot.id, asked.org, needs, asked.desktop.as_deref());
    tx.pending
        .note
        .moved(&before.run, &run, before.has_start_deadline);
    Ok(Assigned::Done {
        run: Box::new(run),
        attempt: Box::new(attempt),
    })
}

/// The robot, if nothing stands against it.
fn admitted(
    tx: &mut Tx,
    occupied: &mut Occupied,
    asked: &Assign,
    run: &Run,
) -> Result<std::result::Result<Rc<Robot>, Refusal>> {
    let conn = Rc::clone(&tx.conn);
    let (org, needs) = (run.org, &run.spec.needs);
    let robot = tx.rules.robot(&conn, org, asked.robot_id)?;
    let queue = tx.rules.queue(&conn, org, needs.queue_id)?;
    let shared = std::sync::Arc::clone(&tx.shared);
    let limits = tx.rules.limits(&conn, org, needs)?;
    occupied.robot(&conn, asked.robot_id)?;
    let own = queue.as_ref().and_then(|q| q.settings.concurrency_limit);
    if own.is_some() || limits.concern(org, needs) {
        occupied.count(&conn, &shared)?;
    }
    let uncounted = Usage::default();
    let facts = Facts {
        robot: robot.as_deref(),
        on_robot: &occupied.robots[&asked.robot_id],
        queue: queue.as_deref(),
        limits,
        counts: occupied.usage.as_ref().unwrap_or(&uncounted),
    };
    Ok(match (admit(run, asked, &facts), robot) {
        (Ok(()), Some(robot)) => Ok(robot),
        (Ok(()), None) => Err(Refusal::RobotGone),
        (Err(refusal), _) => Err(refusal),
    })
}
