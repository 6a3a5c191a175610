//! Flows, versions, deployments and schedules.

use baton_core::id::{ScheduleId, VersionId};
use reqwest::Method;

use super::super::{Client, Result};
use crate::rest::{
    Collection, CreateFlow, CreateSchedule, DeletePreview, DeployRequest, DeployResponse,
    Deployment, DeploymentPatch, DeploymentQuery, Flow, FlowQuery, InstantQuery, MeantInstant,
    NextQuery, PageQuery, PreviewRequest, Schedule, SchedulePreview, ScheduleQuery, UpdateFlow,
    UpdateSchedule, UpdateVersion, Version, ZoneReport,
};

impl Client {
    /// Flows by name.
    pub async fn flows(&self, query: &FlowQuery) -> Result<Collection<Flow>> {
        self.call(Method::GET, &["flows"])
            .query(query)
            .fetch()
            .await
    }

    /// One flow, by id or name.
    pub async fn flow(&self, flow: &str) -> Result<Flow> {
        self.call(Method::GET, &["flows", flow]).fetch().await
    }

    /// Makes a flow without versions, or finds the one of this name.
    pub async fn create_flow(&self, body: &CreateFlow) -> Result<Flow> {
        self.call(Method::POST, &["flows"])
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }

    /// Changes what people say of a flow.
    pub async fn update_flow(&self, flow: &str, body: &UpdateFlow) -> Result<Flow> {
        self.call(Method::PATCH, &["flows", flow])
            .json(body)
            .fetch()
            .await
    }

    /// What deleting a flow would take with it.
    pub async fn preview_delete_flow(&self, flow: &str) -> Result<DeletePreview> {
        self.call(Method::GET, &["flows", flow, "delete-preview"])
            .fetch()
            .await
    }

    /// Deletes a flow with its versions, deployments, schedules and ended runs.
    pub async fn delete_flow(&self, flow: &str) -> Result<()> {
        self.call(Method::DELETE, &["flows", flow]).done().await
    }

    /// All versions of a flow, newest first, page after page.
    pub async fn versions(&self, flow: &str) -> Result<Collection<Version>> {
        let path = ["flows", flow, "versions"];
        self.all(&path, &PageQuery::default()).await
    }

    /// One version.
    pub async fn version(&self, id: VersionId) -> Result<Version> {
        let id = id.to_string();
        self.call(Method::GET, &["versions", &id]).fetch().await
    }

    /// Changes whether new runs may use a version.
    pub async fn update_version(&self, id: VersionId, body: &UpdateVersion) -> Result<Version> {
        let id = id.to_string();
        self.call(Method::PATCH, &["versions", &id])
            .json(body)
            .fetch()
            .await
    }

    /// Makes flow, version, deployment and schedule as one.
    pub async fn deploy(&self, body: &DeployRequest) -> Result<DeployResponse> {
        self.call(Method::POST, &["deploy"])
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }

    /// Deployments by flow name, then name.
    pub async fn deployments(&self, query: &DeploymentQuery) -> Result<Collection<Deployment>> {
        self.call(Method::GET, &["deployments"])
            .query(query)
            .fetch()
            .await
    }

    /// One deployment, by id or `flow/name`.
    pub async fn deployment(&self, deployment: &str) -> Result<Deployment> {
        self.call(Method::GET, &["deployments", deployment])
            .fetch()
            .await
    }

    /// Changes a deployment; what is absent stays.
    pub async fn update_deployment(
        &self,
        deployment: &str,
        body: &DeploymentPatch,
    ) -> Result<Deployment> {
        self.call(Method::PATCH, &["deployments", deployment])
            .json(body)
            .fetch()
            .await
    }

    /// What deleting a deployment would take with it.
    pub async fn preview_delete_deployment(&self, deployment: &str) -> Result<DeletePreview> {
        self.call(Method::GET, &["deployments", deployment, "delete-preview"])
            .fetch()
            .await
    }

    /// Deletes a deployment and its schedules; its runs stay.
    pub async fn delete_deployment(&self, deployment: &str) -> Result<()> {
        self.call(Method::DELETE, &["deployments", deployment])
            .done()
            .await
    }

    /// Holds all schedules of a deployment.
    pub async fn pause_deployment(&self, deployment: &str) -> Result<Deployment> {
        self.call(Method::POST, &["deployments", deployment, "pause"])
            .idempotent(None)
            .fetch()
            .await
    }

    /// Lets the schedules of a deployment fire again.
    pub async fn resume_deployment(&self, deployment: &str) -> Result<Deployment> {
        self.call(Method::POST, &["deployments", deployment, "resume"])
            .idempotent(None)
            .fetch()
            .await
    }

    /// Schedules by next slot.
    pub async fn schedules(&self, query: &ScheduleQuery) -> Result<Collection<Schedule>> {
        self.call(Method::GET, &["schedules"])
            .query(query)
            .fetch()
            .await
    }

    /// All schedules of a query, page after page.
    pub async fn all_schedules(&self, query: &ScheduleQuery) -> Result<Collection<Schedule>> {
        self.all(&["schedules"], query).await
    }

    /// One schedule.
    pub async fn schedule(&self, id: ScheduleId) -> Result<Schedule> {
        let id = id.to_string();
        self.call(Method::GET, &["schedules", &id]).fetch().await
    }

    /// Makes a schedule.
    pub async fn create_schedule(&self, body: &CreateSchedule) -> Result<Schedule> {
        self.call(Method::POST, &["schedules"])
            .json(body)
            .fetch()
            .await
    }

    /// Changes a schedule; what is absent stays.
    pub async fn update_schedule(&self, id: ScheduleId, body: &UpdateSchedule) -> Result<Schedule> {
        let id = id.to_string();
        self.call(Method::PATCH, &["schedules", &id])
            .json(body)
            .fetch()
            .await
    }

    /// Deletes a schedule; its runs stay.
    pub async fn delete_schedule(&self, id: ScheduleId) -> Result<()> {
        let id = id.to_string();
        self.call(Method::DELETE, &["schedules", &id]).done().await
    }

    /// Holds a schedule.
    pub async fn pause_schedule(&self, id: ScheduleId) -> Result<Schedule> {
        let id = id.to_string();
        self.call(Method::POST, &["schedules", &id, "pause"])
            .idempotent(None)
            .fetch()
            .await
    }

    /// Lets a schedule fire again.
    pub async fn resume_schedule(&self, id: ScheduleId) -> Result<Schedule> {
        let id = id.to_string();
        self.call(Method::POST, &["schedules", &id, "resume"])
            .idempotent(None)
            .fetch()
            .await
    }

    /// The coming slots of a schedule.
    pub async fn next_slots(&self, id: ScheduleId, query: &NextQuery) -> Result<SchedulePreview> {
        let id = id.to_string();
        self.call(Method::GET, &["schedules", &id, "next"])
            .query(query)
            .fetch()
            .await
    }

    /// What time zone data did to schedules when it changed last.
    pub async fn zone_report(&self) -> Result<ZoneReport> {
        self.call(Method::GET, &["schedules", "zones"])
            .fetch()
            .await
    }

    /// Which instant a time on the clock of a zone is, by the server's rules.
    pub async fn instant(&self, query: &InstantQuery) -> Result<MeantInstant> {
        self.call(Method::GET, &["schedules", "instant"])
            .query(query)
            .fetch()
            .await
    }

    /// The coming slots of a rule before it is used.
    pub async fn preview_schedule(&self, body: &PreviewRequest) -> Result<SchedulePreview> {
        self.call(Method::POST, &["schedules", "preview"])
            .asking()
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }
}
