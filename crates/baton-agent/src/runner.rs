//! The agent: feeds the session with what happens and performs what it decides.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use baton_api::package::hex;
use baton_api::robot::Claim;
use baton_core::run::LogLevel;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::attempt::{Environments, Shared};
use crate::config::AgentConfig;
use crate::connection::{Connection, incoming};
use crate::http::Http;
use crate::journal::Journal;
use crate::packages::Packages;
use crate::process::{self, Marked, boot_clock};
use crate::session::{EndWhy, Input, Moment, Renewed, Session};
use crate::spool::Spool;
use crate::{identity, metrics};

mod handle;
mod link;
mod perform;
mod recover;

pub use handle::{AgentHandle, AgentStatus, Stopped};

use handle::Command;
use link::opening;

/// Inputs that wait for the session; who has more waits.
const INPUTS: usize = 1_024;
/// How long a stopping agent waits for its last results to be acknowledged.
const HAND_OVER: Duration = Duration::from_secs(5);
/// How long a stopping agent gives runs that it ends between asking and killing.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The agent.
pub struct Agent;

impl Agent {
    /// Starts an agent in the background. Fails only on what waiting cannot heal: its folder, its URL, its trust.
    pub async fn start(config: AgentConfig) -> Result<AgentHandle> {
        let lock = identity::lock(&config.data)?;
        let (inputs, inputs_out) = mpsc::channel(INPUTS);
        let journal = Journal::open(&config.data, inputs.clone());
        let data = config.data.canonicalize().context("the agent's folder")?;
        let mark = mark_of(&data);
        // Before the folders they work in are removed, and before the server is told which runs are over.
        end_earlier(mark.clone(), &journal).await?;
        let shared = Arc::new(share(config, &data, mark, inputs.clone())?);
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).context("the machine gives no randomness")?;
        let offer = shared.config.full_offer();
        let session = Session::new(shared.config.name.clone(), offer, u64::from_le_bytes(seed));
        let (status_in, status) = watch::channel(AgentStatus::default());
        let (commands, commands_out) = mpsc::channel(8);
        let measuring = tokio::spawn(metrics::measure(
            shared.config.data.clone(),
            shared.config.limits.min_free,
            inputs,
        ));
        let mut runner = Runner {
            session,
            shared,
            journal,
            attempts: TaskTracker::new(),
            controls: HashMap::new(),
            renewed: watch::channel(Renewed::default()).0,
            connection: None,
            connecting: None,
            tries: 0,
            dial_at: Some(Instant::now()),
            stop_at: None,
            status: status_in,
            told: String::new(),
            refusals: 0,
            refusal: None,
        };
        runner.recover().await?;
        let task = tokio::spawn(async move {
            let _lock = lock;
            let stopped = runner.run(inputs_out, commands_out).await;
            measuring.abort();
            stopped
        });
        Ok(AgentHandle {
            commands,
            status,
            task,
        })
    }
}

/// Tells the processes of an agent from everybody else's.
fn mark_of(data: &Path) -> String {
    let digest = Sha256::digest(data.as_os_str().as_encoded_bytes());
    hex(&digest)[..16].to_owned()
}

/// Kills what an earlier agent left running: guards end their trees when it dies, but not while they are frozen.
async fn end_earlier(mark: String, journal: &Journal) -> Result<()> {
    let ended = tokio::task::spawn_blocking(move || process::end(&Marked::Agent(mark))).await?;
    for (count, what) in [
        (
            ended.killed,
            "processes of an earlier agent were still there and were killed",
        ),
        (
            ended.left,
            "processes of an earlier agent could not be killed and may still be there",
        ),
    ] {
        if count > 0 {
            journal.note(LogLevel::Warning, format!("{count} {what}"));
        }
    }
    Ok(())
}

fn share(
    config: AgentConfig,
    data: &Path,
    mark: String,
    inputs: mpsc::Sender<Input>,
) -> Result<Shared> {
    let place = match config.run_as {
        Some(_) => {
            crate::owner::close(data, None).context("the agent's folder")?;
            crate::owner::outside(&mark)?
        }
        None => data.to_owned(),
    };
    let work = place.join("work");
    if work.exists() {
        // What stays is in nobody's way: each attempt has a folder of its own name.
        if let Err(error) = crate::folders::remove(&work) {
            tracing::warn!(folder = %work.display(), %error, "work of an earlier agent cannot be removed");
        }
    }
    fs::create_dir_all(&work).context("the agent's work folder")?;
    if config.run_as.is_some() {
        crate::owner::outside(&mark)?;
    }
    let http = Http::new(&config.server, config.key.clone(), &config.trust)?;
    let packages = Packages::open(
        data.join("packages"),
        config.limits.cache_bytes,
        config.limits.cache_age,
        http.clone(),
    );
    Ok(Shared {
        spool: Arc::new(
            Spool::open(&data.join("spool"), config.limits.spool_bytes).context("the spool")?,
        ),
        packages: packages.context("the package cache")?,
        environments: Environments::open(
            place.join("environments"),
            config.limits.environment_bytes,
            config.limits.cache_age,
        )
        .context("the environments")?,
        http,
        work,
        mark,
        inputs,
        config,
    })
}

struct Runner {
    session: Session,
    shared: Arc<Shared>,
    journal: Journal,
    attempts: TaskTracker,
    controls: HashMap<Claim, mpsc::UnboundedSender<(EndWhy, Duration)>>,
    renewed: watch::Sender<Renewed>,
    connection: Option<Connection>,
    connecting: Option<JoinHandle<Result<Connection>>>,
    tries: u32,
    dial_at: Option<Instant>,
    stop_at: Option<Stopping>,
    status: watch::Sender<AgentStatus>,
    /// What the journal said last about the connection, so that a long outage is told once.
    told: String,
    /// How often the server refused this robot since it last answered otherwise.
    refusals: u32,
    /// Its last word on that.
    refusal: Option<Stopped>,
}

struct Stopping {
    end_all_at: Instant,
    ended_all: bool,
    idle_since: Option<Instant>,
}

fn now() -> Moment {
    Moment {
        boot: boot_clock(),
        wall: Timestamp::now(),
    }
}

impl Runner {
    async fn run(
        &mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut commands: mpsc::Receiver<Command>,
    ) -> Stopped {
        let stopped = loop {
            self.tell_status();
            if self.has_stopped() {
                break Stopped::Asked;
            }
            if let Some(refused) = self.is_unwanted() {
                break refused;
            }
            let tick = self.next_wake();
            tokio::select! {
                Some(input) = inputs.recv() => self.step(input),
                came = incoming(self.connection.as_mut()) => self.came(came),
                opened = opening(self.connecting.as_mut()) => self.opened(opened),
                Some(command) = commands.recv() => self.command(command),
                () = sleep_until(tick) => {
                    self.dial();
                    self.step(Input::JournalWritten(self.journal.last()));
                    self.step(Input::Tick);
                }
            }
        };
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
        self.attempts.close();
        // Attempts remove their folders after their results are out.
        let _ = tokio::time::timeout(HAND_OVER, self.attempts.wait()).await;
        self.journal.note(LogLevel::Info, "the agent has stopped");
        stopped
    }

    fn step(&mut self, input: Input) {
        let mut actions: std::collections::VecDeque<_> = self.session.handle(input, now()).into();
        while let Some(action) = actions.pop_front() {
            if let Some(next) = self.perform(action) {
                actions.extend(self.session.handle(next, now()));
            }
        }
    }

    fn next_wake(&self) -> Instant {
        let due = self.session.next_tick().saturating_sub(boot_clock());
        // A machine that slept notices within a second that its leases are over.
        let mut wake = Instant::now() + due.min(Duration::from_secs(1));
        if let Some(at) = self.dial_at {
            wake = wake.min(at);
        }
        let stopping = self.stop_at.as_ref().filter(|s| !s.ended_all);
        stopping.map_or(wake, |s| wake.min(s.end_all_at))
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Drain(on) => self.step(Input::Drain(on)),
            Command::Stop(patience) => {
                self.journal.note(LogLevel::Info, "the agent is stopping");
                self.step(Input::Drain(true));
                self.stop_at = Some(Stopping {
                    end_all_at: Instant::now() + patience,
                    ended_all: false,
                    idle_since: None,
                });
            }
        }
    }

    /// Whether a stopping agent may go: nothing runs, and results are handed over or had their time.
    fn has_stopped(&mut self) -> bool {
        let (live, held) = (self.session.live(), self.session.held());
        let Some(stopping) = &mut self.stop_at else {
            return false;
        };
        if live == 0 {
            let since = *stopping.idle_since.get_or_insert_with(Instant::now);
            let hopeless = self.connection.is_none() || since.elapsed() >= HAND_OVER;
            return held == 0 || hopeless;
        }
        if !stopping.ended_all && Instant::now() >= stopping.end_all_at {
            stopping.ended_all = true;
            self.step(Input::EndAll(STOP_GRACE));
        }
        false
    }

    fn tell_status(&self) {
        let status = AgentStatus {
            registered: self.session.is_registered(),
            live: self.session.live(),
            held: self.session.held(),
            draining: self.session.is_draining(),
        };
        self.status.send_if_modified(|old| {
            let changed = *old != status;
            *old = status;
            changed
        });
    }
}
