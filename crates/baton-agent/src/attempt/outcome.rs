//! What an attempt's end means: from exit code, signal and cause to state and error, as a pure function.

use baton_core::error::{ErrorInfo, ErrorKind, MAX_STACK, clip};
use baton_core::flow::Entry;
use baton_core::run::LogStream;
use baton_core::state::State;

use super::exit_code::{Runner, meaning, signal_name};
use super::robot_framework::robot_failure;
use super::telling::{LastLine, error_line, plain, telling};
use super::watch::{Cause, Watched};
use crate::session::EndWhy;

/// The state and the error of an attempt whose tree ended like this.
///
/// `said` is the error that the script reported itself, `last` what it wrote last.
pub(crate) fn outcome(
    seen: &Watched,
    said: Option<ErrorInfo>,
    last: &LastWords,
    timeout_seconds: Option<u32>,
) -> (State, Option<ErrorInfo>) {
    if let Some((message, resource)) = &seen.not_started {
        let kind = if *resource {
            ErrorKind::Resource
        } else {
            ErrorKind::Spawn
        };
        return (State::Failed, Some(ErrorInfo::new(kind, message.clone())));
    }
    match &seen.cause {
        Some(Cause::Ended(why)) => return ended(why),
        Some(Cause::TimedOut) => {
            let limit = timeout_seconds.unwrap_or(0);
            let message = format!("run timeout of {limit} s passed");
            return (
                State::TimedOut,
                Some(ErrorInfo::new(ErrorKind::TimedOut, message)),
            );
        }
        None => {}
    }
    // One that had done its work before its guard was lost has done it.
    if let Some(lost) = seen.lost.filter(|_| seen.code != Some(0)) {
        let error = ErrorInfo::new(ErrorKind::Lost, lost.message());
        return (State::Crashed, Some(error));
    }
    match (seen.code, seen.signal) {
        (Some(0), _) => (State::Completed, None),
        (Some(code), _) => {
            let (own, stack) = exited(code, last);
            let mut error = said.unwrap_or(own);
            error.stack = error.stack.or(stack);
            (State::Failed, Some(error.bounded()))
        }
        (None, signal) => {
            let mut message = signalled(signal.unwrap_or(0));
            let told = error_line(&last.lines);
            if let Some((_, text)) = &told {
                message = format!("{message}: {}", cut(text));
            }
            let mut error = ErrorInfo::new(ErrorKind::Failed, message);
            error.stack = last.from(told.map_or(LogStream::Stderr, |(stream, _)| stream));
            (State::Failed, Some(error.bounded()))
        }
    }
}

/// What a run wrote last, and what it was.
pub(crate) struct LastWords {
    /// The last lines of both its streams.
    pub(crate) lines: Vec<LastLine>,
    /// What executed it.
    pub(crate) runner: Runner,
}

impl LastWords {
    /// The last lines of a run that executed this.
    pub(crate) fn of(lines: Vec<LastLine>, entry: &Entry) -> Self {
        let runner = match entry {
            Entry::Command { argv, .. } => Runner::of(argv),
            _ => Runner::Other,
        };
        Self { lines, runner }
    }

    /// The last lines of one stream, for an error's stack.
    fn from(&self, stream: LogStream) -> Option<String> {
        let lines = self.lines.iter().filter(|l| l.stream == stream);
        let lines: Vec<&str> = lines.map(|l| l.text.as_str()).collect();
        (!lines.is_empty()).then(|| clip(lines.join("\n"), MAX_STACK))
    }
}

/// Characters of the telling line that stand in the error's message.
const TOLD: usize = 300;

fn cut(text: &str) -> String {
    text.chars().take(TOLD).collect()
}

/// The exit code, what it means where that is known, and the line that says what went wrong; and the last lines of
/// the stream on which that stands.
fn exited(code: i32, last: &LastWords) -> (ErrorInfo, Option<String>) {
    let shows_usage = last
        .lines
        .iter()
        .any(|l| plain(&l.text).to_lowercase().starts_with("usage:"));
    let meaning = meaning(last.runner, code, shows_usage);
    let told = match last.runner {
        Runner::Robot => robot_failure(&last.lines).or_else(|| telling(&last.lines)),
        _ => telling(&last.lines),
    };
    let mut message = format!("it exited with code {code}");
    if let Some(meaning) = &meaning {
        message.push_str(&format!(" ({})", meaning.words));
    }
    if let Some((_, text)) = &told {
        message.push_str(&format!(": {}", cut(text)));
    }
    let kind = match meaning {
        Some(meaning) if meaning.usage => ErrorKind::Usage,
        _ => ErrorKind::Failed,
    };
    let stack = last.from(told.map_or(LogStream::Stderr, |(stream, _)| stream));
    (ErrorInfo::new(kind, message), stack)
}

/// What the log says of an attempt that was ended from outside: why, and with what its process answered.
pub(crate) fn ended_line(why: &str, seen: &Watched) -> String {
    match (seen.code, seen.signal) {
        (Some(code), _) => format!("{why}; its process ended with exit code {code}"),
        (None, Some(signal)) => {
            let name = signal_name(signal).unwrap_or("unknown");
            format!("{why}; its process was ended by signal {signal} ({name})")
        }
        (None, None) => why.to_owned(),
    }
}

/// The state and the error of an attempt that was ended from outside.
pub(crate) fn ended(why: &EndWhy) -> (State, Option<ErrorInfo>) {
    let (state, kind, message) = match why {
        EndWhy::Cancelled(reason) => (State::Cancelled, ErrorKind::Cancelled, reason.as_str()),
        EndWhy::Superseded => (
            State::Crashed,
            ErrorKind::Lost,
            "the robot's claim on this attempt was no longer valid; it was ended",
        ),
        EndWhy::LeaseLapsed => (
            State::Crashed,
            ErrorKind::Lost,
            "the robot had not heard the server for as long as the run may go on so (lost_after); the attempt was ended",
        ),
        EndWhy::AgentStopping => (
            State::Crashed,
            ErrorKind::Lost,
            "the agent was stopped while the run was on it",
        ),
    };
    (state, Some(ErrorInfo::new(kind, message)))
}

fn signalled(signal: i32) -> String {
    let name = signal_name(signal).unwrap_or("unknown");
    let hint = if name == "SIGKILL" {
        "; somebody killed it, or the machine ran out of memory"
    } else {
        ""
    };
    format!("it was ended by signal {signal} ({name}){hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(code: Option<i32>, signal: Option<i32>, cause: Option<Cause>) -> Watched {
        Watched {
            code,
            signal,
            cause,
            ..Watched::default()
        }
    }

    fn last(stderr: &str) -> LastWords {
        let line = |text: &str| LastLine {
            stream: LogStream::Stderr,
            text: text.to_owned(),
            before_end: std::time::Duration::ZERO,
        };
        LastWords {
            lines: stderr.lines().map(line).collect(),
            runner: Runner::Other,
        }
    }

    #[test]
    fn a_run_that_had_done_its_work_when_its_guard_was_lost_is_completed() {
        let ended = |code| {
            let seen = Watched {
                lost: Some(super::super::watch::Lost::Half),
                ..exited(code, None, None)
            };
            outcome(&seen, None, &last(""), None).0
        };
        assert_eq!(ended(Some(0)), State::Completed);
        assert_eq!(ended(None), State::Crashed);
        assert_eq!(ended(Some(1)), State::Crashed);
    }

    #[test]
    fn a_wrong_command_line_is_a_usage_error_which_no_policy_tries_again() {
        let wrong = LastWords {
            runner: Runner::Robot,
            ..last("[ ERROR ] option --nosuch not recognized\n\nTry --help for usage information.")
        };
        let (error, _) = super::exited(252, &wrong);
        assert_eq!(
            error.message,
            "it exited with code 252 (bad usage, or no task to run): \
             [ ERROR ] option --nosuch not recognized"
        );
        assert_eq!(error.kind, ErrorKind::Usage);
        assert!(!baton_core::retry::RetryPolicy::times(3).grants(0, error.kind));
        let (error, _) = super::exited(2, &last("usage: x [-h]\nx: error: no such option: --y"));
        assert_eq!(error.kind, ErrorKind::Usage);
        let (error, _) = super::exited(2, &last("ValueError: no date"));
        assert_eq!(error.kind, ErrorKind::Failed);
    }

    #[test]
    fn the_last_thing_that_was_said_stands_in_the_message_and_no_more() {
        let said = |tail: &str| super::exited(1, &last(tail)).0.message;
        let traceback = "Traceback (most recent call last):\n  raise\nValueError: no date\n \n";
        assert_eq!(
            said(traceback),
            "it exited with code 1: ValueError: no date"
        );
        assert_eq!(said(" \n"), "it exited with code 1");
        assert_eq!(said(""), "it exited with code 1");
        let long = "é".repeat(2_000);
        assert_eq!(said(&long).matches('é').count(), TOLD);
    }

    #[test]
    fn exits_become_states() {
        let said = || Some(ErrorInfo::new(ErrorKind::Business, "no date"));
        let cancelled = Some(Cause::Ended(EndWhy::Cancelled("by ada".into())));
        for (seen, said, state, kind) in [
            (exited(Some(0), None, None), None, State::Completed, None),
            (exited(Some(0), None, None), said(), State::Completed, None),
            (
                exited(Some(3), None, None),
                None,
                State::Failed,
                Some(ErrorKind::Failed),
            ),
            (
                exited(Some(3), None, None),
                said(),
                State::Failed,
                Some(ErrorKind::Business),
            ),
            (
                exited(None, Some(11), None),
                None,
                State::Failed,
                Some(ErrorKind::Failed),
            ),
            (
                exited(None, Some(15), cancelled),
                None,
                State::Cancelled,
                Some(ErrorKind::Cancelled),
            ),
            (
                exited(None, Some(9), Some(Cause::TimedOut)),
                None,
                State::TimedOut,
                Some(ErrorKind::TimedOut),
            ),
        ] {
            let (got, error) = outcome(&seen, said, &last(""), Some(1));
            assert_eq!((got, error.map(|e| e.kind)), (state, kind), "{seen:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_signal_is_named() {
        let (_, error) = outcome(&exited(None, Some(11), None), None, &last("trace"), None);
        let error = error.expect("failed");
        assert!(error.message.contains("SIGSEGV"), "{}", error.message);
        assert_eq!(error.stack.as_deref(), Some("trace"));
    }
}
