//! Telling the session what a script says in its events file, while it runs and once at its end.

use std::sync::Arc;

use baton_api::robot::{Claim, TaskReport};
use baton_core::run::LogStream;
use tokio::sync::mpsc;

use super::command::Places;
use super::log::RunLog;
use crate::events::{Heard, News};
use crate::session::Input;
use crate::spool::Entry;

/// Tasks in one update: the frame stays far below the longest.
const TASKS_PER_UPDATE: usize = 16;

/// A script's reports on their way into log, spool and session.
pub(crate) struct Reports {
    /// What it said.
    pub(crate) heard: Heard,
    claim: Claim,
    entry: Arc<Entry>,
    log: Arc<RunLog>,
    inputs: mpsc::Sender<Input>,
}

impl Reports {
    pub(crate) fn new(
        places: &Places,
        entry: Arc<Entry>,
        log: Arc<RunLog>,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        Self {
            heard: Heard::new(&places.events, &places.work),
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

    /// Reads some of what is new.
    pub(crate) async fn follow(&mut self) {
        if let Some(news) = self.heard.read() {
            self.tell(news).await;
        }
    }

    /// Reads the rest, closes what is open, and says what was not understood.
    pub(crate) async fn finish(&mut self, cancelled: bool) {
        while let Some(news) = self.heard.last(cancelled) {
            self.tell(news).await;
        }
    }

    async fn tell(&self, news: News) {
        for line in news.lines {
            match line.stream {
                LogStream::System => self.log.say(line.level, line.message),
                stream => {
                    // What its lines cost is bounded by the file; only the pipes are slowed down.
                    let _ = self.log.line(line.level, stream, line.task, line.message);
                }
            }
        }
        self.send_tasks(&news.tasks).await;
        if let Some(progress) = news.progress {
            let _ = self
                .inputs
                .send(Input::Progress(self.claim, progress))
                .await;
        }
    }

    async fn send_tasks(&self, tasks: &[TaskReport]) {
        for part in tasks.chunks(TASKS_PER_UPDATE) {
            let seq = self.entry.append_tasks(part.to_vec());
            let _ = self.inputs.send(Input::TasksWritten(self.claim, seq)).await;
        }
    }
}
