//! Taking up what an earlier agent left in the spool.

use anyhow::Result;
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::run::LogLevel;
use baton_core::state::State;

use super::Runner;
use crate::attempt;
use crate::session::Input;

impl Runner {
    /// What an earlier agent left in the spool: its processes are dead, its words are still to be handed over.
    pub(super) async fn recover(&mut self) -> Result<()> {
        let boot_id = self.shared.config.boot_id();
        for entry in self.shared.spool.all() {
            let claim = entry.note.claim;
            if entry.result().is_none() {
                let message = if entry.note.boot_id == boot_id {
                    "the agent was restarted while the run was on it"
                } else {
                    "the machine was rebooted while the run was on it"
                };
                let outcome = entry.outcome();
                let lost = match outcome {
                    Some(_) => "its files that were not uploaded by then are lost",
                    None => "what it had left in its files and not yet said is lost",
                };
                let said = format!("{message}; {lost}");
                if let Err(error) = entry.say_at_the_end(said) {
                    self.journal.note(
                        LogLevel::Warning,
                        format!("the spool cannot be written: {error}"),
                    );
                }
                let result = outcome.unwrap_or_else(|| {
                    let error = ErrorInfo::new(ErrorKind::Lost, message);
                    attempt::unexecuted(claim, State::Crashed, Some(error))
                });
                attempt::save(&entry, result).await;
            }
            let (logs, logs_acked) = entry.log_range();
            let tasks = entry.last_tasks();
            let run = &entry.note.run_name;
            self.journal.note(
                LogLevel::Info,
                format!("run {run}: what is left of it is handed over"),
            );
            self.step(Input::Recovered {
                claim,
                logs_acked,
                logs,
                tasks,
            });
        }
        Ok(())
    }
}
