//! Plays a script as an agent would tell it: lines, tasks, progress and the result, each at its time.

use std::time::Duration;

use baton_api::robot::{Claim, JobResult, LogBatch, StatusUpdate, TaskReport, TaskUpdate};
use baton_core::run::{LogLine, Progress};
use baton_core::state::State;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::demo_data::later;
use crate::demo_data::script::{Ending, Script, Task};
use crate::simulated::frame;

/// How often something is told: several lines of one moment make one batch.
const TICK: Duration = Duration::from_millis(400);
/// How often progress is told, in ticks.
const PROGRESS_EVERY: u32 = 5;

/// One attempt to play.
pub(crate) struct Job {
    pub(crate) claim: Claim,
    pub(crate) script: Script,
}

/// What was told so far.
struct Told {
    lines: usize,
    tasks: Vec<Option<State>>,
    updates: i64,
}

/// Plays the job to its end, or until it is cancelled; to its end at once when there is hurry.
pub(crate) async fn play(
    job: Job,
    outbox: mpsc::Sender<String>,
    mut cancelled: oneshot::Receiver<()>,
    mut hurry: watch::Receiver<bool>,
) {
    let (began, started_at) = (Instant::now(), Timestamp::now());
    let mut told = Told {
        lines: 0,
        tasks: vec![None; job.script.tasks.len()],
        updates: 0,
    };
    let mut tick = tokio::time::interval(TICK);
    let mut ticks = 0_u32;
    let (mut stopped, mut hurried) = (false, false);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            asked = &mut cancelled => stopped = asked.is_ok(),
            // The demo ends: what would have come is told at once.
            told = hurry.wait_for(|hurry| *hurry) => hurried = told.is_ok(),
        }
        let at = began.elapsed().as_secs_f64();
        let over = stopped || hurried || at >= job.script.seconds;
        let mut frames = job.news(&mut told, started_at, at, over && !stopped);
        if !over && ticks.is_multiple_of(PROGRESS_EVERY) {
            frames.push(job.progress(at));
        }
        if over {
            frames.push(job.result(stopped, at));
        }
        for text in frames {
            // The connection is gone: the server knows, and so does whoever held the job.
            if outbox.send(text).await.is_err() {
                return;
            }
        }
        if over {
            return;
        }
        ticks += 1;
    }
}

impl Job {
    /// What has happened since it was told last.
    fn news(&self, told: &mut Told, started_at: Timestamp, at: f64, all: bool) -> Vec<String> {
        let mut frames = Vec::new();
        let due = self
            .script
            .lines
            .iter()
            .take_while(|line| all || line.at <= at)
            .count();
        let lines = self
            .script
            .lines
            .iter()
            .enumerate()
            .take(due)
            .skip(told.lines);
        let lines: Vec<LogLine> = lines
            .map(|(index, line)| LogLine {
                seq: i64::try_from(index + 1).unwrap_or(i64::MAX),
                at: later(started_at, line.at.min(at)),
                level: line.level,
                stream: line.stream,
                task: line.task.clone(),
                message: line.text.clone(),
            })
            .collect();
        if !lines.is_empty() {
            told.lines = due;
            frames.push(frame(&LogBatch {
                claim: self.claim,
                lines,
            }));
        }
        let mut tasks = Vec::new();
        for (task, before) in self.script.tasks.iter().zip(&mut told.tasks) {
            let state = state_at(task, at, all);
            if *before != Some(state) {
                *before = Some(state);
                tasks.push(report(task, state, started_at, at));
            }
        }
        if !tasks.is_empty() {
            told.updates += 1;
            frames.push(frame(&TaskUpdate {
                claim: self.claim,
                seq: told.updates,
                tasks,
            }));
        }
        frames
    }

    fn progress(&self, at: f64) -> String {
        let running = self
            .script
            .tasks
            .iter()
            .find(|task| state_at(task, at, false) == State::Running);
        frame(&StatusUpdate {
            claim: self.claim,
            status: "running".into(),
            progress: Progress {
                percent: Some((100.0 * at / self.script.seconds).clamp(0.0, 99.0).round()),
                message: running.map(|task| task.name.clone()),
                task: running.map(|task| task.key.clone()),
            },
        })
    }

    fn result(&self, stopped: bool, at: f64) -> String {
        let state = match (stopped, self.script.ending) {
            (true, _) => State::Cancelled,
            (false, Ending::Completed) => State::Completed,
            (false, _) => State::Failed,
        };
        let ended = !stopped;
        frame(&JobResult {
            claim: self.claim,
            status: state.job_status().into(),
            state,
            error: self.script.error.clone().filter(|_| ended),
            exit_code: self.script.exit_code.filter(|_| ended),
            outputs: if ended {
                self.script.outputs.clone()
            } else {
                Default::default()
            },
            execution_time: Some(at),
            handed_back: false,
        })
    }
}

/// Where a task stands after so many seconds.
fn state_at(task: &Task, at: f64, all: bool) -> State {
    match task.time {
        _ if all => task.state,
        Some((_, until)) if at >= until => task.state,
        Some((from, _)) if at >= from => State::Running,
        _ => State::Pending,
    }
}

fn report(task: &Task, state: State, started_at: Timestamp, now: f64) -> TaskReport {
    let at = |second: f64| later(started_at, second.min(now));
    let ended = !matches!(state, State::Pending | State::Running);
    TaskReport {
        key: task.key.clone(),
        name: task.name.clone(),
        state,
        after: task.after.clone(),
        tries: u32::from(state != State::Pending),
        started_at: task
            .time
            .map(|(from, _)| at(from))
            .filter(|_| state != State::Pending),
        ended_at: task.time.map(|(_, until)| at(until)).filter(|_| ended),
        error: task.error.clone().filter(|_| ended),
        data: if ended {
            task.data.clone()
        } else {
            serde_json::json!({})
        },
    }
}
