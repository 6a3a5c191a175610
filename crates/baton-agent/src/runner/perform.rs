//! Performing what the session decides.

use std::sync::Arc;

use baton_api::robot::{Claim, JobAssignment, LogBatch, MAX_LOG_BATCH};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::run::LogLevel;
use baton_core::state::State;
use tokio::sync::mpsc;

use super::{Runner, now};
use crate::attempt::{self, Control, Lease};
use crate::session::{Action, Input, own_lease};
use crate::spool::{Entry, Note};

impl Runner {
    /// Does one thing; what it has to tell the session at once comes back.
    pub(super) fn perform(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Send(text) => self.send(text),
            Action::SendLogs(claim, after) => return self.send_logs(claim, after),
            Action::SendTasks(claim, after) => {
                let update = self.entry(claim)?.read_tasks(after)?;
                let text = self.session.text(&update, now());
                self.send_bulk(text);
                return Some(Input::TasksSent(claim, update.seq));
            }
            Action::SendResult(claim) => {
                let result = self.entry(claim)?.result()?;
                let text = self.session.text(&result, now());
                self.send(text);
            }
            Action::SendJournal(after) => {
                let batch = self.journal.after(after)?;
                let last = batch.lines.last()?.seq;
                let text = self.session.text(&batch, now());
                self.send_bulk(text);
                return Some(Input::JournalSent(last));
            }
            Action::Start(job) => self.start(job),
            Action::End(claim, why, grace) => {
                if let Some(control) = self.controls.get(&claim) {
                    // An attempt that has just ended needs no end.
                    let _ = control.send((why, grace));
                }
            }
            Action::Unstarted(claim, state, error) => self.unstarted(claim, state, error),
            Action::Renew(renewed) => {
                self.renewed.send_replace(renewed);
            }
            Action::LogsAcked(claim, seq) => {
                let done = self.entry(claim)?.ack_logs(seq);
                self.complain("the spool cannot be shortened", done);
            }
            Action::TasksAcked(claim, seq) => self.entry(claim)?.ack_tasks(seq),
            Action::Forget(claim) => {
                self.controls.remove(&claim);
                let done = self.shared.spool.forget(claim);
                self.complain("a settled attempt cannot be removed from the spool", done);
            }
            Action::JournalAcked(_) => {}
            Action::Fetch(hash) => self.prefetch(hash),
            Action::Evict(hash) => self.evict(hash),
            Action::Note(level, message) => self.journal.note(level, message),
            Action::Close => self.hang_up(None),
        }
        None
    }

    fn complain(&self, what: &str, done: std::io::Result<()>) {
        if let Err(error) = done {
            self.journal
                .note(LogLevel::Warning, format!("{what}: {error}"));
        }
    }

    fn entry(&self, claim: Claim) -> Option<Arc<Entry>> {
        self.shared.spool.get(claim)
    }

    fn send(&self, text: String) {
        if let Some(connection) = &self.connection {
            connection.send(text);
        }
    }

    fn send_bulk(&self, text: String) {
        if let Some(connection) = &self.connection {
            connection.send_bulk(text);
        }
    }

    fn send_logs(&mut self, claim: Claim, after: i64) -> Option<Input> {
        let lines = match self.entry(claim)?.read_logs(after, MAX_LOG_BATCH) {
            Ok(lines) if !lines.is_empty() => lines,
            read => {
                let why = read
                    .err()
                    .map_or_else(|| "lines are missing".to_owned(), |e| e.to_string());
                let note = format!(
                    "run {}: its log cannot be read back from the spool: {why}",
                    claim.job_id
                );
                self.journal.note(LogLevel::Error, note);
                return Some(Input::LogsUnreadable(claim));
            }
        };
        let last = lines.last()?.seq;
        let text = self.session.text(&LogBatch { claim, lines }, now());
        self.send_bulk(text);
        Some(Input::LogsSent(claim, last))
    }

    /// A place in the spool, in memory if the disk refuses one.
    fn place(&self, claim: Claim, run_name: &str) -> Arc<Entry> {
        let note = Note {
            claim,
            run_name: run_name.to_owned(),
            boot_id: self.shared.config.boot_id(),
        };
        self.shared
            .spool
            .create(note.clone())
            .unwrap_or_else(|error| {
                let message = format!("the spool takes no more attempts: {error}");
                self.journal.note(LogLevel::Error, message);
                self.shared.spool.create_in_memory(note)
            })
    }

    fn start(&mut self, job: Box<JobAssignment>) {
        let entry = self.place(job.claim, &job.run_name);
        let (ends, ends_out) = mpsc::unbounded_channel();
        self.controls.insert(job.claim, ends);
        let control = Control {
            ends: ends_out,
            lease: Lease {
                renewed: self.renewed.subscribe(),
                own: own_lease(&job),
            },
            asked: None,
        };
        self.journal.note(
            LogLevel::Info,
            format!(
                "run {} starts (attempt {})",
                job.run_name, job.claim.attempt
            ),
        );
        let (claim, shared) = (job.claim, Arc::clone(&self.shared));
        let place = Arc::clone(&entry);
        let work = attempt::execute(job, place, Arc::clone(&shared), control);
        let attempt = tokio::spawn(work);
        self.attempts.spawn(async move {
            // A mistake of the agent's own must not hold the claim for ever; its guard has ended the tree.
            if let Err(mistake) = attempt.await {
                let message = format!("the agent made a mistake while it ran this: {mistake}");
                let said =
                    format!("{message}; what it had left in its files and not yet said is lost");
                if let Err(error) = entry.say_at_the_end(said) {
                    tracing::warn!(run = %claim.job_id, %error, "the spool cannot be written");
                }
                let last = entry.log_range().0;
                let _ = shared.inputs.send(Input::LogsWritten(claim, last)).await;
                let result = entry.outcome().unwrap_or_else(|| {
                    let error = ErrorInfo::new(ErrorKind::Lost, message);
                    attempt::unexecuted(claim, State::Crashed, Some(error))
                });
                attempt::save(&entry, result).await;
                let _ = shared.inputs.send(Input::Ended(claim)).await;
            }
        });
    }

    fn unstarted(&mut self, claim: Claim, state: State, error: ErrorInfo) {
        let entry = self.place(claim, "");
        let result = attempt::unexecuted(claim, state, Some(error));
        let inputs = self.shared.inputs.clone();
        tokio::spawn(async move {
            attempt::save(&entry, result).await;
            let _ = inputs.send(Input::Ended(claim)).await;
        });
    }

    fn evict(&self, hash: String) {
        let (shared, journal) = (Arc::clone(&self.shared), self.journal.clone());
        tokio::spawn(async move {
            match shared.packages.evict(&hash).await {
                Ok(()) => journal.note(LogLevel::Info, format!("package {hash} is dropped")),
                Err(e) => journal.note(
                    LogLevel::Warning,
                    format!("package {hash} cannot be dropped: {e}"),
                ),
            }
        });
    }

    fn prefetch(&self, hash: String) {
        let (shared, journal) = (Arc::clone(&self.shared), self.journal.clone());
        tokio::spawn(async move {
            match shared.packages.fetch(&hash).await {
                Ok(_) => journal.note(LogLevel::Info, format!("package {hash} is ready")),
                Err(e) => journal.note(
                    LogLevel::Warning,
                    format!("package {hash} cannot be fetched: {e:#}"),
                ),
            }
        });
    }
}
