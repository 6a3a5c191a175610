//! The log of one attempt on its way into the spool: numbered, batched, bounded, and never silently short.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use baton_api::robot::Claim;
use baton_core::run::{LogLevel, LogLine, LogStream};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use super::last_lines::LastLines;
use super::quota::{Quota, Verdict};
use super::telling::LastLine;
use crate::config::LogLimits;
use crate::lines::shortened;
use crate::process::boot_clock;
use crate::session::Input;
use crate::spool::{Entry, Spool};

/// Lines wait at most this long for company before they are written.
const BATCH_FOR: Duration = Duration::from_millis(10);
/// More than this many bytes waiting stop the pipes until they are written.
const MAX_WAITING: usize = 256 << 10;
/// How long a pipe waits before it looks again whether the spool has room.
const FULL_AGAIN: Duration = Duration::from_millis(50);

/// The log of one attempt.
pub(crate) struct RunLog {
    claim: Claim,
    entry: Arc<Entry>,
    spool: Arc<Spool>,
    inputs: mpsc::Sender<Input>,
    waiting: Notify,
    /// The processes are gone: what is left in the pipes is read without waiting for room.
    ending: AtomicBool,
    state: Mutex<State>,
}

struct State {
    last: i64,
    batch: Vec<LogLine>,
    bytes: usize,
    quota: Quota,
    bound: u64,
    last_lines: LastLines,
    /// It was said that the spool is full; said again after it had room.
    full_said: bool,
    /// The last flush found no room anywhere.
    stuck: bool,
}

impl RunLog {
    /// A log that goes on after what is in the spool.
    pub(crate) fn new(
        entry: Arc<Entry>,
        spool: Arc<Spool>,
        inputs: mpsc::Sender<Input>,
        limits: LogLimits,
    ) -> Self {
        let (last, _) = entry.log_range();
        Self {
            claim: entry.note.claim,
            entry,
            spool,
            inputs,
            waiting: Notify::new(),
            ending: AtomicBool::new(false),
            state: Mutex::new(State {
                last,
                batch: Vec::new(),
                bytes: 0,
                quota: Quota::new(limits, boot_clock()),
                bound: limits.bytes,
                last_lines: LastLines::default(),
                full_said: false,
                stuck: false,
            }),
        }
    }

    /// A word of Baton's own about the run. Few and short, so no quota holds on them.
    pub(crate) fn say(&self, level: LogLevel, message: impl Into<String>) {
        self.push(
            &mut self.lock(),
            level,
            LogStream::System,
            None,
            message.into(),
        );
    }

    /// A line of the run; how long to wait before the next one is read.
    pub(crate) fn line(
        &self,
        level: LogLevel,
        stream: LogStream,
        task: Option<String>,
        message: String,
    ) -> Duration {
        let mut state = self.lock();
        let now = boot_clock();
        state.last_lines.push(stream, &message, now);
        let first = state.quota.dropped_lines == 0;
        match state.quota.admit(message.len(), now) {
            Verdict::Keep(wait) => {
                self.push(&mut state, level, stream, task, message);
                return wait;
            }
            Verdict::Drop if first => {
                let bound = state.bound;
                let mark = format!(
                    "log truncated: {bound} bytes are kept of one attempt; from here on lines are counted only"
                );
                self.push(&mut state, LogLevel::Warning, LogStream::System, None, mark);
            }
            Verdict::Drop => {}
        }
        Duration::ZERO
    }

    /// The last lines of both streams, where the reason of a failure is looked for.
    pub(crate) fn last_lines(&self) -> Vec<LastLine> {
        self.lock().last_lines.all(boot_clock())
    }

    /// Writes what waits into the spool, and tells the session.
    pub(crate) async fn flush(&self) {
        let written = {
            let mut state = self.lock();
            if state.batch.is_empty() {
                return;
            }
            match self.entry.append_logs(&state.batch) {
                Ok(refused) => {
                    state.batch.clear();
                    state.bytes = 0;
                    state.stuck = false;
                    let written = state.last;
                    if let Some(why) = refused {
                        let mark = format!(
                            "the robot's disk refuses log lines ({why}); until it takes them again they are kept in memory"
                        );
                        self.push(&mut state, LogLevel::Warning, LogStream::System, None, mark);
                    }
                    written
                }
                Err(error) => {
                    // They stay in memory, the pipes wait, and the next round tries again.
                    if !std::mem::replace(&mut state.stuck, true) {
                        tracing::warn!(run = %self.claim.job_id, %error, "log lines cannot be written into the spool");
                    }
                    return;
                }
            }
        };
        // The session is gone only when the agent is.
        let _ = self
            .inputs
            .send(Input::LogsWritten(self.claim, written))
            .await;
    }

    /// Flushes whenever something waits, for as long as it is polled.
    pub(crate) async fn keep_flushing(&self) {
        loop {
            self.waiting.notified().await;
            tokio::time::sleep(BATCH_FOR).await;
            self.flush().await;
            if self.lock().stuck {
                // Room comes from the server, not from the run, which may say nothing more.
                tokio::time::sleep(FULL_AGAIN).await;
                self.waiting.notify_one();
            }
        }
    }

    /// Nothing writes any more: what is still in the pipes is the last of it, and little.
    pub(crate) fn ends(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Waits until more may be read: this long, because the run says too much, and then until there is room.
    pub(crate) async fn may_go_on(&self, wait: Duration) {
        // What is in the pipes of processes that are gone is the last of it, and little.
        if !wait.is_zero() && !self.ending.load(Ordering::Relaxed) {
            tokio::time::sleep(wait).await;
        }
        self.room().await;
    }

    /// Waits until there is room for more.
    async fn room(&self) {
        loop {
            if self.lock().bytes > MAX_WAITING {
                self.flush().await;
            }
            if self.ending.load(Ordering::Relaxed) {
                return;
            }
            let full = self.spool.is_full();
            {
                let mut state = self.lock();
                if state.bytes <= MAX_WAITING && !full {
                    state.full_said = false;
                    return;
                }
                if full && !std::mem::replace(&mut state.full_said, true) {
                    let mark = "the robot's spool is full; the run waits at its output until the server has taken some";
                    let mark = mark.to_owned();
                    self.push(&mut state, LogLevel::Warning, LogStream::System, None, mark);
                }
            }
            tokio::time::sleep(FULL_AGAIN).await;
        }
    }

    /// Says what was not kept and writes the rest. Lines that the disk refuses stay in memory.
    pub(crate) async fn finish(&self) {
        {
            let mut state = self.lock();
            let (lines, bytes) = (state.quota.dropped_lines, state.quota.dropped_bytes);
            if lines > 0 {
                let mark = format!("log truncated: {lines} lines, {bytes} bytes not kept");
                self.push(&mut state, LogLevel::Warning, LogStream::System, None, mark);
            }
        }
        self.flush().await;
        // The mark of a flush that the disk refused.
        self.flush().await;
        {
            // What neither disk nor memory had room for is little now: what was in the pipes, and a batch.
            let mut state = self.lock();
            self.entry.keep_logs(&std::mem::take(&mut state.batch));
            state.bytes = 0;
        }
        // A flush that was cut off may have written without telling.
        let (last, _) = self.entry.log_range();
        let _ = self.inputs.send(Input::LogsWritten(self.claim, last)).await;
    }

    fn push(
        &self,
        state: &mut State,
        level: LogLevel,
        stream: LogStream,
        task: Option<String>,
        message: String,
    ) {
        state.last += 1;
        state.bytes += message.len() + 64;
        state.batch.push(LogLine {
            seq: state.last,
            at: Timestamp::now(),
            level,
            stream,
            task,
            message: shortened(message),
        });
        self.waiting.notify_one();
    }

    /// What was said and not yet flushed.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        let lines = &self.lock().batch;
        lines.iter().map(|l| l.message.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
