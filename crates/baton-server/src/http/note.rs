//! Writes down what was changed by hand: who, when, what. It is the audit trail, and the streams show it.
//! Written after the change: a stream that misses one shows the change with its next reading.

use baton_core::id::OrgId;
use baton_store::logs::ResourceEvent;
use serde_json::Value;

use super::Http;

impl Http {
    /// Notes that `actor` did `kind` to `subject`, which changes what is kept in memory of resources.
    pub(crate) async fn note(
        &self,
        org: OrgId,
        actor: &str,
        kind: &str,
        subject: impl ToString,
        detail: Value,
    ) {
        self.record(org, actor, kind, subject, detail).await;
        // This server's own caches must not wait for the hook.
        self.plans.forget();
        self.names.forget();
    }

    /// Notes that `actor` did `kind` to `subject`, which is nothing that is kept in memory: a run, a key.
    pub(crate) async fn record(
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
    }
}
