//! The run state machine: the one function that says which state may follow which, and why.
//!
//! [`apply`] is pure. Whoever calls it loads a run, applies one event, and commits the step guarded
//! by (state, attempt, fence). The table below the code is not drawn by hand: a test walks every
//! state × event and snapshots it into `docs/reference/states.md`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{ErrorInfo, ErrorKind};
use crate::retry::RetryPolicy;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted; not yet due, or waiting for a retry time, a dependency or an approval.
    Pending,
    /// Due; waiting for a robot.
    Queued,
    /// Assigned to a robot; not yet started.
    Dispatched,
    /// The robot has been told to start.
    Running,
    /// Held by a person or a form; no robot is occupied.
    Paused,
    /// A cancel was asked; the robot has not yet confirmed that the process tree is gone.
    Cancelling,
    /// The flow finished and said it went well.
    Completed,
    /// The flow said it failed, or it was refused.
    Failed,
    /// A deadline passed.
    TimedOut,
    /// Infrastructure lost it.
    Crashed,
    /// A person or a policy ended it.
    Cancelled,
}

impl State {
    /// Every state, in the order of the documentation. The position is the number stored in databases.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Queued,
        Self::Dispatched,
        Self::Running,
        Self::Paused,
        Self::Cancelling,
        Self::Completed,
        Self::Failed,
        Self::TimedOut,
        Self::Crashed,
        Self::Cancelled,
    ];

    /// Whether nothing but an operator's retry can follow.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::TimedOut | Self::Crashed | Self::Cancelled
        )
    }

    /// Whether a robot holds the run in this state.
    pub const fn is_on_robot(self) -> bool {
        matches!(self, Self::Dispatched | Self::Running | Self::Cancelling)
    }

    /// The number stored in databases; never changes.
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// The state with this stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// The name in the API, the database's documentation and the CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Dispatched => "dispatched",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Crashed => "crashed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// The `JobStatus` value that the robot wire and the realtime channels speak.
    pub const fn job_status(self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Crashed => "failed",
            Self::Paused | Self::Cancelling => "running",
            other => other.as_str(),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who executes an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// A Baton robot: pushed to, leased, fenced.
    #[default]
    Robot,
    /// A worker that pulls, such as Prefect's.
    Worker,
    /// A person's own process that reports what it does.
    Client,
}

/// What happens to a running attempt whose robot is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnLost {
    /// The run ends as Crashed: nobody knows how far it came, so nothing is done twice.
    #[default]
    Fail,
    /// Another attempt is opened, on whichever robot fits.
    Retry,
    /// The run is Paused for a person to decide.
    Park,
    /// Another attempt goes on from the last checkpoint (graph flows only).
    Resume,
}

/// Attempts of a run that spend no retry, before one that a robot hands back counts as failed: with the rests that
/// robots in trouble take, a fleet on which nothing can be set up says so after some hours, and no run goes round
/// for ever.
pub const MAX_HANDED_BACK: u32 = 20;

/// How many times a lost run is retried under `on_lost: retry` when its retry policy names no number.
pub const LOST_RETRIES: u32 = 3;

/// How an attempt ended, as its executor reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// It went well.
    Completed,
    /// It failed; the kind decides whether it is retried.
    Failed {
        /// Why.
        error: ErrorInfo,
    },
    /// Its run deadline passed and the process tree was killed.
    TimedOut {
        /// Which deadline.
        error: ErrorInfo,
    },
    /// The executor lost the process: its guard ended it, or the machine restarted.
    Crashed {
        /// What is known.
        error: ErrorInfo,
    },
    /// It was ended as asked; the process tree is gone.
    Cancelled,
    /// The robot could not set it up, for a reason of its own: nothing of the flow began, another may try.
    HandedBack {
        /// What the robot lacks.
        error: ErrorInfo,
    },
}

impl Outcome {
    /// The terminal state of the attempt.
    pub const fn state(&self) -> State {
        match self {
            Self::Completed => State::Completed,
            Self::Failed { .. } | Self::HandedBack { .. } => State::Failed,
            Self::TimedOut { .. } => State::TimedOut,
            Self::Crashed { .. } => State::Crashed,
            Self::Cancelled => State::Cancelled,
        }
    }

    /// What went wrong, if anything did.
    pub const fn error(&self) -> Option<&ErrorInfo> {
        match self {
            Self::Failed { error }
            | Self::TimedOut { error }
            | Self::Crashed { error }
            | Self::HandedBack { error } => Some(error),
            Self::Completed | Self::Cancelled => None,
        }
    }
}

/// What [`apply`] must know of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Where the run stands.
    pub state: State,
    /// Whether its current attempt is live: assigned, and neither reported gone nor lapsed.
    pub live: bool,
    /// The number of its current attempt.
    pub attempt: u32,
    /// How many retries have been spent since the run was created or retried by hand.
    pub retries_used: u32,
    /// When to try again.
    pub retry: RetryPolicy,
    /// What to do when its robot is lost.
    pub on_lost: OnLost,
    /// Who executes it.
    pub executor: Executor,
    /// Seeds the jitter of its retry delays; derived from the run's id and attempt.
    pub seed: u64,
}

impl Standing {
    /// Whether anybody would take another attempt: not where a person started the process themselves.
    fn has_a_taker(&self) -> bool {
        self.executor != Executor::Client
    }
}

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Its time has come, and its previous attempt is no longer live.
    Due,
    /// It is put off to a later time.
    Postpone {
        /// The new time.
        due_at: Timestamp,
    },
    /// What it waits for failed, or a policy forbids it.
    Refuse {
        /// Why.
        error: ErrorInfo,
    },
    /// The dispatcher gives it to a robot.
    Assign,
    /// The robot will not have it now; another may.
    Reject,
    /// The robot says that no robot could ever run it.
    RejectForGood {
        /// Why.
        error: ErrorInfo,
    },
    /// The robot did not answer the assignment in time, or was lost before the start.
    Unanswered,
    /// The executor may start (robot), or has started (worker, client).
    Start,
    /// The executor reports the end; the process tree is gone.
    Finish(Outcome),
    /// The run deadline passed and the executor has not said so.
    RunDeadline,
    /// The deadline for starting passed.
    StartDeadline,
    /// Nothing was heard for as long as the attempt may go on so, and the margin after it: of its robot, or of the
    /// process that executes it by itself.
    LeaseLapsed,
    /// A person or a policy asks for the end.
    Cancel,
    /// The cancel grace has passed without a word.
    CancelDeadline,
    /// A pause is asked and the flow can pause.
    Pause,
    /// A paused run goes on.
    Resume,
    /// It was paused for too long.
    PauseExpired,
    /// An operator asks for another attempt of an ended run.
    Retry,
}

impl Event {
    /// The event's name in the documentation and in errors.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Postpone { .. } => "postpone",
            Self::Refuse { .. } => "refuse",
            Self::Assign => "assign",
            Self::Reject => "reject",
            Self::RejectForGood { .. } => "reject_for_good",
            Self::Unanswered => "unanswered",
            Self::Start => "start",
            Self::Finish(Outcome::Completed) => "finish_completed",
            Self::Finish(Outcome::Failed { .. }) => "finish_failed",
            Self::Finish(Outcome::TimedOut { .. }) => "finish_timed_out",
            Self::Finish(Outcome::Crashed { .. }) => "finish_crashed",
            Self::Finish(Outcome::Cancelled) => "finish_cancelled",
            Self::Finish(Outcome::HandedBack { .. }) => "finish_handed_back",
            Self::RunDeadline => "run_deadline",
            Self::StartDeadline => "start_deadline",
            Self::LeaseLapsed => "lease_lapsed",
            Self::Cancel => "cancel",
            Self::CancelDeadline => "cancel_deadline",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::PauseExpired => "pause_expired",
            Self::Retry => "retry",
        }
    }
}

/// What else must be written or sent together with the new state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The current attempt gets an executor; for a robot, with a new fence.
    OpenAttempt,
    /// The current attempt has ended like this. Never changes afterwards.
    CloseAttempt(Outcome),
    /// The current attempt occupies its robot no longer.
    Release,
    /// The robot that had the assignment is not asked again for this attempt.
    RememberRejecter,
    /// The run becomes due at this time.
    SetDue(Timestamp),
    /// The attempt number rises by one.
    NextAttempt {
        /// Whether this spends a retry; `None` starts the count afresh (an operator's retry).
        spends_retry: Option<bool>,
    },
    /// The robot must end the process tree.
    TellRobotToCancel,
    /// Runs that this attempt started end with it.
    EndChildren,
}

/// A state and what goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The state that follows.
    pub to: State,
    /// What must be written in the same transaction, or sent after it, in order.
    pub effects: Vec<Effect>,
}

/// The event cannot follow the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from} cannot take the event {event}{}", self.advice())]
pub struct IllegalTransition {
    /// Where the run stands.
    pub from: State,
    /// The event's name.
    pub event: &'static str,
}

impl IllegalTransition {
    /// What to do instead, where that is known.
    const fn advice(&self) -> &'static str {
        // Whatever has ended can be retried, but what a person's own process executed.
        if self.from.is_terminal() && matches!(self.event.as_bytes(), b"retry") {
            ": it was started by hand on a computer of its own; start it there again"
        } else {
            ""
        }
    }
}

/// The one place that says what may follow what.
pub fn apply(run: &Standing, event: &Event, now: Timestamp) -> Result<Step, IllegalTransition> {
    use Effect::{
        CloseAttempt, EndChildren, OpenAttempt, Release, RememberRejecter, SetDue,
        TellRobotToCancel,
    };
    use State::{
        Cancelled, Cancelling, Completed, Dispatched, Failed, Paused, Pending, Queued, Running,
        TimedOut,
    };
    let step = |to, effects| Ok(Step { to, effects });
    let illegal = Err(IllegalTransition {
        from: run.state,
        event: event.name(),
    });
    let own_executor = run.executor != Executor::Robot;

    match (run.state, event) {
        (Pending, Event::Due) if !run.live => step(Queued, vec![]),
        (Queued, Event::Postpone { due_at }) => step(Pending, vec![SetDue(*due_at)]),
        (Pending, Event::Refuse { error }) => {
            let error = error.clone();
            step(Failed, vec![CloseAttempt(Outcome::Failed { error })])
        }

        (Queued, Event::Assign) if !own_executor => step(Dispatched, vec![OpenAttempt]),
        (Dispatched, Event::Reject | Event::Unanswered | Event::LeaseLapsed) => {
            step(Queued, vec![RememberRejecter, Release])
        }
        (Dispatched, Event::RejectForGood { error }) => {
            let error = error.clone();
            step(
                Failed,
                vec![CloseAttempt(Outcome::Failed { error }), Release],
            )
        }
        (Dispatched, Event::Start) => step(Running, vec![]),
        (Pending | Queued | Paused, Event::Start) if own_executor => {
            step(Running, vec![OpenAttempt])
        }

        (Pending | Queued, Event::StartDeadline) => {
            step(TimedOut, vec![CloseAttempt(not_started())])
        }
        (Dispatched, Event::StartDeadline) => step(
            TimedOut,
            vec![CloseAttempt(not_started()), Release, TellRobotToCancel],
        ),

        (Pending | Queued, Event::Cancel) => {
            step(Cancelled, vec![CloseAttempt(Outcome::Cancelled)])
        }
        (Paused, Event::Cancel) => step(Cancelled, vec![EndChildren]),
        (Dispatched, Event::Cancel) => step(
            Cancelled,
            vec![CloseAttempt(Outcome::Cancelled), Release, TellRobotToCancel],
        ),
        (Running, Event::Cancel) => step(Cancelling, vec![TellRobotToCancel]),
        // Asking again is harmless: the robot is told once more.
        (Cancelling, Event::Cancel) => step(Cancelling, vec![TellRobotToCancel]),

        (Running, Event::Finish(Outcome::Completed)) => step(
            Completed,
            vec![CloseAttempt(Outcome::Completed), Release, EndChildren],
        ),
        (Running, Event::Finish(outcome @ (Outcome::Failed { .. } | Outcome::TimedOut { .. }))) => {
            Ok(ended_badly(run, outcome.clone(), true, now))
        }
        (Running, Event::Finish(outcome @ Outcome::Crashed { .. })) => {
            Ok(lost(run, outcome.clone(), now))
        }
        (Running, Event::Finish(Outcome::HandedBack { error })) => Ok(handed_back(run, error, now)),
        (Running, Event::RunDeadline) => {
            let error = ErrorInfo::new(ErrorKind::TimedOut, "the run deadline passed");
            let mut step = ended_badly(run, Outcome::TimedOut { error }, false, now);
            step.effects.push(TellRobotToCancel);
            Ok(step)
        }
        (Running, Event::LeaseLapsed) => {
            let error = unheard(run.executor);
            Ok(lost(run, Outcome::Crashed { error }, now))
        }
        (Running, Event::Pause) => step(Paused, vec![Release, TellRobotToCancel]),

        (Cancelling, Event::Finish(outcome)) => {
            // The run finished first, or it was ended as asked. Nothing is retried: the cancel wins.
            let outcome = match outcome {
                Outcome::Completed | Outcome::Failed { .. } => outcome.clone(),
                _ => Outcome::Cancelled,
            };
            step(
                outcome.state(),
                vec![CloseAttempt(outcome), Release, EndChildren],
            )
        }
        (Cancelling, Event::LeaseLapsed) => step(
            Cancelled,
            vec![CloseAttempt(Outcome::Cancelled), Release, EndChildren],
        ),
        // A forced end waits until the attempt is no longer live, so that Cancelled is never a guess.
        (Cancelling, Event::CancelDeadline) if !run.live => step(
            Cancelled,
            vec![CloseAttempt(Outcome::Cancelled), EndChildren],
        ),

        (Paused, Event::Resume) => step(
            Queued,
            vec![Effect::NextAttempt {
                spends_retry: Some(false),
            }],
        ),
        (Paused, Event::PauseExpired) => {
            let error = ErrorInfo::new(ErrorKind::PauseExpired, "the run was paused for too long");
            step(
                Failed,
                vec![CloseAttempt(Outcome::Failed { error }), EndChildren],
            )
        }

        (ended, Event::Retry) if ended.is_terminal() && run.has_a_taker() => step(
            Pending,
            vec![Effect::NextAttempt { spends_retry: None }, SetDue(now)],
        ),
        _ => illegal,
    }
}

fn unheard(executor: Executor) -> ErrorInfo {
    let why = match executor {
        Executor::Robot => "the robot was lost while the run was on it",
        _ => "the process that executed the run was not heard any more",
    };
    ErrorInfo::new(ErrorKind::Lost, why)
}

fn not_started() -> Outcome {
    Outcome::TimedOut {
        error: ErrorInfo::new(
            ErrorKind::NotStarted,
            "the deadline for starting passed while the run waited",
        ),
    }
}

/// The attempt is closed; the run is tried again if its policy grants it.
fn ended_badly(run: &Standing, outcome: Outcome, gone: bool, now: Timestamp) -> Step {
    let kind = outcome.error().map_or(ErrorKind::Failed, |e| e.kind);
    let granted = run.retry.grants(run.retries_used, kind);
    close(run, outcome, gone, granted, now)
}

/// The robot could not begin it: the run goes back to the queue and no retry is spent, unless that happened
/// too often.
fn handed_back(run: &Standing, error: &ErrorInfo, now: Timestamp) -> Step {
    let error = error.clone();
    let outcome = Outcome::Failed { error };
    let free = run.attempt.saturating_sub(run.retries_used);
    if run.executor != Executor::Robot || free > MAX_HANDED_BACK {
        return ended_badly(run, outcome, true, now);
    }
    Step {
        to: State::Queued,
        effects: vec![
            Effect::CloseAttempt(outcome),
            Effect::Release,
            Effect::EndChildren,
            Effect::NextAttempt {
                spends_retry: Some(false),
            },
            Effect::RememberRejecter,
        ],
    }
}

/// The executor lost the attempt: `on_lost` decides, and a retry policy that names `lost`.
fn lost(run: &Standing, outcome: Outcome, now: Timestamp) -> Step {
    let named = run.retry.retryable_errors.contains(&ErrorKind::Lost)
        && run.retry.grants(run.retries_used, ErrorKind::Lost);
    let granted = match run.on_lost {
        OnLost::Retry | OnLost::Resume => {
            run.retries_used < run.retry.max_retries.max(LOST_RETRIES)
        }
        OnLost::Fail => named,
        OnLost::Park => {
            return Step {
                to: State::Paused,
                effects: vec![Effect::CloseAttempt(outcome), Effect::Release],
            };
        }
    };
    close(run, outcome, true, granted, now)
}

fn close(run: &Standing, outcome: Outcome, gone: bool, retry: bool, now: Timestamp) -> Step {
    let ended = outcome.state();
    let mut effects = vec![Effect::CloseAttempt(outcome)];
    if gone {
        effects.push(Effect::Release);
    }
    effects.push(Effect::EndChildren);
    if !retry {
        return Step { to: ended, effects };
    }
    let wait = run.retry.delay(run.retries_used + 1, run.seed);
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO);
    effects.push(Effect::NextAttempt {
        spends_retry: Some(true),
    });
    effects.push(Effect::SetDue(now.saturating_add(wait).unwrap_or(now)));
    Step {
        to: State::Pending,
        effects,
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
