//! What a work queue would give out next.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{Collection, PageQuery, Run};
use baton_store::StoreError;

use super::Http;
use super::extract::{Caller, Name, Query};
use super::paging::{bounded, cursor, page_of, slice};
use super::runs_view::view;
use crate::error::ApiError;

type Reply<T> = Result<axum::Json<T>, ApiError>;

pub(crate) async fn peek_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<Run>> {
    let queue = super::queues::find(&http, caller.org, &text).await?;
    let limit = bounded(query.limit, SHOWN_AHEAD)?;
    let request = page_of(caller.org, limit, query.cursor)?;
    // One more than the page tells whether there is another; a later page may lie deep in one group.
    let heads_of_each = match request.after {
        None => (limit + 1).min(MAX_HEADS),
        Some(_) => MAX_HEADS,
    };
    let store = &http.app.store;
    let now = http.app.clock.now();
    let mut heads = Vec::new();
    for group in store.queued_groups(MAX_GROUPS, heads_of_each).await? {
        if group.org != caller.org || group.needs.queue_id != queue.id {
            continue;
        }
        let priority = group.needs.priority;
        heads.extend(group.heads.into_iter().map(|head| (priority, head)));
    }
    let found = slice(heads, &request, |(priority, head)| {
        let aged = baton_core::dispatch::is_aged(*priority, head.due_at, now);
        let priority = std::cmp::Reverse((aged, priority.code()));
        (priority, head.due_at, head.run_id)
    })?;
    let mut items = Vec::with_capacity(found.items.len());
    for (_, head) in found.items {
        match store.run(caller.org, head.run_id).await {
            Ok(run) => {
                let mut shown = view(&http, run, now).await?;
                shown.parameters = None;
                items.push(shown);
            }
            // It has gone to a robot meanwhile, or was deleted.
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let next = cursor(found.next);
    Ok(axum::Json(Collection { items, next }))
}

/// Runs that a peek shows unless the caller says otherwise.
const SHOWN_AHEAD: u32 = 10;
/// Groups that a peek looks at: as many as the dispatcher itself considers at once.
const MAX_GROUPS: u32 = 1_000;
/// Runs of each group that a peek looks at.
const MAX_HEADS: u32 = 50;
