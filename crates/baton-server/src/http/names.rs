//! Names that views show beside ids: kept for a while, since they hardly ever change.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use baton_core::flow::Version;
use baton_core::id::{FlowId, OrgId, QueueId, RobotId, VersionId};
use baton_store::{Result, Store, StoreError};

/// Names kept of each kind at most, some 100 bytes each.
const MAX_KEPT: usize = 50_000;

/// A robot's name and computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RobotName {
    /// Its name.
    pub(crate) name: String,
    /// The computer it is on.
    pub(crate) computer: String,
}

/// Names by id.
#[derive(Debug, Default)]
pub(crate) struct Names {
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    queues: HashMap<QueueId, String>,
    robots: HashMap<RobotId, RobotName>,
    flows: HashMap<FlowId, String>,
    versions: HashMap<VersionId, u32>,
}

impl Names {
    /// Forgets everything.
    pub(crate) fn forget(&self) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }

    /// A queue's name; empty when it is gone.
    pub(crate) async fn queue(&self, store: &dyn Store, org: OrgId, id: QueueId) -> Result<String> {
        if let Some(name) = self.get(|kept| kept.queues.get(&id).cloned()) {
            return Ok(name);
        }
        let queues = store.queues(Some(org)).await?;
        self.put(|kept| {
            trim(&mut kept.queues);
            kept.queues
                .extend(queues.into_iter().map(|q| (q.id, q.name)));
        });
        Ok(self
            .get(|kept| kept.queues.get(&id).cloned())
            .unwrap_or_default())
    }

    /// The id of the queue with this name.
    pub(crate) async fn queue_id(
        &self,
        store: &dyn Store,
        org: OrgId,
        name: &str,
    ) -> Result<QueueId> {
        store.queue_by_name(org, name).await.map(|queue| queue.id)
    }

    /// A robot's name and computer; `None` when it is gone.
    pub(crate) async fn robot(
        &self,
        store: &dyn Store,
        org: OrgId,
        id: RobotId,
    ) -> Result<Option<RobotName>> {
        if let Some(name) = self.get(|kept| kept.robots.get(&id).cloned()) {
            return Ok(Some(name));
        }
        let robot = match store.robot(org, id).await {
            Ok(robot) => robot,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = RobotName {
            name: robot.name,
            computer: robot.offer.computer,
        };
        self.put(|kept| {
            trim(&mut kept.robots);
            kept.robots.insert(id, name.clone());
        });
        Ok(Some(name))
    }

    /// A flow's name; empty when it is gone.
    pub(crate) async fn flow(&self, store: &dyn Store, org: OrgId, id: FlowId) -> Result<String> {
        if let Some(name) = self.get(|kept| kept.flows.get(&id).cloned()) {
            return Ok(name);
        }
        let name = match store.flow(org, id).await {
            Ok(flow) => flow.name,
            Err(StoreError::NotFound { .. }) => return Ok(String::new()),
            Err(error) => return Err(error),
        };
        self.put(|kept| {
            trim(&mut kept.flows);
            kept.flows.insert(id, name.clone());
        });
        Ok(name)
    }

    /// A version's number.
    pub(crate) async fn version(
        &self,
        store: &dyn Store,
        org: OrgId,
        id: VersionId,
    ) -> Result<Option<u32>> {
        if let Some(number) = self.get(|kept| kept.versions.get(&id).copied()) {
            return Ok(Some(number));
        }
        let version: Version = match store.version(org, id).await {
            Ok(version) => version,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.put(|kept| {
            trim(&mut kept.versions);
            kept.versions.insert(id, version.number);
        });
        Ok(Some(version.number))
    }

    fn get<T>(&self, find: impl FnOnce(&Kept) -> Option<T>) -> Option<T> {
        find(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn trim<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= MAX_KEPT {
        map.clear();
    }
}
