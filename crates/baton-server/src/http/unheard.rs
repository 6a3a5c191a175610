//! Attempts whose robot is not heard: since when, and how long they may go on so.

use baton_api::rest::Unheard;
use baton_core::id::RobotId;
use baton_core::lease::{MISSED_REPORTS, lapses_at};
use baton_core::robot::UNREACHABLE_AFTER;
use baton_core::run::Run;
use baton_core::state::{Executor, State};
use jiff::{SignedDuration, Timestamp};

use crate::app::App;

/// What is to be said of an attempt on a robot that was heard last at `last_seen`, as far as the store knows, and
/// that may go on unheard for `patience`. `None` while the robot is heard.
pub(crate) fn of(
    app: &App,
    robot: RobotId,
    last_seen: Option<Timestamp>,
    patience: SignedDuration,
) -> Option<Unheard> {
    if app.robots.get(robot).is_some() {
        return None;
    }
    let heard = app.robots.heard_at(robot);
    let since = heard
        .map(|at| app.day_of(at))
        .or(last_seen)
        .unwrap_or_else(|| app.day_of(app.began));
    if app.now().duration_since(since) <= UNREACHABLE_AFTER {
        return None;
    }
    let until = app.day_of(lapses_at(heard, app.began, patience));
    Some(Unheard { since, until })
}

/// The same of a run. What is on its way to a robot is not said: it is assigned anew within a lease.
pub(crate) async fn of_run(app: &App, run: &Run) -> Option<Unheard> {
    if run.live && run.spec.executor == Executor::Client {
        return of_reporter(app, run);
    }
    let robot = run.robot_id.filter(|_| run.live)?;
    if app.robots.get(robot).is_some() || matches!(run.state, State::Dispatched) {
        return None;
    }
    let last_seen = match app.robots.heard_at(robot) {
        Some(_) => None,
        None => app.store.robot(run.org, robot).await.ok()?.last_seen,
    };
    let patience = SignedDuration::from_secs(run.spec.lost_after_seconds.into());
    of(app, robot, last_seen, patience)
}

/// The same of a run whose own process reports it: unheard once a report is missing that it said it would send.
fn of_reporter(app: &App, run: &Run) -> Option<Unheard> {
    let heard = app.reporters.heard_at(run.id);
    let since = app.day_of(heard.unwrap_or(app.began));
    let patience = run.spec.lost_after_seconds;
    let every = SignedDuration::from_secs((patience / MISSED_REPORTS).into());
    if app.now().duration_since(since) <= every {
        return None;
    }
    let patience = SignedDuration::from_secs(patience.into());
    let until = app.day_of(lapses_at(heard, app.began, patience));
    Some(Unheard { since, until })
}
