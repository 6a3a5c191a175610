//! Why the settings of a schedule were refused.

use crate::zone::ZoneError;

/// One mistake in the settings of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ScheduleError {
    /// Stable snake_case code: `unknown_timezone`, `bad_cron`, `bad_time`, `bad_days`, `bad_minute`,
    /// `bad_interval`, `bad_jitter`, `ends_before_start`, `never_fires` or `in_the_past`.
    pub code: &'static str,
    /// Which setting is wrong, as a path: `rule.expression`.
    pub field: &'static str,
    /// One sentence that says what is wrong and what to do.
    pub message: String,
}

impl ScheduleError {
    /// The wrong setting in words, for a sentence about it.
    pub fn setting(&self) -> &'static str {
        match self.field {
            "timezone" => "the time zone",
            "rule.expression" => "the cron expression",
            "rule.time" => "the time of day",
            "rule.days" => "the days",
            "rule.minute" => "the minute",
            "rule.every_seconds" => "the interval",
            "rule.at" => "the time",
            "jitter_seconds" => "the jitter",
            "starts_at" => "the start",
            "ends_at" => "the end",
            _ => "the rule",
        }
    }

    /// The zone cannot be used, and what to write instead.
    pub(super) fn zone(error: &ZoneError) -> Self {
        Self::new("unknown_timezone", "timezone", error.to_string())
    }

    /// The zone is fine by the rules in use and missing in others.
    pub(super) fn missing_zone(name: &str) -> Self {
        let message = format!(
            "\"{name}\" is missing in this time zone data; use other data, or another zone"
        );
        Self::new("unknown_timezone", "timezone", message)
    }

    pub(super) fn new(code: &'static str, field: &'static str, message: String) -> Self {
        Self {
            code,
            field,
            message,
        }
    }
}
