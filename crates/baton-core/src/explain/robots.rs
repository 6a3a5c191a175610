//! Why no robot takes a run: per robot the first question it fails, and which robot comes closest.

use std::collections::BTreeMap;

use super::change::{Named, RobotStart, Step};
use super::{Found, MAX_NAMED, MisfitCount, Reason, ReasonCode, RobotReason, Situation};
use crate::dispatch::{Ask, Misfit, RobotView, misfits};
use crate::id::RobotId;
use crate::robot::RobotOffer;
use crate::run::Run;

/// A robot and every question that it fails.
struct Looked<'a> {
    robot: &'a RobotView,
    misfits: Vec<Misfit>,
    /// How much would have to change; `None` when no change makes it fit.
    effort: Option<u32>,
}

/// Adds a reason when no robot fits.
pub(super) fn explain(run: &Run, ask: &Ask<'_>, situation: &Situation<'_>, found: &mut Found) {
    let now = situation.now;
    let mut looked: Vec<Looked<'_>> = Vec::new();
    let of_org = situation.fleet.robots().filter(|r| r.org == run.org);
    for robot in of_org {
        let failed: Vec<Misfit> = misfits(&robot.candidate(), ask, now).collect();
        if failed.is_empty() {
            return;
        }
        looked.push(Looked {
            robot,
            effort: (failed.iter())
                .map(|misfit| Some(effort(*misfit)? * missing(*misfit, robot, ask)))
                .sum(),
            misfits: failed,
        });
    }
    // Those that come closest first; those that nothing makes fit last.
    looked.sort_by_key(|one| (one.effort.unwrap_or(u32::MAX), one.robot.id));
    let (code, message) = sentence(ask, &looked);
    let mut reason = Reason::new(code, message);
    reason.until = resting_until(&looked);
    reason.counts = counts(&looked);
    reason.robots = looked
        .iter()
        .filter(|one| one.misfits[0] != Misfit::WrongQueue || one.misfits.len() == 1)
        .take(MAX_NAMED)
        .map(|one| RobotReason {
            robot_id: one.robot.id,
            name: one.robot.name.clone(),
            misfit: one.misfits[0],
            message: one.misfits[0].sentence(&one.robot.name, &one.robot.candidate(), ask),
        })
        .collect();
    if matches!(code, ReasonCode::SlotsTaken | ReasonCode::DesktopsTaken) {
        let busy: Vec<RobotId> = looked
            .iter()
            .filter(|one| one.misfits.iter().all(|m| is_busy(*m)))
            .map(|one| one.robot.id)
            .collect();
        let held = situation
            .live
            .iter()
            .filter(|one| one.robot_id.is_some_and(|id| busy.contains(&id)));
        let wants_desktop = code == ReasonCode::DesktopsTaken;
        reason = reason.held_by(held.filter(|one| !wants_desktop || one.desktop.is_some()));
    }
    found.reasons.push(reason);
    match steps(ask, &looked) {
        Some(steps) => {
            let none = RobotOffer::default();
            let closest = looked.first().filter(|one| one.effort.is_some());
            let (name, offer) = closest.map_or(("", &none), |one| {
                (one.robot.name.as_str(), &*one.robot.offer)
            });
            found.start = RobotStart::of(name, offer, &steps);
            found.steps.extend(steps);
        }
        None => found.unhelpable = true,
    }
}

/// How many things of this kind a robot lacks.
fn missing(misfit: Misfit, robot: &RobotView, ask: &Ask<'_>) -> u32 {
    let (wanted, has) = match misfit {
        Misfit::MissingLabel => (&ask.needs.labels, &robot.offer.labels),
        Misfit::MissingCapability => (&ask.needs.capabilities, &robot.offer.capabilities),
        _ => return 1,
    };
    u32::try_from(wanted.difference(has).count()).unwrap_or(u32::MAX / 1_000)
}

/// How hard it is to change this about a robot: waiting is easiest, a move between environments hardest.
const fn effort(misfit: Misfit) -> Option<u32> {
    match misfit {
        Misfit::WrongOrg | Misfit::Rejected | Misfit::NotTarget => None,
        Misfit::Resting => Some(1),
        Misfit::NoSlot => Some(2),
        Misfit::NoDesktop => Some(3),
        Misfit::Draining => Some(5),
        Misfit::Offline => Some(10),
        Misfit::WrongQueue => Some(20),
        Misfit::MissingLabel => Some(40),
        Misfit::MissingCapability => Some(80),
        Misfit::WrongEnvironment => Some(160),
    }
}

/// Whether this passes by itself when runs end.
const fn is_busy(misfit: Misfit) -> bool {
    matches!(misfit, Misfit::NoSlot | Misfit::NoDesktop | Misfit::Resting)
}

fn sentence(ask: &Ask<'_>, looked: &[Looked<'_>]) -> (ReasonCode, String) {
    if let Some(target) = ask.needs.robot_id
        && !looked.iter().any(|one| one.robot.id == target)
    {
        let message = format!("it is pinned to the robot {target}, which does not exist");
        return (ReasonCode::NoSuchRobot, message);
    }
    let queue = ask.queue;
    let serving = looked
        .iter()
        .filter(|one| one.misfits[0] != Misfit::WrongQueue);
    if serving.clone().next().is_none() {
        let message = format!("no robot serves the work queue {queue:?}");
        return (ReasonCode::NoRobotServesQueue, message);
    }
    // A robot without any desktop session gets none by waiting.
    let waits = |one: &&Looked<'_>| {
        let no_desktops = one.robot.offer.desktops.is_empty();
        let passes = |m: &Misfit| is_busy(*m) && !(no_desktops && *m == Misfit::NoDesktop);
        one.misfits.iter().all(passes)
    };
    let mut busy = looked.iter().filter(waits);
    if let Some(closest) = busy.next() {
        let others = busy.count() + 1;
        let robots = match others {
            1 => closest.robot.name.clone(),
            n => format!("the {n} robots that fit"),
        };
        return match closest.misfits[0] {
            Misfit::NoSlot => (
                ReasonCode::SlotsTaken,
                format!("every slot of {robots} is taken"),
            ),
            Misfit::NoDesktop => (
                ReasonCode::DesktopsTaken,
                format!("every desktop session of {robots} is taken"),
            ),
            _ => (
                ReasonCode::RobotsResting,
                match &closest.robot.trouble {
                    Some(why) => format!("{robots} cannot set up runs and rest for a while: {why}"),
                    None => format!("{robots} did not answer an assignment and rest for a moment"),
                },
            ),
        };
    }
    let serving: Vec<&Looked<'_>> = serving.collect();
    let closest = serving[0];
    let said = closest.misfits[0].sentence(&closest.robot.name, &closest.robot.candidate(), ask);
    let message = match serving.len() {
        1 => said,
        n => format!("none of the {n} robots that serve the work queue {queue:?} fits: {said}, …"),
    };
    (ReasonCode::NoRobotFits, message)
}

/// The earliest moment at which a robot that only rests may be asked again.
fn resting_until(looked: &[Looked<'_>]) -> Option<jiff::Timestamp> {
    looked
        .iter()
        .filter(|one| one.misfits == [Misfit::Resting])
        .filter_map(|one| one.robot.resting_until)
        .min()
}

fn counts(looked: &[Looked<'_>]) -> Vec<MisfitCount> {
    let mut counts: BTreeMap<Misfit, u32> = BTreeMap::new();
    for one in looked {
        *counts.entry(one.misfits[0]).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(misfit, robots)| MisfitCount { misfit, robots })
        .collect()
}

/// What makes the closest robot fit, or a new robot where none can be made to; nothing when the run
/// is pinned to a robot that cannot.
fn steps(ask: &Ask<'_>, looked: &[Looked<'_>]) -> Option<Vec<Step>> {
    let needs = ask.needs;
    let closest = looked.first().filter(|one| one.effort.is_some());
    if let Some(closest) = closest {
        let steps = closest.misfits.iter();
        return steps
            .map(|misfit| step(*misfit, closest.robot, ask))
            .collect();
    }
    needs.robot_id.is_none().then(|| {
        vec![Step::EnrolRobot {
            queue: ask.queue.to_owned(),
            environment: needs.environment.clone(),
            labels: needs.labels.clone(),
            capabilities: needs.capabilities.clone(),
            desktop: needs.desktop,
        }]
    })
}

/// What undoes one misfit of a robot.
fn step(misfit: Misfit, view: &RobotView, ask: &Ask<'_>) -> Option<Step> {
    let robot = Named {
        robot_id: view.id,
        robot: view.name.clone(),
    };
    let needs = ask.needs;
    Some(match misfit {
        Misfit::WrongOrg | Misfit::Rejected | Misfit::NotTarget => return None,
        Misfit::WrongQueue => Step::ServeQueue {
            robot,
            queue: ask.queue.to_owned(),
        },
        Misfit::Offline => Step::Connect { robot },
        Misfit::Draining => Step::EndDrain { robot },
        Misfit::WrongEnvironment => Step::SetEnvironment {
            robot,
            environment: needs.environment.clone()?,
        },
        Misfit::MissingLabel => Step::AddLabels {
            robot,
            labels: needs
                .labels
                .difference(&view.offer.labels)
                .cloned()
                .collect(),
        },
        Misfit::MissingCapability => Step::AddCapabilities {
            robot,
            capabilities: needs
                .capabilities
                .difference(&view.offer.capabilities)
                .cloned()
                .collect(),
        },
        Misfit::NoSlot => Step::AddSlot {
            robot,
            slots: view.live.saturating_add(1),
        },
        Misfit::NoDesktop => Step::AddDesktop { robot },
        Misfit::Resting => Step::Wait {
            until: view.resting_until?,
        },
    })
}
