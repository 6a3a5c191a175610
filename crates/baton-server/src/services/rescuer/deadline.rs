//! What is owed to a live attempt, and when.

use jiff::SignedDuration;

use baton_core::flow::DEFAULT_CANCEL_GRACE_SECONDS;
use baton_core::lease::{MARGIN, START_WITHIN, Steady, UNHEARD_CANCEL};
use baton_core::state::State;
use baton_store::runs::LiveAttempt;

use super::CANCEL_AGAIN;

/// When a robot was last told to end an attempt, and how long that may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// When.
    pub(super) at: Steady,
    /// The grace between asking and killing.
    pub(super) grace: SignedDuration,
}

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
fn overdue_at(attempt: &LiveAttempt, since: Steady, began: Option<Steady>) -> Option<Steady> {
    // Both were written at once, by the same setting of the clock.
    let timeout = attempt.deadline_at?.duration_since(attempt.started_at?);
    let wait = SignedDuration::from_secs(DEFAULT_CANCEL_GRACE_SECONDS.into()) + MARGIN;
    let from = match began {
        Some(began) => began.max(since),
        None => since.after(SET_UP_WITHIN),
    };
    Some(from.after(timeout).after(wait))
}

/// What this server has seen of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// When it came to its state.
    pub(super) since: Steady,
    /// When it has gone on unheard for as long as it may.
    pub(super) lapses_at: Steady,
    /// When its robot was last told to end it.
    pub(super) told: Option<Told>,
    /// Whether its robot is here.
    pub(super) connected: bool,
    /// When its process began, if that is known.
    pub(super) began: Option<Steady>,
}

/// When a process that executes a run by itself is believed dead. It asks whether it was cancelled, and the server
/// cannot tell it: where it says nothing after that and its grace, nobody will confirm the cancel.
fn reporter_lapses_at(attempt: &LiveAttempt, seen: &Seen) -> Steady {
    let Some(told) = seen.told else {
        return seen.lapses_at;
    };
    let heard = seen.lapses_at.before(attempt.patience()).before(MARGIN);
    let silent_from = heard.max(told.at.after(told.grace));
    seen.lapses_at.min(silent_from.after(UNHEARD_CANCEL))
}

/// What is owed to an attempt, each with its instant.
pub(super) fn owed(
    attempt: &LiveAttempt,
    seen: &Seen,
    server_began: Steady,
) -> Vec<(Steady, Owed)> {
    let Seen {
        since, told, began, ..
    } = *seen;
    if attempt.robot_id.is_none() {
        return vec![(reporter_lapses_at(attempt, seen), Owed::Lapse)];
    }
    let mut all = vec![(seen.lapses_at, Owed::Lapse)];
    // While the server was away nobody could answer.
    let since = since.max(server_began);
    match attempt.state {
        State::Dispatched => all.push((since.after(START_WITHIN), Owed::Answer)),
        // A robot that is not heard ends what runs too long by itself, and may bring a result of before that.
        State::Running if !seen.connected => {}
        State::Running => {
            if let Some(late) = overdue_at(attempt, since, began) {
                let grace = SignedDuration::from_secs(DEFAULT_CANCEL_GRACE_SECONDS.into());
                all.push((late.max(server_began.after(grace)), Owed::End));
            }
        }
        _ => {
            let again = SignedDuration::try_from(CANCEL_AGAIN).unwrap_or(SignedDuration::ZERO);
            let (told, grace) = match told {
                Some(told) => (told.at, told.grace),
                None => (server_began, SignedDuration::ZERO),
            };
            // Within the grace nothing is owed: the robot may be ending the run as it was asked to.
            all.push((told.after(grace).after(again), Owed::CancelAgain));
        }
    }
    all
}

#[cfg(test)]
pub(super) mod tests {
    use baton_core::id::{Fence, FlowId, OrgId, QueueId, RobotId, RunId};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn day(at: i64) -> Timestamp {
        Timestamp::from_second(at).expect("in range")
    }

    fn at(seconds: i64) -> Steady {
        Steady::from_origin(SignedDuration::from_secs(seconds))
    }

    /// Told to start at second 100, with a minute to run.
    pub(crate) fn running() -> LiveAttempt {
        LiveAttempt {
            org: OrgId::DEFAULT,
            run_id: RunId(Uuid::nil()),
            run_name: String::new(),
            attempt: 1,
            fence: Fence(1),
            state: State::Running,
            robot_id: Some(RobotId(Uuid::nil())),
            desktop: None,
            flow_id: FlowId(Uuid::nil()),
            deployment_id: None,
            queue_id: QueueId(Uuid::nil()),
            tags: vec![],
            assigned_at: day(99),
            started_at: Some(day(100)),
            deadline_at: Some(day(160)),
            lost_after_seconds: 60,
        }
    }

    fn seen() -> Seen {
        Seen {
            since: at(100),
            lapses_at: at(1_000_000),
            told: None,
            connected: true,
            began: None,
        }
    }

    fn ends_at(began: Option<i64>) -> Steady {
        let seen = Seen {
            began: began.map(at),
            ..seen()
        };
        let owed = owed(&running(), &seen, at(0));
        let end = owed.into_iter().find(|(_, owed)| *owed == Owed::End);
        end.expect("it has a deadline").0
    }

    #[test]
    fn a_run_is_overdue_a_grace_and_a_margin_after_its_timeout() {
        assert_eq!(ends_at(Some(100)), at(160 + 35));
        assert_eq!(ends_at(Some(700)), at(760 + 35), "its set-up took long");
        assert_eq!(
            ends_at(Some(50)),
            at(160 + 35),
            "nothing begins before it was told to"
        );
    }

    #[test]
    fn the_longest_set_up_is_granted_while_nobody_says_that_the_process_began() {
        assert_eq!(ends_at(None), at(160 + 25 * 60 + 35));
    }

    #[test]
    fn a_cancel_is_repeated_only_when_its_grace_is_over() {
        let mut run = running();
        run.state = State::Cancelling;
        let told = Told {
            at: at(200),
            grace: SignedDuration::from_secs(25),
        };
        let seen = Seen {
            since: at(190),
            told: Some(told),
            ..seen()
        };
        let owed = owed(&run, &seen, at(0));
        let again = owed.iter().find(|(_, owed)| *owed == Owed::CancelAgain);
        assert_eq!(again.expect("in the end it is").0, at(200 + 25 + 10));
    }

    #[test]
    fn a_run_without_timeout_is_never_overdue() {
        let mut run = running();
        run.deadline_at = None;
        let seen = Seen {
            began: Some(at(100)),
            ..seen()
        };
        let owed = owed(&run, &seen, at(0));
        assert!(owed.iter().all(|(_, owed)| *owed != Owed::End));
    }

    #[test]
    fn a_run_whose_robot_is_away_is_not_ended_for_its_timeout_but_when_it_may_go_on_no_longer() {
        let away = Seen {
            connected: false,
            began: Some(at(100)),
            ..seen()
        };
        let owed = owed(&running(), &away, at(0));
        assert_eq!(owed, [(at(1_000_000), Owed::Lapse)]);
    }

    #[test]
    fn a_process_that_executes_a_run_by_itself_is_dead_when_it_was_not_heard_for_long_or_after_a_cancel()
     {
        let mut run = running();
        run.robot_id = None;
        run.lost_after_seconds = 3_600;
        let lapses_at = at(500).after(run.patience()).after(MARGIN);
        let seen = |told| Seen {
            lapses_at,
            told,
            ..seen()
        };
        assert_eq!(
            owed(&run, &seen(None), at(0)),
            [(at(500 + 3_600 + 5), Owed::Lapse)]
        );
        run.state = State::Cancelling;
        let told = |seconds| {
            let grace = SignedDuration::from_secs(30);
            Some(Told {
                at: at(seconds),
                grace,
            })
        };
        assert_eq!(
            owed(&run, &seen(told(600)), at(0)),
            [(at(600 + 30 + 60), Owed::Lapse)]
        );
        assert_eq!(
            owed(&run, &seen(told(400)), at(0)),
            [(at(500 + 60), Owed::Lapse)],
            "it was heard after the cancel"
        );
    }
}
