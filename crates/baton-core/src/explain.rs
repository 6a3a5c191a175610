//! Why a run does not start: the dispatcher's own decision, asked for one run.
//!
//! [`explain`] asks the questions of [`crate::limit::barriers`] and [`crate::dispatch::misfits`] that
//! [`crate::dispatch::decide`] asks, and keeps every "no". A run is dispatchable exactly when no reason
//! is left. The change it suggests is the smallest set of steps after which the run could start.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dispatch::{Ask, Fleet, Group, Misfit, Queues};
use crate::id::{RobotId, RunId};
use crate::limit::{Barrier, Blocked, Limits, Occupant, Usage, barriers};
use crate::run::Run;
use crate::state::{Executor, State};

mod change;
mod line;
mod robots;
mod waiting;

pub use change::{Change, Named, RobotStart, Step};

/// The run that is asked about, and what only its storage knows of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The run.
    pub run: &'a Run,
    /// What it waits for besides its time, while it is pending.
    pub waits_for: &'a [Wait],
    /// How many runs wait before it, where that was counted.
    pub ahead: Option<u32>,
}

/// What a pending run can wait for besides its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wait {
    /// Another run must end first: the one before it in a schedule that queues overlaps, or a dependency.
    Run {
        /// Which run.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
        run_id: RunId,
        /// Its name.
        name: String,
    },
    /// A person must approve it.
    Approval,
}

/// All that the dispatcher would look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The robots, with their load.
    pub fleet: &'a Fleet,
    /// The fronts of all groups of waiting runs.
    pub groups: &'a [Group],
    /// The queues.
    pub queues: &'a Queues,
    /// The limits of deployments and tags.
    pub limits: &'a Limits,
    /// How many attempts are live.
    pub usage: &'a Usage,
    /// Which attempts are live: they are named as holders.
    pub live: &'a [Occupant],
    /// Who decides at present.
    pub leader: &'a Leader,
    /// Now.
    pub now: Timestamp,
}

/// Who decides at present.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leader {
    /// The server that leads; `None` while nobody does.
    pub server: Option<String>,
    /// When it last decided.
    pub decided_at: Option<Timestamp>,
}

/// A leader that has not decided for this long counts as absent: six safety ticks of 5 s.
pub const LEADER_SILENT_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);
/// Holders and robots named in one reason; the rest are counted.
pub const MAX_NAMED: usize = 20;

/// Why a run does or does not start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// Where the run stands.
    pub state: State,
    /// Whether the next decision gives it to a robot.
    pub dispatchable: bool,
    /// Everything that keeps it from starting, the first thing to look at first.
    pub reasons: Vec<Reason>,
    /// The smallest change that would start it; none when nothing needs to change or nothing helps.
    pub change: Option<Change>,
    /// How many runs wait before it, while it is queued.
    pub ahead: Option<u32>,
}

/// One thing that keeps a run from starting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reason {
    /// What it is.
    pub code: ReasonCode,
    /// A sentence for a person.
    pub message: String,
    /// When it passes by itself, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// The runs that hold what it needs, at most [`MAX_NAMED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
    /// The robots that come closest, each with the first question that it fails, at most [`MAX_NAMED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub robots: Vec<RobotReason>,
    /// How many robots fail at which question, over the whole org.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<MisfitCount>,
}

/// A run that holds something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Holder {
    /// Which run.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub run_id: RunId,
    /// Its name.
    pub name: String,
    /// The robot it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Uuid))]
    pub robot_id: Option<RobotId>,
}

/// Why one robot does not take the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RobotReason {
    /// Which robot.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub robot_id: RobotId,
    /// Its name.
    pub name: String,
    /// The first question that it fails.
    pub misfit: Misfit,
    /// A sentence for a person.
    pub message: String,
}

/// How many robots fail first at one question.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MisfitCount {
    /// The question.
    pub misfit: Misfit,
    /// How many robots.
    pub robots: u32,
}

/// What keeps a run from starting; the list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// It has ended.
    Ended,
    /// It has been assigned; the robot has not accepted or not been told to start yet.
    Dispatched,
    /// It has started already.
    Running,
    /// It is paused.
    Paused,
    /// It is being cancelled.
    Cancelling,
    /// A worker pulls it.
    ExecutorWorker,
    /// A person's own process executes it.
    ExecutorClient,
    /// Its time has not come.
    NotDue,
    /// Its previous attempt still occupies a robot.
    PreviousAttemptLive,
    /// Another run must end first.
    WaitsForRun,
    /// A person must approve it.
    WaitsForApproval,
    /// Its time has come; it is about to be queued.
    AboutToQueue,
    /// Its queue does not exist any more.
    NoQueue,
    /// Its queue is paused.
    QueuePaused,
    /// Its deployment's limit is reached.
    DeploymentLimit,
    /// The limit of one of its tags is reached.
    TagLimit,
    /// Its queue's limit is reached.
    QueueLimit,
    /// No robot serves its queue.
    NoRobotServesQueue,
    /// The robot to which it is pinned does not exist.
    NoSuchRobot,
    /// No robot has what it needs, or none that has it can be used.
    NoRobotFits,
    /// Every slot of every robot that fits is taken.
    SlotsTaken,
    /// Every desktop session of every robot that fits is taken.
    DesktopsTaken,
    /// The robots that fit did not answer an assignment a moment ago.
    RobotsResting,
    /// Runs that go before it take what there is.
    Outranked,
    /// No server decides at present.
    NoLeader,
}

/// Why the run does or does not start.
pub fn explain(subject: &Subject<'_>, situation: &Situation<'_>) -> Explanation {
    let run = subject.run;
    let mut found = Found::default();
    match (run.state, run.spec.executor) {
        (State::Pending, _) => waiting::pending(subject, situation, &mut found),
        (State::Queued, Executor::Robot) => queued(run, situation, &mut found),
        (State::Queued, _) => {}
        (state, _) => found.reasons.push(waiting::already(run, state, situation)),
    }
    let is_waiting = matches!(run.state, State::Pending | State::Queued);
    if is_waiting && run.spec.executor != Executor::Robot {
        found.reasons.push(waiting::own_executor(run));
        found.unhelpable = true;
    } else if is_waiting {
        waiting::leader(situation, &mut found);
    }
    let ahead = (run.state == State::Queued)
        .then(|| subject.ahead.unwrap_or_else(|| line::ahead(run, situation)));
    Explanation {
        state: run.state,
        dispatchable: found.reasons.is_empty(),
        change: found.change(),
        reasons: found.reasons,
        ahead,
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found {
    reasons: Vec<Reason>,
    steps: Vec<Step>,
    /// What a robot has to be started with.
    start: Option<RobotStart>,
    /// Something was found that no step can change.
    unhelpable: bool,
}

impl Found {
    fn add(&mut self, reason: Reason, step: Option<Step>) {
        self.reasons.push(reason);
        match step {
            Some(step) => self.steps.push(step),
            None => self.unhelpable = true,
        }
    }

    fn change(&self) -> Option<Change> {
        (!self.unhelpable && !self.steps.is_empty())
            .then(|| Change::of(self.steps.clone(), self.start.clone()))
    }
}

impl Reason {
    fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            until: None,
            holders: Vec::new(),
            robots: Vec::new(),
            counts: Vec::new(),
        }
    }

    fn held_by<'a>(mut self, holders: impl IntoIterator<Item = &'a Occupant>) -> Self {
        self.holders = holders
            .into_iter()
            .take(MAX_NAMED)
            .map(|one| Holder {
                run_id: one.run_id,
                name: one.run_name.clone(),
                robot_id: one.robot_id,
            })
            .collect();
        self
    }
}

fn queued(run: &Run, situation: &Situation<'_>, found: &mut Found) {
    let needs = &run.spec.needs;
    let Some(queue) = situation.queues.get(&needs.queue_id) else {
        let reason = Reason::new(
            ReasonCode::NoQueue,
            "its work queue does not exist any more",
        );
        return found.add(reason, None);
    };
    for blocked in barriers(
        run.org,
        needs,
        &queue.settings,
        situation.limits,
        situation.usage,
    ) {
        let (reason, step) = barrier(run, &queue.name, &blocked, situation);
        found.add(reason, Some(step));
    }
    let ask = Ask {
        org: run.org,
        queue: &queue.name,
        needs,
        rejected_by: &run.rejected_by,
    };
    robots::explain(run, &ask, situation, found);
    if found.reasons.is_empty() {
        line::explain(run, situation, found);
    }
}

/// A pause or a limit, who holds it, and the step that lifts it.
fn barrier(run: &Run, queue: &str, blocked: &Blocked, situation: &Situation<'_>) -> (Reason, Step) {
    let Blocked { allowed, live, .. } = *blocked;
    let (code, limited, name) = match &blocked.barrier {
        Barrier::QueuePaused => {
            let message = format!("the work queue {queue:?} is paused");
            let step = Step::ResumeQueue {
                queue: queue.to_owned(),
            };
            return (Reason::new(ReasonCode::QueuePaused, message), step);
        }
        Barrier::DeploymentLimit => {
            let name = run.spec.deployment_name.as_deref().unwrap_or("its own");
            (
                ReasonCode::DeploymentLimit,
                format!("the deployment {name:?}"),
                format!("{}/{name}", run.spec.flow_name),
            )
        }
        Barrier::TagLimit { tag } => (
            ReasonCode::TagLimit,
            format!("the tag {tag:?}"),
            tag.clone(),
        ),
        Barrier::QueueLimit => (
            ReasonCode::QueueLimit,
            format!("the work queue {queue:?}"),
            queue.to_owned(),
        ),
    };
    let holders = blocked.holders(run.org, &run.spec.needs, situation.live);
    let mut message = match allowed {
        0 => format!("the limit of {limited} is 0: nothing of it may run"),
        _ => format!("the limit of {limited} is reached: {live} live, {allowed} allowed"),
    };
    message.push_str(&waiting::if_away(
        holders.iter().filter_map(|h| h.robot_id),
        situation,
    ));
    let step = Step::RaiseLimit {
        barrier: blocked.barrier.clone(),
        of: limited,
        name,
        to: live.saturating_add(1),
    };
    (Reason::new(code, message).held_by(holders), step)
}

#[cfg(test)]
mod table_tests;
#[cfg(test)]
#[path = "explain_tests.rs"]
pub(crate) mod tests;
