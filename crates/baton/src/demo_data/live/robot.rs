//! A simulated robot of the demo: registers, beats, accepts what it is given, and plays a script for each job.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use baton_api::robot::{
    Accept, Ack, CancelJob, Claim, Frame, Heartbeat, HeartbeatAck, Held, JobAssignment, Message,
    Phase, Start,
};
use baton_core::robot::RobotMetrics;
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite;

use super::player::{self, Job};
use crate::demo_data::dice::Dice;
use crate::demo_data::fleet::RobotDef;
use crate::demo_data::{catalog, script};
use crate::simulated::{self, Socket, send};

/// How often it beats: what the server asks of robots.
const BEAT: Duration = Duration::from_secs(10);
/// How long it waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(2);
/// Frames that may wait to be sent.
const OUTBOX: usize = 256;
/// Longest work of a live job, in seconds: a demo shows how things end, too.
const AT_MOST: f64 = 600.0;

/// A robot that only pretends.
pub(crate) struct SimulatedRobot {
    pub(crate) to: SocketAddr,
    pub(crate) key: String,
    pub(crate) def: &'static RobotDef,
    pub(crate) dice: Dice,
    /// Whether everything is to end at once.
    pub(crate) hurry: watch::Receiver<bool>,
}

/// A job that it holds.
struct Holding {
    phase: Phase,
    job: Option<Job>,
    cancel: Option<oneshot::Sender<()>>,
    began: Option<Instant>,
}

/// What it holds on one connection.
struct Desk {
    holdings: HashMap<Claim, Holding>,
    outbox: mpsc::Sender<String>,
    dice: Dice,
    hurry: watch::Receiver<bool>,
}

impl SimulatedRobot {
    /// Works until there is hurry and nothing is left; connects again whenever the connection ends.
    pub(crate) async fn work(mut self) {
        while !*self.hurry.borrow() {
            if let Err(error) = self.serve().await {
                tracing::debug!(robot = self.def.name, %error, "a simulated robot lost its connection");
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    async fn serve(&mut self) -> Result<()> {
        let offer = self.def.offer();
        let mut socket = simulated::connect(self.to, self.def.name, &self.key, offer).await?;
        let (outbox, mut frames) = mpsc::channel(OUTBOX);
        let mut desk = Desk {
            holdings: HashMap::new(),
            outbox,
            dice: self.dice.fork(),
            hurry: self.hurry.clone(),
        };
        let mut load = self.dice.between(4.0, 18.0);
        let mut beat = tokio::time::interval(BEAT);
        while !(*self.hurry.borrow() && desk.holdings.is_empty()) {
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(tungstenite::Message::Text(text))) => desk.answer(&mut socket, &text).await?,
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => return Ok(()),
                },
                Some(text) = frames.recv() => socket.send(tungstenite::Message::Text(text.into())).await?,
                told = self.hurry.changed() => told?,
                _ = beat.tick() => {
                    let busy = desk.holdings.len() as f64 / f64::from(self.def.slots.max(1));
                    load = 0.6f64.mul_add(load, 0.4 * busy.mul_add(70.0, self.dice.between(2.0, 16.0)));
                    send(&mut socket, &desk.heartbeat(load)).await?;
                }
            }
        }
        Ok(())
    }
}

impl Desk {
    fn heartbeat(&mut self, load: f64) -> Heartbeat {
        let active = self.holdings.iter().map(|(claim, holding)| Held {
            claim: *claim,
            phase: holding.phase,
            executing_seconds: holding.began.map(|began| began.elapsed().as_secs_f64()),
        });
        Heartbeat {
            status: if self.holdings.is_empty() {
                "online"
            } else {
                "busy"
            }
            .into(),
            sent_at: Timestamp::now(),
            active: active.collect(),
            metrics: RobotMetrics {
                cpu_percent: load,
                memory_percent: 0.3f64.mul_add(load, self.dice.between(30.0, 36.0)),
                disk_percent: 52.0,
                uptime_seconds: 1_900_000,
                trouble: None,
            },
        }
    }

    async fn answer(&mut self, socket: &mut Socket, text: &str) -> Result<()> {
        let frame: Frame<'_> = serde_json::from_str(text)?;
        match frame.kind {
            // In a hurry nothing new is begun: unanswered, it waits for the next start.
            JobAssignment::KIND if *self.hurry.borrow() => Ok(()),
            JobAssignment::KIND => {
                let assignment = JobAssignment::read(&frame)?;
                let claim = assignment.claim;
                let job = self.prepare(&assignment);
                self.holdings.entry(claim).or_insert(Holding {
                    phase: Phase::Accepted,
                    job: Some(job),
                    cancel: None,
                    began: None,
                });
                send(socket, &Accept { claim }).await
            }
            Start::KIND => {
                let claim = Start::read(&frame)?.claim;
                if let Some(holding) = self.holdings.get_mut(&claim)
                    && let Some(job) = holding.job.take()
                {
                    let (cancel, cancelled) = oneshot::channel();
                    holding.phase = Phase::Running;
                    holding.began = Some(Instant::now());
                    holding.cancel = Some(cancel);
                    let (outbox, hurry) = (self.outbox.clone(), self.hurry.clone());
                    tokio::spawn(player::play(job, outbox, cancelled, hurry));
                }
                Ok(())
            }
            CancelJob::KIND => {
                let claim = CancelJob::read(&frame)?.claim;
                if let Some(cancel) = self.holdings.get_mut(&claim).and_then(|h| h.cancel.take()) {
                    // It may have ended just now.
                    let _ = cancel.send(());
                }
                Ok(())
            }
            Ack::KIND => {
                if let Ack::Result { claim, .. } = Ack::read(&frame)? {
                    self.holdings.remove(&claim);
                }
                Ok(())
            }
            HeartbeatAck::KIND => {
                for claim in HeartbeatAck::read(&frame)?.superseded {
                    self.holdings.remove(&claim);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn prepare(&mut self, assignment: &JobAssignment) -> Job {
        let name = &assignment.workflow.name;
        let mut dice = self.dice.fork();
        let at_most = assignment
            .timeout_seconds
            .map_or(AT_MOST, |s| (f64::from(s) * 0.9).min(AT_MOST));
        let script = match catalog::flow(name) {
            Some(flow) => {
                let ending = script::Ending::draw(&mut dice, 0.0);
                let ending = match ending {
                    // The server ends these itself; a robot has no part in it.
                    script::Ending::TimedOut | script::Ending::Lost | script::Ending::Cancelled => {
                        script::Ending::Failed
                    }
                    other => other,
                };
                script::write(flow, ending, at_most, &mut dice)
            }
            None => script::unknown(name, &mut dice),
        };
        Job {
            claim: assignment.claim,
            script,
        }
    }
}
