//! Whose rights a run has: the agent's, those of one user, or of a user that only this run has.

use std::path::Path;
use std::sync::Arc;

use baton_api::robot::JobResult;
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::run::LogLevel;
use baton_core::state::State;

use super::log::RunLog;
use super::{Attempt, Shared, save, unexecuted};
use crate::config::{Account, RunAs};
use crate::own_user::{self, OwnUser};
use crate::owner;
use crate::session::Input;
use crate::spool::Entry;

/// The user that only this run has, where runs have such.
pub(super) async fn own_user(shared: &Arc<Shared>) -> std::io::Result<Option<OwnUser>> {
    if shared.config.run_as != Some(RunAs::Each) {
        return Ok(None);
    }
    let taking = || OwnUser::take(&own_user::locks(Path::new(owner::OUTSIDE))?);
    let taken = tokio::task::spawn_blocking(taking).await;
    taken.map_err(std::io::Error::other)?.map(Some)
}

/// The run goes back: this robot has no user for it.
pub(super) async fn without_user(
    log: &Arc<RunLog>,
    entry: &Arc<Entry>,
    shared: &Arc<Shared>,
    error: std::io::Error,
) {
    let claim = entry.note.claim;
    let why = format!("this robot has no user of its own for the run: {error}");
    log.say(LogLevel::Warning, why.clone());
    log.finish().await;
    let _ = shared
        .inputs
        .send(Input::HandedBack(claim, why.clone()))
        .await;
    let error = ErrorInfo::new(ErrorKind::Resource, why);
    let result = JobResult {
        handed_back: true,
        ..unexecuted(claim, State::Failed, Some(error))
    };
    save(entry, result).await;
    let _ = shared.inputs.send(Input::Ended(claim)).await;
}

impl Attempt<'_> {
    /// Ends what of the run nobody guards any more. What bears its user's number is its own.
    pub(super) async fn end_what_hides(&self) {
        let Some(own) = self.own_user.clone() else {
            return;
        };
        let ended = tokio::task::spawn_blocking(move || own.end_all()).await;
        if let Ok(1..) = ended {
            let said = "processes of this run were still there after its guard; they were killed";
            self.log.say(LogLevel::Warning, said);
        }
    }

    /// Somebody who tried the same by hand had other rights: says so where that may be the reason.
    pub(super) fn say_why_denied(&self, error: &ErrorInfo) {
        let denied = error.message.to_lowercase().contains("permission denied");
        if let Some(account) = self.account().filter(|_| denied) {
            self.log.say(
                LogLevel::Info,
                format!(
                    "this run has the rights of user {}: what it needs must be readable by that user or by everybody; \
                     a robot that is started with --run-as self gives runs its own rights",
                    account.uid
                ),
            );
        }
    }

    /// Whose rights the run has, where they are not the agent's.
    pub(super) fn account(&self) -> Option<&Account> {
        match (&self.own_user, &self.shared.config.run_as) {
            (Some(own), _) => Some(&own.account),
            (None, Some(RunAs::User(account))) => Some(account),
            (None, _) => None,
        }
    }
}
