//! `runrpa -o 0`: runs a script here and now, shows what it says, and records it on the server.
//!
//! The script never waits for the server. What it says is kept on disk and told while the server can
//! be reached; otherwise it stays there and a later run sends it along.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_agent::lines::{Lines, RESTS_AFTER};
use baton_api::client::ClientError;
use baton_api::rest::{ReportFinish, ReportStart};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::flow::DEFAULT_CANCEL_GRACE_SECONDS;
use baton_core::run::{LogLevel, LogStream};
use baton_core::state::State;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;

use super::answer::Untold;
use super::argv::Flags;
use super::plan::Plan;
use super::record::Record;
use super::script::Script;
use super::spool::Spool;
use super::upload::{REPORT_EVERY, Upload};
use crate::cli::Global;
use crate::commands::{self, Session};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::source::{self, Wish};
use crate::{output, settings};

/// How often the server is told what is new.
const TELL: Duration = Duration::from_millis(300);
/// How often the server is asked whether somebody cancelled the run.
const ASK: Duration = Duration::from_secs(2);
/// After a cancel, how long the script has to end by itself.
const GRACE: Duration = Duration::from_secs(DEFAULT_CANCEL_GRACE_SECONDS as u64);
/// How long its streams may stay open after the script has ended.
const STREAMS: Duration = Duration::from_secs(1);
/// Runs it, and gives the script's exit code.
pub(crate) fn run(global: &Global, script: &Script, flags: &Flags) -> Done<u8> {
    let wish = Wish {
        flow: Some(script.flow.clone()),
        argv: if script.path.is_dir() {
            Vec::new()
        } else {
            source::runner::argv(&script.path, &script.runners)?
        },
        ..Wish::default()
    };
    let source = source::look(&script.path, &wish)?;
    let parameters = super::own_parameters(&source.schema, super::parameters(script, flags));
    let plan = Plan::new(&source, parameters, flags)?;
    let tag = flags.text("tag").to_owned();
    let session = Session::open(global)?;
    let spool = Spool::create()?;
    spool.write(
        "start.json",
        &ReportStart {
            flow: script.flow.clone(),
            computer: Some(settings::computer()),
            parameters: plan.parameters.clone(),
            tags: Some(tag).filter(|t| !t.is_empty()).into_iter().collect(),
            started_at: Some(Timestamp::now()),
            idempotency_key: Some(spool.key()),
            report_every_seconds: Some(REPORT_EVERY),
        },
    )?;
    spool.write("parameters.json", &plan.parameters)?;
    let ended = commands::alone()?.block_on(recorded(&session, &plan, &spool));
    if ended.is_err() {
        // It never started: there is nothing to tell.
        spool.remove();
    }
    ended
}

/// How the last attempt ended.
struct Ended {
    status: Option<ExitStatus>,
    cancelled: bool,
}

async fn recorded(session: &Session, plan: &Plan, spool: &Spool) -> Done<u8> {
    let record = Arc::new(Record::open(spool)?);
    let started = Timestamp::now();
    let mut upload = Upload::new(session.client.clone(), spool.clone(), Arc::clone(&record));
    let mut child = plan
        .command(spool, 1)
        .spawn()
        .map_err(|e| not_started(&plan.argv[0], &e))?;
    let mut attempt = 1;
    let ended = loop {
        let ended = attend(session, &mut child, &record, &mut upload).await;
        let failed = ended.status.is_some_and(|s| !s.success());
        if !failed || ended.cancelled || attempt > plan.retry.max_retries {
            break ended;
        }
        let wait = plan
            .retry
            .delay(attempt, started.as_millisecond().unsigned_abs());
        attempt += 1;
        let of = plan.retry.max_retries + 1;
        let text = format!(
            "failed; attempt {attempt} of {of} in {:.1} s",
            wait.as_secs_f64()
        );
        output::note(&text);
        record.say(LogLevel::Info, &text);
        if cancelled_while_waiting(session, &mut upload, wait).await {
            break Ended {
                cancelled: true,
                ..ended
            };
        }
        child = match plan.command(spool, attempt).spawn() {
            Ok(child) => child,
            Err(error) => {
                // What was tried before stays recorded, and its end counts.
                let text = format!("{} cannot be started again: {error}", plan.argv[0]);
                output::warn(&text);
                record.say(LogLevel::Error, &text);
                break ended;
            }
        };
    };
    let code = exit_code(&ended);
    let (outputs, said) = upload.close(ended.cancelled);
    upload.ended(finish(&ended, code, started, outputs, said));
    tell_the_rest(session, &mut upload, spool).await;
    Ok(code)
}

fn not_started(program: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        "spawn",
        format!("{program} cannot be started: {error}"),
    )
    .fix("install it, or name another program under [runners] in runrpa.toml")
}

/// Stays with one attempt until it has ended: shows and records what it says, tells the server.
async fn attend(
    session: &Session,
    child: &mut Child,
    record: &Arc<Record>,
    upload: &mut Upload,
) -> Ended {
    let out = child.stdout.take().expect("it is piped");
    let err = child.stderr.take().expect("it is piped");
    let (stop, stopped) = tokio::sync::watch::channel(());
    let pumps = [
        tokio::spawn(pump(
            out,
            LogStream::Stdout,
            Arc::clone(record),
            stopped.clone(),
        )),
        tokio::spawn(pump(err, LogStream::Stderr, Arc::clone(record), stopped)),
    ];
    let mut tell = tokio::time::interval(TELL);
    tell.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ask = tokio::time::interval(ASK);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut kill_at = None;
    let mut cancelled = false;
    let pid = child.id();
    let status = loop {
        // Telling must not delay the end, so each step is given up when the script ends.
        tokio::select! {
            status = child.wait() => break status.ok(),
            // The terminal has sent it to the script as well; the script's end decides.
            _ = &mut interrupted, if !cancelled => cancelled = true,
            _ = tell.tick() => {
                tokio::select! {
                    status = child.wait() => break status.ok(),
                    _ = upload.step() => {}
                }
            }
            _ = ask.tick(), if !cancelled => {
                cancelled = tokio::select! {
                    status = child.wait() => break status.ok(),
                    cancelled = is_cancelled(session, upload) => cancelled,
                };
                if cancelled {
                    output::note("cancelled on the server");
                    terminate(pid);
                    kill_at = Some(tokio::time::Instant::now() + GRACE);
                }
            }
            () = until(kill_at) => {
                kill_at = None;
                let text = format!("the script did not end within {} s and is killed", GRACE.as_secs());
                output::note(&text);
                record.say(LogLevel::Warning, &text);
                baton_agent::kill_descendants();
            }
        }
    };
    // What the script left running may hold the pipes open; its lines are not waited for.
    let mut pumps = futures_util::future::join_all(pumps);
    if tokio::time::timeout(STREAMS, &mut pumps).await.is_err() {
        let text = "the script has ended and something that it started still holds its output open; what that says is not recorded";
        output::warn(text);
        record.say(LogLevel::Warning, text);
        drop(stop);
        // What it began a line with is a line.
        let _ = pumps.await;
    }
    Ended { status, cancelled }
}

/// Waits until then; for ever where there is no such time.
async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Whether somebody asked the server for the end of this run.
async fn is_cancelled(session: &Session, upload: &Upload) -> bool {
    let Some((id, _)) = upload.run() else {
        return false;
    };
    let run = session.client.run(&id.to_string()).await;
    run.is_ok_and(|run| run.state == State::Cancelling)
}

/// Waits for the next attempt; meanwhile the server hears that the run goes on. True once it is to end.
async fn cancelled_while_waiting(session: &Session, upload: &mut Upload, wait: Duration) -> bool {
    let over = tokio::time::Instant::now() + wait;
    let mut ask = tokio::time::interval(ASK);
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(over) => return false,
            _ = ask.tick() => {
                // What cannot be told now is told later.
                let _ = upload.step().await;
                if is_cancelled(session, upload).await {
                    output::note("cancelled on the server");
                    return true;
                }
            }
        }
    }
}

fn terminate(pid: Option<u32>) {
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGTERM,
        );
    }
}

/// Shows bytes as they come, and records them line by line.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    stream: LogStream,
    record: Arc<Record>,
    mut stopped: tokio::sync::watch::Receiver<()>,
) {
    let mut bytes = vec![0; 16 << 10];
    let mut lines = Lines::default();
    let began = Instant::now();
    let keep = |line: String| record.line(stream, line);
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            _ = stopped.changed() => break,
            () = tokio::time::sleep(RESTS_AFTER), if lines.is_drawn() => {
                lines.rested(began.elapsed(), keep);
                continue;
            }
        };
        let read = match read {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => {
                let text = format!("what the script says cannot be read any more: {error}");
                record.say(LogLevel::Warning, &text);
                break;
            }
        };
        let seen = &bytes[..read];
        // A closed terminal must not end the script.
        let _ = match stream {
            LogStream::Stderr => std::io::stderr().write_all(seen),
            _ => std::io::stdout()
                .write_all(seen)
                .and_then(|()| std::io::stdout().flush()),
        };
        lines.feed(seen, began.elapsed(), keep);
    }
    lines.rest().into_iter().for_each(keep);
}

/// The script's own exit code; a signal counts as shells count it.
fn exit_code(ended: &Ended) -> u8 {
    let code = match ended.status {
        Some(status) => status
            .code()
            .or_else(|| status.signal().map(|s| 128 + s))
            .unwrap_or(1),
        None => 1,
    };
    u8::try_from(code & 0xff).unwrap_or(1)
}

/// What the server is told about the end.
fn finish(
    ended: &Ended,
    code: u8,
    started: Timestamp,
    outputs: Map<String, Value>,
    said: Option<ErrorInfo>,
) -> ReportFinish {
    let now = Timestamp::now();
    let state = match (ended.cancelled, code) {
        (_, 0) => State::Completed,
        (true, _) => State::Cancelled,
        _ => State::Failed,
    };
    let error = (state == State::Failed).then(|| {
        said.unwrap_or_else(|| {
            ErrorInfo::new(
                ErrorKind::Failed,
                format!("the script ended with exit code {code}"),
            )
        })
    });
    ReportFinish {
        state,
        exit_code: Some(i32::from(code)),
        outputs,
        execution_time: Some(now.duration_since(started).as_secs_f64()),
        error,
        ended_at: Some(now),
    }
}

/// Tells the server the end, and what earlier runs could not tell. Says so when that is not possible now.
async fn tell_the_rest(session: &Session, upload: &mut Upload, spool: &Spool) {
    if let Err(error) = upload.finish().await {
        output::warn(&format!(
            "the run is kept on this computer and sent with a later one: {error}"
        ));
        return;
    }
    if let Some((_, name)) = upload.run() {
        output::note(&format!("recorded as {name} on {}", session.target.url));
    }
    for left in Spool::left_over(Some(spool)) {
        let record = match Record::open(&left) {
            Ok(record) => Arc::new(record),
            Err(failure) => {
                failure.show(false);
                continue;
            }
        };
        let mut upload = Upload::new(session.client.clone(), left, record);
        match upload.finish().await {
            // What never became a run, such as a script that nothing can run, leaves nothing to tell.
            Ok(()) if upload.run().is_some() => {
                output::note("recorded an earlier run that was made while no server answered");
            }
            Ok(()) => {}
            Err(error) => {
                output::warn(&format!("an earlier run is kept on this computer: {error}"));
                if matches!(error, Untold::Server(ClientError::Unreachable { .. })) {
                    return;
                }
            }
        }
    }
}
