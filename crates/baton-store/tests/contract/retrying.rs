//! Runs are tried again: by policy, after a loss, by hand; and start in time or not at all.

use baton_core::error::ErrorKind;
use baton_core::retry::RetryPolicy;
use baton_core::run::Progress;
use baton_core::state::{Event, OnLost, Outcome, State};
use jiff::SignedDuration;

use crate::harness::{Bench, ORG, at, completed, error, failed, for_each_store, kind, refused};

for_each_store!(
    a_retry_opens_the_next_attempt_with_everything_reset,
    retries_end_when_they_are_spent,
    an_operators_retry_counts_afresh,
    a_business_error_is_not_retried,
    a_lost_run_crashes_by_default_and_frees_its_slot,
    a_lost_run_is_retried_where_the_policy_says_so,
    a_lost_run_is_parked_and_goes_on_or_expires,
    a_robot_lost_before_the_start_gives_the_run_back,
    a_retried_run_waits_while_the_limit_is_full,
    a_postponed_run_is_due_later,
    a_start_deadline_holds_for_the_first_attempt,
    due_runs_come_earliest_first_and_bounded,
    a_forced_cancel_waits_until_the_attempt_is_gone,
);

async fn a_retry_opens_the_next_attempt_with_everything_reset(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    let mut new = b.new_run().await;
    new.spec.retry = RetryPolicy::times(2);
    let id = b.create(new).await;
    let held = b.assign(id, &two).await;
    b.told(id, held, Event::Reject, 1).await.expect("rejected");
    let held = b.assign(id, &one).await;
    b.told(id, held, Event::Start, 2).await.expect("started");
    let progress = Progress {
        percent: Some(50.0),
        message: None,
        task: None,
    };
    b.store
        .put_progress(ORG, id, held, progress)
        .await
        .expect("noted");
    let stepped = b.told(id, held, failed(), 10).await.expect("failed");
    assert_eq!((stepped.to, stepped.attempt), (State::Pending, 2));

    let run = b.run(id).await;
    assert_eq!(
        (run.state, run.attempt, run.retries_used),
        (State::Pending, 2, 1)
    );
    assert_eq!(
        (run.queued_at, run.dispatched_at, run.started_at),
        (None, None, None)
    );
    assert_eq!((run.ended_at, run.robot_id, run.live), (None, None, false));
    assert_eq!((run.error, run.progress), (None, None));
    assert!(run.rejected_by.is_empty());
    assert_eq!(run.fence, held.fence, "the fence never goes back");
    let wait = run.due_at.duration_since(at(10));
    let (least, most) = (
        SignedDuration::from_millis(790),
        SignedDuration::from_millis(1_210),
    );
    assert!(wait >= least && wait <= most, "{wait:?}");
    assert_eq!(run.due_at, stepped.due_at);

    let first = b.attempts(id).await.remove(0);
    assert_eq!((first.state, first.ended_at), (State::Failed, Some(at(10))));
    b.event(id, Event::Due, 12).await.expect("due");
    let held = b.assign(id, &two).await;
    assert_eq!(
        held.attempt, 2,
        "the rejecter of the last attempt may take this one"
    );
    b.told(id, held, Event::Start, 13).await.expect("started");
    b.told(id, held, completed(), 14).await.expect("completed");
    let outcomes: Vec<_> = b
        .attempts(id)
        .await
        .iter()
        .map(|a| (a.number, a.state))
        .collect();
    assert_eq!(outcomes, [(1, State::Failed), (2, State::Completed)]);
}

async fn retries_end_when_they_are_spent(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let mut new = b.new_run().await;
    new.spec.retry = RetryPolicy::times(2);
    let id = b.create(new).await;
    let mut ends = Vec::new();
    for n in 0..3 {
        let held = b.assign(id, &robot).await;
        b.told(id, held, Event::Start, n * 100 + 2)
            .await
            .expect("started");
        ends.push(
            b.told(id, held, failed(), n * 100 + 3)
                .await
                .expect("failed")
                .to,
        );
        if n < 2 {
            b.event(id, Event::Due, n * 100 + 90).await.expect("due");
        }
    }
    assert_eq!(ends, [State::Pending, State::Pending, State::Failed]);
    let run = b.run(id).await;
    assert_eq!((run.attempt, run.retries_used), (3, 2));
    assert_eq!(run.error, Some(error(ErrorKind::Failed)));
}

async fn an_operators_retry_counts_afresh(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let mut new = b.new_run().await;
    new.spec.retry = RetryPolicy::times(1);
    let (id, held) = b.running(new, &robot).await;
    b.told(id, held, failed(), 3).await.expect("failed");
    b.event(id, Event::Cancel, 4).await.expect("cancelled");
    assert_eq!(
        (b.run(id).await.attempt, b.attempts(id).await.len()),
        (2, 2)
    );
    let retried = b.event(id, Event::Retry, 50).await.expect("retried");
    assert_eq!(
        (retried.to, retried.attempt, retried.due_at),
        (State::Pending, 3, at(50))
    );
    let run = b.run(id).await;
    assert_eq!((run.retries_used, run.ended_at, run.error), (0, None, None));
    let due = b.store.due_runs(at(50), 9).await.expect("read");
    assert_eq!((due.len(), due[0].attempt), (1, 3));
}

async fn a_business_error_is_not_retried(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let mut new = b.new_run().await;
    new.spec.retry = RetryPolicy::times(9);
    let (id, held) = b.running(new, &robot).await;
    let outcome = Outcome::Failed {
        error: error(ErrorKind::Business),
    };
    let ended = b
        .told(id, held, Event::Finish(outcome), 3)
        .await
        .expect("failed");
    assert_eq!((ended.to, ended.attempt), (State::Failed, 1));
}

/// prefect#9895, #8251: after a worker was killed its concurrency slot was never given back.
async fn a_lost_run_crashes_by_default_and_frees_its_slot(b: &Bench) {
    let robot = b.robot("r", 2).await;
    b.tag_limit("t", 1).await;
    let tagged = || async {
        let mut new = b.new_run().await;
        new.spec.needs.tags = std::collections::BTreeSet::from(["t".into()]);
        new
    };
    let (id, _) = b.running(tagged().await, &robot).await;
    let next = b.create(tagged().await).await;
    assert_eq!(refused(&b.try_assign(next, &robot).await), "tag_limit");
    let lost = b.event(id, Event::LeaseLapsed, 70).await.expect("lost");
    assert_eq!(lost.to, State::Crashed);
    let run = b.run(id).await;
    assert_eq!(
        (run.live, run.error.expect("it says why").kind),
        (false, ErrorKind::Lost)
    );
    b.assign(next, &robot).await;
}

async fn a_lost_run_is_retried_where_the_policy_says_so(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let mut new = b.new_run().await;
    new.spec.on_lost = OnLost::Retry;
    let (id, held) = b.running(new, &robot).await;
    let lost = b.event(id, Event::LeaseLapsed, 70).await.expect("lost");
    assert_eq!((lost.to, lost.attempt), (State::Pending, 2));
    assert_eq!(b.attempts(id).await[0].state, State::Crashed);
    assert!(
        b.told(id, held, completed(), 80)
            .await
            .expect("answered")
            .late
    );
    assert_eq!(
        b.state(id).await,
        State::Pending,
        "the robot's word comes too late"
    );
    b.event(id, Event::Cancel, 81).await.expect("cancelled");
    assert_eq!(b.state(id).await, State::Cancelled);
}

async fn a_lost_run_is_parked_and_goes_on_or_expires(b: &Bench) {
    let robot = b.robot("r", 2).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut new = b.new_run().await;
        new.spec.on_lost = OnLost::Park;
        let (id, _) = b.running(new, &robot).await;
        let lost = b.event(id, Event::LeaseLapsed, 70).await.expect("lost");
        assert_eq!((lost.to, lost.attempt), (State::Paused, 1));
        let attempt = b.attempts(id).await.remove(0);
        assert_eq!((attempt.state, attempt.live), (State::Crashed, false));
        ids.push(id);
    }
    let resumed = b.event(ids[0], Event::Resume, 80).await.expect("resumed");
    assert_eq!((resumed.to, resumed.attempt), (State::Queued, 2));
    b.event(ids[1], Event::PauseExpired, 80)
        .await
        .expect("expired");
    let run = b.run(ids[1]).await;
    assert_eq!(
        (run.state, run.error.expect("why").kind),
        (State::Failed, ErrorKind::PauseExpired)
    );
    b.event(ids[2], Event::Cancel, 80).await.expect("cancelled");
    assert_eq!(b.state(ids[2]).await, State::Cancelled);
    for id in ids {
        assert_eq!(
            b.attempts(id).await[0].state,
            State::Crashed,
            "it stays what it was"
        );
    }
}

async fn a_robot_lost_before_the_start_gives_the_run_back(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let id = b.queued().await;
    let held = b.assign(id, &robot).await;
    let back = b.event(id, Event::LeaseLapsed, 70).await.expect("lost");
    assert_eq!((back.to, back.attempt), (State::Queued, 1));
    let run = b.run(id).await;
    assert_eq!((run.live, run.robot_id, run.due_at), (false, None, at(0)));
    assert_eq!(
        kind(&b.told(id, held, completed(), 71).await),
        "stale_fence"
    );
    let attempt = b.attempts(id).await.remove(0);
    assert_eq!((attempt.state, attempt.live), (State::Dispatched, false));
}

/// kestra#7880: a failed execution that was restarted ran although the limit was full.
async fn a_retried_run_waits_while_the_limit_is_full(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let mut deploy = b.deploy_of("f", "d").await;
    deploy.settings.concurrency_limit = Some(1);
    let deployed = b.deploy(deploy).await;
    let (first, held) = b.running(b.run_of(&deployed).await, &robot).await;
    b.told(first, held, failed(), 3).await.expect("failed");
    let (_, holder) = b.running(b.run_of(&deployed).await, &robot).await;
    b.event(first, Event::Retry, 4).await.expect("retried");
    b.event(first, Event::Due, 4).await.expect("due");
    assert_eq!(
        refused(&b.try_assign(first, &robot).await),
        "deployment_limit"
    );
    assert_eq!(b.state(first).await, State::Queued);
    let live = b.store.live_attempts().await.expect("read");
    assert_eq!((live.len(), live[0].fence), (1, holder.fence));
}

async fn a_postponed_run_is_due_later(b: &Bench) {
    let id = b.queued().await;
    let moved = b
        .event(id, Event::Postpone { due_at: at(500) }, 1)
        .await
        .expect("moved");
    assert_eq!(
        (moved.to, moved.due_at, moved.attempt),
        (State::Pending, at(500), 1)
    );
    assert_eq!(b.run(id).await.queued_at, None);
    assert!(b.store.queued_groups(9, 9).await.expect("read").is_empty());
    assert_eq!(b.store.next_due_at().await.expect("read"), Some(at(500)));
    b.event(id, Event::Due, 500).await.expect("due");
    assert_eq!(b.run(id).await.queued_at, Some(at(500)));
}

async fn a_start_deadline_holds_for_the_first_attempt(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let mut ids = Vec::new();
    for deadline in [300, 100, 200] {
        let mut new = b.new_run().await;
        new.spec.start_deadline = Some(at(deadline));
        new.spec.retry = RetryPolicy::times(1);
        ids.push(b.create(new).await);
    }
    assert_eq!(
        b.store.next_start_deadline_at().await.expect("read"),
        Some(at(100))
    );
    let overdue = b.store.overdue_starts(at(200), 9).await.expect("read");
    let found: Vec<_> = overdue.iter().map(|d| (d.run_id, d.at)).collect();
    assert_eq!(found, [(ids[1], at(100)), (ids[2], at(200))]);
    assert_eq!(
        b.store
            .overdue_starts(at(200), 1)
            .await
            .expect("read")
            .len(),
        1
    );

    let held = b.assign(ids[1], &robot).await;
    assert_eq!(
        b.store
            .overdue_starts(at(150), 9)
            .await
            .expect("read")
            .len(),
        1,
        "not started"
    );
    b.told(ids[1], held, Event::Start, 90)
        .await
        .expect("started");
    assert!(
        b.store
            .overdue_starts(at(150), 9)
            .await
            .expect("read")
            .is_empty()
    );
    b.told(ids[1], held, failed(), 95).await.expect("failed");
    assert_eq!(b.state(ids[1]).await, State::Pending);
    assert_eq!(
        b.store.next_start_deadline_at().await.expect("read"),
        Some(at(200))
    );
    b.event(ids[2], Event::StartDeadline, 200)
        .await
        .expect("too late");
    b.event(ids[2], Event::Retry, 250)
        .await
        .expect("an operator insists");
    assert_eq!(
        b.store.next_start_deadline_at().await.expect("read"),
        Some(at(300))
    );
}

async fn due_runs_come_earliest_first_and_bounded(b: &Bench) {
    let mut ids = Vec::new();
    for due in [30, 10, 20, 10] {
        let mut new = b.new_run().await;
        new.due_at = at(due);
        ids.push(b.create(new).await);
    }
    let due = b.store.due_runs(at(25), 9).await.expect("read");
    let found: Vec<_> = due
        .iter()
        .map(|d| (d.run_id, d.at, d.attempt, d.org))
        .collect();
    let expected = [(ids[1], 10), (ids[3], 10), (ids[2], 20)];
    assert_eq!(found, expected.map(|(id, s)| (id, at(s), 1, ORG)));
    assert_eq!(b.store.due_runs(at(25), 2).await.expect("read"), due[..2]);
    assert_eq!(b.store.next_due_at().await.expect("read"), Some(at(10)));
}

async fn a_forced_cancel_waits_until_the_attempt_is_gone(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    b.event(id, Event::Cancel, 5).await.expect("asked");
    assert_eq!(
        kind(&b.event(id, Event::CancelDeadline, 60).await),
        "illegal"
    );
    assert_eq!(b.state(id).await, State::Cancelling);
    b.event(id, Event::LeaseLapsed, 70).await.expect("gone");
    assert_eq!(b.state(id).await, State::Cancelled);
    assert!(
        b.told(id, held, completed(), 80)
            .await
            .expect("answered")
            .late
    );
    assert_eq!(b.state(id).await, State::Cancelled);
}
