//! The agent's own log: a ring in memory, a bounded file on disk, and shipped to the server.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use baton_api::robot::{RobotLog, RobotLogLine};
use baton_core::error::clip;
use baton_core::run::LogLevel;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::session::Input;

/// Lines kept in memory for the server; older ones stay in the file only.
const MAX_LINES: usize = 2_000;
/// The file is turned over at this many bytes; one older file is kept.
const MAX_FILE: u64 = 4 << 20;
/// Longest line, in bytes.
const MAX_MESSAGE: usize = 2_048;
/// Lines in one frame.
const BATCH: usize = 200;

/// The agent's own log.
#[derive(Clone)]
pub(crate) struct Journal {
    state: Arc<Mutex<State>>,
    inputs: mpsc::Sender<Input>,
}

struct State {
    lines: VecDeque<RobotLogLine>,
    last: i64,
    path: PathBuf,
    file: Option<File>,
    size: u64,
}

impl Journal {
    /// A journal that goes on in this folder.
    pub(crate) fn open(folder: &Path, inputs: mpsc::Sender<Input>) -> Self {
        let path = folder.join("agent.log");
        let file = File::options().create(true).append(true).open(&path).ok();
        let size = fs::metadata(&path).map_or(0, |m| m.len());
        let state = State {
            lines: VecDeque::new(),
            // Numbers rise across restarts without being kept anywhere: they begin at the time.
            last: Timestamp::now().as_microsecond(),
            path,
            file,
            size,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            inputs,
        }
    }

    /// One line.
    pub(crate) fn note(&self, level: LogLevel, message: impl Into<String>) {
        let message = clip(message.into(), MAX_MESSAGE);
        match level {
            LogLevel::Debug => tracing::debug!("{message}"),
            LogLevel::Info => tracing::info!("{message}"),
            LogLevel::Warning => tracing::warn!("{message}"),
            LogLevel::Error | LogLevel::Critical => tracing::error!("{message}"),
        }
        let seq = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.last += 1;
            let line = RobotLogLine {
                seq: state.last,
                at: Timestamp::now(),
                level,
                message,
            };
            state.write(&line);
            if state.lines.len() == MAX_LINES {
                state.lines.pop_front();
            }
            state.lines.push_back(line);
            state.last
        };
        // A full channel loses the news; the runner asks for it at its next tick.
        let _ = self.inputs.try_send(Input::JournalWritten(seq));
    }

    /// The last line.
    pub(crate) fn last(&self) -> i64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines.back().map_or(0, |l| l.seq)
    }

    /// Lines after this one for one frame.
    pub(crate) fn after(&self, seq: i64) -> Option<RobotLog> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = state.lines.iter().filter(|l| l.seq > seq);
        let lines: Vec<RobotLogLine> = newer.take(BATCH).cloned().collect();
        (!lines.is_empty()).then_some(RobotLog { lines })
    }
}

impl State {
    fn write(&mut self, line: &RobotLogLine) {
        if self.size > MAX_FILE {
            // A disk that refuses its log must not stop the agent: the ring still has the line.
            let _ = fs::rename(&self.path, self.path.with_extension("log.1"));
            self.file = File::options()
                .create(true)
                .append(true)
                .open(&self.path)
                .ok();
            self.size = 0;
        }
        let text = format!(
            "{} {:?} {}\n",
            line.at,
            line.level,
            line.message.replace('\n', " ")
        );
        self.size += text.len() as u64;
        if let Some(file) = &mut self.file {
            let _ = file.write_all(text.as_bytes());
        }
    }
}
