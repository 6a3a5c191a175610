//! The trail: what was done, when and by whom; of everything, or beside one run.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{AuditEntry, AuditQuery, Collection, PageQuery};
use baton_store::logs::{EventFilter, ResourceEvent};
use baton_store::page::Page;

use super::Http;
use super::extract::{Caller, Name, Query};
use super::paging::{listed, page};
use super::runs::find;
use crate::error::ApiError;

type Reply<T> = Result<axum::Json<T>, ApiError>;

pub(crate) async fn list_audit(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Reply<Collection<AuditEntry>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let filter = EventFilter {
        kinds: super::events::kinds(query.kinds.as_deref()),
        subject: query.subject,
        actor: query.actor,
        from: query.from,
        until: query.until,
    };
    let found = http.app.store.events(filter, request).await?;
    Ok(axum::Json(view(found)))
}

/// What stands beside a run's transitions: refused messages, and who asked for what.
pub(crate) async fn list_run_notes(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<AuditEntry>> {
    let run = find(&http, caller.org, &text).await?;
    let request = page(caller.org, query.limit, query.cursor)?;
    let filter = EventFilter {
        subject: Some(run.id.to_string()),
        ..EventFilter::default()
    };
    let found = http.app.store.events(filter, request).await?;
    Ok(axum::Json(view(found)))
}

fn view(found: Page<ResourceEvent>) -> Collection<AuditEntry> {
    let entry = |event: ResourceEvent| AuditEntry {
        at: event.at,
        actor: event.actor,
        kind: event.kind,
        subject: event.subject,
        detail: event.detail,
    };
    listed(found, entry)
}
