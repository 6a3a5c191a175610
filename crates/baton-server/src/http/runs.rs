//! Runs: made, found, and everything that is read of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use baton_api::rest::{
    Attempt, Collection, CreateRun, CreatedRun, Order, PageQuery, Run, RunEvent, RunExplanation,
    RunKind, RunQuery,
};
use baton_core::explain::Explanation;
use baton_core::id::{self, DeploymentId, FlowId, OrgId};
use baton_core::run::{self, LATE_AFTER, NewRun, Trigger};
use baton_core::state::State as RunState;
use baton_store::run_text::RunText;
use baton_store::runs::{Created, RunFilter};
use baton_store::{StoreError, page::PageRequest};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Http;
use super::extract::{Caller, IdempotencyKey, Json, LARGE, Name, Query, check_idempotency_key};
use super::flows::{self, check_words, entropy};
use super::paging::{cursor, listed, page, slice};
use super::route::{Answer, Rows, Shape};
use super::runs_view::{attempt_view, event_view, left_out, view};
use super::server::outer_url;
use crate::error::ApiError;
use crate::outside::Seen;
use crate::submit::{Plan, RunAsk, find_deployment};

type Reply<T> = Result<axum::Json<T>, ApiError>;

/// 201 with the new run, or 200 with the one that the same idempotency key had made.
pub(crate) struct Submitted(CreatedRun);

impl IntoResponse for Submitted {
    fn into_response(self) -> Response {
        let status = if self.0.existing {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        (status, axum::Json(self.0)).into_response()
    }
}

impl Answer for Submitted {
    fn describe(shape: &mut Shape) {
        <super::route::Created<CreatedRun> as Answer>::describe(shape);
        <axum::Json<CreatedRun> as Answer>::describe(shape);
    }
}

pub(crate) async fn create_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    Json(mut ask): Json<CreateRun, LARGE>,
) -> Result<Submitted, ApiError> {
    ask.idempotency_key = key.or(ask.idempotency_key);
    submit(&http, &caller, ask).await
}

pub(crate) async fn run_deployment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(deployment): Name,
    IdempotencyKey(key): IdempotencyKey,
    Json(mut ask): Json<CreateRun, LARGE>,
) -> Result<Submitted, ApiError> {
    if ask.deployment.is_some() || ask.flow.is_some() {
        let why = "the path names the deployment already; leave `deployment` and `flow` out";
        return Err(ApiError::invalid("two_deployments", "deployment", why));
    }
    ask.deployment = Some(deployment);
    ask.idempotency_key = key.or(ask.idempotency_key);
    submit(&http, &caller, ask).await
}

/// Makes one run.
pub(crate) async fn submit(
    http: &Http,
    caller: &Caller,
    ask: CreateRun,
) -> Result<Submitted, ApiError> {
    let now = http.app.clock.now();
    let given: Vec<String> = ask.parameters.keys().cloned().collect();
    let run = prepare(http, caller, ask, now).await?;
    let asked = Asked::of(&run, given);
    let mut made = http
        .app
        .store
        .create_runs(vec![run], &caller.name, now)
        .await;
    let made = made
        .pop()
        .ok_or_else(|| ApiError::internal("the store gave no answer"))?;
    let made = made?;
    asked.check(http, caller.org, &made).await?;
    Ok(Submitted(created_view(made)))
}

/// What was asked for under an idempotency key: another ask under the same key is a mistake of the
/// caller, who would take the earlier run for the later one.
pub(crate) struct Asked {
    flow_id: FlowId,
    deployment_id: Option<DeploymentId>,
    /// The parameters that the caller gave, as the run has them; defaults may change between two asks.
    parameters: Map<String, Value>,
}

impl Asked {
    /// Of a run that is prepared; `given` names the parameters that stood in the request.
    pub(crate) fn of(run: &NewRun, given: Vec<String>) -> Self {
        let value = |name: String| {
            let value = run.spec.parameters.get(&name)?.clone();
            Some((name, value))
        };
        Self {
            flow_id: run.spec.needs.flow_id,
            deployment_id: run.spec.needs.deployment_id,
            parameters: given.into_iter().filter_map(value).collect(),
        }
    }

    /// Refuses a run that was there before and is another one than this.
    pub(crate) async fn check(
        &self,
        http: &Http,
        org: OrgId,
        made: &Created,
    ) -> Result<(), ApiError> {
        if !made.existing {
            return Ok(());
        }
        let run = http.app.store.run(org, made.run_id).await?;
        let needs = &run.spec.needs;
        let is_same = (needs.flow_id, needs.deployment_id) == (self.flow_id, self.deployment_id)
            && (self.parameters.iter())
                .all(|(name, value)| run.spec.parameters.get(name) == Some(value));
        if is_same {
            return Ok(());
        }
        Err(ApiError::conflict(
            "idempotency_key_reused",
            format!(
                "this idempotency key made the run {} of another deployment or with other parameters; \
                 nothing was made now: take a new key for a new run",
                made.name
            ),
        ))
    }
}

pub(crate) fn created_view(created: Created) -> CreatedRun {
    CreatedRun {
        id: created.run_id,
        name: created.name,
        state: created.state,
        existing: created.existing,
    }
}

/// The run that is asked for, checked, not yet stored.
pub(crate) async fn prepare(
    http: &Http,
    caller: &Caller,
    ask: CreateRun,
    now: Timestamp,
) -> Result<NewRun, ApiError> {
    if let Some(key) = &ask.idempotency_key {
        check_idempotency_key(key)?;
    }
    check_words("tags", &ask.tags)?;
    check_words("labels", &ask.labels)?;
    let plan = plan(http, caller, &ask).await?;
    let store = &*http.app.store;
    let queue_id = match &ask.queue {
        Some(name) => Some(unknown(
            http.names.queue_id(store, caller.org, name).await,
            "unknown_queue",
            "queue",
        )?),
        None => None,
    };
    let robot_id = match &ask.robot {
        Some(text) => {
            let found = super::lookup::robot(http, caller.org, text).await;
            Some(unknown(
                found.map(|robot| robot.id),
                "unknown_robot",
                "robot",
            )?)
        }
        None => None,
    };
    let trigger = Trigger::Manual {
        by: caller.name.clone(),
    };
    let ask = RunAsk {
        parameters: &ask.parameters,
        due_at: ask.due_at,
        priority: ask.priority,
        tags: ask.tags,
        labels: ask.labels,
        queue_id,
        robot_id,
        timeout_seconds: ask.timeout_seconds,
        start_within_seconds: ask.start_within_seconds,
        retry: ask.retry,
        trigger,
        idempotency_key: ask.idempotency_key,
    };
    plan.new_run(ask, now, entropy())
}

async fn plan(http: &Http, caller: &Caller, ask: &CreateRun) -> Result<Arc<Plan>, ApiError> {
    let (store, org) = (&*http.app.store, caller.org);
    match (&ask.deployment, &ask.flow) {
        (Some(text), None) => match ask.version_id {
            None => http.plans.deployment(store, org, text).await,
            version => {
                let deployment = find_deployment(store, org, text).await?;
                Plan::of_deployment(store, deployment, version)
                    .await
                    .map(Arc::new)
            }
        },
        (None, Some(text)) => {
            let flow = flows::find(http, org, text).await?;
            let settings = super::deploy::defaults(http, caller).await?;
            let plan = Plan::of_flow(store, flow, ask.version_id, settings).await?;
            Ok(Arc::new(plan))
        }
        (None, None) => Err(ApiError::invalid(
            "missing_field",
            "deployment",
            "name a deployment (`flow/name`) or a flow",
        )),
        (Some(_), Some(_)) => Err(ApiError::invalid(
            "two_deployments",
            "flow",
            "name a deployment or a flow, not both",
        )),
    }
}

/// A thing that a field names and that is not there makes the request wrong, not the path.
fn unknown<T>(
    found: Result<T, StoreError>,
    code: &'static str,
    field: &str,
) -> Result<T, ApiError> {
    found.map_err(|error| match error {
        StoreError::NotFound { what } => {
            ApiError::invalid(code, field, format!("{what} not found"))
        }
        other => other.into(),
    })
}

pub(crate) async fn list_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<RunQuery>,
) -> Result<Rows<Run>, ApiError> {
    let request = page(caller.org, query.limit, query.cursor.clone())?;
    let filter = filter(&http, caller.org, &query).await?;
    let mut list = list(&http, filter, request).await?;
    if query.explain {
        say_why(&http, caller.org, &mut list.items).await?;
    }
    let without = left_out(&query);
    Ok(Rows { list, without })
}

/// Runs of one list that are explained: each loads what the dispatcher looks at.
const MOST_EXPLAINED: usize = 10;

async fn say_why(http: &Http, org: OrgId, runs: &mut [Run]) -> Result<(), ApiError> {
    let waiting = |run: &&mut Run| matches!(run.state, RunState::Pending | RunState::Queued);
    for run in runs.iter_mut().filter(waiting).take(MOST_EXPLAINED) {
        match crate::operations::explain(&http.app, org, run.id).await {
            Ok(explanation) => run.why = Some(in_one_sentence(&explanation)),
            // Deleted since the list was read: the list stays as it was.
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn in_one_sentence(explanation: &Explanation) -> String {
    match (explanation.reasons.first(), explanation.reasons.len()) {
        (None, _) => "Nothing keeps it: the next decision gives it to a robot.".to_owned(),
        (Some(first), 1) => first.message.clone(),
        (Some(first), n) => format!("{} ({} more)", first.message, n - 1),
    }
}

/// The runs of a filter as the API shows them, without their parameters.
pub(crate) async fn list(
    http: &Http,
    filter: RunFilter,
    request: PageRequest,
) -> Result<Collection<Run>, ApiError> {
    let found = http.app.store.runs(filter, request).await?;
    let now = http.app.clock.now();
    let mut items = Vec::with_capacity(found.items.len());
    for run in found.items {
        let mut shown = view(http, run, now).await?;
        shown.parameters = None;
        items.push(shown);
    }
    Ok(Collection {
        items,
        next: cursor(found.next),
    })
}

/// Runs that one query may name: their ids must fit into a request line of 8 kB, which proxies allow.
const MOST_IDS: usize = 200;

/// A list's query as the store understands it.
pub(crate) async fn filter(
    http: &Http,
    org: OrgId,
    query: &RunQuery,
) -> Result<RunFilter, ApiError> {
    let store = &*http.app.store;
    let now = http.app.clock.now();
    let late_before = now.saturating_sub(LATE_AFTER).unwrap_or(Timestamp::MIN);
    if query.ids.len() > MOST_IDS {
        let why = format!("{} ids; at most {MOST_IDS} at once", query.ids.len());
        return Err(ApiError::invalid("too_many_ids", "ids", why));
    }
    Ok(RunFilter {
        ids: query.ids.clone(),
        states: query.state.clone(),
        flow_id: match &query.flow {
            Some(text) => Some(flows::find(http, org, text).await?.id),
            None => None,
        },
        deployment_id: match &query.deployment {
            Some(text) => Some(find_deployment(store, org, text).await?.id),
            None => None,
        },
        schedule_id: query.schedule,
        queue_id: match &query.queue {
            Some(text) => Some(super::queues::find(http, org, text).await?.id),
            None => None,
        },
        robot_id: match &query.robot {
            Some(text) => Some(super::lookup::robot(http, org, text).await?.id),
            None => None,
        },
        tag: query.tag.clone(),
        priorities: query.priority.iter().map(|p| p.code()).collect(),
        late_at: query.late.then_some(late_before),
        unattended: query.kind.map(|kind| kind == RunKind::Unattended),
        prefix: query.prefix.clone().filter(|prefix| !prefix.is_empty()),
        created_after: query.created_after,
        created_before: query.created_before,
        ended_after: query.ended_after,
        ended_before: query.ended_before,
        text: text(http, org, query).await?,
        ascending: query.order == Some(Order::Ascending),
    })
}

/// What the texts of runs must say. Labels have computers in them, which only robots know.
async fn text(http: &Http, org: OrgId, query: &RunQuery) -> Result<RunText, ApiError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let search = given(&query.search);
    let computers = match search {
        None => BTreeMap::new(),
        Some(_) => {
            let robots = http.app.store.robots(Some(org)).await?.into_iter();
            robots
                .map(|robot| (robot.id, robot.offer.computer))
                .collect()
        }
    };
    let parameter = given(&query.parameter).map(|text| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text, None),
    });
    Ok(RunText {
        parameter,
        error: given(&query.error),
        search,
        computers,
    })
}

/// The run with this id or name.
pub(crate) async fn find(http: &Http, org: OrgId, text: &str) -> Result<run::Run, ApiError> {
    let store = &http.app.store;
    Ok(match id::own(text) {
        Some(id) => store.run(org, id).await?,
        None => store.run_by_name(org, text).await?,
    })
}

pub(crate) async fn get_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Run> {
    let run = find(&http, caller.org, &text).await?;
    let now = http.app.clock.now();
    let end_reason = match run.state {
        RunState::Cancelling | RunState::Cancelled => {
            crate::operations::end_reason(&http.app, caller.org, &run).await?
        }
        _ => None,
    };
    let mut shown = view(&http, run, now).await?;
    shown.end_reason = end_reason;
    if let Some(version) = shown.version_id {
        shown.version = match http.app.store.version(caller.org, version).await {
            Ok(version) => Some(version.number),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(axum::Json(shown))
}

pub(crate) async fn explain_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    seen: Seen,
) -> Reply<RunExplanation> {
    let run = find(&http, caller.org, &text).await?;
    let explanation = crate::operations::explain(&http.app, caller.org, run.id).await?;
    let commands = explanation.change.as_ref().map_or(Vec::new(), |change| {
        baton_api::rest::advice(change, &outer_url(&http, &seen))
    });
    Ok(axum::Json(RunExplanation {
        run_id: run.id,
        name: run.name,
        summary: in_one_sentence(&explanation),
        at: http.app.clock.now(),
        explanation,
        commands,
    }))
}

pub(crate) async fn list_attempts(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<Attempt>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let run = find(&http, caller.org, &text).await?;
    let attempts = http.app.store.attempts(caller.org, run.id).await?;
    let found = slice(attempts, &request, |attempt| attempt.number)?;
    let mut items = Vec::with_capacity(found.items.len());
    for attempt in found.items {
        items.push(attempt_view(&http, caller.org, attempt).await?);
    }
    let next = cursor(found.next);
    Ok(axum::Json(Collection { items, next }))
}

pub(crate) async fn list_run_events(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<RunEvent>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let run = find(&http, caller.org, &text).await?;
    let history = http.app.store.run_history(caller.org, run.id).await?;
    let found = slice(history, &request, |event| event.seq)?;
    Ok(axum::Json(listed(found, event_view)))
}

pub(crate) async fn list_queue_runs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(mut query): Query<RunQuery>,
) -> Result<Rows<Run>, ApiError> {
    query.queue = Some(text);
    let request = page(caller.org, query.limit, query.cursor.clone())?;
    let filter = filter(&http, caller.org, &query).await?;
    let list = list(&http, filter, request).await?;
    let without = left_out(&query);
    Ok(Rows { list, without })
}
