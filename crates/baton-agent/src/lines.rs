//! From bytes to log lines: cut at line ends, bounded, with every loss visible in the line itself.
//!
//! A carriage return inside a line begins it anew, as on a terminal: that is how progress is drawn. Of such a
//! line the newest state comes out now and then while it changes, and the last one at its end.

use std::time::Duration;

use baton_core::run::MAX_LINE;

/// Room for the mark in a line that was cut.
const MARK: usize = 64;
/// How much of the end of a line that was cut is kept: results stand at the end.
const END: usize = 4 << 10;
/// How much of its beginning is kept.
const HEAD: usize = MAX_LINE - MARK - END;
/// A line that is drawn again and again comes out this often at most: people see it move, and the log stays short.
const STATE_EVERY: Duration = Duration::from_secs(2);

/// A line that is drawn again and again shows its newest state after this long without another.
pub const RESTS_AFTER: Duration = Duration::from_secs(1);

/// Collects the bytes of one stream into lines.
#[derive(Default)]
pub struct Lines {
    line: Text,
    /// The last byte was a carriage return: what comes next says whether the line ends or begins anew.
    returned: bool,
    /// What the line showed before it began anew, unless it was blank.
    before: Option<Text>,
    /// The state of the line that came out last.
    shown: Option<String>,
    /// When a state came out last.
    shown_at: Option<Duration>,
}

impl Lines {
    /// Takes bytes that came at this moment and calls `each` with every line that is to be shown.
    pub fn feed(&mut self, mut bytes: &[u8], now: Duration, mut each: impl FnMut(String)) {
        while let Some(end) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            self.take(&bytes[..end], now, &mut each);
            let ends = bytes[end] == b'\n';
            bytes = &bytes[end + 1..];
            self.returned = !ends;
            if ends && let Some(line) = self.finish() {
                each(line);
            }
        }
        self.take(bytes, now, &mut each);
    }

    /// Whether the line at hand has states that may be shown before it ends.
    pub fn is_drawn(&self) -> bool {
        self.returned || self.before.is_some()
    }

    /// Shows the newest state of a line that is drawn and has come to rest for a moment.
    pub fn rested(&mut self, now: Duration, mut each: impl FnMut(String)) {
        if self.is_drawn() && !self.line.is_blank() {
            self.show(now, &mut each);
        }
    }

    /// The last line, if it has no end.
    pub fn rest(&mut self) -> Option<String> {
        let is_empty = self.line.is_empty() && self.before.is_none() && self.shown.is_none();
        (!is_empty).then(|| self.finish()).flatten()
    }

    fn take(&mut self, bytes: &[u8], now: Duration, each: &mut impl FnMut(String)) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.returned) && !self.line.is_blank() {
            self.show(now, each);
            self.before = Some(std::mem::take(&mut self.line));
        } else if self.before.is_some() && self.line.is_blank() {
            self.line = Text::default();
        }
        self.line.take(bytes);
    }

    /// Shows the present state unless one was shown a moment ago.
    fn show(&mut self, now: Duration, each: &mut impl FnMut(String)) {
        let due = self
            .shown_at
            .is_none_or(|at| now.saturating_sub(at) >= STATE_EVERY);
        if !due {
            return;
        }
        let text = self.line.text();
        if self.shown.as_ref() != Some(&text) {
            self.shown_at = Some(now);
            self.shown = Some(text.clone());
            each(text);
        }
    }

    /// The line at its end; nothing if this is what was shown of it last.
    fn finish(&mut self) -> Option<String> {
        self.returned = false;
        let mut line = std::mem::take(&mut self.line);
        // Progress is often wiped away at its end; what it said last is still worth a line.
        if let Some(before) = self.before.take()
            && line.is_blank()
        {
            line = before;
        }
        let text = line.text();
        (self.shown.take().as_ref() != Some(&text)).then_some(text)
    }
}

/// The bytes of one line, of which the middle may be missing.
#[derive(Default)]
struct Text {
    head: Vec<u8>,
    tail: Vec<u8>,
    missing: usize,
}

impl Text {
    fn take(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        let (first, more) = bytes.split_at(bytes.len().min(room));
        self.head.extend_from_slice(first);
        // Of what is longer than the end only the end is copied.
        let skipped = more.len().saturating_sub(END);
        if skipped > 0 {
            self.missing += self.tail.len() + skipped;
            self.tail.clear();
        }
        self.tail.extend_from_slice(&more[skipped..]);
        if self.tail.len() > 2 * END {
            self.drop_middle();
        }
    }

    fn drop_middle(&mut self) {
        let surplus = self.tail.len().saturating_sub(END);
        self.tail.drain(..surplus);
        self.missing += surplus;
    }

    fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    fn is_blank(&self) -> bool {
        self.tail.is_empty() && self.head.trim_ascii().is_empty()
    }

    fn text(&self) -> String {
        if self.missing == 0 {
            let whole = [&self.head[..], &self.tail].concat();
            return shortened(shown(&whole));
        }
        // A character that the cut went through is not shown as a broken one.
        let broken = self
            .head
            .utf8_chunks()
            .last()
            .map_or(0, |c| c.invalid().len());
        let head = &self.head[..self.head.len() - if broken < 4 { broken } else { 0 }];
        let over = self.tail.len().saturating_sub(END);
        let tail = &self.tail[over..];
        let inside = |b: &&u8| **b & 0b1100_0000 == 0b1000_0000;
        let inside = tail.iter().take(3).take_while(inside).count();
        let missing = self.missing + over + inside + (self.head.len() - head.len());
        joined(&shown(head), &shown(&tail[inside..]), missing)
    }
}

/// Bytes as text: what is not UTF-8 is replaced visibly.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if text.contains('\0') {
        // Databases refuse NUL; its picture shows that there was one.
        return text.replace('\0', "\u{2400}");
    }
    text
}

/// A text of at most [`MAX_LINE`] bytes: beginning and end of a longer one, and how much is missing in between.
pub fn shortened(text: String) -> String {
    if text.len() <= MAX_LINE {
        return text;
    }
    let end = text.ceil_char_boundary(text.len() - END);
    joined(
        &text[..text.floor_char_boundary(HEAD)],
        &text[end..],
        end - text.floor_char_boundary(HEAD),
    )
}

/// Beginning and end with the mark in between. Bytes that are not UTF-8 grow when they become visible, so both
/// are measured again.
fn joined(head: &str, tail: &str, missing: usize) -> String {
    let kept = head.floor_char_boundary(head.len().min(HEAD));
    let from = tail.ceil_char_boundary(tail.len().saturating_sub(END));
    let missing = missing + head.len() - kept + from;
    format!(
        "{} … [{missing} bytes more, not kept] … {}",
        &head[..kept],
        &tail[from..]
    )
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
