//! Why a run does not start that is not waiting for a robot at all: too early, or already further.

use super::{Found, Reason, ReasonCode, Situation, Step, Subject, Wait};
use super::{LEADER_SILENT_AFTER, MAX_NAMED};
use crate::id::RobotId;
use crate::run::Run;
use crate::state::{Executor, State};

/// A run that has not been queued.
pub(super) fn pending(subject: &Subject<'_>, situation: &Situation<'_>, found: &mut Found) {
    let run = subject.run;
    if situation.now < run.due_at {
        let what = if run.attempt > 1 {
            "its next attempt"
        } else {
            "it"
        };
        let mut reason = Reason::new(
            ReasonCode::NotDue,
            format!("{what} is due at {}", run.due_at),
        );
        reason.until = Some(run.due_at);
        found.add(reason, Some(Step::Wait { until: run.due_at }));
    }
    if run.live {
        let of_run = situation.live.iter().filter(|one| one.run_id == run.id);
        let mut message =
            "its previous attempt is not known to be gone from its robot: it ends, or its lease lapses"
                .to_owned();
        let robots = of_run.clone().filter_map(|one| one.robot_id);
        message.push_str(&if_away(robots, situation));
        let reason = Reason::new(ReasonCode::PreviousAttemptLive, message);
        let step = Step::EndRun {
            run_id: run.id,
            name: "its previous attempt".into(),
        };
        found.add(reason.held_by(of_run), Some(step));
    }
    for wait in subject.waits_for.iter().take(MAX_NAMED) {
        match wait {
            Wait::Run { run_id, name } => found.add(
                Reason::new(
                    ReasonCode::WaitsForRun,
                    format!("it waits for {name} to end"),
                ),
                Some(Step::EndRun {
                    run_id: *run_id,
                    name: name.clone(),
                }),
            ),
            Wait::Approval => found.add(
                Reason::new(
                    ReasonCode::WaitsForApproval,
                    "it waits for somebody's approval",
                ),
                Some(Step::Approve),
            ),
        }
    }
    if found.reasons.is_empty() {
        let message = "its time has come; it is about to be queued";
        let until = situation.now;
        found.add(
            Reason::new(ReasonCode::AboutToQueue, message),
            Some(Step::Wait { until }),
        );
    }
}

/// What is added of the first of these robots that is not connected: what runs there may go on, and a person may
/// know better.
pub(super) fn if_away(
    robots: impl IntoIterator<Item = RobotId>,
    situation: &Situation<'_>,
) -> String {
    let mut known = robots
        .into_iter()
        .filter_map(|id| situation.fleet.robot(id));
    known
        .find(|robot| !robot.connected)
        .map_or_else(String::new, |robot| {
            let name = &robot.name;
            let word = crate::text::shell_name(name);
            format!(
                "; {name} is not connected, and what it runs may go on: if it is gone for good, \
                 `baton robots lost {word}` says so"
            )
        })
}

/// A run that is past waiting.
pub(super) fn already(run: &Run, state: State, situation: &Situation<'_>) -> Reason {
    let name = run
        .robot_id
        .and_then(|id| situation.fleet.robot(id))
        .map_or("its robot", |robot| robot.name.as_str());
    match state {
        State::Dispatched => Reason::new(
            ReasonCode::Dispatched,
            format!("it has been assigned to {name}, which has not started it yet"),
        ),
        State::Running => match run.spec.executor {
            Executor::Robot => {
                let message = format!("it runs on {name}{}", if_away(run.robot_id, situation));
                Reason::new(ReasonCode::Running, message)
            }
            _ => Reason::new(ReasonCode::Running, "it is running"),
        },
        State::Paused => Reason::new(ReasonCode::Paused, "it is paused until somebody resumes it"),
        State::Cancelling => Reason::new(
            ReasonCode::Cancelling,
            format!(
                "it is being cancelled; {name} has not confirmed the end yet{}",
                if_away(run.robot_id, situation)
            ),
        ),
        ended => Reason::new(
            ReasonCode::Ended,
            format!("it has ended as {ended}; only a retry starts it again"),
        ),
    }
}

/// A waiting run that the dispatcher never touches.
pub(super) fn own_executor(run: &Run) -> Reason {
    match run.spec.executor {
        Executor::Client => Reason::new(
            ReasonCode::ExecutorClient,
            "a person's own process executes it and reports; no robot is asked",
        ),
        _ => Reason::new(
            ReasonCode::ExecutorWorker,
            "a worker that pulls from its work queue executes it; no robot is asked",
        ),
    }
}

/// Whether anybody decides.
pub(super) fn leader(situation: &Situation<'_>, found: &mut Found) {
    let silent = situation
        .leader
        .decided_at
        .is_none_or(|at| situation.now.duration_since(at) > LEADER_SILENT_AFTER);
    let message = match (&situation.leader.server, silent) {
        (Some(_), false) => return,
        (Some(server), true) => {
            format!("{server} leads but has not decided for {LEADER_SILENT_AFTER:#}")
        }
        (None, _) => "no server leads at present, so nothing is dispatched".to_owned(),
    };
    found.add(
        Reason::new(ReasonCode::NoLeader, message),
        Some(Step::StartServer),
    );
}
