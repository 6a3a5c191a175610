//! Rows of flows, versions and deployments, read.

use baton_core::flow::{Deployment, Flow, Version};
use baton_core::id::{DeploymentId, FlowId, OrgId, VersionId};
use rusqlite::{Connection, Row, params};

use super::row::{Cols, Id, all, first, to_json};
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest, cursor, paged};

/// The columns of a flow.
pub(super) const FLOW: &str =
    "org, id, name, description, folder, tags, latest_version, created_at, updated_at";

pub(super) fn read_flow(row: &Row<'_>) -> Result<Flow> {
    let mut c = Cols::new(row);
    Ok(Flow {
        org: OrgId(c.get()?),
        id: c.id()?,
        name: c.get()?,
        description: c.get()?,
        folder: c.get()?,
        tags: c.json()?,
        latest_version: c.opt_id()?,
        created_at: c.ts()?,
        updated_at: c.ts()?,
    })
}

/// One flow.
pub(super) fn flow(conn: &Connection, org: OrgId, id: FlowId) -> Result<Flow> {
    let sql = format!("SELECT {FLOW} FROM flows WHERE org = ?1 AND id = ?2");
    first(
        conn.prepare_cached(&sql)?,
        params![org.0, id.bytes()],
        read_flow,
    )?
    .ok_or_else(|| StoreError::not_found(format!("flow {id}")))
}

/// The flow with this name, if there is one.
pub(super) fn flow_named(conn: &Connection, org: OrgId, name: &str) -> Result<Option<Flow>> {
    let sql = format!("SELECT {FLOW} FROM flows WHERE org = ?1 AND name = ?2");
    first(conn.prepare_cached(&sql)?, params![org.0, name], read_flow)
}

const VERSION: &str = "org, id, flow_id, number, status, package, entry, parameter_schema, source, \
    created_at";

fn read_version(row: &Row<'_>) -> Result<Version> {
    let mut c = Cols::new(row);
    Ok(Version {
        org: OrgId(c.get()?),
        id: c.id()?,
        flow_id: c.id()?,
        number: c.get()?,
        status: c.json()?,
        package: c.get()?,
        entry: c.json()?,
        parameter_schema: c.json()?,
        source: c.json()?,
        created_at: c.ts()?,
    })
}

/// One version.
pub(super) fn version(conn: &Connection, org: OrgId, id: VersionId) -> Result<Version> {
    let sql = format!("SELECT {VERSION} FROM versions WHERE org = ?1 AND id = ?2");
    first(
        conn.prepare_cached(&sql)?,
        params![org.0, id.bytes()],
        read_version,
    )?
    .ok_or_else(|| StoreError::not_found(format!("version {id}")))
}

/// The versions of a flow, newest first.
pub(super) fn versions(conn: &Connection, org: OrgId, flow_id: FlowId) -> Result<Vec<Version>> {
    let sql = format!(
        "SELECT {VERSION} FROM versions WHERE org = ?1 AND flow_id = ?2 ORDER BY number DESC"
    );
    all(
        conn.prepare_cached(&sql)?,
        params![org.0, flow_id.bytes()],
        read_version,
    )
}

/// A page of the versions of a flow, newest first.
pub(super) const VERSIONS: &str = "SELECT org, id, flow_id, number, status, package, entry,
    parameter_schema, source, created_at FROM versions
    WHERE org = ?1 AND flow_id = ?2 AND number < ?3 ORDER BY number DESC LIMIT ?4";

/// The same in pages.
pub(super) fn versions_page(
    conn: &Connection,
    flow_id: FlowId,
    request: &PageRequest,
) -> Result<Page<Version>> {
    let before = cursor::<u32>(request)?.map_or(i64::MAX, i64::from);
    let (org, limit) = (request.org.0, request.clamped() + 1);
    let rows = params![org, flow_id.bytes(), before, limit];
    let found = all(conn.prepare_cached(VERSIONS)?, rows, read_version)?;
    Ok(paged(found, request, |version| to_json(&version.number)))
}

const DEPLOYMENT: &str = "org, id, flow_id, name, settings, created_at, updated_at";

/// A page of deployments by flow name, then name; the flow's name comes last in each row.
pub(super) const DEPLOYMENTS: &str = "SELECT d.org, d.id, d.flow_id, d.name, d.settings, \
    d.created_at, d.updated_at, f.name FROM flows AS f INDEXED BY flows_by_name \
    CROSS JOIN deployments AS d INDEXED BY deployments_by_name \
    ON d.org = f.org AND d.flow_id = f.id \
    WHERE f.org = ?1 AND (?2 IS NULL OR f.id = ?2) \
    AND (?3 IS NULL OR (f.name, d.name) > (?3, ?4)) ORDER BY f.name, d.name LIMIT ?5";

pub(super) fn read_deployment(row: &Row<'_>) -> Result<Deployment> {
    let mut c = Cols::new(row);
    Ok(Deployment {
        org: OrgId(c.get()?),
        id: c.id()?,
        flow_id: c.id()?,
        name: c.get()?,
        settings: c.json()?,
        created_at: c.ts()?,
        updated_at: c.ts()?,
    })
}

/// One deployment.
pub(super) fn deployment(conn: &Connection, org: OrgId, id: DeploymentId) -> Result<Deployment> {
    let sql = format!("SELECT {DEPLOYMENT} FROM deployments WHERE org = ?1 AND id = ?2");
    first(
        conn.prepare_cached(&sql)?,
        params![org.0, id.bytes()],
        read_deployment,
    )?
    .ok_or_else(|| StoreError::not_found(format!("deployment {id}")))
}

/// The deployment of a flow with this name, if there is one.
pub(super) fn deployment_named(
    conn: &Connection,
    org: OrgId,
    flow_id: FlowId,
    name: &str,
) -> Result<Option<Deployment>> {
    let sql = format!(
        "SELECT {DEPLOYMENT} FROM deployments WHERE org = ?1 AND flow_id = ?2 AND name = ?3"
    );
    first(
        conn.prepare_cached(&sql)?,
        params![org.0, flow_id.bytes(), name],
        read_deployment,
    )
}
