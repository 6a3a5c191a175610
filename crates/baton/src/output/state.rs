//! How states look: a colour, an icon beside it, and the word.

use baton_core::robot::RobotStatus;
use baton_core::state::State;
use comfy_table::{Attribute, Cell, Color};
use owo_colors::{OwoColorize as _, XtermColors};

/// How something with a state is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Tells the state without colour.
    icon: &'static str,
    /// Colour among the 256 of terminals.
    colour: u8,
    /// The word.
    word: &'static str,
    /// Whether the word is struck.
    struck: bool,
}

impl Look {
    const fn new(icon: &'static str, colour: u8, word: &'static str) -> Self {
        Self {
            icon,
            colour,
            word,
            struck: false,
        }
    }

    /// How a run in this state is shown.
    pub(crate) const fn of(state: State, late: bool) -> Self {
        if late {
            return Self::new("!", 214, "late");
        }
        match state {
            State::Pending => Self::new("○", 67, "pending"),
            State::Queued => Self::new("◌", 103, "queued"),
            State::Dispatched => Self::new("→", 37, "dispatched"),
            State::Running => Self::new("▸", 33, "running"),
            State::Paused => Self::new("‖", 141, "paused"),
            State::Completed => Self::new("✓", 35, "completed"),
            State::Failed => Self::new("✗", 167, "failed"),
            State::TimedOut => Self::new("◷", 166, "timed out"),
            State::Crashed => Self::new("↯", 208, "crashed"),
            State::Cancelling => Self {
                struck: true,
                ..Self::new("⊘", 245, "cancelling")
            },
            State::Cancelled => Self {
                struck: true,
                ..Self::new("⊘", 245, "cancelled")
            },
        }
    }

    /// How a robot's status light is shown.
    pub(crate) const fn of_robot(status: RobotStatus) -> Self {
        match status {
            RobotStatus::Online => Self::new("●", 35, "online"),
            RobotStatus::Busy => Self::new("▸", 33, "busy"),
            RobotStatus::Draining => Self::new("‖", 141, "draining"),
            RobotStatus::Offline => Self::new("○", 245, "offline"),
        }
    }

    /// How a robot is shown that takes nothing new and holds nothing.
    pub(crate) const fn drained() -> Self {
        Self::new("‖", 141, "drained")
    }

    /// How something that can be paused is shown.
    pub(crate) const fn of_pause(paused: bool) -> Self {
        if paused {
            Self::new("‖", 141, "paused")
        } else {
            Self::new("●", 35, "on")
        }
    }

    /// How a schedule is shown that has fired for the last time.
    pub(crate) const fn over() -> Self {
        Self::new("✓", 245, "over")
    }

    /// For running text.
    pub(crate) fn painted(self) -> String {
        let word = if self.struck {
            self.word.strikethrough().to_string()
        } else {
            self.word.to_owned()
        };
        format!("{} {word}", self.icon)
            .color(XtermColors::from(self.colour))
            .to_string()
    }

    /// For a table.
    pub(crate) fn cell(self) -> Cell {
        let cell =
            Cell::new(format!("{} {}", self.icon, self.word)).fg(Color::AnsiValue(self.colour));
        if self.struck {
            cell.add_attribute(Attribute::CrossedOut)
        } else {
            cell
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_told_without_colour() {
        let mut shown: Vec<String> = State::ALL
            .iter()
            .map(|state| {
                let look = Look::of(*state, false);
                format!("{} {}", look.icon, look.word)
            })
            .collect();
        shown.sort();
        shown.dedup();
        assert_eq!(shown.len(), State::ALL.len());
    }

    #[test]
    fn late_beats_the_state() {
        assert_eq!(Look::of(State::Queued, true).word, "late");
    }
}
