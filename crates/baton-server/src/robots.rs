//! Robots' connections: from the upgrade through registration to the last acknowledgement.
//!
//! A robot dials out and proves its key before the upgrade; its first message is `register`
//! ([`hello`]); from then on [`session`] reads and writes, [`ingest`] commits what came, and
//! [`reconcile`] settles what the robot holds against what the store says. What is kept here of a
//! connection is a hint; every answer to "is this claim valid?" comes from the store.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use baton_core::id::{KeyId, OrgId, RobotId};
use baton_core::lease::Steady;
use tokio_util::task::TaskTracker;

mod connection;
mod deliver;
mod heartbeat;
mod hello;
mod ingest;
mod reconcile;
mod session;
mod succession;
mod upgrade;

pub use connection::{Connection, Sent};
pub(crate) use deliver::{deliver, workflow};
pub use upgrade::{RobotKey, upgrade};

/// The robots connected to this server, by id. A robot has one connection at most.
#[derive(Debug, Default)]
pub struct Connections {
    by_robot: RwLock<HashMap<RobotId, Arc<Connection>>>,
    /// When robots were heard last whose connections are gone; one entry for each robot at most.
    left: RwLock<HashMap<RobotId, Steady>>,
    /// Robots of which a second installation was refused since they connected last: told once.
    refused: Mutex<HashSet<RobotId>>,
    /// Counts the tasks that serve connections, so that a stop can wait for the last one.
    sessions: TaskTracker,
}

impl Connections {
    /// The connection of a robot.
    pub fn get(&self, robot: RobotId) -> Option<Arc<Connection>> {
        let held = self.by_robot.read().unwrap_or_else(PoisonError::into_inner);
        held.get(&robot).cloned()
    }

    /// All connections, in no particular order.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        let held = self.by_robot.read().unwrap_or_else(PoisonError::into_inner);
        held.values().cloned().collect()
    }

    /// The connections of one org.
    pub fn of(&self, org: OrgId) -> Vec<Arc<Connection>> {
        let mut all = self.all();
        all.retain(|c| c.org == org);
        all
    }

    /// How many robots are connected.
    pub fn len(&self) -> usize {
        self.by_robot
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether no robot is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When a robot was last heard by this process, connected now or not.
    pub fn heard_at(&self, robot: RobotId) -> Option<Steady> {
        let left = || {
            let left = self.left.read().unwrap_or_else(PoisonError::into_inner);
            left.get(&robot).copied()
        };
        self.get(robot).map(|c| c.heard_at()).or_else(left)
    }

    /// Whether this is the first refusal of a second installation since the robot connected.
    fn first_refusal(&self, robot: RobotId) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(robot)
    }

    /// Forgets a robot that is deleted.
    pub(crate) fn forget(&self, robot: RobotId) {
        let mut left = self.left.write().unwrap_or_else(PoisonError::into_inner);
        left.remove(&robot);
    }

    /// Closes the connections that were opened with this key.
    pub fn close_key(&self, key: KeyId, reason: &str) {
        for connection in self.all() {
            if connection.key_id == key {
                connection.close(baton_api::robot::CLOSE_UNAUTHORISED, reason);
            }
        }
    }

    /// Ends when no connection is served any more. To be called when all were told to end.
    pub(crate) async fn all_ended(&self) {
        self.sessions.close();
        self.sessions.wait().await;
    }

    /// Makes this the robot's connection. An older session's yields; beside a newer one, this one does.
    fn insert(&self, connection: &Arc<Connection>) {
        let mut held = self
            .by_robot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let older = match held.get(&connection.robot_id) {
            Some(other) if other.session > connection.session => Some(Arc::clone(connection)),
            _ => held.insert(connection.robot_id, Arc::clone(connection)),
        };
        drop(held);
        if let Some(older) = older {
            older.close(
                baton_api::robot::CLOSE_REPLACED,
                "this robot has connected anew; two agents with one key? enrol each robot once",
            );
        }
    }

    /// Forgets a connection; says whether it was the robot's present one.
    fn remove(&self, connection: &Connection) -> bool {
        let mut held = self
            .by_robot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let present = held
            .get(&connection.robot_id)
            .is_some_and(|c| c.session == connection.session);
        if present {
            held.remove(&connection.robot_id);
            drop(held);
            let mut left = self.left.write().unwrap_or_else(PoisonError::into_inner);
            left.insert(connection.robot_id, connection.heard_at());
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.remove(&connection.robot_id);
        }
        present
    }
}
