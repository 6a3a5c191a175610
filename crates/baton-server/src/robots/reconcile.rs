//! What a robot holds when it connects, settled against what the store says of it.
//!
//! Both sides may have missed anything while they could not talk. The store is right: a claim that it
//! does not know as valid is ended, an attempt that it knows and the robot does not is lost (if it had
//! started) or sent again (if not).

use std::collections::HashMap;

use baton_api::robot::{Claim, Held, Phase, Verdict};
use baton_core::state::State;
use baton_store::runs::LiveAttempt;

/// What is to be done after a robot has registered.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Settlement {
    /// One for each attempt that the robot holds.
    pub(super) verdicts: Vec<Verdict>,
    /// Assigned, not started: the assignment is sent again. A robot that has accepted it says so again.
    pub(super) redeliver: Vec<Claim>,
    /// Started, but the robot still waits for the word.
    pub(super) start: Vec<Claim>,
    /// To be cancelled; the robot may not know.
    pub(super) cancel: Vec<Claim>,
    /// Started, and the robot does not hold it: nobody knows how far it came.
    pub(super) lost: Vec<Claim>,
    /// Ended before its process was known to be gone; the robot does not hold it, so it is gone.
    pub(super) gone: Vec<Claim>,
}

/// The claim of a live attempt.
pub(super) fn claim_of(attempt: &LiveAttempt) -> Claim {
    Claim {
        job_id: attempt.run_id,
        attempt: attempt.attempt,
        fence: attempt.fence,
    }
}

/// Settles what a robot holds against its live attempts.
pub(super) fn settle(holds: &[Held], live: &[LiveAttempt]) -> Settlement {
    let held: HashMap<Claim, Phase> = holds.iter().map(|h| (h.claim, h.phase)).collect();
    let mut settlement = Settlement::default();
    let valid: HashMap<Claim, State> = live
        .iter()
        .filter(|a| a.state.is_on_robot())
        .map(|a| (claim_of(a), a.state))
        .collect();
    for hold in holds {
        settlement.verdicts.push(Verdict {
            claim: hold.claim,
            keep: valid.contains_key(&hold.claim),
        });
    }
    for attempt in live {
        let claim = claim_of(attempt);
        match (attempt.state, held.get(&claim)) {
            (State::Dispatched, _) => settlement.redeliver.push(claim),
            (State::Running, Some(Phase::Accepted)) => settlement.start.push(claim),
            (State::Cancelling, Some(_)) => settlement.cancel.push(claim),
            (State::Running | State::Cancelling, None) => settlement.lost.push(claim),
            (state, None) if state.is_terminal() => settlement.gone.push(claim),
            _ => {}
        }
    }
    settlement
}

#[cfg(test)]
mod tests {
    use baton_core::id::{Fence, FlowId, OrgId, QueueId, RunId};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn live(run: u128, fence: i64, state: State) -> LiveAttempt {
        LiveAttempt {
            org: OrgId::DEFAULT,
            run_id: RunId(Uuid::from_u128(run)),
            run_name: String::new(),
            attempt: 1,
            fence: Fence(fence),
            state,
            robot_id: None,
            desktop: None,
            flow_id: FlowId(Uuid::nil()),
            deployment_id: None,
            queue_id: QueueId(Uuid::nil()),
            tags: vec![],
            assigned_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            deadline_at: None,
            lost_after_seconds: 60,
        }
    }

    fn held(attempt: &LiveAttempt, phase: Phase) -> Held {
        Held::new(claim_of(attempt), phase)
    }

    #[test]
    fn an_older_fence_is_not_kept_and_the_newer_assignment_is_sent_again() {
        let now = live(1, 8, State::Dispatched);
        let before = live(1, 7, State::Dispatched);
        let settled = settle(
            &[held(&before, Phase::Accepted)],
            std::slice::from_ref(&now),
        );
        assert_eq!(
            settled.verdicts,
            [Verdict {
                claim: claim_of(&before),
                keep: false
            }]
        );
        assert_eq!(settled.redeliver, [claim_of(&now)]);
    }

    #[test]
    fn a_started_attempt_is_kept_told_to_start_or_lost_by_what_the_robot_holds() {
        let run = live(1, 7, State::Running);
        let all = std::slice::from_ref(&run);
        let running = settle(&[held(&run, Phase::Running)], all);
        assert!(running.verdicts[0].keep && running.start.is_empty() && running.lost.is_empty());
        assert_eq!(
            settle(&[held(&run, Phase::Accepted)], all).start,
            [claim_of(&run)]
        );
        assert_eq!(settle(&[], all).lost, [claim_of(&run)]);
    }

    #[test]
    fn a_closed_attempt_is_gone_when_the_robot_no_longer_holds_it_and_is_ended_when_it_does() {
        let run = live(1, 7, State::TimedOut);
        let all = std::slice::from_ref(&run);
        assert_eq!(settle(&[], all).gone, [claim_of(&run)]);
        let holding = settle(&[held(&run, Phase::Running)], all);
        assert!(!holding.verdicts[0].keep && holding.gone.is_empty());
    }
}
