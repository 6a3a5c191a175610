//! The opaque id by which an event stream is resumed.

use std::fmt;
use std::str::FromStr;

use super::FeedError;

/// A position in the history of runs and in that of everything else. Opaque to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub(super) run_events: i64,
    pub(super) events: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e1-{:x}-{:x}", self.run_events, self.events)
    }
}

impl FromStr for Cursor {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        let position = |digits: &str| i64::from_str_radix(digits, 16).ok().filter(|n| *n >= 0);
        text.strip_prefix("e1-")
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(runs, events)| {
                Some(Self {
                    run_events: position(runs)?,
                    events: position(events)?,
                })
            })
            .ok_or_else(|| FeedError::Cursor {
                code: "bad_cursor",
                message: format!(
                    "{text:?} is not the id of an event of this stream; start without one"
                ),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_own_text_and_nothing_else_is_one() {
        let cursor = Cursor {
            run_events: 4_711,
            events: 12,
        };
        assert_eq!(cursor.to_string().parse::<Cursor>().expect("own"), cursor);
        for bad in ["", "12", "e1-", "e1-1", "e1--1-2", "e1-x-1", "e2-1-1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad:?}");
        }
    }
}
