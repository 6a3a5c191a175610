//! The exit codes of every command, written down once: code, help text and tests read this table.

use baton_core::state::State;

/// How a command ended, as the calling script sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It went well; a watched run completed.
    Ok = 0,
    /// It failed; a watched run failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Something that was named does not exist.
    NotFound = 3,
    /// The server or the machine refused: a conflict, a bad value, a port in use.
    Refused = 4,
    /// No server answered.
    Unreachable = 5,
    /// The key is missing, wrong, or not allowed to do this.
    NotAllowed = 6,
    /// A watched run timed out, or waiting took too long.
    TimedOut = 7,
    /// A watched run was cancelled.
    Cancelled = 8,
    /// A watched run crashed: infrastructure lost it.
    Crashed = 9,
    /// A server ended by itself: its disk failed to keep what was written.
    DiskFailed = 10,
    /// The command was interrupted (Ctrl-C), as shells count it.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in order.
    pub(crate) const ALL: [Self; 12] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::Refused,
        Self::Unreachable,
        Self::NotAllowed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Crashed,
        Self::DiskFailed,
        Self::Interrupted,
    ];

    /// The number the process ends with.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for people.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "it went well; a watched run completed",
            Self::Failed => "it failed; a watched run failed",
            Self::Usage => "the command line is wrong",
            Self::NotFound => "something that was named does not exist",
            Self::Refused => {
                "refused: a conflict, a wrong value, a port or folder in use, a full disk"
            }
            Self::Unreachable => "no server answered",
            Self::NotAllowed => "the key is missing, wrong, or may not do this",
            Self::TimedOut => "a watched run timed out, or waiting took too long",
            Self::Cancelled => "a watched run was cancelled",
            Self::Crashed => "a watched run crashed: its robot or process was lost",
            Self::DiskFailed => {
                "a server ended by itself: its disk failed to keep what was written; start it again"
            }
            Self::Interrupted => "interrupted with Ctrl-C; a watched run goes on",
        }
    }

    /// How a command that watched a run to this state ends.
    pub(crate) const fn of_state(state: State) -> Self {
        match state {
            State::Failed => Self::Failed,
            State::TimedOut => Self::TimedOut,
            State::Cancelled => Self::Cancelled,
            State::Crashed => Self::Crashed,
            _ => Self::Ok,
        }
    }

    /// How a command that got this HTTP status ends.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::NotAllowed,
            404 | 410 => Self::NotFound,
            // 507: the server's disk is full, which the server itself calls a refusal.
            400..=499 | 507 => Self::Refused,
            502..=504 => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

/// The table for programs: each code with its meaning.
pub(crate) fn meanings() -> Vec<serde_json::Value> {
    Exit::ALL
        .iter()
        .map(|exit| serde_json::json!({ "code": exit.code(), "meaning": exit.meaning() }))
        .collect()
}

/// The table, as `baton exit-codes` prints it.
pub(crate) fn table() -> String {
    let mut text = String::from("Exit codes of every baton command:\n\n");
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    }
    text.push_str("\n`runrpa -o 0` and `-o 1` pass the script's own exit code through.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_number_of_its_own() {
        let mut codes: Vec<u8> = Exit::ALL.iter().map(|e| e.code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), Exit::ALL.len());
    }

    #[test]
    fn the_end_of_a_watched_run_decides_the_exit_code() {
        assert_eq!(Exit::of_state(State::Completed), Exit::Ok);
        assert_eq!(Exit::of_state(State::Failed), Exit::Failed);
        assert_eq!(Exit::of_state(State::TimedOut), Exit::TimedOut);
        assert_eq!(Exit::of_state(State::Cancelled), Exit::Cancelled);
        assert_eq!(Exit::of_state(State::Crashed), Exit::Crashed);
    }

    #[test]
    fn a_refusal_of_the_server_tells_its_kind_by_the_exit_code() {
        assert_eq!(Exit::of_status(401), Exit::NotAllowed);
        assert_eq!(Exit::of_status(404), Exit::NotFound);
        assert_eq!(Exit::of_status(409), Exit::Refused);
        assert_eq!(Exit::of_status(422), Exit::Refused);
        assert_eq!(Exit::of_status(507), Exit::Refused);
        assert_eq!(Exit::of_status(503), Exit::Unreachable);
        assert_eq!(Exit::of_status(500), Exit::Failed);
    }
}
