//! Which of the last lines of a program says what went wrong, as a pure function over both its streams.
//!
//! Programs end with hints, stack frames and summaries; the reason stands some lines above them, and many write it
//! to standard output. So the last line that looks like an error is shown, and only if there is none the last line
//! of standard error.

use std::time::Duration;

use baton_core::run::LogStream;

/// A line is believed to tell the reason only when it came this shortly before the end: a program that goes on
/// for longer had got over it.
const LAST_MOMENTS: Duration = Duration::from_secs(60);

/// One of the last lines, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastLine {
    /// Where it was written.
    pub(crate) stream: LogStream,
    /// What it says.
    pub(crate) text: String,
    /// How long before the end it came.
    pub(crate) before_end: Duration,
}

/// How sure a line is to tell the reason.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// It has the shape of an error.
    Error,
    /// It only has a word that errors have.
    Maybe,
}

/// The line that tells what went wrong: where it was written, and what it says.
pub(crate) fn telling(lines: &[LastLine]) -> Option<(LogStream, String)> {
    if let Some(found) = error_line(lines) {
        return Some(found);
    }
    let of = |stream, strength: Option<Strength>| {
        let mut texts = lines.iter().filter(|l| l.stream == stream).rev();
        texts
            .find_map(|l| {
                let text = plain(&l.text);
                let fits = strength.is_none() || weigh(&text) == strength;
                (fits && !text.is_empty()).then_some(text)
            })
            .map(|text| (stream, text))
    };
    of(LogStream::Stderr, Some(Strength::Maybe))
        .or_else(|| of(LogStream::Stderr, None))
        .or_else(|| of(LogStream::Stdout, Some(Strength::Maybe)))
}

/// The last line that has the shape of an error, if there is one.
pub(crate) fn error_line(lines: &[LastLine]) -> Option<(LogStream, String)> {
    (0..lines.len()).rev().find_map(|at| {
        let line = &lines[at];
        if line.before_end > LAST_MOMENTS {
            return None;
        }
        let text = plain(&line.text);
        let is_error = !text.is_empty()
            && !is_noise(&text)
            && (weigh(&text) == Some(Strength::Error) || stands_at_error(lines, at));
        is_error.then(|| (line.stream, said_by(lines, at, text)))
    })
}

/// Whether the lines around say that this is the error: it follows a Python traceback, or Lua's follows it.
fn stands_at_error(lines: &[LastLine], at: usize) -> bool {
    let line = &lines[at];
    if line.text.starts_with([' ', '\t']) {
        return false;
    }
    let same = |l: &&LastLine| l.stream == line.stream;
    let next = lines[at + 1..].iter().find(same);
    if next.is_some_and(|l| l.text.starts_with("stack traceback:")) {
        return true;
    }
    let above = lines[..at].iter().rev().filter(same);
    let mut frames = above.skip_while(|l| l.text.starts_with([' ', '\t']));
    let starts = frames.next().map(|l| plain(&l.text));
    starts.is_some_and(|text| text == "Traceback (most recent call last):")
        && lines[..at]
            .iter()
            .rev()
            .find(same)
            .is_some_and(|l| l.text.starts_with(' '))
}

/// What the line says; of a Rust panic the line below it, which has the message.
fn said_by(lines: &[LastLine], at: usize, text: String) -> String {
    let announces = text.contains(" panicked at ") && text.ends_with(':');
    let below = lines[at + 1..]
        .iter()
        .find(|l| announces && l.stream == lines[at].stream);
    match below {
        Some(below) => format!("{text} {}", plain(&below.text)),
        None => text,
    }
}

/// The line without colours, the ornaments before it and blanks around it.
pub(crate) fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            out.push(c);
        } else if rest.next_if_eq(&'[').is_some() {
            // A control sequence ends with its first letter.
            rest.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    let ornament = |c: char| c.is_whitespace() || "│╷╵╭╰─|*>•✖✗×❌".contains(c);
    out.trim_start_matches(ornament).trim_end().to_owned()
}

/// Lines that look like errors and tell nothing: hints, summaries, counts of nothing.
fn is_noise(text: &str) -> bool {
    const BEGINNINGS: [&str; 15] = [
        "note:",
        "hint:",
        "usage:",
        "warning",
        "[notice]",
        "see ",
        "try ",
        "exit status",
        "npm err! code",
        "npm err! errno",
        "npm err! path",
        "npm error code",
        "npm error errno",
        "npm error path",
        "error: aborting due to",
    ];
    const PARTS: [&str; 8] = [
        "a complete log of this run",
        "for more information about this error",
        "run with `rust_backtrace",
        "error: could not compile",
        " 0 error",
        "no errors",
        "errors: 0",
        "errors=0",
    ];
    let lower = text.to_lowercase();
    // npm puts its name before empty lines too.
    matches!(lower.as_str(), "npm err!" | "npm error")
        || lower.starts_with("0 error")
        || BEGINNINGS.iter().any(|b| lower.starts_with(b))
        || PARTS.iter().any(|p| lower.contains(p))
}

fn weigh(text: &str) -> Option<Strength> {
    if is_noise(text) {
        return None;
    }
    let is_error = begins_like_error(text)
        || names_exception(text)
        || labelled(text)
        || has_level(text)
        || from_shell(text);
    if is_error {
        return Some(Strength::Error);
    }
    const WORDS: [&str; 12] = [
        "error",
        "exception",
        "failed",
        "failure",
        "cannot",
        "can't",
        "could not",
        "unable to",
        "not found",
        "denied",
        "refused",
        "timed out",
    ];
    let lower = text.to_lowercase();
    WORDS
        .iter()
        .any(|word| lower.contains(word))
        .then_some(Strength::Maybe)
}

fn begins_like_error(text: &str) -> bool {
    const BEGINNINGS: [&str; 9] = [
        "[ ERROR ]",
        "panic: ",
        "fatal error: ",
        "Error in ",
        "Exception in thread ",
        "terminate called after throwing",
        "what(): ",
        "E   ",
        "FAILED ",
    ];
    BEGINNINGS.iter().any(|b| text.starts_with(b))
        || (text.starts_with("thread '") && text.contains(" panicked at "))
        || text.contains("Error response from daemon")
}

/// `ValueError: …`, `java.io.IOException: …`, `Error [CODE]: …`, `KeyboardInterrupt`, Ruby's `… (RuntimeError)`.
fn names_exception(text: &str) -> bool {
    let is_type = |word: &str| {
        let last = word.rsplit(['.', '$', ':']).next().unwrap_or(word);
        let letters = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$');
        word.chars().all(letters)
            && last.starts_with(|c: char| c.is_uppercase())
            && ["Error", "Exception", "Exit", "Interrupt"]
                .iter()
                .any(|end| last.ends_with(end))
    };
    if let Some((_, inside)) = text.strip_suffix(')').and_then(|t| t.rsplit_once(" ("))
        && is_type(inside)
    {
        return true;
    }
    const BEFORE: [&str; 4] = [
        "Caused by: ",
        "Uncaught ",
        "Unhandled exception. ",
        "Unhandled Exception: ",
    ];
    let mut rest = text;
    for before in BEFORE {
        rest = rest.strip_prefix(before).unwrap_or(rest);
    }
    let end = rest.find([':', ' ', '[']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    is_type(word)
        && (after.is_empty() || after.starts_with(": ") || after == ":" || after.starts_with(" ["))
}

/// `error: …`, `tool: error: …`, `error[E0308]: …`, `PHP Fatal error: …`: a label before what is said.
fn labelled(text: &str) -> bool {
    let Some((labels, said)) = text.rsplit_once(": ") else {
        return false;
    };
    let label = |piece: &str| {
        let lower = piece.trim().to_lowercase();
        let word = lower.split('[').next().unwrap_or("").trim();
        lower.len() < 60
            && ["error", "fatal", "panic", "exception", "critical"]
                .iter()
                .any(|l| word == *l || word.ends_with(&format!(" {l}")))
    };
    !said.trim().is_empty() && labels.split(": ").take(4).any(label)
}

/// The level of a log line: `ERROR`, `[ERROR]`, `"level":"error"`, `npm ERR!`.
fn has_level(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    if words.any(|w| matches!(w, "ERROR" | "FATAL" | "CRITICAL" | "SEVERE")) {
        return true;
    }
    let lower = text.to_lowercase();
    let in_json = ["error", "fatal", "critical"]
        .iter()
        .any(|level| lower.contains(&format!("\"{level}\"")))
        && ["\"level\"", "\"levelname\"", "\"severity\""]
            .iter()
            .any(|key| lower.contains(key));
    in_json || lower.starts_with("npm err!") || lower.starts_with("npm error ")
}

/// `run.sh: line 3: …` of bash and `run.sh: 3: …` of dash.
fn from_shell(text: &str) -> bool {
    let mut pieces = text.splitn(3, ": ");
    let (Some(program), Some(line), Some(_)) = (pieces.next(), pieces.next(), pieces.next()) else {
        return false;
    };
    let number = line.strip_prefix("line ").unwrap_or(line);
    !program.contains(' ') && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
