//! Checks over the rows of one run: what `verify` looks for, the same in every store.
//!
//! A store walks its rows page by page and hands them in; nothing here reads anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::id::{RunId, ScheduleId};
use baton_core::retry::RetryPolicy;
use baton_core::run::{Attempt, Run, RunEvent};
use baton_core::state::{self, Event, Executor, OnLost, Outcome, Standing, State};
use jiff::Timestamp;

use crate::runs::LiveAttempt;
use crate::stats::{Breach, Verification};

mod evidence;

pub use evidence::{Lines, Wrote, clock_ahead};

/// Most breaches that one verification names: whoever has more needs a backup, not a longer list.
pub const MAX_BREACHES: usize = 1_000;

impl Verification {
    /// Notes a breach, unless there are too many already.
    pub fn breach(&mut self, check: &str, subject: impl ToString, message: impl Into<String>) {
        if self.breaches.len() < MAX_BREACHES {
            self.breaches.push(Breach {
                check: check.into(),
                subject: subject.to_string(),
                message: message.into(),
            });
        }
    }

    /// Checks one run with all its attempts (by number) and its whole history (by position).
    pub fn check_run(&mut self, run: &Run, attempts: &[Attempt], history: &[RunEvent]) {
        self.runs += 1;
        self.attempts += attempts.len() as u64;
        self.transitions += history.len() as u64;
        self.check_history(run, history);
        self.check_attempts(run, attempts);
        self.check_outcomes(run, attempts, history);
    }

    fn check_history(&mut self, run: &Run, history: &[RunEvent]) {
        let Some(last) = history.last() else {
            self.breach("history_mismatch", run.id, "the run has no history");
            return;
        };
        if last.to != run.state {
            let text = format!("history ends {}, the run is {}", last.to, run.state);
            self.breach("history_mismatch", run.id, text);
        }
        let mut before: Option<&RunEvent> = None;
        for row in history {
            if row.from != before.map(|b| b.to) {
                let text = format!("row {} does not follow the row before it", row.seq);
                self.breach("history_mismatch", run.id, text);
            }
            if !legal(row) {
                let from = row.from.map_or("nothing", State::as_str);
                let text = format!("{} led from {from} to {}", row.event, row.to);
                self.breach("illegal_transition", run.id, text);
            }
            if let Some(b) = before {
                let assigned = row.event == Event::Assign.name();
                if row.fence < b.fence || (assigned && row.fence == b.fence) {
                    let text = format!("fence {} came after fence {}", row.fence, b.fence);
                    self.breach("fence_not_rising", run.id, text);
                }
                // A worker that starts anew after a park opens an attempt within the step.
                if row.attempt < b.attempt || row.attempt > b.attempt + 1 {
                    let text = format!("attempt {} came after attempt {}", row.attempt, b.attempt);
                    self.breach("history_mismatch", run.id, text);
                }
                if row.seq <= b.seq {
                    let text = format!("position {} came after position {}", row.seq, b.seq);
                    self.breach("history_mismatch", run.id, text);
                }
            }
            before = Some(row);
        }
        if last.fence != run.fence {
            let text = format!("history ends with fence {}, not {}", last.fence, run.fence);
            self.breach("fence_not_rising", run.id, text);
        }
    }

    fn check_attempts(&mut self, run: &Run, attempts: &[Attempt]) {
        let mut fence = 0;
        for (index, attempt) in attempts.iter().enumerate() {
            let number = attempt.number;
            if usize::try_from(number).ok() != Some(index + 1) {
                let text = format!("attempt {number} stands where {} belongs", index + 1);
                self.breach("history_mismatch", run.id, text);
            }
            if attempt.fence.0 != 0 {
                if attempt.fence.0 <= fence {
                    let text = format!("attempt {number} has fence {}", attempt.fence);
                    self.breach("fence_not_rising", run.id, text);
                }
                fence = attempt.fence.0;
            }
            if !attempt.state.is_terminal() && number != run.attempt {
                let text = format!("attempt {number} is open, the run is at {}", run.attempt);
                self.breach("overlapping_attempts", run.id, text);
            }
            if attempt.state.is_terminal() != attempt.ended_at.is_some() {
                let text = format!("attempt {number} is {} without saying when", attempt.state);
                self.breach("history_mismatch", run.id, text);
            }
        }
        let live = attempts.iter().filter(|a| a.live).count();
        if live > 1 {
            let text = format!("{live} of its attempts are live");
            self.breach("overlapping_attempts", run.id, text);
        }
        if run.live != (live > 0) {
            let text = format!("the run says live: {}, {live} attempts are", run.live);
            self.breach("history_mismatch", run.id, text);
        }
        let rows = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        if rows > run.attempt || rows + 1 < run.attempt || fence > run.fence.0 {
            let text = format!("{rows} attempts, the run is at attempt {}", run.attempt);
            self.breach("history_mismatch", run.id, text);
        }
        let current = attempts.last().filter(|a| a.number == run.attempt);
        if run.state.is_on_robot() && current.is_none_or(|a| a.state != run.state || !a.live) {
            let text = format!("the run is {}, its attempt is not", run.state);
            self.breach("history_mismatch", run.id, text);
        }
    }

    /// The first event that closes an attempt decides its outcome for ever.
    fn check_outcomes(&mut self, run: &Run, attempts: &[Attempt], history: &[RunEvent]) {
        let mut closed: BTreeMap<u32, State> = BTreeMap::new();
        for row in history {
            if let Some(outcome) = closes(row) {
                closed.entry(row.attempt).or_insert(outcome);
            }
        }
        for attempt in attempts {
            let kept = attempt.state.is_terminal().then_some(attempt.state);
            let told = closed.get(&attempt.number).copied();
            if kept != told {
                let text = format!(
                    "attempt {} is {}, history closed it as {}",
                    attempt.number,
                    attempt.state,
                    told.map_or("nothing", State::as_str)
                );
                self.breach("history_mismatch", run.id, text);
            }
        }
    }

    /// Checks the positions of an attempt's log: without gap up to `count`; a pruned prefix is fine.
    pub fn check_log(&mut self, run_id: RunId, attempt: u32, seqs: &[i64], count: i64) {
        self.lines += seqs.len() as u64;
        let gap = seqs.windows(2).find(|w| w[1] != w[0] + 1);
        if let Some(w) = gap {
            let text = format!("attempt {attempt}: line {} follows line {}", w[1], w[0]);
            self.breach("log_gap", run_id, text);
        }
        if let Some(last) = seqs.last().filter(|last| **last != count) {
            let text = format!("attempt {attempt}: the last line is {last}, {count} were counted");
            self.breach("log_gap", run_id, text);
        }
    }

    /// Checks that no slot has made two runs; `slots` in any order.
    pub fn check_slots(&mut self, slots: impl IntoIterator<Item = (ScheduleId, Timestamp, RunId)>) {
        let mut seen = BTreeMap::new();
        for (schedule, slot, run) in slots {
            if let Some(other) = seen.insert((schedule, slot), run) {
                let text = format!("slot {slot} made both {other} and {run}");
                self.breach("slot_twice", schedule, text);
            }
        }
    }

    /// Checks that no two live attempts share a run or a desktop.
    pub fn check_live(&mut self, live: &[LiveAttempt]) {
        let mut runs = BTreeSet::new();
        let mut desktops = BTreeSet::new();
        for attempt in live {
            if !runs.insert(attempt.run_id) {
                let text = format!("attempt {} is not the only live one", attempt.attempt);
                self.breach("overlapping_attempts", attempt.run_id, text);
            }
            if let (Some(robot), Some(desktop)) = (attempt.robot_id, &attempt.desktop)
                && !desktops.insert((robot, desktop))
            {
                let text = format!("desktop {desktop} is occupied twice");
                self.breach("limit_exceeded", robot, text);
            }
        }
    }
}

/// Whether the state machine could have made this row of history.
pub fn legal(row: &RunEvent) -> bool {
    match row.from {
        None => row.to == State::Pending && row.event == "created",
        Some(from) => TABLE.contains(&(from, row.event.as_str(), row.to)),
    }
}

/// How the attempt that the row names was closed by it, if it was.
fn closes(row: &RunEvent) -> Option<State> {
    let from = row.from?;
    match (row.event.as_str(), from, row.to) {
        (_, _, to) if to.is_terminal() => Some(to),
        ("finish_failed" | "finish_handed_back", ..) => Some(State::Failed),
        ("finish_timed_out" | "run_deadline", ..) => Some(State::TimedOut),
        ("finish_crashed", ..) | ("lease_lapsed", State::Running, _) => Some(State::Crashed),
        ("resume", ..) => Some(State::Cancelled),
        _ => None,
    }
}

/// Every (from, event, to) that [`state::apply`] allows, whatever the run's policies.
static TABLE: LazyLock<BTreeSet<(State, &'static str, State)>> = LazyLock::new(|| {
    let mut table = BTreeSet::new();
    for from in State::ALL {
        for event in events() {
            for standing in standings(from) {
                if let Ok(step) = state::apply(&standing, &event, Timestamp::UNIX_EPOCH) {
                    table.insert((from, event.name(), step.to));
                }
            }
        }
    }
    table
});

fn standings(state: State) -> impl Iterator<Item = Standing> {
    let executors = [Executor::Robot, Executor::Worker, Executor::Client];
    let losses = [OnLost::Fail, OnLost::Retry, OnLost::Park, OnLost::Resume];
    executors.into_iter().flat_map(move |executor| {
        losses.into_iter().flat_map(move |on_lost| {
            [(false, 0), (false, 1), (true, 0), (true, 1)]
                .into_iter()
                .map(move |(live, retries)| Standing {
                    state,
                    live,
                    attempt: 1,
                    retries_used: 0,
                    retry: RetryPolicy {
                        retryable_errors: ErrorKind::ALL.to_vec(),
                        ..RetryPolicy::times(retries)
                    },
                    on_lost,
                    executor,
                    seed: 0,
                })
        })
    })
}

fn events() -> Vec<Event> {
    let error = || ErrorInfo::new(ErrorKind::Failed, "");
    let now = Timestamp::UNIX_EPOCH;
    vec![
        Event::Due,
        Event::Postpone { due_at: now },
        Event::Refuse { error: error() },
        Event::Assign,
        Event::Reject,
        Event::RejectForGood { error: error() },
        Event::Unanswered,
        Event::Start,
        Event::Finish(Outcome::Completed),
        Event::Finish(Outcome::Failed { error: error() }),
        Event::Finish(Outcome::TimedOut { error: error() }),
        Event::Finish(Outcome::Crashed { error: error() }),
        Event::Finish(Outcome::Cancelled),
        Event::Finish(Outcome::HandedBack { error: error() }),
        Event::RunDeadline,
        Event::StartDeadline,
        Event::LeaseLapsed,
        Event::Cancel,
        Event::CancelDeadline,
        Event::Pause,
        Event::Resume,
        Event::PauseExpired,
        Event::Retry,
    ]
}

#[cfg(test)]
#[path = "verify_tests.rs"]
pub(crate) mod tests;
