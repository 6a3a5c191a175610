//! Whether a robot may get a run now: asked in every store's transaction, decided here alone.
//!
//! The dispatcher asks the same questions of what it believes ([`baton_core::limit`], [`baton_core::dispatch`]); a
//! store asks them of its rows, so that nothing that changed meanwhile slips through.

use baton_core::limit::{Counts, Limits, admits};
use baton_core::queue::Queue;
use baton_core::robot::Robot;
use baton_core::run::Run;
use baton_core::state::{Executor, State};

use crate::refusal::Refusal;
use crate::runs::Assign;
use crate::step;

/// What live attempts occupy of one robot.
#[derive(Clone, Debug, Default)]
pub struct OnRobot {
    /// How many there are.
    pub live: u32,
    /// The desktop sessions they are on.
    pub desktops: Vec<String>,
}

/// What a store has read for one assignment, all of the run's org.
#[derive(Debug)]
pub struct Facts<'a, C> {
    /// The robot that was asked for.
    pub robot: Option<&'a Robot>,
    /// What is live on it.
    pub on_robot: &'a OnRobot,
    /// The run's queue.
    pub queue: Option<&'a Queue>,
    /// At least the limits that concern the run.
    pub limits: &'a Limits,
    /// How many attempts are live; asked only where there is a limit.
    pub counts: &'a C,
}

/// Whether the robot may get the run. The first thing in the order of [`Refusal`] that stands against it is named.
pub fn admit(run: &Run, asked: &Assign, facts: &Facts<'_, impl Counts>) -> Result<(), Refusal> {
    check_run(run, asked)?;
    let gone = |robot: &&Robot| robot.connected && robot.session == asked.session;
    let robot = facts.robot.filter(gone).ok_or(Refusal::RobotGone)?;
    if robot.draining {
        return Err(Refusal::RobotDraining);
    }
    if facts.on_robot.live >= robot.offer.max_concurrent_jobs {
        return Err(Refusal::NoSlot);
    }
    let taken = |desktop: &String| facts.on_robot.desktops.contains(desktop);
    if asked.desktop.as_ref().is_some_and(taken) {
        return Err(Refusal::DesktopTaken);
    }
    let needs = &run.spec.needs;
    let queue = facts.queue.ok_or(Refusal::RobotMismatch)?;
    admits(run.org, needs, &queue.settings, facts.limits, facts.counts)
        .map_err(|blocked| Refusal::from(&blocked.barrier))?;
    if step::mismatch(robot, run, needs, &queue.name, asked.desktop.as_deref()) {
        return Err(Refusal::RobotMismatch);
    }
    Ok(())
}

/// Whether the run waits for a robot as it was seen by whoever decided.
fn check_run(run: &Run, asked: &Assign) -> Result<(), Refusal> {
    let waits = run.state == State::Queued
        && run.attempt == asked.attempt
        && !run.live
        && run.spec.executor == Executor::Robot;
    if waits {
        Ok(())
    } else {
        Err(Refusal::RunMoved)
    }
}
