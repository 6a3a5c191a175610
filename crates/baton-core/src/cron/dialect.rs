//! Refuses expressions that prove to be of another dialect (Quartz, AWS, Go, Prefect, Jenkins, systemd, calendars), with the way to say it here.
//!
//! A `?` is known to Quartz and AWS alone, and only in the two day fields. Both count weekdays from
//! 1 = Sunday, where cron counts from 0 = Sunday, so a number from 1 to 7 beside a `?` names another day
//! there; names such as MON mean the same everywhere. `6L` and `6#3` in six fields are how Quartz writes
//! them, too. A 0 is no weekday of theirs and so proves cron. Without such a proof an expression is
//! taken as cron, with seconds first where there are six fields.

use super::MAX_EXPRESSION;
use super::error::{CronError, CronErrorKind};

/// Weekdays as Quartz and AWS count them, from 1.
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Whether the text may be read as cron.
pub(super) fn check(text: &str) -> Result<(), CronError> {
    if text.len() > MAX_EXPRESSION {
        return Ok(()); // The parser refuses it.
    }
    let refuse = |message: String| {
        Err(CronError::whole(
            CronErrorKind::Syntax,
            text.trim(),
            message,
        ))
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(first) = words.first() else {
        return Ok(());
    };
    if let Some(message) = foreign_word(first, &words[1..]) {
        return refuse(message);
    }
    if first.starts_with('@') {
        return Ok(());
    }
    if let Some(message) = other_scheduler(&words) {
        return refuse(message);
    }
    if let Some(message) = year(&words) {
        return refuse(message);
    }
    // Day of month, month and weekday stand last, with or without seconds.
    let [.., day, _, weekday] = words[..] else {
        return Ok(());
    };
    if !matches!(words.len(), 5 | 6) {
        return Ok(());
    }
    let asks = |word: &&str| word.contains('?');
    let others = words.len() - 3..words.len();
    let elsewhere = words
        .iter()
        .enumerate()
        .any(|(index, word)| asks(word) && (!others.contains(&index) || index == others.start + 1));
    if elsewhere {
        return refuse(shifted(&words));
    }
    let question = asks(&day) || asks(&weekday);
    let counted = words.len() == 6 && weekday.contains(['L', 'l', '#']);
    if (question || counted)
        && let Some(names) = as_quartz(weekday)
    {
        let proof = if question {
            "a \"?\" is written"
        } else {
            "L and # are written with seconds"
        };
        return refuse(format!(
            "weekday: \"{weekday}\" has two meanings here: {proof} in Quartz and AWS, which count \
             1 as Sunday, so that it is {names} there; in cron 1 is Monday. Write the days by name: \
             {names}, or {}",
            by_name(weekday, as_cron)
        ));
    }
    Ok(())
}

/// What begins as no cron expression does: a zone, an interval, the wrapping of AWS.
fn foreign_word(first: &str, rest: &[&str]) -> Option<String> {
    let rest = rest.join(" ");
    if let Some((name, zone)) = first.split_once('=')
        && matches!(name, "CRON_TZ" | "TZ")
    {
        return Some(format!(
            "\"{first}\" names a time zone, which is a setting of its own here: use --timezone {zone} \
             (`timezone` in the API) with the expression \"{rest}\""
        ));
    }
    if first.eq_ignore_ascii_case("@every") {
        let every = if rest.is_empty() { "5m" } else { &rest };
        return Some(format!(
            "\"@every\" is no cron expression but an interval: use --every {every} (frequency \
             `interval` in the API)"
        ));
    }
    if let Some(inner) = first.strip_prefix("rate(") {
        let all = format!("{inner} {rest}");
        let mut words = all.trim_end_matches(')').split_whitespace();
        let (count, unit) = (words.next().unwrap_or("5"), words.next().unwrap_or("m"));
        let unit = unit.get(..1).unwrap_or("m");
        return Some(format!(
            "rate(…) of AWS is an interval: use --every {count}{unit} (frequency `interval` in the API)"
        ));
    }
    if first.starts_with("cron(") {
        return Some(
            "leave out \"cron(\" and \")\" of AWS, and its last field, the year: it has minute, hour, \
             day of month, month, weekday, as in \"0 10 * * MON-FRI\""
                .to_owned(),
        );
    }
    None
}

/// What other schedulers than cron write where an expression is expected.
fn other_scheduler(words: &[&str]) -> Option<String> {
    let first = *words.first()?;
    let is_hash = |word: &&&str| **word == "H" || word.starts_with("H/") || word.starts_with("H(");
    if let Some(hash) = words.iter().find(is_hash) {
        return Some(format!(
            "\"{hash}\" is how Jenkins writes a value that it chooses for each job: choose one yourself, such as 17, or 7/15 \
             for every 15 from 7 on"
        ));
    }
    if let Some(random) = words.iter().find(|word| word.contains('~')) {
        return Some(format!(
            "\"{random}\" is a value that cronie draws by lot within the range: choose one yourself, such as 17"
        ));
    }
    if words
        .iter()
        .any(|word| word.contains("..") || word.contains("*-*") || word.contains(':'))
    {
        return Some(
            "this is a calendar time as systemd writes it: use --daily 09:00, --weekly mon-fri@09:00 or --monthly 1@09:00 \
             (frequencies `daily`, `weekly`, `monthly` in the API)"
                .to_owned(),
        );
    }
    let upper = first.to_ascii_uppercase();
    if upper.starts_with("FREQ=") || upper.starts_with("RRULE:") || upper.starts_with("DTSTART") {
        return Some(
            "this is a recurrence rule of calendars (RFC 5545): use --daily, --weekly or --monthly (frequencies `daily`, \
             `weekly`, `monthly` in the API), or cron fields"
                .to_owned(),
        );
    }
    let is_duration = upper.len() > 2
        && upper.starts_with('P')
        && upper[1..].starts_with(|c: char| c == 'T' || c.is_ascii_digit());
    if is_duration && words.len() == 1 {
        return Some(format!(
            "\"{first}\" is a length of time (ISO 8601) and so an interval: use --every, such as --every 15m (frequency \
             `interval` in the API)"
        ));
    }
    if words.len() == 1 && super::alias::expansion(&format!("@{first}")).is_some() {
        return Some(format!("write \"@{}\"", first.to_ascii_lowercase()));
    }
    None
}

/// A year after the weekday, as Quartz and AWS have it.
fn year(words: &[&str]) -> Option<String> {
    let last = *words.last()?;
    let is_year = |text: &str| {
        text.len() == 4 && matches!(text.parse::<u16>(), Ok(year) if (1970..=2199).contains(&year))
    };
    let named = last.split([',', '-', '/']).next().is_some_and(is_year);
    if !(named && matches!(words.len(), 6 | 7)) && words.len() != 7 {
        return None;
    }
    let without = words[..words.len() - 1].join(" ");
    let bounds = if named {
        "; the years are told by --starts and --ends (`starts_at`, `ends_at` in the API)"
    } else {
        ""
    };
    Some(format!(
        "the last of the {} fields, \"{last}\", is a year, which cron does not have: write \
         \"{without}\"{bounds}",
        words.len()
    ))
}

/// A `?` outside the day fields: the fields stand elsewhere than they are read.
fn shifted(words: &[&str]) -> String {
    if let [minute, hour, day, month, weekday, _year] = words {
        let asked = |word: &str| if word == "?" { "*" } else { word }.to_owned();
        let weekday = as_quartz(weekday).unwrap_or_else(|| asked(weekday));
        return format!(
            "a \"?\" can only be a day: the fields are those of AWS, where the year is last and there \
             are no seconds. Write \"{minute} {hour} {} {month} {weekday}\"",
            asked(day)
        );
    }
    "a \"?\" can only be the day of month or the weekday; write * for every value, in the order \
     minute, hour, day of month, month, weekday"
        .to_owned()
}

/// The weekdays of a field as Quartz means them, where it has numbers that Quartz and cron read
/// differently.
fn as_quartz(field: &str) -> Option<String> {
    let digits = numbers(field);
    (!digits.is_empty() && !digits.contains(&0)).then(|| by_name(field, |n| (n + 6) % 7))
}

/// A weekday as cron counts it, as its place from Sunday.
const fn as_cron(number: usize) -> usize {
    number % 7
}

/// The numbers in a weekday field that stand for days: not those after `#` or `/`.
fn numbers(field: &str) -> Vec<usize> {
    field
        .split([',', '-'])
        .filter_map(|part| part.split(['#', '/']).next())
        .filter_map(|part| part.trim_end_matches(['L', 'l']).parse().ok())
        .collect()
}

/// A weekday field with its numbers replaced by names.
fn by_name(field: &str, place: impl Fn(usize) -> usize) -> String {
    let named = |part: &str| {
        let end = part.find(['#', '/', 'L', 'l']).unwrap_or(part.len());
        // A number that is no weekday is left for the parser to refuse.
        match part[..end].parse::<usize>() {
            Ok(number @ 0..=7) => format!("{}{}", DAYS[place(number)], &part[end..]),
            _ => part.to_owned(),
        }
    };
    // `2/2` runs to the end of a week, which is another day in each dialect: its days are listed.
    let member = |member: &str| match member.split_once('/') {
        Some((from, step)) if !from.contains('-') => {
            match (from.parse::<usize>(), step.parse::<usize>()) {
                (Ok(from @ 0..=7), Ok(step @ 1..=7)) => (from..=7)
                    .step_by(step)
                    .map(|number| DAYS[place(number)])
                    .collect::<Vec<_>>()
                    .join(","),
                _ => named(member),
            }
        }
        _ => member.split('-').map(named).collect::<Vec<_>>().join("-"),
    };
    field.split(',').map(member).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod tests;
