//! Many runs at once: made in one request, or cancelled, retried and deleted after a preview.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{
    BulkItem, BulkRequest, BulkResult, CreateOutcome, CreateRuns, CreatedRuns, MAX_BATCH, MAX_PAGE,
};
use baton_core::id::{OrgId, RunId};
use baton_core::run::Run;
use baton_core::state::{Event, State as RunState, apply};
use baton_store::logs::ResourceEvent;
use baton_store::noting::Note;
use baton_store::page::PageRequest;
use baton_store::runs::{RunStep, Stepped};
use serde_json::{Value, json};

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
    steps(&http, &caller, body, &Event::Cancel, |state| {
        !state.is_terminal()
    })
    .await
}

pub(crate) async fn retry_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<BulkRequest>,
) -> Reply<BulkResult> {
    steps(&http, &caller, body, &Event::Retry, RunState::is_terminal).await
}

async fn steps(
    http: &Http,
    caller: &Caller,
    body: BulkRequest,
    event: &Event,
    concerns: fn(RunState) -> bool,
) -> Reply<BulkResult> {
    check_text("message", body.message.as_ref())?;
    let now = http.app.clock.now();
    let (found, next) = find(http, caller.org, &body, concerns).await?;
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
        let kind = format!("runs.{}_requested", event.name());
        for places in allowed.chunks(AT_ONCE) {
            let step = |place: &usize| RunStep {
                org: caller.org,
                run_id: items[*place].id,
                claim: None,
                event: event.clone(),
                at: now,
                actor: caller.name.clone(),
                message: body.message.clone(),
                result: None,
                computer: None,
            };
            let steps = places.iter().map(step).collect();
            let note = steps_note(http, caller, &kind, body.message.clone());
            let taken = http
                .recorded(note, operations::take(&http.app, steps))
                .await;
            for (place, taken) in places.iter().zip(taken) {
                answer(&mut items[*place], taken);
            }
        }
        http.app.wakeups.rescuer.notify_one();
    }
    Ok(axum::Json(result(items, next, body.preview)))
}

/// What became of one run that was to take a step.
fn answer(item: &mut BulkItem, taken: baton_store::Result<Stepped>) {
    match taken {
        Ok(stepped) => item.to = Some(stepped.to),
        Err(error) => {
            let error = ApiError::from(error);
            item.to = None;
            refuse(item, &error.code, &error.detail);
        }
    }
}

/// Runs that are changed in one commit, under one row of the trail.
const AT_ONCE: usize = MAX_PAGE as usize;
/// Ids that one row of the trail names; the rest are counted.
const NAMED: usize = 100;

/// The row that says how many runs took the step, and which.
fn steps_note(http: &Http, caller: &Caller, kind: &str, message: Option<String>) -> Note {
    let event = http.event(caller, kind, "", Value::Null);
    Note::when(move |taken: &Vec<baton_store::Result<Stepped>>| {
        let ids: Vec<RunId> = taken.iter().flatten().map(|s| s.run_id).collect();
        row(&event, ids.len(), &ids, message.as_deref())
    })
}

fn row(
    event: &ResourceEvent,
    changed: usize,
    ids: &[RunId],
    message: Option<&str>,
) -> Vec<ResourceEvent> {
    if changed == 0 {
        return Vec::new();
    }
    let ids = &ids[..ids.len().min(NAMED)];
    let detail = json!({"changed": changed, "runs": ids, "message": message});
    vec![ResourceEvent {
        detail,
        ..event.clone()
    }]
}

pub(crate) async fn delete_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<BulkRequest>,
) -> Reply<BulkResult> {
    let now = http.app.clock.now();
    let (found, next) = find(&http, caller.org, &body, RunState::is_terminal).await?;
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
    let chunks = ids.chunks(AT_ONCE).filter(|_| !body.preview);
    for ids in chunks.map(<[RunId]>::to_vec) {
        let event = http.event(&caller, "runs.deleted", "", Value::Null);
        let (named, why) = (ids.clone(), body.message.clone());
        let note =
            Note::when(move |deleted: &u32| row(&event, *deleted as usize, &named, why.as_deref()));
        let delete = (http.app.store).delete_runs(caller.org, ids, &caller.name, now);
        http.recorded(note, delete).await?;
    }
    Ok(axum::Json(result(items, next, body.preview)))
}

type Found = (Vec<(RunId, Option<Run>)>, Option<String>);

/// Runs that one request looks at when a filter finds them: an answer of some megabytes.
const MAX_FOUND: usize = 10_000;

/// Pages that one request reads: where texts are looked for, many of them may hold nothing.
const MAX_PAGES: usize = 20;

/// The runs that are meant, and where the filter may find more. Of a filter those whose state this
/// `concerns`: ended runs must not stand before the ones that still wait.
async fn find(
    http: &Http,
    org: OrgId,
    body: &BulkRequest,
    concerns: fn(RunState) -> bool,
) -> Result<Found, ApiError> {
    match (&body.filter, body.ids.is_empty()) {
        (Some(query), true) if query.limit == Some(0) => Err(ApiError::invalid(
            "invalid_limit",
            "filter.limit",
            "is 0, which would mean no run at all; give 1 or more, or leave it out for as many as there are",
        )),
        (Some(query), true) => {
            let mut filter = filter(http, org, query).await?;
            if filter.states.is_empty() {
                filter.states = RunState::ALL.to_vec();
            }
            filter.states.retain(|state| concerns(*state));
            if filter.states.is_empty() {
                return Ok((Vec::new(), None));
            }
            let most = query
                .limit
                .map_or(MAX_FOUND, |limit| limit as usize)
                .min(MAX_FOUND);
            let mut found = Vec::new();
            let mut after = query.cursor.clone();
            for page in 1.. {
                let last = page == MAX_PAGES;
                let left = u32::try_from(most - found.len()).unwrap_or(MAX_PAGE);
                let mut request = PageRequest::first(org, left.min(MAX_PAGE));
                request.after = after;
                let page = http.app.store.runs(filter.clone(), request).await?;
                found.extend(page.items.into_iter().map(|run| (run.id, Some(run))));
                after = page.next;
                if after.is_none() || found.len() >= most || last {
                    break;
                }
            }
            Ok((found, after))
        }
        (None, false) if body.ids.len() <= MAX_BATCH => {
            let runs = http.app.store.runs_by_id(org, &body.ids).await?;
            let runs: HashMap<RunId, Run> = runs.into_iter().map(|run| (run.id, run)).collect();
            let found = body.ids.iter().map(|id| (*id, runs.get(id).cloned()));
            Ok((found.collect(), None))
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

fn result(items: Vec<BulkItem>, next: Option<String>, preview: bool) -> BulkResult {
    let refused = count(items.iter().filter(|item| item.code.is_some()).count());
    BulkResult {
        changed: count(items.len()) - refused,
        refused,
        items,
        more: next.is_some(),
        next,
        preview,
    }
}
