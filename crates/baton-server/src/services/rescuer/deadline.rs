//! What is owed to a live attempt, and when.

use jiff::{SignedDuration, Timestamp};

use baton_core::flow::DEFAULT_CANCEL_GRACE_SECONDS;
use baton_core::lease::{MARGIN, START_WITHIN};
use baton_core::state::State;
use baton_store::runs::LiveAttempt;

use super::CANCEL_AGAIN;

/// What the rescuer owes an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// Its robot's lease lapses: it is dead.
    Lapse,
    /// Its robot has not answered the assignment: another may have it.
    Answer,
    /// It has run far beyond its deadline, which its robot should have enforced.
    End,
    /// Its robot has not confirmed the cancel.
    CancelAgain,
}

/// Fetching a package and building an environment come after the start and do not count as running.
/// The robot knows when the process began and enforces the deadline itself; the server, which does not,
/// steps in only after the longest set-up, the grace of a kill and a margin.
const SET_UP_WITHIN: SignedDuration = SignedDuration::from_secs(15 * 60);

/// What is owed to an attempt, each with its instant. `lapses_at` is when its lease has lapsed for good,
/// `told_at` when a cancel was sent again last.
pub(super) fn owed(
    attempt: &LiveAttempt,
    lapses_at: Timestamp,
    told_at: Option<Timestamp>,
    server_started: Timestamp,
) -> Vec<(Timestamp, Owed)> {
    let mut all = vec![(lapses_at, Owed::Lapse)];
    let plus =
        |at: Timestamp, wait: SignedDuration| at.saturating_add(wait).unwrap_or(Timestamp::MAX);
    match attempt.state {
        State::Dispatched => {
            // While the server was away nobody could answer.
            let since = attempt.assigned_at.max(server_started);
            all.push((plus(since, START_WITHIN), Owed::Answer));
        }
        State::Running => {
            if let Some(deadline) = attempt.deadline_at {
                let grace = SignedDuration::from_secs(DEFAULT_CANCEL_GRACE_SECONDS.into());
                let late = plus(deadline, SET_UP_WITHIN + grace + MARGIN);
                all.push((late.max(plus(server_started, grace)), Owed::End));
            }
        }
        _ => {
            let again = SignedDuration::try_from(CANCEL_AGAIN).unwrap_or(SignedDuration::ZERO);
            let since = told_at.unwrap_or(server_started);
            all.push((plus(since, again), Owed::CancelAgain));
        }
    }
    all
}
