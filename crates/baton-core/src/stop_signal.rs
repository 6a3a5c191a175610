//! The signal with which a run is asked to end: a closed list, and what each is for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The signal that asks a run's processes to end, before its grace; what is left after the grace is killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StopSignal {
    /// SIGTERM, which most programs take as the request to end.
    #[default]
    #[serde(alias = "SIGTERM")]
    Term,
    /// SIGINT, as Ctrl-C sends it: Python raises KeyboardInterrupt, so that `finally` runs.
    #[serde(alias = "SIGINT")]
    Int,
    /// SIGHUP, as a closed terminal sends it.
    #[serde(alias = "SIGHUP")]
    Hup,
    /// SIGQUIT, with which some servers end gracefully. Java answers it with a list of its threads and goes on.
    #[serde(alias = "SIGQUIT")]
    Quit,
    /// SIGUSR1, for a program that gives it this meaning.
    #[serde(alias = "SIGUSR1")]
    Usr1,
    /// SIGUSR2, for a program that gives it this meaning.
    #[serde(alias = "SIGUSR2")]
    Usr2,
}

impl StopSignal {
    /// Every member, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Term,
        Self::Int,
        Self::Hup,
        Self::Quit,
        Self::Usr1,
        Self::Usr2,
    ];

    /// Its word, as settings and documents spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Term => "term",
            Self::Int => "int",
            Self::Hup => "hup",
            Self::Quit => "quit",
            Self::Usr1 => "usr1",
            Self::Usr2 => "usr2",
        }
    }

    /// Whether this is what is sent where nobody chose: for `skip_serializing_if`.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The signal that a person means by `int`, `INT` or `SIGINT`.
    pub fn from_word(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let word = lower.strip_prefix("sig").unwrap_or(&lower);
        Self::ALL.into_iter().find(|signal| signal.word() == word)
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{}", self.word().to_ascii_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_meant_by_its_word_in_any_of_its_spellings() {
        for signal in StopSignal::ALL {
            let stored = serde_json::to_value(signal).expect("a word");
            assert_eq!(stored, signal.word());
            for text in [signal.word().to_owned(), signal.to_string()] {
                assert_eq!(StopSignal::from_word(&text), Some(signal), "{text}");
                let read: StopSignal = serde_json::from_value(text.into()).expect("known");
                assert_eq!(read, signal);
            }
        }
        assert_eq!(StopSignal::from_word(" Int "), Some(StopSignal::Int));
        for unknown in ["kill", "SIGSTOP", "", "sig", "2"] {
            assert_eq!(StopSignal::from_word(unknown), None, "{unknown}");
        }
    }
}
