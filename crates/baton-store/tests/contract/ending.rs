//! Runs end: once, by whoever holds the claim, and what comes later is evidence.

use baton_core::error::ErrorKind;
use baton_core::id::Fence;
use baton_core::state::{Effect, Event, Executor, Outcome, State};
use baton_store::runs::{AttemptResult, Claim};
use serde_json::json;

use crate::harness::{
    Bench, ORG, OWN, at, completed, error, failed, for_each_store, kind, refused, result, step,
};

for_each_store!(
    a_result_is_kept_with_its_attempt,
    a_step_on_a_run_that_is_not_there_is_not_found,
    an_illegal_step_changes_nothing,
    a_stale_fence_is_refused_and_changes_nothing,
    a_refused_step_does_not_undo_its_neighbours,
    nobody_assigns_by_a_plain_step,
    a_result_sent_twice_is_answered_twice_and_counts_once,
    a_late_result_frees_the_slot_and_is_kept_as_evidence,
    evidence_is_kept_once,
    a_terminal_attempt_never_changes,
    a_timed_out_attempt_is_fenced_off,
    a_run_that_ends_before_it_has_a_robot_has_a_closed_attempt,
    releasing_frees_only_closed_attempts,
    a_client_runs_without_a_robot,
    a_run_that_is_handed_back_waits_for_another_robot_and_spends_no_retry,
);

async fn a_result_is_kept_with_its_attempt(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let mut finish = step(id, Some(held), failed(), 9);
    finish.message = Some("exit code 3".into());
    let outputs = json!({"rows": 7}).as_object().expect("an object").clone();
    finish.result = Some(AttemptResult {
        outputs: outputs.clone(),
        ..result(3, 6.5)
    });
    let stepped = b.step(finish).await.expect("finished");
    assert_eq!(
        (stepped.from, stepped.to, stepped.late),
        (State::Running, State::Failed, false)
    );
    assert_eq!(
        (stepped.attempt, stepped.fence, stepped.robot_id),
        (1, held.fence, Some(robot.id))
    );
    assert!(stepped.effects.contains(&Effect::Release));

    let run = b.run(id).await;
    assert_eq!(
        (run.state, run.ended_at, run.live),
        (State::Failed, Some(at(9)), false)
    );
    assert_eq!(
        (run.error.clone(), run.robot_id),
        (Some(error(ErrorKind::Failed)), Some(robot.id))
    );
    let attempt = b.attempts(id).await.remove(0);
    assert_eq!(
        (attempt.state, attempt.live, attempt.ended_at),
        (State::Failed, false, Some(at(9)))
    );
    assert_eq!((attempt.exit_code, attempt.outputs), (Some(3), outputs));
    assert_eq!(
        (attempt.execution_time, attempt.error),
        (Some(6.5), run.error)
    );
    assert_eq!(
        (attempt.assigned_at, attempt.started_at),
        (at(1), Some(at(2)))
    );
    assert_eq!(attempt.late_result, None);
    let history = b.store.run_history(ORG, id).await.expect("history");
    let last = history.last().expect("not empty");
    assert_eq!((last.from, last.to), (Some(State::Running), State::Failed));
    assert_eq!(
        (last.event.as_str(), last.actor.as_str()),
        ("finish_failed", "test")
    );
    assert_eq!(
        (last.attempt, last.fence, last.robot_id),
        (1, held.fence, Some(robot.id))
    );
    assert_eq!(
        (last.at, last.message.as_deref()),
        (at(9), Some("exit code 3"))
    );
}

async fn a_step_on_a_run_that_is_not_there_is_not_found(b: &Bench) {
    assert_eq!(
        kind(&b.event(b.run_id(), Event::Cancel, 1).await),
        "not_found"
    );
    let id = b.queued().await;
    let mut foreign = step(id, None, Event::Cancel, 1);
    foreign.org = baton_core::id::OrgId(2);
    assert_eq!(kind(&b.step(foreign).await), "not_found");
    assert_eq!(b.state(id).await, State::Queued);
}

async fn an_illegal_step_changes_nothing(b: &Bench) {
    let id = b.queued().await;
    let before = everything(b, id).await;
    for event in [
        Event::Resume,
        Event::Retry,
        Event::Start,
        completed(),
        Event::LeaseLapsed,
    ] {
        assert_eq!(kind(&b.event(id, event, 5).await), "illegal");
    }
    assert_eq!(everything(b, id).await, before);
}

async fn a_stale_fence_is_refused_and_changes_nothing(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let other = b.robot("other", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let before = everything(b, id).await;
    let wrong = [
        Claim {
            fence: Fence(held.fence.0 + 1),
            ..held
        },
        Claim {
            fence: Fence(0),
            ..held
        },
        Claim { attempt: 2, ..held },
        Claim {
            robot_id: Some(other.id),
            ..held
        },
        Claim {
            robot_id: None,
            ..held
        },
    ];
    for claim in wrong {
        for event in [completed(), Event::Start, Event::Reject] {
            assert_eq!(
                kind(&b.told(id, claim, event, 5).await),
                "stale_fence",
                "{claim:?}"
            );
        }
    }
    assert_eq!(everything(b, id).await, before);
}

/// prefect#21794, #18991: when a part of an end failed, the slot stayed taken. Here a step is all or nothing.
async fn a_refused_step_does_not_undo_its_neighbours(b: &Bench) {
    let robot = b.robot("r", 3).await;
    let (first, held_first) = b.running(b.new_run().await, &robot).await;
    let (second, held) = b.running(b.new_run().await, &robot).await;
    let (third, held_third) = b.running(b.new_run().await, &robot).await;
    let before = everything(b, second).await;
    let stale = Claim {
        fence: Fence(99),
        ..held
    };
    let steps = vec![
        step(first, Some(held_first), completed(), 5),
        step(second, Some(stale), completed(), 5),
        step(third, Some(held_third), completed(), 5),
    ];
    let answers = b.store.step_runs(steps).await;
    let kinds: Vec<_> = answers.iter().map(kind).collect();
    assert_eq!(kinds, ["ok", "stale_fence", "ok"]);
    assert_eq!(everything(b, second).await, before);
    assert_eq!(b.state(first).await, State::Completed);
    assert_eq!(b.state(third).await, State::Completed);
    assert_eq!(b.store.live_attempts().await.expect("read").len(), 1);
}

async fn nobody_assigns_by_a_plain_step(b: &Bench) {
    let id = b.queued().await;
    assert_eq!(kind(&b.event(id, Event::Assign, 1).await), "illegal");
    assert_eq!(b.state(id).await, State::Queued);
}

async fn a_result_sent_twice_is_answered_twice_and_counts_once(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let mut finish = step(id, Some(held), completed(), 9);
    finish.result = Some(result(0, 7.0));
    assert!(!b.step(finish.clone()).await.expect("first").late);
    let before = everything(b, id).await;
    finish.at = at(20);
    let again = b.step(finish).await.expect("again");
    assert!(again.late && again.effects.is_empty());
    assert_eq!((again.from, again.to), (State::Completed, State::Completed));
    assert_eq!(everything(b, id).await, before);
}

async fn a_late_result_frees_the_slot_and_is_kept_as_evidence(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    b.event(id, Event::RunDeadline, 50)
        .await
        .expect("timed out");
    let run = b.run(id).await;
    assert_eq!((run.state, run.live), (State::TimedOut, true));
    let next = b.queued().await;
    assert_eq!(refused(&b.try_assign(next, &robot).await), "no_slot");
    let transitions = b.states(id).await;

    let mut finish = step(id, Some(held), completed(), 60);
    finish.result = Some(result(0, 58.0));
    let stepped = b.step(finish).await.expect("answered");
    assert!(stepped.late);
    assert_eq!(
        (stepped.effects, stepped.robot_id),
        (vec![Effect::Release], Some(robot.id))
    );
    let run = b.run(id).await;
    assert_eq!(
        (run.state, run.live, run.ended_at),
        (State::TimedOut, false, Some(at(50)))
    );
    let attempt = b.attempts(id).await.remove(0);
    assert_eq!(
        (attempt.state, attempt.exit_code, attempt.live),
        (State::TimedOut, None, false)
    );
    let evidence = attempt.late_result.expect("the result is kept");
    assert_eq!(
        (&evidence["status"], &evidence["exit_code"]),
        (&json!("completed"), &json!(0))
    );
    assert_eq!(
        b.states(id).await,
        transitions,
        "history says nothing of it"
    );
    b.assign(next, &robot).await;
}

async fn evidence_is_kept_once(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    b.event(id, Event::LeaseLapsed, 50).await.expect("crashed");
    assert!(
        b.told(id, held, completed(), 60)
            .await
            .expect("answered")
            .late
    );
    let first = b.attempts(id).await;
    assert_eq!(
        first[0].late_result.as_ref().expect("kept")["status"],
        json!("completed")
    );
    assert!(b.told(id, held, failed(), 70).await.expect("answered").late);
    assert_eq!(b.attempts(id).await, first);
    let stranger = Claim {
        fence: Fence(9),
        ..held
    };
    assert_eq!(
        kind(&b.told(id, stranger, completed(), 80).await),
        "stale_fence"
    );
}

async fn a_terminal_attempt_never_changes(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    b.told(id, held, failed(), 5).await.expect("failed");
    let closed = b.attempts(id).await.remove(0);
    b.event(id, Event::Retry, 6).await.expect("retried");
    let due = b.event(id, Event::Due, 7).await.expect("due");
    assert_eq!((due.to, due.attempt), (State::Queued, 2));
    let held = b.assign(id, &robot).await;
    b.told(id, held, Event::Start, 8).await.expect("started");
    b.told(id, held, completed(), 9).await.expect("completed");
    let attempts = b.attempts(id).await;
    assert_eq!(attempts[0], closed);
    assert_eq!(
        (attempts[1].number, attempts[1].state),
        (2, State::Completed)
    );
    assert!(attempts[1].fence > attempts[0].fence);
    assert_eq!(b.state(id).await, State::Completed);
}

/// hatchet#1022: after a time-out the first worker's result was taken for the second's.
async fn a_timed_out_attempt_is_fenced_off(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    let mut new = b.new_run().await;
    new.spec.retry = baton_core::retry::RetryPolicy::times(1);
    let (id, old) = b.running(new, &one).await;
    let stepped = b
        .event(id, Event::RunDeadline, 50)
        .await
        .expect("timed out");
    assert_eq!((stepped.to, stepped.attempt), (State::Pending, 2));
    assert_eq!(
        kind(&b.event(id, Event::Due, 100).await),
        "illegal",
        "the old one is still live"
    );
    assert!(
        b.store
            .due_runs(at(1_000), 10)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(b.store.next_due_at().await.expect("read"), None);
    assert!(
        b.store
            .release_attempt(ORG, id, old, None, at(120))
            .await
            .expect("released")
    );
    b.event(id, Event::Due, 130).await.expect("due");
    let new = b.assign(id, &two).await;
    b.told(id, new, Event::Start, 131).await.expect("started");

    assert_eq!(
        kind(&b.told(id, old, Event::Start, 132).await),
        "stale_fence"
    );
    assert!(
        b.told(id, old, completed(), 133)
            .await
            .expect("answered")
            .late
    );
    assert_eq!(b.state(id).await, State::Running);
    b.told(id, new, failed(), 140).await.expect("failed");
    let outcomes: Vec<_> = b.attempts(id).await.iter().map(|a| a.state).collect();
    assert_eq!(outcomes, [State::TimedOut, State::Failed]);
}

async fn a_run_that_ends_before_it_has_a_robot_has_a_closed_attempt(b: &Bench) {
    let id = b.queued().await;
    b.event(id, Event::StartDeadline, 30)
        .await
        .expect("too late");
    let run = b.run(id).await;
    assert_eq!(run.error.expect("it says why").kind, ErrorKind::NotStarted);
    let attempt = b.attempts(id).await.remove(0);
    assert_eq!(
        (attempt.number, attempt.fence, attempt.state),
        (1, Fence(0), State::TimedOut)
    );
    assert_eq!(
        (attempt.robot_id, attempt.live, attempt.started_at),
        (None, false, None)
    );
    assert_eq!(
        (attempt.assigned_at, attempt.ended_at),
        (at(30), Some(at(30)))
    );
}

async fn releasing_frees_only_closed_attempts(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let release = |claim, error, second| b.store.release_attempt(ORG, id, claim, error, at(second));
    assert!(
        !release(held, None, 5).await.expect("answered"),
        "it is open"
    );
    assert!(b.run(id).await.live);
    b.event(id, Event::RunDeadline, 9).await.expect("timed out");
    let stale = Claim {
        fence: Fence(7),
        ..held
    };
    assert_eq!(kind(&release(stale, None, 10).await), "stale_fence");
    let lost = error(ErrorKind::Lost);
    assert!(release(held, Some(lost), 11).await.expect("answered"));
    assert!(
        !release(held, None, 12).await.expect("answered"),
        "it is free already"
    );
    let attempt = b.attempts(id).await.remove(0);
    assert_eq!((attempt.state, attempt.live), (State::TimedOut, false));
    assert_eq!(
        attempt.late_result.expect("kept")["error"]["kind"],
        json!("lost")
    );
    let unknown = b
        .store
        .release_attempt(ORG, b.run_id(), held, None, at(1))
        .await;
    assert_eq!(kind(&unknown), "not_found");
}

async fn a_client_runs_without_a_robot(b: &Bench) {
    let mut new = b.new_run().await;
    new.spec.executor = Executor::Client;
    new.spec.computer = Some("desk".into());
    let id = b.create(new).await;
    let mut start = step(id, Some(OWN), Event::Start, 3);
    start.computer = Some("laptop".into());
    let started = b.step(start).await.expect("started");
    assert_eq!(
        (started.to, started.fence, started.robot_id),
        (State::Running, Fence(0), None)
    );
    let attempt = b.attempts(id).await.remove(0);
    assert_eq!(
        (attempt.executor, attempt.computer.as_deref()),
        (Executor::Client, Some("laptop"))
    );
    assert_eq!(
        (attempt.live, attempt.started_at, attempt.fence),
        (true, Some(at(3)), Fence(0))
    );
    let live = b.store.live_attempts().await.expect("read");
    assert_eq!((live.len(), live[0].robot_id), (1, None));

    b.told(id, OWN, Event::Pause, 4).await.expect("paused");
    assert!(b.store.live_attempts().await.expect("read").is_empty());
    b.told(id, OWN, Event::Start, 5)
        .await
        .expect("goes on in place");
    assert_eq!(b.attempts(id).await.len(), 1);
    assert!(b.run(id).await.live);
    b.told(id, OWN, completed(), 6).await.expect("completed");
    assert_eq!(b.state(id).await, State::Completed);
    assert!(!b.run(id).await.live);
}

/// All that can be seen of a run.
async fn everything(b: &Bench, id: baton_core::id::RunId) -> String {
    let history = b.store.run_history(ORG, id).await.expect("history");
    format!("{:?}{:?}{history:?}", b.run(id).await, b.attempts(id).await)
}

async fn a_run_that_is_handed_back_waits_for_another_robot_and_spends_no_retry(b: &Bench) {
    let (first, second) = (b.robot("r1", 1).await, b.robot("r2", 1).await);
    let id = b.queued().await;
    for (number, robot) in [(1, &first), (2, &second)] {
        let held = b.assign(id, robot).await;
        b.told(id, held, Event::Start, 2).await.expect("started");
        let event = Event::Finish(Outcome::HandedBack {
            error: error(ErrorKind::Resource),
        });
        let stepped = b.step(step(id, Some(held), event.clone(), 9)).await;
        let stepped = stepped.expect("handed back");
        assert_eq!((stepped.to, stepped.attempt), (State::Queued, number + 1));
        let again = b
            .step(step(id, Some(held), event, 9))
            .await
            .expect("answered");
        assert!(again.late, "sent twice, it counts once");
    }
    let run = b.run(id).await;
    assert_eq!(
        (run.state, run.live, run.robot_id),
        (State::Queued, false, None)
    );
    assert_eq!((run.retries_used, run.error), (0, None));
    assert_eq!(run.rejected_by, [first.id, second.id].into());
    let states: Vec<_> = b
        .attempts(id)
        .await
        .into_iter()
        .map(|a| (a.state, a.live))
        .collect();
    assert_eq!(states, [(State::Failed, false), (State::Failed, false)]);
}
