//! Robots, work queues and limits.

use async_trait::async_trait;
use baton_core::id::{LimitId, OrgId, QueueId, RobotId};
use baton_core::queue::{Queue, QueueSettings, TagLimit};
use baton_core::robot::{Robot, RobotMetrics, RobotOffer};
use jiff::Timestamp;

use crate::error::Result;
use crate::page::{Page, PageRequest};

/// A robot's session is renewed.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// The robot.
    pub robot_id: RobotId,
    /// Its session; an older one is ignored.
    pub session: i64,
    /// When it was last heard.
    pub last_seen: Timestamp,
    /// Until when its claims hold.
    pub lease_until: Timestamp,
    /// What it measured last.
    pub metrics: RobotMetrics,
}

/// One line of an agent's own log.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RobotLogLine {
    /// Rises with each line of one robot.
    pub seq: i64,
    /// By the robot's clock.
    pub at: Timestamp,
    /// `debug`, `info`, `warning`, `error`.
    pub level: baton_core::run::LogLevel,
    /// The text.
    pub message: String,
}

/// Robots, work queues and limits. The fleet is bounded (10,000 robots is the design point), so its
/// lists come whole.
#[async_trait]
pub trait Fleet {
    /// Creates a robot. `Conflict` with code `robot_exists` when the name (or id) is taken.
    async fn create_robot(&self, robot: Robot) -> Result<()>;

    /// A robot connects: stores its offer, raises its session and returns it. Queues it names that do
    /// not exist are created. From now on, messages of older sessions are refused.
    async fn open_session(
        &self,
        robot_id: RobotId,
        offer: RobotOffer,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<Robot>;

    /// The connection of a session is gone; its leases go on until they lapse. An older session is ignored.
    async fn close_session(&self, robot_id: RobotId, session: i64, now: Timestamp) -> Result<()>;

    /// Renews sessions, all in one write. Unknown robots and older sessions are passed over.
    async fn renew_sessions(&self, renewals: Vec<Renewal>) -> Result<()>;

    /// All robots of all orgs, or of one, by org and name.
    async fn robots(&self, org: Option<OrgId>) -> Result<Vec<Robot>>;

    /// Robots of an org by name, in pages.
    async fn robots_page(&self, request: PageRequest) -> Result<Page<Robot>>;

    /// One robot.
    async fn robot(&self, org: OrgId, id: RobotId) -> Result<Robot>;

    /// The robot with this name.
    async fn robot_by_name(&self, org: OrgId, name: &str) -> Result<Robot>;

    /// Sets whether a robot takes new runs.
    async fn set_draining(
        &self,
        org: OrgId,
        id: RobotId,
        draining: bool,
        comment: &str,
        now: Timestamp,
    ) -> Result<Robot>;

    /// Deletes a robot without live attempts, and its keys. `Conflict` with `robot_in_use` otherwise.
    async fn delete_robot(&self, org: OrgId, id: RobotId, now: Timestamp) -> Result<()>;

    /// Appends to an agent's own log; lines whose `seq` is not above the last are passed over. The newest
    /// [`MAX_ROBOT_LOG`] lines are kept.
    async fn append_robot_log(&self, robot_id: RobotId, lines: Vec<RobotLogLine>) -> Result<()>;

    /// An agent's own log after a `seq`, oldest first.
    async fn robot_log(
        &self,
        org: OrgId,
        id: RobotId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RobotLogLine>>;

    /// Creates a queue. `Conflict` with code `queue_exists` when the name is taken.
    async fn create_queue(&self, queue: Queue) -> Result<()>;

    /// Changes a queue.
    async fn update_queue(&self, org: OrgId, id: QueueId, settings: QueueSettings)
    -> Result<Queue>;

    /// Deletes a queue without runs that are not terminal and without deployments. `Conflict` with
    /// `queue_in_use` otherwise, and for the queue `default`.
    async fn delete_queue(&self, org: OrgId, id: QueueId) -> Result<()>;

    /// All queues of all orgs, or of one, by org and name. The queue `default` of the first org is
    /// there from the start.
    async fn queues(&self, org: Option<OrgId>) -> Result<Vec<Queue>>;

    /// Queues of an org by name, in pages.
    async fn queues_page(&self, request: PageRequest) -> Result<Page<Queue>>;

    /// The queue with this name.
    async fn queue_by_name(&self, org: OrgId, name: &str) -> Result<Queue>;

    /// Sets how many runs with a tag may be live at once; where the tag has a limit, that one is changed
    /// and keeps its id and age.
    async fn put_tag_limit(&self, limit: TagLimit) -> Result<TagLimit>;

    /// Removes a limit.
    async fn delete_tag_limit(&self, org: OrgId, id: LimitId) -> Result<()>;

    /// All limits of all orgs, or of one, by org and tag.
    async fn tag_limits(&self, org: Option<OrgId>) -> Result<Vec<TagLimit>>;

    /// Limits of an org by tag, in pages.
    async fn tag_limits_page(&self, request: PageRequest) -> Result<Page<TagLimit>>;
}

/// Newest lines of an agent's own log that are kept: some days of a healthy agent, an hour of a sick one.
pub const MAX_ROBOT_LOG: u32 = 20_000;
