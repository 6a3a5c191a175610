//! Work queues, where runs wait for robots, and limits on what may be live at once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{LimitId, OrgId, QueueId};

/// Where runs wait for robots.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Its tenant.
    pub org: OrgId,
    /// Unique within the org. Robots serve `default` and the queue named after their computer.
    pub name: String,
    /// Everything that can be edited.
    pub settings: QueueSettings,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What of a work queue can be edited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QueueSettings {
    /// A few words for people.
    #[serde(default)]
    pub description: String,
    /// How robots are chosen.
    #[serde(default)]
    pub strategy: Strategy,
    /// How many of its runs may be live at once.
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// Whether nothing is dispatched from it.
    #[serde(default)]
    pub paused: bool,
}

/// How a robot is chosen among those that fit (`LoadBalancingStrategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One after the other.
    RoundRobin,
    /// The one with the smallest share of its slots taken.
    #[default]
    LeastLoaded,
    /// Any, drawn from a seed.
    Random,
    /// The one that ran this flow last, then the least loaded.
    Affinity,
}

/// How many runs with a tag may be live at once.
#[derive(Clone, Debug, PartialEq)]
pub struct TagLimit {
    /// Its id.
    pub id: LimitId,
    /// Its tenant.
    pub org: OrgId,
    /// The tag; unique within the org.
    pub tag: String,
    /// How many; 0 holds all.
    pub limit: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The queue that exists from the start and that every robot serves.
pub const DEFAULT_QUEUE: &str = "default";
