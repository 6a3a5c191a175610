//! Robots: what they offer, and what their status is as a function of facts and now.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{OrgId, RobotId};

/// A registered executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Robot {
    /// Its id.
    pub id: RobotId,
    /// Its tenant.
    pub org: OrgId,
    /// Unique within the org.
    pub name: String,
    /// What it said of itself when it last registered.
    pub offer: RobotOffer,
    /// Whether it takes no new runs.
    pub draining: bool,
    /// Why it is drained; for people.
    pub drain_comment: String,
    /// Its present or latest session; rises with each registration. 0 before the first.
    pub session: i64,
    /// Whether the session is connected.
    pub connected: bool,
    /// When it was last heard.
    pub last_seen: Option<Timestamp>,
    /// Until when its claims hold.
    pub lease_until: Option<Timestamp>,
    /// What it measured last.
    pub metrics: RobotMetrics,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

/// What a robot says of itself when it registers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RobotOffer {
    /// The computer's host name.
    #[serde(default)]
    pub computer: String,
    /// Operating system and architecture, such as `linux x86_64`.
    #[serde(default)]
    pub platform: String,
    /// The agent's version.
    #[serde(default)]
    pub version: String,
    /// Changes with every boot of the machine: tells a reboot from a network cut.
    #[serde(default)]
    pub boot_id: String,
    /// Stands for the machine and the agent's folder on it: tells a copy of the folder from the robot itself.
    #[serde(default)]
    pub installation: String,
    /// The environment it belongs to, such as `production`.
    #[serde(default)]
    pub environment: Option<String>,
    /// Words that describe it, such as `region=eu` or `sap`.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// What it can do, such as `python`, `browser`, `desktop`.
    #[serde(default)]
    pub capabilities: BTreeSet<String>,
    /// Names of the queues it serves.
    #[serde(default)]
    pub queues: BTreeSet<String>,
    /// Names of its desktop sessions; a run that needs one occupies it alone.
    #[serde(default)]
    pub desktops: BTreeSet<String>,
    /// How many attempts may be live on it at once.
    #[serde(default = "one")]
    pub max_concurrent_jobs: u32,
    /// Whether it is the robot of `baton up`: started and stopped with the server, in the same process.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_server: bool,
}

fn one() -> u32 {
    1
}

/// More slots than this on one robot is a mistake in its configuration.
pub const MAX_SLOTS: u32 = 1_024;

/// What a robot measures of its machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RobotMetrics {
    /// Processor time in use, in percent of all cores.
    #[serde(default)]
    pub cpu_percent: f64,
    /// Memory in use, in percent.
    #[serde(default)]
    pub memory_percent: f64,
    /// Space in use on the disk of the work folder, in percent.
    #[serde(default)]
    pub disk_percent: f64,
    /// Seconds since the machine booted.
    #[serde(default)]
    pub uptime_seconds: u64,
    /// Why it takes no work although it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// What keeps a robot from setting up runs: a full disk, no process left to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Trouble {
    /// One sentence.
    pub reason: String,
    /// Since when.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Until when it takes no work; then it tries again.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub rests_until: Timestamp,
}

/// A robot's status lights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RobotStatus {
    /// Connected, with a free slot.
    Online,
    /// Connected, every slot taken.
    Busy,
    /// Connected; finishes what it has and takes nothing new.
    Draining,
    /// Not heard for [`UNREACHABLE_AFTER`], or never connected.
    Offline,
}

/// A robot that has not been heard for this long counts as offline.
pub const UNREACHABLE_AFTER: SignedDuration = SignedDuration::from_secs(30);

impl Robot {
    /// Its status now, with this many live attempts on it. Derived, never stored.
    pub fn status(&self, live: u32, now: Timestamp) -> RobotStatus {
        let heard = self
            .last_seen
            .is_some_and(|t| now.duration_since(t) <= UNREACHABLE_AFTER);
        if !self.connected || !heard {
            RobotStatus::Offline
        } else if self.draining {
            RobotStatus::Draining
        } else if live >= self.offer.max_concurrent_jobs {
            RobotStatus::Busy
        } else {
            RobotStatus::Online
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_light_follows_connection_silence_drain_and_slots() {
        let seen = Timestamp::UNIX_EPOCH;
        let mut robot = Robot {
            id: RobotId(uuid::Uuid::nil()),
            org: OrgId::DEFAULT,
            name: "r".into(),
            offer: RobotOffer {
                max_concurrent_jobs: 2,
                ..RobotOffer::default()
            },
            draining: false,
            drain_comment: String::new(),
            session: 1,
            connected: true,
            last_seen: Some(seen),
            lease_until: None,
            metrics: RobotMetrics::default(),
            created_at: seen,
        };
        assert_eq!(robot.status(1, seen), RobotStatus::Online);
        assert_eq!(robot.status(2, seen), RobotStatus::Busy);
        let silent = seen + UNREACHABLE_AFTER;
        assert_eq!(robot.status(0, silent), RobotStatus::Online);
        let silent = silent + SignedDuration::from_secs(1);
        assert_eq!(robot.status(0, silent), RobotStatus::Offline);
        robot.draining = true;
        assert_eq!(robot.status(2, seen), RobotStatus::Draining);
        robot.connected = false;
        assert_eq!(robot.status(0, seen), RobotStatus::Offline);
    }
}
