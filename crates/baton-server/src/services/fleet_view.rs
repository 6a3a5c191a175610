//! What happened to the fleet since the dispatcher looked last, told by whoever did it.

use std::sync::{Mutex, PoisonError};

use baton_core::id::{Fence, RobotId, RunId};
use baton_core::lease::HEARTBEAT;
use baton_core::robot::Robot;
use jiff::{SignedDuration, Timestamp};

use crate::robots::Connection;

/// A change of the fleet. A lost one costs a safety tick: then the dispatcher reads everything anew.
#[derive(Debug)]
pub(crate) enum Change {
    /// A robot has registered.
    Robot(Box<Robot>),
    /// A session's connection is gone.
    Gone(RobotId, i64),
    /// A robot was deleted.
    Forgotten(RobotId),
    /// A robot was drained, or takes runs again.
    Draining(RobotId, bool),
    /// A robot was heard after it had been quiet.
    Heard(RobotId, Timestamp),
    /// A robot did not answer: it is left alone until then.
    Rest(RobotId, Timestamp),
    /// A robot says what keeps it from taking work and until when it rests, or that nothing does any more.
    Trouble(RobotId, Timestamp, Option<String>),
    /// An attempt no longer occupies what it did.
    Released(RunId, Fence),
}

/// Changes that wait for the dispatcher. Beyond this many it is cheaper to read everything anew.
const MAX_CHANGES: usize = 100_000;

/// A letter box for the dispatcher.
#[derive(Debug, Default)]
pub(crate) struct FleetView {
    changes: Mutex<Vec<Change>>,
}

impl FleetView {
    fn push(&self, change: Change) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() < MAX_CHANGES {
            changes.push(change);
        }
    }

    /// Takes all changes; the second is whether some were lost.
    pub(super) fn take(&self) -> (Vec<Change>, bool) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = changes.len() >= MAX_CHANGES;
        (std::mem::take(&mut *changes), lost)
    }

    pub(crate) fn robot(&self, robot: Robot) {
        self.push(Change::Robot(Box::new(robot)));
    }

    pub(crate) fn gone(&self, robot: RobotId, session: i64) {
        self.push(Change::Gone(robot, session));
    }

    pub(crate) fn forgotten(&self, robot: RobotId) {
        self.push(Change::Forgotten(robot));
    }

    pub(crate) fn draining(&self, robot: RobotId, draining: bool) {
        self.push(Change::Draining(robot, draining));
    }

    pub(crate) fn rest(&self, robot: RobotId, until: Timestamp) {
        self.push(Change::Rest(robot, until));
    }

    pub(crate) fn in_trouble(&self, robot: RobotId, until: Timestamp, why: Option<String>) {
        self.push(Change::Trouble(robot, until, why));
    }

    pub(crate) fn released(&self, run: RunId, fence: Fence) {
        self.push(Change::Released(run, fence));
    }

    /// A heartbeat came. The dispatcher looks at regular ones by itself; only one after a silence is news.
    pub(crate) fn heard(&self, connection: &Connection, silent: SignedDuration, now: Timestamp) {
        if silent > HEARTBEAT + HEARTBEAT / 2 {
            self.push(Change::Heard(connection.robot_id, now));
        }
    }
}
