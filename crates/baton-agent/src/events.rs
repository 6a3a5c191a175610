//! What a running script may say of itself: JSON lines in the file that `BATON_EVENTS` names.
//!
//! One object a line, `{"type": "task" | "progress" | "output" | "log" | "error", …}`. `baton report`
//! writes them from a shell, any language writes them by itself. A line that cannot be read becomes a
//! visible warning in the run's log, never an error of the run.

use std::io::{self, Write};
use std::path::Path;

use baton_core::error::ErrorKind;
use baton_core::run::LogLevel;
use baton_core::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod follow;
mod heard;
mod mend;
mod tasks;

pub use self::heard::{Heard, Line, News};

/// Longest line of an events file, in bytes; a longer one is skipped with a warning.
pub const MAX_EVENT: usize = 256 << 10;
/// Longest events file that is read, in bytes; what comes after is skipped with a warning.
pub const MAX_EVENTS_FILE: u64 = 64 << 20;

/// One thing that a script says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// One of its steps began, ended or changed.
    Task(TaskEvent),
    /// How far it is.
    Progress {
        /// From 0 to 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<f64>,
        /// What it is doing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The task it is in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
    /// A value that the run gives back.
    Output {
        /// Its name.
        name: String,
        /// The value.
        #[serde(default)]
        value: Value,
    },
    /// A line for the log, with a level and a task.
    Log {
        /// How much it matters.
        #[serde(default)]
        level: LogLevel,
        /// The text.
        message: String,
        /// The task it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
    /// Why it is about to fail: counts when it then exits with a code other than 0.
    Error {
        /// `business` when trying again will not help.
        #[serde(default = "failed")]
        kind: ErrorKind,
        /// One sentence.
        message: String,
        /// The task that failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
}

fn failed() -> ErrorKind {
    ErrorKind::Failed
}

/// What a script says of one of its steps. Fields left out keep what was said before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskEvent {
    /// Names the task within the attempt; the name when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What people read; the key when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `pending`, `running`, `completed`, `failed` or `cancelled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Keys of the tasks it waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
    /// Why it failed: a sentence, or `{kind, message}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// How many times it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// When it started; the moment of reading when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended; the moment of reading when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What it took and gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Appends one event as one line in one write, so that several writers do not mix.
pub fn append(file: &Path, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    if line.len() > MAX_EVENT {
        let message = format!(
            "the event has {} bytes; {MAX_EVENT} are allowed",
            line.len()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)?
        .write_all(&line)
}

/// A value that was read from this text, with numbers that reading would change kept as text.
pub fn without_loss(text: &str, value: Value) -> Value {
    crate::loose::read(text.as_bytes()).map_or(value, |loose| loose.value)
}

/// The event in a line, and what had to be mended to read it, a sentence each. The error is a sentence too.
pub fn read(line: &[u8]) -> Result<(Event, Vec<String>), String> {
    let loose = crate::loose::read(line)?;
    let mut notes = loose.notes;
    let value = mend::event(loose.value, &mut notes)?;
    let event = serde_json::from_value(value).map_err(|e| e.to_string())?;
    Ok((event, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_line_is_read() {
        for line in [
            r#"{"type":"task","key":"a","name":"Read","state":"running"}"#,
            r#"{"type":"task","key":"a","state":"failed","after":["b"],"error":"no","tries":2,"data":{"n":1}}"#,
            r#"{"type":"progress","percent":12.5,"message":"half","task":"a"}"#,
            r#"{"type":"output","name":"total","value":3}"#,
            r#"{"type":"log","level":"warning","message":"hm","task":"a"}"#,
            r#"{"type":"error","kind":"business","message":"invoice 7 has no date"}"#,
        ] {
            let (_, notes) = read(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert!(notes.is_empty(), "{line}: {notes:?}");
        }
        let unknown = read(b"{\"type\":\"dance\"}").expect_err("unknown");
        assert!(
            unknown.contains("\"dance\"") && unknown.contains("progress"),
            "{unknown}"
        );
    }

    #[test]
    fn what_is_appended_is_read_back() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let event = Event::Output {
            name: "n".into(),
            value: Value::from(1),
        };
        append(file.path(), &event).expect("written");
        append(file.path(), &event).expect("written");
        let text = std::fs::read(file.path()).expect("read");
        let lines: Vec<_> = text
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(read(lines[1]), Ok((event, vec![])));
    }
}
