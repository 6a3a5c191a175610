//! What the dispatcher keeps in memory: the fleet, queues, limits, and what live attempts occupy.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use baton_core::dispatch::{Ask, Assignment, Fleet, Group, Hold, Queues, RobotView, check};
use baton_core::id::{DeploymentId, Fence, OrgId, RobotId, RunId};
use baton_core::limit::{Limits, Occupant, Usage};
use baton_core::robot::Robot;
use baton_core::run::Run;
use baton_store::runs::LiveAttempt;
use baton_store::{Result, StoreError};
use jiff::Timestamp;

use super::super::fleet_view::Change;
use super::no_robot;
use crate::app::App;

/// Reading everything anew may take this share of the time at most: of a large fleet it takes long.
const RELOAD_SHARE: u32 = 20;
/// Runs put off in one step because all have rejected them.
const MAX_STUCK: usize = 64;

/// The dispatcher's view of the world.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) queues: Queues,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
    pub(crate) live: HashMap<RunId, (Fence, Occupant)>,
    /// Deployments whose limit is known.
    known: HashSet<DeploymentId>,
    /// When all was read; `None` when it must be read before the next decision.
    loaded: Option<Instant>,
    cost: Duration,
    stale: bool,
}

impl World {
    /// Everything as the store says it now.
    pub(crate) async fn load(app: &App, org: Option<OrgId>) -> Result<Self> {
        let mut world = Self::default();
        world.read(app, org).await?;
        Ok(world)
    }

    /// Takes in what happened, or reads all anew when that is due.
    pub(super) async fn refresh(&mut self, app: &App) -> Result<()> {
        let (changes, lost) = app.fleet.take();
        self.stale |= lost | app.wakeups.take_fleet_stale();
        let due = match self.loaded {
            None => true,
            Some(at) => {
                let age = at.elapsed();
                let affordable = age >= self.cost * RELOAD_SHARE;
                affordable && (self.stale || age >= app.config.tick)
            }
        };
        if due {
            let began = Instant::now();
            self.read(app, None).await?;
            self.cost = began.elapsed();
            self.loaded = Some(Instant::now());
            self.stale = false;
        }
        for change in changes {
            self.apply(app, change);
        }
        if due {
            self.hear(app);
        }
        Ok(())
    }

    async fn read(&mut self, app: &App, org: Option<OrgId>) -> Result<()> {
        let robots = app.store.robots(org).await?;
        let live = app.store.live_attempts().await?;
        let queues = app.store.queues(org).await?;
        self.queues = queues.into_iter().map(|q| (q.id, q)).collect();
        self.limits = Limits::default();
        self.known.clear();
        for limit in app.store.tag_limits(org).await? {
            self.limits
                .set_tag(limit.org, &limit.tag, Some(limit.limit));
        }
        self.live = live
            .into_iter()
            .filter(|a| org.is_none_or(|org| a.org == org))
            .map(|a| (a.run_id, (a.fence, occupant(a))))
            .collect();
        self.usage = Usage::of(self.live.values().map(|(_, one)| one));
        let mut load: HashMap<RobotId, (u32, BTreeSet<String>)> = HashMap::new();
        for (_, one) in self.live.values() {
            if let Some(robot) = one.robot_id {
                let (count, desktops) = load.entry(robot).or_default();
                *count += 1;
                desktops.extend(one.desktop.clone());
            }
        }
        let views = robots.iter().map(|robot| {
            let mut view = view(app, robot);
            if let Some((count, desktops)) = load.remove(&robot.id) {
                view.live = count;
                view.desktops_taken = desktops;
            }
            view
        });
        self.fleet.sync(views.collect::<Vec<_>>());
        Ok(())
    }

    fn apply(&mut self, app: &App, change: Change) {
        match change {
            Change::Robot(robot) => {
                // Two sessions of a robot may report in the wrong order: the newer one stands.
                let known = self.fleet.robot(robot.id);
                if known.is_some_and(|v| v.session > robot.session) {
                    return;
                }
                let mut view = view(app, &robot);
                for (_, one) in self
                    .live
                    .values()
                    .filter(|(_, o)| o.robot_id == Some(robot.id))
                {
                    view.live += 1;
                    view.desktops_taken.extend(one.desktop.clone());
                }
                self.fleet.add_robot(view);
            }
            Change::Gone(robot, session) => {
                if self
                    .fleet
                    .robot(robot)
                    .is_some_and(|v| v.session <= session)
                {
                    self.fleet.set_connected(robot, session, false);
                }
            }
            Change::Forgotten(robot) => {
                self.fleet.remove_robot(robot);
            }
            Change::Draining(robot, draining) => {
                self.fleet.set_draining(robot, draining);
            }
            Change::Heard(robot, at) => {
                self.fleet.heard(robot, at);
            }
            Change::Rest(robot, until) => {
                self.fleet.rest(robot, until);
            }
            Change::Trouble(robot, until, why) => {
                self.fleet.in_trouble(robot, until, why);
            }
            Change::Released(run, fence) => self.released(run, fence),
        }
    }

    /// Robots that are connected here have been heard lately: the silent ones are cut off elsewhere.
    fn hear(&mut self, app: &App) {
        for connection in app.robots.all() {
            let heard = connection.heard();
            let (at, draining) = (heard.at, heard.draining);
            drop(heard);
            self.fleet.heard(connection.robot_id, app.day_of(at));
            if draining {
                self.fleet.set_draining(connection.robot_id, true);
            }
        }
    }

    fn released(&mut self, run: RunId, fence: Fence) {
        if self.live.get(&run).is_some_and(|(held, _)| *held == fence)
            && let Some((_, one)) = self.live.remove(&run)
        {
            if let Some(robot) = one.robot_id {
                self.fleet.give_back(robot, one.desktop.as_deref());
            }
            let tags = one.tags.iter().map(String::as_str);
            self.usage
                .remove(one.org, one.queue_id, one.deployment_id, tags);
        }
    }

    /// An assignment was committed.
    pub(super) fn taken(&mut self, planned: &Assignment, run: &Run, fence: Fence) {
        let needs = &run.spec.needs;
        let one = Occupant {
            org: run.org,
            run_id: run.id,
            run_name: run.name.clone(),
            robot_id: Some(planned.robot_id),
            desktop: planned.desktop.clone(),
            deployment_id: needs.deployment_id,
            queue_id: needs.queue_id,
            tags: needs.tags.iter().cloned().collect(),
        };
        self.live.insert(run.id, (fence, one));
    }

    /// An assignment was refused: what the plan took for it is free.
    pub(super) fn refused(&mut self, planned: &Assignment, groups: &[Group]) {
        self.fleet
            .give_back(planned.robot_id, planned.desktop.as_deref());
        if let Some(group) = groups.iter().find(|g| g.id == planned.group_id) {
            let tags = group.needs.tags.iter().map(String::as_str);
            let needs = &group.needs;
            self.usage
                .remove(group.org, needs.queue_id, needs.deployment_id, tags);
        }
    }

    /// Everything must be read before the next decision.
    pub(super) fn forget(&mut self) {
        self.loaded = None;
    }

    /// Everything should be read anew soon.
    pub(super) fn doubt(&mut self) {
        self.stale = true;
    }

    /// Slots that could be filled now, over the whole fleet.
    pub(super) fn free_slots(&self) -> usize {
        let free = |v: &RobotView| v.offer.max_concurrent_jobs.saturating_sub(v.live) as usize;
        self.fleet
            .robots()
            .filter(|v| v.connected && !v.draining)
            .map(free)
            .sum()
    }

    /// Reads the limits of deployments that are not known yet.
    pub(crate) async fn learn_limits(&mut self, app: &App, groups: &[Group]) -> Result<()> {
        for group in groups {
            let Some(id) = group.needs.deployment_id else {
                continue;
            };
            if self.known.contains(&id) {
                continue;
            }
            let limit = match app.store.deployment(group.org, id).await {
                Ok(deployment) => deployment.settings.concurrency_limit,
                Err(StoreError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
            self.limits.set_deployment(id, limit);
            self.known.insert(id);
        }
        Ok(())
    }

    /// Runs at the front of held groups that only rejections keep from robots that fit otherwise.
    pub(super) fn rejected_by_all(
        &self,
        held: &[(i64, Hold)],
        groups: &[Group],
        now: Timestamp,
    ) -> Vec<(OrgId, RunId)> {
        let mut stuck = Vec::new();
        let held = held.iter().filter(|(_, hold)| no_robot(hold));
        for group in held.filter_map(|(id, _)| groups.iter().find(|g| g.id == *id)) {
            if group.needs.rejected_by.is_empty() || stuck.len() >= MAX_STUCK {
                continue;
            }
            if self.would_fit_if_asked(group, now) {
                stuck.extend(group.heads.iter().map(|head| (group.org, head.run_id)));
            }
        }
        stuck.truncate(MAX_STUCK);
        stuck
    }

    fn would_fit_if_asked(&self, group: &Group, now: Timestamp) -> bool {
        let Some(queue) = self.queues.get(&group.needs.queue_id) else {
            return false;
        };
        let mut needs = (*group.needs).clone();
        needs.rejected_by.clear();
        let nobody = BTreeSet::new();
        let ask = Ask {
            org: group.org,
            queue: &queue.name,
            needs: &needs,
            rejected_by: &nobody,
        };
        self.fleet
            .robots()
            .any(|robot| check(&robot.candidate(), &ask, now).is_ok())
    }
}

/// A robot as the dispatcher may use it: connected means connected here, with the session of its row.
fn view(app: &App, robot: &Robot) -> RobotView {
    let mut view = RobotView::of(robot);
    let connection = app.robots.get(robot.id);
    match connection.filter(|c| c.session == robot.session) {
        Some(connection) => {
            let heard = connection.heard();
            view.connected = true;
            view.last_seen = view.last_seen.max(Some(app.day_of(heard.at)));
            view.draining |= heard.draining;
            if let (Some(until), Some(trouble)) = (heard.rests_until, &heard.metrics.trouble) {
                view.resting_until = Some(until);
                view.trouble = Some(trouble.reason.clone());
            }
        }
        None => view.connected = false,
    }
    view
}

fn occupant(attempt: LiveAttempt) -> Occupant {
    Occupant {
        org: attempt.org,
        run_id: attempt.run_id,
        run_name: attempt.run_name,
        robot_id: attempt.robot_id,
        desktop: attempt.desktop,
        deployment_id: attempt.deployment_id,
        queue_id: attempt.queue_id,
        tags: attempt.tags,
    }
}
