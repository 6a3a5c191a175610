//! One robot as the dispatcher sees it: what it offers, whether it is there, and what is live on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::fit::Candidate;
use crate::id::{OrgId, RobotId};
use crate::robot::{Robot, RobotOffer};

/// One robot as the dispatcher sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotView {
    /// Its id.
    pub id: RobotId,
    /// Its tenant.
    pub org: OrgId,
    /// Its name, for explanations.
    pub name: String,
    /// Its present session; an assignment names it, so that a reconnect in between is noticed.
    pub session: i64,
    /// What it offers.
    pub offer: Arc<RobotOffer>,
    /// Whether it takes no new runs.
    pub draining: bool,
    /// Whether its session is connected.
    pub connected: bool,
    /// When it was last heard.
    pub last_seen: Option<Timestamp>,
    /// How many attempts are live on it.
    pub live: u32,
    /// Its desktop sessions that live attempts occupy.
    pub desktops_taken: BTreeSet<String>,
    /// Until when it is left alone, because it did not answer an assignment or is in trouble.
    pub resting_until: Option<Timestamp>,
    /// Why, where it has said so itself.
    pub trouble: Option<String>,
}

impl RobotView {
    /// A robot as stored, with nothing live on it.
    pub fn of(robot: &Robot) -> Self {
        Self {
            id: robot.id,
            org: robot.org,
            name: robot.name.clone(),
            session: robot.session,
            offer: Arc::new(robot.offer.clone()),
            draining: robot.draining,
            connected: robot.connected,
            last_seen: robot.last_seen,
            live: 0,
            desktops_taken: BTreeSet::new(),
            resting_until: None,
            trouble: None,
        }
    }

    /// What the eligibility questions look at.
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: self.id,
            org: self.org,
            offer: &self.offer,
            connected: self.connected,
            last_seen: self.last_seen,
            draining: self.draining,
            live: self.live,
            desktops_taken: &self.desktops_taken,
            resting_until: self.resting_until,
            trouble: self.trouble.as_deref(),
        }
    }

    pub(super) fn has_slot(&self) -> bool {
        self.connected && !self.draining && self.live < self.offer.max_concurrent_jobs
    }
}
