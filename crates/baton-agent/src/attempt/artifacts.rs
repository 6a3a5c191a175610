//! Handing over the files that a run left in its artifacts folder, before its result is sent.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use baton_api::robot::Claim;
use baton_core::run::LogLevel;
use tokio::time::Instant;

use super::Shared;
use super::command::Places;
use super::left;
use super::log::RunLog;
use super::watch::Control;
use crate::http::Refused;

/// How long to wait before an upload that failed is tried again, at first and at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Files that are not uploaded are named up to this many; the rest is counted.
const MAX_WARNINGS: usize = 50;

/// Uploads every file, as far as bounds, the server and the claim allow; what is not uploaded is said.
pub(super) async fn upload(
    claim: Claim,
    places: &Places,
    outputs_too: bool,
    shared: &Arc<Shared>,
    log: &RunLog,
    control: &mut Control,
) {
    let limits = &shared.config.limits;
    let mut left = left::collect(places, limits.artifacts, outputs_too);
    let unseen = left.warnings.len().saturating_sub(MAX_WARNINGS);
    left.warnings.truncate(MAX_WARNINGS);
    if unseen > 0 {
        left.warnings
            .push(format!("artifacts: {unseen} more files are not uploaded"));
    }
    for warning in left.warnings {
        log.say(LogLevel::Warning, warning);
    }
    let deadline = Instant::now() + limits.upload_within;
    for (name, path, size) in left.files {
        if size > limits.artifact_bytes {
            let bound = limits.artifact_bytes;
            let message = format!(
                "artifact {name:?} has {size} bytes; {bound} are allowed, it is not uploaded"
            );
            log.say(LogLevel::Warning, message);
            continue;
        }
        // A run that was cancelled still hands over what it left; a void claim cannot.
        let trying = tokio::time::timeout_at(deadline, hand_over(claim, &name, &path, shared));
        let why = tokio::select! {
            tried = trying => match tried {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "the server could not be reached in time".to_owned(),
            },
            () = claim_lost(control) => "the robot's claim is no longer valid".to_owned(),
        };
        log.say(
            LogLevel::Warning,
            format!("artifact {name:?} was not uploaded: {why}"),
        );
    }
}

async fn claim_lost(control: &mut Control) {
    use crate::session::EndWhy;
    loop {
        if let Some(EndWhy::Superseded | EndWhy::LeaseLapsed | EndWhy::AgentStopping) =
            control.asked
        {
            return;
        }
        let (why, _) = control.end().await;
        if !matches!(why, EndWhy::Cancelled(_)) {
            return;
        }
    }
}

async fn hand_over(claim: Claim, name: &str, path: &Path, shared: &Shared) -> anyhow::Result<()> {
    let (mut wait, longest) = WAITS;
    loop {
        match shared.http.artifact(claim, name, path).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is::<Refused>() || error.is::<io::Error>() => return Err(error),
            Err(_) => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(longest);
            }
        }
    }
}
