//! How a deployment becomes a run: the one place that says which settings a run gets.
//!
//! Submission is the hottest path of the server. What a deployment's runs have in common (its settings,
//! its version, its compiled parameter schema) is made ready once and kept until something changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use baton_core::flow::{Deployment, DeploymentSettings, Entry, Flow, Version, VersionStatus};
use baton_core::id::{OrgId, QueueId, RobotId, RunId, VersionId, run_name};
use baton_core::lease::usual_lost_after;
use baton_core::parameter::ParameterSchema;
use baton_core::retry::RetryPolicy;
use baton_core::run::{Needs, NewRun, Priority, RunSpec, Trigger};
use baton_core::state::Executor;
use baton_store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::error::{ApiError, bad_parameters};

/// Deployments made ready at most; each takes a few KB.
const MAX_READY: usize = 10_000;

/// What a run takes from whoever asks for it; everything else comes from the deployment.
#[derive(Clone, Debug)]
pub struct RunAsk<'a> {
    /// Parameters over those of the deployment.
    pub parameters: &'a Map<String, Value>,
    /// When it should start; the past means now.
    pub due_at: Option<Timestamp>,
    /// Priority over that of the deployment.
    pub priority: Option<Priority>,
    /// Tags beside those of the deployment.
    pub tags: BTreeSet<String>,
    /// Labels beside those of the deployment.
    pub labels: BTreeSet<String>,
    /// Another queue.
    pub queue_id: Option<QueueId>,
    /// The one robot it may use.
    pub robot_id: Option<RobotId>,
    /// Another run timeout, in seconds; 0 is without limit.
    pub timeout_seconds: Option<u32>,
    /// Another deadline for starting, in seconds after it is due.
    pub start_within_seconds: Option<u32>,
    /// Another retry policy.
    pub retry: Option<RetryPolicy>,
    /// Who or what asks.
    pub trigger: Trigger,
    /// Asking with the same key again yields the same run.
    pub idempotency_key: Option<String>,
}

impl<'a> RunAsk<'a> {
    /// Nothing but these parameters, for this reason.
    pub fn new(parameters: &'a Map<String, Value>, trigger: Trigger) -> Self {
        Self {
            parameters,
            due_at: None,
            priority: None,
            tags: BTreeSet::new(),
            labels: BTreeSet::new(),
            queue_id: None,
            robot_id: None,
            timeout_seconds: None,
            start_within_seconds: None,
            retry: None,
            trigger,
            idempotency_key: None,
        }
    }
}

/// A deployment, or a flow without one, made ready for runs.
#[derive(Debug)]
pub struct Plan {
    /// Whose.
    pub org: OrgId,
    /// The flow.
    pub flow: Flow,
    /// The deployment; `None` when the flow is run without one.
    pub deployment: Option<Deployment>,
    /// The settings of its runs.
    pub settings: DeploymentSettings,
    /// The version that its runs use.
    pub version: Version,
    /// That version's parameters.
    pub schema: ParameterSchema,
}

impl Plan {
    /// Makes a deployment ready.
    pub async fn of_deployment(
        store: &dyn Store,
        deployment: Deployment,
        version: Option<VersionId>,
    ) -> Result<Self, ApiError> {
        let org = deployment.org;
        let flow = store.flow(org, deployment.flow_id).await?;
        let pinned = version.or(deployment.settings.version_id);
        let version = runnable(store, &flow, pinned).await?;
        Ok(Self {
            org,
            schema: ParameterSchema::compile(&version.parameter_schema)?,
            settings: deployment.settings.clone(),
            flow,
            deployment: Some(deployment),
            version,
        })
    }

    /// Makes a flow ready that is run without a deployment.
    pub async fn of_flow(
        store: &dyn Store,
        flow: Flow,
        version: Option<VersionId>,
        settings: DeploymentSettings,
    ) -> Result<Self, ApiError> {
        let version = runnable(store, &flow, version).await?;
        Ok(Self {
            org: flow.org,
            schema: ParameterSchema::compile(&version.parameter_schema)?,
            settings,
            flow,
            deployment: None,
            version,
        })
    }

    /// The run that `ask` describes, checked.
    pub fn new_run(
        &self,
        ask: RunAsk<'_>,
        now: Timestamp,
        entropy: [u8; 10],
    ) -> Result<NewRun, ApiError> {
        let settings = &self.settings;
        let parameters = self
            .schema
            .fill_and_check(ask.parameters, &settings.parameters)
            .map_err(bad_parameters)?;
        let retry = ask.retry.unwrap_or_else(|| settings.retry.clone());
        retry
            .check()
            .map_err(|why| ApiError::invalid("invalid_retry", "retry", why))?;
        let due_at = ask.due_at.map_or(now, |at| at.max(now));
        let start_within = ask.start_within_seconds.or(settings.start_within_seconds);
        let timeout = ask.timeout_seconds.unwrap_or(settings.timeout_seconds);
        let needs = Needs {
            queue_id: ask.queue_id.unwrap_or(settings.queue_id),
            flow_id: self.flow.id,
            deployment_id: self.deployment.as_ref().map(|d| d.id),
            priority: ask.priority.unwrap_or(settings.priority),
            tags: union(&settings.tags, ask.tags),
            labels: union(&settings.labels, ask.labels),
            capabilities: settings.capabilities.clone(),
            environment: settings.environment.clone(),
            robot_id: ask.robot_id.or(settings.robot_id),
            desktop: settings.desktop,
            rejected_by: BTreeSet::new(),
        };
        let id = RunId::new(now, entropy);
        Ok(NewRun {
            id,
            org: self.org,
            name: run_name(id),
            due_at,
            spec: RunSpec {
                version_id: Some(self.version.id),
                needs,
                parameters,
                timeout_seconds: (timeout > 0).then_some(timeout),
                cancel_grace_seconds: settings.cancel_grace_seconds,
                stop_signal: settings.stop_signal,
                lost_after_seconds: settings
                    .lost_after_seconds
                    .unwrap_or_else(|| usual_lost_after(settings.on_lost, &retry)),
                retry,
                on_lost: settings.on_lost,
                executor: Executor::Robot,
                trigger: ask.trigger,
                start_deadline: start_within.map(|seconds| {
                    let within = SignedDuration::from_secs(seconds.into());
                    due_at.saturating_add(within).unwrap_or(Timestamp::MAX)
                }),
                flow_name: self.flow.name.clone(),
                deployment_name: self.deployment.as_ref().map(|d| d.name.clone()),
                computer: None,
            },
            idempotency_key: ask.idempotency_key,
        })
    }
}

fn union(base: &BTreeSet<String>, mut more: BTreeSet<String>) -> BTreeSet<String> {
    more.extend(base.iter().cloned());
    more
}

/// The version that runs use: the pinned one, or the newest that is active.
async fn runnable(
    store: &dyn Store,
    flow: &Flow,
    pinned: Option<VersionId>,
) -> Result<Version, ApiError> {
    let refuse = |why: String| Err(ApiError::conflict("not_runnable", why));
    let version = if let Some(id) = pinned {
        let version = store.version(flow.org, id).await?;
        if version.flow_id != flow.id {
            return refuse(format!("version {id} is not one of flow {:?}", flow.name));
        }
        if matches!(
            version.status,
            VersionStatus::Draft | VersionStatus::Archived
        ) {
            return refuse(format!(
                "version {} of {:?} is a draft or archived; activate it or choose another",
                version.number, flow.name
            ));
        }
        version
    } else {
        match newest_active(store, flow).await? {
            Some(version) => version,
            None => {
                return refuse(format!(
                    "flow {:?} has no active version; deploy one with `baton deploy`",
                    flow.name
                ));
            }
        }
    };
    if version.entry == Entry::External {
        return refuse(format!(
            "flow {:?} is executed by its own process only; deploy it to run it on robots",
            flow.name
        ));
    }
    Ok(version)
}

/// The newest version of a flow that new runs may use.
pub async fn newest_active(store: &dyn Store, flow: &Flow) -> Result<Option<Version>, StoreError> {
    let Some(latest) = flow.latest_version else {
        return Ok(None);
    };
    let version = store.version(flow.org, latest).await?;
    if version.status == VersionStatus::Active {
        return Ok(Some(version));
    }
    let versions = store.versions(flow.org, flow.id).await?;
    Ok(versions
        .into_iter()
        .find(|version| version.status == VersionStatus::Active))
}

/// Deployments made ready, by the text by which they are asked for.
#[derive(Debug, Default)]
pub struct Plans {
    ready: RwLock<HashMap<(OrgId, String), Arc<Plan>>>,
    generation: AtomicU64,
}

impl Plans {
    /// The deployment with this id or `flow/name`, ready for runs.
    pub async fn deployment(
        &self,
        store: &dyn Store,
        org: OrgId,
        text: &str,
    ) -> Result<Arc<Plan>, ApiError> {
        let key = (org, text.to_owned());
        if let Some(plan) = self.get(&key) {
            return Ok(plan);
        }
        // What was read before a change must not be kept after it.
        let generation = self.generation.load(Ordering::Acquire);
        let deployment = find_deployment(store, org, text).await?;
        let plan = Arc::new(Plan::of_deployment(store, deployment, None).await?);
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Acquire) == generation {
            if ready.len() >= MAX_READY {
                ready.clear();
            }
            ready.insert(key, Arc::clone(&plan));
        }
        Ok(plan)
    }

    /// Forgets everything: a flow, version or deployment was changed.
    pub fn forget(&self) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::AcqRel);
        ready.clear();
    }

    fn get(&self, key: &(OrgId, String)) -> Option<Arc<Plan>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.get(key).cloned()
    }
}

/// The deployment with this id or `flow/name`.
pub async fn find_deployment(
    store: &dyn Store,
    org: OrgId,
    text: &str,
) -> Result<Deployment, StoreError> {
    if let Ok(id) = text.parse() {
        return store.deployment(org, id).await;
    }
    let (flow, name) = text
        .split_once('/')
        .unwrap_or((text, baton_api::rest::DEFAULT_DEPLOYMENT));
    store.deployment_by_name(org, flow, name).await
}
