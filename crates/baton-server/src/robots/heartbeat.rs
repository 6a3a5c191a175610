//! Heartbeats: checked against memory at once, and against the store only when something is odd.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use baton_api::robot::{Claim, Heartbeat, Held, Phase};
use baton_core::error::{ErrorInfo, ErrorKind, MAX_MESSAGE, clip};
use baton_core::lease::{HEARTBEAT, Steady};
use baton_core::state::{Event, Outcome, State};
use baton_store::runs::{LiveAttempt, RunStep};
use jiff::{SignedDuration, Timestamp};

use super::Connection;
use super::connection::Hold;
use super::reconcile::claim_of;
use crate::app::App;
use crate::operations;

/// Heartbeats that may pass over a running attempt before it counts as lost: one may have been on its
/// way when the attempt started.
const MISSES: u8 = 2;

/// Longest rest that is believed: what lasts longer is said again with every heartbeat.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// What the robot says of its trouble, in this server's time, for people and for the dispatcher.
pub(super) fn trouble(app: &App, connection: &Connection, beat: &Heartbeat, now: Timestamp) {
    let mut heard = connection.heard();
    let before = heard.rests_until;
    heard.rests_until = None;
    let mut why = None;
    if let Some(trouble) = &mut heard.metrics.trouble {
        // Its clock may show anything: only what lies between two of its instants counts.
        let in_time = |at: Timestamp, least: SignedDuration| {
            let span = at.duration_since(beat.sent_at).clamp(least, LONGEST_REST);
            now.saturating_add(span).unwrap_or(now)
        };
        trouble.reason = clip(std::mem::take(&mut trouble.reason), MAX_MESSAGE);
        trouble.since = in_time(trouble.since, SignedDuration::MIN);
        trouble.rests_until = in_time(trouble.rests_until, SignedDuration::ZERO);
        why = Some((trouble.rests_until, trouble.reason.clone()));
    }
    heard.rests_until = why.as_ref().map(|(until, _)| *until);
    drop(heard);
    if let Some((until, why)) = why {
        app.fleet.in_trouble(connection.robot_id, until, Some(why));
    } else if before.is_some() {
        app.fleet.in_trouble(connection.robot_id, now, None);
        app.wakeups.dispatcher.notify_one();
    }
}

/// Notes that the robot was heard. Says whether what it holds differs from what is believed here.
pub(super) fn heard(connection: &Connection, beat: &Heartbeat, now: Steady) -> bool {
    {
        let mut heard = connection.heard();
        heard.at = now;
        heard.metrics = beat.metrics.clone();
        heard.draining = beat.status == "draining";
        heard.written = false;
    }
    connection.note_began(&beat.active, now);
    let active: HashSet<Claim> = beat.active.iter().map(|h| h.claim).collect();
    let mut holds = connection.holds();
    let unknown = beat.active.iter().any(|held| {
        // A finished one brings its result by itself and is answered then.
        held.phase != Phase::Finished
            && holds
                .get(&held.claim.job_id)
                .is_none_or(|hold| !is(hold, &held.claim))
    });
    let mut missing = false;
    for (run, hold) in holds.iter_mut() {
        let claim = Claim {
            job_id: *run,
            attempt: hold.attempt,
            fence: hold.fence,
        };
        if hold.state == State::Dispatched || active.contains(&claim) {
            hold.missed = 0;
        } else if now.since(hold.since) > HEARTBEAT {
            hold.missed = hold.missed.saturating_add(1);
            missing |= hold.missed >= MISSES;
        }
    }
    unknown || missing
}

fn is(hold: &Hold, claim: &Claim) -> bool {
    hold.attempt == claim.attempt && hold.fence == claim.fence
}

/// Asks the store what the robot holds. Attempts that it no longer names are lost; the claims that are
/// answered are no longer valid.
pub(super) async fn verify(
    app: &Arc<App>,
    connection: &Connection,
    active: &[Held],
) -> baton_store::Result<Vec<Claim>> {
    let live = app.store.live_attempts_of(connection.robot_id).await?;
    let valid: HashMap<Claim, &LiveAttempt> = live
        .iter()
        .filter(|a| a.state.is_on_robot())
        .map(|a| (claim_of(a), a))
        .collect();
    let named: HashSet<Claim> = active.iter().map(|h| h.claim).collect();
    let lost = believe(connection, &valid, &named, app.steady());
    report_lost(
        app,
        connection,
        lost,
        "the robot is there but no longer has the run's process",
    )
    .await;
    Ok(active
        .iter()
        .filter(|held| held.phase != Phase::Finished && !valid.contains_key(&held.claim))
        .map(|held| held.claim)
        .collect())
}

/// Makes what is believed here equal to the store; answers which attempts the robot has lost.
fn believe(
    connection: &Connection,
    valid: &HashMap<Claim, &LiveAttempt>,
    named: &HashSet<Claim>,
    now: Steady,
) -> Vec<Claim> {
    let mut holds = connection.holds();
    let mut lost = Vec::new();
    let before = std::mem::take(&mut *holds);
    for (claim, attempt) in valid {
        let known = before.get(&claim.job_id).filter(|hold| is(hold, claim));
        let hold = Hold {
            attempt: claim.attempt,
            fence: claim.fence,
            state: attempt.state,
            since: known.map_or(now, |hold| hold.since),
            began_at: known.and_then(|hold| hold.began_at),
            missed: known.map_or(0, |hold| hold.missed),
        };
        let started = attempt.state != State::Dispatched;
        if started && hold.missed >= MISSES && !named.contains(claim) {
            lost.push(*claim);
        }
        holds.insert(claim.job_id, hold);
    }
    lost
}

/// Ends attempts whose processes are gone although no result came.
pub(super) async fn report_lost(
    app: &Arc<App>,
    connection: &Connection,
    lost: Vec<Claim>,
    why: &str,
) {
    if lost.is_empty() {
        return;
    }
    let steps = lost.into_iter().map(|claim| RunStep {
        org: connection.org,
        run_id: claim.job_id,
        claim: Some(connection.claim(&claim)),
        event: Event::Finish(Outcome::Crashed {
            error: ErrorInfo::new(ErrorKind::Lost, why),
        }),
        at: app.now(),
        actor: connection.name.clone(),
        message: Some(why.to_owned()),
        result: None,
        computer: None,
    });
    let steps: Vec<RunStep> = steps.collect();
    let runs: Vec<_> = steps.iter().map(|s| s.run_id).collect();
    for (run, result) in runs.into_iter().zip(operations::take(app, steps).await) {
        match result {
            Ok(_) => tracing::warn!(robot = %connection.name, %run, why, "an attempt was lost"),
            Err(error) => tracing::debug!(%run, %error, "a lost attempt had already ended"),
        }
    }
}
