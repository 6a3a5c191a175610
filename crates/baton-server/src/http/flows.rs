//! Flows and their versions.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{
    Collection, CreateFlow, DeletePreview, Flow, FlowQuery, PageQuery, UpdateFlow, UpdateVersion,
    Version,
};
use baton_core::flow;
use baton_core::flow::check_name;
use baton_core::id::{self, DeploymentId, FlowId, OrgId, RobotId, VersionId};
use baton_core::state::State as RunState;
use baton_store::PageRequest;
use baton_store::noting::Note;
use baton_store::runs::RunFilter;
use serde_json::json;

use super::Http;
use super::extract::{Caller, Id, Json, Name, Query};
use super::paging::{cursor, listed, page};
use super::route::{Created, Done};
use crate::error::ApiError;

type Reply<T> = Result<axum::Json<T>, ApiError>;

/// Longest description or folder, in bytes: a paragraph.
const MAX_TEXT: usize = 4_096;
/// Most tags, labels or capabilities on one thing.
const MAX_WORDS: usize = 64;

pub(crate) async fn list_flows(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<FlowQuery>,
) -> Reply<Collection<Flow>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let found = http.app.store.flows(query.search, request).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for flow in found.items {
        items.push(view(&http, flow).await?);
    }
    Ok(axum::Json(Collection {
        items,
        next: cursor(found.next),
    }))
}

pub(crate) async fn get_flow(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Flow> {
    let flow = find(&http, caller.org, &text).await?;
    Ok(axum::Json(view(&http, flow).await?))
}

pub(crate) async fn create_flow(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<CreateFlow>,
) -> Result<Created<Flow>, ApiError> {
    check("name", &body.name)?;
    check_flow_words(&body.description, &body.folder, &body.tags)?;
    let flow = ensure(&http, &caller, &body.name).await?;
    let flow = described(
        &http,
        &caller,
        flow,
        body.description,
        body.folder,
        body.tags,
    )
    .await?;
    Ok(Created(view(&http, flow).await?))
}

pub(crate) async fn update_flow(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Json(body): Json<UpdateFlow>,
) -> Reply<Flow> {
    check_flow_words(&body.description, &body.folder, &body.tags)?;
    let flow = find(&http, caller.org, &text).await?;
    let flow = described(
        &http,
        &caller,
        flow,
        body.description,
        body.folder,
        body.tags,
    )
    .await?;
    Ok(axum::Json(view(&http, flow).await?))
}

/// The flow of this name; it is made, and that written down, if there is none.
pub(super) async fn ensure(
    http: &Http,
    caller: &Caller,
    name: &str,
) -> Result<flow::Flow, ApiError> {
    let (store, now) = (&http.app.store, http.app.clock.now());
    let id = FlowId::new(now, entropy());
    let event = http.event(caller, "flow.created", id, json!({"name": name}));
    // Of many who ask for one name at once, one makes it.
    let note = Note::when(move |flow: &flow::Flow| {
        let made = (flow.id == id).then(|| event.clone());
        made.into_iter().collect()
    });
    Ok(http
        .noted(note, store.ensure_flow(caller.org, id, name, now))
        .await?)
}

/// The flow with what is said of it, written down if that is new.
async fn described(
    http: &Http,
    caller: &Caller,
    flow: flow::Flow,
    description: Option<String>,
    folder: Option<String>,
    tags: Option<BTreeSet<String>>,
) -> Result<flow::Flow, ApiError> {
    let is_known = description
        .as_ref()
        .is_none_or(|new| *new == flow.description)
        && folder.as_ref().is_none_or(|new| *new == flow.folder)
        && tags.as_ref().is_none_or(|new| *new == flow.tags);
    // What changes nothing leaves no row.
    if is_known {
        return Ok(flow);
    }
    let event = http.event(caller, "flow.updated", flow.id, json!({"name": flow.name}));
    let (store, now) = (&http.app.store, http.app.clock.now());
    let update = store.update_flow(caller.org, flow.id, description, folder, tags, now);
    Ok(http.noted(event, update).await?)
}

pub(crate) async fn preview_delete_flow(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<DeletePreview> {
    let flow = find(&http, caller.org, &text).await?;
    let store = &http.app.store;
    let most = PageRequest::first(caller.org, baton_api::rest::MAX_PAGE);
    let deployments = store.deployments(Some(flow.id), most).await?;
    let mut schedules = 0;
    for deployment in &deployments.items {
        let all = store
            .schedules(caller.org, Some(deployment.id), baton_api::rest::MAX_PAGE)
            .await?;
        schedules += count(all.len());
    }
    let filter = RunFilter {
        flow_id: Some(flow.id),
        ..RunFilter::default()
    };
    let (runs, open_runs) = count_runs(&http, caller.org, filter).await?;
    Ok(axum::Json(DeletePreview {
        versions: count(store.versions(caller.org, flow.id).await?.len()),
        deployments: count(deployments.items.len()),
        schedules,
        runs,
        open_runs,
        name: flow.name,
    }))
}

pub(crate) async fn delete_flow(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Result<Done, ApiError> {
    let flow = find(&http, caller.org, &text).await?;
    // In steps, so that a flow with a million runs holds nobody up; to the end, also when the caller leaves.
    let task = tokio::spawn(async move {
        let now = http.app.clock.now();
        let detail = json!({"name": flow.name});
        let [begun, ended] = ["flow.deleting", "flow.deleted"]
            .map(|kind| http.event(&caller, kind, flow.id, detail.clone()));
        let mut first = true;
        loop {
            let (begun, ended) = (begun.clone(), ended.clone());
            let note = Note::when(move |done: &bool| match (*done, first) {
                (true, _) => vec![ended.clone()],
                (false, true) => vec![begun.clone()],
                (false, false) => Vec::new(),
            });
            let step = http.app.store.delete_flow(caller.org, flow.id, now);
            if http.noted(note, step).await? {
                return Ok::<(), baton_store::StoreError>(());
            }
            first = false;
        }
    });
    task.await.map_err(ApiError::internal)??;
    Ok(Done)
}

pub(crate) async fn list_versions(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<Version>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let flow = find(&http, caller.org, &text).await?;
    let found = http.app.store.versions_page(flow.id, request).await?;
    Ok(axum::Json(listed(found, version_view)))
}

pub(crate) async fn get_version(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<VersionId>,
) -> Reply<Version> {
    let version = http.app.store.version(caller.org, id).await?;
    Ok(axum::Json(version_view(version)))
}

pub(crate) async fn update_version(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<VersionId>,
    Json(body): Json<UpdateVersion>,
) -> Reply<Version> {
    let known = http.app.store.version(caller.org, id).await?;
    // What changes nothing leaves no row.
    if known.status == body.status {
        return Ok(axum::Json(version_view(known)));
    }
    let now = http.app.clock.now();
    let event = http.event(
        &caller,
        "version.updated",
        id,
        json!({"status": body.status}),
    );
    let set = http
        .app
        .store
        .set_version_status(caller.org, id, body.status, now);
    let version = http.noted(event, set).await?;
    Ok(axum::Json(version_view(version)))
}

/// The flow with this id or name.
pub(crate) async fn find(http: &Http, org: OrgId, text: &str) -> Result<flow::Flow, ApiError> {
    let store = &http.app.store;
    Ok(match id::own(text) {
        Some(id) => store.flow(org, id).await?,
        None => store.flow_by_name(org, text).await?,
    })
}

/// A flow as the API shows it.
pub(crate) async fn view(http: &Http, flow: flow::Flow) -> Result<Flow, ApiError> {
    let latest_version = match flow.latest_version {
        Some(id) => http.names.version(&*http.app.store, flow.org, id).await?,
        None => None,
    };
    Ok(Flow {
        id: flow.id,
        name: flow.name,
        description: flow.description,
        folder: flow.folder,
        tags: flow.tags,
        latest_version_id: flow.latest_version,
        latest_version,
        created_at: flow.created_at,
        updated_at: flow.updated_at,
    })
}

/// A version as the API shows it.
pub(crate) fn version_view(version: flow::Version) -> Version {
    Version {
        id: version.id,
        flow_id: version.flow_id,
        number: version.number,
        status: version.status,
        package: version.package,
        entry: version.entry,
        parameter_schema: version.parameter_schema,
        source: version.source,
        created_at: version.created_at,
    }
}

/// Ended and open runs of a filter, each counted up to a page.
pub(crate) async fn count_runs(
    http: &Http,
    org: OrgId,
    filter: RunFilter,
) -> Result<(u32, u32), ApiError> {
    let (ended, open): (Vec<_>, Vec<_>) = RunState::ALL.into_iter().partition(|s| s.is_terminal());
    let mut counts = [0, 0];
    for (states, counted) in [ended, open].into_iter().zip(&mut counts) {
        let filter = RunFilter {
            states,
            ..filter.clone()
        };
        let most = PageRequest::first(org, baton_api::rest::MAX_PAGE);
        *counted = count(http.app.store.runs(filter, most).await?.items.len());
    }
    Ok((counts[0], counts[1]))
}

/// How runs of a deployment are found.
pub(crate) fn runs_of(deployment_id: DeploymentId) -> RunFilter {
    RunFilter {
        deployment_id: Some(deployment_id),
        ..RunFilter::default()
    }
}

/// A length as a count.
pub(crate) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Refuses what cannot be a name, naming the field.
pub(crate) fn check(field: &str, name: &str) -> Result<(), ApiError> {
    check_plain(field, name)?;
    // Wherever a name is taken an id is too: this one would be found under two.
    if uuid::Uuid::try_parse(name).is_ok() {
        let why = format!("{name:?} is written as an id is; a name has to differ from every id");
        return Err(ApiError::invalid("invalid_name", field, why));
    }
    Ok(())
}

/// The same for a robot's name, which may be a UUID as some machines are named by, but no id as Baton makes them:
/// whoever means that id would get this robot, or the other way round.
pub(crate) fn check_robot(field: &str, name: &str) -> Result<(), ApiError> {
    check_plain(field, name)?;
    if id::own::<RobotId>(name).is_some() {
        let why = format!("{name:?} is written as the ids of this server are; choose another name");
        return Err(ApiError::invalid("invalid_name", field, why));
    }
    Ok(())
}

fn check_plain(field: &str, name: &str) -> Result<(), ApiError> {
    check_name(name).map_err(|why| ApiError::invalid("invalid_name", field, why))
}

/// Refuses a line with characters that nobody sees.
pub(crate) fn check_line(code: &'static str, field: &str, line: &str) -> Result<(), ApiError> {
    baton_core::text::check_line(line).map_err(|why| {
        let why = format!("{line:?} cannot be one: {why}");
        ApiError::invalid(code, field, why)
    })
}

/// Refuses a text that is longer than people read.
pub(crate) fn check_text(field: &str, text: Option<&String>) -> Result<(), ApiError> {
    match text {
        Some(text) if text.len() > MAX_TEXT => Err(ApiError::invalid(
            "too_long",
            field,
            format!("has {} bytes; at most {MAX_TEXT} are kept", text.len()),
        )),
        _ => Ok(()),
    }
}

/// Refuses words that could not be typed, or more than anybody reads.
pub(crate) fn check_words<'a>(
    field: &str,
    words: impl IntoIterator<Item = &'a String>,
) -> Result<(), ApiError> {
    for (n, word) in words.into_iter().enumerate() {
        if n >= MAX_WORDS {
            let why = format!("at most {MAX_WORDS} are allowed");
            return Err(ApiError::invalid("too_many", field, why));
        }
        check_line("invalid_word", field, word)?;
        let length = word.chars().count();
        let is_word = (1..=200).contains(&length) && word.trim() == word && !word.contains(',');
        if !is_word {
            let why = format!(
                "{word:?} cannot be one: 1 to 200 characters, no comma, no blank at either end"
            );
            return Err(ApiError::invalid("invalid_word", field, why));
        }
    }
    Ok(())
}

fn check_flow_words(
    description: &Option<String>,
    folder: &Option<String>,
    tags: &Option<std::collections::BTreeSet<String>>,
) -> Result<(), ApiError> {
    check_text("description", description.as_ref())?;
    check_folder(folder.as_ref())?;
    check_words("tags", tags.iter().flatten())
}

/// Refuses a folder that is not one line.
pub(crate) fn check_folder(folder: Option<&String>) -> Result<(), ApiError> {
    check_text("folder", folder)?;
    check_line("invalid_word", "folder", folder.map_or("", String::as_str))
}

/// Ten random bytes, for a new id.
pub(crate) fn entropy() -> [u8; 10] {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes
}
