//! Work queues, limits and robots.

use baton_core::id::LimitId;
use reqwest::Method;

use super::super::{Client, Result};
use crate::rest::{
    BroadcastRequest, BroadcastResult, Collection, CreateEnrolment, CreateQueue, CreateRun,
    CreatedRun, DrainRequest, EnrolRequest, Enrolled, Enrolment, Limit, LostRequest, LostResult,
    PageQuery, PutLimit, Queue, QueuePatch, Robot, RobotLogEntry, RobotLogQuery, Run,
};

impl Client {
    /// All work queues, page after page.
    pub async fn queues(&self) -> Result<Collection<Queue>> {
        self.all(&["queues"], &PageQuery::default()).await
    }

    /// One work queue, by id or name.
    pub async fn queue(&self, queue: &str) -> Result<Queue> {
        self.call(Method::GET, &["queues", queue]).fetch().await
    }

    /// Makes a work queue.
    pub async fn create_queue(&self, body: &CreateQueue) -> Result<Queue> {
        self.call(Method::POST, &["queues"])
            .json(body)
            .fetch()
            .await
    }

    /// Changes a work queue; what is absent stays.
    pub async fn update_queue(&self, queue: &str, body: &QueuePatch) -> Result<Queue> {
        self.call(Method::PATCH, &["queues", queue])
            .json(body)
            .fetch()
            .await
    }

    /// Deletes a work queue that nothing uses.
    pub async fn delete_queue(&self, queue: &str) -> Result<()> {
        self.call(Method::DELETE, &["queues", queue]).done().await
    }

    /// Dispatches nothing from a work queue.
    pub async fn pause_queue(&self, queue: &str) -> Result<Queue> {
        self.call(Method::POST, &["queues", queue, "pause"])
            .idempotent(None)
            .fetch()
            .await
    }

    /// Dispatches from a work queue again.
    pub async fn resume_queue(&self, queue: &str) -> Result<Queue> {
        self.call(Method::POST, &["queues", queue, "resume"])
            .idempotent(None)
            .fetch()
            .await
    }

    /// The runs that a work queue would give out next.
    pub async fn peek_queue(&self, queue: &str, query: &PageQuery) -> Result<Collection<Run>> {
        self.call(Method::GET, &["queues", queue, "peek"])
            .query(query)
            .fetch()
            .await
    }

    /// All limits on tags, page after page.
    pub async fn limits(&self) -> Result<Collection<Limit>> {
        self.all(&["limits"], &PageQuery::default()).await
    }

    /// Sets how many runs with a tag may be live at once.
    pub async fn put_limit(&self, body: &PutLimit) -> Result<Limit> {
        self.call(Method::PUT, &["limits"]).json(body).fetch().await
    }

    /// Removes a limit.
    pub async fn delete_limit(&self, id: LimitId) -> Result<()> {
        let id = id.to_string();
        self.call(Method::DELETE, &["limits", &id]).done().await
    }

    /// All robots, page after page.
    pub async fn robots(&self) -> Result<Collection<Robot>> {
        self.all(&["robots"], &PageQuery::default()).await
    }

    /// Robots by name, a page at a time.
    pub async fn robots_page(&self, page: &PageQuery) -> Result<Collection<Robot>> {
        self.call(Method::GET, &["robots"])
            .query(page)
            .fetch()
            .await
    }

    /// One robot, by id or name.
    pub async fn robot(&self, robot: &str) -> Result<Robot> {
        self.call(Method::GET, &["robots", robot]).fetch().await
    }

    /// Deletes a robot that holds nothing, and its key.
    pub async fn delete_robot(&self, robot: &str) -> Result<()> {
        self.call(Method::DELETE, &["robots", robot]).done().await
    }

    /// Lets a robot finish what it has and take nothing new.
    pub async fn drain_robot(&self, robot: &str, body: &DrainRequest) -> Result<Robot> {
        self.call(Method::POST, &["robots", robot, "drain"])
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }

    /// Lets a robot take runs again.
    pub async fn resume_robot(&self, robot: &str) -> Result<Robot> {
        self.call(Method::POST, &["robots", robot, "resume"])
            .idempotent(None)
            .fetch()
            .await
    }

    /// Says that a robot that is not connected is gone, and with it all that it ran.
    pub async fn robot_lost(&self, robot: &str, body: &LostRequest) -> Result<LostResult> {
        self.call(Method::POST, &["robots", robot, "lost"])
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }

    /// Makes a run that only this robot may take.
    pub async fn run_on_robot(&self, robot: &str, body: &CreateRun) -> Result<CreatedRun> {
        self.call(Method::POST, &["robots", robot, "run"])
            .json(body)
            .idempotent(body.idempotency_key.clone())
            .fetch()
            .await
    }

    /// Lines of an agent's own log.
    pub async fn robot_logs(
        &self,
        robot: &str,
        query: &RobotLogQuery,
    ) -> Result<Collection<RobotLogEntry>> {
        self.call(Method::GET, &["robots", robot, "logs"])
            .query(query)
            .fetch()
            .await
    }

    /// Sends a word to all connected robots.
    pub async fn broadcast(&self, body: &BroadcastRequest) -> Result<BroadcastResult> {
        self.call(Method::POST, &["robots", "broadcast"])
            .json(body)
            .fetch()
            .await
    }

    /// Exchanges a one-time token for a robot of its own key.
    pub async fn enrol_robot(&self, body: &EnrolRequest) -> Result<Enrolled> {
        self.call(Method::POST, &["robots", "enroll"])
            .json(body)
            .fetch()
            .await
    }

    /// Makes a one-time token with which a machine may enrol.
    pub async fn create_enrolment(&self, body: &CreateEnrolment) -> Result<Enrolment> {
        self.call(Method::POST, &["enrolments"])
            .json(body)
            .fetch()
            .await
    }
}
