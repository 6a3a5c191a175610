//! Names for common cron expressions.

/// Every alias with the expression it stands for.
pub const ALIASES: [(&str, &str); 18] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
    ("@every_minute", "* * * * *"),
    ("@every_5_minutes", "*/5 * * * *"),
    ("@every_10_minutes", "*/10 * * * *"),
    ("@every_15_minutes", "*/15 * * * *"),
    ("@every_30_minutes", "*/30 * * * *"),
    ("@business_hours", "0 9-17 * * 1-5"),
    ("@weekdays", "0 9 * * 1-5"),
    ("@weekends", "0 9 * * 0,6"),
    ("@end_of_month", "0 0 L * *"),
    ("@first_monday", "0 0 * * 1#1"),
    ("@last_friday", "0 17 * * 5L"),
];

/// The expression that `name` stands for, in any mixture of upper and lower case.
pub(super) fn expansion(name: &str) -> Option<&'static str> {
    ALIASES
        .iter()
        .find(|(alias, _)| alias.eq_ignore_ascii_case(name))
        .map(|&(_, expression)| expression)
}
