//! Python environments built from a package's requirements: once per content, visibly, under a limit.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use baton_api::package::hex;
use baton_core::error::{ErrorInfo, ErrorKind, clip};
use baton_core::run::{LogLevel, LogStream};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::lines::Lines;
use super::log::RunLog;
use super::watch::{Control, Watched, millis, watch};
use crate::guard::{GuardCommand, Spec};
use crate::process::{Stream, Tree};

/// Environments kept; the least recently used go. Each holds some hundred megabytes at worst.
const MAX_KEPT: usize = 20;
/// Longest requirements file, in bytes.
const MAX_REQUIREMENTS: u64 = 1 << 20;
/// How long the interpreter may take to say its version.
const VERSION_WITHIN: Duration = Duration::from_secs(30);
/// Lines of the installer that are shown with a failure.
const TAIL: usize = 20;
/// The file that says that an environment is whole, and by its time when it was last used.
const WHOLE: &str = "baton-whole";

/// The environments of this robot.
pub(crate) struct Environments {
    folder: PathBuf,
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// An environment that stays while this exists.
pub(crate) struct HeldEnvironment {
    /// Where it is.
    pub(crate) folder: PathBuf,
    _in_use: Arc<tokio::sync::Mutex<()>>,
}

fn failed(message: impl Into<String>) -> ErrorInfo {
    ErrorInfo::new(ErrorKind::Environment, message)
}

impl Environments {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            locks: Mutex::default(),
        })
    }

    /// The environment for this requirements file, built if it is not there. `Ok(None)`: the attempt is to end.
    pub(crate) async fn get(
        &self,
        requirements: &Path,
        guard: &GuardCommand,
        log: &Arc<RunLog>,
        control: &mut Control,
        within: Duration,
    ) -> Result<Option<HeldEnvironment>, ErrorInfo> {
        let content = read(requirements)?;
        let version = python_version().await?;
        let mut digest = Sha256::new();
        digest.update(version.as_bytes());
        digest.update([0]);
        digest.update(&content);
        let name = hex(&digest.finalize())[..32].to_owned();
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(name.clone()).or_default())
        };
        let Some(_alone) = control.unless_ended(lock.lock()).await else {
            return Ok(None);
        };
        let folder = self.folder.join(&name);
        let held = HeldEnvironment {
            folder: folder.clone(),
            _in_use: Arc::clone(&lock),
        };
        if let Ok(whole) = fs::File::options().write(true).open(folder.join(WHOLE)) {
            // Its time only decides what is dropped first.
            let _ = whole.set_modified(SystemTime::now());
            return Ok(Some(held));
        }
        let built = build(&folder, requirements, guard, log, control, within).await;
        match built {
            Ok(true) => {
                fs::write(folder.join(WHOLE), &version).map_err(|e| failed(e.to_string()))?;
                self.shrink(&name);
                Ok(Some(held))
            }
            unfinished => {
                // Half an environment would be taken for a whole one by nobody, but it takes space.
                let _ = fs::remove_dir_all(&folder);
                unfinished.map(|_| None)
            }
        }
    }

    fn shrink(&self, just: &str) {
        let used = |entry: fs::DirEntry| {
            let at = fs::metadata(entry.path().join(WHOLE))
                .ok()?
                .modified()
                .ok()?;
            Some((at, entry.path()))
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut whole: Vec<_> = entries.filter_map(used).collect();
        whole.sort();
        let mut surplus = whole.len().saturating_sub(MAX_KEPT);
        for (_, folder) in whole {
            let name = folder
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            let busy = locks.get(name).is_some_and(|l| Arc::strong_count(l) > 1);
            if surplus > 0 && name != just && !busy && fs::remove_dir_all(&folder).is_ok() {
                surplus -= 1;
            }
        }
    }
}

fn read(requirements: &Path) -> Result<Vec<u8>, ErrorInfo> {
    let shown = requirements
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let size = fs::metadata(requirements)
        .map_err(|e| failed(format!("{shown}: {e}")))?
        .len();
    if size > MAX_REQUIREMENTS {
        return Err(failed(format!(
            "{shown} has {size} bytes; {MAX_REQUIREMENTS} are allowed"
        )));
    }
    fs::read(requirements).map_err(|e| failed(format!("{shown}: {e}")))
}

async fn python_version() -> Result<String, ErrorInfo> {
    let mut command = tokio::process::Command::new("python3");
    command
        .args(["-c", "import sys; print(sys.executable, sys.version)"])
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(VERSION_WITHIN, command.output()).await;
    match output {
        Ok(Ok(output)) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(Ok(output)) => Err(failed(format!(
            "python3 does not work on this robot: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
        Ok(Err(error)) => Err(failed(format!("python3 is needed on this robot: {error}"))),
        Err(_) => Err(failed("python3 did not say its version in time")),
    }
}

/// Builds the environment; false if the attempt is to end.
async fn build(
    folder: &Path,
    requirements: &Path,
    guard: &GuardCommand,
    log: &Arc<RunLog>,
    control: &mut Control,
    within: Duration,
) -> Result<bool, ErrorInfo> {
    let _ = fs::remove_dir_all(folder);
    let shown = |path: &Path| path.display().to_string();
    let python = shown(&folder.join("bin/python"));
    let file = shown(requirements);
    let steps: [Vec<String>; 2] = [
        ["python3", "-m", "venv", &shown(folder)]
            .map(str::to_owned)
            .into(),
        [
            &python,
            "-m",
            "pip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
            "-r",
            &file,
        ]
        .map(str::to_owned)
        .into(),
    ];
    let deadline = tokio::time::Instant::now() + within;
    log.say(
        LogLevel::Info,
        "building the Python environment of this flow",
    );
    for argv in steps {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let (seen, tail) = step(argv, requirements, guard, log, control, left).await?;
        if seen.cause == Some(super::watch::Cause::TimedOut) {
            return Err(failed(format!(
                "building the environment took longer than {} s",
                within.as_secs()
            )));
        }
        if seen.cause.is_some() || control.asked.is_some() {
            return Ok(false);
        }
        if seen.code != Some(0) {
            let mut error =
                failed("the environment could not be built; see the last lines of its log");
            error.stack = Some(tail.join("\n"));
            return Err(error.bounded());
        }
    }
    log.say(LogLevel::Info, "the Python environment is ready");
    Ok(true)
}

async fn step(
    argv: Vec<String>,
    requirements: &Path,
    guard: &GuardCommand,
    log: &Arc<RunLog>,
    control: &mut Control,
    within: Duration,
) -> Result<(Watched, Vec<String>), ErrorInfo> {
    let spec = Spec {
        argv,
        env: std::env::vars()
            .filter(|(k, _)| !k.starts_with("BATON_"))
            .collect(),
        folder: requirements.parent().unwrap_or(Path::new("/")).to_owned(),
        lease_until: millis(*control.lease.borrow_and_update()),
    };
    let (mut tree, out, err) = Tree::start(guard, spec).map_err(|e| failed(e.to_string()))?;
    let out = tokio::spawn(show(out, Arc::clone(log)));
    let err = tokio::spawn(show(err, Arc::clone(log)));
    let seen = watch(&mut tree, control, Some(within), Duration::ZERO, None).await;
    let mut tail = out.await.unwrap_or_default();
    tail.extend(err.await.unwrap_or_default());
    let surplus = tail.len().saturating_sub(TAIL);
    tail.drain(..surplus);
    if let Some((message, _)) = seen.not_started {
        return Err(failed(message));
    }
    Ok((seen, tail))
}

/// Shows what a builder says in the run's log; its last lines come back.
async fn show(mut from: Stream, log: Arc<RunLog>) -> Vec<String> {
    let mut tail = VecDeque::new();
    let mut lines = Lines::default();
    let mut buffer = vec![0; 8 << 10];
    let mut each = |text: String| {
        log.line(LogLevel::Info, LogStream::System, None, text.clone());
        tail.push_back(clip(text, 1_000));
        if tail.len() > TAIL {
            tail.pop_front();
        }
    };
    while let Ok(n) = from.read(&mut buffer).await {
        if n == 0 {
            break;
        }
        lines.feed(&buffer[..n], &mut each);
    }
    if let Some(line) = lines.rest() {
        each(line);
    }
    tail.into()
}
