//! The agent: feeds the session with what happens and performs what it decides.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use baton_api::package::hex;
use baton_api::robot::{CLOSE_REPLACED, CLOSE_UNAUTHORISED, Claim};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_core::state::State;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::attempt::{self, AGENT_MARK, Environments, Shared};
use crate::config::AgentConfig;
use crate::connection::{Connection, Incoming, KeyRefused, backoff, incoming};
use crate::http::Http;
use crate::journal::Journal;
use crate::packages::Packages;
use crate::process::{self, boot_clock};
use crate::session::{EndWhy, Input, Moment, Session};
use crate::spool::Spool;
use crate::{identity, metrics};

mod perform;

/// Inputs that wait for the session; who has more waits.
const INPUTS: usize = 1_024;
/// How long a stopping agent waits for its last results to be acknowledged.
const HAND_OVER: Duration = Duration::from_secs(5);
/// Refusals in a row that are believed: one may come from a server that is being restored.
const REFUSALS: u32 = 3;
/// How long a stopping agent gives runs that it ends between asking and killing.
const STOP_GRACE: Duration = Duration::from_secs(5);

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

enum Command {
    Drain(bool),
    Stop(Duration),
}

/// A running agent.
pub struct AgentHandle {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<AgentStatus>,
    task: JoinHandle<Stopped>,
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
        let _ = self.task.await;
    }

    /// Waits until it has stopped by itself: because the server refuses it for good, or by a mistake.
    pub async fn wait(&mut self) -> Stopped {
        let stopped = (&mut self.task).await;
        stopped.unwrap_or_else(|error| Stopped::Broken(error.to_string()))
    }
}

/// The agent.
pub struct Agent;

impl Agent {
    /// Starts an agent in the background. Fails only on what waiting cannot heal: its folder, its URL, its trust.
    pub async fn start(config: AgentConfig) -> Result<AgentHandle> {
        let lock = identity::lock(&config.data)?;
        let (inputs, inputs_out) = mpsc::channel(INPUTS);
        let journal = Journal::open(&config.data, inputs.clone());
        let shared = Arc::new(share(config, inputs.clone())?);
        let mark = format!("{AGENT_MARK}={}", shared.mark);
        let swept = tokio::task::spawn_blocking(move || process::sweep(&mark)).await?;
        if swept > 0 {
            journal.note(
                LogLevel::Warning,
                format!("{swept} processes of an earlier agent were still there and were killed"),
            );
        }
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).context("the machine gives no randomness")?;
        let offer = shared.config.full_offer();
        let session = Session::new(shared.config.name.clone(), offer, u64::from_le_bytes(seed));
        let (status_in, status) = watch::channel(AgentStatus::default());
        let (commands, commands_out) = mpsc::channel(8);
        let measuring = tokio::spawn(metrics::measure(shared.config.data.clone(), inputs));
        let mut runner = Runner {
            session,
            shared,
            journal,
            attempts: TaskTracker::new(),
            controls: HashMap::new(),
            lease: watch::channel(Duration::ZERO).0,
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

fn share(config: AgentConfig, inputs: mpsc::Sender<Input>) -> Result<Shared> {
    let data = config.data.canonicalize().context("the agent's folder")?;
    let work = data.join("work");
    if work.exists() {
        fs::remove_dir_all(&work).context("work of an earlier agent cannot be removed")?;
    }
    fs::create_dir_all(&work).context("the agent's work folder")?;
    let http = Http::new(&config.server, config.key.clone(), &config.trust)?;
    let packages = Packages::open(
        data.join("packages"),
        config.limits.cache_bytes,
        config.limits.cache_age,
        http.clone(),
    );
    let digest = Sha256::digest(data.as_os_str().as_encoded_bytes());
    Ok(Shared {
        spool: Arc::new(
            Spool::open(&data.join("spool"), config.limits.spool_bytes).context("the spool")?,
        ),
        packages: packages.context("the package cache")?,
        environments: Environments::open(
            data.join("environments"),
            config.limits.environment_bytes,
            config.limits.cache_age,
        )
        .context("the environments")?,
        http,
        work,
        mark: hex(&digest)[..16].to_owned(),
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
    lease: watch::Sender<Duration>,
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

    /// What an earlier agent left in the spool: its processes are dead, its words are still to be handed over.
    async fn recover(&mut self) -> Result<()> {
        let boot_id = self.shared.config.boot_id();
        for entry in self.shared.spool.all() {
            let claim = entry.note.claim;
            if entry.result().is_none() {
                let message = if entry.note.boot_id == boot_id {
                    "the agent was restarted while the run was on it"
                } else {
                    "the machine was rebooted while the run was on it"
                };
                let (last, _) = entry.log_range();
                let line = LogLine {
                    seq: last + 1,
                    at: Timestamp::now(),
                    level: LogLevel::Error,
                    stream: LogStream::System,
                    task: None,
                    message: message.to_owned(),
                };
                if let Err(error) = entry.append_logs(&[line]) {
                    self.journal.note(
                        LogLevel::Warning,
                        format!("the spool cannot be written: {error}"),
                    );
                }
                let error = ErrorInfo::new(ErrorKind::Lost, message);
                let result = attempt::unexecuted(claim, State::Crashed, Some(error));
                attempt::save(&entry, result).await;
            }
            let (logs, logs_acked) = entry.log_range();
            let tasks = entry.last_tasks();
            let run = &entry.note.run_name;
            self.journal.note(
                LogLevel::Info,
                format!("run {run}: what is left of it is handed over"),
            );
            self.step(Input::Recovered {
                claim,
                logs_acked,
                logs,
                tasks,
            });
        }
        Ok(())
    }

    fn step(&mut self, input: Input) {
        let mut actions: std::collections::VecDeque<_> = self.session.handle(input, now()).into();
        while let Some(action) = actions.pop_front() {
            if let Some(next) = self.perform(action) {
                actions.extend(self.session.handle(next, now()));
            }
        }
    }

    fn came(&mut self, came: Incoming) {
        match came {
            Incoming::Text(text) => {
                self.step(Input::Frame(text));
                if self.session.is_registered() {
                    self.tries = 0;
                    self.told.clear();
                    self.refusals = 0;
                }
            }
            Incoming::Other => {}
            Incoming::Closed(code, why) => {
                self.tell_once(format!("the connection to the server ended: {why}"));
                if code == Some(CLOSE_UNAUTHORISED) {
                    self.refused("robot_refused".to_owned(), why);
                }
                self.hang_up(code);
            }
        }
    }

    fn opened(&mut self, opened: Result<Connection>) {
        self.connecting = None;
        match opened {
            Ok(connection) => {
                self.connection = Some(connection);
                self.step(Input::Connected);
            }
            Err(error) => {
                self.tell_once(format!(
                    "no connection to {}: {error:#}",
                    self.shared.config.server
                ));
                let refusal = error.downcast_ref::<KeyRefused>();
                let patient = refusal.is_some();
                match refusal.filter(|r| r.is_final()) {
                    Some(r) => self.refused(r.code.clone(), r.detail.clone()),
                    None => self.refusals = 0,
                }
                self.redial(patient);
            }
        }
    }

    /// Takes note of a refusal that trying again is not expected to heal.
    fn refused(&mut self, code: String, message: String) {
        self.refusals += 1;
        if self.refusals == REFUSALS {
            let note = format!(
                "the server refused this robot {REFUSALS} times, at last: {message} [{code}]; \
                 it stops when nothing runs on it any more; enrol it anew"
            );
            self.journal.note(LogLevel::Error, note);
        }
        self.refusal = Some(Stopped::Refused { code, message });
    }

    /// Whether the server will not have this robot any more. What runs is ended by its lease first.
    fn is_unwanted(&self) -> Option<Stopped> {
        let sure = self.refusals >= REFUSALS && self.session.live() == 0;
        self.refusal.clone().filter(|_| sure)
    }

    /// Says the same only once until the connection stands again.
    fn tell_once(&mut self, what: String) {
        if self.told != what {
            self.journal.note(LogLevel::Warning, what.clone());
            self.told = what;
        }
    }

    fn hang_up(&mut self, code: Option<u16>) {
        self.connection = None;
        self.step(Input::Disconnected);
        let patient = matches!(code, Some(CLOSE_UNAUTHORISED | CLOSE_REPLACED));
        self.redial(patient);
    }

    /// Plans the next try; a patient one when trying soon cannot help.
    fn redial(&mut self, patient: bool) {
        if patient {
            self.tries = self.tries.max(6);
        }
        self.dial_at = Some(Instant::now() + backoff(self.tries, self.shared.config.backoff));
        self.tries = self.tries.saturating_add(1);
    }

    fn dial(&mut self) {
        if self.dial_at.is_some_and(|at| at <= Instant::now()) {
            self.dial_at = None;
            let shared = Arc::clone(&self.shared);
            let opening = async move {
                match Connection::open(&shared.config).await {
                    Err(error) if error.is::<KeyRefused>() => {
                        Err(shared.http.refusal().await.map_or(error, Into::into))
                    }
                    opened => opened,
                }
            };
            self.connecting = Some(tokio::spawn(opening));
        }
    }

    fn next_wake(&self) -> Instant {
        let due = self.session.next_tick().saturating_sub(boot_clock());
        // A machine that slept notices within a second that its leases are over.
        let mut wake = Instant::now() + due.min(Duration::from_secs(1));
        if let Some(at) = self.dial_at {
            wake = wake.min(at);
        }
        wake
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

async fn opening(connecting: Option<&mut JoinHandle<Result<Connection>>>) -> Result<Connection> {
    match connecting {
        Some(task) => task.await?,
        None => std::future::pending().await,
    }
}
