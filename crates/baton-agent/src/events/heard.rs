//! What a script said in its events file, put together: its tasks, its progress, its outputs, its error, its lines.
//!
//! Agents and manual runs hear a script with the same ears, so that a run leaves the same both ways.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use baton_api::robot::{MAX_OUTPUTS, TaskReport};
use baton_core::error::{ErrorInfo, clip};
use baton_core::run::{LogLevel, LogStream, Progress};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Event;
use super::follow::{Follow, Said};
use super::tasks::Tasks;

/// Lines that cannot be read are shown one by one up to this many; the rest is counted.
const MAX_WARNINGS: u64 = 20;

/// A line for the run's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// How much it matters.
    pub level: LogLevel,
    /// The script's own words are its output; a warning is Baton's.
    pub stream: LogStream,
    /// The task it belongs to.
    pub task: Option<String>,
    /// The text.
    pub message: String,
}

/// What is new since the last reading.
#[derive(Debug, Default)]
pub struct News {
    /// Lines for the log, in order.
    pub lines: Vec<Line>,
    /// Tasks that changed, each whole and once.
    pub tasks: Vec<TaskReport>,
    /// How far the script is.
    pub progress: Option<Progress>,
    /// Where in `tasks` each stands.
    places: HashMap<String, usize>,
}

/// A script's reports, put together.
pub struct Heard {
    follow: Follow,
    work: PathBuf,
    tasks: Tasks,
    /// Values it gave back by events.
    pub outputs: Map<String, Value>,
    outputs_size: usize,
    /// The error that it reported last.
    pub error: Option<ErrorInfo>,
    warnings: u64,
    /// The file was read to its end, and what may lie in its place was looked for.
    looked_again: bool,
    closed: bool,
}

impl Heard {
    /// Begins to listen to an events file in this work folder, which should be there.
    pub fn new(file: &Path, work: &Path) -> Self {
        Self {
            follow: Follow::open(file, work),
            work: work.to_owned(),
            tasks: Tasks::default(),
            outputs: Map::new(),
            outputs_size: 0,
            error: None,
            warnings: 0,
            looked_again: false,
            closed: false,
        }
    }

    /// Reads on: some of what is new, and nothing if there is nothing.
    pub fn read(&mut self) -> Option<News> {
        let mut said = Vec::new();
        let more = self.follow.read(&mut |one| said.push(one));
        (more || !said.is_empty()).then(|| self.news(said))
    }

    /// Reads on when the script has ended: until it gives nothing, all was read, and what was open is closed.
    pub fn last(&mut self, cancelled: bool) -> Option<News> {
        if self.closed {
            return None;
        }
        if let Some(news) = self.read() {
            return Some(news);
        }
        let mut said = Vec::new();
        self.follow.last_line(&mut |one| said.push(one));
        if !std::mem::replace(&mut self.looked_again, true) {
            self.follow
                .turn_to_another(&self.work, &mut |one| said.push(one));
            return Some(self.news(said));
        }
        self.closed = true;
        let mut news = self.news(said);
        for task in self.tasks.close(cancelled, Timestamp::now()) {
            news.task(task);
        }
        if self.warnings > MAX_WARNINGS {
            let more = self.warnings - MAX_WARNINGS;
            news.warn(format!("{more} more lines were not understood"));
        }
        if let Some(error) = &mut self.error {
            error.task = error.task.take().or_else(|| self.tasks.last_failed.take());
        }
        Some(news)
    }

    fn news(&mut self, said: Vec<Said>) -> News {
        let mut news = News::default();
        for one in said {
            match one {
                Said::Event(event) => self.event(*event, &mut news),
                Said::Warning(what) => self.warn(what, &mut news),
            }
        }
        news
    }

    fn event(&mut self, event: Event, news: &mut News) {
        match event {
            Event::Task(event) => {
                let applied = self.tasks.apply(event, Timestamp::now());
                for note in std::mem::take(&mut self.tasks.notes) {
                    self.warn(note, news);
                }
                match applied {
                    Ok(task) => news.task(task),
                    Err(why) => self.warn(why, news),
                }
            }
            Event::Progress {
                percent,
                message,
                task,
            } => {
                news.progress = Some(Progress {
                    percent: percent
                        .filter(|p| p.is_finite())
                        .map(|p| p.clamp(0.0, 100.0)),
                    message: message.map(|m| clip(m, 1_024)),
                    task: task.map(|t| clip(t, 256)),
                });
            }
            Event::Output { name, value } => self.output(name, value, news),
            Event::Log {
                level,
                message,
                task,
            } => news.say(level, task, &message),
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
    }

    fn output(&mut self, name: String, value: Value, news: &mut News) {
        self.outputs_size += name.len() + value.to_string().len() + 4;
        if self.outputs_size > MAX_OUTPUTS {
            let what = format!(
                "outputs exceed {MAX_OUTPUTS} bytes; {name:?} is not kept, leave a file in BATON_ARTIFACTS instead"
            );
            self.warn(what, news);
        } else {
            self.outputs.insert(name, value);
        }
    }

    fn warn(&mut self, what: String, news: &mut News) {
        self.warnings += 1;
        if self.warnings <= MAX_WARNINGS {
            news.warn(what);
        }
    }
}

impl News {
    /// Only the newest word on a task counts.
    fn task(&mut self, task: TaskReport) {
        match self.places.get(&task.key) {
            Some(at) => self.tasks[*at] = task,
            None => {
                self.places.insert(task.key.clone(), self.tasks.len());
                self.tasks.push(task);
            }
        }
    }

    /// The lines of a message; an empty one is a line too.
    fn say(&mut self, level: LogLevel, task: Option<String>, message: &str) {
        let task = task.map(|t| clip(t, 256));
        let lines = message.strip_suffix('\n').unwrap_or(message).split('\n');
        self.lines.extend(lines.map(|text| {
            Line {
                level,
                stream: LogStream::Stdout,
                task: task.clone(),
                message: text
                    .strip_suffix('\r')
                    .unwrap_or(text)
                    .replace('\0', "\u{2400}"),
            }
        }));
    }

    fn warn(&mut self, what: String) {
        self.lines.push(Line {
            level: LogLevel::Warning,
            stream: LogStream::System,
            task: None,
            message: format!("events: {what}"),
        });
    }
}
