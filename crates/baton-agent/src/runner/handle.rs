//! A running agent as its host sees it: how it is, and what it can be told.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How an agent is, at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentStatus {
    /// Whether the server knows this session.
    pub registered: bool,
    /// Attempts whose processes may be alive.
    pub live: usize,
    /// Attempts held, those included whose results are still to be handed over.
    pub held: usize,
    /// Whether it takes no new runs.
    pub draining: bool,
}

/// Why an agent has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
    /// The server will not have this robot any more.
    Refused {
        /// The server's code, such as `revoked_key`.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// It broke: a mistake in the agent itself.
    Broken(String),
}

/// What a host tells its agent.
pub(super) enum Command {
    Drain(bool),
    Stop(Duration),
}

/// A running agent.
pub struct AgentHandle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) status: watch::Receiver<AgentStatus>,
    pub(super) task: JoinHandle<Stopped>,
}

impl AgentHandle {
    /// How it is; the receiver hears of every change.
    pub fn status(&self) -> watch::Receiver<AgentStatus> {
        self.status.clone()
    }

    /// Takes no new runs, or takes them again.
    pub async fn drain(&self, on: bool) {
        // An agent that has stopped takes no runs anyway.
        let _ = self.commands.send(Command::Drain(on)).await;
    }

    /// Drains; what still runs after `patience` is ended. Returns when nothing runs any more.
    pub async fn stop(self, patience: Duration) {
        let _ = self.commands.send(Command::Stop(patience)).await;
        // One that stopped by itself was waited for already, maybe.
        if !self.task.is_finished() {
            let _ = self.task.await;
        }
    }

    /// Waits until it has stopped by itself: because the server refuses it for good, or by a mistake.
    pub async fn wait(&mut self) -> Stopped {
        let stopped = (&mut self.task).await;
        stopped.unwrap_or_else(|error| Stopped::Broken(error.to_string()))
    }
}
