//! Flows, versions, deployments and files in SQLite: each method of the trait.

use std::collections::BTreeSet;

use async_trait::async_trait;
use baton_core::flow::{Deployment, DeploymentSettings, Flow, Version, VersionStatus};
use baton_core::id::{ArtifactId, DeploymentId, FlowId, OrgId, RunId, VersionId};
use jiff::Timestamp;
use rusqlite::params;

use super::row::{Id, all, to_json};
use super::writer::Tx;
use super::{SqliteStore, blobs, deploy, flow_rows, prune};
use crate::catalog::{Artifact, Catalog, DELETE_STEP, Deploy, Deployed};
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest, cursor, paged};

/// What needs name, or what limits them, may have changed.
fn catalog_changed(tx: &mut Tx) {
    tx.numbers.doubt();
    tx.rules.clear();
    tx.pending.note.queued = true;
    tx.pending.note.due_changed = true;
}

#[async_trait]
impl Catalog for SqliteStore {
    async fn put_blob_chunk(&self, hash: &str, index: u32, bytes: Vec<u8>) -> Result<()> {
        let hash = hash.to_owned();
        self.write(move |tx| blobs::put_chunk(tx, &hash, index, &bytes))
            .await
    }

    async fn finish_blob(&self, hash: &str, size: i64, chunks: u32, now: Timestamp) -> Result<()> {
        let hash = hash.to_owned();
        self.write(move |tx| blobs::finish(tx, &hash, size, chunks, now))
            .await
    }

    async fn blob(&self, hash: &str) -> Result<(i64, u32)> {
        self.point(|conn| blobs::get(conn, hash))
    }

    async fn blob_chunk(&self, hash: &str, index: u32) -> Result<Vec<u8>> {
        let hash = hash.to_owned();
        self.scan(move |conn| blobs::chunk(conn, &hash, index))
            .await
    }

    async fn deploy(&self, deploy: Deploy, now: Timestamp) -> Result<Deployed> {
        self.write(move |tx| {
            let deployed = deploy::deploy(tx, &deploy, now)?;
            catalog_changed(tx);
            Ok(deployed)
        })
        .await
    }

    async fn flow(&self, org: OrgId, id: FlowId) -> Result<Flow> {
        self.point(|conn| flow_rows::flow(conn, org, id))
    }

    async fn flow_by_name(&self, org: OrgId, name: &str) -> Result<Flow> {
        self.point(|conn| {
            flow_rows::flow_named(conn, org, name)?
                .ok_or_else(|| StoreError::not_found(format!("flow {name}")))
        })
    }

    async fn flows(&self, search: Option<String>, page: PageRequest) -> Result<Page<Flow>> {
        self.scan(move |conn| {
            let after: Option<String> = cursor(&page)?;
            let sql = format!(
                "SELECT {} FROM flows WHERE org = ?1 AND (?2 IS NULL OR name > ?2)
                 AND (?3 IS NULL OR instr(lower(name), ?3) > 0) ORDER BY name LIMIT ?4",
                flow_rows::FLOW
            );
            let search = search.map(|s| s.to_ascii_lowercase());
            let found = all(
                conn.prepare_cached(&sql)?,
                params![page.org.0, after, search, page.clamped() + 1],
                flow_rows::read_flow,
            )?;
            Ok(paged(found, &page, |f| to_json(&f.name)))
        })
        .await
    }

    async fn ensure_flow(
        &self,
        org: OrgId,
        id: FlowId,
        name: &str,
        now: Timestamp,
    ) -> Result<Flow> {
        if let Some(flow) = self.point(|conn| flow_rows::flow_named(conn, org, name))? {
            return Ok(flow);
        }
        let name = name.to_owned();
        self.write(move |tx| deploy::ensure_flow(tx, org, id, &name, now))
            .await
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
        self.write(move |tx| {
            let mut flow = flow_rows::flow(&tx.conn, org, id)?;
            deploy::describe(&mut flow, &description, &folder, &tags, now);
            deploy::write_flow(tx, &flow)?;
            Ok(flow)
        })
        .await
    }

    async fn delete_flow(&self, org: OrgId, id: FlowId, _now: Timestamp) -> Result<bool> {
        self.write(move |tx| delete_flow(tx, org, id)).await
    }

    async fn version(&self, org: OrgId, id: VersionId) -> Result<Version> {
        self.point(|conn| flow_rows::version(conn, org, id))
    }

    async fn versions(&self, org: OrgId, flow_id: FlowId) -> Result<Vec<Version>> {
        self.scan(move |conn| flow_rows::versions(conn, org, flow_id))
            .await
    }

    async fn versions_page(&self, flow_id: FlowId, request: PageRequest) -> Result<Page<Version>> {
        self.scan(move |conn| flow_rows::versions_page(conn, flow_id, &request))
            .await
    }

    async fn set_version_status(
        &self,
        org: OrgId,
        id: VersionId,
        status: VersionStatus,
        _now: Timestamp,
    ) -> Result<Version> {
        self.write(move |tx| {
            let mut version = flow_rows::version(&tx.conn, org, id)?;
            version.status = status;
            tx.conn
                .prepare_cached("UPDATE versions SET status = ?3 WHERE org = ?1 AND id = ?2")?
                .execute(params![org.0, id.bytes(), to_json(&status)])?;
            Ok(version)
        })
        .await
    }

    async fn deployment(&self, org: OrgId, id: DeploymentId) -> Result<Deployment> {
        self.point(|conn| flow_rows::deployment(conn, org, id))
    }

    async fn deployment_by_name(&self, org: OrgId, flow: &str, name: &str) -> Result<Deployment> {
        self.point(|conn| {
            let missing = || StoreError::not_found(format!("deployment {flow}/{name}"));
            let of = flow_rows::flow_named(conn, org, flow)?.ok_or_else(missing)?;
            flow_rows::deployment_named(conn, org, of.id, name)?.ok_or_else(missing)
        })
    }

    async fn deployments(
        &self,
        flow_id: Option<FlowId>,
        page: PageRequest,
    ) -> Result<Page<Deployment>> {
        self.scan(move |conn| {
            let (flow, name) = cursor::<(String, String)>(&page)?.unzip();
            let found = all(
                conn.prepare_cached(flow_rows::DEPLOYMENTS)?,
                params![
                    page.org.0,
                    flow_id.as_ref().map(Id::bytes),
                    flow,
                    name,
                    page.clamped() + 1
                ],
                |row| Ok((flow_rows::read_deployment(row)?, row.get::<_, String>(7)?)),
            )?;
            let page = paged(found, &page, |(d, flow)| to_json(&(flow, &d.name)));
            Ok(Page {
                items: page.items.into_iter().map(|(d, _)| d).collect(),
                next: page.next,
            })
        })
        .await
    }

    async fn update_deployment(
        &self,
        org: OrgId,
        id: DeploymentId,
        settings: DeploymentSettings,
        now: Timestamp,
    ) -> Result<Deployment> {
        self.write(move |tx| {
            let mut deployment = flow_rows::deployment(&tx.conn, org, id)?;
            deploy::check_settings(tx, org, &settings, None)?;
            let was_paused = deployment.settings.paused;
            deployment.settings = settings.clone();
            deployment.updated_at = now;
            deploy::write_deployment(tx, &deployment, was_paused, now)?;
            catalog_changed(tx);
            Ok(deployment)
        })
        .await
    }

    async fn delete_deployment(&self, org: OrgId, id: DeploymentId, _now: Timestamp) -> Result<()> {
        self.write(move |tx| {
            let name = flow_rows::deployment(&tx.conn, org, id)?.name;
            let busy = tx
                .conn
                .prepare_cached(
                    "SELECT 1 FROM runs INDEXED BY runs_by_phase
                     WHERE org = ?1 AND phase IN (0, 1, 2) AND +deployment_id = ?2",
                )?
                .exists(params![org.0, id.bytes()])?;
            if busy {
                let text =
                    format!("deployment {name} has runs that have not ended; cancel them first");
                return Err(StoreError::conflict("deployment_in_use", text));
            }
            tx.conn
                .prepare_cached("DELETE FROM deployments WHERE org = ?1 AND id = ?2")?
                .execute(params![org.0, id.bytes()])?;
            catalog_changed(tx);
            Ok(())
        })
        .await
    }

    async fn put_artifact(&self, artifact: Artifact) -> Result<()> {
        self.write(move |tx| blobs::put_artifact(tx, &artifact))
            .await
    }

    async fn artifacts(&self, org: OrgId, run_id: RunId) -> Result<Vec<Artifact>> {
        self.scan(move |conn| blobs::artifacts(conn, org, run_id))
            .await
    }

    async fn artifacts_page(&self, run_id: RunId, request: PageRequest) -> Result<Page<Artifact>> {
        self.scan(move |conn| blobs::artifacts_page(conn, run_id, &request))
            .await
    }

    async fn artifact(&self, org: OrgId, id: ArtifactId) -> Result<Artifact> {
        self.point(|conn| blobs::artifact(conn, org, id))
    }
}

fn delete_flow(tx: &mut Tx, org: OrgId, id: FlowId) -> Result<bool> {
    let name = flow_rows::flow(&tx.conn, org, id)?.name;
    let busy = tx
        .conn
        .prepare_cached(
            "SELECT 1 FROM runs INDEXED BY runs_by_flow
             WHERE org = ?1 AND flow_id = ?2 AND (ended_at IS NULL OR live = 1)",
        )?
        .exists(params![org.0, id.bytes()])?;
    if busy {
        let text = format!("flow {name} has runs that have not ended; cancel them first");
        return Err(StoreError::conflict("flow_in_use", text));
    }
    // Schedules go with their deployments, by their foreign keys.
    tx.conn
        .prepare_cached("DELETE FROM deployments WHERE org = ?1 AND flow_id = ?2")?
        .execute(params![org.0, id.bytes()])?;
    catalog_changed(tx);
    let runs = all(
        tx.conn.prepare_cached(
            "SELECT id FROM runs INDEXED BY runs_by_flow
             WHERE org = ?1 AND flow_id = ?2 ORDER BY id LIMIT ?3",
        )?,
        params![org.0, id.bytes(), DELETE_STEP],
        |row| Ok(RunId::from_bytes(row.get(0)?)),
    )?;
    let is_last = runs.len() < DELETE_STEP as usize;
    for run in runs {
        prune::delete_run(tx, org, run)?;
    }
    if is_last {
        tx.conn
            .prepare_cached("DELETE FROM flows WHERE org = ?1 AND id = ?2")?
            .execute(params![org.0, id.bytes()])?;
    }
    Ok(is_last)
}
