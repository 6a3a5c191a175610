//! What a step of a run writes: the rows after it, decided once for all stores.
//!
//! A store loads a run with its attempts, calls one of these functions, and writes what it says by
//! compare-and-set, all in one transaction. The state machine in [`baton_core::state`] says which
//! state follows; this module says what that means for the rows:
//!
//! * An attempt's row is made when it gets an executor. A run that ends before that gets a closed row
//!   with fence 0, so that attempts are numbered without gap.
//! * A rejected attempt keeps its row (Dispatched, not live) until it is assigned again. An attempt
//!   left by a pause stays open (Running, not live); a resume or a cancel closes it as Cancelled.
//! * A closed attempt never changes, but for its liveness and its evidence. A worker or client that
//!   starts a run whose attempt is closed opens the next one.
//! * The next attempt begins with everything about the last one cleared from the run.
//! * History names the attempt to which the event happened: its number before the step.

use std::collections::BTreeSet;

use baton_core::dispatch::{Ask, Candidate, Misfit};
use baton_core::id::{Fence, RobotId, RunId};
use baton_core::robot::Robot;
use baton_core::run::{Attempt, Needs, NewRun, Run, RunEvent};
use baton_core::state::{self, Effect, Event, Executor, IllegalTransition, Outcome, State};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::error::{Result, StoreError};
use crate::runs::{AttemptResult, Claim, RunStep, Stepped};

mod rows;

use rows::Rows;

/// The rows after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The run.
    pub run: Run,
    /// Attempts to insert or replace, by number.
    pub attempts: Vec<Attempt>,
    /// The row of history, still without its position; `None` when nothing happened to the run (late).
    pub history: Option<RunEvent>,
    /// The answer to the caller.
    pub stepped: Stepped,
    /// The run became terminal: what the aggregates count.
    pub ended: Option<Ended>,
}

/// What the aggregates count of a run that became terminal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// How.
    pub state: State,
    /// On which robot.
    pub robot_id: Option<RobotId>,
    /// Seconds the process ran; only of completed and failed runs.
    pub seconds: Option<f64>,
}

/// The rows of a new run: Pending, and Queued at once when it is due and belongs to a robot.
pub fn create(new: NewRun, actor: &str, now: Timestamp) -> (Run, Vec<RunEvent>) {
    let mut run = Run {
        id: new.id,
        org: new.org,
        name: new.name,
        spec: new.spec,
        state: State::Pending,
        attempt: 1,
        fence: Fence(0),
        retries_used: 0,
        created_at: now,
        due_at: kept(new.due_at),
        queued_at: None,
        dispatched_at: None,
        started_at: None,
        ended_at: None,
        changed_at: now,
        robot_id: None,
        live: false,
        rejected_by: Default::default(),
        error: None,
        progress: None,
    };
    run.spec.needs.rejected_by.clear();
    let waits = run.spec.trigger.waits_for_earlier_runs();
    let begun = begin(run.id, run.due_at, run.spec.executor, waits, (actor, now));
    run.state = begun.state;
    run.queued_at = (begun.state == State::Queued).then_some(now);
    (run, begun.history)
}

/// How a run begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    /// Its state.
    pub state: State,
    /// Its first rows of history, still without their positions.
    pub history: Vec<RunEvent>,
}

/// How a run begins that `actor` makes `now`: Pending, and Queued at once when it is due, belongs to a robot and waits for
/// no earlier run of its schedule.
pub fn begin(
    id: RunId,
    due_at: Timestamp,
    executor: Executor,
    waits: bool,
    (actor, now): (&str, Timestamp),
) -> Begun {
    let mut history = vec![RunEvent {
        seq: 0,
        run_id: id,
        from: None,
        to: State::Pending,
        attempt: 1,
        fence: Fence(0),
        at: now,
        event: "created".into(),
        actor: actor.into(),
        robot_id: None,
        message: None,
    }];
    let mut state = State::Pending;
    if due_at <= now && executor == Executor::Robot && !waits {
        state = State::Queued;
        history.push(RunEvent {
            from: Some(State::Pending),
            to: State::Queued,
            event: Event::Due.name().into(),
            ..history[0].clone()
        });
    }
    Begun { state, history }
}

/// Takes a step. `attempts` holds at least the run's current attempt, the claimed one and the live
/// one, as far as they have rows.
pub fn take(run: &Run, attempts: &[Attempt], step: &RunStep) -> Result<Taken> {
    if let (Some(claim), Event::Finish(outcome)) = (&step.claim, &step.event)
        && let Some(row) = claimed(attempts, claim)
        && row.state.is_terminal()
    {
        return Ok(late(run, row.clone(), outcome, step));
    }
    check_claim(run, step.claim.as_ref())?;
    if step.event == Event::Assign {
        // Only an assignment names a robot and checks the limits.
        return Err(StoreError::Illegal(IllegalTransition {
            from: run.state,
            event: step.event.name(),
        }));
    }
    let decided = state::apply(&run.standing(), &step.event, step.at)?;
    let mut rows = Rows::before(run, attempts, step);
    for effect in &decided.effects {
        rows.effect(effect, attempts);
    }
    rows.arrive(decided.to);
    let mut taken = rows.done(run, attempts, decided);
    taken.stepped.took = taken.ended.and_then(|ended| ended.seconds);
    Ok(taken)
}

/// Gives a queued run to a robot, under a new fence. The caller has checked that it may.
pub fn assign(
    run: &Run,
    attempt: Option<&Attempt>,
    robot: &Robot,
    desktop: Option<String>,
    actor: &str,
    now: Timestamp,
) -> (Run, Attempt, RunEvent) {
    let mut after = run.clone();
    after.state = State::Dispatched;
    after.fence = Fence(run.fence.0 + 1);
    after.dispatched_at = Some(now);
    after.changed_at = now;
    after.robot_id = Some(robot.id);
    after.live = true;
    let mut row = attempt.cloned().unwrap_or_else(|| never_assigned(run, now));
    row.fence = after.fence;
    row.robot_id = Some(robot.id);
    row.computer = Some(robot.offer.computer.clone());
    row.desktop = desktop;
    row.state = State::Dispatched;
    row.live = true;
    row.assigned_at = now;
    row.started_at = None;
    let history = RunEvent {
        seq: 0,
        run_id: run.id,
        from: Some(run.state),
        to: State::Dispatched,
        attempt: run.attempt,
        fence: after.fence,
        at: now,
        event: Event::Assign.name().into(),
        actor: actor.into(),
        robot_id: Some(robot.id),
        message: None,
    };
    (after, row, history)
}

/// Whether this robot can never run this, whatever else is free: the code `robot_mismatch`.
///
/// Asks the dispatcher's own questions, so that what one decides the other does not refuse.
pub fn mismatch(
    robot: &Robot,
    run: &Run,
    needs: &Needs,
    queue_name: &str,
    desktop: Option<&str>,
) -> bool {
    let fits_desktop = match desktop {
        Some(name) => robot.offer.desktops.contains(name),
        None => !needs.desktop,
    };
    let none_taken = BTreeSet::new();
    let candidate = Candidate::of(robot, 0, &none_taken);
    let ask = Ask {
        org: run.org,
        queue: queue_name,
        needs,
        rejected_by: &run.rejected_by,
    };
    // None of these questions looks at the clock.
    let never = [
        Misfit::WrongOrg,
        Misfit::WrongQueue,
        Misfit::Rejected,
        Misfit::NotTarget,
        Misfit::WrongEnvironment,
        Misfit::MissingLabel,
        Misfit::MissingCapability,
    ];
    !fits_desktop
        || never
            .iter()
            .any(|m| m.applies(&candidate, &ask, run.changed_at))
}

/// The attempt that a claim names by number, last fence and robot.
pub fn claimed<'a>(attempts: &'a [Attempt], claim: &Claim) -> Option<&'a Attempt> {
    attempts.iter().find(|a| {
        a.number == claim.attempt && a.fence == claim.fence && a.robot_id == claim.robot_id
    })
}

/// Refuses a claim that is not the run's.
pub fn check_claim(run: &Run, claim: Option<&Claim>) -> Result<()> {
    let valid = claim.is_none_or(|c| {
        c.attempt == run.attempt && c.fence == run.fence && c.robot_id == run.robot_id
    });
    match claim {
        Some(claim) if !valid => Err(stale(run, claim)),
        _ => Ok(()),
    }
}

/// The refusal of a claim.
pub fn stale(run: &Run, claim: &Claim) -> StoreError {
    StoreError::StaleFence {
        given: claim.fence,
        current: run.fence,
        attempt: run.attempt,
    }
}

/// Frees the slot of a closed attempt; the run and attempt after it, or `None` when there is nothing to free.
pub fn release(
    run: &Run,
    attempts: &[Attempt],
    claim: &Claim,
    error: Option<&baton_core::error::ErrorInfo>,
    now: Timestamp,
) -> Result<Option<(Run, Attempt)>> {
    let row = claimed(attempts, claim).ok_or_else(|| stale(run, claim))?;
    if !row.state.is_terminal() || !row.live {
        return Ok(None);
    }
    let mut row = row.clone();
    row.live = false;
    if let (Some(error), None) = (error, &row.late_result) {
        row.late_result = Some(json!({ "error": error, "at": now }));
    }
    let mut run = run.clone();
    run.live = false;
    Ok(Some((run, row)))
}

/// The instant as stores keep it: to the microsecond.
fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn never_assigned(run: &Run, at: Timestamp) -> Attempt {
    Attempt {
        run_id: run.id,
        number: run.attempt,
        fence: Fence(0),
        executor: run.spec.executor,
        robot_id: None,
        computer: None,
        desktop: None,
        state: State::Dispatched,
        live: false,
        assigned_at: at,
        started_at: None,
        ended_at: None,
        exit_code: None,
        error: None,
        outputs: Map::new(),
        execution_time: None,
        late_result: None,
    }
}

/// A result for a closed attempt: it frees the slot and is kept as evidence, nothing else.
fn late(run: &Run, mut row: Attempt, outcome: &Outcome, step: &RunStep) -> Taken {
    let mut after = run.clone();
    let mut effects = Vec::new();
    let was = row.clone();
    if row.live {
        row.live = false;
        after.live = false;
        effects.push(Effect::Release);
    }
    let result = step.result.clone().unwrap_or_default();
    let says_more = outcome.state() != row.state || result.exit_code != row.exit_code;
    if row.late_result.is_none() && says_more {
        row.late_result = Some(evidence(outcome, &result, step.at));
    }
    let stepped = Stepped {
        robot_id: row.robot_id,
        late: true,
        ..stepped(run, &after, effects)
    };
    Taken {
        attempts: if row == was { vec![] } else { vec![row] },
        run: after,
        history: None,
        stepped,
        ended: None,
    }
}

fn evidence(outcome: &Outcome, result: &AttemptResult, at: Timestamp) -> Value {
    json!({
        "status": outcome.state(),
        "error": outcome.error(),
        "exit_code": result.exit_code,
        "outputs": result.outputs,
        "execution_time": result.execution_time,
        "at": at,
    })
}

fn stepped(before: &Run, after: &Run, effects: Vec<Effect>) -> Stepped {
    let starts = after.state == State::Running && before.started_at.is_none();
    let started = after.started_at.filter(|_| starts);
    let latency = started.map(|at| at.duration_since(before.due_at).as_secs_f64().max(0.0));
    Stepped {
        run_id: after.id,
        from: before.state,
        to: after.state,
        attempt: after.attempt,
        fence: after.fence,
        robot_id: before.robot_id,
        due_at: after.due_at,
        queue_id: after.spec.needs.queue_id,
        flow_id: after.spec.needs.flow_id,
        start_latency: latency,
        took: None,
        effects,
        late: false,
    }
}
