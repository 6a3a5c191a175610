//! Tells the event stream what was changed by hand. Written after the change: a stream that misses one
//! shows the change with its next reading.

use baton_core::id::OrgId;
use baton_store::logs::ResourceEvent;
use serde_json::Value;

use super::Http;

impl Http {
    /// Notes that `actor` did `kind` to `subject`.
    pub(crate) async fn note(
        &self,
        org: OrgId,
        actor: &str,
        kind: &str,
        subject: impl ToString,
        detail: Value,
    ) {
        let event = ResourceEvent {
            seq: 0,
            org,
            at: self.app.clock.now(),
            kind: kind.to_owned(),
            subject: subject.to_string(),
            actor: actor.to_owned(),
            detail,
        };
        if let Err(error) = self.app.store.append_events(vec![event]).await {
            tracing::warn!(%error, kind, "an event was not noted");
        }
        // This server's own caches must not wait for the hook.
        self.plans.forget();
        self.names.forget();
    }
}
