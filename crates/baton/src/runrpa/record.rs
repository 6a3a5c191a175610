//! What a manual run says, kept line by line on disk while it is shown to the person who runs it.

use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;

use baton_core::run::{LogLevel, LogLine, LogStream, MAX_LINE};
use jiff::Timestamp;

use super::spool::Spool;
use crate::failure::{Done, Failure};

/// Most lines that are kept of one manual run; what comes after is shown but not recorded, visibly.
const MAX_LINES: i64 = 1_000_000;

/// The log of a manual run.
pub(crate) struct Record {
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    seq: i64,
}

impl Record {
    /// The log in a run's folder.
    pub(crate) fn open(spool: &Spool) -> Done<Self> {
        let path = spool.path("log.jsonl");
        let file = File::create(&path).map_err(|e| Failure::file(&path, "write", &e))?;
        Ok(Self {
            inner: Mutex::new(Inner { file, seq: 0 }),
        })
    }

    /// Adds a line, without its line end. A disk that is full ends the record, not the run.
    pub(crate) fn line(&self, stream: LogStream, level: LogLevel, bytes: &[u8]) {
        let mut inner = self.inner.lock().expect("no holder of this lock panics");
        if inner.seq > MAX_LINES {
            return;
        }
        inner.seq += 1;
        let message = if inner.seq > MAX_LINES {
            format!("… more than {MAX_LINES} lines are not recorded")
        } else {
            text(bytes)
        };
        let line = LogLine {
            seq: inner.seq,
            at: Timestamp::now(),
            level,
            stream,
            task: None,
            message,
        };
        let mut json = serde_json::to_vec(&line).expect("a line is plain JSON");
        json.push(b'\n');
        let _ = inner.file.write_all(&json);
    }

    /// Adds a line of our own.
    pub(crate) fn say(&self, text: &str) {
        self.line(LogStream::System, LogLevel::Info, text.as_bytes());
    }
}

/// Bytes as text: what is no UTF-8 is replaced visibly, what is too long is cut visibly.
fn text(bytes: &[u8]) -> String {
    let kept = &bytes[..bytes.len().min(MAX_LINE)];
    let message = String::from_utf8_lossy(kept).into_owned();
    if bytes.len() <= MAX_LINE && message.len() <= MAX_LINE {
        return message;
    }
    let mark = format!(" … {} bytes in all", bytes.len());
    baton_core::error::clip(message, MAX_LINE - mark.len()) + &mark
}

/// Cuts a stream of bytes into lines. A line that never ends is cut where it becomes too long to keep.
#[derive(Default)]
pub(crate) struct Lines {
    open: Vec<u8>,
}

/// How much of one line is held; the mark of a cut line then names its true length up to here.
const HELD: usize = 4 * MAX_LINE;

impl Lines {
    /// Takes bytes and gives every line that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let (body, ended) = match part.split_last() {
                Some((b'\n', body)) => (body, true),
                _ => (part, false),
            };
            self.open.extend_from_slice(body);
            if ended || self.open.len() >= HELD {
                each(self.open.strip_suffix(b"\r").unwrap_or(&self.open));
                self.open.clear();
            }
        }
    }

    /// Gives what is left when the stream has ended.
    pub(crate) fn finish(self, mut each: impl FnMut(&[u8])) {
        if !self.open.is_empty() {
            each(&self.open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for chunk in chunks {
            lines.push(chunk, |line| all.push(text(line)));
        }
        lines.finish(|line| all.push(text(line)));
        all
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_come() {
        assert_eq!(cut(&[b"a\nb\r\n\nc"]), ["a", "b", "", "c"]);
        assert_eq!(cut(&[b"a", b"\nb", b"\r\n\n", b"c"]), ["a", "b", "", "c"]);
        assert!(cut(&[]).is_empty());
    }

    #[test]
    fn bad_bytes_and_long_lines_are_kept_visibly() {
        assert_eq!(cut(&[b"\xff\xfe ok\n"]), ["\u{fffd}\u{fffd} ok"]);
        let long = vec![b'x'; MAX_LINE + 5];
        let kept = &cut(&[&long])[0];
        assert!(kept.len() <= MAX_LINE);
        assert!(kept.ends_with(&format!("{} bytes in all", MAX_LINE + 5)));
        // Bytes that grow when they are replaced stay within the bound too.
        assert!(cut(&[&vec![0xff; MAX_LINE]])[0].len() <= MAX_LINE);
    }
}
