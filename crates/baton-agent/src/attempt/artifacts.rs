//! Handing over the files that a run left in its artifacts folder, before its result is sent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_api::robot::Claim;
use baton_core::run::LogLevel;
use tokio::time::Instant;

use super::Shared;
use super::log::RunLog;
use super::watch::Control;
use crate::http::Refused;

/// How long to wait before an upload that failed is tried again, at first and at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 16;

/// Uploads every file, as far as bounds, the server and the claim allow; what is not uploaded is said.
pub(super) async fn upload(
    claim: Claim,
    folder: &Path,
    shared: &Arc<Shared>,
    log: &RunLog,
    control: &mut Control,
) {
    let mut files = Vec::new();
    if let Err(error) = collect(folder, "", 0, shared.config.limits.artifacts, &mut files) {
        log.say(
            LogLevel::Warning,
            format!("artifacts cannot be read: {error}"),
        );
    }
    if files.is_empty() {
        return;
    }
    files.sort();
    let bound = shared.config.limits.artifacts;
    if files.len() > bound {
        log.say(
            LogLevel::Warning,
            format!("more than {bound} artifacts; the rest is not uploaded"),
        );
        files.truncate(bound);
    }
    let deadline = Instant::now() + shared.config.limits.upload_within;
    for (name, path, size) in files {
        if size > shared.config.limits.artifact_bytes {
            let bound = shared.config.limits.artifact_bytes;
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

/// Every plain file under the folder; links are not followed, they could lead anywhere.
fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    bound: usize,
    files: &mut Vec<(String, PathBuf, u64)>,
) -> io::Result<()> {
    if depth > MAX_DEPTH || !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), depth + 1, bound, files)?;
        } else if kind.is_file() {
            files.push((name, entry.path(), entry.metadata()?.len()));
        }
        if files.len() > bound {
            break;
        }
    }
    Ok(())
}
