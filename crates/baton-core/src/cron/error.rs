//! Why a cron expression was refused, in words that help to mend it.

use std::fmt;

/// A field of a cron expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CronField {
    /// 0 to 59; only in expressions of six fields.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    Day,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// 0 to 7 (0 and 7 are Sunday), or SUN to SAT.
    Weekday,
}

impl CronField {
    /// The six fields in the order in which they are written.
    pub(super) const ALL: [Self; 6] = [
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Month,
        Self::Weekday,
    ];

    /// Smallest and largest number that may be written.
    pub(super) const fn range(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 7),
        }
    }

    /// The names that may be written instead of numbers, the first standing for the smallest.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &[
                "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
            ],
            Self::Weekday => &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
            _ => &[],
        }
    }

    /// What may be written, for error messages.
    pub(super) const fn allowed(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::Day => "1 to 31, L, L-3, LW or 15W",
            Self::Month => "1 to 12 or JAN to DEC",
            Self::Weekday => "0 to 7 (0 and 7 are Sunday), SUN to SAT, 5L or 1#2",
        }
    }
}

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of month",
            Self::Month => "month",
            Self::Weekday => "weekday",
        })
    }
}

/// What is wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CronErrorKind {
    /// It could not be understood.
    Syntax,
    /// It was understood, but no date fits it.
    NeverFires,
}

/// Why a cron expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// What is wrong with it.
    pub kind: CronErrorKind,
    /// The field in which the mistake is, where it is in one.
    pub field: Option<CronField>,
    /// Where the mistake begins: the first character of the expression is 1.
    pub position: usize,
    /// The part of the expression that is wrong.
    pub found: String,
    /// One sentence that says where, what was found, what is allowed and what to do.
    pub message: String,
}

impl CronError {
    /// A mistake in one field: `hour: "25" at character 3 is out of range; allowed: 0 to 23`.
    pub(super) fn in_field(field: CronField, position: usize, found: &str, problem: &str) -> Self {
        let shown = if found.is_empty() {
            format!("{field}: nothing")
        } else {
            format!("{field}: \"{found}\"")
        };
        Self {
            kind: CronErrorKind::Syntax,
            field: Some(field),
            position,
            found: found.to_owned(),
            message: format!("{shown} at character {position} {problem}"),
        }
    }

    /// A mistake in the expression as a whole.
    pub(super) fn whole(kind: CronErrorKind, found: &str, message: String) -> Self {
        Self {
            kind,
            field: None,
            position: 1,
            found: found.to_owned(),
            message,
        }
    }
}
