//! What a robot says, gathered into as few store operations as possible, and answered after the commit.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use baton_api::robot::{
    Accept, Ack, Claim, Frame, Heartbeat, HeartbeatAck, Held, JobResult, LogBatch, Message, Reject,
    RobotLog, StatusUpdate, TaskUpdate,
};
use baton_core::run::Progress;
use baton_store::logs::Refusal;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Connection, heartbeat};
use crate::app::App;
use crate::operations;

mod evidence;
mod steps;

/// Messages that wait for the commit in flight; then reading stops until it is done.
const MAX_MESSAGES: usize = 512;
/// Bytes that wait for the commit in flight.
const MAX_BYTES: usize = 8 << 20;

/// What came since the last commit began.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    accepts: Vec<Claim>,
    rejects: Vec<Reject>,
    results: Vec<JobResult>,
    logs: Vec<LogBatch>,
    tasks: Vec<TaskUpdate>,
    /// Only the latest word on each attempt's progress counts.
    progress: HashMap<Claim, Progress>,
    robot_log: Vec<RobotLog>,
    /// A heartbeat that does not fit what is believed here.
    doubt: Option<(Option<Timestamp>, Vec<Held>)>,
    /// What can be answered without a commit.
    pub(super) answers: Vec<Utf8Bytes>,
    messages: usize,
    bytes: usize,
}

/// Whether a message was understood.
#[derive(Debug)]
pub(super) enum Taken {
    /// Yes.
    Known,
    /// No; the error goes back to the robot.
    Bad {
        code: &'static str,
        message: String,
        id: Option<Uuid>,
    },
}

/// A result says how an attempt has ended; one that goes on has none.
fn ended(result: JobResult) -> serde_json::Result<JobResult> {
    if result.state.is_terminal() {
        return Ok(result);
    }
    let why = format!(
        "a result says how a run has ended, and {} is no end",
        result.state
    );
    Err(serde::de::Error::custom(why))
}

impl Inbox {
    /// Whether more may be read before the next commit.
    pub(super) fn has_room(&self) -> bool {
        self.messages < MAX_MESSAGES && self.bytes < MAX_BYTES
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Takes one message in.
    pub(super) fn take(&mut self, app: &App, connection: &Connection, text: &str) -> Taken {
        let bad = |id, error: serde_json::Error| Taken::Bad {
            code: "bad_message",
            message: format!("the message cannot be read: {error}"),
            id,
        };
        let frame: Frame<'_> = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => return bad(None, error),
        };
        match self.sort(app, connection, &frame) {
            Ok(Sorted::Kept) => {
                self.messages += 1;
                self.bytes += text.len();
                Taken::Known
            }
            Ok(Sorted::Answered) => Taken::Known,
            Ok(Sorted::Unknown) => Taken::Bad {
                code: "unknown_message",
                message: format!("a robot does not say {:?}", frame.kind),
                id: frame.id,
            },
            Err(error) => bad(frame.id, error),
        }
    }

    fn sort(
        &mut self,
        app: &App,
        connection: &Connection,
        frame: &Frame<'_>,
    ) -> serde_json::Result<Sorted> {
        match frame.kind {
            Accept::KIND => self.accepts.push(Accept::read(frame)?.claim),
            Reject::KIND => self.rejects.push(Reject::read(frame)?),
            JobResult::KIND => self.results.push(ended(JobResult::read(frame)?)?),
            LogBatch::KIND => self.logs.push(LogBatch::read(frame)?),
            TaskUpdate::KIND => self.tasks.push(TaskUpdate::read(frame)?),
            RobotLog::KIND => self.robot_log.push(RobotLog::read(frame)?),
            StatusUpdate::KIND => {
                let update = StatusUpdate::read(frame)?;
                self.progress.insert(update.claim, update.progress);
            }
            Heartbeat::KIND => {
                let beat = Heartbeat::read(frame)?;
                return Ok(self.heartbeat(app, connection, beat, frame.id));
            }
            _ => return Ok(Sorted::Unknown),
        }
        Ok(Sorted::Kept)
    }

    /// A heartbeat renews the lease now, whatever the disk is doing.
    fn heartbeat(
        &mut self,
        app: &App,
        connection: &Connection,
        beat: Heartbeat,
        id: Option<Uuid>,
    ) -> Sorted {
        let (now, steady) = (app.now(), app.steady());
        let (was_draining, before) = {
            let heard = connection.heard();
            (heard.draining, heard.at)
        };
        let doubtful = heartbeat::heard(connection, &beat, steady);
        heartbeat::trouble(app, connection, &beat, now);
        app.fleet.heard(connection, steady.since(before), now);
        if was_draining != connection.heard().draining {
            app.wakeups.dispatcher.notify_one();
        }
        if doubtful {
            self.doubt = Some((Some(beat.sent_at), beat.active));
            return Sorted::Kept;
        }
        let ack = HeartbeatAck {
            sent_at: Some(beat.sent_at),
            superseded: Vec::new(),
        };
        self.answers.push(connection.frame(&ack, now, id));
        Sorted::Answered
    }
}

enum Sorted {
    /// It waits for the commit.
    Kept,
    /// It is dealt with.
    Answered,
    /// No robot says this.
    Unknown,
}

/// Commits what came and answers it. What could not be written is not answered: the robot sends it again.
pub(super) async fn commit(
    app: Arc<App>,
    connection: Arc<Connection>,
    inbox: Inbox,
) -> Vec<Utf8Bytes> {
    let Inbox {
        accepts,
        rejects,
        results,
        logs,
        tasks,
        progress,
        robot_log,
        doubt,
        answers,
        ..
    } = inbox;
    let mut replies = Replies {
        app: &app,
        connection: &connection,
        frames: answers,
        refused: Vec::new(),
    };
    if !(accepts.is_empty() && rejects.is_empty() && results.is_empty()) {
        steps::commit(&mut replies, accepts, rejects, results).await;
    }
    if !logs.is_empty() {
        evidence::logs(&mut replies, logs).await;
    }
    if !tasks.is_empty() {
        evidence::tasks(&mut replies, tasks).await;
    }
    if !progress.is_empty() {
        evidence::progress(&mut replies, progress).await;
    }
    if !robot_log.is_empty() {
        evidence::robot_log(&mut replies, robot_log).await;
    }
    if let Some((sent_at, active)) = doubt {
        // Without an answer from the store nothing is said: the lease was renewed all the same.
        if let Ok(superseded) = heartbeat::verify(&app, &connection, &active).await {
            replies.say(&HeartbeatAck {
                sent_at,
                superseded,
            });
        }
    }
    operations::record_refusals(&app, replies.refused).await;
    replies.frames
}

/// Answers to one batch of messages.
struct Replies<'a> {
    app: &'a Arc<App>,
    connection: &'a Arc<Connection>,
    frames: Vec<Utf8Bytes>,
    /// What was refused because its claim was not the sender's: an operator sees it beside the run.
    refused: Vec<Refusal>,
}

impl Replies<'_> {
    fn say(&mut self, message: &impl Message) {
        let now = self.app.now();
        self.frames.push(self.connection.frame(message, now, None));
    }

    fn ack(&mut self, ack: Ack) {
        self.say(&ack);
    }

    /// The claim is not, or no longer, the robot's.
    fn stale(&mut self, claim: Claim, what: &str, why: &str) {
        tracing::info!(
            robot = %self.connection.name,
            run = %claim.job_id,
            attempt = claim.attempt,
            fence = claim.fence.0,
            what,
            why,
            "a stale message was refused"
        );
        self.refused.push(Refusal {
            org: self.connection.org,
            run_id: claim.job_id,
            claim: self.connection.claim(&claim),
            actor: self.connection.name.clone(),
            what: what.to_owned(),
            why: why.to_owned(),
            at: self.app.now(),
        });
        let mut error = super::session::protocol_error("stale_fence", format!("{what}: {why}"));
        let value = serde_json::to_value(claim).expect("a claim is plain JSON");
        error.details.insert("claim".into(), value);
        self.say(&error);
    }

    fn unavailable(&mut self, what: &str, error: &baton_store::StoreError) {
        tracing::error!(robot = %self.connection.name, what, %error, "a message was not committed");
        let message = format!("{what} could not be written; send it again later");
        self.say(&super::session::protocol_error("unavailable", message));
    }
}
