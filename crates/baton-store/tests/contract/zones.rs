//! Zone rules, and their exchange together with the slots computed by them.

use baton_core::id::ScheduleId;
use baton_core::run::Trigger;
use baton_store::schedules::SlotCommit;
use baton_store::zones::ZoneRules;

use crate::harness::{Bench, ORG, at, for_each_store, kind};
use crate::schedules::schedule;

for_each_store!(
    zone_rules_are_kept_as_they_came,
    active_schedules_are_those_that_are_not_paused,
    new_rules_and_new_slots_come_together_or_not_at_all,
);

fn rules(identity: &str, second: i64) -> ZoneRules {
    ZoneRules {
        identity: identity.into(),
        name: format!("{identity}, carried by baton"),
        data: vec![0, 1, 255],
        changed_at: at(second),
        before: (second > 0).then(|| "before".into()),
        moved: serde_json::json!([{"schedule_id": "x", "was_at": null}]),
    }
}

async fn zone_rules_are_kept_as_they_came(b: &Bench) {
    assert_eq!(b.store.zone_rules().await.expect("read"), None);
    for kept in [rules("2025b", 0), rules("2026f", 100)] {
        let made = b.store.renew_zones(kept.clone(), Vec::new(), at(100)).await;
        assert_eq!(made.expect("kept"), 0);
        assert_eq!(b.store.zone_rules().await.expect("read"), Some(kept));
    }
}

async fn active_schedules_are_those_that_are_not_paused(b: &Bench) {
    let made = b.deployed("f", "d").await;
    let mut ids = Vec::new();
    for (name, paused) in [("a", false), ("b", true), ("c", false)] {
        let mut one = schedule(ScheduleId(b.uuid()), made.deployment.id, name);
        one.paused = paused;
        b.store.create_schedule(one.clone()).await.expect("created");
        if !paused {
            ids.push(one.id);
        }
    }
    ids.sort();
    let active = b.store.active_schedules().await.expect("read");
    let found: Vec<_> = active.iter().map(|one| one.schedule.id).collect();
    assert_eq!(found, ids);
    assert!(active.iter().all(|one| !one.held));
}

async fn new_rules_and_new_slots_come_together_or_not_at_all(b: &Bench) {
    let made = b.deployed("f", "d").await;
    let mut commits = Vec::new();
    for name in ["a", "b"] {
        let one = schedule(ScheduleId(b.uuid()), made.deployment.id, name);
        b.store.create_schedule(one.clone()).await.expect("created");
        let mut new = b.run_of(&made).await;
        new.due_at = at(40);
        new.spec.trigger = Trigger::Schedule {
            schedule_id: one.id,
            slot: at(40),
            after_running: false,
        };
        commits.push(SlotCommit {
            org: ORG,
            schedule_id: one.id,
            read_at: one.updated_at,
            read_last_slot: None,
            runs: vec![new],
            last_slot: Some(at(40)),
            next_at: Some(at(140)),
        });
    }
    let mut stale = commits.clone();
    stale[1].read_at = at(7);
    let refused = b.store.renew_zones(rules("2026f", 50), stale, at(50)).await;
    assert_eq!(kind(&refused), "schedule_changed");
    assert_eq!(b.store.zone_rules().await.expect("read"), None);
    for commit in &commits {
        let open = b
            .store
            .open_runs_of(ORG, commit.schedule_id)
            .await
            .expect("read");
        assert!(open.is_empty(), "nothing was taken of what was refused");
    }
    let taken = b
        .store
        .renew_zones(rules("2026f", 50), commits.clone(), at(50))
        .await;
    assert_eq!(taken.expect("taken"), 2);
    for commit in &commits {
        let now = b
            .store
            .schedule(ORG, commit.schedule_id)
            .await
            .expect("read");
        assert_eq!((now.last_slot, now.next_at), (Some(at(40)), Some(at(140))));
        // Not an edit.
        assert_eq!(now.updated_at, at(0));
    }
    assert_eq!(
        b.store.zone_rules().await.expect("read"),
        Some(rules("2026f", 50))
    );
}
