//! Handing over the files that a run left in its artifacts folder, before its result is sent.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use baton_api::robot::Claim;
use baton_core::run::LogLevel;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::Shared;
use super::command::Places;
use super::log::RunLog;
use super::watch::Control;
use crate::http::Refused;
use crate::left::{self, Bounds, Left, Where};

/// How long to wait before an upload that failed is tried again, at first and at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

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
    let bounds = Bounds {
        files: limits.artifacts,
        bytes: limits.artifact_bytes,
    };
    let left = match looked(places, outputs_too, bounds).await {
        Ok(left) => left,
        Err(error) => {
            let why = format!("artifacts: looking for them failed: {error}; none is uploaded");
            return log.say(LogLevel::Error, why);
        }
    };
    for warning in left.warnings {
        log.say(LogLevel::Warning, warning);
    }
    let deadline = Instant::now() + limits.upload_within;
    for (name, path, _) in left.files {
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

/// Looks for what the run left: many files take a while, which nothing else waits for.
async fn looked(places: &Places, outputs_too: bool, bounds: Bounds) -> Result<Left, JoinError> {
    let (work, artifacts) = (places.work.clone(), places.artifacts.clone());
    let outputs = outputs_too.then(|| places.outputs.clone());
    let look = move || {
        let lies = Where {
            work: &work,
            artifacts: &artifacts,
            outputs: outputs.as_deref(),
        };
        left::collect(lies, bounds)
    };
    tokio::task::spawn_blocking(look).await
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
