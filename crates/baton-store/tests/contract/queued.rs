//! What the dispatcher reads: groups of queued runs, their fronts, and what is live.

use std::collections::BTreeSet;

use baton_core::run::Priority;
use baton_core::state::{Event, State};

use crate::harness::{Bench, ORG, at, for_each_store, refused};

for_each_store!(
    groups_come_by_priority_then_by_due_time,
    heads_come_by_due_time_then_by_id,
    a_blocked_group_does_not_hide_another,
    a_rejected_run_moves_to_a_group_of_its_own,
    live_attempts_say_what_they_occupy,
);

async fn groups_come_by_priority_then_by_due_time(b: &Bench) {
    let mut expected = Vec::new();
    let asks = [
        (Priority::Low, -50, "late but low"),
        (Priority::Critical, -10, "critical"),
        (Priority::Normal, -20, "a"),
        (Priority::Normal, -30, "b"),
        (Priority::High, -1, "high"),
    ];
    for (priority, due, tag) in asks {
        let mut new = b.new_run().await;
        new.due_at = at(due);
        new.spec.needs.priority = priority;
        new.spec.needs.tags = BTreeSet::from([tag.into()]);
        expected.push((tag, b.create(new).await));
    }
    let groups = b.store.queued_groups(10, 10).await.expect("read");
    let tags: Vec<_> = groups
        .iter()
        .flat_map(|g| g.needs.tags.iter().map(String::as_str))
        .collect();
    assert_eq!(tags, ["critical", "high", "b", "a", "late but low"]);
    let few = b.store.queued_groups(2, 10).await.expect("read");
    assert_eq!(few, groups[..2]);
    let ids: BTreeSet<_> = groups.iter().map(|g| g.id).collect();
    assert_eq!(ids.len(), 5, "each group has a number of its own");
    assert!(groups.iter().all(|g| g.org == ORG));
}

async fn heads_come_by_due_time_then_by_id(b: &Bench) {
    let mut ids = Vec::new();
    for due in [-5, -9, -5, -7] {
        let mut new = b.new_run().await;
        new.due_at = at(due);
        ids.push(b.create(new).await);
    }
    let groups = b.store.queued_groups(10, 3).await.expect("read");
    assert_eq!(groups.len(), 1, "equal needs are one group");
    let heads: Vec<_> = groups[0]
        .heads
        .iter()
        .map(|h| (h.run_id, h.attempt, h.due_at))
        .collect();
    assert_eq!(
        heads,
        [
            (ids[1], 1, at(-9)),
            (ids[3], 1, at(-7)),
            (ids[0], 1, at(-5))
        ]
    );
}

/// nomad#28400: a job that could not be placed held up everything behind it.
async fn a_blocked_group_does_not_hide_another(b: &Bench) {
    let robot = b.robot("r", 9).await;
    b.tag_limit("blocked", 0).await;
    for _ in 0..20 {
        let mut new = b.new_run().await;
        new.due_at = at(-100);
        new.spec.needs.priority = Priority::Critical;
        new.spec.needs.tags = BTreeSet::from(["blocked".into()]);
        let id = b.create(new).await;
        assert_eq!(refused(&b.try_assign(id, &robot).await), "tag_limit");
    }
    let free = b.queued().await;
    let groups = b.store.queued_groups(10, 1).await.expect("read");
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[1].heads[0].run_id, free);
    b.assign(free, &robot).await;
}

async fn a_rejected_run_moves_to_a_group_of_its_own(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let (id, other) = (b.queued().await, b.queued().await);
    let held = b.assign(id, &robot).await;
    b.told(id, held, Event::Reject, 2).await.expect("rejected");
    let groups = b.store.queued_groups(10, 10).await.expect("read");
    assert_eq!(
        groups.len(),
        1,
        "it stays until it is blocked by nothing else"
    );
    assert_eq!(groups[0].heads[0].rejected_by, BTreeSet::from([robot.id]));
    let moved = b
        .store
        .regroup_rejected(vec![(ORG, id), (ORG, other)])
        .await
        .expect("moved");
    assert_eq!(moved, 1);
    assert_eq!(
        b.store
            .regroup_rejected(vec![(ORG, id)])
            .await
            .expect("moved"),
        0
    );
    let groups = b.store.queued_groups(10, 10).await.expect("read");
    let own = groups
        .iter()
        .find(|g| g.heads[0].run_id == id)
        .expect("it is queued");
    assert_eq!(
        (own.heads.len(), &own.needs.rejected_by),
        (1, &BTreeSet::from([robot.id]))
    );
    let rest = groups
        .iter()
        .find(|g| g.heads[0].run_id == other)
        .expect("it is queued");
    assert!(rest.needs.rejected_by.is_empty());

    let two = b.robot("two", 9).await;
    let held = b.assign(id, &two).await;
    assert_eq!(b.store.queued_groups(10, 10).await.expect("read").len(), 1);
    b.told(id, held, Event::Unanswered, 3)
        .await
        .expect("unanswered");
    let groups = b.store.queued_groups(10, 10).await.expect("read");
    assert_eq!(groups.len(), 1, "queued anew, it starts among all");
    assert_eq!(
        groups[0].heads[0].rejected_by,
        BTreeSet::from([robot.id, two.id])
    );
}

async fn live_attempts_say_what_they_occupy(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let mut new = b.new_run().await;
    new.spec.needs.tags = BTreeSet::from(["t".into()]);
    new.spec.timeout_seconds = Some(100);
    let (name, needs) = (new.name.clone(), new.spec.needs.clone());
    let id = b.create(new).await;
    let held = b.assign(id, &robot).await;
    let live = b.store.live_attempts().await.expect("read").remove(0);
    assert_eq!(
        (live.org, live.run_id, live.run_name, live.attempt),
        (ORG, id, name, 1)
    );
    assert_eq!(
        (live.fence, live.state, live.robot_id),
        (held.fence, State::Dispatched, Some(robot.id))
    );
    assert_eq!(
        (live.flow_id, live.queue_id, live.deployment_id),
        (needs.flow_id, needs.queue_id, None)
    );
    assert_eq!((live.tags, live.assigned_at), (vec!["t".to_owned()], at(1)));
    assert_eq!((live.started_at, live.deadline_at), (None, None));

    b.told(id, held, Event::Start, 5).await.expect("started");
    let live = b.store.live_attempts().await.expect("read").remove(0);
    assert_eq!(
        (live.state, live.started_at, live.deadline_at),
        (State::Running, Some(at(5)), Some(at(105)))
    );
    b.event(id, Event::RunDeadline, 105)
        .await
        .expect("timed out");
    let live = b.store.live_attempts().await.expect("read").remove(0);
    assert_eq!(
        live.state,
        State::TimedOut,
        "closed, but not known to be gone"
    );
    assert!(
        b.store
            .release_attempt(ORG, id, held, None, at(110))
            .await
            .expect("released")
    );
    assert!(b.store.live_attempts().await.expect("read").is_empty());
}
