//! One attempt in the spool.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_api::robot::{JobResult, TaskReport, TaskUpdate};
use baton_core::run::{LogLevel, LogLine, LogStream};
use jiff::Timestamp;

use super::Note;
use super::segments::Segments;

const NOTE: &str = "note.json";
const TASKS: &str = "tasks.jsonl";
const RESULT: &str = "result.json";
/// How the process ended, while what it left is still handed over.
const OUTCOME: &str = "outcome.json";

/// Bytes of lines that one attempt may keep in memory while the disk refuses them, unless they are one batch.
const MAX_IN_MEMORY: usize = 1 << 20;

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
    /// Lines that the disk refused, after those in `logs`.
    refused: VecDeque<LogLine>,
    refused_bytes: usize,
    tasks: VecDeque<TaskUpdate>,
    task_seq: i64,
    task_bytes: u64,
    tasks_file: Option<File>,
    result: Option<JobResult>,
    outcome: Option<JobResult>,
}

impl Entry {
    pub(super) fn create(folder: PathBuf, note: Note, used: &Arc<AtomicU64>) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(NOTE), serde_json::to_vec(&note)?)?;
        Ok(Self::in_memory(folder, note, used))
    }

    /// A place whose folder does not exist: what it takes stays in memory.
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
        // Torn by a crash it says nothing, as if it had not been written.
        state.outcome = serde_json::from_slice(&read_optional(&folder.join(OUTCOME))?).ok();
        Ok(Self {
            note,
            folder: folder.to_owned(),
            used: Arc::clone(used),
            state: Mutex::new(state),
        })
    }

    /// Writes log lines behind the others, into memory while the disk refuses them; why, the first time.
    /// Fails when there is no room in memory either; then acknowledgements must make some.
    pub(crate) fn append_logs(&self, lines: &[LogLine]) -> io::Result<Option<io::Error>> {
        let mut state = self.lock();
        let mut why = None;
        if state.refused.is_empty() {
            match state.logs.append(&self.folder, lines) {
                Ok(bytes) => {
                    self.used.fetch_add(bytes, Ordering::Relaxed);
                    return Ok(None);
                }
                Err(error) => why = Some(error),
            }
        }
        // What is in memory comes before what follows it, so nothing goes to the disk until that is committed.
        // A batch alone always fits: its writer bounds it, and one too large would wait for ever.
        if !state.refused.is_empty() && state.refused_bytes + cost(lines) > MAX_IN_MEMORY {
            return Err(why.unwrap_or_else(|| io::ErrorKind::StorageFull.into()));
        }
        state.refuse(lines);
        Ok(why)
    }

    /// Adds a line of the agent's own behind an attempt that nobody executes any more.
    pub(crate) fn say_at_the_end(&self, message: String) -> io::Result<()> {
        let line = LogLine {
            seq: self.log_range().0 + 1,
            at: Timestamp::now(),
            level: LogLevel::Error,
            stream: LogStream::System,
            task: None,
            message,
        };
        self.append_logs(&[line]).map(|_| ())
    }

    /// Keeps last words about an attempt in memory, however much is there.
    pub(crate) fn keep_logs(&self, lines: &[LogLine]) {
        self.lock().refuse(lines);
    }

    /// Lines after this one, as many as fit into `max` bytes.
    pub(crate) fn read_logs(&self, after: i64, max: usize) -> io::Result<Vec<LogLine>> {
        let mut state = self.lock();
        let lines = state.logs.read(&self.folder, after, max)?;
        if !lines.is_empty() {
            return Ok(lines);
        }
        let mut size = 0;
        let fits = |line: &&LogLine| {
            let is_first = size == 0;
            size += cost(std::slice::from_ref(*line));
            is_first || size <= max
        };
        let newer = state.refused.iter().filter(|line| line.seq > after);
        Ok(newer.take_while(fits).cloned().collect())
    }

    /// Lines up to this one are committed.
    pub(crate) fn ack_logs(&self, seq: i64) -> io::Result<()> {
        let mut state = self.lock();
        while let Some(line) = state.refused.pop_front_if(|line| line.seq <= seq) {
            state.refused_bytes -= cost(&[line]);
        }
        let freed = state.logs.ack(&self.folder, seq)?;
        self.used.fetch_sub(freed, Ordering::Relaxed);
        Ok(())
    }

    /// The last line, and the line up to which all are committed.
    pub(crate) fn log_range(&self) -> (i64, i64) {
        let state = self.lock();
        let in_memory = state.refused.back().map_or(0, |line| line.seq);
        (state.logs.last().max(in_memory), state.logs.acked())
    }

    /// Writes an update of tasks, which is kept in memory as well; its number.
    pub(crate) fn append_tasks(&self, tasks: Vec<TaskReport>) -> i64 {
        let mut state = self.lock();
        let seq = state.task_seq + 1;
        let update = TaskUpdate {
            claim: self.note.claim,
            seq,
            tasks,
        };
        match state.write_tasks(&self.folder, &update) {
            Ok(bytes) => {
                self.used.fetch_add(bytes, Ordering::Relaxed);
            }
            Err(error) => {
                let run = self.note.claim.job_id;
                tracing::warn!(%run, %error, "tasks cannot be written into the spool; they are kept in memory");
            }
        }
        state.task_seq = seq;
        state.tasks.push_back(update);
        seq
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

    /// Remembers how the process ended, for an agent that has to hand the result over in this one's place.
    pub(crate) fn note_outcome(&self, outcome: &JobResult) -> io::Result<()> {
        self.lock().outcome = Some(outcome.clone());
        let partial = self.folder.join("outcome.partial");
        fs::write(&partial, serde_json::to_vec(outcome)?)?;
        fs::rename(&partial, self.folder.join(OUTCOME))
    }

    /// How the process ended, where it has.
    pub(crate) fn outcome(&self) -> Option<JobResult> {
        self.lock().outcome.clone()
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

impl State {
    fn refuse(&mut self, lines: &[LogLine]) {
        self.refused_bytes += cost(lines);
        self.refused.extend(lines.iter().cloned());
    }

    fn write_tasks(&mut self, folder: &Path, update: &TaskUpdate) -> io::Result<u64> {
        let mut line = serde_json::to_vec(update)?;
        line.push(b'\n');
        let file = match &mut self.tasks_file {
            Some(file) => file,
            none => {
                let mut options = File::options();
                none.insert(options.create(true).append(true).open(folder.join(TASKS))?)
            }
        };
        if let Err(error) = file.write_all(&line) {
            // Half an update must not stand in the way of the next one.
            let _ = file.set_len(self.task_bytes);
            return Err(error);
        }
        self.task_bytes += line.len() as u64;
        Ok(line.len() as u64)
    }
}

/// Bytes of lines in memory.
fn cost(lines: &[LogLine]) -> usize {
    lines.iter().map(|line| line.message.len() + 128).sum()
}

fn read_optional(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}
