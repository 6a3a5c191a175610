//! Runs are created: at once, once, and as they were asked for.

use std::collections::BTreeSet;

use baton_core::error::ErrorKind;
use baton_core::id::{DeploymentId, FlowId, OrgId, QueueId, ScheduleId};
use baton_core::retry::RetryPolicy;
use baton_core::run::{Priority, RunSpec, Trigger};
use baton_core::state::{Executor, OnLost, State};
use baton_store::PageRequest;
use baton_store::runs::RunFilter;
use serde_json::json;

use crate::harness::{Bench, ORG, at, for_each_store, kind};

for_each_store!(
    a_due_run_of_a_robot_is_queued_at_once,
    a_run_that_is_not_due_waits_as_pending,
    a_run_of_a_client_is_not_queued,
    a_run_is_kept_as_it_was_asked_for,
    the_same_key_gives_the_same_run,
    the_same_key_gives_the_same_run_also_when_asked_at_once,
    the_same_key_in_two_orgs_names_two_things,
    a_refusal_does_not_undo_its_neighbours,
    what_a_run_refers_to_must_be_there,
    a_slot_makes_one_run_only,
    a_list_shows_a_run_as_soon_as_it_was_accepted,
);

async fn a_due_run_of_a_robot_is_queued_at_once(b: &Bench) {
    let new = b.new_run().await;
    let answers = b
        .store
        .create_runs(vec![new.clone()], "someone", at(5))
        .await;
    let created = answers
        .into_iter()
        .next()
        .expect("one answer")
        .expect("created");
    assert_eq!(
        (created.run_id, created.name.as_str()),
        (new.id, new.name.as_str())
    );
    assert_eq!((created.state, created.existing), (State::Queued, false));

    let run = b.run(new.id).await;
    assert_eq!((run.state, run.attempt, run.fence.0), (State::Queued, 1, 0));
    assert_eq!((run.created_at, run.queued_at), (at(5), Some(at(5))));
    assert_eq!((run.due_at, run.changed_at), (at(0), at(5)));
    let history = b.store.run_history(ORG, new.id).await.expect("history");
    let rows: Vec<_> = history
        .iter()
        .map(|e| (e.from, e.to, e.event.as_str(), e.actor.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            (None, State::Pending, "created", "someone"),
            (Some(State::Pending), State::Queued, "due", "someone"),
        ]
    );
    assert!(history[0].seq < history[1].seq);
    assert!(
        b.attempts(new.id).await.is_empty(),
        "no attempt before a robot has it"
    );
}

async fn a_run_that_is_not_due_waits_as_pending(b: &Bench) {
    let mut new = b.new_run().await;
    new.due_at = at(60);
    let id = b.create(new).await;
    assert_eq!(b.state(id).await, State::Pending);
    assert_eq!(b.store.next_due_at().await.expect("read"), Some(at(60)));
    assert!(b.store.due_runs(at(59), 10).await.expect("read").is_empty());
    let due = b.store.due_runs(at(60), 10).await.expect("read");
    assert_eq!((due.len(), due[0].run_id, due[0].at), (1, id, at(60)));
}

async fn a_run_of_a_client_is_not_queued(b: &Bench) {
    let mut new = b.new_run().await;
    new.spec.executor = Executor::Client;
    let id = b.create(new).await;
    assert_eq!(b.state(id).await, State::Pending);
    assert_eq!(
        b.store.next_due_at().await.expect("read"),
        None,
        "nobody waits for it"
    );
    assert!(
        b.store
            .queued_groups(10, 10)
            .await
            .expect("read")
            .is_empty()
    );
}

async fn a_run_is_kept_as_it_was_asked_for(b: &Bench) {
    let deployed = b.deployed("payroll", "nightly").await;
    let mut new = b.run_of(&deployed).await;
    let words = |list: &[&str]| -> BTreeSet<String> { list.iter().map(|s| (*s).into()).collect() };
    new.due_at = at(100);
    new.idempotency_key = Some("monday".into());
    let robot_id = b.add_robot("r").await;
    let needs = baton_core::run::Needs {
        priority: Priority::Critical,
        tags: words(&["sap", "finance"]),
        labels: words(&["region=eu"]),
        capabilities: words(&["desktop", "python"]),
        environment: Some("production".into()),
        robot_id: Some(robot_id),
        desktop: true,
        ..new.spec.needs.clone()
    };
    new.spec = RunSpec {
        version_id: Some(deployed.version.id),
        needs,
        parameters: json!({"n": 1, "s": "ä\n\u{0}", "deep": {"list": [1.5, null, true]}})
            .as_object()
            .expect("an object")
            .clone(),
        timeout_seconds: None,
        cancel_grace_seconds: 7,
        stop_signal: baton_core::stop_signal::StopSignal::Int,
        retry: RetryPolicy {
            retryable_errors: vec![ErrorKind::Lost, ErrorKind::TimedOut],
            initial_delay: 0.5,
            ..RetryPolicy::times(4)
        },
        on_lost: OnLost::Park,
        lost_after_seconds: 7_200,
        executor: Executor::Robot,
        trigger: Trigger::Schedule {
            schedule_id: ScheduleId(b.uuid()),
            slot: at(40),
            after_running: false,
        },
        start_deadline: Some(at(500)),
        flow_name: "payroll".into(),
        deployment_name: Some("nightly".into()),
        computer: Some("desk-7".into()),
    };
    let id = b.create(new.clone()).await;
    let run = b.run(id).await;
    assert_eq!(run.spec, new.spec);
    assert_eq!(
        (run.name.as_str(), run.org, run.due_at),
        (new.name.as_str(), ORG, at(100))
    );
    let by_name = b
        .store
        .run_by_name(ORG, &new.name)
        .await
        .expect("found by name");
    assert_eq!(by_name, run);
}

async fn the_same_key_gives_the_same_run(b: &Bench) {
    let mut first = b.new_run().await;
    first.idempotency_key = Some("k".into());
    let mut again = b.new_run().await;
    again.idempotency_key = Some("k".into());
    let answers = b
        .store
        .create_runs(vec![first.clone(), again.clone()], "x", at(0))
        .await;
    let made: Vec<_> = answers.into_iter().map(|a| a.expect("created")).collect();
    assert_eq!((made[0].existing, made[1].existing), (false, true));
    assert_eq!((made[1].run_id, &made[1].name), (first.id, &first.name));

    b.event(first.id, baton_core::state::Event::Cancel, 1)
        .await
        .expect("cancelled");
    let later = b
        .store
        .create_runs(vec![again.clone()], "x", at(9))
        .await
        .remove(0)
        .expect("found");
    assert_eq!(
        (later.run_id, later.state, later.existing),
        (first.id, State::Cancelled, true)
    );
    assert_eq!(kind(&b.store.run(ORG, again.id).await), "not_found");
}

async fn the_same_key_gives_the_same_run_also_when_asked_at_once(b: &Bench) {
    let mut asks = Vec::new();
    for _ in 0..16 {
        let mut new = b.new_run().await;
        new.idempotency_key = Some("k".into());
        let store = b.store.clone();
        asks.push(tokio::spawn(async move {
            store
                .create_runs(vec![new], "x", at(0))
                .await
                .remove(0)
                .expect("answered")
        }));
    }
    let mut ids = BTreeSet::new();
    let mut fresh = 0;
    for ask in asks {
        let created = ask.await.expect("no panic");
        ids.insert(created.run_id);
        fresh += u32::from(!created.existing);
    }
    assert_eq!((ids.len(), fresh), (1, 1));
    let page = b
        .store
        .runs(RunFilter::default(), PageRequest::first(ORG, 100))
        .await;
    assert_eq!(page.expect("listed").items.len(), 1);
}

async fn the_same_key_in_two_orgs_names_two_things(b: &Bench) {
    let mut mine = b.new_run().await;
    mine.idempotency_key = Some("k".into());
    b.create(mine.clone()).await;
    let mut theirs = b.new_run().await;
    theirs.org = OrgId(2);
    theirs.idempotency_key = Some("k".into());
    let answer = b
        .store
        .create_runs(vec![theirs], "x", at(0))
        .await
        .remove(0);
    assert_eq!(
        kind(&answer),
        "not_found",
        "flow and queue belong to the first org"
    );
    assert_eq!(kind(&b.store.run(OrgId(2), mine.id).await), "not_found");
    assert_eq!(
        kind(&b.store.run_by_name(OrgId(2), &mine.name).await),
        "not_found"
    );
}

async fn a_refusal_does_not_undo_its_neighbours(b: &Bench) {
    let (first, last) = (b.new_run().await, b.new_run().await);
    let mut bad = b.new_run().await;
    bad.spec.needs.queue_id = QueueId(b.uuid());
    let all = vec![first.clone(), bad.clone(), last.clone()];
    let answers = b.store.create_runs(all, "x", at(0)).await;
    let kinds: Vec<_> = answers.iter().map(kind).collect();
    assert_eq!(kinds, ["ok", "not_found", "ok"]);
    assert_eq!(b.state(first.id).await, State::Queued);
    assert_eq!(b.state(last.id).await, State::Queued);
    assert_eq!(kind(&b.store.run(ORG, bad.id).await), "not_found");
}

async fn what_a_run_refers_to_must_be_there(b: &Bench) {
    let good = b.new_run().await;
    let mut flow = b.new_run().await;
    flow.spec.needs.flow_id = FlowId(b.uuid());
    let mut deployment = b.new_run().await;
    deployment.spec.needs.deployment_id = Some(DeploymentId(b.uuid()));
    let same_id = good.clone();
    let answers = b
        .store
        .create_runs(vec![good, flow, deployment, same_id], "x", at(0))
        .await;
    let kinds: Vec<_> = answers.iter().map(kind).collect();
    assert_eq!(kinds, ["ok", "not_found", "not_found", "run_exists"]);
}

async fn a_slot_makes_one_run_only(b: &Bench) {
    let schedule_id = ScheduleId(b.uuid());
    let mut answers = Vec::new();
    for slot in [at(0), at(0), at(60)] {
        let mut new = b.new_run().await;
        new.spec.trigger = Trigger::Schedule {
            schedule_id,
            slot,
            after_running: false,
        };
        answers.extend(b.store.create_runs(vec![new], "scheduler", at(0)).await);
    }
    let kinds: Vec<_> = answers.iter().map(kind).collect();
    assert_eq!(kinds, ["ok", "slot_taken", "ok"]);
}

/// temporal#4886: a run that was accepted was missing from the list for a while.
async fn a_list_shows_a_run_as_soon_as_it_was_accepted(b: &Bench) {
    for n in 1..=20 {
        let id = b.queued().await;
        let page = b
            .store
            .runs(RunFilter::default(), PageRequest::first(ORG, 100))
            .await;
        let items = page.expect("listed").items;
        assert_eq!((items.len(), items[0].id), (n, id));
    }
}
