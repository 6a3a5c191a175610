//! One walk over a text of JSON that copies what is plain and mends what is not.

use std::collections::HashSet;
use std::iter::Peekable;
use std::str::CharIndices;

use super::{Notes, number};

/// Names of one object that are remembered to see one that comes twice: an object with more is data, not a slip.
const MAX_NAMES: usize = 10_000;

/// The walk.
pub(super) struct Text<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    out: String,
    notes: &'a mut Notes,
    /// Names seen in each object around here; `None` stands for a list.
    around: Vec<Option<HashSet<String>>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str, notes: &'a mut Notes) -> Self {
        Self {
            text,
            chars: text.char_indices().peekable(),
            out: String::with_capacity(text.len()),
            notes,
            around: Vec::new(),
        }
    }

    /// The text with everything mended that can be.
    pub(super) fn mend(mut self) -> String {
        while let Some((at, c)) = self.chars.next() {
            match c {
                '"' => self.string(at),
                '{' => self.open(c, Some(HashSet::new())),
                '[' => self.open(c, None),
                '}' | ']' => {
                    self.around.pop();
                    self.out.push(c);
                }
                ',' if self.closes_next(at) => {
                    self.notes
                        .add("a comma before a closing bracket is left out".into());
                }
                c if c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_') => {
                    self.word(at);
                }
                c => self.out.push(c),
            }
        }
        self.out
    }

    fn open(&mut self, c: char, names: Option<HashSet<String>>) {
        self.around.push(names);
        self.out.push(c);
    }

    /// Whether a closing bracket is the next thing after the comma here.
    fn closes_next(&self, at: usize) -> bool {
        let rest = self.text[at + 1..].trim_start();
        rest.starts_with(['}', ']'])
    }

    /// A number or a name.
    fn word(&mut self, at: usize) {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
        let mut end = at + 1;
        while let Some((next, c)) = self.chars.peek().copied() {
            if !part(c) {
                break;
            }
            end = next + 1;
            self.chars.next();
        }
        let word = &self.text[at..end];
        let python = match word {
            "True" => Some("true"),
            "False" => Some("false"),
            "None" => Some("null"),
            _ => None,
        };
        if let Some(plain) = python {
            self.notes
                .add("True, False and None are read as true, false and null".into());
            self.out.push_str(plain);
            return;
        }
        let unsigned = word.trim_start_matches(['-', '+']).to_ascii_lowercase();
        let is_no_number = matches!(unsigned.as_str(), "nan" | "inf" | "infinity");
        if is_no_number || number::is_kept(word) == Some(false) {
            let shown: String = word.chars().take(40).collect();
            self.notes.add(if is_no_number {
                format!("{shown} is kept as text: JSON has no such number")
            } else {
                format!("{shown} is kept as text: as a number it would lose digits")
            });
            self.out.push('"');
            self.out.push_str(word);
            self.out.push('"');
            return;
        }
        self.out.push_str(word);
    }

    /// A string, copied with its escapes; half characters and bare control characters are mended.
    fn string(&mut self, at: usize) {
        self.out.push('"');
        let mut end = self.text.len();
        while let Some((here, c)) = self.chars.next() {
            match c {
                '"' => {
                    end = here;
                    self.out.push('"');
                    break;
                }
                '\\' => self.escape(here),
                c if c.is_ascii_control() => {
                    self.notes
                        .add("line ends and other control characters in a text are kept".into());
                    self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
                }
                c => self.out.push(c),
            }
        }
        let name = &self.text[at + 1..end.max(at + 1)];
        let is_name = self
            .text
            .get(end + 1..)
            .is_some_and(|rest| rest.trim_start().starts_with(':'));
        if is_name
            && let Some(Some(names)) = self.around.last_mut()
            && names.len() < MAX_NAMES
            && !names.insert(name.to_owned())
        {
            let shown: String = name.chars().take(40).collect();
            self.notes.add(format!(
                "{shown:?} is there more than once; the last one counts"
            ));
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, at: usize) {
        let Some((_, kind)) = self.chars.next() else {
            self.out.push('\\');
            return;
        };
        let Some(unit) = (kind == 'u').then(|| self.unit(at)).flatten() else {
            self.out.push('\\');
            self.out.push(kind);
            return;
        };
        let pair = (0xd800..0xdc00).contains(&unit)
            && self
                .unit(at + 6)
                .is_some_and(|low| (0xdc00..0xe000).contains(&low));
        let units = if pair { 2 } else { 1 };
        for _ in 0..units * 6 - 2 {
            self.chars.next();
        }
        if !pair && (0xd800..0xe000).contains(&unit) {
            self.notes
                .add("half of a character (a lone surrogate) is replaced by \u{fffd}".into());
            self.out.push('\u{fffd}');
        } else {
            self.out.push_str(&self.text[at..at + units * 6]);
        }
    }

    /// The number in an escape `\uXXXX` at this place.
    fn unit(&self, at: usize) -> Option<u32> {
        let hex = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let plain = hex.bytes().all(|b| b.is_ascii_hexdigit());
        u32::from_str_radix(hex, 16).ok().filter(|_| plain)
    }
}
