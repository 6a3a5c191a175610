//! Schedules, and the slots that make runs: each at most one, ever.

use std::collections::BTreeSet;

use baton_core::id::{DeploymentId, ScheduleId};
use baton_core::robot::Robot;
use baton_core::run::Trigger;
use baton_core::schedule::{Rule, Schedule, ScheduleSettings};
use baton_core::state::{Event, State};
use baton_store::catalog::Deployed;
use baton_store::page::{Page, PageRequest};
use baton_store::schedules::SlotCommit;
use jiff::Timestamp;

use crate::harness::{Bench, ORG, at, for_each_store, kind};

for_each_store!(
    a_schedule_is_named_once_in_its_deployment,
    a_new_rule_never_fires_the_past,
    schedules_come_by_next_slot,
    schedules_and_robots_come_in_pages,
    what_is_paused_is_not_due,
    what_is_passed_over_keeps_nobody_from_its_turn,
    without_a_next_slot_a_decision_is_void_only_where_a_pause_took_it,
    a_deployment_paused_in_between_voids_the_decision,
    a_slot_makes_its_run_and_moves_on,
    a_schedule_edited_in_between_voids_the_decision,
    a_decided_slot_is_passed_over,
    two_schedulers_make_a_slot_once,
    a_run_that_cannot_be_made_undoes_its_commit,
    open_runs_are_those_that_have_not_ended,
    a_run_that_comes_after_the_earlier_ones_is_not_due_before,
);

/// Seconds; the tests begin at 08:00.
const HOUR: i64 = 3_600;

/// Every day at this time in UTC.
pub(crate) fn daily(time: &str) -> ScheduleSettings {
    ScheduleSettings {
        rule: Rule::Daily { time: time.into() },
        timezone: "UTC".into(),
        starts_at: None,
        ends_at: None,
        jitter_seconds: 0,
        missed: Default::default(),
        overlap: Default::default(),
        parameters: Default::default(),
        robot_id: None,
        priority: None,
    }
}

pub(crate) fn schedule(id: ScheduleId, deployment_id: DeploymentId, name: &str) -> Schedule {
    Schedule {
        id,
        org: ORG,
        deployment_id,
        name: name.into(),
        settings: daily("09:00"),
        paused: false,
        next_at: Some(at(100)),
        last_slot: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A deployment with one schedule, next at second 100.
async fn scheduled(b: &Bench) -> (Deployed, Schedule) {
    let made = b.deployed("f", "d").await;
    let held = schedule(ScheduleId(b.uuid()), made.deployment.id, "s");
    b.store
        .create_schedule(held.clone())
        .await
        .expect("the name is free");
    (made, held)
}

/// The decision to run these slots.
async fn decide(b: &Bench, made: &Deployed, held: &Schedule, slots: &[i64]) -> SlotCommit {
    let mut runs = Vec::new();
    for slot in slots {
        let mut new = b.run_of(made).await;
        new.due_at = at(*slot);
        new.spec.trigger = Trigger::Schedule {
            schedule_id: held.id,
            slot: at(*slot),
            after_running: false,
        };
        runs.push(new);
    }
    let last = slots.iter().max().copied();
    SlotCommit {
        org: ORG,
        schedule_id: held.id,
        read_at: held.updated_at,
        read_last_slot: held.last_slot,
        runs,
        last_slot: last.map(at),
        next_at: last.map(|slot| at(slot + 100)),
    }
}

async fn commit(b: &Bench, commit: SlotCommit, second: i64) -> baton_store::Result<u32> {
    b.store
        .commit_slots(vec![commit], at(second))
        .await
        .remove(0)
}

async fn a_schedule_is_named_once_in_its_deployment(b: &Bench) {
    let (made, held) = scheduled(b).await;
    assert_eq!(b.store.schedule(ORG, held.id).await.expect("found"), held);
    let same = schedule(ScheduleId(b.uuid()), made.deployment.id, "s");
    assert_eq!(
        kind(&b.store.create_schedule(same).await),
        "schedule_exists"
    );
    let other = b.deployed("f", "other").await;
    let elsewhere = schedule(ScheduleId(b.uuid()), other.deployment.id, "s");
    b.store
        .create_schedule(elsewhere)
        .await
        .expect("another deployment");
    let nowhere = schedule(ScheduleId(b.uuid()), DeploymentId(b.uuid()), "s");
    assert_eq!(kind(&b.store.create_schedule(nowhere).await), "not_found");
    b.store
        .delete_schedule(ORG, held.id)
        .await
        .expect("deleted");
    assert_eq!(
        kind(&b.store.delete_schedule(ORG, held.id).await),
        "not_found"
    );
    assert_eq!(kind(&b.store.schedule(ORG, held.id).await), "not_found");
}

async fn a_new_rule_never_fires_the_past(b: &Bench) {
    let (_, held) = scheduled(b).await;
    let update = |settings, paused, second| {
        b.store
            .update_schedule(ORG, held.id, None, settings, paused, at(second))
    };
    let paused = update(daily("09:00"), true, 10).await.expect("changed");
    assert_eq!(
        (paused.paused, paused.next_at, paused.last_slot),
        (true, None, None)
    );
    assert_eq!((paused.updated_at, paused.created_at), (at(10), at(0)));
    let moved = update(daily("08:00"), false, 20).await.expect("changed");
    assert_eq!(
        (moved.last_slot, moved.next_at),
        (Some(at(20)), Some(at(24 * HOUR)))
    );
    let zone = ScheduleSettings {
        timezone: "Europe/Berlin".into(),
        ..daily("08:00")
    };
    let moved = update(zone, false, 30).await.expect("changed");
    assert_eq!(moved.last_slot, Some(at(30)));
    assert_eq!(moved.next_at, Some(at(23 * HOUR)), "an hour ahead of UTC");
    let same = update(moved.settings.clone(), false, 40).await;
    assert_eq!(same.expect("nothing to change"), moved);
    assert_eq!(b.store.schedule(ORG, held.id).await.expect("found"), moved);
    let named = async |name: &str, second| {
        let name = Some(name.to_owned());
        (b.store
            .update_schedule(ORG, held.id, name, daily("08:00"), false, at(second)))
        .await
    };
    let renamed = named("morning", 50).await.expect("renamed");
    assert_eq!(
        (renamed.name.as_str(), renamed.updated_at),
        ("morning", at(50))
    );
    let other = schedule(ScheduleId(b.uuid()), held.deployment_id, "other");
    b.store.create_schedule(other).await.expect("made");
    assert_eq!(kind(&named("other", 60).await), "schedule_exists");
    let stored = b.store.schedule(ORG, held.id).await.expect("found");
    assert_eq!(stored.name, "morning");
    let nobody = ScheduleId(b.uuid());
    let unknown = b
        .store
        .update_schedule(ORG, nobody, None, daily("08:00"), false, at(1))
        .await;
    assert_eq!(kind(&unknown), "not_found");
}

async fn schedules_come_by_next_slot(b: &Bench) {
    let made = b.deployed("f", "d").await;
    let other = b.deployed("f", "other").await;
    for (name, next, of) in [
        ("none", None, &made),
        ("late", Some(9), &made),
        ("soon", Some(3), &other),
    ] {
        let mut held = schedule(ScheduleId(b.uuid()), of.deployment.id, name);
        held.next_at = next.map(at);
        b.store.create_schedule(held).await.expect("created");
    }
    let names = async |deployment, limit| -> Vec<String> {
        let found = b
            .store
            .schedules(ORG, deployment, limit)
            .await
            .expect("read");
        found.into_iter().map(|s| s.name).collect()
    };
    assert_eq!(names(None, 9).await, ["soon", "late", "none"]);
    assert_eq!(names(None, 2).await, ["soon", "late"]);
    assert_eq!(names(Some(made.deployment.id), 9).await, ["late", "none"]);
}

/// The schedules that are due at this second.
async fn due(b: &Bench, second: i64) -> Vec<Schedule> {
    let due = b.store.due_schedules(at(second), BTreeSet::new(), 9).await;
    due.expect("read")
}

async fn what_is_passed_over_keeps_nobody_from_its_turn(b: &Bench) {
    let made = b.deployed("f", "d").await;
    let mut ids = Vec::new();
    for (name, next) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        let mut one = schedule(ScheduleId(b.uuid()), made.deployment.id, name);
        one.next_at = Some(at(next));
        b.store.create_schedule(one.clone()).await.expect("created");
        ids.push(one.id);
    }
    let passed_over = BTreeSet::from([ids[0], ids[1]]);
    let due = b.store.due_schedules(at(9), passed_over, 1).await;
    let due: Vec<_> = due.expect("read").into_iter().map(|s| s.id).collect();
    assert_eq!(due, [ids[2]]);
    for (after, next) in [(0, Some(1)), (1, Some(2)), (3, Some(4)), (4, None)] {
        let found = b.store.next_slot_after(at(after)).await.expect("read");
        assert_eq!(found, next.map(at), "after {after}");
    }
}

async fn without_a_next_slot_a_decision_is_void_only_where_a_pause_took_it(b: &Bench) {
    let made = b.deployed("f", "d").await;
    // It has fired for the last time; other rules of zones may give it a slot again.
    let mut over = schedule(ScheduleId(b.uuid()), made.deployment.id, "over");
    over.next_at = None;
    b.store.create_schedule(over.clone()).await.expect("made");
    let decision = SlotCommit {
        next_at: Some(at(500)),
        ..decide(b, &made, &over, &[]).await
    };
    assert_eq!(commit(b, decision.clone(), 10).await.expect("taken"), 0);
    let stored = b.store.schedule(ORG, over.id).await.expect("found");
    assert_eq!(stored.next_at, Some(at(500)));
    // A pause leaves `updated_at` where its deployment is paused, so the missing slot is what tells.
    let mut settings = made.deployment.settings.clone();
    settings.paused = true;
    (b.store
        .update_deployment(ORG, made.deployment.id, settings, at(20))
        .await)
        .expect("paused");
    assert_eq!(kind(&commit(b, decision, 30).await), "schedule_changed");
    let mut paused = schedule(ScheduleId(b.uuid()), made.deployment.id, "paused");
    (paused.paused, paused.next_at) = (true, None);
    b.store.create_schedule(paused.clone()).await.expect("made");
    let decision = SlotCommit {
        next_at: Some(at(500)),
        ..decide(b, &made, &paused, &[]).await
    };
    assert_eq!(kind(&commit(b, decision, 40).await), "schedule_changed");
}

async fn schedules_and_robots_come_in_pages(b: &Bench) {
    let made = b.deployed("f", "d").await;
    let other = b.deployed("f", "other").await;
    let mut all = Vec::new();
    for next in [None, Some(9), Some(3), None, Some(3), Some(5), None] {
        let of = if next == Some(5) { &other } else { &made };
        let name = format!("s{}", all.len());
        let mut one = schedule(ScheduleId(b.uuid()), of.deployment.id, &name);
        one.next_at = next.map(at);
        b.store.create_schedule(one.clone()).await.expect("created");
        all.push((one.next_at.is_none(), one.next_at, one.id));
    }
    all.sort();
    for deployment in [None, Some(made.deployment.id)] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest {
                org: ORG,
                limit: 2,
                after,
            };
            let page = b.store.schedules_page(deployment, request).await;
            let page = page.expect("a page");
            assert!(page.items.len() <= 2);
            seen.extend(
                page.items
                    .iter()
                    .map(|s| (s.next_at.is_none(), s.next_at, s.id)),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut wanted = all.clone();
        wanted.retain(|(_, next, _)| deployment.is_none() || *next != Some(at(5)));
        assert_eq!(seen, wanted);
    }
    for name in ["c", "a", "b"] {
        b.robot(name, 1).await;
    }
    let names = |page: &Page<Robot>| -> Vec<String> {
        page.items.iter().map(|robot| robot.name.clone()).collect()
    };
    let first = b.store.robots_page(PageRequest::first(ORG, 2)).await;
    let first = first.expect("a page");
    assert_eq!(names(&first), ["a", "b"]);
    let request = PageRequest {
        after: first.next,
        ..PageRequest::first(ORG, 2)
    };
    let last = b.store.robots_page(request).await.expect("a page");
    assert_eq!((names(&last), last.next), (vec!["c".to_owned()], None));
}

async fn what_is_paused_is_not_due(b: &Bench) {
    let (made, held) = scheduled(b).await;
    assert_eq!(
        b.store.next_slot_after(Timestamp::MIN).await.expect("read"),
        Some(at(100))
    );
    assert!(due(b, 99).await.is_empty());
    assert_eq!(due(b, 100).await, vec![held.clone()]);
    let mut settings = made.deployment.settings.clone();
    settings.paused = true;
    let id = made.deployment.id;
    b.store
        .update_deployment(ORG, id, settings, at(1))
        .await
        .expect("paused");
    assert!(
        b.store
            .due_schedules(at(100), BTreeSet::new(), 9)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(
        b.store.next_slot_after(Timestamp::MIN).await.expect("read"),
        None
    );
    let stored = b.store.schedule(ORG, held.id).await.expect("found");
    assert_eq!(stored.next_at, None, "what will not fire has no next slot");
    let late = schedule(ScheduleId(b.uuid()), id, "late");
    b.store.create_schedule(late.clone()).await.expect("made");
    let stored = b.store.schedule(ORG, late.id).await.expect("found");
    assert_eq!(stored.next_at, None, "nor one that is made meanwhile");
    let settings = made.deployment.settings.clone();
    b.store
        .update_deployment(ORG, id, settings, at(10 * HOUR))
        .await
        .expect("resumed");
    let next = at(25 * HOUR);
    assert_eq!(
        b.store.next_slot_after(Timestamp::MIN).await.expect("read"),
        Some(next)
    );
    let stored = b.store.schedule(ORG, held.id).await.expect("found");
    assert_eq!(
        (stored.next_at, stored.last_slot),
        (Some(next), Some(at(10 * HOUR))),
        "nothing is made up for"
    );
    for id in [held.id, late.id] {
        let paused = b
            .store
            .update_schedule(ORG, id, None, daily("09:00"), true, next);
        paused.await.expect("paused");
    }
    assert!(
        b.store
            .due_schedules(next, BTreeSet::new(), 9)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(
        b.store.next_slot_after(Timestamp::MIN).await.expect("read"),
        None
    );
}

async fn a_deployment_paused_in_between_voids_the_decision(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let decision = decide(b, &made, &held, &[100]).await;
    let mut settings = made.deployment.settings.clone();
    settings.paused = true;
    let paused = b
        .store
        .update_deployment(ORG, made.deployment.id, settings, at(99));
    paused.await.expect("paused");
    assert_eq!(kind(&commit(b, decision, 100).await), "schedule_changed");
}

async fn a_slot_makes_its_run_and_moves_on(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let decision = decide(b, &made, &held, &[100, 200]).await;
    let ids: Vec<_> = decision.runs.iter().map(|r| r.id).collect();
    assert_eq!(commit(b, decision, 150).await.expect("committed"), 2);
    let run = b.run(ids[0]).await;
    assert_eq!(
        (run.state, run.due_at, run.created_at),
        (State::Queued, at(100), at(150))
    );
    assert_eq!(
        b.state(ids[1]).await,
        State::Pending,
        "its jitter has not passed"
    );
    let history = b.store.run_history(ORG, ids[0]).await.expect("read");
    assert_eq!(history[0].actor, "scheduler");
    let after = b.store.schedule(ORG, held.id).await.expect("found");
    assert_eq!(
        (after.last_slot, after.next_at),
        (Some(at(200)), Some(at(300)))
    );
    assert_eq!(
        after.updated_at, held.updated_at,
        "a decision is not an edit"
    );
    let nothing = SlotCommit {
        last_slot: None,
        next_at: None,
        ..decide(b, &made, &after, &[]).await
    };
    assert_eq!(commit(b, nothing, 160).await.expect("committed"), 0);
    let after = b.store.schedule(ORG, held.id).await.expect("found");
    assert_eq!((after.last_slot, after.next_at), (Some(at(200)), None));
}

async fn a_schedule_edited_in_between_voids_the_decision(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let decision = decide(b, &made, &held, &[100]).await;
    let id = decision.runs[0].id;
    let edit = b
        .store
        .update_schedule(ORG, held.id, None, daily("10:00"), false, at(90));
    edit.await.expect("edited");
    assert_eq!(kind(&commit(b, decision, 100).await), "schedule_changed");
    assert_eq!(kind(&b.store.run(ORG, id).await), "not_found");
    let after = b.store.schedule(ORG, held.id).await.expect("found");
    assert_eq!(
        (after.next_at, after.last_slot),
        (Some(at(2 * HOUR)), Some(at(90)))
    );
    b.store
        .delete_schedule(ORG, held.id)
        .await
        .expect("deleted");
    let gone = decide(b, &made, &after, &[100]).await;
    assert_eq!(kind(&commit(b, gone, 100).await), "not_found");
}

async fn a_decided_slot_is_passed_over(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let twice = decide(b, &made, &held, &[100, 100]).await;
    assert_eq!(commit(b, twice, 100).await.expect("committed"), 1);
    let after = b.store.schedule(ORG, held.id).await.expect("found");
    let again = decide(b, &made, &after, &[50, 100, 200]).await;
    assert_eq!(
        commit(b, again, 200).await.expect("committed"),
        1,
        "only the new one"
    );

    let stale = decide(b, &made, &held, &[300]).await;
    assert_eq!(kind(&commit(b, stale, 300).await), "schedule_changed");
    let open = b.store.open_runs_of(ORG, held.id).await.expect("read");
    for id in &open {
        b.event(*id, Event::Cancel, 301).await.expect("cancelled");
    }
    b.store
        .delete_runs(ORG, open, "test", at(302))
        .await
        .expect("deleted");
    let after = b.store.schedule(ORG, held.id).await.expect("found");
    let again = decide(b, &made, &after, &[100, 200]).await;
    assert_eq!(
        commit(b, again, 303).await.expect("committed"),
        0,
        "not even when its run is gone"
    );
}

async fn two_schedulers_make_a_slot_once(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let mut asks = Vec::new();
    for _ in 0..8 {
        let decision = decide(b, &made, &held, &[100]).await;
        let store = b.store.clone();
        asks.push(tokio::spawn(async move {
            store.commit_slots(vec![decision], at(100)).await.remove(0)
        }));
    }
    let mut kinds = Vec::new();
    for ask in asks {
        kinds.push(kind(&ask.await.expect("no panic")));
    }
    kinds.sort_unstable();
    assert_eq!(kinds[0], "ok");
    assert!(
        kinds[1..].iter().all(|k| *k == "schedule_changed"),
        "{kinds:?}"
    );
    assert_eq!(
        b.store
            .open_runs_of(ORG, held.id)
            .await
            .expect("read")
            .len(),
        1
    );
}

async fn a_run_that_cannot_be_made_undoes_its_commit(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let mut bad = decide(b, &made, &held, &[100, 200]).await;
    bad.runs[1].spec.needs.queue_id = baton_core::id::QueueId(b.uuid());
    let other = schedule(ScheduleId(b.uuid()), made.deployment.id, "other");
    b.store
        .create_schedule(other.clone())
        .await
        .expect("created");
    let good = decide(b, &made, &other, &[100]).await;
    let answers = b.store.commit_slots(vec![bad, good], at(100)).await;
    let kinds: Vec<_> = answers.iter().map(kind).collect();
    assert_eq!(kinds, ["not_found", "ok"]);
    assert!(
        b.store
            .open_runs_of(ORG, held.id)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(b.store.schedule(ORG, held.id).await.expect("found"), held);
    assert_eq!(
        b.store
            .open_runs_of(ORG, other.id)
            .await
            .expect("read")
            .len(),
        1
    );
}

async fn open_runs_are_those_that_have_not_ended(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let decision = decide(b, &made, &held, &[100, 200, 300]).await;
    let ids: Vec<_> = decision.runs.iter().map(|r| r.id).collect();
    commit(b, decision, 150).await.expect("committed");
    b.queued().await;
    assert_eq!(b.store.open_runs_of(ORG, held.id).await.expect("read"), ids);
    b.event(ids[1], Event::Cancel, 160)
        .await
        .expect("cancelled");
    let open = b.store.open_runs_of(ORG, held.id).await.expect("read");
    assert_eq!(open, [ids[0], ids[2]]);
    b.store
        .delete_schedule(ORG, held.id)
        .await
        .expect("deleted");
    assert_eq!(b.state(ids[0]).await, State::Queued, "its runs stay");
}

async fn a_run_that_comes_after_the_earlier_ones_is_not_due_before(b: &Bench) {
    let (made, held) = scheduled(b).await;
    let mut decision = decide(b, &made, &held, &[100, 200, 300]).await;
    for new in &mut decision.runs {
        let Trigger::Schedule { after_running, .. } = &mut new.spec.trigger else {
            panic!("a slot's run");
        };
        *after_running = true;
    }
    let ids: Vec<_> = decision.runs.iter().map(|r| r.id).collect();
    assert_eq!(commit(b, decision, 400).await.expect("committed"), 3);
    let due = async || -> Vec<_> {
        let due = b.store.due_runs(at(400), 9).await.expect("read");
        due.into_iter().map(|d| d.run_id).collect()
    };
    assert_eq!(
        b.state(ids[0]).await,
        State::Pending,
        "who waits is not queued at once"
    );
    assert_eq!(due().await, [ids[0]]);
    assert_eq!(b.store.next_due_at().await.expect("read"), Some(at(100)));
    b.event(ids[0], Event::Due, 400).await.expect("due");
    assert!(due().await.is_empty());
    assert_eq!(b.store.next_due_at().await.expect("read"), None);
    b.event(ids[0], Event::Cancel, 401).await.expect("ended");
    assert_eq!(due().await, [ids[1]]);
    b.event(ids[1], Event::Cancel, 402).await.expect("ended");
    assert_eq!(due().await, [ids[2]]);
}
