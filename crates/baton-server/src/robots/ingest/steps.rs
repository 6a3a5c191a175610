//! Accepted, rejected, ended: what a robot says that moves a run.

use std::time::Duration;

use baton_api::robot::{Ack, Claim, JobResult, Reject, Start};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::state::{Event, IllegalTransition, Outcome, State};
use baton_store::StoreError;
use baton_store::runs::{AttemptResult, RunStep, Stepped};

use super::Replies;
use crate::operations;
use crate::services::after;

/// How long a robot that handed a run back is left alone unless it says more: three heartbeats.
const REST: Duration = Duration::from_secs(30);

/// What a step was about, to answer it after the commit.
enum Asked {
    Accept(Claim),
    Reject(Claim),
    Result(Claim),
}

/// Takes the steps, all in one call, and answers each.
pub(super) async fn commit(
    replies: &mut Replies<'_>,
    accepts: Vec<Claim>,
    rejects: Vec<Reject>,
    results: Vec<JobResult>,
) {
    let many = accepts.len() + rejects.len() + results.len();
    let mut asked = Vec::with_capacity(many);
    let mut steps = Vec::with_capacity(many);
    // Results first: they free slots and concern other runs than the accepts of the same moment.
    for result in results {
        let claim = result.claim;
        asked.push(Asked::Result(claim));
        let (outcome, handed) = read(result);
        if let Outcome::HandedBack { error } = &outcome {
            // It will say itself for how long; until then it is not given the next one.
            let until = after(replies.app.now(), REST);
            let why = Some(error.message.clone());
            replies
                .app
                .fleet
                .in_trouble(replies.connection.robot_id, until, why);
        }
        let mut step = step(replies, &claim, Event::Finish(outcome));
        step.result = Some(handed);
        steps.push(step);
    }
    for claim in accepts {
        asked.push(Asked::Accept(claim));
        steps.push(step(replies, &claim, Event::Start));
    }
    for reject in rejects {
        asked.push(Asked::Reject(reject.claim));
        steps.push(rejected(replies, reject));
    }
    let taken = operations::take(replies.app, steps).await;
    for (asked, taken) in asked.into_iter().zip(taken) {
        match asked {
            Asked::Accept(claim) => accepted(replies, claim, taken),
            Asked::Reject(claim) => {
                if let Err(error) = taken {
                    refused(replies, claim, "reject", &error);
                }
            }
            Asked::Result(claim) => ended(replies, claim, taken),
        }
    }
}

fn step(replies: &Replies<'_>, claim: &Claim, event: Event) -> RunStep {
    RunStep {
        org: replies.connection.org,
        run_id: claim.job_id,
        claim: Some(replies.connection.claim(claim)),
        event,
        at: replies.app.now(),
        actor: replies.connection.name.clone(),
        message: None,
        result: None,
        computer: None,
    }
}

fn rejected(replies: &Replies<'_>, reject: Reject) -> RunStep {
    let reason = baton_core::error::clip(reject.reason, baton_core::error::MAX_MESSAGE);
    let event = if reject.permanent {
        Event::RejectForGood {
            error: ErrorInfo::new(ErrorKind::Spawn, reason.clone()),
        }
    } else {
        Event::Reject
    };
    let mut step = step(replies, &reject.claim, event);
    step.message = Some(reason);
    step
}

/// The outcome and what is handed over with it.
fn read(result: JobResult) -> (Outcome, AttemptResult) {
    let error = |kind, message: &str| {
        let given = result.error.clone().map(ErrorInfo::bounded);
        given.unwrap_or_else(|| ErrorInfo::new(kind, message))
    };
    let outcome = match result.state {
        State::Failed if result.handed_back => Outcome::HandedBack {
            error: error(ErrorKind::Resource, "the robot could not set the run up"),
        },
        State::Completed => Outcome::Completed,
        State::Cancelled => Outcome::Cancelled,
        State::TimedOut => Outcome::TimedOut {
            error: error(ErrorKind::TimedOut, "the run deadline passed"),
        },
        State::Crashed => Outcome::Crashed {
            error: error(ErrorKind::Lost, "the robot lost the process"),
        },
        _ => Outcome::Failed {
            error: error(ErrorKind::Failed, "the run failed without saying why"),
        },
    };
    let handed = AttemptResult {
        exit_code: result.exit_code,
        outputs: result.outputs,
        execution_time: result.execution_time.filter(|s| s.is_finite() && *s >= 0.0),
    };
    (outcome, handed)
}

/// Running is committed: only now may the process begin.
fn accepted(replies: &mut Replies<'_>, claim: Claim, taken: Result<Stepped, StoreError>) {
    let start = match &taken {
        Ok(_) => true,
        // The claim is valid and had been accepted before: the word was lost on the way.
        Err(StoreError::Illegal(IllegalTransition {
            from: State::Running,
            ..
        })) => true,
        Err(_) => false,
    };
    if start {
        let now = replies.app.steady();
        replies.connection.note_hold(claim, State::Running, now);
        replies.say(&Start { claim });
    } else if let Err(error) = taken {
        refused(replies, claim, "accept", &error);
    }
}

/// The result is committed, or will never matter: either way the robot may forget it.
fn ended(replies: &mut Replies<'_>, claim: Claim, taken: Result<Stepped, StoreError>) {
    let superseded = match taken {
        Ok(stepped) => stepped.late,
        Err(StoreError::Illegal(error)) => {
            replies.stale(claim, "job_result", &error.to_string());
            true
        }
        Err(error @ (StoreError::StaleFence { .. } | StoreError::NotFound { .. })) => {
            replies.stale(claim, "job_result", &error.to_string());
            true
        }
        Err(error) => return replies.unavailable("job_result", &error),
    };
    replies.connection.drop_hold(claim.job_id, claim.fence);
    replies.ack(Ack::Result { claim, superseded });
}

fn refused(replies: &mut Replies<'_>, claim: Claim, what: &str, error: &StoreError) {
    match error {
        StoreError::StaleFence { .. } | StoreError::NotFound { .. } | StoreError::Illegal(_) => {
            replies.stale(claim, what, &error.to_string());
        }
        error => replies.unavailable(what, error),
    }
}
