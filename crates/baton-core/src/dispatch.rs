//! The dispatch decision: which waiting runs go to which robots now.
//!
//! [`decide`] looks at the fronts of groups of runs with equal needs, never at the backlog behind them.
//! It takes what it plans from the [`Fleet`] and the [`Usage`] that it is given, so limits and slots
//! hold within one plan as well; an assignment that a store refuses is given back with
//! [`Fleet::give_back`] and [`Usage::remove`]. [`crate::explain`] asks the same questions for one run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::id::{OrgId, QueueId, RobotId, RunId};
use crate::limit::{Barrier, Limits, Usage, admits};
use crate::queue::Queue;
use crate::run::{Needs, Priority};

mod fit;
mod fleet;
mod lane;
mod memory;
#[cfg(test)]
mod properties;
mod rank;
#[cfg(test)]
pub(crate) mod scene;
mod traits;
mod view;

pub use fit::{Ask, Candidate, Misfit, check, misfits};
pub use fleet::{Fleet, Take};
pub use memory::{MAX_FLOWS, MAX_ROBOTS_OF_FLOW};
pub use rank::{AGEING_STEP, ageing_bound, is_aged, rank};
pub use view::RobotView;

/// Assignments of one plan. More wait for the next decision, so that one commit stays short and what
/// it rests on fresh.
pub const MAX_ASSIGNMENTS: usize = 256;

/// The queues of all orgs.
pub type Queues = HashMap<QueueId, Queue>;

/// Waiting runs with equal needs, and the front of their line.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The store's number for these needs.
    pub id: i64,
    /// Whose.
    pub org: OrgId,
    /// What they need.
    pub needs: Arc<Needs>,
    /// The front of the group, by due time, then by id.
    pub heads: Vec<Waiting>,
}

/// A run at the front of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The run.
    pub run_id: RunId,
    /// Its attempt.
    pub attempt: u32,
    /// When it was due.
    pub due_at: Timestamp,
    /// Robots that rejected this attempt, whether or not the group's needs name them.
    pub rejected_by: BTreeSet<RobotId>,
}

/// A run goes to a robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Whose run.
    pub org: OrgId,
    /// Which run.
    pub run_id: RunId,
    /// The attempt that was decided on.
    pub attempt: u32,
    /// The robot.
    pub robot_id: RobotId,
    /// The session that was decided on.
    pub session: i64,
    /// The desktop session it will occupy.
    pub desktop: Option<String>,
    /// The group out of which it came.
    pub group_id: i64,
}

/// Why nothing (more) of a group was assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Its queue is not among those given.
    NoQueue,
    /// A pause or a limit.
    Barrier(Barrier),
    /// No robot fits now.
    NoRobot,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they were decided.
    pub assignments: Vec<Assignment>,
    /// Runs that only their own rejecters block: they move to a group that names these.
    pub regroup: Vec<(OrgId, RunId)>,
    /// Groups of which something still waits, and why.
    pub held: Vec<(i64, Hold)>,
    /// There may be more to assign: the plan is full, or the front of a group was used up.
    pub again: bool,
}

/// Decides which runs at the fronts of `groups` go to which robots.
///
/// Orgs take turns, one assignment each, so that a flood in one takes no place in the plan from
/// another. Within an org see [`rank`](self::rank()) and [`ageing_bound`]. A front that is blocked
/// blocks its own group at most. `seed` decides for the strategy `random` alone: the same arguments
/// give the same plan.
pub fn decide(
    fleet: &mut Fleet,
    groups: &[Group],
    queues: &Queues,
    limits: &Limits,
    usage: &mut Usage,
    seed: u64,
    now: Timestamp,
) -> Plan {
    let mut lines: BTreeMap<OrgId, Lines> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        if let Some(front) = Front::of(groups, index, 0) {
            let lines = lines.entry(group.org).or_default();
            lines.0[group.needs.priority as usize].insert(front);
        }
    }
    let mut decision = Decision {
        fleet,
        groups,
        queues,
        limits,
        usage,
        seed,
        now,
        plan: Plan::default(),
    };
    while !lines.is_empty() {
        lines.retain(|_, lines| decision.assign_one(lines));
    }
    decision.plan
}

/// The first run of a group that is still to be decided on; ordered as a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Front {
    due_at: Timestamp,
    run_id: RunId,
    group: usize,
    head: usize,
}

impl Front {
    fn of(groups: &[Group], group: usize, head: usize) -> Option<Self> {
        let waiting = groups[group].heads.get(head)?;
        Some(Self {
            due_at: waiting.due_at,
            run_id: waiting.run_id,
            group,
            head,
        })
    }
}

/// The fronts of one org, by priority.
#[derive(Debug, Default)]
struct Lines([BTreeSet<Front>; Priority::ALL.len()]);

impl Lines {
    /// The front that strict priority puts first.
    fn first(&self) -> Option<(Priority, Front)> {
        let best_first = Priority::ALL.into_iter().rev();
        best_first
            .filter_map(|p| Some((p, *self.0[p as usize].first()?)))
            .next()
    }

    /// The fronts of this priority that have waited out their bound, longest wait first.
    fn aged(&self, priority: Priority, now: Timestamp) -> impl Iterator<Item = Front> + '_ {
        let fronts = self.0[priority as usize].iter().copied();
        fronts.take_while(move |front| is_aged(priority, front.due_at, now))
    }
}

/// A decision in the making.
struct Decision<'a> {
    fleet: &'a mut Fleet,
    groups: &'a [Group],
    queues: &'a Queues,
    limits: &'a Limits,
    usage: &'a mut Usage,
    seed: u64,
    now: Timestamp,
    plan: Plan,
}

impl Decision<'_> {
    /// Assigns one run of an org. Says whether more may follow.
    fn assign_one(&mut self, lines: &mut Lines) -> bool {
        while let Some((priority, front)) = lines.first() {
            if self.plan.assignments.len() >= MAX_ASSIGNMENTS {
                self.plan.again = true;
                return false;
            }
            match self.robot_for(&front) {
                Ok(Some(robot)) => {
                    let (priority, front) = self.whose_turn(lines, priority, front, robot);
                    self.assign(&front, robot);
                    self.advance(lines, priority, front);
                    return true;
                }
                Ok(None) => {
                    let group = &self.groups[front.group];
                    self.plan.regroup.push((group.org, front.run_id));
                    self.advance(lines, priority, front);
                }
                Err(hold) => {
                    lines.0[priority as usize].remove(&front);
                    self.plan.held.push((self.groups[front.group].id, hold));
                }
            }
        }
        false
    }

    /// The robot for a front; none when nothing but its own rejecters blocks it.
    fn robot_for(&self, front: &Front) -> Result<Option<RobotId>, Hold> {
        let group = &self.groups[front.group];
        let queue = self
            .queues
            .get(&group.needs.queue_id)
            .ok_or(Hold::NoQueue)?;
        self.admits(group, queue).map_err(Hold::Barrier)?;
        let ask = ask(group, &group.heads[front.head], queue);
        let find = |ask: &Ask<'_>| {
            let seed = fleet::mix(self.seed, self.plan.assignments.len() as u64);
            let strategy = queue.settings.strategy;
            let robot = self
                .fleet
                .get_available_robot(strategy, ask, seed, self.now);
            robot.map(|robot| robot.id)
        };
        if let Some(robot) = find(&ask) {
            return Ok(Some(robot));
        }
        let nobody = BTreeSet::new();
        let without_own = Ask {
            rejected_by: &nobody,
            ..ask
        };
        let own_alone =
            !ask.rejected_by.is_subset(&group.needs.rejected_by) && find(&without_own).is_some();
        if own_alone {
            Ok(None)
        } else {
            Err(Hold::NoRobot)
        }
    }

    fn admits(&self, group: &Group, queue: &Queue) -> Result<(), Barrier> {
        let counts = &*self.usage;
        admits(
            group.org,
            &group.needs,
            &queue.settings,
            self.limits,
            counts,
        )
        .map_err(|blocked| blocked.barrier)
    }

    /// Who gets the robot: the front that strict priority puts first, or one of a lower class that has
    /// waited out its bound, whichever class the robot has served least recently.
    fn whose_turn(
        &mut self,
        lines: &mut Lines,
        priority: Priority,
        front: Front,
        robot: RobotId,
    ) -> (Priority, Front) {
        let lower = Priority::ALL.into_iter().take(priority as usize);
        let mut rivals: Vec<Priority> = lower
            .filter(|p| lines.aged(*p, self.now).next().is_some())
            .collect();
        if rivals.is_empty() {
            return (priority, front);
        }
        let served = self.fleet.served(robot);
        rivals.retain(|p| served[*p as usize] <= served[priority as usize]);
        rivals.sort_by_key(|p| served[*p as usize]);
        for rival in rivals {
            if let Some(front) = self.rival(lines, rival, robot) {
                return (rival, front);
            }
        }
        (priority, front)
    }

    /// The front of this class that has waited out its bound and could go to this robot, longest wait
    /// first. Fronts that only their own rejecters block are moved out of the way of those behind them.
    fn rival(&mut self, lines: &mut Lines, priority: Priority, robot: RobotId) -> Option<Front> {
        loop {
            let (front, goes) = lines.aged(priority, self.now).find_map(|front| {
                let goes = self.could_go(&front, robot);
                (goes || self.is_hiding(&front, robot)).then_some((front, goes))
            })?;
            if goes {
                return Some(front);
            }
            self.plan
                .regroup
                .push((self.groups[front.group].org, front.run_id));
            self.advance(lines, priority, front);
        }
    }

    /// Whether nothing but its own rejecters blocks this front, this robot among them.
    fn is_hiding(&self, front: &Front, robot: RobotId) -> bool {
        let waiting = &self.groups[front.group].heads[front.head];
        waiting.rejected_by.contains(&robot) && self.robot_for(front) == Ok(None)
    }

    /// Whether this front could go to this very robot now.
    fn could_go(&self, front: &Front, robot: RobotId) -> bool {
        let group = &self.groups[front.group];
        let (Some(queue), Some(robot)) = (
            self.queues.get(&group.needs.queue_id),
            self.fleet.robot(robot),
        ) else {
            return false;
        };
        let ask = ask(group, &group.heads[front.head], queue);
        check(&robot.candidate(), &ask, self.now).is_ok() && self.admits(group, queue).is_ok()
    }

    fn assign(&mut self, front: &Front, robot_id: RobotId) {
        let group = &self.groups[front.group];
        let waiting = &group.heads[front.head];
        let robot = self.fleet.robot(robot_id);
        let robot = robot.expect("the fleet has just offered this robot");
        let desktop = group
            .needs
            .desktop
            .then(|| robot.candidate().free_desktop());
        let assignment = Assignment {
            org: group.org,
            run_id: waiting.run_id,
            attempt: waiting.attempt,
            robot_id,
            session: robot.session,
            desktop: desktop.flatten().map(str::to_owned),
            group_id: group.id,
        };
        let needs = &group.needs;
        let queue = self.queues.get(&needs.queue_id);
        let take = Take {
            queue: queue.map_or("", |queue| &queue.name),
            flow_id: needs.flow_id,
            priority: needs.priority,
            desktop: assignment.desktop.as_deref(),
        };
        self.fleet.take(robot_id, &take);
        let tags = needs.tags.iter().map(String::as_str);
        self.usage
            .add(group.org, needs.queue_id, needs.deployment_id, tags);
        self.plan.assignments.push(assignment);
    }

    /// The next run of the group comes to its front.
    fn advance(&mut self, lines: &mut Lines, priority: Priority, front: Front) {
        let line = &mut lines.0[priority as usize];
        line.remove(&front);
        match Front::of(self.groups, front.group, front.head + 1) {
            Some(next) => {
                line.insert(next);
            }
            None => self.plan.again = true,
        }
    }
}

fn ask<'a>(group: &'a Group, waiting: &'a Waiting, queue: &'a Queue) -> Ask<'a> {
    Ask {
        org: group.org,
        queue: &queue.name,
        needs: &group.needs,
        rejected_by: &waiting.rejected_by,
    }
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
