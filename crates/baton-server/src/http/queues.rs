//! Work queues: make, change, pause, look into.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{Collection, CreateQueue, LimitHolder, PageQuery, Queue, QueuePatch};
use baton_core::id::{self, OrgId, QueueId};
use baton_core::queue::{self, QueueSettings};
use baton_store::runs::LiveAttempt;
use baton_store::{Result as StoreResult, StoreError};
use jiff::Timestamp;
use serde_json::json;

use super::Http;
use super::extract::{Caller, Json, Name, Query};
use super::flows::{check, check_text, count, entropy};
use super::paging::{cursor, page};
use super::route::{Created, Done};
use crate::error::ApiError;

type Reply<T> = Result<axum::Json<T>, ApiError>;

/// Holders that are named; the rest are counted.
pub(crate) const NAMED: usize = 100;

pub(crate) async fn list_queues(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<Queue>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let found = http.app.store.queues_page(request).await?;
    let items = views(&http, caller.org, found.items).await?;
    let next = cursor(found.next);
    Ok(axum::Json(Collection { items, next }))
}

pub(crate) async fn get_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Queue> {
    let queue = find(&http, caller.org, &text).await?;
    view(&http, queue).await.map(axum::Json)
}

pub(crate) async fn create_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<CreateQueue>,
) -> Result<Created<Queue>, ApiError> {
    check("name", &body.name)?;
    let now = http.app.clock.now();
    let queue = queue::Queue {
        id: QueueId::new(now, entropy()),
        org: caller.org,
        name: body.name,
        settings: merge(QueueSettings::default(), body.settings)?,
        created_at: now,
    };
    let create = http.app.store.create_queue(queue.clone());
    changed(&http, &caller, &queue, "queue.created", create).await?;
    view(&http, queue).await.map(Created)
}

pub(crate) async fn update_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Json(patch): Json<QueuePatch>,
) -> Reply<Queue> {
    change(&http, &caller, &text, patch, "queue.updated").await
}

pub(crate) async fn pause_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Queue> {
    let patch = QueuePatch {
        paused: Some(true),
        ..QueuePatch::default()
    };
    change(&http, &caller, &text, patch, "queue.paused").await
}

pub(crate) async fn resume_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Queue> {
    let patch = QueuePatch {
        paused: Some(false),
        ..QueuePatch::default()
    };
    change(&http, &caller, &text, patch, "queue.resumed").await
}

async fn change(
    http: &Http,
    caller: &Caller,
    text: &str,
    patch: QueuePatch,
    kind: &str,
) -> Reply<Queue> {
    let queue = find(http, caller.org, text).await?;
    let settings = merge(queue.settings.clone(), patch)?;
    // What changes nothing leaves no row.
    if settings == queue.settings {
        return view(http, queue).await.map(axum::Json);
    }
    let update = http.app.store.update_queue(caller.org, queue.id, settings);
    let queue = changed(http, caller, &queue, kind, update).await?;
    view(http, queue).await.map(axum::Json)
}

pub(crate) async fn delete_queue(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Result<Done, ApiError> {
    let queue = find(&http, caller.org, &text).await?;
    if queue.name == queue::DEFAULT_QUEUE {
        return Err(ApiError::conflict(
            "queue_in_use",
            "the queue `default` is there for good; pause it instead",
        ));
    }
    let delete = http.app.store.delete_queue(caller.org, queue.id);
    changed(&http, &caller, &queue, "queue.deleted", delete).await?;
    Ok(Done)
}

/// Makes a change together with its row, and tells whom it concerns.
async fn changed<T>(
    http: &Http,
    caller: &Caller,
    queue: &queue::Queue,
    kind: &str,
    change: impl Future<Output = baton_store::Result<T>>,
) -> Result<T, ApiError> {
    let event = http.event(caller, kind, queue.id, json!({"name": queue.name}));
    let answer = http.noted(event, change).await?;
    http.app.wakeups.fleet_changed();
    Ok(answer)
}

fn merge(mut settings: QueueSettings, patch: QueuePatch) -> Result<QueueSettings, ApiError> {
    check_text("settings.description", patch.description.as_ref())?;
    if let Some(description) = patch.description {
        settings.description = description;
    }
    if let Some(strategy) = patch.strategy {
        settings.strategy = strategy;
    }
    if let Some(limit) = patch.concurrency_limit {
        settings.concurrency_limit = limit;
    }
    if let Some(paused) = patch.paused {
        settings.paused = paused;
    }
    Ok(settings)
}

/// The queue with this id or name.
pub(crate) async fn find(http: &Http, org: OrgId, text: &str) -> StoreResult<queue::Queue> {
    let store = &http.app.store;
    let Some(id) = id::own::<QueueId>(text) else {
        return store.queue_by_name(org, text).await;
    };
    let queues = store.queues(Some(org)).await?;
    queues
        .into_iter()
        .find(|queue| queue.id == id)
        .ok_or_else(|| StoreError::not_found(format!("queue {id}")))
}

async fn view(http: &Http, queue: queue::Queue) -> Result<Queue, ApiError> {
    let mut views = views(http, queue.org, vec![queue]).await?;
    views
        .pop()
        .ok_or_else(|| ApiError::internal("a queue has no view"))
}

/// Queues as the API shows them: one reading of the fleet for all.
async fn views(http: &Http, org: OrgId, queues: Vec<queue::Queue>) -> Result<Vec<Queue>, ApiError> {
    let (store, now) = (&http.app.store, http.app.clock.now());
    let depths = store.queue_depths(Some(org)).await?;
    let live = store.live_attempts().await?;
    let robots = store.robots(Some(org)).await?;
    Ok(queues
        .into_iter()
        .map(|queue| {
            let (depth, oldest) = depths
                .iter()
                .find(|(_, id, ..)| *id == queue.id)
                .map_or((0, None), |(_, _, depth, oldest)| (*depth, *oldest));
            let held = || {
                live.iter()
                    .filter(|a| a.org == org && a.queue_id == queue.id)
            };
            let serving = || {
                robots
                    .iter()
                    .filter(|r| r.offer.queues.contains(&queue.name))
            };
            Queue {
                id: queue.id,
                depth,
                oldest_due_at: oldest,
                oldest_wait_seconds: oldest.map(|at| waited(at, now)),
                live: count(held().count()),
                holders: held().take(NAMED).map(holder).collect(),
                robots: count(serving().count()),
                robots_online: count(serving().filter(|r| r.connected).count()),
                name: queue.name.clone(),
                settings: queue.settings,
                created_at: queue.created_at,
            }
        })
        .collect())
}

fn waited(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// A live attempt as the holder of a limit.
pub(crate) fn holder(attempt: &LiveAttempt) -> LimitHolder {
    LimitHolder {
        run_id: attempt.run_id,
        run_name: attempt.run_name.clone(),
        attempt: attempt.attempt,
        state: attempt.state,
        robot_id: attempt.robot_id,
        started_at: attempt.started_at,
    }
}
