//! Many runs at once: made in one request, or cancelled, retried and deleted after a preview.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{
    BulkItem, BulkRequest, BulkResult, CreateOutcome, CreateRuns, CreatedRuns, MAX_BATCH, MAX_PAGE,
};
use baton_core::id::{OrgId, RunId};
use baton_core::run::Run;
use baton_core::state::{Event, apply};
use baton_store::StoreError;
use baton_store::page::PageRequest;
use baton_store::runs::RunStep;

use super::Http;
use super::extract::{Caller, HUGE, Json};
use super::flows::{check_text, count};
use super::runs::{Asked, created_view, filter, prepare};
use crate::error::ApiError;
use crate::operations;

type Reply<T> = Result<axum::Json<T>, ApiError>;

pub(crate) async fn create_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<CreateRuns, HUGE>,
) -> Reply<CreatedRuns> {
    if body.runs.len() > MAX_BATCH {
        let why = format!(
            "has {} runs; at most {MAX_BATCH} fit in a batch",
            body.runs.len()
        );
        return Err(ApiError::invalid("too_many", "runs", why));
    }
    let now = http.app.clock.now();
    let mut items: Vec<CreateOutcome> = Vec::with_capacity(body.runs.len());
    let (mut runs, mut places) = (Vec::new(), Vec::new());
    for (place, ask) in body.runs.into_iter().enumerate() {
        items.push(CreateOutcome::default());
        let given: Vec<String> = ask.parameters.keys().cloned().collect();
        match prepare(&http, &caller, ask, now).await {
            Ok(run) => {
                places.push((place, Asked::of(&run, given)));
                runs.push(run);
            }
            Err(error) => items[place].problem = Some(error.problem()),
        }
    }
    let made = http.app.store.create_runs(runs, &caller.name, now).await;
    for ((place, asked), made) in places.into_iter().zip(made) {
        let made = match made {
            Ok(made) => asked.check(&http, caller.org, &made).await.map(|()| made),
            Err(error) => Err(error.into()),
        };
        match made {
            Ok(created) => items[place].run = Some(created_view(created)),
            Err(error) => items[place].problem = Some(error.problem()),
        }
    }
    Ok(axum::Json(CreatedRuns { items }))
}

pub(crate) async fn cancel_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<BulkRequest>,
) -> Reply<BulkResult> {
    steps(&http, &caller, body, &Event::Cancel).await
}

pub(crate) async fn retry_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<BulkRequest>,
) -> Reply<BulkResult> {
    steps(&http, &caller, body, &Event::Retry).await
}

async fn steps(
    http: &Http,
    caller: &Caller,
    body: BulkRequest,
    event: &Event,
) -> Reply<BulkResult> {
    check_text("message", body.message.as_ref())?;
    let now = http.app.clock.now();
    let (found, more) = find(http, caller.org, &body).await?;
    let mut items: Vec<BulkItem> = Vec::with_capacity(found.len());
    let mut allowed = Vec::new();
    for (place, (id, run)) in found.iter().enumerate() {
        let mut item = item(*id, run.as_ref());
        if let Some(run) = run {
            match apply(&run.standing(), event, now) {
                Ok(step) => {
                    item.to = Some(step.to);
                    allowed.push(place);
                }
                Err(error) => refuse(&mut item, "illegal_transition", &error.to_string()),
            }
        }
        items.push(item);
    }
    if !body.preview {
        let steps = allowed
            .iter()
            .map(|place| RunStep {
                org: caller.org,
                run_id: items[*place].id,
                claim: None,
                event: event.clone(),
                at: now,
                actor: caller.name.clone(),
                message: body.message.clone(),
                result: None,
                computer: None,
            })
            .collect();
        let taken = operations::take(&http.app, steps).await;
        for (place, taken) in allowed.into_iter().zip(taken) {
            match taken {
                Ok(stepped) => items[place].to = Some(stepped.to),
                Err(error) => {
                    let error = ApiError::from(error);
                    items[place].to = None;
                    refuse(&mut items[place], &error.code, &error.detail);
                }
            }
        }
        http.app.wakeups.rescuer.notify_one();
        let kind = format!("runs.{}_requested", event.name());
        record(http, caller, &kind, &items, body.message.as_deref()).await;
    }
    Ok(axum::Json(result(items, more, body.preview)))
}

/// Ids that the record of one request names; the rest are counted.
const NAMED: usize = 100;

/// Writes down what was done to many runs, in one row.
async fn record(
    http: &Http,
    caller: &Caller,
    kind: &str,
    items: &[BulkItem],
    message: Option<&str>,
) {
    let mut done = items.iter().filter(|item| item.code.is_none());
    let ids: Vec<RunId> = done.by_ref().take(NAMED).map(|item| item.id).collect();
    let changed = ids.len() + done.count();
    if changed > 0 {
        let detail = serde_json::json!({"changed": changed, "runs": ids, "message": message});
        http.record(caller.org, &caller.name, kind, "", detail)
            .await;
    }
}

pub(crate) async fn delete_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<BulkRequest>,
) -> Reply<BulkResult> {
    let now = http.app.clock.now();
    let (found, more) = find(&http, caller.org, &body).await?;
    let mut items: Vec<BulkItem> = Vec::with_capacity(found.len());
    let mut ids = Vec::new();
    for (id, run) in &found {
        let mut item = item(*id, run.as_ref());
        match run {
            Some(run) if !run.state.is_terminal() || run.live => {
                refuse(&mut item, "run_not_ended", "cancel it first");
            }
            Some(_) => ids.push(*id),
            None => {}
        }
        items.push(item);
    }
    if !body.preview && !ids.is_empty() {
        http.app
            .store
            .delete_runs(caller.org, ids, &caller.name, now)
            .await?;
        let why = body.message.as_deref();
        record(&http, &caller, "runs.deleted", &items, why).await;
    }
    Ok(axum::Json(result(items, more, body.preview)))
}

type Found = (Vec<(RunId, Option<Run>)>, bool);

async fn find(http: &Http, org: OrgId, body: &BulkRequest) -> Result<Found, ApiError> {
    match (&body.filter, body.ids.is_empty()) {
        (Some(query), true) => {
            let filter = filter(http, org, query).await?;
            let mut request = PageRequest::first(org, query.limit.unwrap_or(MAX_PAGE));
            request.after = query.cursor.clone();
            let page = http.app.store.runs(filter, request).await?;
            let found = page.items.into_iter().map(|run| (run.id, Some(run)));
            Ok((found.collect(), page.next.is_some()))
        }
        (None, false) if body.ids.len() <= MAX_BATCH => {
            let mut found = Vec::with_capacity(body.ids.len());
            for id in &body.ids {
                let run = match http.app.store.run(org, *id).await {
                    Ok(run) => Some(run),
                    Err(StoreError::NotFound { .. }) => None,
                    Err(error) => return Err(error.into()),
                };
                found.push((*id, run));
            }
            Ok((found, false))
        }
        (None, false) => {
            let why = format!(
                "has {} ids; at most {MAX_BATCH} are allowed",
                body.ids.len()
            );
            Err(ApiError::invalid("too_many", "ids", why))
        }
        _ => Err(ApiError::invalid(
            "missing_field",
            "ids",
            "give either `ids` or a `filter`",
        )),
    }
}

fn item(id: RunId, run: Option<&Run>) -> BulkItem {
    let missing = run.is_none();
    BulkItem {
        id,
        name: run.map(|run| run.name.clone()),
        from: run.map(|run| run.state),
        to: None,
        code: missing.then(|| "not_found".to_owned()),
        message: missing.then(|| "there is no such run".to_owned()),
    }
}

fn refuse(item: &mut BulkItem, code: &str, message: &str) {
    item.code = Some(code.to_owned());
    item.message = Some(message.to_owned());
}

fn result(items: Vec<BulkItem>, more: bool, preview: bool) -> BulkResult {
    let refused = count(items.iter().filter(|item| item.code.is_some()).count());
    BulkResult {
        changed: count(items.len()) - refused,
        refused,
        items,
        more,
        preview,
    }
}
