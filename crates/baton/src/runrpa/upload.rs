//! Tells the server about a manual run from its folder: while it goes on, or long after it ended.
//!
//! Its events, outputs and artifacts are read by the same code as on a robot, so a run leaves the same both ways.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_agent::events::{Heard, News};
use baton_agent::left::{self, Bounds, Where};
use baton_api::client::{Client, Result};
use baton_api::rest::{PutArtifact, ReportFinish, ReportLogs, ReportStart, ReportTasks, TaskInput};
use baton_api::robot::TaskReport;
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::id::RunId;
use baton_core::lease;
use baton_core::run::{LogLevel, LogLine, LogStream, Progress};
use baton_core::state::State;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::{Untold, is_refused, within};
use super::record::{self, Position, Record};
use super::spool::Spool;
use crate::output;

/// How often at least the server hears of the run, in seconds: after three times as long it is crashed there.
pub(super) const REPORT_EVERY: u32 = *lease::REPORT_EVERY_BOUNDS.start();
/// A script that says nothing is reported as being there this often: twice as often as was promised to the server.
const STILL_THERE: Duration = Duration::from_secs(REPORT_EVERY as u64 / 2);
/// Lines in one report.
const LINES: usize = 500;
/// Tasks in one report, each with as much data as it may have.
const TASKS: usize = 16;
/// How many bytes such a report has at most.
const MOST_OF_TASKS: u64 = 2 << 20;
/// Files that are handed over: as many and as large as a robot does.
const BOUNDS: Bounds = Bounds {
    files: 1_000,
    bytes: 64 << 20,
};

/// How far the server has been told about one run.
pub(crate) struct Upload {
    client: Client,
    spool: Spool,
    record: Arc<Record>,
    run: Option<(RunId, String)>,
    /// How far the log has been told.
    log: Position,
    /// Why the log could not be read.
    log_fails: Option<std::io::Error>,
    heard: Heard,
    /// Lines for the log that were heard.
    lines: u64,
    /// Tasks that changed and were not yet told.
    tasks: BTreeMap<String, TaskInput>,
    progress: Option<Progress>,
    /// How it ended. From then on everything that it left is in its log, or on its way.
    finish: Option<ReportFinish>,
    /// Names and paths of the files to hand over.
    files: Vec<(String, PathBuf)>,
    /// When the server heard of this run last.
    told: Instant,
    /// How it started: nothing, where not even that was recorded, or why it cannot be read.
    start: std::io::Result<Option<ReportStart>>,
}

impl Upload {
    /// Nothing has been told yet.
    pub(crate) fn new(client: Client, spool: Spool, record: Arc<Record>) -> Self {
        let start = spool.find("start.json");
        Self {
            client,
            heard: Heard::new(&spool.path("events.jsonl"), spool.folder()),
            spool,
            record,
            run: None,
            log: Position::default(),
            log_fails: None,
            lines: 0,
            tasks: BTreeMap::new(),
            progress: None,
            finish: None,
            files: Vec::new(),
            told: Instant::now(),
            start,
        }
    }

    /// The run as the server knows it, once it does.
    pub(crate) fn run(&self) -> Option<(RunId, &str)> {
        self.run.as_ref().map(|(id, name)| (*id, name.as_str()))
    }

    /// Tells everything that is new.
    pub(crate) async fn step(&mut self) -> Result<()> {
        if self.finish.is_none()
            && let Some(news) = self.heard.read()
        {
            self.take(news, true);
        }
        let id = match &self.run {
            Some((id, _)) => *id,
            None => {
                let Ok(Some(start)) = &self.start else {
                    return Ok(());
                };
                let made = within(0, self.client.report_start(start)).await?;
                self.run = Some((made.id, made.name));
                made.id
            }
        };
        self.logs(id).await?;
        self.tasks(id).await?;
        if self.told.elapsed() >= STILL_THERE {
            within(0, self.client.report_tasks(id, &ReportTasks::default())).await?;
            self.told = Instant::now();
        }
        Ok(())
    }

    /// Reads the rest of what the script left, and says in the log what of it cannot be kept. Its outputs and error.
    pub(crate) fn close(&mut self, cancelled: bool) -> (Map<String, Value>, Option<ErrorInfo>) {
        self.look(cancelled, true)
    }

    fn look(&mut self, cancelled: bool, said: bool) -> (Map<String, Value>, Option<ErrorInfo>) {
        while let Some(news) = self.heard.last(cancelled) {
            self.take(news, said);
        }
        let mut outputs = std::mem::take(&mut self.heard.outputs);
        let (work, file) = (self.spool.folder(), self.spool.path("outputs.json"));
        let handed = left::read_outputs(&file, work, &mut outputs);
        let lies = Where {
            work,
            artifacts: &self.spool.path("artifacts"),
            outputs: handed.keep_file.then_some(&file),
        };
        let left = left::collect(lies, BOUNDS);
        if said {
            for warning in handed.warnings.iter().chain(&left.warnings) {
                self.warn(warning);
            }
        }
        let files = left.files.into_iter();
        self.files = files.map(|(name, path, _)| (name, path)).collect();
        (outputs, self.heard.error.take())
    }

    /// The run has ended so. A disk that does not take this fails neither the run nor the telling.
    pub(crate) fn ended(&mut self, finish: ReportFinish) {
        if let Err(failure) = self.spool.write("finish.json", &finish) {
            failure.show(false);
        }
        self.finish = Some(finish);
    }

    /// Tells the rest and the end, and forgets the run here.
    pub(crate) async fn finish(&mut self) -> std::result::Result<(), Untold> {
        let unread = |name: &str, error| Untold::Here(self.spool.path(name), error);
        match std::mem::replace(&mut self.start, Ok(None)) {
            Err(error) => return Err(unread("start.json", error)),
            // Not even a start was recorded.
            Ok(None) => {
                self.spool.remove();
                return Ok(());
            }
            start => self.start = start,
        }
        let finish = match &self.finish {
            Some(finish) => finish.clone(),
            None => {
                let found = self.spool.find("finish.json");
                let found = found.map_err(|error| unread("finish.json", error))?;
                self.left_over(found)
            }
        };
        self.step().await?;
        let Some((id, _)) = &self.run else {
            return Ok(());
        };
        let id = *id;
        self.artifacts(id).await?;
        self.logs(id).await?;
        self.last_lines(id).await?;
        let ended = within(0, self.client.report_finish(id, &finish)).await?;
        if ended.state != finish.state {
            output::warn(&format!(
                "the server had given {} up as {} before it heard that it is {}; it keeps that beside the run",
                ended.name, ended.state, finish.state
            ));
        }
        self.spool.remove();
        Ok(())
    }

    /// How a run ended that an earlier process recorded, perhaps without its end.
    fn left_over(&mut self, found: Option<ReportFinish>) -> ReportFinish {
        if let Some(finish) = found {
            // What it left is in the log already.
            self.look(finish.state == State::Cancelled, false);
            self.finish = Some(finish.clone());
            return finish;
        }
        let (outputs, _) = self.look(false, true);
        let finish = lost(outputs);
        self.ended(finish.clone());
        finish
    }

    fn take(&mut self, news: News, said: bool) {
        for line in &news.lines {
            self.lines += 1;
            if said {
                self.record.heard(line, self.lines);
                if line.stream == LogStream::System {
                    output::warn(&line.message);
                }
            }
        }
        for task in news.tasks {
            self.tasks.insert(task.key.clone(), input(task));
        }
        if news.progress.is_some() {
            self.progress = news.progress;
        }
    }

    /// Says it to the person who runs the script, and in the run's log.
    fn warn(&self, what: &str) {
        output::warn(what);
        self.record.say(LogLevel::Warning, what);
    }

    async fn logs(&mut self, id: RunId) -> Result<()> {
        loop {
            let (lines, end) = match self.record.read(self.log, LINES) {
                Ok(read) => read,
                Err(error) => {
                    self.log_fails = Some(error);
                    return Ok(());
                }
            };
            if lines.is_empty() {
                return Ok(());
            }
            let report = ReportLogs { lines };
            within(record::READ, self.client.report_logs(id, &report)).await?;
            (self.log, self.log_fails) = (end, None);
            self.told = Instant::now();
        }
    }

    /// What the disk of this computer did not take or does not give back.
    async fn last_lines(&mut self, id: RunId) -> Result<()> {
        let fails = self.log_fails.take().map(|error| LogLine {
            seq: 0,
            at: Timestamp::now(),
            level: LogLevel::Warning,
            stream: LogStream::System,
            task: None,
            message: format!("the rest of this log cannot be read on its computer: {error}"),
        });
        for mut line in fails.into_iter().chain(self.record.unwritten()) {
            line.seq = self.log.seq + 1;
            let lines = vec![line];
            within(0, self.client.report_logs(id, &ReportLogs { lines })).await?;
            self.log.seq += 1;
        }
        Ok(())
    }

    async fn tasks(&mut self, id: RunId) -> Result<()> {
        while !self.tasks.is_empty() || self.progress.is_some() {
            let tasks: Vec<TaskInput> = self.tasks.values().take(TASKS).cloned().collect();
            let keys: Vec<String> = tasks.iter().map(|task| task.key.clone()).collect();
            let progress = self.progress.clone();
            let report = ReportTasks { tasks, progress };
            match within(MOST_OF_TASKS, self.client.report_tasks(id, &report)).await {
                Err(error) if is_refused(&error) => {
                    let (many, first) = (keys.len(), keys.first());
                    self.warn(&format!(
                        "the server refuses {many} tasks, {first:?} the first of them: {error}"
                    ));
                }
                told => told?,
            }
            self.told = Instant::now();
            self.progress = None;
            for key in keys {
                self.tasks.remove(&key);
            }
        }
        Ok(())
    }

    async fn artifacts(&mut self, id: RunId) -> Result<()> {
        while let Some((name, path)) = self.files.last().cloned() {
            let sent = match std::fs::read(&path) {
                Ok(bytes) => self.artifact(id, &name, bytes).await,
                Err(error) => {
                    self.warn(&format!("artifact {name:?} was not uploaded: {error}"));
                    Ok(())
                }
            };
            match sent {
                Err(error) if is_refused(&error) => {
                    self.warn(&format!("artifact {name:?} was not uploaded: {error}"));
                }
                sent => sent?,
            }
            self.files.pop();
        }
        Ok(())
    }

    async fn artifact(&self, id: RunId, name: &str, bytes: Vec<u8>) -> Result<()> {
        let about = PutArtifact {
            name: name.to_owned(),
            attempt: 1,
            fence: 0,
        };
        let kind = "application/octet-stream";
        let size = bytes.len() as u64;
        let put = self.client.put_artifact(id, &about, kind, bytes);
        tokio::select! {
            put = within(size, put) => put.map(|_| ()),
            never = self.still_there(id) => never,
        }
    }

    /// Lets the server hear of the run for as long as it is polled: a file may take longer than it would wait.
    async fn still_there(&self, id: RunId) -> Result<()> {
        loop {
            tokio::time::sleep(STILL_THERE).await;
            // What this cannot tell, the next telling can, or the upload beside it.
            let _ = within(0, self.client.report_tasks(id, &ReportTasks::default())).await;
        }
    }
}

/// The end of a run whose process was killed before it could say how it ended.
fn lost(outputs: Map<String, Value>) -> ReportFinish {
    ReportFinish {
        state: State::Crashed,
        exit_code: None,
        outputs,
        execution_time: None,
        error: Some(ErrorInfo::new(
            ErrorKind::Lost,
            "runrpa was ended before the script was",
        )),
        ended_at: None,
    }
}

fn input(task: TaskReport) -> TaskInput {
    TaskInput {
        key: task.key,
        name: task.name,
        state: task.state,
        after: task.after,
        tries: task.tries,
        started_at: task.started_at,
        ended_at: task.ended_at,
        error: task.error,
        data: task.data,
    }
}
