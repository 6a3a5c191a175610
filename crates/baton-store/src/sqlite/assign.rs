//! Assignments: every rule asked again inside the transaction, from rows owned by live attempts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use baton_core::id::{DeploymentId, OrgId, QueueId, RobotId};
use baton_core::queue::{Queue, TagLimit};
use baton_core::robot::Robot;
use baton_core::run::Needs;
use baton_core::state::{Executor, State};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::row::{Id, all, first};
use super::run_row::{self, Depth, RunRow};
use super::writer::Tx;
use super::{Shared, fleet, history, queues};
use crate::error::Result;
use crate::runs::{Assign, Assigned};
use crate::step;

/// Rules, read once and dropped whenever something they come from is written.
#[derive(Default)]
pub(super) struct Rules {
    robots: HashMap<RobotId, Rc<Robot>>,
    queues: HashMap<(OrgId, QueueId), Option<Rc<Queue>>>,
    deployments: HashMap<(OrgId, DeploymentId), Option<u32>>,
    tags: Option<Vec<TagLimit>>,
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

    fn deployment(
        &mut self,
        conn: &Connection,
        org: OrgId,
        id: DeploymentId,
    ) -> Result<Option<u32>> {
        if let Some(limit) = self.deployments.get(&(org, id)) {
            return Ok(*limit);
        }
        let limit = first(
            conn.prepare_cached(
                "SELECT concurrency_limit FROM deployments WHERE org = ?1 AND id = ?2",
            )?,
            params![org.0, id.bytes()],
            |row| Ok(row.get(0)?),
        )?
        .flatten();
        self.deployments.insert((org, id), limit);
        Ok(limit)
    }

    /// Limits on the tags of these needs.
    fn tags(&mut self, conn: &Connection, org: OrgId, needs: &Needs) -> Result<Vec<(String, u32)>> {
        if self.tags.is_none() {
            self.tags = Some(queues::all_tag_limits(conn, None)?);
        }
        let limits = self.tags.iter().flatten();
        Ok(limits
            .filter(|l| l.org == org && needs.tags.contains(&l.tag))
            .map(|l| (l.tag.clone(), l.limit))
            .collect())
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
    /// By robot: how many attempts, and the desktops they are on.
    robots: HashMap<RobotId, (u32, Vec<String>)>,
    /// By group: how many; `None` until some limit asks.
    groups: Option<HashMap<i64, u32>>,
}

impl Occupied {
    fn robot(&mut self, conn: &Connection, id: RobotId) -> Result<&mut (u32, Vec<String>)> {
        let vacant = match self.robots.entry(id) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(vacant) => vacant,
        };
        let desktops: Vec<Option<String>> =
            all(conn.prepare_cached(ON_ROBOT)?, [id.bytes()], |row| {
                Ok(row.get(0)?)
            })?;
        let live = u32::try_from(desktops.len()).unwrap_or(u32::MAX);
        Ok(vacant.insert((live, desktops.into_iter().flatten().collect())))
    }

    /// How many live attempts have needs like these.
    fn count(
        &mut self,
        conn: &Connection,
        shared: &Shared,
        org: OrgId,
        like: impl Fn(&Needs) -> bool,
    ) -> Result<u32> {
        if self.groups.is_none() {
            let mut groups = HashMap::new();
            let live: Vec<i64> = all(conn.prepare_cached(ALL_LIVE)?, [], |row| Ok(row.get(0)?))?;
            for needs_id in live {
                *groups.entry(needs_id).or_default() += 1;
            }
            self.groups = Some(groups);
        }
        let mut sum = 0;
        for (needs_id, live) in self.groups.iter().flatten() {
            let wanted = shared.interned.needs(conn, *needs_id)?;
            if wanted.org == org && like(&wanted.needs) {
                sum += live;
            }
        }
        Ok(sum)
    }

    fn take(&mut self, robot: RobotId, needs_id: i64, desktop: Option<&str>) {
        let (live, desktops) = self.robots.entry(robot).or_default();
        *live += 1;
        desktops.extend(desktop.map(str::to_owned));
        if let Some(groups) = &mut self.groups {
            *groups.entry(needs_id).or_default() += 1;
        }
    }
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
        return Ok(Assigned::Refused { code: "run_moved" });
    };
    let robot = match refusal(tx, occupied, asked, &before)? {
        Ok(robot) => robot,
        Err(code) => return Ok(Assigned::Refused { code }),
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
    occupied.take(robot.id, before.needs_id, asked.desktop.as_deref());
    super::step::note(tx, &before, &run);
    Ok(Assigned::Done {
        run: Box::new(run),
        attempt: Box::new(attempt),
    })
}

type Verdict = std::result::Result<Rc<Robot>, &'static str>;

/// Why not, in the order in which the trait names the codes; or the robot, if nothing stands against it.
fn refusal(
    tx: &mut Tx,
    occupied: &mut Occupied,
    asked: &Assign,
    before: &RunRow,
) -> Result<Verdict> {
    let conn = Rc::clone(&tx.conn);
    let run = &before.run;
    let (org, needs) = (run.org, &run.spec.needs);
    if run.state != State::Queued
        || run.attempt != asked.attempt
        || run.live
        || run.spec.executor != Executor::Robot
    {
        return Ok(Err("run_moved"));
    }
    let robot = tx.rules.robot(&conn, org, asked.robot_id)?;
    let Some(robot) = robot.filter(|r| r.connected && r.session == asked.session) else {
        return Ok(Err("robot_gone"));
    };
    if robot.draining {
        return Ok(Err("robot_draining"));
    }
    let (live, desktops) = occupied.robot(&conn, robot.id)?;
    if *live >= robot.offer.max_concurrent_jobs {
        return Ok(Err("no_slot"));
    }
    if asked.desktop.as_ref().is_some_and(|d| desktops.contains(d)) {
        return Ok(Err("desktop_taken"));
    }
    let queue = tx.rules.queue(&conn, org, needs.queue_id)?;
    if let Some(code) = full(tx, occupied, org, needs, queue.as_deref())? {
        return Ok(Err(code));
    }
    let fits = queue.is_some_and(|queue| {
        !step::mismatch(&robot, run, needs, &queue.name, asked.desktop.as_deref())
    });
    Ok(if fits {
        Ok(robot)
    } else {
        Err("robot_mismatch")
    })
}

/// The queue's pause, or the limit that is reached, if any.
fn full(
    tx: &mut Tx,
    occupied: &mut Occupied,
    org: OrgId,
    needs: &Needs,
    queue: Option<&Queue>,
) -> Result<Option<&'static str>> {
    let conn = Rc::clone(&tx.conn);
    if queue.is_some_and(|q| q.settings.paused) {
        return Ok(Some("queue_paused"));
    }
    let shared = std::sync::Arc::clone(&tx.shared);
    let mut reached = |limit: Option<u32>, like: &dyn Fn(&Needs) -> bool| -> Result<bool> {
        match limit {
            None => Ok(false),
            Some(limit) => Ok(occupied.count(&conn, &shared, org, like)? >= limit),
        }
    };
    let limit = queue.and_then(|q| q.settings.concurrency_limit);
    if reached(limit, &|n| n.queue_id == needs.queue_id)? {
        return Ok(Some("queue_limit"));
    }
    if let Some(id) = needs.deployment_id {
        let limit = tx.rules.deployment(&conn, org, id)?;
        if reached(limit, &|n| n.deployment_id == Some(id))? {
            return Ok(Some("deployment_limit"));
        }
    }
    if !needs.tags.is_empty() {
        for (tag, limit) in tx.rules.tags(&conn, org, needs)? {
            if reached(Some(limit), &|n| n.tags.contains(&tag))? {
                return Ok(Some("tag_limit"));
            }
        }
    }
    Ok(None)
}
