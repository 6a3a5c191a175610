//! Following what a script says in its events file, line by line, while it runs and once at its end.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use baton_api::robot::{Claim, MAX_OUTPUTS, TaskReport};
use baton_core::error::{ErrorInfo, clip};
use baton_core::run::{LogLevel, LogStream, Progress};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::command::Places;
use super::files;
use super::log::RunLog;
use super::tasks::Tasks;
use crate::events::{self, Event, MAX_EVENT, MAX_EVENTS_FILE};
use crate::loose::Utf16;
use crate::session::Input;
use crate::spool::Entry;

/// How much of the file is read at once: a script that writes faster is read in the next rounds.
const READ: u64 = 1 << 20;
/// Lines that cannot be read are shown one by one up to this many; the rest is counted.
const MAX_WARNINGS: u64 = 20;
/// Tasks in one update: the frame stays far below the longest.
const TASKS_PER_UPDATE: usize = 16;

/// A script's reports, put together.
pub(crate) struct Reports {
    /// Opened once, before the script could put anything else in its place.
    file: Option<File>,
    offset: u64,
    rest: Vec<u8>,
    skipping: bool,
    tasks: Tasks,
    /// Values it gave back by events.
    pub(crate) outputs: Map<String, Value>,
    outputs_size: usize,
    /// The error that it reported last.
    pub(crate) error: Option<ErrorInfo>,
    warnings: u64,
    /// The file began with the mark of UTF-16.
    utf16: Option<Utf16>,
    /// The newest progress that the session was not yet told.
    progress: Option<Progress>,
    claim: Claim,
    entry: Arc<Entry>,
    log: Arc<RunLog>,
    inputs: mpsc::Sender<Input>,
}

impl Reports {
    pub(crate) fn new(
        file: &Path,
        entry: Arc<Entry>,
        log: Arc<RunLog>,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        Self {
            file: File::open(file).ok(),
            offset: 0,
            rest: Vec::new(),
            skipping: false,
            tasks: Tasks::default(),
            outputs: Map::new(),
            outputs_size: 0,
            error: None,
            warnings: 0,
            utf16: None,
            progress: None,
            claim: entry.note.claim,
            entry,
            log,
            inputs,
        }
    }

    /// Says that the process runs, from which its time counts.
    pub(crate) async fn began(&self) {
        // The session is gone only when the agent is.
        let _ = self.inputs.send(Input::Began(self.claim)).await;
    }

    /// Reads what is new. True if there may be more at once.
    pub(crate) async fn follow(&mut self) -> bool {
        let mut bytes = Vec::new();
        self.look_for_a_cut();
        let Some(file) = &mut self.file else {
            return false;
        };
        let room = MAX_EVENTS_FILE.saturating_sub(self.offset).min(READ);
        let read = file
            .seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.take(room).read_to_end(&mut bytes));
        if read.is_err() || bytes.is_empty() {
            return false;
        }
        if self.offset == 0 {
            self.utf16 = Utf16::of_mark(&bytes);
        }
        if self.utf16.is_some() && bytes.len() % 2 == 1 {
            // The other half of the last character's bytes comes later.
            bytes.pop();
        }
        if bytes.is_empty() {
            return false;
        }
        self.offset += bytes.len() as u64;
        if let Some(order) = self.utf16 {
            bytes = order.decode(&bytes).into_bytes();
        }
        if self.offset >= MAX_EVENTS_FILE {
            self.warn(format!(
                "the events file exceeds {MAX_EVENTS_FILE} bytes; the rest is not read"
            ));
        }
        self.take(&bytes).await;
        true
    }

    /// A script that opens the file anew for each line makes it shorter: what is there now was not read yet.
    fn look_for_a_cut(&mut self) {
        let length = self.file.as_ref().and_then(|f| f.metadata().ok());
        if length.is_some_and(|meta| meta.len() < self.offset) {
            self.warn("the file became shorter: it is read from its beginning again; append to it, so that no line is lost".into());
            self.offset = 0;
            self.rest.clear();
            self.skipping = false;
        }
    }

    /// Reads what lies where the events file was, if the script has put another file there.
    async fn follow_another(&mut self, path: &Path, work: &Path) {
        let another = match files::plain(path, work) {
            Ok(Some((path, _))) => File::open(path),
            Ok(None) => return,
            Err(why) => return self.warn(format!("the events file {why}; it is not read")),
        };
        let known = self.file.as_ref().and_then(|f| f.metadata().ok());
        match another {
            Ok(another) if !is_same(known, another.metadata().ok()) => {
                self.warn("the script has put another file in place of the events file; it is read now, at the end".into());
                self.file = Some(another);
                self.offset = 0;
                while self.follow().await {}
                self.rest_of_line().await;
            }
            Ok(_) => {}
            Err(error) => self.warn(format!("the events file cannot be read: {error}")),
        }
    }

    /// Takes a last line that has no end.
    async fn rest_of_line(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        if !std::mem::take(&mut self.skipping) && !rest.trim_ascii().is_empty() {
            let changed = self.line(&rest);
            self.send_tasks(changed.into_iter().collect()).await;
        }
        if let Some(progress) = self.progress.take() {
            let _ = self
                .inputs
                .send(Input::Progress(self.claim, progress))
                .await;
        }
    }

    /// Reads the rest, closes what is open, and says what was not understood.
    pub(crate) async fn finish(&mut self, cancelled: bool, places: &Places) {
        while self.follow().await {}
        self.rest_of_line().await;
        self.follow_another(&places.events, &places.work).await;
        let closed = self.tasks.close(cancelled, Timestamp::now());
        self.send_tasks(closed).await;
        if self.warnings > MAX_WARNINGS {
            let more = self.warnings - MAX_WARNINGS;
            self.log.say(
                LogLevel::Warning,
                format!("events: {more} more lines were not understood"),
            );
        }
        if let Some(error) = &mut self.error {
            error.task = error.task.take().or_else(|| self.tasks.last_failed.take());
        }
    }

    async fn take(&mut self, bytes: &[u8]) {
        let mut changed: Vec<TaskReport> = Vec::new();
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let ends = part.last() == Some(&b'\n');
            let body = part.strip_suffix(b"\n").unwrap_or(part);
            if !self.skipping && self.rest.len() + body.len() > MAX_EVENT {
                self.skipping = true;
                self.warn(format!("a line longer than {MAX_EVENT} bytes is skipped"));
            }
            if !self.skipping {
                self.rest.extend_from_slice(body);
            }
            if ends {
                let line = std::mem::take(&mut self.rest);
                if !std::mem::take(&mut self.skipping)
                    && !line.trim_ascii().is_empty()
                    && let Some(task) = self.line(&line)
                {
                    // Only the newest word on a task counts within one update.
                    changed.retain(|t| t.key != task.key);
                    changed.push(task);
                }
            }
        }
        self.send_tasks(changed).await;
        if let Some(progress) = self.progress.take() {
            let _ = self
                .inputs
                .send(Input::Progress(self.claim, progress))
                .await;
        }
    }

    fn line(&mut self, line: &[u8]) -> Option<TaskReport> {
        let event = match events::read(line) {
            Ok((event, notes)) => {
                notes.into_iter().for_each(|note| self.warn(note));
                event
            }
            Err(why) => {
                let shown = clip(String::from_utf8_lossy(line).into_owned(), 200);
                self.warn(format!("not understood: {why}: {shown}"));
                return None;
            }
        };
        match event {
            Event::Task(event) => {
                let applied = self.tasks.apply(event, Timestamp::now());
                for note in std::mem::take(&mut self.tasks.notes) {
                    self.warn(note);
                }
                match applied {
                    Ok(task) => return Some(task),
                    Err(why) => self.warn(why),
                }
            }
            Event::Progress {
                percent,
                message,
                task,
            } => {
                let progress = Progress {
                    percent: percent
                        .filter(|p| p.is_finite())
                        .map(|p| p.clamp(0.0, 100.0)),
                    message: message.map(|m| clip(m, 1_024)),
                    task: task.map(|t| clip(t, 256)),
                };
                self.progress = Some(progress);
            }
            Event::Output { name, value } => self.output(name, value),
            Event::Log {
                level,
                message,
                task,
            } => self.say(level, task, &message),
            Event::Error {
                kind,
                message,
                task,
            } => {
                let mut error = ErrorInfo::new(kind, message);
                error.task = task;
                self.error = Some(error.bounded());
            }
        }
        None
    }

    /// The lines of a message; an empty one is a line too.
    fn say(&self, level: LogLevel, task: Option<String>, message: &str) {
        let task = task.map(|t| clip(t, 256));
        let lines = message.strip_suffix('\n').unwrap_or(message).split('\n');
        for text in lines {
            let text = text
                .strip_suffix('\r')
                .unwrap_or(text)
                .replace('\0', "\u{2400}");
            self.log.line(level, LogStream::Stdout, task.clone(), text);
        }
    }

    fn output(&mut self, name: String, value: Value) {
        self.outputs_size += name.len() + value.to_string().len() + 4;
        if self.outputs_size > MAX_OUTPUTS {
            self.warn(format!("outputs exceed {MAX_OUTPUTS} bytes; {name:?} is not kept, leave a file in BATON_ARTIFACTS instead"));
        } else {
            self.outputs.insert(name, value);
        }
    }

    fn warn(&mut self, what: String) {
        self.warnings += 1;
        if self.warnings <= MAX_WARNINGS {
            self.log.say(LogLevel::Warning, format!("events: {what}"));
        }
    }

    async fn send_tasks(&mut self, tasks: Vec<TaskReport>) {
        for part in tasks.chunks(TASKS_PER_UPDATE) {
            let seq = self.entry.append_tasks(part.to_vec());
            let _ = self.inputs.send(Input::TasksWritten(self.claim, seq)).await;
        }
    }
}

/// Whether both are one file.
#[cfg(unix)]
fn is_same(one: Option<Metadata>, other: Option<Metadata>) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |meta: Metadata| (meta.dev(), meta.ino());
    one.map(id) == other.map(id)
}

#[cfg(not(unix))]
fn is_same(_: Option<Metadata>, _: Option<Metadata>) -> bool {
    true
}
