//! What commands print: tables for people, JSON for programs, colour where it means something.

pub(crate) mod state;
pub(crate) mod table;

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::OnceLock;

use baton_api::rest::Unheard;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::{settings, units};

/// Writes a line to standard output. Whoever closed it, such as `head`, has seen enough.
pub(crate) fn line(text: &str) {
    if reaches_a_terminal(&std::io::stdout()) {
        text_out(&format!("{}\n", for_terminal(text)));
    } else {
        text_out(&format!("{text}\n"));
    }
}

/// Whether escape sequences would be obeyed by whoever reads this stream.
fn reaches_a_terminal(stream: &impl anstream::stream::RawStream) -> bool {
    stream.is_terminal() || anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}

/// A text that may have come from a log or an error: of what a terminal obeys, only colours are left.
fn for_terminal(text: &str) -> Cow<'_, str> {
    // Lines that were written on Windows end so; it moves nothing there.
    let text = text.strip_suffix('\r').unwrap_or(text);
    let text = baton_core::text::shown_coloured(text);
    // A colour that a script begins ends with its line.
    if text.contains("\u{1b}[") && !text.ends_with(RESET) {
        return Cow::Owned(format!("{text}{RESET}"));
    }
    text
}

/// What makes a terminal forget colours.
const RESET: &str = "\u{1b}[0m";

/// Writes text as it is to standard output.
pub(crate) fn text_out(text: &str) {
    let mut out = anstream::stdout().lock();
    if out
        .write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        std::process::exit(i32::from(crate::exit::Exit::Ok.code()));
    }
}

/// Writes a remark for people to standard error, beside output that programs may read.
pub(crate) fn note(text: &str) {
    let text = if reaches_a_terminal(&std::io::stderr()) {
        for_terminal(text)
    } else {
        Cow::Borrowed(text)
    };
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Writes a warning to standard error.
pub(crate) fn warn(text: &str) {
    note(&format!("{} {text}", "warning:".yellow().bold()));
}

/// Writes a value as JSON, indented, to standard output.
pub(crate) fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("what the API returns is plain JSON");
    text_out(&format!("{text}\n"));
}

/// Says that something is gone, or would be: `deleted`, `revoked`, and what it is called.
pub(crate) fn gone(as_json: bool, done: &str, what: &str, really: bool) {
    if as_json {
        json(&serde_json::json!({ "what": what, "action": done, "done": really }));
    } else if really {
        note(&format!("{done}: {what}"));
    } else {
        line(&format!("would be {done}: {what}"));
    }
}

/// Whether standard output is a terminal that a person looks at.
pub(crate) fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout())
}

/// Whether standard output takes colours: `NO_COLOR`, `CLICOLOR_FORCE` and terminals are respected.
pub(crate) fn takes_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// A time for people: how long ago or ahead.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs_f64();
    if seconds.abs() < 1.0 {
        "now".to_owned()
    } else if seconds > 0.0 {
        format!("{} ago", units::span(seconds.round()))
    } else {
        format!("in {}", units::span((-seconds).round()))
    }
}

/// What is said of an attempt whose robot is not heard.
pub(crate) fn unheard(unheard: &Unheard, now: Timestamp) -> String {
    format!(
        "its robot was heard last {}; it may be running, and is believed lost {}",
        ago(unheard.since, now),
        ago(unheard.until, now)
    )
}

/// A time for people: on the clock of this machine, with its zone.
pub(crate) fn clock(at: Timestamp) -> String {
    at.to_zoned(here())
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// This machine's zone; looked up once, since every line of a log asks for it.
fn here() -> TimeZone {
    static HERE: OnceLock<TimeZone> = OnceLock::new();
    HERE.get_or_init(settings::zones::here).clone()
}

/// The time of day, to the millisecond, for log lines.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    at.to_zoned(here()).strftime("%H:%M:%S%.3f").to_string()
}

/// Something that may be absent.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| v.to_string())
}

/// Words in a row, or a dash.
pub(crate) fn words<'a>(all: impl IntoIterator<Item = &'a String>) -> String {
    let text = all
        .into_iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if text.is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

/// The spelling that the API gives to a word such as a state or a priority.
pub(crate) fn spelt(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// `name: value` lines, the values aligned.
pub(crate) fn facts(facts: &[(&str, String)]) {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in facts {
        line(&format!("{:width$}  {value}", name.dimmed()));
    }
}

/// A heading between parts.
pub(crate) fn heading(text: &str) {
    line(&format!("\n{}", text.bold()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_that_a_script_begins_ends_with_its_line() {
        assert_eq!(for_terminal("plain"), "plain");
        assert_eq!(for_terminal("\u{1b}[31mred"), "\u{1b}[31mred\u{1b}[0m");
        assert_eq!(
            for_terminal("\u{1b}[31mred\u{1b}[0m\r"),
            "\u{1b}[31mred\u{1b}[0m"
        );
        assert_eq!(
            for_terminal("\u{1b}[1;44mb\u{1b}[39m"),
            "\u{1b}[1;44mb\u{1b}[39m\u{1b}[0m"
        );
    }

    #[test]
    fn times_are_told_from_now() {
        let now = Timestamp::from_second(1_000_000).expect("a time");
        let at = |s: i64| Timestamp::from_second(1_000_000 + s).expect("a time");
        assert_eq!(ago(at(0), now), "now");
        assert_eq!(ago(at(-125), now), "2 min 5 s ago");
        assert_eq!(ago(at(3_600), now), "in 1 h");
    }
}
