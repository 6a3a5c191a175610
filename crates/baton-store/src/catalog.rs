//! Flows, versions, deployments, and the content-addressed files they are made of.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use baton_core::flow::{Deployment, DeploymentSettings, Entry, Flow, Version, VersionStatus};
use baton_core::id::{ArtifactId, DeploymentId, FlowId, OrgId, RunId, VersionId};
use baton_core::origin;
use baton_core::schedule::Schedule;
use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest};

/// One `baton deploy`: everything it names, in one transaction. Ids are used where something is new.
#[derive(Clone, Debug, PartialEq)]
pub struct Deploy {
    /// Whose.
    pub org: OrgId,
    /// The flow's name; created when there is none.
    pub flow_name: String,
    /// Its description, when given.
    pub description: Option<String>,
    /// Its folder, when given.
    pub folder: Option<String>,
    /// Its tags, when given.
    pub flow_tags: Option<BTreeSet<String>>,
    /// SHA-256 of a package that was uploaded before. `NotFound` when it was not.
    pub package: Option<String>,
    /// What is executed.
    pub entry: Entry,
    /// JSON Schema of its parameters.
    pub parameter_schema: Value,
    /// Where it came from.
    pub source: BTreeMap<String, String>,
    /// Whether it may take the flow over from another project: else `Conflict` with `another_project`.
    pub replace: bool,
    /// The deployment's name; created when there is none.
    pub deployment_name: String,
    /// The deployment's settings: of a new one, or the whole new settings of an existing one.
    /// The caller merges what the redeploy names into what is there.
    pub settings: DeploymentSettings,
    /// Schedules to create, or to replace where one of that name exists; others stay as they are.
    pub schedules: Vec<Schedule>,
    /// Ids for what is new.
    pub flow_id: FlowId,
    /// Id for the version, if it is new.
    pub version_id: VersionId,
    /// Id for the deployment, if it is new.
    pub deployment_id: DeploymentId,
}

impl Deploy {
    /// Whether this takes the flow over from the project that made its latest version. Who deploys what is there
    /// already takes nothing over.
    pub fn takes_over(&self, latest: &Version) -> bool {
        let unchanged = latest.package == self.package
            && latest.entry == self.entry
            && latest.parameter_schema == self.parameter_schema;
        !unchanged && origin::is_other(&latest.source, &self.source)
    }

    /// Refuses to take the flow over without a word.
    pub(crate) fn check_origin(&self, latest: Option<&Version>) -> Result<()> {
        match latest.filter(|latest| !self.replace && self.takes_over(latest)) {
            None => Ok(()),
            Some(latest) => Err(StoreError::conflict(
                "another_project",
                format!(
                    "the flow {:?} was deployed from {}, which is another project than {}",
                    self.flow_name,
                    origin::described(&latest.source),
                    origin::described(&self.source)
                ),
            )),
        }
    }
}

/// What a deploy made or found.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// The flow.
    pub flow: Flow,
    /// The version: the latest one when nothing in it changed.
    pub version: Version,
    /// Whether the version is new.
    pub new_version: bool,
    /// The deployment.
    pub deployment: Deployment,
    /// Whether the deployment is new.
    pub new_deployment: bool,
    /// All its schedules.
    pub schedules: Vec<Schedule>,
    /// Whether anything is new or differs from what was there.
    pub changed: bool,
    /// The names of the schedules that are new or changed.
    pub schedules_changed: Vec<String>,
}

/// A file that a run left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// Whose.
    pub org: OrgId,
    /// The run.
    pub run_id: RunId,
    /// The attempt.
    pub attempt: u32,
    /// Path below the artifacts folder, `/`-separated; unique within the attempt.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// SHA-256 of its content, in lower-case hex: names the blob.
    pub hash: String,
    /// When it arrived.
    pub created_at: Timestamp,
}

/// Flows, versions, deployments and files.
#[async_trait]
pub trait Catalog {
    /// Stores one chunk of a blob; writing the same chunk again is harmless.
    async fn put_blob_chunk(&self, hash: &str, index: u32, bytes: Vec<u8>) -> Result<()>;

    /// Declares a blob complete: `size` bytes in `chunks` chunks. Until then it does not exist.
    /// `Conflict` with `blob_incomplete` when the chunks are not all there or their sizes do not sum up.
    async fn finish_blob(&self, hash: &str, size: i64, chunks: u32, now: Timestamp) -> Result<()>;

    /// The size of a complete blob in bytes and its number of chunks.
    async fn blob(&self, hash: &str) -> Result<(i64, u32)>;

    /// One chunk of a complete blob.
    async fn blob_chunk(&self, hash: &str, index: u32) -> Result<Vec<u8>>;

    /// Makes flow, version, deployment and schedule as one. A version is new when package, entry or
    /// parameter schema differ from the flow's latest. Settings that pin `version_id` pin the version
    /// that is found or made. `NotFound` when queue or pinned version are not there. Schedules come by name;
    /// a replaced one keeps id and age, and is edited as by [`crate::Schedules::update_schedule`].
    /// What is the same as before keeps its `updated_at`.
    async fn deploy(&self, deploy: Deploy, now: Timestamp) -> Result<Deployed>;

    /// One flow.
    async fn flow(&self, org: OrgId, id: FlowId) -> Result<Flow>;

    /// The flow with this name.
    async fn flow_by_name(&self, org: OrgId, name: &str) -> Result<Flow>;

    /// Flows by name; `search` matches part of the name (ASCII case ignored).
    async fn flows(&self, search: Option<String>, page: PageRequest) -> Result<Page<Flow>>;

    /// Makes sure that a flow without versions exists (for manual runs), and returns it.
    async fn ensure_flow(&self, org: OrgId, id: FlowId, name: &str, now: Timestamp)
    -> Result<Flow>;

    /// Changes what people say of a flow.
    async fn update_flow(
        &self,
        org: OrgId,
        id: FlowId,
        description: Option<String>,
        folder: Option<String>,
        tags: Option<BTreeSet<String>>,
        now: Timestamp,
    ) -> Result<Flow>;

    /// Takes one bounded step of deleting a flow: first its deployments and schedules go, so that nothing
    /// makes new runs, then its ended runs, at most [`DELETE_STEP`] at a time, at last the flow with its
    /// versions. Answers whether the flow is gone; until then, call again. What a crash leaves in between
    /// is a flow with fewer runs, and the next call goes on with it. `Conflict` with `flow_in_use` while
    /// runs of it are not terminal or still live; then nothing is deleted.
    async fn delete_flow(&self, org: OrgId, id: FlowId, now: Timestamp) -> Result<bool>;

    /// One version.
    async fn version(&self, org: OrgId, id: VersionId) -> Result<Version>;

    /// The versions of a flow, newest first.
    async fn versions(&self, org: OrgId, flow_id: FlowId) -> Result<Vec<Version>>;

    /// The same in pages.
    async fn versions_page(&self, flow_id: FlowId, request: PageRequest) -> Result<Page<Version>>;

    /// Changes whether new runs may use a version.
    async fn set_version_status(
        &self,
        org: OrgId,
        id: VersionId,
        status: VersionStatus,
        now: Timestamp,
    ) -> Result<Version>;

    /// One deployment.
    async fn deployment(&self, org: OrgId, id: DeploymentId) -> Result<Deployment>;

    /// The deployment with this name of the flow with this name.
    async fn deployment_by_name(&self, org: OrgId, flow: &str, name: &str) -> Result<Deployment>;

    /// Deployments by flow name, then name.
    async fn deployments(
        &self,
        flow_id: Option<FlowId>,
        page: PageRequest,
    ) -> Result<Page<Deployment>>;

    /// Replaces a deployment's settings. `NotFound` when the queue or the pinned version are not there.
    async fn update_deployment(
        &self,
        org: OrgId,
        id: DeploymentId,
        settings: DeploymentSettings,
        now: Timestamp,
    ) -> Result<Deployment>;

    /// Deletes a deployment and its schedules; its runs stay. `Conflict` with `deployment_in_use`
    /// while runs of it are not terminal.
    async fn delete_deployment(&self, org: OrgId, id: DeploymentId, now: Timestamp) -> Result<()>;

    /// Records an artifact whose blob is complete. The same name in the same attempt is replaced.
    /// `NotFound` without the run or the blob.
    async fn put_artifact(&self, artifact: Artifact) -> Result<()>;

    /// The artifacts of a run, by attempt and name.
    async fn artifacts(&self, org: OrgId, run_id: RunId) -> Result<Vec<Artifact>>;

    /// The same in pages.
    async fn artifacts_page(&self, run_id: RunId, request: PageRequest) -> Result<Page<Artifact>>;

    /// One artifact.
    async fn artifact(&self, org: OrgId, id: ArtifactId) -> Result<Artifact>;
}

/// Bytes of a blob chunk: large enough for few rows, small enough not to hold up the writer.
pub const BLOB_CHUNK: usize = 1 << 20;

/// Runs that one step of deleting a flow removes: some milliseconds of the writer.
pub const DELETE_STEP: u32 = 200;
