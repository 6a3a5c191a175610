//! What there is before any run: queues, keys, robots, flows with their versions, deployments and schedules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_core::id::{OrgId, QueueId};
use baton_core::robot::Robot;
use baton_core::schedule::Schedule;
use baton_server::submit::Plan;
use baton_store::Store;
use baton_store::catalog::BLOB_CHUNK;
use baton_store::logs::ResourceEvent;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::catalog::{DeploymentDef, FlowDef};
use super::dice::Dice;
use super::fleet::RobotDef;
use crate::failure::{Done, Failure};
use crate::serve::store_failure;

mod flows;
mod machines;
mod settle;

/// The org of the demo.
pub(crate) const ORG: OrgId = OrgId::DEFAULT;

/// A robot and when each of its slots is free.
pub(crate) struct Member {
    pub(crate) def: &'static RobotDef,
    pub(crate) robot: Robot,
    pub(crate) free_at: Vec<Timestamp>,
    /// From then on it takes nothing.
    pub(crate) until: Timestamp,
}

/// A deployment, ready for runs.
pub(crate) struct Ready {
    pub(crate) flow: &'static FlowDef,
    pub(crate) def: &'static DeploymentDef,
    pub(crate) plan: Plan,
    pub(crate) schedules: Vec<Schedule>,
}

/// A later version of a flow, and when it is deployed.
pub(crate) struct Upgrade {
    pub(crate) at: Timestamp,
    flow: &'static FlowDef,
    version: usize,
}

/// Everything there is, and the store that holds it.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) dice: Dice,
    /// Where the sources of the packages are written.
    sources: PathBuf,
    pub(crate) queues: BTreeMap<String, QueueId>,
    pub(crate) members: Vec<Member>,
    pub(crate) deployments: Vec<Ready>,
    /// By rising time.
    pub(crate) upgrades: Vec<Upgrade>,
    /// The text of each key that works, by its name.
    pub(crate) keys: BTreeMap<String, String>,
    /// What somebody did to something, for the trail.
    notes: Vec<ResourceEvent>,
}

impl World {
    /// Makes everything that was there when history begins.
    pub(crate) async fn found(
        store: Arc<dyn Store>,
        (from, until): (Timestamp, Timestamp),
        dice: Dice,
        folder: &Path,
    ) -> Done<Self> {
        let mut world = Self {
            store,
            from,
            until,
            dice,
            sources: folder.join("sources"),
            queues: BTreeMap::new(),
            members: Vec::new(),
            deployments: Vec::new(),
            upgrades: Vec::new(),
            keys: BTreeMap::new(),
            notes: Vec::new(),
        };
        world.make_queues().await?;
        world.make_keys().await?;
        world.make_robots().await?;
        world.make_flows().await?;
        Ok(world)
    }

    /// Notes for the trail that somebody did something.
    fn note(&mut self, at: Timestamp, actor: &str, kind: &str, subject: String, detail: Value) {
        self.notes.push(ResourceEvent {
            seq: 0,
            org: ORG,
            at,
            kind: kind.to_owned(),
            subject,
            actor: actor.to_owned(),
            detail,
        });
    }
}

/// What the server's own rules refused.
pub(crate) fn refused(error: &baton_server::error::ApiError) -> Failure {
    Failure::new(
        crate::exit::Exit::Failed,
        error.code.clone(),
        error.detail.clone(),
    )
}

/// The parameters that this schema knows: an older version knows fewer.
pub(crate) fn known(schema: &Value, mut parameters: Map<String, Value>) -> Map<String, Value> {
    parameters.retain(|name, _| schema["properties"].get(name).is_some());
    parameters
}

/// Stores a file, and gives its name.
pub(crate) async fn put_blob(store: &dyn Store, bytes: &[u8], at: Timestamp) -> Done<String> {
    let hash = baton_api::package::hash(bytes);
    let mut chunks = 0;
    for chunk in bytes.chunks(BLOB_CHUNK) {
        let put = store.put_blob_chunk(&hash, chunks, chunk.to_vec()).await;
        put.map_err(store_failure)?;
        chunks += 1;
    }
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let finished = store.finish_blob(&hash, size, chunks, at).await;
    finished.map_err(store_failure)?;
    Ok(hash)
}

fn words(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// How long something took.
pub(crate) fn seconds(from: Timestamp, until: Timestamp) -> f64 {
    until.duration_since(from).as_secs_f64()
}
