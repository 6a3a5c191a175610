//! Both streams of a process, read by one task in the order in which they had something to say.
//!
//! Two pipes know nothing of each other, so what is in both at once has no order any more. What can be done is to
//! read early, and to read first from the pipe that had something first.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use baton_core::run::{LogLevel, LogStream};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::log::RunLog;
use crate::lines::{Lines, RESTS_AFTER};
use crate::process::boot_clock;

/// How much is read from a pipe at once.
const READ: usize = 32 << 10;

/// Reads standard output and standard error of a process to their ends.
pub(crate) async fn pump<R: AsyncRead + Unpin>(out: R, err: R, log: Arc<RunLog>) {
    // Who was woken first is polled first: the set keeps its members in the order in which they were woken.
    let mut turns = FuturesUnordered::new();
    turns.push(Source::new(out, LogStream::Stdout).turn());
    turns.push(Source::new(err, LogStream::Stderr).turn());
    while let Some((mut source, read)) = turns.next().await {
        let read = read.transpose().unwrap_or_else(|error| {
            let what = match source.stream {
                LogStream::Stderr => "standard error",
                _ => "standard output",
            };
            let why = format!("{what} cannot be read any more, what comes is lost: {error}");
            log.say(LogLevel::Warning, why);
            Some(0)
        });
        let wait = source.take(read, &log);
        if read != Some(0) {
            log.may_go_on(wait).await;
            turns.push(source.turn());
        }
    }
}

struct Source<R> {
    from: R,
    stream: LogStream,
    lines: Lines,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Source<R> {
    fn new(from: R, stream: LogStream) -> Self {
        Self {
            from,
            stream,
            lines: Lines::default(),
            buffer: vec![0; READ],
        }
    }

    /// Waits until there is something and reads it; 0 is the end, `None` a rest in a line that is drawn.
    async fn turn(mut self) -> (Self, Option<io::Result<usize>>) {
        let reading = self.from.read(&mut self.buffer);
        let read = if self.lines.is_drawn() {
            tokio::time::timeout(RESTS_AFTER, reading).await.ok()
        } else {
            Some(reading.await)
        };
        (self, read)
    }

    /// Puts what was read into the log; how long to wait before more is read.
    fn take(&mut self, read: Option<usize>, log: &RunLog) -> Duration {
        let mut wait = Duration::ZERO;
        let mut line = |text: String| {
            let slower = log.line(LogLevel::Info, self.stream, None, text);
            wait = wait.max(slower);
        };
        match read {
            None => self.lines.rested(boot_clock(), line),
            Some(0) => self.lines.rest().into_iter().for_each(line),
            Some(n) => self.lines.feed(&self.buffer[..n], boot_clock(), &mut line),
        }
        wait
    }
}

#[cfg(all(test, target_os = "linux"))]
#[path = "streams_tests.rs"]
mod tests;
