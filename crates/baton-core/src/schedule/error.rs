//! Why the settings of a schedule were refused.

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
    pub(super) fn new(code: &'static str, field: &'static str, message: String) -> Self {
        Self {
            code,
            field,
            message,
        }
    }
}
