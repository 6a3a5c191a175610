//! One robot's connection as the rest of the server sees it: a way to tell the robot something, and
//! what was heard of it last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use axum::extract::ws::Utf8Bytes;
use baton_api::robot::{CLOSE_SLOW, Claim, Held, Message};
use baton_core::id::{Fence, KeyId, OrgId, RobotId, RunId};
use baton_core::lease::Steady;
use baton_core::robot::RobotMetrics;
use baton_core::state::State;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Frames that may wait for a robot to read them. One that lets more pile up is cut: what matters among
/// them is in the store and is delivered again when it reconnects.
pub(super) const OUTBOX: usize = 256;

/// What became of a message to a robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way.
    Queued,
    /// The connection is closed, or was cut because the robot does not read.
    Gone,
}

/// One robot's connection.
#[derive(Debug)]
pub struct Connection {
    /// The robot.
    pub robot_id: RobotId,
    /// Its tenant.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// This session; rises with each registration.
    pub session: i64,
    /// The key that opened it.
    pub key_id: KeyId,
    /// When that key stops to work.
    pub key_expires_at: Option<Timestamp>,
    outbox: mpsc::Sender<Utf8Bytes>,
    heard: Mutex<Heard>,
    holds: Mutex<HashMap<RunId, Hold>>,
    closing: CancellationToken,
    farewell: OnceLock<(u16, String)>,
    ids: MessageIds,
}

/// What was heard of the robot last.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// When.
    pub(crate) at: Steady,
    /// What it measured.
    pub(crate) metrics: RobotMetrics,
    /// It says that it finishes what it has and takes nothing new.
    pub(crate) draining: bool,
    /// Until when it rests by its own word, by this server's clock.
    pub(crate) rests_until: Option<Timestamp>,
    /// Whether this has been written since.
    pub(crate) written: bool,
}

/// What this server believes the robot to hold: a hint that makes heartbeats cheap to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    /// The attempt.
    pub(crate) attempt: u32,
    /// Its fence.
    pub(crate) fence: Fence,
    /// Dispatched, Running or Cancelling.
    pub(crate) state: State,
    /// When it came to this state, as far as known here.
    pub(crate) since: Steady,
    /// When its process began, by this server's clock, once the robot has said how long it runs.
    pub(crate) began_at: Option<Steady>,
    /// Heartbeats in a row that did not list it although it runs.
    pub(crate) missed: u8,
}

/// Ids for messages: unique within the process without asking for randomness each time.
#[derive(Debug)]
struct MessageIds {
    connection: u64,
    next: AtomicU64,
}

impl Connection {
    /// The connection of a registered robot, and the frames that its task must write.
    pub(super) fn new(
        robot: &baton_core::robot::Robot,
        key: &super::RobotKey,
        now: Steady,
        entropy: [u8; 10],
    ) -> (Self, mpsc::Receiver<Utf8Bytes>) {
        let (outbox, frames) = mpsc::channel(OUTBOX);
        let mut seed = [0; 8];
        seed.copy_from_slice(&entropy[..8]);
        let connection = Self {
            robot_id: robot.id,
            org: robot.org,
            name: robot.name.clone(),
            session: robot.session,
            key_id: key.id,
            key_expires_at: key.expires_at,
            outbox,
            heard: Mutex::new(Heard {
                at: now,
                metrics: robot.metrics.clone(),
                draining: false,
                rests_until: None,
                written: true,
            }),
            holds: Mutex::default(),
            closing: CancellationToken::new(),
            farewell: OnceLock::new(),
            ids: MessageIds {
                connection: u64::from_le_bytes(seed),
                next: AtomicU64::new(1),
            },
        };
        (connection, frames)
    }

    /// Sends a message without waiting. A robot that does not read fast enough is cut.
    pub fn send(&self, message: &impl Message, now: Timestamp) -> Sent {
        self.send_frame(self.frame(message, now, None))
    }

    /// The text of a message to this robot.
    pub(crate) fn frame(
        &self,
        message: &impl Message,
        now: Timestamp,
        answers: Option<Uuid>,
    ) -> Utf8Bytes {
        message.frame(self.message_id(), now, answers).into()
    }

    /// Sends a frame without waiting; the same text may go to many robots.
    pub(crate) fn send_frame(&self, frame: Utf8Bytes) -> Sent {
        match self.outbox.try_send(frame) {
            Ok(()) => Sent::Queued,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.close(
                    CLOSE_SLOW,
                    "the robot does not read what it is sent; reconnect",
                );
                Sent::Gone
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Sent::Gone,
        }
    }

    /// Ends the connection with a code and a reason. The first reason given is the one that is sent.
    pub fn close(&self, code: u16, reason: &str) {
        _ = self.farewell.set((code, reason.to_owned()));
        self.closing.cancel();
    }

    /// Ends once [`Self::close`] was called.
    pub(super) async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// With which code and reason it was closed from here, if it was.
    pub(super) fn farewell(&self) -> Option<(u16, &str)> {
        self.farewell
            .get()
            .map(|(code, reason)| (*code, reason.as_str()))
    }

    /// When the robot was last heard.
    pub fn heard_at(&self) -> Steady {
        self.heard().at
    }

    /// What was heard of the robot last.
    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this server believes the robot to hold.
    pub(crate) fn holds(&self) -> MutexGuard<'_, HashMap<RunId, Hold>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the robot holds a claim in this state.
    pub(crate) fn note_hold(&self, claim: Claim, state: State, since: Steady) {
        let mut holds = self.holds();
        let before = holds.get(&claim.job_id);
        let hold = Hold {
            attempt: claim.attempt,
            fence: claim.fence,
            state,
            since,
            began_at: before
                .filter(|hold| hold.fence == claim.fence)
                .and_then(|hold| hold.began_at),
            missed: 0,
        };
        holds.insert(claim.job_id, hold);
    }

    /// Notes since when the processes run of which the robot says how long they have.
    pub(super) fn note_began(&self, active: &[Held], now: Steady) {
        let mut holds = self.holds();
        for held in active {
            let ran = held
                .executing_seconds
                .and_then(|s| SignedDuration::try_from_secs_f64(s).ok());
            let hold = holds
                .get_mut(&held.claim.job_id)
                .filter(|hold| hold.fence == held.claim.fence);
            if let (Some(hold), Some(ran)) = (hold, ran.filter(|ran| !ran.is_negative())) {
                let began = now.before(ran);
                // A word that was long on its way makes it seem younger, never older.
                hold.began_at = Some(hold.began_at.map_or(began, |before| before.min(began)));
            }
        }
    }

    /// When the process of this attempt began, if the robot has said so on this connection.
    pub(crate) fn began_at(&self, run: RunId, fence: Fence) -> Option<Steady> {
        let holds = self.holds();
        holds.get(&run).filter(|hold| hold.fence == fence)?.began_at
    }

    /// Notes that the robot no longer holds this run under this fence (or an older one).
    pub(crate) fn drop_hold(&self, run: RunId, fence: Fence) {
        let mut holds = self.holds();
        if holds.get(&run).is_some_and(|hold| hold.fence <= fence) {
            holds.remove(&run);
        }
    }

    /// The claim as the store wants it.
    pub(crate) fn claim(&self, claim: &Claim) -> baton_store::runs::Claim {
        baton_store::runs::Claim {
            attempt: claim.attempt,
            fence: claim.fence,
            robot_id: Some(self.robot_id),
        }
    }

    fn message_id(&self) -> Uuid {
        let n = self.ids.next.fetch_add(1, Ordering::Relaxed);
        uuid::Builder::from_u128((u128::from(self.ids.connection) << 64) | u128::from(n))
            .with_version(uuid::Version::Custom)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
    }
}
