//! Each check finds the damage that it is for, and nothing in what is whole.

use baton_core::id::{Fence, FlowId, OrgId, QueueId, RobotId};
use baton_core::run::{Needs, NewRun, Priority, RunSpec, Trigger};
use serde_json::Map;
use uuid::Uuid;

use super::*;
use crate::runs::RunStep;
use crate::step;

/// The rows of a run.
struct Rows {
    run: Run,
    attempts: Vec<Attempt>,
    history: Vec<RunEvent>,
}

/// A run of nothing in particular, by this number.
pub(crate) fn new_run(n: u128) -> NewRun {
    NewRun {
        id: RunId(Uuid::from_u128(n)),
        org: OrgId::DEFAULT,
        name: format!("brisk-otter-{n:04}"),
        due_at: Timestamp::UNIX_EPOCH,
        spec: RunSpec {
            version_id: None,
            needs: Needs {
                queue_id: QueueId(Uuid::from_u128(2)),
                flow_id: FlowId(Uuid::from_u128(3)),
                deployment_id: None,
                priority: Priority::Normal,
                tags: BTreeSet::new(),
                labels: BTreeSet::new(),
                capabilities: BTreeSet::new(),
                environment: None,
                robot_id: None,
                desktop: false,
                rejected_by: BTreeSet::new(),
            },
            parameters: Map::new(),
            timeout_seconds: None,
            cancel_grace_seconds: 30,
            stop_signal: baton_core::stop_signal::StopSignal::default(),
            retry: RetryPolicy::times(1),
            on_lost: OnLost::Fail,
            lost_after_seconds: 60,
            executor: Executor::Client,
            trigger: Trigger::Manual { by: "test".into() },
            start_deadline: None,
            flow_name: "demo".into(),
            deployment_name: None,
            computer: None,
        },
        idempotency_key: None,
    }
}

/// A run that was started, failed, and waits for its second attempt.
fn whole() -> Rows {
    let new = new_run(1);
    let (run, history) = step::create(new, "test", Timestamp::UNIX_EPOCH);
    let mut rows = Rows {
        run,
        attempts: vec![],
        history,
    };
    let error = ErrorInfo::new(ErrorKind::Failed, "x");
    for event in [Event::Start, Event::Finish(Outcome::Failed { error })] {
        let taken = step::take(&rows.run, &rows.attempts, &of(&rows.run, event)).expect("legal");
        for row in taken.attempts {
            rows.attempts.retain(|a| a.number != row.number);
            rows.attempts.push(row);
        }
        rows.history.extend(taken.history);
        rows.run = taken.run;
    }
    for (row, seq) in rows.history.iter_mut().zip(1..) {
        row.seq = seq;
    }
    rows
}

fn of(run: &Run, event: Event) -> RunStep {
    RunStep {
        org: run.org,
        run_id: run.id,
        claim: None,
        event,
        at: Timestamp::UNIX_EPOCH,
        actor: "test".into(),
        message: None,
        result: None,
        computer: None,
    }
}

/// The checks that fail after this damage.
fn found(damage: impl FnOnce(&mut Rows)) -> BTreeSet<String> {
    let mut rows = whole();
    damage(&mut rows);
    let mut found = Verification::default();
    found.check_run(&rows.run, &rows.attempts, &rows.history);
    found.breaches.into_iter().map(|b| b.check).collect()
}

#[test]
fn what_is_whole_has_no_breach() {
    assert_eq!(found(|_| {}), BTreeSet::new());
}

#[test]
fn a_transition_outside_the_table_is_found() {
    let checks = found(|rows| rows.history[1].event = "resume".into());
    assert!(checks.contains("illegal_transition"), "{checks:?}");
}

#[test]
fn history_that_does_not_hang_together_is_found() {
    let damages: [fn(&mut Rows); 7] = [
        |rows| rows.run.state = State::Queued,
        |rows| drop(rows.history.remove(1)),
        |rows| drop(rows.history.remove(0)),
        |rows| rows.history.clear(),
        |rows| rows.history.swap(1, 2),
        |rows| rows.run.attempt = 7,
        |rows| rows.run.live = true,
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        let checks = found(damage);
        assert!(
            checks.contains("history_mismatch"),
            "damage {n}: {checks:?}"
        );
    }
}

#[test]
fn a_fence_that_does_not_rise_is_found() {
    let checks = found(|rows| rows.history[0].fence = Fence(5));
    assert!(checks.contains("fence_not_rising"), "{checks:?}");
    let checks = found(|rows| rows.run.fence = Fence(5));
    assert!(checks.contains("fence_not_rising"), "{checks:?}");
    let checks = found(|rows| {
        for number in [2, 3] {
            let mut again = rows.attempts[0].clone();
            again.number = number;
            again.fence = Fence(1);
            rows.attempts.push(again);
        }
    });
    assert!(checks.contains("fence_not_rising"), "{checks:?}");
}

#[test]
fn attempts_that_overlap_are_found() {
    let checks = found(|rows| rows.attempts[0].state = State::Running);
    assert!(checks.contains("overlapping_attempts"), "{checks:?}");
    let checks = found(|rows| {
        let mut second = rows.attempts[0].clone();
        second.number = 2;
        rows.attempts.push(second);
        rows.attempts.iter_mut().for_each(|a| a.live = true);
        rows.run.live = true;
    });
    assert!(checks.contains("overlapping_attempts"), "{checks:?}");
}

#[test]
fn an_outcome_that_was_changed_is_found() {
    let checks = found(|rows| rows.attempts[0].state = State::Completed);
    assert_eq!(checks, BTreeSet::from(["history_mismatch".to_owned()]));
}

#[test]
fn a_gap_in_a_log_is_found_and_a_pruned_prefix_is_fine() {
    let run = RunId(Uuid::from_u128(1));
    let breaches = |seqs: &[i64], count| {
        let mut found = Verification::default();
        found.check_log(run, 1, seqs, count);
        found.breaches.len()
    };
    assert_eq!(breaches(&[1, 2, 3], 3), 0);
    assert_eq!(breaches(&[3, 4], 4), 0);
    assert_eq!(breaches(&[], 9), 0);
    assert_eq!(breaches(&[1, 3], 3), 1);
    assert_eq!(breaches(&[1, 2], 3), 1);
}

#[test]
fn a_slot_that_made_two_runs_is_found() {
    let schedule = ScheduleId(Uuid::from_u128(1));
    let slot = |run| {
        let run = RunId(Uuid::from_u128(run));
        (schedule, Timestamp::UNIX_EPOCH, run)
    };
    let mut found = Verification::default();
    found.check_slots([slot(1)]);
    assert_eq!(found.breaches, []);
    found.check_slots([slot(1), slot(2)]);
    assert_eq!(found.breaches[0].check, "slot_twice");
}

#[test]
fn a_desktop_that_is_occupied_twice_is_found() {
    let live = |run| LiveAttempt {
        org: OrgId::DEFAULT,
        run_id: RunId(Uuid::from_u128(run)),
        run_name: String::new(),
        attempt: 1,
        fence: Fence(1),
        state: State::Running,
        robot_id: Some(RobotId(Uuid::from_u128(9))),
        desktop: Some("d".into()),
        flow_id: FlowId(Uuid::from_u128(3)),
        deployment_id: None,
        queue_id: QueueId(Uuid::from_u128(2)),
        tags: vec![],
        assigned_at: Timestamp::UNIX_EPOCH,
        started_at: None,
        deadline_at: None,
        lost_after_seconds: 60,
    };
    let checks = |live: &[LiveAttempt]| -> Vec<String> {
        let mut found = Verification::default();
        found.check_live(live);
        found.breaches.into_iter().map(|b| b.check).collect()
    };
    assert!(checks(&[live(1)]).is_empty());
    assert_eq!(checks(&[live(1), live(2)]), ["limit_exceeded"]);
    assert_eq!(
        checks(&[live(1), live(1)]),
        ["overlapping_attempts", "limit_exceeded"]
    );
}
