//! One attempt in the spool.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_api::robot::{JobResult, TaskReport, TaskUpdate};
use baton_core::run::LogLine;

use super::Note;
use super::segments::Segments;

const NOTE: &str = "note.json";
const TASKS: &str = "tasks.jsonl";
const RESULT: &str = "result.json";

/// One attempt in the spool.
pub(crate) struct Entry {
    /// What it is.
    pub(crate) note: Note,
    folder: PathBuf,
    used: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: Segments,
    tasks: VecDeque<TaskUpdate>,
    task_seq: i64,
    task_bytes: u64,
    tasks_file: Option<File>,
    result: Option<JobResult>,
}

impl Entry {
    pub(super) fn create(folder: PathBuf, note: Note, used: &Arc<AtomicU64>) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(NOTE), serde_json::to_vec(&note)?)?;
        Ok(Self::in_memory(folder, note, used))
    }

    /// A place whose folder does not exist: it takes a result and nothing else.
    pub(super) fn in_memory(folder: PathBuf, note: Note, used: &Arc<AtomicU64>) -> Self {
        Self {
            note,
            folder,
            used: Arc::clone(used),
            state: Mutex::default(),
        }
    }

    pub(super) fn load(folder: &Path, used: &Arc<AtomicU64>) -> io::Result<Self> {
        let note = serde_json::from_slice(&fs::read(folder.join(NOTE))?)?;
        let (logs, bytes) = Segments::load(folder)?;
        used.fetch_add(bytes, Ordering::Relaxed);
        let mut state = State {
            logs,
            ..State::default()
        };
        for line in read_optional(&folder.join(TASKS))?.split(|b| *b == b'\n') {
            // The last line may be torn by a crash.
            if let Ok(update) = serde_json::from_slice::<TaskUpdate>(line) {
                state.task_seq = update.seq;
                state.tasks.push_back(update);
            }
        }
        state.result = serde_json::from_slice(&read_optional(&folder.join(RESULT))?).ok();
        Ok(Self {
            note,
            folder: folder.to_owned(),
            used: Arc::clone(used),
            state: Mutex::new(state),
        })
    }

    /// Writes log lines behind the others.
    pub(crate) fn append_logs(&self, lines: &[LogLine]) -> io::Result<()> {
        let bytes = self.lock().logs.append(&self.folder, lines)?;
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Lines after this one, as many as fit into `max` bytes.
    pub(crate) fn read_logs(&self, after: i64, max: usize) -> io::Result<Vec<LogLine>> {
        self.lock().logs.read(&self.folder, after, max)
    }

    /// Lines up to this one are committed.
    pub(crate) fn ack_logs(&self, seq: i64) -> io::Result<()> {
        let freed = self.lock().logs.ack(&self.folder, seq)?;
        self.used.fetch_sub(freed, Ordering::Relaxed);
        Ok(())
    }

    /// The last line, and the line up to which all are committed.
    pub(crate) fn log_range(&self) -> (i64, i64) {
        let state = self.lock();
        (state.logs.last(), state.logs.acked())
    }

    /// Writes an update of tasks; its number.
    pub(crate) fn append_tasks(&self, tasks: Vec<TaskReport>) -> io::Result<i64> {
        let mut state = self.lock();
        let seq = state.task_seq + 1;
        let update = TaskUpdate {
            claim: self.note.claim,
            seq,
            tasks,
        };
        let mut line = serde_json::to_vec(&update)?;
        line.push(b'\n');
        let file = match &mut state.tasks_file {
            Some(file) => file,
            none => {
                let mut options = File::options();
                none.insert(
                    options
                        .create(true)
                        .append(true)
                        .open(self.folder.join(TASKS))?,
                )
            }
        };
        file.write_all(&line)?;
        self.used.fetch_add(line.len() as u64, Ordering::Relaxed);
        state.task_bytes += line.len() as u64;
        state.task_seq = seq;
        state.tasks.push_back(update);
        Ok(seq)
    }

    /// The update after this one.
    pub(crate) fn read_tasks(&self, after: i64) -> Option<TaskUpdate> {
        self.lock().tasks.iter().find(|u| u.seq > after).cloned()
    }

    /// Updates up to this one are committed.
    pub(crate) fn ack_tasks(&self, seq: i64) {
        self.lock().tasks.retain(|u| u.seq > seq);
    }

    /// The last update.
    pub(crate) fn last_tasks(&self) -> i64 {
        self.lock().task_seq
    }

    /// Writes the result and waits until it, and the lines before it, are on the disk.
    pub(crate) fn save_result(&self, result: &JobResult) -> io::Result<()> {
        let mut state = self.lock();
        state.logs.sync()?;
        if let Some(tasks) = &state.tasks_file {
            tasks.sync_data()?;
        }
        let partial = self.folder.join("result.partial");
        let mut file = File::create(&partial)?;
        file.write_all(&serde_json::to_vec(result)?)?;
        file.sync_all()?;
        fs::rename(&partial, self.folder.join(RESULT))?;
        File::open(&self.folder)?.sync_all()?;
        if let Some(spool) = self.folder.parent() {
            File::open(spool)?.sync_all()?;
        }
        state.result = Some(result.clone());
        Ok(())
    }

    /// The result, once there is one. A disk that refuses it does not keep it from the server.
    pub(crate) fn result(&self) -> Option<JobResult> {
        self.lock().result.clone()
    }

    /// Keeps a result in memory only, because the disk refused it.
    pub(crate) fn keep_result(&self, result: JobResult) {
        self.lock().result = Some(result);
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        let state = self.lock();
        self.used
            .fetch_sub(state.logs.bytes() + state.task_bytes, Ordering::Relaxed);
        match fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_optional(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}
