//! Registration: the first message of a connection, and what the server answers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, Utf8Bytes, WebSocket};
use baton_api::robot::{
    CLOSE_PROTOCOL, CLOSE_UNAUTHORISED, Claim, Held, Message, PROTOCOL, Register, RobotRegistered,
    Start,
};
use baton_core::lease::{HEARTBEAT, LEASE, START_WITHIN};
use baton_core::queue::DEFAULT_QUEUE;
use baton_core::robot::{MAX_SLOTS, Robot, RobotOffer};
use baton_core::state::State;
use baton_store::logs::{EventFilter, ResourceEvent};
use baton_store::runs::LiveAttempt;
use baton_store::{PageRequest, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::reconcile::{Settlement, claim_of, settle};
use super::succession::{succeed, why_lost};
use super::{Connection, RobotKey, deliver, heartbeat};
use crate::app::App;
use crate::operations;

/// A connection that has not registered after this long is closed: it holds a place for nothing.
const REGISTER_WITHIN: Duration = Duration::from_secs(10);
/// Labels, capabilities, queues and desktops that one robot may name, of each.
const MAX_WORDS: usize = 256;
/// Longest such word, in bytes.
const MAX_WORD: usize = 256;

/// Why a connection was refused: the error that the robot is told, and the code of the close.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) close: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    fn protocol(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            close: CLOSE_PROTOCOL,
            code,
            message: message.into(),
        }
    }
}

/// A robot that has registered.
pub(super) struct Registered {
    pub(super) connection: Arc<Connection>,
    /// Frames that other parts of the server send to it.
    pub(super) frames: mpsc::Receiver<Utf8Bytes>,
}

/// Waits for `register` and opens the session. `None` when the robot went away before.
pub(super) async fn greet(
    app: &Arc<App>,
    key: &RobotKey,
    socket: &mut WebSocket,
) -> Option<Result<Registered, Refusal>> {
    let text = match tokio::time::timeout(REGISTER_WITHIN, first_text(socket)).await {
        Ok(text) => text?,
        Err(_) => {
            let message = format!("no `register` came within {REGISTER_WITHIN:?}");
            return Some(Err(Refusal::protocol("not_registered", message)));
        }
    };
    let (register, sent) = match read(&text) {
        Ok(register) => register,
        Err(refusal) => return Some(Err(refusal)),
    };
    let ahead = sent.map(|sent| sent.duration_since(app.now()));
    Some(open(app, key, register, ahead, socket).await)
}

async fn first_text(socket: &mut WebSocket) -> Option<Utf8Bytes> {
    loop {
        match socket.recv().await?.ok()? {
            Frame::Text(text) => return Some(text),
            Frame::Close(_) => return None,
            Frame::Ping(_) | Frame::Pong(_) | Frame::Binary(_) => {}
        }
    }
}

/// What it says, and when it was sent by the robot's clock.
fn read(text: &str) -> Result<(Register, Option<Timestamp>), Refusal> {
    let bad = |error: serde_json::Error| {
        Refusal::protocol(
            "bad_message",
            format!("the first message cannot be read: {error}"),
        )
    };
    let frame: baton_api::robot::Frame<'_> = serde_json::from_str(text).map_err(bad)?;
    if frame.kind != Register::KIND {
        let message = format!("the first message must be `register`, not {:?}", frame.kind);
        return Err(Refusal::protocol("not_registered", message));
    }
    // The version is looked at first: of another version nothing else may be understood.
    #[derive(serde::Deserialize)]
    struct Version {
        #[serde(default)]
        protocol: u32,
    }
    let payload = frame.payload.map_or("{}", |p| p.get());
    let version: Version = serde_json::from_str(payload).map_err(bad)?;
    if version.protocol != PROTOCOL {
        let message = format!(
            "this server speaks version {PROTOCOL} of the robot protocol, the robot version {}; \
             install the agent of this server's version",
            version.protocol
        );
        return Err(Refusal::protocol("protocol_version", message));
    }
    let register = Register::read(&frame).map_err(bad)?;
    Ok((register, frame.sent_at()))
}

async fn open(
    app: &Arc<App>,
    key: &RobotKey,
    register: Register,
    ahead: Option<SignedDuration>,
    socket: &mut WebSocket,
) -> Result<Registered, Refusal> {
    let before = app
        .store
        .robot(key.org, key.robot_id)
        .await
        .map_err(refused)?;
    check_name(&before, &register.robot_name)?;
    let mut offer = bounded(register.offer)?;
    let moved = succeed(app, key, &before, &offer).await?;
    let rebooted = !before.offer.boot_id.is_empty()
        && !offer.boot_id.is_empty()
        && before.offer.boot_id != offer.boot_id;
    let mut fresh = unknown_queues(app, key, &offer).await;
    // Its own computer's queue comes before what else it names.
    fresh.sort_by_key(|name| *name != offer.computer);
    for name in beyond_bound(app, key, &before.name, &mut fresh).await {
        offer.queues.remove(&name);
    }
    let now = app.now();
    let lease_until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    let robot = app
        .store
        .open_session(key.robot_id, offer, lease_until, now)
        .await
        .map_err(refused)?;
    let live = app
        .store
        .live_attempts_of(robot.id)
        .await
        .map_err(refused)?;
    let settlement = settle(&register.holds, &live);
    let steady = app.steady();
    let (connection, frames) = Connection::new(&robot, key, steady, app.entropy());
    let connection = Arc::new(connection);
    for attempt in live.iter().filter(|a| a.state.is_on_robot()) {
        connection.note_hold(claim_of(attempt), attempt.state, steady);
    }
    connection.note_began(&register.holds, steady);
    // Before the answer: a robot that connects again at once finds them counted.
    announce_queues(app, &connection, fresh).await;
    let answer = connection.frame(&registered(&robot, &settlement), now, None);
    // Known before it is answered: whoever knows that the robot is here can reach it. What is sent to
    // it meanwhile waits in its outbox until the answer is written.
    app.robots.insert(&connection);
    app.fleet.robot(robot);
    // Whatever was refused above left nothing; from here on the session must be closed properly,
    // which `session` does also when the answer does not get through.
    if super::session::write(socket, answer).await {
        let why = why_lost(moved, rebooted);
        follow_up(app, &connection, settlement, &live, why, now).await;
    } else {
        connection.close(CLOSE_PROTOCOL, "the connection was lost while registering");
    }
    app.wakeups.dispatcher.notify_one();
    announce(app, &connection, &register.holds, ahead).await;
    Ok(Registered { connection, frames })
}

/// A robot that says its name has the key of a robot of this name.
fn check_name(robot: &Robot, said: &str) -> Result<(), Refusal> {
    if said.is_empty() || said == robot.name {
        return Ok(());
    }
    Err(Refusal {
        close: CLOSE_UNAUTHORISED,
        code: "wrong_robot",
        message: format!(
            "this key belongs to the robot {:?}, not to {said:?}; enrol the robot under its own name",
            robot.name
        ),
    })
}

fn registered(robot: &Robot, settlement: &Settlement) -> RobotRegistered {
    RobotRegistered {
        robot_id: robot.id,
        name: robot.name.clone(),
        session: robot.session,
        heartbeat_seconds: HEARTBEAT.as_secs_f64(),
        lease_seconds: LEASE.as_secs_f64(),
        start_within_seconds: START_WITHIN.as_secs_f64(),
        draining: robot.draining,
        verdicts: settlement.verdicts.clone(),
        server_version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// Sends again what may have been lost, and ends what is lost for good.
async fn follow_up(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    settlement: Settlement,
    live: &[LiveAttempt],
    why: &str,
    now: Timestamp,
) {
    for claim in settlement.start {
        connection.note_hold(claim, State::Running, app.steady());
        connection.send(&Start { claim }, now);
    }
    for claim in settlement.cancel {
        operations::send_cancel(app, connection, claim).await;
    }
    for claim in settlement.redeliver {
        redeliver(app, connection, claim, live).await;
    }
    heartbeat::report_lost(app, connection, settlement.lost, why).await;
    for claim in settlement.gone {
        operations::release(app, connection.org, claim.job_id, connection.claim(&claim)).await;
    }
}

async fn redeliver(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    claim: Claim,
    live: &[LiveAttempt],
) {
    let org = live
        .iter()
        .find(|a| a.run_id == claim.job_id)
        .map(|a| a.org);
    let org = org.unwrap_or(connection.org);
    let loaded = async {
        let run = app.store.run(org, claim.job_id).await?;
        let attempts = app.store.attempts(org, claim.job_id).await?;
        Ok::<_, StoreError>((run, attempts))
    };
    match loaded.await {
        Ok((run, attempts)) => {
            if let Some(attempt) = attempts.iter().find(|a| a.number == claim.attempt) {
                deliver(app, connection, &run, attempt).await;
            }
        }
        Err(error) => {
            tracing::warn!(run = %claim.job_id, %error, "cannot deliver an assignment again")
        }
    }
}

/// `ahead`: how far the robot's clock is ahead of this server's.
async fn announce(
    app: &App,
    connection: &Connection,
    holds: &[Held],
    ahead: Option<SignedDuration>,
) {
    tracing::info!(
        robot = %connection.name,
        session = connection.session,
        holds = holds.len(),
        "robot connected"
    );
    record(app, connection, "robot.connected", ahead).await;
}

/// Tells the streams that the robot of this connection came or went.
pub(super) async fn record(
    app: &App,
    connection: &Connection,
    kind: &str,
    ahead: Option<SignedDuration>,
) {
    let mut detail = serde_json::json!({ "session": connection.session });
    if let Some(ahead) = ahead {
        // Whoever reads times that this robot wrote can tell what they are here.
        detail["clock_ahead_ms"] = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX).into();
    }
    let subject = connection.robot_id.to_string();
    append(app, vec![event(app, connection, kind, subject, detail)]).await;
}

fn event(
    app: &App,
    connection: &Connection,
    kind: &str,
    subject: String,
    detail: serde_json::Value,
) -> ResourceEvent {
    ResourceEvent {
        seq: 0,
        org: connection.org,
        at: app.now(),
        kind: kind.into(),
        subject,
        actor: connection.name.clone(),
        detail,
    }
}

pub(super) async fn append(app: &App, events: Vec<ResourceEvent>) {
    if let Err(error) = app.store.append_events(events).await {
        tracing::warn!(%error, "cannot record that a robot came or went");
    }
}

/// The queues of an offer that are not there yet: opening the session makes them.
async fn unknown_queues(app: &App, key: &RobotKey, offer: &RobotOffer) -> Vec<String> {
    let mut unknown = Vec::new();
    for name in &offer.queues {
        if app.store.queue_by_name(key.org, name).await.is_err() {
            unknown.push(name.clone());
        }
    }
    unknown
}

/// Queues that one robot's registrations make at most, as far as the trail reaches back.
const MADE_BY_ONE: usize = 32;

/// Takes off the list what would be more queues than one robot makes; a person can make those.
async fn beyond_bound(
    app: &App,
    key: &RobotKey,
    robot: &str,
    fresh: &mut Vec<String>,
) -> Vec<String> {
    if fresh.is_empty() {
        return Vec::new();
    }
    let filter = EventFilter {
        kinds: vec!["queue.created".into()],
        actor: Some(robot.to_owned()),
        ..EventFilter::default()
    };
    let most = u32::try_from(MADE_BY_ONE).unwrap_or(u32::MAX);
    let made = app
        .store
        .events(filter, PageRequest::first(key.org, most))
        .await;
    let made = made.map_or(MADE_BY_ONE, |page| page.items.len());
    let beyond = fresh.split_off(fresh.len().min(MADE_BY_ONE.saturating_sub(made)));
    if !beyond.is_empty() {
        tracing::warn!(
            robot,
            queues = beyond.len(),
            "a robot names more new queues than one makes ({MADE_BY_ONE}); it does not serve them until they are made by hand"
        );
    }
    beyond
}

/// Tells the streams of the queues that came with a robot.
async fn announce_queues(app: &App, connection: &Connection, names: Vec<String>) {
    let mut events = Vec::new();
    for name in names {
        if let Ok(queue) = app.store.queue_by_name(connection.org, &name).await {
            let (id, detail) = (queue.id.to_string(), serde_json::json!({ "name": name }));
            events.push(event(app, connection, "queue.created", id, detail));
        }
    }
    if !events.is_empty() {
        append(app, events).await;
    }
}

/// The offer with the queues that every robot serves, or why it is refused.
fn bounded(mut offer: RobotOffer) -> Result<RobotOffer, Refusal> {
    let refuse = |message: String| Err(Refusal::protocol("bad_message", message));
    if offer.max_concurrent_jobs > MAX_SLOTS {
        return refuse(format!(
            "max_concurrent_jobs is {}; a robot has at most {MAX_SLOTS} slots",
            offer.max_concurrent_jobs
        ));
    }
    let words = [
        ("labels", &offer.labels),
        ("capabilities", &offer.capabilities),
        ("queues", &offer.queues),
        ("desktops", &offer.desktops),
    ];
    for (field, words) in words {
        if words.len() > MAX_WORDS || words.iter().any(|w| w.is_empty() || w.len() > MAX_WORD) {
            return refuse(format!(
                "{field} holds at most {MAX_WORDS} words of 1 to {MAX_WORD} bytes"
            ));
        }
    }
    let lines = words
        .iter()
        .flat_map(|(field, words)| words.iter().map(move |w| (*field, w)));
    let facts = [
        ("computer", &offer.computer),
        ("platform", &offer.platform),
        ("version", &offer.version),
    ];
    let environment = offer.environment.iter().map(|e| ("environment", e));
    for (field, line) in lines.chain(facts).chain(environment) {
        if let Err(why) = baton_core::text::check_line(line) {
            return refuse(format!("{field}: {line:?} cannot be one: {why}"));
        }
    }
    for queue in &offer.queues {
        if let Err(message) = baton_core::flow::check_name(queue) {
            return refuse(format!("{queue:?} cannot be a queue: {message}"));
        }
        if is_id(queue) {
            return refuse(format!(
                "{queue:?} cannot be a queue: it is written as an id is"
            ));
        }
    }
    offer.queues.insert(DEFAULT_QUEUE.into());
    if baton_core::flow::check_name(&offer.computer).is_ok() && !is_id(&offer.computer) {
        offer.queues.insert(offer.computer.clone());
    }
    Ok(offer)
}

/// Whether a queue of this name would be taken for another by its id.
fn is_id(name: &str) -> bool {
    baton_core::id::own::<baton_core::id::QueueId>(name).is_some()
}

pub(super) fn refused(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound { what } => Refusal {
            close: CLOSE_UNAUTHORISED,
            code: "robot_deleted",
            message: format!("{what}; enrol the robot again"),
        },
        error => {
            tracing::error!(%error, "a robot cannot register");
            Refusal {
                close: baton_api::robot::CLOSE_RESTART,
                code: "unavailable",
                message: "the server cannot write now; try again later".into(),
            }
        }
    }
}
