//! Robots, queues and limits: named once, deleted only when nothing needs them.

use std::collections::BTreeSet;

use baton_core::access::Role;
use baton_core::id::{KeyId, LimitId, OrgId, QueueId, RobotId};
use baton_core::queue::{QueueSettings, Strategy};
use baton_core::robot::{RobotMetrics, RobotOffer};
use baton_core::run::LogLevel;
use baton_core::state::Event;
use baton_store::fleet::{Renewal, RobotLogLine};
use baton_store::keys::{Key, KeyKind};

use crate::harness::{Bench, ORG, at, completed, for_each_store, kind, offer, robot};

for_each_store!(
    a_robot_is_named_once,
    a_session_stores_the_offer_and_makes_the_queues,
    an_older_session_is_ignored,
    robots_are_listed_by_name,
    a_robot_with_live_attempts_is_not_deleted,
    a_robots_log_passes_over_what_it_has,
    a_queue_is_named_once_and_edited,
    a_queue_in_use_is_not_deleted,
    a_limit_is_replaced_by_tag,
);

async fn a_robot_is_named_once(b: &Bench) {
    let id = b.add_robot("r").await;
    let again = b.store.create_robot(robot(RobotId(b.uuid()), "r")).await;
    assert_eq!(kind(&again), "robot_exists");
    assert_eq!(b.store.robot_by_name(ORG, "r").await.expect("found").id, id);
    assert_eq!(b.store.robot(ORG, id).await.expect("found"), robot(id, "r"));
    assert_eq!(kind(&b.store.robot_by_name(ORG, "x").await), "not_found");
    assert_eq!(
        kind(&b.store.robot(ORG, RobotId(b.uuid())).await),
        "not_found"
    );
}

async fn a_session_stores_the_offer_and_makes_the_queues(b: &Bench) {
    let id = b.add_robot("r").await;
    let words =
        |list: [&str; 2]| -> BTreeSet<String> { list.into_iter().map(Into::into).collect() };
    let full = RobotOffer {
        computer: "pc-7".into(),
        platform: "linux x86_64".into(),
        version: "0.1.0".into(),
        boot_id: "b00t".into(),
        installation: "here".into(),
        environment: Some("production".into()),
        labels: words(["a", "b"]),
        capabilities: words(["python", "desktop"]),
        queues: words(["default", "pc-7"]),
        desktops: words(["d1", "d2"]),
        max_concurrent_jobs: 4,
        in_server: true,
    };
    let opened = b
        .store
        .open_session(id, full.clone(), at(60), at(5))
        .await
        .expect("opened");
    assert_eq!(
        (opened.session, opened.connected, &opened.offer),
        (1, true, &full)
    );
    assert_eq!(
        (opened.last_seen, opened.lease_until),
        (Some(at(5)), Some(at(60)))
    );
    assert_eq!(b.store.robot(ORG, id).await.expect("found"), opened);
    let made = b.store.queue_by_name(ORG, "pc-7").await.expect("made");
    assert_eq!(
        (made.settings, made.created_at),
        (QueueSettings::default(), at(5))
    );
    let again = b
        .store
        .open_session(id, full, at(90), at(30))
        .await
        .expect("opened");
    assert_eq!(again.session, 2);
    assert_eq!(
        b.store.queues(Some(ORG)).await.expect("read").len(),
        2,
        "none is made twice"
    );
    let unknown = b
        .store
        .open_session(RobotId(b.uuid()), offer("x"), at(1), at(0))
        .await;
    assert_eq!(kind(&unknown), "not_found");
}

async fn an_older_session_is_ignored(b: &Bench) {
    let old = b.robot("r", 1).await;
    let new = b
        .store
        .open_session(old.id, offer("r"), at(60), at(1))
        .await
        .expect("opened");
    b.store
        .close_session(old.id, old.session, at(2))
        .await
        .expect("ignored");
    let metrics = RobotMetrics {
        cpu_percent: 12.5,
        uptime_seconds: 9,
        trouble: None,
        ..RobotMetrics::default()
    };
    let renewal = |session, second| Renewal {
        robot_id: old.id,
        session,
        last_seen: at(second),
        lease_until: at(second + 60),
        metrics: metrics.clone(),
    };
    let nobody = Renewal {
        robot_id: RobotId(b.uuid()),
        ..renewal(1, 9)
    };
    let all = vec![nobody, renewal(old.session, 50)];
    b.store.renew_sessions(all).await.expect("passed over");
    assert_eq!(b.store.robot(ORG, old.id).await.expect("found"), new);
    b.store
        .renew_sessions(vec![renewal(new.session, 20)])
        .await
        .expect("renewed");
    let renewed = b.store.robot(ORG, old.id).await.expect("found");
    assert_eq!(
        (renewed.last_seen, renewed.lease_until),
        (Some(at(20)), Some(at(80)))
    );
    assert_eq!(renewed.metrics, metrics);
    b.store
        .close_session(old.id, new.session, at(30))
        .await
        .expect("closed");
    let closed = b.store.robot(ORG, old.id).await.expect("found");
    assert_eq!(
        (closed.connected, closed.lease_until),
        (false, Some(at(80)))
    );
}

async fn robots_are_listed_by_name(b: &Bench) {
    for name in ["zebra", "ant", "Bee"] {
        b.add_robot(name).await;
    }
    let robots = b.store.robots(None).await.expect("read");
    let names: Vec<_> = robots.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["Bee", "ant", "zebra"]);
    assert_eq!(b.store.robots(Some(ORG)).await.expect("read"), robots);
    assert!(
        b.store
            .robots(Some(OrgId(2)))
            .await
            .expect("read")
            .is_empty()
    );
    let drained = b
        .store
        .set_draining(ORG, robots[0].id, true, "why", at(3))
        .await
        .expect("set");
    assert_eq!(
        (drained.draining, drained.drain_comment.as_str()),
        (true, "why")
    );
    let nobody = b
        .store
        .set_draining(ORG, RobotId(b.uuid()), true, "", at(3))
        .await;
    assert_eq!(kind(&nobody), "not_found");
}

async fn a_robot_with_live_attempts_is_not_deleted(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let key = Key {
        id: KeyId(b.uuid()),
        org: ORG,
        name: "robot".into(),
        kind: KeyKind::Robot,
        role: Role::Robot,
        robot_id: Some(robot.id),
        hash: [1; 32],
        created_at: at(0),
        expires_at: None,
        revoked_at: None,
        opened_by: None,
        last_used_at: None,
    };
    b.store.create_key(key.clone()).await.expect("created");
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let busy = b.store.delete_robot(ORG, robot.id, at(3)).await;
    assert_eq!(kind(&busy), "robot_in_use");
    b.event(id, Event::RunDeadline, 4).await.expect("timed out");
    let busy = b.store.delete_robot(ORG, robot.id, at(5)).await;
    assert_eq!(kind(&busy), "robot_in_use", "not known to be gone");
    b.told(id, held, completed(), 6).await.expect("gone");
    b.store
        .delete_robot(ORG, robot.id, at(7))
        .await
        .expect("deleted");
    assert_eq!(kind(&b.store.robot(ORG, robot.id).await), "not_found");
    assert_eq!(
        kind(&b.store.key(key.id).await),
        "not_found",
        "its keys went with it"
    );
    assert_eq!(b.run(id).await.robot_id, Some(robot.id), "its runs stay");
    assert_eq!(
        kind(&b.store.delete_robot(ORG, robot.id, at(8)).await),
        "not_found"
    );
}

async fn a_robots_log_passes_over_what_it_has(b: &Bench) {
    let id = b.add_robot("r").await;
    let line = |seq| RobotLogLine {
        seq,
        at: at(seq),
        level: LogLevel::Warning,
        message: format!("line {seq}"),
    };
    b.store
        .append_robot_log(id, vec![line(1), line(2)])
        .await
        .expect("appended");
    b.store
        .append_robot_log(id, vec![line(2), line(1), line(5)])
        .await
        .expect("appended");
    let log = b.store.robot_log(ORG, id, 0, 10).await.expect("read");
    assert_eq!(log, [line(1), line(2), line(5)]);
    assert_eq!(
        b.store.robot_log(ORG, id, 1, 1).await.expect("read"),
        [line(2)]
    );
    let nobody = b
        .store
        .append_robot_log(RobotId(b.uuid()), vec![line(1)])
        .await;
    assert_eq!(kind(&nobody), "not_found");
    assert_eq!(
        kind(&b.store.robot_log(OrgId(2), id, 0, 9).await),
        "not_found"
    );
}

async fn a_queue_is_named_once_and_edited(b: &Bench) {
    let settings = QueueSettings {
        description: "for invoices".into(),
        strategy: Strategy::Affinity,
        concurrency_limit: Some(3),
        paused: true,
    };
    let id = b.queue("q", settings.clone()).await;
    let queue = b.store.queue_by_name(ORG, "q").await.expect("found");
    assert_eq!(
        (queue.id, &queue.settings, queue.created_at),
        (id, &settings, at(0))
    );
    let again = baton_core::queue::Queue {
        id: QueueId(b.uuid()),
        ..queue.clone()
    };
    assert_eq!(kind(&b.store.create_queue(again).await), "queue_exists");
    let changed = b
        .store
        .update_queue(ORG, id, QueueSettings::default())
        .await
        .expect("changed");
    assert_eq!(changed.settings, QueueSettings::default());
    let all = b.store.queues(None).await.expect("read");
    let names: Vec<_> = all.iter().map(|q| q.name.as_str()).collect();
    assert_eq!(names, ["default", "q"]);
    assert_eq!(all[1], changed);
    let nobody = b.store.update_queue(ORG, QueueId(b.uuid()), settings).await;
    assert_eq!(kind(&nobody), "not_found");
    assert_eq!(kind(&b.store.queue_by_name(ORG, "x").await), "not_found");
}

async fn a_queue_in_use_is_not_deleted(b: &Bench) {
    let default = b.default_queue().await;
    assert_eq!(
        kind(&b.store.delete_queue(ORG, default).await),
        "queue_in_use"
    );
    let id = b.queue("q", QueueSettings::default()).await;
    let run = b.create(b.run_in(id).await).await;
    assert_eq!(kind(&b.store.delete_queue(ORG, id).await), "queue_in_use");
    b.event(run, Event::Cancel, 1).await.expect("cancelled");
    let mut deploy = b.deploy_of("f", "d").await;
    deploy.settings.queue_id = id;
    let deployed = b.deploy(deploy).await;
    assert_eq!(kind(&b.store.delete_queue(ORG, id).await), "queue_in_use");
    let gone = b
        .store
        .delete_deployment(ORG, deployed.deployment.id, at(2))
        .await;
    gone.expect("nothing runs");
    b.store.delete_queue(ORG, id).await.expect("deleted");
    assert_eq!(kind(&b.store.delete_queue(ORG, id).await), "not_found");
    assert_eq!(
        b.run(run).await.spec.needs.queue_id,
        id,
        "its ended runs stay"
    );
}

async fn a_limit_is_replaced_by_tag(b: &Bench) {
    let first = b.tag_limit("sap", 3).await;
    b.tag_limit("ax", 1).await;
    let second = b.tag_limit("sap", 5).await;
    assert_eq!((second.id, second.limit), (first.id, 5));
    let all = b.store.tag_limits(Some(ORG)).await.expect("read");
    let found: Vec<_> = all.iter().map(|l| (l.tag.as_str(), l.limit)).collect();
    assert_eq!(found, [("ax", 1), ("sap", 5)]);
    assert_eq!(b.store.tag_limits(None).await.expect("read"), all);
    assert_eq!(
        kind(&b.store.delete_tag_limit(OrgId(2), first.id).await),
        "not_found"
    );
    b.store
        .delete_tag_limit(ORG, first.id)
        .await
        .expect("deleted");
    assert_eq!(
        kind(&b.store.delete_tag_limit(ORG, LimitId(b.uuid())).await),
        "not_found"
    );
    assert_eq!(b.store.tag_limits(None).await.expect("read").len(), 1);
}
