//! What an attempt's end means: from exit code, signal and cause to state and error, as a pure function.

use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::state::State;

use super::watch::{Cause, Watched};
use crate::session::EndWhy;

/// The state and the error of an attempt whose tree ended like this.
///
/// `said` is the error that the script reported itself, `tail` the last lines of its standard error.
pub(crate) fn outcome(
    seen: &Watched,
    said: Option<ErrorInfo>,
    tail: Option<String>,
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
            let message = format!("it ran longer than the {limit} s it may take");
            return (
                State::TimedOut,
                Some(ErrorInfo::new(ErrorKind::TimedOut, message)),
            );
        }
        None => {}
    }
    if seen.guard_lost {
        let message = "the guard of this run was killed; what it guarded was killed after it";
        return (
            State::Crashed,
            Some(ErrorInfo::new(ErrorKind::Lost, message)),
        );
    }
    match (seen.code, seen.signal) {
        (Some(0), _) => (State::Completed, None),
        (Some(code), _) => {
            let mut error = said.unwrap_or_else(|| {
                ErrorInfo::new(ErrorKind::Failed, exited(code, tail.as_deref()))
            });
            error.stack = error.stack.or(tail);
            (State::Failed, Some(error.bounded()))
        }
        (None, signal) => {
            let mut error = ErrorInfo::new(ErrorKind::Failed, signalled(signal.unwrap_or(0)));
            error.stack = tail;
            (State::Failed, Some(error.bounded()))
        }
    }
}

/// Characters of the last line of standard error that stand in the error's message.
const LAST_WORDS: usize = 300;

/// The exit code, and the last thing that was said: of most programs and of every traceback it is the reason.
fn exited(code: i32, tail: Option<&str>) -> String {
    let last = tail.and_then(|tail| tail.lines().rev().map(str::trim).find(|l| !l.is_empty()));
    let words: String = last.unwrap_or_default().chars().take(LAST_WORDS).collect();
    if words.is_empty() {
        format!("it exited with code {code}")
    } else {
        format!("it exited with code {code}: {words}")
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
            "the robot had not heard the server for a whole lease; the attempt was ended",
        ),
        EndWhy::AgentStopping => (
            State::Crashed,
            ErrorKind::Lost,
            "the agent was stopped while the run was on it",
        ),
    };
    (state, Some(ErrorInfo::new(kind, message)))
}

#[cfg(target_os = "linux")]
fn signal_name(signal: i32) -> Option<&'static str> {
    nix::sys::signal::Signal::try_from(signal)
        .ok()
        .map(nix::sys::signal::Signal::as_str)
}

#[cfg(not(target_os = "linux"))]
fn signal_name(_: i32) -> Option<&'static str> {
    None
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

    #[test]
    fn the_last_thing_that_was_said_stands_in_the_message_and_no_more() {
        let said = |tail| super::exited(1, Some(tail));
        let traceback = "Traceback (most recent call last):\n  raise\nValueError: no date\n \n";
        assert_eq!(
            said(traceback),
            "it exited with code 1: ValueError: no date"
        );
        assert_eq!(said(" \n"), "it exited with code 1");
        assert_eq!(super::exited(1, None), "it exited with code 1");
        let long = "é".repeat(2_000);
        assert_eq!(said(&long).matches('é').count(), LAST_WORDS);
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
            let (got, error) = outcome(&seen, said, None, Some(1));
            assert_eq!((got, error.map(|e| e.kind)), (state, kind), "{seen:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_signal_is_named() {
        let (_, error) = outcome(
            &exited(None, Some(11), None),
            None,
            Some("trace".into()),
            None,
        );
        let error = error.expect("failed");
        assert!(error.message.contains("SIGSEGV"), "{}", error.message);
        assert_eq!(error.stack.as_deref(), Some("trace"));
    }
}
