//! Deploys: flow, version, deployment and schedule, made or found in one transaction.

use std::collections::BTreeSet;

use baton_core::flow::{Deployment, DeploymentSettings, Flow, Version, VersionStatus};
use baton_core::id::{FlowId, OrgId, VersionId};
use jiff::Timestamp;
use rusqlite::params;

use super::row::{Id, opt, to_json, us};
use super::writer::Tx;
use super::{blobs, flow_rows, queues, schedules};
use crate::catalog::{Deploy, Deployed};
use crate::error::{Result, StoreError};

/// Makes sure that a flow of this name exists.
pub(super) fn ensure_flow(
    tx: &mut Tx,
    org: OrgId,
    id: FlowId,
    name: &str,
    now: Timestamp,
) -> Result<Flow> {
    if let Some(flow) = flow_rows::flow_named(&tx.conn, org, name)? {
        return Ok(flow);
    }
    let flow = Flow {
        id,
        org,
        name: name.to_owned(),
        description: String::new(),
        folder: String::new(),
        tags: BTreeSet::new(),
        latest_version: None,
        created_at: now,
        updated_at: now,
    };
    write_flow(tx, &flow)?;
    Ok(flow)
}

/// Changes what people say of a flow.
pub(super) fn describe(
    flow: &mut Flow,
    description: &Option<String>,
    folder: &Option<String>,
    tags: &Option<BTreeSet<String>>,
    now: Timestamp,
) {
    if let Some(description) = description {
        flow.description.clone_from(description);
    }
    if let Some(folder) = folder {
        flow.folder.clone_from(folder);
    }
    if let Some(tags) = tags {
        flow.tags.clone_from(tags);
    }
    flow.updated_at = now;
}

/// Inserts or replaces a flow.
pub(super) fn write_flow(tx: &Tx, flow: &Flow) -> Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT INTO flows (org, id, name, description, folder, tags, latest_version, created_at,
                 updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (org, id) DO UPDATE SET description = excluded.description,
                 folder = excluded.folder, tags = excluded.tags,
                 latest_version = excluded.latest_version, updated_at = excluded.updated_at",
        )?
        .execute(params![
            flow.org.0,
            flow.id.bytes(),
            flow.name,
            flow.description,
            flow.folder,
            to_json(&flow.tags),
            opt(&flow.latest_version),
            us(flow.created_at),
            us(flow.updated_at),
        ])?;
    Ok(())
}

fn insert_version(tx: &Tx, version: &Version) -> Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT INTO versions (org, id, flow_id, number, status, package, entry,
                 parameter_schema, source, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            version.org.0,
            version.id.bytes(),
            version.flow_id.bytes(),
            version.number,
            to_json(&version.status),
            version.package,
            to_json(&version.entry),
            to_json(&version.parameter_schema),
            to_json(&version.source),
            us(version.created_at),
        ])?;
    Ok(())
}

/// Inserts or replaces a deployment. Its schedules have no next slot while it is paused; when it is
/// resumed, the next one to come.
pub(super) fn write_deployment(
    tx: &mut Tx,
    deployment: &Deployment,
    was_paused: bool,
    now: Timestamp,
) -> Result<()> {
    let settings = &deployment.settings;
    tx.conn
        .prepare_cached(
            "INSERT INTO deployments (org, id, flow_id, name, settings, queue_id, concurrency_limit,
                 paused, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (org, id) DO UPDATE SET settings = excluded.settings,
                 queue_id = excluded.queue_id, concurrency_limit = excluded.concurrency_limit,
                 paused = excluded.paused, updated_at = excluded.updated_at",
        )?
        .execute(params![
            deployment.org.0,
            deployment.id.bytes(),
            deployment.flow_id.bytes(),
            deployment.name,
            to_json(settings),
            settings.queue_id.bytes(),
            settings.concurrency_limit,
            settings.paused,
            us(deployment.created_at),
            us(deployment.updated_at),
        ])?;
    if was_paused == settings.paused {
        return Ok(());
    }
    schedules::turn_with_deployment(tx, deployment, now)
}

/// Whether queue and pinned version are there; `making` is a version that will be.
pub(super) fn check_settings(
    tx: &Tx,
    org: OrgId,
    settings: &DeploymentSettings,
    making: Option<VersionId>,
) -> Result<()> {
    let queue_id = settings.queue_id;
    queues::find_queue(&tx.conn, org, queue_id)?
        .ok_or_else(|| StoreError::not_found(format!("queue {queue_id}")))?;
    if let Some(id) = settings.version_id
        && Some(id) != making
    {
        flow_rows::version(&tx.conn, org, id)?;
    }
    Ok(())
}

/// Makes or finds everything that a deploy names.
pub(super) fn deploy(tx: &mut Tx, deploy: &Deploy, now: Timestamp) -> Result<Deployed> {
    let org = deploy.org;
    if let Some(package) = &deploy.package {
        blobs::get(&tx.conn, package)?;
    }
    check_settings(tx, org, &deploy.settings, Some(deploy.version_id))?;
    let mut flow = ensure_flow(tx, org, deploy.flow_id, &deploy.flow_name, now)?;
    let flow_before = flow.clone();
    describe(
        &mut flow,
        &deploy.description,
        &deploy.folder,
        &deploy.flow_tags,
        flow_before.updated_at,
    );
    let (version, new_version) = version(tx, deploy, &flow, now)?;
    flow.latest_version = Some(version.id);
    let mut changed = flow != flow_before;
    if changed {
        flow.updated_at = now;
        write_flow(tx, &flow)?;
    }

    let mut settings = deploy.settings.clone();
    if settings.version_id == Some(deploy.version_id) {
        settings.version_id = Some(version.id);
    }
    let known = flow_rows::deployment_named(&tx.conn, org, flow.id, &deploy.deployment_name)?;
    let new_deployment = known.is_none();
    let was_paused = (known.as_ref()).map_or(settings.paused, |d| d.settings.paused);
    let same = known.as_ref().filter(|d| d.settings == settings);
    changed |= same.is_none();
    let updated_at = same.map_or(now, |d| d.updated_at);
    let deployment = Deployment {
        id: known.as_ref().map_or(deploy.deployment_id, |d| d.id),
        org,
        flow_id: flow.id,
        name: deploy.deployment_name.clone(),
        settings,
        created_at: known.map_or(now, |d| d.created_at),
        updated_at,
    };
    write_deployment(tx, &deployment, was_paused, now)?;
    let mut schedules_changed = Vec::new();
    for schedule in &deploy.schedules {
        if schedules::put_with_deploy(tx, &deployment, schedule, now)? {
            schedules_changed.push(schedule.name.clone());
        }
    }
    Ok(Deployed {
        flow,
        version,
        new_version,
        schedules: schedules::of_deployment_by_name(&tx.conn, org, deployment.id)?,
        deployment,
        new_deployment,
        changed: changed || !schedules_changed.is_empty(),
        schedules_changed,
    })
}

/// The flow's latest version when nothing in it changed, or a new one.
fn version(tx: &Tx, deploy: &Deploy, flow: &Flow, now: Timestamp) -> Result<(Version, bool)> {
    let latest = match flow.latest_version {
        Some(id) => Some(flow_rows::version(&tx.conn, deploy.org, id)?),
        None => None,
    };
    deploy.check_origin(latest.as_ref())?;
    let number = latest.as_ref().map_or(0, |v| v.number) + 1;
    if let Some(latest) = latest.filter(|v| {
        v.package == deploy.package
            && v.entry == deploy.entry
            && v.parameter_schema == deploy.parameter_schema
    }) {
        return Ok((latest, false));
    }
    let version = Version {
        id: deploy.version_id,
        flow_id: flow.id,
        org: deploy.org,
        number,
        status: VersionStatus::Active,
        package: deploy.package.clone(),
        entry: deploy.entry.clone(),
        parameter_schema: deploy.parameter_schema.clone(),
        source: deploy.source.clone(),
        created_at: now,
    };
    insert_version(tx, &version)?;
    Ok((version, true))
}
