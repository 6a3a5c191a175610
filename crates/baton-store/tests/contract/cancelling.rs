//! Cancels and pauses: what wins over them, what they win over, and what they leave occupied.

use baton_core::state::{Effect, Event, Outcome, State};

use crate::harness::{Bench, ORG, at, completed, failed, for_each_store, refused, step};

for_each_store!(
    a_cancel_wins_over_a_failure_that_would_be_retried,
    a_run_that_finishes_first_keeps_its_outcome,
    a_cancelled_queued_run_is_never_retried,
    cancelling_one_of_two_frees_one_slot_only,
    cancelling_many_at_once_cancels_each,
    a_cancelled_run_holds_its_limit_until_it_is_gone,
    a_pause_leaves_the_attempt_and_a_resume_opens_the_next,
    a_cancel_while_paused_closes_the_attempt,
);

async fn a_cancel_wins_over_a_failure_that_would_be_retried(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let mut new = b.new_run().await;
    new.spec.retry = baton_core::retry::RetryPolicy::times(5);
    let (id, held) = b.running(new, &robot).await;
    let asked = b.event(id, Event::Cancel, 5).await.expect("asked");
    assert_eq!(
        (asked.to, asked.effects),
        (State::Cancelling, vec![Effect::TellRobotToCancel])
    );
    assert_eq!(b.attempts(id).await[0].state, State::Cancelling);
    let again = b.event(id, Event::Cancel, 6).await.expect("asked again");
    assert_eq!(
        (again.from, again.to),
        (State::Cancelling, State::Cancelling)
    );
    assert_eq!(
        b.run(id).await.changed_at,
        at(5),
        "asking again does not prolong the grace"
    );
    let ended = b.told(id, held, failed(), 7).await.expect("ended");
    assert_eq!((ended.to, ended.attempt), (State::Failed, 1));
    assert_eq!(b.store.next_due_at().await.expect("read"), None);
}

async fn a_run_that_finishes_first_keeps_its_outcome(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    b.event(id, Event::Cancel, 5).await.expect("asked");
    assert_eq!(
        b.told(id, held, completed(), 6).await.expect("ended").to,
        State::Completed
    );
    let (id, held) = b.running(b.new_run().await, &robot).await;
    b.event(id, Event::Cancel, 5).await.expect("asked");
    let end = Event::Finish(Outcome::Cancelled);
    assert_eq!(
        b.told(id, held, end, 6).await.expect("ended").to,
        State::Cancelled
    );
}

/// kestra#11574: a killed queued execution was retried and ran after all.
async fn a_cancelled_queued_run_is_never_retried(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let mut new = b.new_run().await;
    new.spec.retry = baton_core::retry::RetryPolicy::times(5);
    let id = b.create(new).await;
    b.event(id, Event::Cancel, 1).await.expect("cancelled");
    assert_eq!(b.state(id).await, State::Cancelled);
    assert!(b.store.queued_groups(9, 9).await.expect("read").is_empty());
    assert!(
        b.store
            .due_runs(at(9_999), 9)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(refused(&b.try_assign(id, &robot).await), "run_moved");
    assert_eq!(
        b.states(id).await,
        [State::Pending, State::Queued, State::Cancelled]
    );
}

/// kestra#13211: killing one of two running executions let two queued ones in.
async fn cancelling_one_of_two_frees_one_slot_only(b: &Bench) {
    let robot = b.robot("r", 2).await;
    let (first, held) = b.running(b.new_run().await, &robot).await;
    b.running(b.new_run().await, &robot).await;
    let waiting = [b.queued().await, b.queued().await];
    b.event(first, Event::Cancel, 5).await.expect("asked");
    assert_eq!(refused(&b.try_assign(waiting[0], &robot).await), "no_slot");
    let gone = Event::Finish(Outcome::Cancelled);
    b.told(first, held, gone, 6).await.expect("confirmed");
    b.assign(waiting[0], &robot).await;
    assert_eq!(refused(&b.try_assign(waiting[1], &robot).await), "no_slot");
}

/// kestra#13743: killing many executions at once left some of them running or queued.
async fn cancelling_many_at_once_cancels_each(b: &Bench) {
    let robot = b.robot("r", 3).await;
    let mut ids = Vec::new();
    let mut held = Vec::new();
    for n in 0..30 {
        if n < 3 {
            let (id, claim) = b.running(b.new_run().await, &robot).await;
            held.push((id, claim));
            ids.push(id);
        } else {
            ids.push(b.queued().await);
        }
    }
    let steps = ids
        .iter()
        .map(|id| step(*id, None, Event::Cancel, 5))
        .collect();
    let answers = b.store.step_runs(steps).await;
    assert!(answers.iter().all(Result::is_ok));
    for (id, claim) in held {
        let gone = Event::Finish(Outcome::Cancelled);
        b.told(id, claim, gone, 6).await.expect("confirmed");
    }
    let counts = b.store.state_counts(ORG).await.expect("read");
    let cancelled = counts.iter().find(|(s, _)| *s == State::Cancelled);
    assert_eq!(cancelled, Some(&(State::Cancelled, 30)));
    assert!(b.store.live_attempts().await.expect("read").is_empty());
    assert!(b.store.queued_groups(9, 9).await.expect("read").is_empty());
}

/// kestra#13141: executions that ended beyond the limit let more start than it allows.
async fn a_cancelled_run_holds_its_limit_until_it_is_gone(b: &Bench) {
    let robot = b.robot("r", 9).await;
    b.tag_limit("t", 1).await;
    let tagged = || async {
        let mut new = b.new_run().await;
        new.spec.needs.tags = std::collections::BTreeSet::from(["t".into()]);
        new
    };
    let (first, held) = b.running(tagged().await, &robot).await;
    let second = b.create(tagged().await).await;
    let third = b.create(tagged().await).await;
    b.event(second, Event::Cancel, 4)
        .await
        .expect("a queued one holds nothing");
    b.event(first, Event::RunDeadline, 5)
        .await
        .expect("timed out");
    assert_eq!(refused(&b.try_assign(third, &robot).await), "tag_limit");
    b.told(first, held, failed(), 6).await.expect("gone");
    b.assign(third, &robot).await;
}

async fn a_pause_leaves_the_attempt_and_a_resume_opens_the_next(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, _) = b.running(b.new_run().await, &robot).await;
    b.event(id, Event::Pause, 5).await.expect("paused");
    let run = b.run(id).await;
    assert_eq!((run.state, run.live), (State::Paused, false));
    assert!(b.store.live_attempts().await.expect("read").is_empty());
    b.event(id, Event::Resume, 6).await.expect("resumed");
    let run = b.run(id).await;
    assert_eq!(
        (run.state, run.attempt, run.retries_used),
        (State::Queued, 2, 0)
    );
    let held = b.assign(id, &robot).await;
    b.told(id, held, Event::Start, 7).await.expect("started");
    b.told(id, held, completed(), 8).await.expect("completed");
    let outcomes: Vec<_> = b.attempts(id).await.iter().map(|a| a.state).collect();
    assert_eq!(outcomes, [State::Cancelled, State::Completed]);
}

async fn a_cancel_while_paused_closes_the_attempt(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, _) = b.running(b.new_run().await, &robot).await;
    b.event(id, Event::Pause, 5).await.expect("paused");
    b.event(id, Event::Cancel, 6).await.expect("cancelled");
    let attempt = b.attempts(id).await.remove(0);
    assert_eq!(
        (attempt.state, attempt.ended_at),
        (State::Cancelled, Some(at(6)))
    );
    assert_eq!(b.state(id).await, State::Cancelled);
}
