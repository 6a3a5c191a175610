//! Limits on how many runs with a tag may be live at once.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{Collection, Limit, PageQuery, PutLimit};
use baton_core::id::LimitId;
use baton_core::queue::TagLimit;
use baton_store::logs::ResourceEvent;
use baton_store::noting::Note;
use baton_store::runs::LiveAttempt;
use serde_json::json;

use super::Http;
use super::extract::{Caller, Id, Json, Query};
use super::flows::{check_words, count, entropy};
use super::paging::{listed, page};
use super::queues::{NAMED, holder};
use super::route::Done;
use crate::error::ApiError;

type Reply<T> = Result<axum::Json<T>, ApiError>;

pub(crate) async fn list_limits(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<Limit>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let found = http.app.store.tag_limits_page(request).await?;
    let live = http.app.store.live_attempts().await?;
    Ok(axum::Json(listed(found, |limit| view(limit, &live))))
}

pub(crate) async fn put_limit(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<PutLimit>,
) -> Reply<Limit> {
    check_words("tag", [&body.tag])?;
    let known = http.app.store.tag_limits(Some(caller.org)).await?;
    let same = |limit: &TagLimit| limit.tag == body.tag && limit.limit == body.limit;
    // What changes nothing leaves no row.
    if let Some(limit) = known.into_iter().find(same) {
        let live = http.app.store.live_attempts().await?;
        return Ok(axum::Json(view(limit, &live)));
    }
    let now = http.app.clock.now();
    let put = http.app.store.put_tag_limit(TagLimit {
        id: LimitId::new(now, entropy()),
        org: caller.org,
        tag: body.tag,
        limit: body.limit,
        created_at: now,
    });
    let event = http.event(&caller, "limit.set", "", json!({}));
    let note = Note::when(move |limit: &TagLimit| {
        let detail = json!({"tag": limit.tag, "limit": limit.limit});
        let subject = limit.id.to_string();
        vec![ResourceEvent {
            detail,
            subject,
            ..event.clone()
        }]
    });
    let limit = http.noted(note, put).await?;
    http.app.wakeups.fleet_changed();
    let live = http.app.store.live_attempts().await?;
    Ok(axum::Json(view(limit, &live)))
}

pub(crate) async fn delete_limit(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<LimitId>,
) -> Result<Done, ApiError> {
    let all = http.app.store.tag_limits(Some(caller.org)).await?;
    let tag = all
        .into_iter()
        .find(|limit| limit.id == id)
        .map(|limit| limit.tag);
    let event = http.event(&caller, "limit.deleted", id, json!({ "tag": tag }));
    let delete = http.app.store.delete_tag_limit(caller.org, id);
    http.noted(event, delete).await?;
    http.app.wakeups.fleet_changed();
    Ok(Done)
}

fn view(limit: TagLimit, live: &[LiveAttempt]) -> Limit {
    let held = || {
        live.iter()
            .filter(|attempt| attempt.org == limit.org && attempt.tags.contains(&limit.tag))
    };
    Limit {
        id: limit.id,
        limit: limit.limit,
        live: count(held().count()),
        holders: held().take(NAMED).map(holder).collect(),
        created_at: limit.created_at,
        tag: limit.tag.clone(),
    }
}
