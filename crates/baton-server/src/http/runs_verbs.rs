//! What people do to one run: cancel, retry, pause, resume, put off, delete.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{Postpone, Remark, Run};
use baton_core::state::{Event, State as RunState};
use baton_store::noting::Note;
use baton_store::runs::{RunStep, Stepped};
use serde_json::json;

use super::Http;
use super::extract::{Caller, Json, MaybeJson, Name};
use super::flows::check_text;
use super::route::Done;
use super::runs::find;
use super::runs_view::view;
use crate::error::ApiError;
use crate::operations;

type Reply<T> = Result<axum::Json<T>, ApiError>;

pub(crate) async fn cancel_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    MaybeJson(body): MaybeJson<Remark>,
) -> Reply<Run> {
    step(&http, &caller, &text, Event::Cancel, body.message).await
}

pub(crate) async fn retry_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    MaybeJson(body): MaybeJson<Remark>,
) -> Reply<Run> {
    step(&http, &caller, &text, Event::Retry, body.message).await
}

pub(crate) async fn resume_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    MaybeJson(body): MaybeJson<Remark>,
) -> Reply<Run> {
    step(&http, &caller, &text, Event::Resume, body.message).await
}

pub(crate) async fn postpone_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Json(body): Json<Postpone>,
) -> Reply<Run> {
    let due_at = body.due_at;
    step(
        &http,
        &caller,
        &text,
        Event::Postpone { due_at },
        body.message,
    )
    .await
}

pub(crate) async fn pause_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    MaybeJson(_): MaybeJson<Remark>,
) -> Reply<Run> {
    let run = find(&http, caller.org, &text).await?;
    // Only a graph has points at which it can stop and go on; a command is one opaque process.
    Err(ApiError::conflict(
        "not_pausable",
        format!(
            "run {} executes a command, which cannot be paused; cancel it, or pause its queue or schedule",
            run.name
        ),
    ))
}

pub(crate) async fn delete_run(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Result<Done, ApiError> {
    let run = find(&http, caller.org, &text).await?;
    if !run.state.is_terminal() || run.live {
        return Err(ApiError::conflict(
            "run_not_ended",
            format!("run {} is {}; cancel it first", run.name, run.state),
        ));
    }
    let now = http.app.clock.now();
    let event = http.event(&caller, "run.deleted", run.id, json!({"name": run.name}));
    // Nothing is deleted when it has been tried again meanwhile.
    let note = Note::when(move |deleted: &u32| vec![event.clone(); *deleted as usize]);
    let delete = (http.app.store).delete_runs(caller.org, vec![run.id], &caller.name, now);
    http.noted(note, delete).await?;
    Ok(Done)
}

async fn step(
    http: &Http,
    caller: &Caller,
    text: &str,
    event: Event,
    message: Option<String>,
) -> Reply<Run> {
    check_text("message", message.as_ref())?;
    let run = find(http, caller.org, text).await?;
    let now = http.app.clock.now();
    let is_cancelled = event == Event::Cancel && run.state == RunState::Cancelled;
    if !is_cancelled {
        // Cancelling what is cancelled already is no mistake: two people pressed the same button.
        let kind = format!("run.{}_requested", event.name());
        let detail = json!({"name": run.name, "message": message});
        let event_row = http.event(caller, &kind, run.id, detail);
        let note = Note::when(move |taken: &Vec<baton_store::Result<Stepped>>| {
            let taken = taken.iter().filter(|one| one.is_ok());
            taken.map(|_| event_row.clone()).collect()
        });
        let step = RunStep {
            org: caller.org,
            run_id: run.id,
            claim: None,
            event,
            at: now,
            actor: caller.name.clone(),
            message,
            result: None,
            computer: None,
        };
        http.recorded(note, operations::take_one(&http.app, step))
            .await?;
        http.app.wakeups.rescuer.notify_one();
    }
    let run = http.app.store.run(caller.org, run.id).await?;
    Ok(axum::Json(view(http, run, now).await?))
}
