//! Whether a robot can take a run: one list of questions, asked in one order by everybody.
//!
//! The dispatcher asks them to choose, the store asks them again inside its transaction, and the
//! explanation asks them to say why not. The order goes from what never changes (whose robot is it?)
//! to what changes with every assignment (is a slot free?), so that the first "no" is the one worth
//! telling a person.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{OrgId, RobotId};
use crate::robot::{Robot, RobotOffer, UNREACHABLE_AFTER};
use crate::run::Needs;

/// What is known of a robot that might take a run.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: RobotId,
    /// Its tenant.
    pub org: OrgId,
    /// What it offers.
    pub offer: &'a RobotOffer,
    /// Whether its session is connected.
    pub connected: bool,
    /// When it was last heard.
    pub last_seen: Option<Timestamp>,
    /// Whether it takes no new runs.
    pub draining: bool,
    /// How many attempts are live on it.
    pub live: u32,
    /// Its desktop sessions that live attempts occupy.
    pub desktops_taken: &'a BTreeSet<String>,
    /// Until when it is left alone, because it did not answer an assignment or is in trouble.
    pub resting_until: Option<Timestamp>,
    /// Why, where it has said so itself.
    pub trouble: Option<&'a str>,
}

impl<'a> Candidate<'a> {
    /// The robot as stored, with what its live attempts occupy.
    pub fn of(robot: &'a Robot, live: u32, desktops_taken: &'a BTreeSet<String>) -> Self {
        Self {
            id: robot.id,
            org: robot.org,
            offer: &robot.offer,
            connected: robot.connected,
            last_seen: robot.last_seen,
            draining: robot.draining,
            live,
            desktops_taken,
            resting_until: None,
            trouble: None,
        }
    }

    /// The first of its desktop sessions that nobody occupies.
    pub fn free_desktop(&self) -> Option<&'a str> {
        self.offer
            .desktops
            .iter()
            .find(|d| !self.desktops_taken.contains(*d))
            .map(String::as_str)
    }

    /// Whether it has been heard within [`UNREACHABLE_AFTER`].
    pub fn is_heard(&self, now: Timestamp) -> bool {
        self.connected
            && self
                .last_seen
                .is_some_and(|t| now.duration_since(t) <= UNREACHABLE_AFTER)
    }
}

/// What a run asks of a robot.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The run's tenant.
    pub org: OrgId,
    /// The name of the queue in which it waits.
    pub queue: &'a str,
    /// What it needs.
    pub needs: &'a Needs,
    /// Robots that rejected this very attempt, beside those that its needs name.
    pub rejected_by: &'a BTreeSet<RobotId>,
}

/// Why a robot cannot take a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Misfit {
    /// It belongs to another org.
    WrongOrg,
    /// It does not serve the run's queue.
    WrongQueue,
    /// It is not connected, or has not been heard lately.
    Offline,
    /// It takes no new runs.
    Draining,
    /// It rejected this attempt before.
    Rejected,
    /// The run is pinned to another robot.
    NotTarget,
    /// It belongs to another environment.
    WrongEnvironment,
    /// A label is missing.
    MissingLabel,
    /// A capability is missing.
    MissingCapability,
    /// Every slot is taken.
    NoSlot,
    /// Every desktop session is taken, or it has none.
    NoDesktop,
    /// It did not answer an assignment a moment ago, or could not set one up and rests.
    Resting,
}

impl Misfit {
    /// Every misfit, in the order in which the questions are asked.
    pub const ALL: [Self; 12] = [
        Self::WrongOrg,
        Self::WrongQueue,
        Self::Offline,
        Self::Draining,
        Self::Rejected,
        Self::NotTarget,
        Self::WrongEnvironment,
        Self::MissingLabel,
        Self::MissingCapability,
        Self::NoSlot,
        Self::NoDesktop,
        Self::Resting,
    ];

    /// Stable, snake_case; for the API and for metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongOrg => "wrong_org",
            Self::WrongQueue => "wrong_queue",
            Self::Offline => "offline",
            Self::Draining => "draining",
            Self::Rejected => "rejected",
            Self::NotTarget => "not_target",
            Self::WrongEnvironment => "wrong_environment",
            Self::MissingLabel => "missing_label",
            Self::MissingCapability => "missing_capability",
            Self::NoSlot => "no_slot",
            Self::NoDesktop => "no_desktop",
            Self::Resting => "resting",
        }
    }

    /// The code with which a store refuses an assignment for this reason.
    pub const fn refusal(self) -> &'static str {
        match self {
            Self::Offline => "robot_gone",
            Self::Draining => "robot_draining",
            Self::NoSlot => "no_slot",
            Self::NoDesktop => "desktop_taken",
            _ => "robot_mismatch",
        }
    }

    /// Whether this is so of `robot` for `ask`.
    pub fn applies(self, robot: &Candidate<'_>, ask: &Ask<'_>, now: Timestamp) -> bool {
        let needs = ask.needs;
        match self {
            Self::WrongOrg => robot.org != ask.org,
            Self::WrongQueue => !robot.offer.queues.contains(ask.queue),
            Self::Offline => !robot.is_heard(now),
            Self::Draining => robot.draining,
            Self::Rejected => {
                needs.rejected_by.contains(&robot.id) || ask.rejected_by.contains(&robot.id)
            }
            Self::NotTarget => needs.robot_id.is_some_and(|target| target != robot.id),
            Self::WrongEnvironment => {
                needs.environment.is_some() && needs.environment != robot.offer.environment
            }
            Self::MissingLabel => !has_all(&robot.offer.labels, &needs.labels),
            Self::MissingCapability => !has_all(&robot.offer.capabilities, &needs.capabilities),
            Self::NoSlot => robot.live >= robot.offer.max_concurrent_jobs,
            Self::NoDesktop => needs.desktop && robot.free_desktop().is_none(),
            Self::Resting => robot.resting_until.is_some_and(|until| now < until),
        }
    }

    /// A sentence about `robot` (called `name`) that says what exactly is wrong.
    pub fn sentence(self, name: &str, robot: &Candidate<'_>, ask: &Ask<'_>) -> String {
        let needs = ask.needs;
        match self {
            Self::WrongOrg => format!("{name} belongs to another org"),
            Self::WrongQueue => format!("{name} does not serve the queue {:?}", ask.queue),
            Self::Offline if robot.connected => {
                format!("{name} has not been heard for {UNREACHABLE_AFTER:#}")
            }
            Self::Offline => format!("{name} is not connected"),
            Self::Draining => format!("{name} is draining and takes no new runs"),
            Self::Rejected => match robot.trouble {
                Some(why) => format!("{name} handed this run back: {why}"),
                None => format!("{name} rejected this attempt"),
            },
            Self::NotTarget => format!("the run is pinned to another robot than {name}"),
            Self::WrongEnvironment => format!(
                "{name} is in {}, not in the environment {:?}",
                match &robot.offer.environment {
                    Some(own) => format!("the environment {own:?}"),
                    None => "no environment".to_owned(),
                },
                needs.environment.as_deref().unwrap_or_default(),
            ),
            Self::MissingLabel => format!(
                "{name} lacks the label {}",
                missing(&robot.offer.labels, &needs.labels)
            ),
            Self::MissingCapability => format!(
                "{name} lacks the capability {}",
                missing(&robot.offer.capabilities, &needs.capabilities)
            ),
            Self::NoSlot => match robot.offer.max_concurrent_jobs {
                0 => format!("{name} offers no slot"),
                1 => format!("the one slot of {name} is taken"),
                slots => format!("all {slots} slots of {name} are taken"),
            },
            Self::NoDesktop => match robot.offer.desktops.len() {
                0 => format!("{name} has no desktop session"),
                1 => format!("the one desktop session of {name} is taken"),
                n => format!("all {n} desktop sessions of {name} are taken"),
            },
            Self::Resting => match robot.trouble {
                Some(why) => format!("{name} is in trouble and rests for a while: {why}"),
                None => {
                    format!("{name} did not answer an assignment and is left alone for a while")
                }
            },
        }
    }
}

/// Whether `robot` can take the run; otherwise the first question that it fails.
pub fn check(robot: &Candidate<'_>, ask: &Ask<'_>, now: Timestamp) -> Result<(), Misfit> {
    misfits(robot, ask, now).next().map_or(Ok(()), Err)
}

/// Every question that `robot` fails, in their order.
pub fn misfits<'a>(
    robot: &'a Candidate<'a>,
    ask: &'a Ask<'a>,
    now: Timestamp,
) -> impl Iterator<Item = Misfit> + 'a {
    Misfit::ALL
        .into_iter()
        .filter(move |misfit| misfit.applies(robot, ask, now))
}

/// `BTreeSet::is_subset` without its cost for the usual case of few or no needs.
fn has_all(offered: &BTreeSet<String>, needed: &BTreeSet<String>) -> bool {
    needed.iter().all(|word| offered.contains(word))
}

fn missing(offered: &BTreeSet<String>, needed: &BTreeSet<String>) -> String {
    let words: Vec<String> = needed
        .difference(offered)
        .map(|word| format!("{word:?}"))
        .collect();
    words.join(" and ")
}
