//! Tells the server about a manual run from its folder: while it goes on, or long after it ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use baton_agent::events::{Event, TaskEvent};
use baton_api::client::{Client, Result};
use baton_api::rest::{PutArtifact, ReportFinish, ReportLogs, ReportStart, ReportTasks, TaskInput};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::id::RunId;
use baton_core::lease;
use baton_core::run::{LogLine, Progress};
use baton_core::state::State;
use jiff::Timestamp;
use serde_json::Value;

use super::spool::Spool;

/// How often at least the server hears of the run, in seconds: after three times as long it is crashed there.
pub(super) const REPORT_EVERY: u32 = *lease::REPORT_EVERY_BOUNDS.start();
/// A script that says nothing is reported as being there this often: twice as often as was promised to the server.
const STILL_THERE: Duration = Duration::from_secs(REPORT_EVERY as u64 / 2);
/// Lines in one report.
const LINES: usize = 500;
/// Longest events file that is read in one step, in bytes; the rest comes with the next.
const EVENTS: u64 = 4 << 20;
/// Largest file that is handed over, in bytes.
const MAX_ARTIFACT: u64 = 64 << 20;
/// Most files that are handed over.
const MAX_ARTIFACTS: usize = 1_000;

/// How far the server has been told about one run.
pub(crate) struct Upload {
    client: Client,
    spool: Spool,
    run: Option<(RunId, String)>,
    /// How far `log.jsonl` has been told, in bytes.
    log: u64,
    /// How far `events.jsonl` has been read, in bytes.
    events: u64,
    tasks: BTreeMap<String, TaskInput>,
    /// When the server heard of this run last.
    told: Instant,
}

impl Upload {
    /// Nothing has been told yet.
    pub(crate) fn new(client: Client, spool: Spool) -> Self {
        Self {
            client,
            spool,
            run: None,
            log: 0,
            events: 0,
            tasks: BTreeMap::new(),
            told: Instant::now(),
        }
    }

    /// The run as the server knows it, once it does.
    pub(crate) fn run(&self) -> Option<(RunId, &str)> {
        self.run.as_ref().map(|(id, name)| (*id, name.as_str()))
    }

    /// Tells everything that is new.
    pub(crate) async fn step(&mut self) -> Result<()> {
        let id = match &self.run {
            Some((id, _)) => *id,
            None => {
                let Some(start) = self.spool.read::<ReportStart>("start.json") else {
                    return Ok(());
                };
                let made = self.client.report_start(&start).await?;
                self.run = Some((made.id, made.name));
                made.id
            }
        };
        self.logs(id).await?;
        self.tasks(id).await?;
        if self.told.elapsed() >= STILL_THERE {
            self.client
                .report_tasks(id, &ReportTasks::default())
                .await?;
            self.told = Instant::now();
        }
        Ok(())
    }

    /// Tells the rest and the end, and forgets the run here.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        self.step().await?;
        let Some((id, _)) = &self.run else {
            // Not even a start was recorded.
            self.spool.remove();
            return Ok(());
        };
        let id = *id;
        self.artifacts(id).await?;
        let finish = self.spool.read("finish.json").unwrap_or_else(lost);
        let ended = self.client.report_finish(id, &finish).await?;
        if ended.state != finish.state {
            crate::output::warn(&format!(
                "the server had given {} up as {} before it heard that it is {}; it keeps that beside the run",
                ended.name, ended.state, finish.state
            ));
        }
        self.spool.remove();
        Ok(())
    }

    async fn logs(&mut self, id: RunId) -> Result<()> {
        loop {
            let (lines, end) = read_lines(&self.spool.path("log.jsonl"), self.log, LINES);
            if lines.is_empty() {
                return Ok(());
            }
            self.client.report_logs(id, &ReportLogs { lines }).await?;
            self.log = end;
            self.told = Instant::now();
        }
    }

    async fn tasks(&mut self, id: RunId) -> Result<()> {
        let (events, end) = read_events(&self.spool.path("events.jsonl"), self.events);
        let mut changed = BTreeMap::new();
        let mut progress = None;
        for event in events {
            match event {
                Event::Task(task) => {
                    if let Some(task) = merge(&mut self.tasks, task, Timestamp::now()) {
                        changed.insert(task.key.clone(), task);
                    }
                }
                Event::Progress {
                    percent,
                    message,
                    task,
                } => {
                    progress = Some(Progress {
                        percent,
                        message,
                        task,
                    });
                }
                // Outputs and the error belong to the end; lines are in the log already.
                _ => {}
            }
        }
        if !changed.is_empty() || progress.is_some() {
            let report = ReportTasks {
                tasks: changed.into_values().collect(),
                progress,
            };
            self.client.report_tasks(id, &report).await?;
            self.told = Instant::now();
        }
        self.events = end;
        Ok(())
    }

    async fn artifacts(&self, id: RunId) -> Result<()> {
        let folder = self.spool.path("artifacts");
        for name in files(&folder) {
            let path = folder.join(&name);
            let small = std::fs::metadata(&path).is_ok_and(|m| m.len() <= MAX_ARTIFACT);
            let Some(bytes) = small.then(|| std::fs::read(&path).ok()).flatten() else {
                crate::output::warn(&format!(
                    "{name} is larger than {MAX_ARTIFACT} bytes or cannot be read, and is not handed over"
                ));
                continue;
            };
            let about = PutArtifact {
                name,
                attempt: 1,
                fence: 0,
            };
            self.client
                .put_artifact(id, &about, "application/octet-stream", bytes)
                .await?;
        }
        Ok(())
    }
}

/// The end of a run whose process was killed before it could say how it ended.
fn lost() -> ReportFinish {
    ReportFinish {
        state: State::Crashed,
        exit_code: None,
        outputs: serde_json::Map::new(),
        execution_time: None,
        error: Some(ErrorInfo::new(
            ErrorKind::Lost,
            "runrpa was ended before the script was",
        )),
        ended_at: None,
    }
}

/// Whole lines from a position on, and the position after them.
fn read_lines(path: &Path, from: u64, most: usize) -> (Vec<LogLine>, u64) {
    let mut lines = Vec::new();
    let mut end = from;
    let Ok(mut file) = File::open(path) else {
        return (lines, end);
    };
    if file.seek(SeekFrom::Start(from)).is_err() {
        return (lines, end);
    }
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    while lines.len() < most {
        text.clear();
        match reader.read_until(b'\n', &mut text) {
            Ok(read) if text.ends_with(b"\n") => {
                end += read as u64;
                // A line torn by a full disk is passed over.
                lines.extend(serde_json::from_slice::<LogLine>(&text));
            }
            _ => break,
        }
    }
    (lines, end)
}

/// Whole events from a position on, and the position after them. Lines that are no events are passed over.
pub(crate) fn read_events(path: &Path, from: u64) -> (Vec<Event>, u64) {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(EVENTS).read_to_end(&mut text)
    });
    let Some(whole) = text
        .iter()
        .rposition(|b| *b == b'\n')
        .filter(|_| read.is_ok())
    else {
        return (Vec::new(), from);
    };
    let events = text[..whole]
        .split(|b| *b == b'\n')
        .filter_map(|line| baton_agent::events::read(line).ok())
        .map(|(event, _)| event)
        .collect();
    (events, from + whole as u64 + 1)
}

/// Brings a task up to date with what was said of it last; what was left out stays.
fn merge(
    tasks: &mut BTreeMap<String, TaskInput>,
    said: TaskEvent,
    now: Timestamp,
) -> Option<TaskInput> {
    let key = said.key.or_else(|| said.name.clone())?;
    let task = tasks.entry(key.clone()).or_insert_with(|| TaskInput {
        name: key.clone(),
        key,
        state: State::Pending,
        after: Vec::new(),
        tries: 0,
        started_at: None,
        ended_at: None,
        error: None,
        data: Value::Null,
    });
    if let Some(name) = said.name {
        task.name = name;
    }
    if let Some(after) = said.after {
        task.after = after;
    }
    if let Some(data) = said.data {
        task.data = data;
    }
    if let Some(state) = said.state {
        task.state = state;
        if state == State::Running {
            task.tries += 1;
            task.started_at = said.started_at.or(task.started_at).or(Some(now));
            task.ended_at = None;
        } else if state.is_terminal() {
            task.ended_at = said.ended_at.or(Some(now));
        }
    }
    if let Some(tries) = said.tries {
        task.tries = tries;
    }
    task.error = said.error.map(|error| match error {
        Value::String(message) => ErrorInfo::new(ErrorKind::Failed, message),
        other => serde_json::from_value(other.clone())
            .unwrap_or_else(|_| ErrorInfo::new(ErrorKind::Failed, other.to_string())),
    });
    Some(task.clone())
}

/// Names of the plain files in a folder and below, `/`-separated, in order. Links are not followed.
fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![String::new()];
    while let Some(prefix) = open.pop() {
        let Ok(entries) = std::fs::read_dir(folder.join(&prefix)) else {
            continue;
        };
        for entry in entries.filter_map(std::result::Result::ok) {
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            if names.len() + open.len() >= MAX_ARTIFACTS {
                break;
            }
            if kind.is_dir() {
                open.push(format!("{prefix}{name}/"));
            } else if kind.is_file() {
                names.push(format!("{prefix}{name}"));
            }
        }
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_keeps_what_is_not_said_again() {
        let mut tasks = BTreeMap::new();
        let now = Timestamp::UNIX_EPOCH;
        let said = |text: &str| serde_json::from_str::<TaskEvent>(text).expect("an event");
        merge(
            &mut tasks,
            said(r#"{"key":"a","name":"Read","state":"running","after":["b"]}"#),
            now,
        );
        let task = merge(
            &mut tasks,
            said(r#"{"key":"a","state":"failed","error":"no"}"#),
            now,
        )
        .expect("it has a key");
        assert_eq!(
            (task.name.as_str(), task.after.len(), task.tries),
            ("Read", 1, 1)
        );
        assert_eq!(task.state, State::Failed);
        assert_eq!(task.error.expect("said").message, "no");
        assert!(merge(&mut tasks, TaskEvent::default(), now).is_none());
    }

    #[test]
    fn half_a_line_is_left_for_the_next_reading() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.jsonl");
        std::fs::write(
            &path,
            "{\"type\":\"output\",\"name\":\"n\"}\nnonsense\n{\"type\":",
        )
        .expect("written");
        let (events, end) = read_events(&path, 0);
        assert_eq!(events.len(), 1);
        assert_eq!(end, 38);
        assert!(read_events(&path, end).0.is_empty());
    }

    #[test]
    fn files_are_found_below_folders_and_links_are_not_followed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("d")).expect("made");
        std::fs::write(folder.path().join("d/x"), "").expect("written");
        std::fs::write(folder.path().join("a"), "").expect("written");
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).expect("linked");
        assert_eq!(files(folder.path()), ["a", "d/x"]);
    }
}
