//! Writes down what is changed by hand: who, when, what. It is the audit trail, and the streams show it.
//!
//! The row is committed with the change it speaks of ([`Http::noted`], [`Http::recorded`]); only what
//! changes nothing in the store is written down by itself ([`Http::record`]).

use baton_core::id::OrgId;
use baton_store::logs::ResourceEvent;
use baton_store::noting::{Note, noting};
use serde_json::Value;

use super::Http;
use super::extract::Caller;

impl Http {
    /// The row that says that a caller did `kind` to `subject`.
    pub(crate) fn event(
        &self,
        caller: &Caller,
        kind: &str,
        subject: impl ToString,
        detail: Value,
    ) -> ResourceEvent {
        self.event_of(caller.org, &caller.name, kind, subject, detail)
    }

    /// The row that says that `actor` did `kind` to `subject`.
    pub(crate) fn event_of(
        &self,
        org: OrgId,
        actor: &str,
        kind: &str,
        subject: impl ToString,
        detail: Value,
    ) -> ResourceEvent {
        ResourceEvent {
            seq: 0,
            org,
            at: self.app.clock.now(),
            kind: kind.to_owned(),
            subject: subject.to_string(),
            actor: actor.to_owned(),
            detail,
        }
    }

    /// Makes a change of something that is kept in memory (flows, deployments, queues, robots) together
    /// with its row.
    pub(crate) async fn noted<T, E>(
        &self,
        note: impl Into<Note>,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let answer = self.recorded(note, change).await;
        // This server's own caches must not wait for the hook.
        self.plans.forget();
        self.names.forget();
        answer
    }

    /// Makes a change of something that is not kept in memory (a run, a key) together with its row.
    pub(crate) async fn recorded<C: Future>(&self, note: impl Into<Note>, change: C) -> C::Output {
        noting(note.into(), change).await.0
    }

    /// Writes down what changed nothing in the store.
    pub(crate) async fn record(
        &self,
        org: OrgId,
        actor: &str,
        kind: &str,
        subject: impl ToString,
        detail: Value,
    ) {
        let event = self.event_of(org, actor, kind, subject, detail);
        if let Err(error) = self.app.store.append_events(vec![event]).await {
            tracing::warn!(%error, kind, "an event was not noted");
        }
    }
}
