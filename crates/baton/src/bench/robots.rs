//! Simulated robots: real WebSocket connections that speak the protocol and finish every job at once,
//! without a process. What is measured is the server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use baton_api::robot::{
    Accept, Ack, Claim, Frame, Heartbeat, JobAssignment, JobResult, Message, Start,
};
use baton_core::id::RunId;
use baton_core::robot::RobotOffer;
use baton_core::state::State;
use futures_util::{FutureExt, SinkExt, StreamExt};
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite;

use crate::simulated::{self, Socket, send};

/// When a run passed each stage, as the load generator saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stages {
    pub(crate) submitted: Option<Instant>,
    pub(crate) accepted: Option<Instant>,
    pub(crate) assigned: Option<Instant>,
    pub(crate) started: Option<Instant>,
    pub(crate) committed: Option<Instant>,
}

/// What all parts of the load generator share.
#[derive(Default)]
pub(crate) struct Board {
    shards: [Mutex<HashMap<RunId, Stages>>; 16],
    /// Results that the server has acknowledged.
    pub(crate) committed: AtomicU64,
    /// Told at each acknowledged result.
    pub(crate) progress: tokio::sync::Notify,
}

impl Board {
    /// Notes a stage of a run.
    pub(crate) fn note(&self, run: RunId, stage: impl FnOnce(&mut Stages)) {
        let shard = usize::from(run.0.as_bytes()[15] & 15);
        let mut runs = self.shards[shard]
            .lock()
            .expect("no holder of this lock panics");
        stage(runs.entry(run).or_default());
    }

    /// Everything noted so far; starts afresh.
    pub(crate) fn take(&self) -> Vec<Stages> {
        self.shards
            .iter()
            .flat_map(|s| {
                std::mem::take(&mut *s.lock().expect("no holder of this lock panics")).into_values()
            })
            .collect()
    }
}

/// One simulated robot.
pub(crate) struct Robot {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) slots: u32,
    pub(crate) queues: Vec<String>,
    pub(crate) board: Arc<Board>,
}

impl Robot {
    /// Connects and registers; the returned socket is ready for [`serve`].
    pub(crate) async fn connect(&self) -> Result<Socket> {
        let offer = RobotOffer {
            computer: "bench".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            boot_id: "bench".into(),
            queues: self.queues.iter().cloned().collect(),
            max_concurrent_jobs: self.slots,
            ..RobotOffer::default()
        };
        simulated::connect(self.address, &self.name, &self.key, offer).await
    }

    /// Takes every job and finishes it at once, until the connection ends or the bench is over.
    pub(crate) async fn serve(
        &self,
        mut socket: Socket,
        mut over: tokio::sync::watch::Receiver<bool>,
    ) -> Result<()> {
        // Spread over the interval, so that ten thousand robots do not all speak in the same millisecond.
        let offset = Duration::from_millis(spread(&self.name) % 10_000);
        let mut beat = tokio::time::interval_at(
            tokio::time::Instant::now() + offset,
            Duration::from_secs(10),
        );
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = socket.next() => {
                    // All that is there is read before anything is written, as a busy agent does.
                    let mut message = Some(message);
                    while let Some(received) = message {
                        match received {
                            Some(Ok(tungstenite::Message::Text(text))) => self.answer(&mut socket, &text).await?,
                            Some(Ok(_)) => {}
                            Some(Err(e)) => return Err(e.into()),
                            None => return Ok(()),
                        }
                        message = socket.next().now_or_never();
                    }
                    socket.flush().await?;
                }
                _ = beat.tick() => {
                    let heartbeat = Heartbeat { status: "online".into(), sent_at: Timestamp::now(), ..Heartbeat::default() };
                    send(&mut socket, &heartbeat).await?;
                }
                _ = over.changed() => return Ok(()),
            }
        }
    }

    /// Puts the answer to a frame into the socket's buffer.
    async fn answer(&self, socket: &mut Socket, text: &str) -> Result<()> {
        let frame: Frame<'_> = serde_json::from_str(text)?;
        match frame.kind {
            JobAssignment::KIND => {
                let claim = claim(&frame)?;
                self.board
                    .note(claim.job_id, |s| s.assigned = Some(Instant::now()));
                feed(socket, &Accept { claim }).await
            }
            Start::KIND => {
                let claim = claim(&frame)?;
                self.board
                    .note(claim.job_id, |s| s.started = Some(Instant::now()));
                feed(socket, &finished(claim)).await
            }
            Ack::KIND => {
                if let Ack::Result { claim, .. } = Ack::read(&frame)? {
                    self.board
                        .note(claim.job_id, |s| s.committed = Some(Instant::now()));
                    self.board.committed.fetch_add(1, Ordering::Relaxed);
                    self.board.progress.notify_waiters();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The claim of an assignment or a start: all that a robot needs that executes nothing.
fn claim(frame: &Frame<'_>) -> serde_json::Result<Claim> {
    #[derive(serde::Deserialize)]
    struct Claimed {
        claim: Claim,
    }
    let payload = frame.payload.map_or("{}", RawValue::get);
    Ok(serde_json::from_str::<Claimed>(payload)?.claim)
}

async fn feed<M: Message>(socket: &mut Socket, message: &M) -> Result<()> {
    let text = simulated::frame(message).into();
    socket.feed(tungstenite::Message::Text(text)).await?;
    Ok(())
}

/// A stable number from a name, for spreading (FNV-1a).
fn spread(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn finished(claim: Claim) -> JobResult {
    JobResult {
        claim,
        status: "completed".into(),
        state: State::Completed,
        error: None,
        exit_code: Some(0),
        outputs: serde_json::Map::new(),
        execution_time: Some(0.0),
        handed_back: false,
    }
}
