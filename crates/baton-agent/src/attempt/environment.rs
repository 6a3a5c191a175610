//! Python environments built from a package's requirements: once per content, visibly, under a limit.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_api::package::hex;
use baton_core::error::{ErrorInfo, ErrorKind, clip};
use baton_core::run::{LogLevel, LogStream};
use baton_core::stop_signal::StopSignal;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::command::inherited;
use super::log::RunLog;
use super::telling::{LastLine, telling};
use super::unready::Unready;
use super::watch::{Cause, Control, Watched, watch};
use crate::cache::{Bounds, Cache, Found, Held};
use crate::config::Account;
use crate::guard::{GuardCommand, Spec};
use crate::lines::Lines;
use crate::owner;
use crate::process::{Marked, Stream, Tree, boot_clock};

/// Environments kept; the least recently used go. Each holds some hundred megabytes at worst.
const MAX_KEPT: usize = 20;
/// Longest requirements file, in bytes.
const MAX_REQUIREMENTS: u64 = 1 << 20;
/// How long the interpreter may take to say its version.
const VERSION_WITHIN: Duration = Duration::from_secs(30);
/// Lines of the installer that are shown with a failure.
const TAIL: usize = 20;
/// What an installer says when the robot's disk is full.
const NO_SPACE: &str = "No space left on device";
/// The same of a quota.
const NO_QUOTA: &str = "Disk quota exceeded";
/// The environments of this robot.
pub(crate) struct Environments(Cache);

/// What an attempt needs an environment for.
pub(crate) struct Wanted<'a> {
    /// The Python it is built with, by name or path.
    pub(crate) interpreter: &'a str,
    /// The requirements file, in the attempt's own copy of the package.
    pub(crate) requirements: &'a Path,
    /// The package's hash.
    pub(crate) package: Option<&'a str>,
    /// How builders are guarded.
    pub(crate) guard: &'a GuardCommand,
    /// By what their guard is found.
    pub(crate) mark: String,
    /// By what they are found themselves: variables of their environment.
    pub(crate) marks: [(OsString, OsString); 2],
    /// Whose rights they have, where they are not the agent's.
    pub(crate) owner: Option<&'a Account>,
    /// Their home then.
    pub(crate) home: &'a Path,
    /// Where they speak.
    pub(crate) log: &'a Arc<RunLog>,
    /// How long building may take.
    pub(crate) within: Duration,
}

fn failed(message: impl Into<String>) -> ErrorInfo {
    ErrorInfo::new(ErrorKind::Environment, message)
}

impl Environments {
    pub(crate) fn open(folder: PathBuf, bytes: u64, age: Duration) -> io::Result<Self> {
        let bounds = Bounds {
            bytes,
            count: MAX_KEPT,
            age,
        };
        Cache::open(folder, bounds).map(Self)
    }

    /// The environment for this requirements file, built if it is not there. `Ok(None)`: the attempt is to end.
    pub(crate) async fn get(
        &self,
        wanted: &Wanted<'_>,
        control: &mut Control,
    ) -> Result<Option<Held>, Unready> {
        let name = wanted.name().await?;
        let unusable = |e: io::Error| {
            Unready::of_robot(failed(format!("the environment cannot be kept: {e}")))
        };
        let making = match control.unless_ended(self.0.find(&name)).await {
            None => return Ok(None),
            Some(Ok(Found::Whole(held))) => return Ok(Some(held)),
            Some(Ok(Found::Missing(making))) => making,
            Some(Err(error)) => return Err(unusable(error)),
        };
        if let Some(owner) = wanted.owner {
            let given = fs::create_dir_all(&making.folder)
                .and_then(|()| owner::give(&making.folder, owner.uid, owner.gid));
            given.map_err(unusable)?;
        }
        let built = build(&making.folder, wanted, control).await;
        if wanted.owner.is_some() {
            // Runs use it; none of them may change it for the others.
            owner::seal(&making.folder).map_err(unusable)?;
        }
        match built {
            Ok(true) => self.0.finish(making).await.map(Some).map_err(unusable),
            unfinished => {
                self.0.abandon(making).await;
                unfinished.map(|_| None)
            }
        }
    }
}

impl Wanted<'_> {
    /// The same for all that would build the same: by interpreter and content.
    async fn name(&self) -> Result<String, ErrorInfo> {
        let content = read(self.requirements)?;
        let mut digest = Sha256::new();
        let version = python_version(self.interpreter, self.owner).await?;
        digest.update(version.as_bytes());
        digest.update([0]);
        digest.update(&content);
        // What other files of the package say does not show in this one.
        if let Some(package) = self.package.filter(|_| names_files(&content)) {
            digest.update([0]);
            digest.update(package.as_bytes());
        }
        Ok(hex(&digest.finalize())[..32].to_owned())
    }
}

/// Whether a requirements file may mean other files: by an option, a path or a URL.
fn names_files(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    let lines = text.lines().map(|l| l.split(" #").next().unwrap_or(l));
    lines.map(str::trim).any(|line| {
        !line.starts_with('#')
            && (line.starts_with('-') || line.contains('/') || line.contains('\\') || line == ".")
    })
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

/// What the interpreter says of itself. The flow names it, so it runs with the rights of the run.
async fn python_version(interpreter: &str, owner: Option<&Account>) -> Result<String, ErrorInfo> {
    let mut command = tokio::process::Command::new(interpreter);
    command
        .args(["-c", "import sys; print(sys.executable, sys.version)"])
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    #[cfg(unix)]
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid).current_dir("/");
    }
    let output = tokio::time::timeout(VERSION_WITHIN, command.output()).await;
    match output {
        Ok(Ok(output)) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(Ok(output)) => Err(failed(format!(
            "{interpreter} does not work on this robot: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
        Ok(Err(error)) => Err(failed(format!(
            "{interpreter} is needed on this robot: {error}"
        ))),
        Err(_) => Err(failed(format!(
            "{interpreter} did not say its version in time"
        ))),
    }
}

/// Builds the environment; false if the attempt is to end.
async fn build(folder: &Path, wanted: &Wanted<'_>, control: &mut Control) -> Result<bool, Unready> {
    let shown = |path: &Path| path.display().to_string();
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let python = shown(&folder.join("bin/python"));
    let file = shown(wanted.requirements);
    let pip = ["-m", "pip", "install", "--no-input"];
    let pip = [
        &[&*python],
        &pip[..],
        &["--disable-pip-version-check", "-r", &file],
    ]
    .concat();
    let steps = [
        words(&[wanted.interpreter, "-m", "venv", &shown(folder)]),
        words(&pip),
    ];
    let deadline = tokio::time::Instant::now() + wanted.within;
    wanted.log.say(
        LogLevel::Info,
        "building the Python environment of this flow",
    );
    for argv in steps {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let (seen, tail) = step(argv, wanted, control, left).await?;
        match seen.cause {
            Some(Cause::TimedOut) => {
                let limit = wanted.within.as_secs();
                let why = format!("building the environment took longer than {limit} s");
                return Err(failed(why).into());
            }
            Some(Cause::Ended(why)) => {
                // The guard ends a build by itself when the lease lapses, and nobody had asked.
                control.asked.get_or_insert(why);
                return Ok(false);
            }
            None if control.asked.is_some() => return Ok(false),
            None => {}
        }
        if seen.code != Some(0) {
            let said = tail.join("\n");
            let full = said.contains(NO_SPACE) || said.contains(NO_QUOTA);
            let mut error = installer_failed(&tail);
            error.stack = Some(said);
            if full {
                error.message = format!("the environment could not be built: {NO_SPACE}");
                return Err(Unready::of_robot(error.bounded()));
            }
            return Err(error.bounded().into());
        }
    }
    wanted
        .log
        .say(LogLevel::Info, "the Python environment is ready");
    Ok(true)
}

/// The installer's own line that says why it failed is the run's error.
fn installer_failed(tail: &[String]) -> ErrorInfo {
    let line = |text: &String| LastLine {
        stream: LogStream::Stderr,
        text: text.clone(),
        before_end: Duration::ZERO,
    };
    let lines: Vec<LastLine> = tail.iter().map(line).collect();
    let why = telling(&lines).map_or_else(|| "its log says nothing".to_owned(), |(_, why)| why);
    failed(format!("the environment could not be built: {why}"))
}

async fn step(
    argv: Vec<String>,
    wanted: &Wanted<'_>,
    control: &mut Control,
    within: Duration,
) -> Result<(Watched, Vec<String>), Unready> {
    let folder = wanted.requirements.parent().unwrap_or(Path::new("/"));
    let spec = Spec {
        argv,
        env: inherited()
            .filter(|(name, _)| wanted.owner.is_none() || name != "HOME")
            .chain(wanted.owner.map(|_| ("HOME".into(), wanted.home.into())))
            .chain(wanted.marks.clone())
            .map(|(k, v)| (k.into(), v.into()))
            .collect(),
        folder: folder.as_os_str().to_owned().into(),
        owner: wanted.owner.map(|owner| (owner.uid, owner.gid)),
        lease_until: control.lease.until(),
        stop_signal: StopSignal::Term,
    };
    let (mut tree, out, err) = Tree::start(wanted.guard, &wanted.mark, spec)
        .map_err(|e| Unready::of_robot(failed(e.to_string())))?;
    let out = tokio::spawn(show(out, Arc::clone(wanted.log)));
    let err = tokio::spawn(show(err, Arc::clone(wanted.log)));
    let guarded = (&mut tree, &Marked::Attempt(wanted.mark.clone()));
    let seen = watch(guarded, control, Some(within), Duration::ZERO, None).await;
    let mut tail = out.await.unwrap_or_default();
    tail.extend(err.await.unwrap_or_default());
    let surplus = tail.len().saturating_sub(TAIL);
    tail.drain(..surplus);
    if let Some(lost) = seen.lost.filter(|_| seen.cause.is_none()) {
        return Err(Unready::of_robot(failed(lost.message())));
    }
    if let Some((message, of_robot)) = seen.not_started {
        let error = failed(message);
        return Err(Unready { error, of_robot });
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
        lines.feed(&buffer[..n], boot_clock(), &mut each);
    }
    if let Some(line) = lines.rest() {
        each(line);
    }
    tail.into()
}

#[cfg(test)]
mod tests {
    use super::names_files;

    #[test]
    fn only_requirements_that_mean_other_files_depend_on_the_package() {
        for alone in [
            "",
            "requests==2.0\nrich  # a/b\n",
            "# -r more.txt\nflask>=2",
        ] {
            assert!(!names_files(alone.as_bytes()), "{alone}");
        }
        for more in [
            "-r more.txt",
            "a==1\n--find-links wheels",
            "./lib",
            ".",
            "x @ file:///y",
        ] {
            assert!(names_files(more.as_bytes()), "{more}");
        }
    }
}
