//! Notes when keys were last used: to the minute, many in one write, never in a caller's way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_core::id::KeyId;
use baton_store::Store;
use baton_store::keys::Key;
use jiff::{SignedDuration, Timestamp};

/// A key that was noted as used less than this ago is not noted again.
const GRAIN: SignedDuration = SignedDuration::from_secs(60);
/// How long uses are gathered before they are written.
const GATHER: Duration = Duration::from_secs(5);
/// Keys gathered at most; more are noted with their next use.
const MAX_GATHERED: usize = 10_000;

/// Uses that are not written yet.
pub(super) struct Touches {
    store: Arc<dyn Store>,
    pending: Mutex<HashMap<KeyId, Timestamp>>,
}

impl Touches {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            pending: Mutex::default(),
        }
    }

    /// Notes a use.
    pub(super) fn touch(self: &Arc<Self>, key: &Key, now: Timestamp) {
        let is_fresh = key
            .last_used_at
            .is_some_and(|at| now.duration_since(at) < GRAIN);
        if is_fresh {
            return;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = pending.is_empty();
        if pending.len() < MAX_GATHERED {
            pending.insert(key.id, now);
        }
        if is_first {
            let touches = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                touches.write().await;
            });
        }
    }

    async fn write(&self) {
        let used =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = self.store.touch_keys(used.into_iter().collect()).await {
            tracing::debug!(%error, "the last use of keys was not noted");
        }
    }
}
