//! The closed list of reasons why an attempt ends badly.

use serde::{Deserialize, Serialize};

/// What kind of thing went wrong. The list is closed: retry policies, filters and docs name its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The flow said so: it exited with a code other than 0, or raised.
    Failed,
    /// The flow reported a business error: the input is wrong, and trying again will not help.
    Business,
    /// The command itself is wrong: an option, argument or file that its program does not know. Another attempt
    /// would end the same.
    Usage,
    /// The run's deadline passed.
    TimedOut,
    /// The robot or its machine was lost while the run was on it.
    Lost,
    /// The robot could not start the process: no such program, no permission, no interpreter.
    Spawn,
    /// The package could not be fetched or unpacked, or its checksum was wrong.
    Package,
    /// The environment for the flow could not be built.
    Environment,
    /// The robot ran out of something: disk, memory, processes.
    Resource,
    /// What the run waited for failed, or the run was refused before it could start.
    Refused,
    /// The deadline for starting passed while the run waited.
    NotStarted,
    /// The run was paused for longer than it may be.
    PauseExpired,
    /// A person or a policy cancelled it.
    Cancelled,
    /// Baton itself failed; the message says how.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::Failed,
        Self::Business,
        Self::Usage,
        Self::TimedOut,
        Self::Lost,
        Self::Spawn,
        Self::Package,
        Self::Environment,
        Self::Resource,
        Self::Refused,
        Self::NotStarted,
        Self::PauseExpired,
        Self::Cancelled,
        Self::Internal,
    ];

    /// Whether another attempt could end differently. A business error, a wrong command, a refusal and a cancel
    /// could not.
    pub const fn retryable(self) -> bool {
        !matches!(
            self,
            Self::Business
                | Self::Usage
                | Self::Refused
                | Self::NotStarted
                | Self::PauseExpired
                | Self::Cancelled
        )
    }
}

/// Why an attempt or a run ended badly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ErrorInfo {
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// One sentence for a person; at most [`MAX_MESSAGE`] bytes are kept.
    pub message: String,
    /// The task (or node) that failed, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The stack trace or the last lines of standard error, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

/// Longest error message that is kept, in bytes: enough for a sentence, too little for a log.
pub const MAX_MESSAGE: usize = 4_096;
/// Longest stack that is kept, in bytes.
pub const MAX_STACK: usize = 32_768;

impl ErrorInfo {
    /// An error without task or stack; an overlong message is cut visibly.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: clip(message.into(), MAX_MESSAGE),
            task: None,
            stack: None,
        }
    }

    /// The same error with its overlong parts cut visibly.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.message = clip(self.message, MAX_MESSAGE);
        self.task = self.task.map(|t| clip(t, 256));
        self.stack = self.stack.map(|s| clip(s, MAX_STACK));
        self
    }
}

/// `text`, cut at a character boundary so that it has at most `max` bytes, with `…` where it was cut.
pub fn clip(mut text: String, max: usize) -> String {
    if text.len() > max {
        let mut end = max.saturating_sub('…'.len_utf8());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_whole_characters_and_shows_the_cut() {
        assert_eq!(clip("abc".into(), 3), "abc");
        assert_eq!(clip("äöüäöü".into(), 8), "äö…");
    }
}
