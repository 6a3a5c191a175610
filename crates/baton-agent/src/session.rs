//! The robot's side of the protocol as a pure machine: what came in and what time it is decide what is done.
//!
//! Nothing here reads a clock, a file or a socket. The runner feeds [`Input`]s with a [`Moment`] and
//! performs the [`Action`]s; a simulation can drive ten thousand of these. Contents of logs, tasks and
//! results stay with the caller: the session only knows how far each stream is written, sent and
//! acknowledged. Lost or doubled frames cost time, never correctness.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use baton_api::robot::{Claim, Held, JobAssignment, Message, Phase, Register, Reject};
use baton_core::error::ErrorInfo;
use baton_core::id::{Fence, RunId};
use baton_core::robot::{RobotMetrics, RobotOffer};
use baton_core::run::{LogLevel, Progress};
use baton_core::state::State;
use jiff::Timestamp;
use uuid::Uuid;

mod frames;
mod pace;
mod stream;
mod trouble;

use stream::{Delivery, Stream};

/// A moment on both clocks a robot needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Time since the machine booted, sleep included: leases are counted on it, nobody can set it.
    pub boot: Duration,
    /// What the wall clock shows: only for people and for frames.
    pub wall: Timestamp,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The socket is open.
    Connected,
    /// The socket is gone.
    Disconnected,
    /// A text came in.
    Frame(String),
    /// Time has passed.
    Tick,
    /// The host was measured.
    Metrics(RobotMetrics),
    /// Log lines of an attempt up to `seq` are in the spool.
    LogsWritten(Claim, i64),
    /// Log lines up to `seq` went out after [`Action::SendLogs`].
    LogsSent(Claim, i64),
    /// Log lines of an attempt cannot be read back from the spool; nothing more of them will come.
    LogsUnreadable(Claim),
    /// Task updates of an attempt up to `seq` are in the spool.
    TasksWritten(Claim, i64),
    /// Task updates up to `seq` went out after [`Action::SendTasks`].
    TasksSent(Claim, i64),
    /// The process of an attempt has begun.
    Began(Claim),
    /// An attempt could not be set up, for a reason of this robot's own. Its result says so too.
    HandedBack(Claim, String),
    /// Whether this machine has room for another run: what is missing, if not.
    Room(Option<String>),
    /// An attempt says how far it is.
    Progress(Claim, Progress),
    /// The attempt's tree is gone and its result is in the spool.
    Ended(Claim),
    /// An attempt of an earlier agent, ended, with what is still in the spool.
    Recovered {
        /// Its claim.
        claim: Claim,
        /// Lines in the spool lie after this one.
        logs_acked: i64,
        /// The last line.
        logs: i64,
        /// The last task update.
        tasks: i64,
    },
    /// The agent's own log is written up to `seq`.
    JournalWritten(i64),
    /// The agent's own log went out up to `seq` after [`Action::SendJournal`].
    JournalSent(i64),
    /// This machine wants no new runs, or wants them again.
    Drain(bool),
    /// The server will not have this robot any more: no claim holds for longer than a lease.
    Unwanted,
    /// A person at this machine, or the agent's own stop, ends everything that runs.
    EndAll(Duration),
}

/// Why an attempt is ended from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum EndWhy {
    /// The server asked; the sentence says why.
    Cancelled(String),
    /// The claim is not valid any more.
    Superseded,
    /// The server was not heard for longer than the attempt may go on so.
    LeaseLapsed,
    /// The agent itself is stopping.
    AgentStopping,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send this text.
    Send(String),
    /// Read log lines after this one from the spool, send a batch, say [`Input::LogsSent`].
    SendLogs(Claim, i64),
    /// Read task updates after this one from the spool, send one, say [`Input::TasksSent`].
    SendTasks(Claim, i64),
    /// Send the result from the spool.
    SendResult(Claim),
    /// Send lines of the agent's own log after this one, say [`Input::JournalSent`].
    SendJournal(i64),
    /// Begin to execute. The server has committed Running.
    Start(Box<JobAssignment>),
    /// End the tree of an attempt: ask, and kill after the grace.
    End(Claim, EndWhy, Duration),
    /// An attempt ended before it began: write this result into the spool, say [`Input::Ended`].
    Unstarted(Claim, State, ErrorInfo),
    /// All claims are renewed: tell the guards.
    Renew(Renewed),
    /// Lines up to this one are committed: drop them from the spool.
    LogsAcked(Claim, i64),
    /// Task updates up to this one are committed: drop them from the spool.
    TasksAcked(Claim, i64),
    /// The attempt is settled: drop its spool.
    Forget(Claim),
    /// The agent's own log up to this line is committed.
    JournalAcked(i64),
    /// Fetch this package ahead.
    Fetch(String),
    /// Drop this package from the cache.
    Evict(String),
    /// A line for the agent's own log.
    Note(LogLevel, String),
    /// The connection is of no use any more: close it and come back.
    Close,
}

/// Settled claims that are remembered, so that a late or doubled assignment starts nothing: hours of work.
const REMEMBERED: usize = 4_096;

/// When the claims of a session were renewed last, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// When the heartbeat was sent that the server acknowledged last, on the boot clock.
    pub at: Duration,
    /// How long a claim holds from then on that has no length of its own.
    pub lease: Duration,
}

impl Renewed {
    /// Until when a claim holds on the boot clock; `own` is how long it may go on unheard, where it says so.
    pub fn until(self, own: Option<Duration>) -> Duration {
        self.at.saturating_add(own.unwrap_or(self.lease))
    }
}

/// How long an attempt may go on unheard, where its assignment says so.
pub(crate) fn own_lease(job: &JobAssignment) -> Option<Duration> {
    job.lost_after_seconds
        .map(|seconds| Duration::from_secs(seconds.into()))
}

struct Attempt {
    phase: Phase,
    /// How long it may go on unheard, where its assignment says so.
    own_lease: Option<Duration>,
    since: Duration,
    /// When its process began.
    began: Option<Duration>,
    assignment: Option<Box<JobAssignment>>,
    logs: Stream,
    tasks: Stream,
    result: Delivery,
    progress: Option<Progress>,
    progress_at: Duration,
    /// The claim is void: only the end of the tree is still reported.
    superseded: bool,
    ending: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Link {
    Offline,
    Registering { since: Duration, said_at: Duration },
    Registered,
}

#[derive(Clone, Copy, PartialEq)]
enum Past {
    Dropped,
    Done,
}

/// The machine.
pub struct Session {
    name: String,
    offer: RobotOffer,
    metrics: RobotMetrics,
    troubles: trouble::Troubles,
    link: Link,
    heard_at: Duration,
    heartbeat: Duration,
    lease: Duration,
    start_within: Duration,
    next_beat: Duration,
    beats: VecDeque<(Timestamp, Duration)>,
    renewed: Renewed,
    unwanted: bool,
    attempts: BTreeMap<Claim, Attempt>,
    past: BTreeMap<RunId, (Fence, Past)>,
    past_order: VecDeque<RunId>,
    journal: Stream,
    drained_by_server: bool,
    drained_here: bool,
    seed: u64,
    messages: u64,
}

impl Session {
    /// A session that is not yet connected. `seed` makes the ids of its messages its own.
    pub fn new(name: impl Into<String>, offer: RobotOffer, seed: u64) -> Self {
        let seconds = |d: jiff::SignedDuration| d.unsigned_abs();
        Self {
            name: name.into(),
            offer,
            metrics: RobotMetrics::default(),
            troubles: trouble::Troubles::default(),
            link: Link::Offline,
            heard_at: Duration::ZERO,
            heartbeat: seconds(baton_core::lease::HEARTBEAT),
            lease: seconds(baton_core::lease::LEASE),
            start_within: seconds(baton_core::lease::START_WITHIN),
            next_beat: Duration::MAX,
            beats: VecDeque::new(),
            renewed: Renewed::default(),
            unwanted: false,
            attempts: BTreeMap::new(),
            past: BTreeMap::new(),
            past_order: VecDeque::new(),
            journal: Stream::default(),
            drained_by_server: false,
            drained_here: false,
            seed,
            messages: 0,
        }
    }

    /// One step.
    pub fn handle(&mut self, input: Input, now: Moment) -> Vec<Action> {
        let mut out = Vec::new();
        match input {
            Input::Connected => self.connected(now, &mut out),
            Input::Disconnected => self.link = Link::Offline,
            Input::Frame(text) => {
                self.heard_at = now.boot;
                self.frame(&text, now, &mut out);
            }
            Input::Tick => {}
            Input::Metrics(metrics) => self.metrics = metrics,
            Input::LogsWritten(claim, seq) => self.stream(claim, |a| a.logs.wrote(seq)),
            Input::LogsSent(claim, seq) => self.stream(claim, |a| a.logs.sent(seq, now.boot)),
            Input::LogsUnreadable(claim) => self.stream(claim, |a| a.logs.give_up()),
            Input::TasksWritten(claim, seq) => self.stream(claim, |a| a.tasks.wrote(seq)),
            Input::TasksSent(claim, seq) => self.stream(claim, |a| a.tasks.sent(seq, now.boot)),
            Input::Began(claim) => {
                self.stream(claim, |a| a.began = Some(now.boot));
                if self.troubles.began() {
                    self.next_beat = now.boot;
                }
            }
            Input::HandedBack(claim, why) => {
                let run = claim.job_id;
                let note = format!("run {run} could not be set up here and goes back: {why}");
                out.push(Action::Note(LogLevel::Warning, note));
                self.troubles.handed_back(why, now);
                self.next_beat = now.boot;
            }
            Input::Room(missing) => {
                if self.troubles.room(missing, now) {
                    self.next_beat = now.boot;
                }
            }
            Input::Progress(claim, progress) => {
                self.stream(claim, |a| a.progress = Some(progress));
            }
            Input::Ended(claim) => self.stream(claim, |a| {
                a.phase = Phase::Finished;
                a.result = Delivery::Ready;
                a.progress = None;
            }),
            Input::Recovered {
                claim,
                logs_acked,
                logs,
                tasks,
            } => {
                let mut attempt = Attempt::new(Phase::Finished, now.boot, None);
                attempt.logs = Stream::resumed(logs_acked, logs);
                attempt.tasks = Stream::resumed(0, tasks);
                attempt.result = Delivery::Ready;
                self.attempts.insert(claim, attempt);
            }
            Input::JournalWritten(seq) => self.journal.wrote(seq),
            Input::JournalSent(seq) => self.journal.sent(seq, now.boot),
            Input::Drain(on) => {
                self.drained_here = on;
                self.next_beat = now.boot;
            }
            Input::Unwanted => self.unwanted = true,
            Input::EndAll(grace) => self.end_all(grace, &mut out),
        }
        self.pass_time(now, &mut out);
        self.flush(now, &mut out);
        out
    }

    /// Until when this attempt may go on, on the boot clock.
    fn lease_until(&self, attempt: &Attempt) -> Duration {
        self.renewed
            .until(attempt.own_lease.filter(|_| !self.unwanted))
    }

    /// Whether the server knows this session.
    pub fn is_registered(&self) -> bool {
        self.link == Link::Registered
    }

    /// Attempts that occupy a slot: their tree is, or may soon be, alive.
    pub fn live(&self) -> usize {
        let live = |a: &&Attempt| a.phase != Phase::Finished;
        self.attempts.values().filter(live).count()
    }

    /// Attempts of any phase, those included whose result is still to be handed over.
    pub fn held(&self) -> usize {
        self.attempts.len()
    }

    /// Whether it takes no new runs.
    pub fn is_draining(&self) -> bool {
        self.drained_by_server || self.drained_here
    }

    /// The text of a message, with an id of its own.
    pub fn text(&mut self, message: &impl Message, now: Moment) -> String {
        self.messages += 1;
        let mut bytes = [0_u8; 16];
        bytes[..8].copy_from_slice(&self.seed.to_be_bytes());
        bytes[8..].copy_from_slice(&self.messages.to_be_bytes());
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        debug_assert_ne!(id, Uuid::nil());
        message.frame(id, now.wall, None)
    }

    fn stream(&mut self, claim: Claim, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.attempts.get_mut(&claim) {
            change(attempt);
        }
    }

    fn held_list(&self, now: Moment) -> Vec<Held> {
        let held = |(claim, attempt): (&Claim, &Attempt)| Held {
            claim: *claim,
            phase: attempt.phase,
            executing_seconds: attempt
                .began
                .filter(|_| attempt.phase == Phase::Running)
                .map(|began| now.boot.saturating_sub(began).as_secs_f64()),
        };
        self.attempts.iter().map(held).collect()
    }

    fn connected(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.link = Link::Registering {
            since: now.boot,
            said_at: now.boot,
        };
        self.heard_at = now.boot;
        self.beats.clear();
        let register = Register {
            protocol: baton_api::robot::PROTOCOL,
            robot_name: self.name.clone(),
            offer: self.offer.clone(),
            holds: self.held_list(now),
        };
        out.push(Action::Send(self.text(&register, now)));
    }

    fn end_all(&mut self, grace: Duration, out: &mut Vec<Action>) {
        for (claim, attempt) in &mut self.attempts {
            if attempt.phase == Phase::Running && !attempt.ending {
                attempt.ending = true;
                out.push(Action::End(*claim, EndWhy::AgentStopping, grace));
            }
        }
    }

    /// Ends what the server does not recognise any more.
    fn supersede(&mut self, claim: Claim, out: &mut Vec<Action>) {
        let Some(attempt) = self.attempts.get_mut(&claim) else {
            return;
        };
        attempt.superseded = true;
        match attempt.phase {
            Phase::Accepted => {
                self.attempts.remove(&claim);
                self.remember(claim, Past::Done);
            }
            Phase::Running if !attempt.ending => {
                attempt.ending = true;
                out.push(Action::End(claim, EndWhy::Superseded, Duration::ZERO));
            }
            Phase::Running | Phase::Finished => {}
        }
    }

    fn remember(&mut self, claim: Claim, past: Past) {
        if self
            .past
            .insert(claim.job_id, (claim.fence, past))
            .is_none()
        {
            self.past_order.push_back(claim.job_id);
        }
        while self.past_order.len() > REMEMBERED {
            if let Some(oldest) = self.past_order.pop_front() {
                self.past.remove(&oldest);
            }
        }
    }

    fn reject(
        &mut self,
        claim: Claim,
        reason: &str,
        permanent: bool,
        now: Moment,
        out: &mut Vec<Action>,
    ) {
        let note = format!("run {} (attempt {}): {reason}", claim.job_id, claim.attempt);
        out.push(Action::Note(LogLevel::Warning, note));
        if self.link == Link::Registered {
            let reject = Reject {
                claim,
                reason: reason.to_owned(),
                permanent,
            };
            out.push(Action::Send(self.text(&reject, now)));
        }
    }
}

impl Attempt {
    fn new(phase: Phase, since: Duration, assignment: Option<Box<JobAssignment>>) -> Self {
        Self {
            phase,
            own_lease: assignment.as_deref().and_then(own_lease),
            since,
            began: None,
            assignment,
            logs: Stream::default(),
            tasks: Stream::default(),
            result: Delivery::None,
            progress: None,
            progress_at: Duration::ZERO,
            superseded: false,
            ending: false,
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "session_fault_tests.rs"]
mod fault_tests;
