//! The life of one connection: read, commit, answer, until one side ends it.
//!
//! One task does it all. While a commit is in flight it goes on reading, so that heartbeats are never
//! stuck behind a disk, and gathers what comes into the next commit: a busy robot's messages share
//! commits, an idle robot's message is committed at once.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket};
use baton_api::robot::{CLOSE_PROTOCOL, CLOSE_SLOW, Message, ProtocolError};
use futures_util::{FutureExt, SinkExt};
use tokio::sync::mpsc;

use super::connection::OUTBOX;
use super::hello::{Refusal, Registered, greet};
use super::ingest::{Inbox, Taken, commit};
use super::{Connection, RobotKey};
use crate::app::App;

/// A robot that does not take a frame for this long is cut.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How long a close may take before the socket is dropped.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// Messages that are taken before what can be answered at once is answered.
const HEARD_AT_ONCE: usize = 256;
/// Messages that make no sense before the connection is closed.
const MAX_BAD: u32 = 100;

type Commit = Pin<Box<dyn Future<Output = Vec<Utf8Bytes>> + Send>>;

/// Serves a robot's connection to its end.
pub(super) async fn serve(app: Arc<App>, key: RobotKey, mut socket: WebSocket) {
    let _open = app.robots.sessions.token();
    // In a box of its own: what registration needs is not kept for as long as the connection lasts.
    let registered = tokio::select! {
        registered = Box::pin(greet(&app, &key, &mut socket)) => registered,
        () = app.stopping.cancelled() => return restart(socket).await,
    };
    let Registered {
        connection,
        mut frames,
    } = match registered {
        None => return,
        Some(Err(refusal)) => return refuse(&app, socket, refusal).await,
        Some(Ok(registered)) => registered,
    };
    let mut talk = Talk {
        app: &app,
        connection: &connection,
        inbox: Inbox::default(),
        bad: 0,
    };
    let mut in_flight: Option<Commit> = None;
    loop {
        tokio::select! {
            () = connection.closed() => break,
            frame = frames.recv() => {
                let Some(frame) = frame else { break };
                if !write_all(&mut socket, waiting(frame, &mut frames)).await {
                    connection.close(CLOSE_SLOW, "the robot does not read what it is sent; reconnect");
                    break;
                }
            }
            received = socket.recv(), if talk.inbox.has_room() => {
                if !talk.hear_all(received, &mut socket) {
                    break;
                }
            }
            answers = finish(&mut in_flight), if in_flight.is_some() => {
                in_flight = None;
                if !write_all(&mut socket, answers).await {
                    break;
                }
            }
        }
        if !write_all(&mut socket, std::mem::take(&mut talk.inbox.answers)).await {
            break;
        }
        if in_flight.is_none() && !talk.inbox.is_empty() {
            let inbox = std::mem::take(&mut talk.inbox);
            let (app, connection) = (Arc::clone(&app), Arc::clone(&connection));
            in_flight = Some(Box::pin(commit(app, connection, inbox)));
        }
    }
    let rest = std::mem::take(&mut talk.inbox);
    Box::pin(end(&app, &connection, in_flight, rest, socket)).await;
}

async fn finish(in_flight: &mut Option<Commit>) -> Vec<Utf8Bytes> {
    match in_flight {
        Some(commit) => commit.await,
        None => std::future::pending().await,
    }
}

/// What a connection has heard and not yet committed.
struct Talk<'a> {
    app: &'a Arc<App>,
    connection: &'a Arc<Connection>,
    inbox: Inbox,
    bad: u32,
}

impl Talk<'_> {
    /// Takes what was received, and what is there already behind it: it shares the next commit.
    fn hear_all(
        &mut self,
        first: Option<Result<Frame, axum::Error>>,
        socket: &mut WebSocket,
    ) -> bool {
        if !self.hear(first) {
            return false;
        }
        for _ in 1..HEARD_AT_ONCE {
            if !self.inbox.has_room() {
                break;
            }
            let Some(next) = socket.recv().now_or_never() else {
                break;
            };
            if !self.hear(next) {
                return false;
            }
        }
        true
    }

    /// Takes what was received; `false` ends the connection.
    fn hear(&mut self, received: Option<Result<Frame, axum::Error>>) -> bool {
        let text = match received {
            Some(Ok(Frame::Text(text))) => text,
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => return true,
            Some(Ok(Frame::Binary(_))) => {
                self.connection
                    .close(CLOSE_PROTOCOL, "every message is one JSON text");
                return false;
            }
            Some(Ok(Frame::Close(_))) | None => return false,
            Some(Err(error)) => {
                self.broken(&error);
                return false;
            }
        };
        match self.inbox.take(self.app, self.connection, &text) {
            Taken::Known => true,
            Taken::Bad { code, message, id } => {
                self.bad += 1;
                let error = protocol_error(code, message);
                let now = self.app.now();
                let answer = self.connection.frame(&error, now, id);
                self.inbox.answers.push(answer);
                if self.bad > MAX_BAD {
                    self.connection
                        .close(CLOSE_PROTOCOL, "too many messages that cannot be read");
                }
                self.bad <= MAX_BAD
            }
        }
    }

    /// A frame over its bound ends the connection with a word about it; a lost connection just ends.
    fn broken(&self, error: &axum::Error) {
        let reason = error.to_string();
        tracing::debug!(robot = %self.connection.name, reason, "a robot's connection broke");
        if reason.contains("too long")
            || reason.contains("too large")
            || reason.contains("Space limit")
        {
            let bound = baton_api::robot::MAX_FRAME;
            self.connection.close(
                CLOSE_PROTOCOL,
                &format!("a frame holds at most {bound} bytes"),
            );
        }
    }
}

pub(super) fn protocol_error(code: &str, message: String) -> ProtocolError {
    ProtocolError {
        code: code.to_owned(),
        message,
        details: serde_json::Map::new(),
    }
}

/// Commits what came before the end, and says goodbye.
async fn end(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    in_flight: Option<Commit>,
    rest: Inbox,
    mut socket: WebSocket,
) {
    let mut answers = match in_flight {
        Some(commit) => commit.await,
        None => Vec::new(),
    };
    if !rest.is_empty() {
        let (app, connection) = (Arc::clone(app), Arc::clone(connection));
        answers.extend(Box::pin(commit(app, connection, rest)).await);
    }
    let goodbye = async {
        write_all(&mut socket, answers).await;
        if let Some((code, reason)) = connection.farewell() {
            close(socket, code, reason.to_owned().into()).await;
        }
    };
    _ = tokio::time::timeout(CLOSE_WITHIN, goodbye).await;
    if app.robots.remove(connection) {
        app.fleet.gone(connection.robot_id, connection.session);
    }
    let closed = app
        .store
        .close_session(connection.robot_id, connection.session, app.now());
    if let Err(error) = closed.await {
        tracing::debug!(robot = %connection.name, %error, "cannot record a closed session");
    }
    super::hello::record(app, connection, "robot.disconnected", None).await;
    app.wakeups.rescuer.notify_one();
    tracing::info!(
        robot = %connection.name,
        session = connection.session,
        reason = connection.farewell().map_or("it went away", |(_, reason)| reason),
        "robot disconnected"
    );
}

async fn refuse(app: &App, mut socket: WebSocket, refusal: Refusal) {
    tracing::warn!(
        code = refusal.code,
        "a robot was refused: {}",
        refusal.message
    );
    let error = protocol_error(refusal.code, refusal.message.clone());
    let text = error.frame(app.message_id(), app.now(), None);
    if write(&mut socket, text.into()).await {
        close(socket, refusal.close, refusal.message.into()).await;
    }
}

async fn restart(socket: WebSocket) {
    let reason = "the server is going down; reconnect";
    close(socket, baton_api::robot::CLOSE_RESTART, reason.into()).await;
}

/// Longest reason that a close frame can carry, in bytes.
const MAX_REASON: usize = 120;

/// Says why, then waits briefly for the other side to have read it.
async fn close(mut socket: WebSocket, code: u16, reason: Cow<'static, str>) {
    let reason = baton_core::error::clip(reason.into_owned(), MAX_REASON);
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let farewell = async {
        if socket.send(Frame::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    _ = tokio::time::timeout(CLOSE_WITHIN, farewell).await;
}

/// Writes a frame; `false` when the robot does not take it.
pub(super) async fn write(socket: &mut WebSocket, text: Utf8Bytes) -> bool {
    write_all(socket, [text]).await
}

/// Writes frames, as many at once as the socket's buffer holds; `false` when the robot does not take one.
async fn write_all(socket: &mut WebSocket, frames: impl IntoIterator<Item = Utf8Bytes>) -> bool {
    let mut frames = frames.into_iter().peekable();
    if frames.peek().is_none() {
        return true;
    }
    for frame in frames {
        if !in_time(socket.feed(Frame::Text(frame))).await {
            return false;
        }
    }
    in_time(socket.flush()).await
}

async fn in_time(sent: impl Future<Output = Result<(), axum::Error>>) -> bool {
    matches!(tokio::time::timeout(WRITE_WITHIN, sent).await, Ok(Ok(())))
}

/// A frame, and those that wait behind it.
fn waiting(
    first: Utf8Bytes,
    frames: &mut mpsc::Receiver<Utf8Bytes>,
) -> impl Iterator<Item = Utf8Bytes> {
    let behind = std::iter::from_fn(|| frames.try_recv().ok());
    std::iter::once(first).chain(behind.take(OUTBOX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F: Future>(_: impl Fn(Arc<App>, RobotKey, WebSocket) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_an_idle_connection_is_small() {
        let bytes = size(serve);
        println!("{bytes} bytes");
        assert!(bytes <= 4_096, "{bytes} bytes, ten thousand times");
    }
}
