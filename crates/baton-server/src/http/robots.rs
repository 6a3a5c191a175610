//! Robots: seen, drained, given runs, told, forgotten.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::UPGRADE;
use axum::response::{IntoResponse, Response};
use baton_api::rest::{
    BroadcastRequest, BroadcastResult, Collection, CreateRun, CurrentRun, DrainRequest,
    LostRequest, LostResult, LostRun, PageQuery, Robot, RobotLogEntry, RobotLogQuery,
};
use baton_core::access::Permission;
use baton_core::robot;
use baton_core::text::shell_word;
use baton_store::StoreError;
use baton_store::runs::LiveAttempt;
use jiff::Timestamp;
use serde_json::json;

use super::Http;
use super::access::Access;
use super::extract::{Caller, IdempotencyKey, Json, LARGE, MaybeJson, Name, Query};
use super::flows::{check_text, count};
use super::paging::{bounded, listed, page};
use super::route::Done;
use super::runs::{Submitted, submit};
use super::{lookup, unheard};
use crate::error::ApiError;
use crate::operations;
use crate::robots::{RobotKey, upgrade};

type Reply<T> = Result<axum::Json<T>, ApiError>;

/// Lines of an agent's log unless the caller says otherwise.
const SHOWN: u32 = 200;
/// Longest broadcast, in bytes of JSON: a word, not a file.
const MAX_BROADCAST: usize = 16 << 10;

pub(crate) async fn list_robots(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Reply<Collection<Robot>> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let found = http.app.store.robots_page(request).await?;
    let live = http.app.store.live_attempts().await?;
    let shown = |robot| view(&http, robot, &live);
    Ok(axum::Json(listed(found, shown)))
}

pub(crate) async fn get_robot(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Robot> {
    let robot = lookup::robot(&http, caller.org, &text).await?;
    shown(&http, robot).await
}

pub(crate) async fn delete_robot(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Result<Done, ApiError> {
    let robot = lookup::robot(&http, caller.org, &text).await?;
    let event = http.event(
        &caller,
        "robot.deleted",
        robot.id,
        json!({"name": robot.name}),
    );
    let delete = operations::delete_robot(&http.app, caller.org, robot.id);
    http.noted(event, delete).await?;
    for key in http.app.store.keys(caller.org).await? {
        if key.robot_id == Some(robot.id) {
            http.auth.forget(key.id);
        }
    }
    Ok(Done)
}

pub(crate) async fn drain_robot(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    MaybeJson(body): MaybeJson<DrainRequest>,
) -> Reply<Robot> {
    check_text("comment", Some(&body.comment))?;
    drain(&http, &caller, &text, true, &body.comment).await
}

pub(crate) async fn resume_robot(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
) -> Reply<Robot> {
    drain(&http, &caller, &text, false, "").await
}

async fn drain(
    http: &Http,
    caller: &Caller,
    text: &str,
    draining: bool,
    comment: &str,
) -> Reply<Robot> {
    let robot = lookup::robot(http, caller.org, text).await?;
    // What changes nothing leaves no row.
    if robot.draining == draining && (!draining || robot.drain_comment == comment) {
        return shown(http, robot).await;
    }
    let kind = if draining {
        "robot.draining"
    } else {
        "robot.resumed"
    };
    let detail = json!({"name": robot.name, "comment": comment});
    let event = http.event(caller, kind, robot.id, detail);
    let set = operations::set_draining(&http.app, caller.org, robot.id, draining, comment);
    let robot = http.noted(event, set).await?;
    shown(http, robot).await
}

pub(crate) async fn robot_lost(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    MaybeJson(body): MaybeJson<LostRequest>,
) -> Reply<LostResult> {
    check_text("comment", Some(&body.comment))?;
    let robot = lookup::robot(&http, caller.org, &text).await?;
    if http.app.robots.get(robot.id).is_some() {
        let why = format!(
            "{0} is connected, and says what it runs; to end that, cancel its runs: baton runs cancel --robot={1}",
            robot.name,
            shell_word(&robot.name)
        );
        return Err(ApiError::conflict("robot_is_here", why));
    }
    let said = match body.comment.as_str() {
        "" => format!("{} said that the robot is gone", caller.name),
        comment => format!("{} said that the robot is gone: {comment}", caller.name),
    };
    let lost = operations::lost(&http.app, caller.org, robot.id, &caller.name, Some(said)).await?;
    let mut runs = Vec::with_capacity(lost.len());
    for stepped in lost {
        let run = http.app.store.run(caller.org, stepped.run_id).await?;
        runs.push(LostRun {
            run_id: run.id,
            run_name: run.name,
            state: run.state,
        });
    }
    let detail = json!({"name": robot.name, "comment": body.comment, "runs": runs.len()});
    http.record(caller.org, &caller.name, "robot.lost", robot.id, detail)
        .await;
    Ok(axum::Json(LostResult { runs }))
}

pub(crate) async fn run_on_robot(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    IdempotencyKey(key): IdempotencyKey,
    Json(mut ask): Json<CreateRun, LARGE>,
) -> Result<Submitted, ApiError> {
    let robot = lookup::robot(&http, caller.org, &text).await?;
    ask.robot = Some(robot.id.to_string());
    ask.idempotency_key = key.or(ask.idempotency_key);
    submit(&http, &caller, ask).await
}

pub(crate) async fn list_robot_logs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<RobotLogQuery>,
) -> Reply<Collection<RobotLogEntry>> {
    let robot = lookup::robot(&http, caller.org, &text).await?;
    let limit = bounded(query.limit, SHOWN)?;
    let store = &http.app.store;
    let after = match query.cursor {
        None => query.after,
        Some(text) => Some(text.parse().map_err(|_| StoreError::bad_cursor())?),
    };
    let mut lines = match after {
        Some(after) => store.robot_log(caller.org, robot.id, after, limit).await?,
        None => {
            let most = baton_store::fleet::MAX_ROBOT_LOG;
            let all = store.robot_log(caller.org, robot.id, 0, most).await?;
            let keep = usize::try_from(limit).unwrap_or(usize::MAX);
            let from = all.len().saturating_sub(keep);
            all.into_iter().skip(from).collect()
        }
    };
    let next = lines.last().map(|line| line.seq.to_string());
    let items = lines
        .drain(..)
        .map(|line| RobotLogEntry {
            seq: line.seq,
            at: line.at,
            level: line.level,
            message: line.message,
        })
        .collect();
    Ok(axum::Json(Collection { items, next }))
}

pub(crate) async fn broadcast(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<BroadcastRequest>,
) -> Reply<BroadcastResult> {
    check_broadcast(&body)?;
    let told = operations::broadcast(&http.app, caller.org, None, &body.event, body.data);
    let detail = json!({"event": body.event, "sent": told.reached.len()});
    http.record(caller.org, &caller.name, "robot.told", "", detail)
        .await;
    Ok(axum::Json(BroadcastResult {
        sent: count(told.reached.len()),
    }))
}

pub(crate) async fn tell_robot(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Json(body): Json<BroadcastRequest>,
) -> Reply<BroadcastResult> {
    check_broadcast(&body)?;
    let robot = lookup::robot(&http, caller.org, &text).await?;
    let one = [robot.id];
    let told = operations::broadcast(&http.app, caller.org, Some(&one), &body.event, body.data);
    let detail = json!({"name": robot.name, "event": body.event, "sent": told.reached.len()});
    http.record(caller.org, &caller.name, "robot.told", robot.id, detail)
        .await;
    Ok(axum::Json(BroadcastResult {
        sent: count(told.reached.len()),
    }))
}

fn check_broadcast(body: &BroadcastRequest) -> Result<(), ApiError> {
    if body.event.is_empty() || body.event.len() > 200 {
        let why = "has 1 to 200 bytes";
        return Err(ApiError::invalid("invalid_name", "event", why));
    }
    let size = body.data.to_string().len();
    if size > MAX_BROADCAST {
        let why = format!("has {size} bytes; at most {MAX_BROADCAST} are sent");
        return Err(ApiError::invalid("too_long", "data", why));
    }
    Ok(())
}

/// A robot's connection. Its key has been checked by the guard.
pub(crate) async fn connect(
    State(http): State<Arc<Http>>,
    caller: Caller,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Some(robot_id) = caller.robot else {
        return ApiError::conflict("not_a_robot", "this key belongs to no robot").into_response();
    };
    let key = RobotKey {
        id: caller.key,
        org: caller.org,
        robot_id,
        expires_at: caller.expires_at,
    };
    match socket {
        Ok(socket) => upgrade(Arc::clone(&http.app), key, socket),
        Err(rejection) => {
            ApiError::bad_request("not_a_websocket", rejection.body_text()).into_response()
        }
    }
}

/// `/` is the dashboard's page, and a door for robots that were told only the server's address.
pub(crate) async fn page_or_connect(State(http): State<Arc<Http>>, request: Request) -> Response {
    if !request.headers().contains_key(UPGRADE) {
        return super::dashboard::fallback(State(http), request).await;
    }
    let (mut parts, _) = request.into_parts();
    let access = Access::Needs(Permission::ActAsRobot);
    match super::guard::caller(&http, access, &parts).await {
        Ok(Some(caller)) => {
            let socket = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
            connect(State(http), caller, socket).await
        }
        Ok(None) => ApiError::internal("a door with a permission let nobody in").into_response(),
        Err(error) => error.into_response(),
    }
}

async fn shown(http: &Http, robot: robot::Robot) -> Reply<Robot> {
    let live = http.app.store.live_attempts().await?;
    Ok(axum::Json(view(http, robot, &live)))
}

fn view(http: &Http, mut robot: robot::Robot, live: &[LiveAttempt]) -> Robot {
    let now: Timestamp = http.app.clock.now();
    // Heartbeats are written in batches; the connection has heard the latest.
    let heard = http.app.robots.heard_at(robot.id);
    robot.last_seen = heard.map(|at| http.app.day_of(at)).or(robot.last_seen);
    if let Some(connection) = http.app.robots.get(robot.id) {
        robot.metrics = connection.heard().metrics.clone();
    }
    let current_runs: Vec<CurrentRun> = live
        .iter()
        .filter(|attempt| attempt.robot_id == Some(robot.id))
        .map(|attempt| CurrentRun {
            run_id: attempt.run_id,
            run_name: attempt.run_name.clone(),
            flow_id: attempt.flow_id,
            attempt: attempt.attempt,
            state: attempt.state,
            desktop: attempt.desktop.clone(),
            assigned_at: attempt.assigned_at,
            started_at: attempt.started_at,
            unheard: unheard::of(&http.app, robot.id, robot.last_seen, attempt.patience()),
        })
        .collect();
    let taken = count(current_runs.len());
    let slots = robot.offer.max_concurrent_jobs.max(1);
    Robot {
        id: robot.id,
        status: robot.status(taken, now),
        name: robot.name,
        connected: robot.connected,
        drained: robot.draining && current_runs.is_empty(),
        draining: robot.draining,
        drain_comment: robot.drain_comment,
        load: (f64::from(taken) / f64::from(slots)).min(1.0),
        live: taken,
        current_runs,
        last_seen: robot.last_seen,
        lease_until: robot.lease_until,
        metrics: robot.metrics,
        session: robot.session,
        created_at: robot.created_at,
        offer: robot.offer,
    }
}
