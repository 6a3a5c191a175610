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
/// As long as the robot has not said that the process began, this much is granted for them: they have
/// ten minutes each, and copying has the rest.
const SET_UP_WITHIN: SignedDuration = SignedDuration::from_secs(25 * 60);

/// When the robot, which enforces the deadline itself, must have ended the attempt: the run's timeout
/// after its process began, and the grace of a kill.
fn overdue_at(attempt: &LiveAttempt, began_at: Option<Timestamp>) -> Option<Timestamp> {
    let deadline = attempt.deadline_at?;
    let wait = SignedDuration::from_secs(DEFAULT_CANCEL_GRACE_SECONDS.into()) + MARGIN;
    let from = match (began_at, attempt.started_at) {
        (Some(began), Some(told)) => {
            let timeout = deadline.duration_since(told);
            began.max(told).saturating_add(timeout).ok()?
        }
        _ => deadline.saturating_add(SET_UP_WITHIN).ok()?,
    };
    from.saturating_add(wait).ok()
}

/// What is owed to an attempt, each with its instant. `lapses_at` is when its lease has lapsed for good,
/// `told_at` when a cancel was sent again last, `began_at` when its process began, if that is known.
pub(super) fn owed(
    attempt: &LiveAttempt,
    lapses_at: Timestamp,
    told_at: Option<Timestamp>,
    began_at: Option<Timestamp>,
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
            if let Some(late) = overdue_at(attempt, began_at) {
                let grace = SignedDuration::from_secs(DEFAULT_CANCEL_GRACE_SECONDS.into());
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

#[cfg(test)]
mod tests {
    use baton_core::id::{Fence, FlowId, OrgId, QueueId, RunId};
    use uuid::Uuid;

    use super::*;

    fn second(at: i64) -> Timestamp {
        Timestamp::from_second(at).expect("in range")
    }

    /// Told to start at second 100, with a minute to run.
    fn running() -> LiveAttempt {
        LiveAttempt {
            org: OrgId::DEFAULT,
            run_id: RunId(Uuid::nil()),
            run_name: String::new(),
            attempt: 1,
            fence: Fence(1),
            state: State::Running,
            robot_id: None,
            desktop: None,
            flow_id: FlowId(Uuid::nil()),
            deployment_id: None,
            queue_id: QueueId(Uuid::nil()),
            tags: vec![],
            assigned_at: second(99),
            started_at: Some(second(100)),
            deadline_at: Some(second(160)),
        }
    }

    fn ends_at(began_at: Option<i64>) -> Timestamp {
        let owed = owed(
            &running(),
            second(1_000_000),
            None,
            began_at.map(second),
            second(0),
        );
        let end = owed.into_iter().find(|(_, owed)| *owed == Owed::End);
        end.expect("it has a deadline").0
    }

    #[test]
    fn a_run_is_overdue_a_grace_and_a_margin_after_its_timeout() {
        assert_eq!(ends_at(Some(100)), second(160 + 35));
        assert_eq!(ends_at(Some(700)), second(760 + 35), "its set-up took long");
        assert_eq!(
            ends_at(Some(50)),
            second(160 + 35),
            "nothing begins before it was told to"
        );
    }

    #[test]
    fn the_longest_set_up_is_granted_while_nobody_says_that_the_process_began() {
        assert_eq!(ends_at(None), second(160 + 25 * 60 + 35));
    }

    #[test]
    fn a_run_without_timeout_is_never_overdue() {
        let mut run = running();
        run.deadline_at = None;
        let owed = owed(&run, second(1_000), None, Some(second(100)), second(0));
        assert!(owed.iter().all(|(_, owed)| *owed != Owed::End));
    }
}
