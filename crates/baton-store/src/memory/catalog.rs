//! Flows, versions, deployments and files in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;
use baton_core::flow::{Deployment, DeploymentSettings, Flow, Version, VersionStatus};
use baton_core::id::{ArtifactId, DeploymentId, FlowId, OrgId, RunId, VersionId};
use baton_core::schedule::Schedule;
use jiff::Timestamp;

use super::{Blob, MemoryStore, World, page, schedules};
use crate::catalog::{Artifact, BLOB_CHUNK, Catalog, DELETE_STEP, Deploy, Deployed};
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest};

#[async_trait]
impl Catalog for MemoryStore {
    async fn put_blob_chunk(&self, hash: &str, index: u32, bytes: Vec<u8>) -> Result<()> {
        self.write(|world, _| {
            if bytes.len() > BLOB_CHUNK {
                let text = format!("a chunk has at most {BLOB_CHUNK} bytes");
                return Err(StoreError::conflict("chunk_too_large", text));
            }
            if !world.blobs.contains_key(hash) {
                world.chunks.insert((hash.into(), index), bytes);
            }
            Ok(())
        })
    }

    async fn finish_blob(&self, hash: &str, size: i64, chunks: u32, now: Timestamp) -> Result<()> {
        self.write(|world, _| {
            if world.blobs.contains_key(hash) {
                return Ok(());
            }
            let parts: Vec<_> = (0..chunks)
                .map(|i| world.chunks.get(&(hash.into(), i)))
                .collect();
            let sum: usize = parts.iter().flatten().map(|p| p.len()).sum();
            if parts.iter().any(Option::is_none) || i64::try_from(sum).ok() != Some(size) {
                let text =
                    format!("of the {size} bytes of {hash} there are {sum}; upload the rest");
                return Err(StoreError::conflict("blob_incomplete", text));
            }
            let blob = Blob {
                size,
                chunks,
                completed_at: now,
            };
            world.blobs.insert(hash.into(), blob);
            Ok(())
        })
    }

    async fn blob(&self, hash: &str) -> Result<(i64, u32)> {
        self.read(|world| world.blob_of(hash).map(|blob| (blob.size, blob.chunks)))
    }

    async fn blob_chunk(&self, hash: &str, index: u32) -> Result<Vec<u8>> {
        self.read(|world| {
            let blob = world.blob_of(hash)?;
            (world.chunks.get(&(hash.into(), index)))
                .filter(|_| index < blob.chunks)
                .cloned()
                .ok_or_else(|| StoreError::not_found(format!("chunk {index} of blob {hash}")))
        })
    }

    async fn deploy(&self, deploy: Deploy, now: Timestamp) -> Result<Deployed> {
        self.write(|world, note| {
            note.queued = true;
            note.due_changed = true;
            world.deploy(deploy, now)
        })
    }

    async fn flow(&self, org: OrgId, id: FlowId) -> Result<Flow> {
        self.read(|world| Ok(world.flow_of(org, id)?.clone()))
    }

    async fn flow_by_name(&self, org: OrgId, name: &str) -> Result<Flow> {
        self.read(|world| {
            (world.flow_named(org, name).cloned())
                .ok_or_else(|| StoreError::not_found(format!("flow {name}")))
        })
    }

    async fn flows(&self, search: Option<String>, request: PageRequest) -> Result<Page<Flow>> {
        self.read(|world| {
            let needle = search.map(|s| s.to_ascii_lowercase());
            let fits = |f: &&Flow| {
                let name = f.name.to_ascii_lowercase();
                f.org == request.org && needle.as_ref().is_none_or(|n| name.contains(n))
            };
            let mut flows: Vec<_> = world.flows.values().filter(fits).cloned().collect();
            flows.sort_by(|a, b| a.name.cmp(&b.name));
            page(flows.into_iter(), &request, |f| f.name.clone(), false)
        })
    }

    async fn ensure_flow(
        &self,
        org: OrgId,
        id: FlowId,
        name: &str,
        now: Timestamp,
    ) -> Result<Flow> {
        self.write(|world, _| Ok(world.ensure_flow(org, id, name, now).clone()))
    }

    async fn update_flow(
        &self,
        org: OrgId,
        id: FlowId,
        description: Option<String>,
        folder: Option<String>,
        tags: Option<BTreeSet<String>>,
        now: Timestamp,
    ) -> Result<Flow> {
        self.write(|world, _| {
            world.flow_of(org, id)?;
            let flow = world.flows.get_mut(&id).expect("it has just been read");
            describe(flow, description, folder, tags, now);
            Ok(flow.clone())
        })
    }

    async fn delete_flow(&self, org: OrgId, id: FlowId, _now: Timestamp) -> Result<bool> {
        self.write(|world, note| {
            let name = world.flow_of(org, id)?.name.clone();
            let runs = world.runs.values().map(|rows| &rows.run);
            let of_flow: Vec<_> = runs.filter(|r| r.spec.needs.flow_id == id).collect();
            if of_flow.iter().any(|r| !r.state.is_terminal() || r.live) {
                let text = format!("flow {name} has runs that have not ended; cancel them first");
                return Err(StoreError::conflict("flow_in_use", text));
            }
            let runs: Vec<RunId> = of_flow.into_iter().map(|r| r.id).collect();
            let gone: BTreeSet<_> = (world.deployments.values())
                .filter(|d| d.flow_id == id)
                .map(|d| d.id)
                .collect();
            world
                .schedules
                .retain(|_, s| !gone.contains(&s.deployment_id));
            world.deployments.retain(|_, d| d.flow_id != id);
            note.due_changed = true;
            let step = DELETE_STEP as usize;
            let is_last = runs.len() < step;
            let runs = runs.into_iter().take(step);
            runs.for_each(|run| {
                world.remove_run(run);
                note.note_run(run);
            });
            if is_last {
                world.versions.retain(|_, v| v.flow_id != id);
                world.flows.remove(&id);
            }
            Ok(is_last)
        })
    }

    async fn version(&self, org: OrgId, id: VersionId) -> Result<Version> {
        self.read(|world| Ok(world.version_of(org, id)?.clone()))
    }

    async fn versions(&self, org: OrgId, flow_id: FlowId) -> Result<Vec<Version>> {
        self.read(|world| {
            let of_flow =
                (world.versions.values()).filter(|v| v.org == org && v.flow_id == flow_id);
            let mut versions: Vec<_> = of_flow.cloned().collect();
            versions.sort_by_key(|v| std::cmp::Reverse(v.number));
            Ok(versions)
        })
    }

    async fn versions_page(&self, flow_id: FlowId, request: PageRequest) -> Result<Page<Version>> {
        let versions = self.versions(request.org, flow_id).await?;
        page(
            versions.into_iter(),
            &request,
            |version| version.number,
            true,
        )
    }

    async fn set_version_status(
        &self,
        org: OrgId,
        id: VersionId,
        status: VersionStatus,
        _now: Timestamp,
    ) -> Result<Version> {
        self.write(|world, _| {
            world.version_of(org, id)?;
            let version = world.versions.get_mut(&id).expect("it has just been read");
            version.status = status;
            Ok(version.clone())
        })
    }

    async fn deployment(&self, org: OrgId, id: DeploymentId) -> Result<Deployment> {
        self.read(|world| Ok(world.deployment_of(org, id)?.clone()))
    }

    async fn deployment_by_name(&self, org: OrgId, flow: &str, name: &str) -> Result<Deployment> {
        self.read(|world| {
            let flow_id = world.flow_named(org, flow).map(|f| f.id);
            (world.deployments.values())
                .find(|d| Some(d.flow_id) == flow_id && d.name == name)
                .cloned()
                .ok_or_else(|| StoreError::not_found(format!("deployment {flow}/{name}")))
        })
    }

    async fn deployments(
        &self,
        flow_id: Option<FlowId>,
        request: PageRequest,
    ) -> Result<Page<Deployment>> {
        self.read(|world| {
            let key = |d: &Deployment| (world.flows[&d.flow_id].name.clone(), d.name.clone());
            let fits =
                |d: &&Deployment| d.org == request.org && flow_id.is_none_or(|id| id == d.flow_id);
            let mut found: Vec<_> = world.deployments.values().filter(fits).cloned().collect();
            found.sort_by_key(key);
            page(found.into_iter(), &request, key, false)
        })
    }

    async fn update_deployment(
        &self,
        org: OrgId,
        id: DeploymentId,
        settings: DeploymentSettings,
        now: Timestamp,
    ) -> Result<Deployment> {
        self.write(|world, note| {
            world.deployment_of(org, id)?;
            world.queue_of(org, settings.queue_id)?;
            if let Some(version) = settings.version_id {
                world.version_of(org, version)?;
            }
            let deployment = world
                .deployments
                .get_mut(&id)
                .expect("it has just been read");
            let was_paused = deployment.settings.paused;
            deployment.settings = settings;
            deployment.updated_at = now;
            let deployment = deployment.clone();
            if was_paused != deployment.settings.paused {
                world.turn_schedules(id, deployment.settings.paused, now);
            }
            note.queued = true;
            note.due_changed = true;
            Ok(deployment)
        })
    }

    async fn delete_deployment(&self, org: OrgId, id: DeploymentId, _now: Timestamp) -> Result<()> {
        self.write(|world, note| {
            let name = world.deployment_of(org, id)?.name.clone();
            let busy = (world.runs.values().map(|rows| &rows.run))
                .any(|r| r.spec.needs.deployment_id == Some(id) && !r.state.is_terminal());
            if busy {
                let text =
                    format!("deployment {name} has runs that have not ended; cancel them first");
                return Err(StoreError::conflict("deployment_in_use", text));
            }
            world.schedules.retain(|_, s| s.deployment_id != id);
            world.deployments.remove(&id);
            note.due_changed = true;
            Ok(())
        })
    }

    async fn put_artifact(&self, artifact: Artifact) -> Result<()> {
        self.write(|world, _| {
            world.rows(artifact.org, artifact.run_id)?;
            world.blob_of(&artifact.hash)?;
            world.artifacts.retain(|_, a| {
                (a.run_id, a.attempt, &a.name)
                    != (artifact.run_id, artifact.attempt, &artifact.name)
            });
            world.artifacts.insert(artifact.id, artifact);
            Ok(())
        })
    }

    async fn artifacts(&self, org: OrgId, run_id: RunId) -> Result<Vec<Artifact>> {
        self.read(|world| {
            let of_run = (world.artifacts.values()).filter(|a| a.org == org && a.run_id == run_id);
            let mut found: Vec<_> = of_run.cloned().collect();
            found.sort_by(|a, b| (a.attempt, &a.name).cmp(&(b.attempt, &b.name)));
            Ok(found)
        })
    }

    async fn artifacts_page(&self, run_id: RunId, request: PageRequest) -> Result<Page<Artifact>> {
        let artifacts = self.artifacts(request.org, run_id).await?;
        page(
            artifacts.into_iter(),
            &request,
            |one| (one.attempt, one.name.clone()),
            false,
        )
    }

    async fn artifact(&self, org: OrgId, id: ArtifactId) -> Result<Artifact> {
        self.read(|world| {
            (world.artifacts.get(&id))
                .filter(|a| a.org == org)
                .cloned()
                .ok_or_else(|| StoreError::not_found(format!("artifact {id}")))
        })
    }
}

/// Changes what people say of a flow.
fn describe(
    flow: &mut Flow,
    description: Option<String>,
    folder: Option<String>,
    tags: Option<BTreeSet<String>>,
    now: Timestamp,
) {
    flow.description = description.unwrap_or_else(|| flow.description.clone());
    flow.folder = folder.unwrap_or_else(|| flow.folder.clone());
    flow.tags = tags.unwrap_or_else(|| flow.tags.clone());
    flow.updated_at = now;
}

impl World {
    fn blob_of(&self, hash: &str) -> Result<&Blob> {
        (self.blobs.get(hash)).ok_or_else(|| StoreError::not_found(format!("blob {hash}")))
    }

    fn flow_of(&self, org: OrgId, id: FlowId) -> Result<&Flow> {
        (self.flows.get(&id))
            .filter(|f| f.org == org)
            .ok_or_else(|| StoreError::not_found(format!("flow {id}")))
    }

    fn flow_named(&self, org: OrgId, name: &str) -> Option<&Flow> {
        self.flows.values().find(|f| f.org == org && f.name == name)
    }

    fn version_of(&self, org: OrgId, id: VersionId) -> Result<&Version> {
        (self.versions.get(&id))
            .filter(|v| v.org == org)
            .ok_or_else(|| StoreError::not_found(format!("version {id}")))
    }

    pub(super) fn deployment_of(&self, org: OrgId, id: DeploymentId) -> Result<&Deployment> {
        (self.deployments.get(&id))
            .filter(|d| d.org == org)
            .ok_or_else(|| StoreError::not_found(format!("deployment {id}")))
    }

    fn ensure_flow(&mut self, org: OrgId, id: FlowId, name: &str, now: Timestamp) -> &mut Flow {
        let id = self.flow_named(org, name).map_or(id, |f| f.id);
        self.flows.entry(id).or_insert_with(|| Flow {
            id,
            org,
            name: name.into(),
            description: String::new(),
            folder: String::new(),
            tags: BTreeSet::new(),
            latest_version: None,
            created_at: now,
            updated_at: now,
        })
    }

    fn deploy(&mut self, deploy: Deploy, now: Timestamp) -> Result<Deployed> {
        self.check_deploy(&deploy)?;
        let known = self.flow_named(deploy.org, &deploy.flow_name);
        let latest = known.and_then(|flow| self.versions.get(&flow.latest_version?));
        deploy.check_origin(latest)?;
        let org = deploy.org;
        let flow = self.ensure_flow(org, deploy.flow_id, &deploy.flow_name, now);
        let (flow_id, latest) = (flow.id, flow.latest_version);
        let flow_before = flow.clone();
        describe(
            flow,
            deploy.description.clone(),
            deploy.folder.clone(),
            deploy.flow_tags.clone(),
            flow_before.updated_at,
        );
        let (version, new_version) = self.version_for(&deploy, flow_id, latest, now);
        self.versions.insert(version.id, version.clone());
        let flow = self
            .flows
            .get_mut(&flow_id)
            .expect("it has just been made sure of");
        flow.latest_version = Some(version.id);
        let mut changed = *flow != flow_before;
        if changed {
            flow.updated_at = now;
        }
        let flow = flow.clone();

        let mut settings = deploy.settings;
        if settings.version_id == Some(deploy.version_id) {
            settings.version_id = Some(version.id);
        }
        let known = (self.deployments.values())
            .find(|d| d.flow_id == flow_id && d.name == deploy.deployment_name);
        let new_deployment = known.is_none();
        let was_paused = known.map_or(settings.paused, |d| d.settings.paused);
        let same = known.filter(|d| d.settings == settings);
        changed |= same.is_none();
        let updated_at = same.map_or(now, |d| d.updated_at);
        let deployment = Deployment {
            id: known.map_or(deploy.deployment_id, |d| d.id),
            org,
            flow_id,
            name: deploy.deployment_name,
            settings,
            created_at: known.map_or(now, |d| d.created_at),
            updated_at,
        };
        self.deployments.insert(deployment.id, deployment.clone());
        if was_paused != deployment.settings.paused {
            self.turn_schedules(deployment.id, deployment.settings.paused, now);
        }
        let mut schedules_changed = Vec::new();
        for schedule in deploy.schedules {
            let name = schedule.name.clone();
            if self.put_schedule(&deployment, schedule, now) {
                schedules_changed.push(name);
            }
        }
        Ok(Deployed {
            flow,
            version,
            new_version,
            new_deployment,
            schedules: self.schedules_of(deployment.id),
            deployment,
            changed: changed || !schedules_changed.is_empty(),
            schedules_changed,
        })
    }

    /// The flow's latest version when nothing in it changed, or a new one.
    fn version_for(
        &self,
        deploy: &Deploy,
        flow_id: FlowId,
        latest: Option<VersionId>,
        now: Timestamp,
    ) -> (Version, bool) {
        let latest = latest.map(|id| self.versions[&id].clone());
        let same = |v: &Version| {
            v.package == deploy.package
                && v.entry == deploy.entry
                && v.parameter_schema == deploy.parameter_schema
        };
        match latest {
            Some(latest) if same(&latest) => (latest, false),
            latest => {
                let version = Version {
                    id: deploy.version_id,
                    flow_id,
                    org: deploy.org,
                    number: latest.map_or(0, |v| v.number) + 1,
                    status: VersionStatus::Active,
                    package: deploy.package.clone(),
                    entry: deploy.entry.clone(),
                    parameter_schema: deploy.parameter_schema.clone(),
                    source: deploy.source.clone(),
                    created_at: now,
                };
                (version, true)
            }
        }
    }

    /// Whether all that a deploy refers to is there.
    fn check_deploy(&self, deploy: &Deploy) -> Result<()> {
        if let Some(package) = &deploy.package {
            self.blob_of(package)?;
        }
        self.queue_of(deploy.org, deploy.settings.queue_id)?;
        let pinned = deploy.settings.version_id;
        if let Some(id) = pinned.filter(|id| *id != deploy.version_id) {
            self.version_of(deploy.org, id)?;
        }
        Ok(())
    }

    fn schedules_of(&self, id: DeploymentId) -> Vec<Schedule> {
        let all = self.schedules.values();
        let mut found: Vec<_> = all.filter(|s| s.deployment_id == id).cloned().collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Creates the schedule that came with a deploy, or replaces the one of its name. Says whether it is
    /// new or changed.
    fn put_schedule(&mut self, deployment: &Deployment, new: Schedule, now: Timestamp) -> bool {
        let held = deployment.settings.paused;
        let known = (self.schedules.values_mut())
            .find(|s| s.deployment_id == deployment.id && s.name == new.name);
        match known {
            Some(known) => {
                let edited = schedules::edited(known, &new.settings, new.paused, held, now);
                let changed = edited != *known;
                *known = edited;
                changed
            }
            None => {
                let schedule = Schedule {
                    org: deployment.org,
                    deployment_id: deployment.id,
                    next_at: new.next_at.filter(|_| !held),
                    ..new
                };
                self.schedules.insert(schedule.id, schedule);
                true
            }
        }
    }
}
