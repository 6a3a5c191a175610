//! Making a run out of a deployment: version pinned, parameters filled and checked, needs written down.

use std::collections::BTreeSet;

use baton_core::flow::{Deployment, Flow, Version, VersionStatus};
use baton_core::id::{OrgId, QueueId, RobotId, RunId, VersionId, run_name};
use baton_core::parameter::{ParameterError, ParameterIssue, ParameterSchema};
use baton_core::retry::RetryPolicy;
use baton_core::run::{Needs, NewRun, Priority, RunSpec, Trigger};
use baton_core::state::Executor;
use baton_store::StoreError;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::app::App;

/// What is wanted of a run beside what its deployment says.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Another version than the deployment's.
    pub version_id: Option<VersionId>,
    /// Parameters, over those of the deployment.
    pub parameters: Map<String, Value>,
    /// When it should start.
    pub due_at: Timestamp,
    /// Its priority, over that of the deployment.
    pub priority: Option<Priority>,
    /// Tags beside those of the deployment.
    pub tags: BTreeSet<String>,
    /// Another work queue.
    pub queue_id: Option<QueueId>,
    /// Labels beside those of the deployment.
    pub labels: BTreeSet<String>,
    /// The one robot it may use.
    pub robot_id: Option<RobotId>,
    /// How long an attempt may run, in seconds; 0 is without limit.
    pub timeout_seconds: Option<u32>,
    /// Seconds after its due time at which it ends as timed out if it has not started.
    pub start_within_seconds: Option<u32>,
    /// When to try again.
    pub retry: Option<RetryPolicy>,
    /// Who or what creates it.
    pub trigger: Trigger,
    /// Creating with the same key again yields the same run.
    pub idempotency_key: Option<String>,
}

impl Wanted {
    /// Nothing beside what the deployment says.
    pub fn plain(trigger: Trigger, due_at: Timestamp) -> Self {
        Self {
            version_id: None,
            parameters: Map::new(),
            due_at,
            priority: None,
            tags: BTreeSet::new(),
            queue_id: None,
            labels: BTreeSet::new(),
            robot_id: None,
            timeout_seconds: None,
            start_within_seconds: None,
            retry: None,
            trigger,
            idempotency_key: None,
        }
    }
}

/// Why no run can be made.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The flow has no version that new runs may use.
    #[error("the flow {flow:?} has no active version; deploy it, or activate one of its versions")]
    NoActiveVersion {
        /// Its name.
        flow: String,
    },
    /// The version asked for may not be used by new runs.
    #[error("version {number} of the flow {flow:?} is {status:?}; new runs cannot use it")]
    VersionNotUsable {
        /// The flow's name.
        flow: String,
        /// The version's number.
        number: u32,
        /// Its status.
        status: VersionStatus,
    },
    /// The version's schema is of no use.
    #[error("the parameter schema of the flow is of no use: {}", .0.message)]
    Schema(ParameterError),
    /// Parameters are wrong.
    #[error("{} of the parameters are wrong: {}", .0.len(), first(.0))]
    Parameters(Vec<ParameterIssue>),
}

fn first(issues: &[ParameterIssue]) -> &str {
    issues.first().map_or("", |issue| &issue.message)
}

/// The run that a deployment makes when it is wanted like this.
pub async fn compose(
    app: &App,
    deployment: &Deployment,
    wanted: Wanted,
) -> Result<NewRun, ComposeError> {
    let flow = app.store.flow(deployment.org, deployment.flow_id).await?;
    let version = version(
        app,
        &flow,
        wanted.version_id.or(deployment.settings.version_id),
    )
    .await?;
    let parameters = parameters(
        app,
        &version,
        &wanted.parameters,
        &deployment.settings.parameters,
    )?;
    let id = RunId::new(app.now(), app.entropy());
    Ok(NewRun {
        id,
        org: deployment.org,
        name: run_name(id),
        due_at: wanted.due_at,
        idempotency_key: wanted.idempotency_key.clone(),
        spec: spec(deployment, &flow, &version, wanted, parameters),
    })
}

/// The version that new runs use: the one named, or the newest active one.
async fn version(
    app: &App,
    flow: &Flow,
    named: Option<VersionId>,
) -> Result<Version, ComposeError> {
    let candidate = match named.or(flow.latest_version) {
        Some(id) => Some(app.store.version(flow.org, id).await?),
        None => None,
    };
    match candidate {
        Some(version) if version.status == VersionStatus::Active => Ok(version),
        // A pinned version runs on while it is deprecated.
        Some(version) if named.is_some() && version.status == VersionStatus::Deprecated => {
            Ok(version)
        }
        Some(version) if named.is_some() => Err(ComposeError::VersionNotUsable {
            flow: flow.name.clone(),
            number: version.number,
            status: version.status,
        }),
        _ => newest_active(app, flow).await,
    }
}

async fn newest_active(app: &App, flow: &Flow) -> Result<Version, ComposeError> {
    let versions = app.store.versions(flow.org, flow.id).await?;
    let active = versions
        .into_iter()
        .find(|v| v.status == VersionStatus::Active);
    active.ok_or_else(|| ComposeError::NoActiveVersion {
        flow: flow.name.clone(),
    })
}

fn parameters(
    app: &App,
    version: &Version,
    given: &Map<String, Value>,
    defaults: &Map<String, Value>,
) -> Result<Map<String, Value>, ComposeError> {
    let schema = match app.schemas.get(version.id) {
        Some(schema) => schema,
        None => {
            let schema = ParameterSchema::compile(&version.parameter_schema);
            app.schemas
                .put(version.id, schema.map_err(ComposeError::Schema)?)
        }
    };
    schema
        .fill_and_check(given, defaults)
        .map_err(ComposeError::Parameters)
}

fn spec(
    deployment: &Deployment,
    flow: &Flow,
    version: &Version,
    wanted: Wanted,
    parameters: Map<String, Value>,
) -> RunSpec {
    let settings = &deployment.settings;
    let timeout = wanted.timeout_seconds.unwrap_or(settings.timeout_seconds);
    let start_within = wanted
        .start_within_seconds
        .or(settings.start_within_seconds);
    RunSpec {
        version_id: Some(version.id),
        needs: Needs {
            queue_id: wanted.queue_id.unwrap_or(settings.queue_id),
            flow_id: flow.id,
            deployment_id: Some(deployment.id),
            priority: wanted.priority.unwrap_or(settings.priority),
            tags: settings.tags.union(&wanted.tags).cloned().collect(),
            labels: settings.labels.union(&wanted.labels).cloned().collect(),
            capabilities: settings.capabilities.clone(),
            environment: settings.environment.clone(),
            robot_id: wanted.robot_id.or(settings.robot_id),
            desktop: settings.desktop,
            rejected_by: BTreeSet::new(),
        },
        parameters,
        timeout_seconds: (timeout > 0).then_some(timeout),
        cancel_grace_seconds: settings.cancel_grace_seconds,
        retry: wanted.retry.unwrap_or_else(|| settings.retry.clone()),
        on_lost: settings.on_lost,
        executor: Executor::Robot,
        trigger: wanted.trigger,
        start_deadline: start_within.and_then(|seconds| {
            let wait = SignedDuration::from_secs(seconds.into());
            wanted.due_at.checked_add(wait).ok()
        }),
        flow_name: flow.name.clone(),
        deployment_name: Some(deployment.name.clone()),
        computer: None,
    }
}

/// The orgs that there are: each has its queue `default`.
pub(crate) async fn orgs(app: &App) -> Result<BTreeSet<OrgId>, StoreError> {
    let queues = app.store.queues(None).await?;
    Ok(queues.into_iter().map(|queue| queue.org).collect())
}
