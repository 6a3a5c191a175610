//! Reads `runrpa`'s command line as Python's argparse would.
//!
//! The users' scripts rely on argparse's rules: short flags of several letters (`-sc`), glued values
//! (`-o2`), `-f=x`, and unique prefixes of long flags. clap knows none of these, so the rules stand
//! here, as a pure function from words to flags.

use std::collections::BTreeMap;

use baton_core::retry::RetryPolicy;

use super::flags::{FLAGS, Flag, usage};
use crate::failure::{Done, Failure};

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Print the help text and exit with 0.
    Help,
    /// Do something, with these flags.
    Run(Flags),
}

/// The flags' values, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    values: BTreeMap<&'static str, String>,
}

impl Default for Flags {
    fn default() -> Self {
        let values = FLAGS
            .iter()
            .map(|flag| (flag.parameter(), flag.default.to_owned()))
            .collect();
        Self { values }
    }
}

impl Flags {
    /// The value of the flag with this long name.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The value of a flag that is a whole number.
    pub(crate) fn int(&self, name: &str) -> i64 {
        python_int(self.text(name)).unwrap_or(0)
    }

    /// How often a failed script is tried again: `-r`.
    pub(crate) fn retry(&self) -> Done<RetryPolicy> {
        let asked = self.int("retries");
        let retries = u32::try_from(asked)
            .map_err(|_| Failure::usage(format!("-r {asked} is no number of retries")))?;
        let retry = RetryPolicy::times(retries);
        retry
            .check()
            .map_err(|why| Failure::usage(format!("-r {retries}: {why}")))?;
        Ok(retry)
    }

    /// The script's own arguments: `-a` split on two spaces, comma, two spaces.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let text = self.text("arguments");
        if text.is_empty() {
            return Vec::new();
        }
        text.split("  ,  ").map(str::to_owned).collect()
    }
}

/// What argparse would do with these words (without the program's name). The error is the whole text
/// for standard error; the exit code is then 2.
pub(crate) fn parse(words: &[String]) -> Result<Asked, String> {
    let mut flags = Flags::default();
    let mut extras = Vec::new();
    let mut help = false;
    let mut only_values = false;
    let mut at = 0;
    // argparse judges every word before it acts on any: an ambiguous one beats even a help flag.
    for word in words.iter().take_while(|w| *w != "--") {
        classify(word)?;
    }
    while at < words.len() {
        let word = &words[at];
        at += 1;
        if only_values {
            extras.push(word.clone());
            continue;
        }
        if word == "--" {
            only_values = true;
            extras.push(word.clone());
            continue;
        }
        match classify(word)? {
            Word::Value | Word::Unknown => extras.push(word.clone()),
            Word::HelpWithMore(more) => {
                return Err(error(&format!(
                    "argument -h/--help: ignored explicit argument '{more}'"
                )));
            }
            // argparse prints the help at once, whatever comes after.
            Word::Help => {
                help = true;
                break;
            }
            Word::Option(flag, glued) => {
                let value = match glued {
                    Some(value) => value,
                    None => match words.get(at) {
                        Some(next) if next != "--" && matches!(classify(next), Ok(Word::Value)) => {
                            at += 1;
                            next.clone()
                        }
                        _ => return Err(error(&format!("{}: expected one argument", named(flag)))),
                    },
                };
                if flag.int && python_int(&value).is_none() {
                    return Err(error(&format!(
                        "{}: invalid int value: '{value}'",
                        named(flag)
                    )));
                }
                flags.values.insert(flag.parameter(), value);
            }
        }
    }
    if help {
        return Ok(Asked::Help);
    }
    if !extras.is_empty() {
        return Err(error(&format!(
            "unrecognized arguments: {}",
            extras.join(" ")
        )));
    }
    Ok(Asked::Run(flags))
}

/// What argparse takes a word for.
enum Word {
    Value,
    Unknown,
    Help,
    /// `-h` with something glued to it that is no flag.
    HelpWithMore(String),
    Option(&'static Flag, Option<String>),
}

fn classify(word: &str) -> Result<Word, String> {
    if !word.starts_with('-') || word == "-" {
        return Ok(Word::Value);
    }
    // `-help`: the users' quick guide says so; argparse would refuse it.
    if matches!(word, "-h" | "--help" | "-help") {
        return Ok(Word::Help);
    }
    if let Some(flag) = FLAGS.iter().find(|f| f.short == word || f.long == word) {
        return Ok(Word::Option(flag, None));
    }
    if let Some((name, value)) = word.split_once('=')
        && let Some(flag) = FLAGS.iter().find(|f| f.short == name || f.long == name)
    {
        return Ok(Word::Option(flag, Some(value.to_owned())));
    }
    let mut candidates = candidates(word);
    if candidates.len() > 1 {
        let names: Vec<&str> = candidates.iter().map(|c| c.0).collect();
        return Err(error(&format!(
            "ambiguous option: {word} could match {}",
            names.join(", ")
        )));
    }
    if let Some((_, found)) = candidates.pop() {
        return Ok(found);
    }
    if is_negative_number(word) || word.contains(' ') {
        return Ok(Word::Value);
    }
    Ok(Word::Unknown)
}

/// The options that an unfinished word could mean: a glued short form, or a prefix.
fn candidates(word: &str) -> Vec<(&'static str, Word)> {
    let mut found = Vec::new();
    if word.starts_with("--") {
        let (prefix, value) = match word.split_once('=') {
            Some((prefix, value)) => (prefix, Some(value.to_owned())),
            None => (word, None),
        };
        if "--help".starts_with(prefix) {
            found.push(("--help", Word::Help));
        }
        for flag in FLAGS.iter().filter(|f| f.long.starts_with(prefix)) {
            found.push((flag.long, Word::Option(flag, value.clone())));
        }
        return found;
    }
    let letter_end = word.chars().take(2).map(char::len_utf8).sum();
    let (short, glued) = word.split_at(letter_end);
    if short == "-h" {
        // `-hf` means `-h -f`.
        let help = match glued.chars().next() {
            Some(letter) if is_short_letter(letter) => Word::Help,
            _ => Word::HelpWithMore(glued.to_owned()),
        };
        found.push(("-h", help));
    }
    for flag in &FLAGS {
        if flag.short == short {
            found.push((flag.short, Word::Option(flag, Some(glued.to_owned()))));
        } else if flag.short.starts_with(word) {
            found.push((flag.short, Word::Option(flag, None)));
        }
    }
    found
}

/// Whether this letter is a short flag.
fn is_short_letter(letter: char) -> bool {
    FLAGS
        .iter()
        .any(|f| f.short.len() == 2 && f.short.ends_with(letter))
}

/// argparse's `^-\d+$|^-\d*\.\d+$`: a value, since no flag looks like a number.
fn is_negative_number(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('-') else {
        return false;
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    match rest.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && !part.is_empty(),
        None => digits(rest) && !rest.is_empty(),
    }
}

/// A whole number as Python's `int()` reads it: blanks around it, a sign, underscores between digits.
fn python_int(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => ("", &text[1..]),
        b'-' => ("-", &text[1..]),
        _ => ("", text),
    };
    if digits.is_empty()
        || digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
    {
        return None;
    }
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return None;
    }
    format!("{sign}{}", digits.replace('_', "")).parse().ok()
}

fn named(flag: &Flag) -> String {
    format!("argument {}/{}", flag.short, flag.long)
}

fn error(message: &str) -> String {
    format!("{}runrpa: error: {message}\n", usage())
}

#[cfg(test)]
#[path = "argv_tests.rs"]
mod tests;
