//! Queued runs are given to robots: in order, and never beyond a slot, a desktop or a limit.

use std::collections::BTreeSet;

use baton_core::queue::QueueSettings;
use baton_core::robot::RobotOffer;
use baton_core::state::{Event, State};
use baton_store::runs::{Assign, Assigned};

use crate::harness::{Bench, ORG, at, claim, completed, for_each_store, kind, offer, refused};

for_each_store!(
    each_assignment_gets_a_higher_fence,
    a_run_that_moved_is_not_assigned,
    a_robot_that_reconnected_or_drains_gets_nothing,
    a_robot_gets_no_more_than_its_slots,
    a_desktop_is_occupied_by_one_attempt,
    a_paused_queue_gives_nothing,
    a_queue_limit_holds,
    a_deployment_limit_holds_and_the_rest_waits,
    limits_are_named_from_the_narrowest_to_the_widest,
    a_tag_limit_holds_and_zero_holds_all,
    a_robot_that_cannot_run_it_is_refused,
    one_batch_counts_its_own_assignments,
    concurrent_batches_never_pass_a_limit,
);

async fn each_assignment_gets_a_higher_fence(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    let id = b.queued().await;
    let first = b.assign(id, &one).await;
    let run = b.run(id).await;
    assert_eq!(
        (run.state, run.robot_id, run.live),
        (State::Dispatched, Some(one.id), true)
    );
    assert_eq!(run.dispatched_at, Some(at(1)));

    let rejected = b.told(id, first, Event::Reject, 2).await.expect("rejected");
    assert_eq!(
        (rejected.to, rejected.robot_id),
        (State::Queued, Some(one.id))
    );
    let run = b.run(id).await;
    assert_eq!(
        (run.robot_id, run.live, run.dispatched_at),
        (None, false, None)
    );
    assert_eq!(
        (run.queued_at, run.rejected_by),
        (Some(at(2)), BTreeSet::from([one.id]))
    );
    assert_eq!(
        refused(&b.try_assign(id, &one).await),
        "robot_mismatch",
        "it has rejected it"
    );

    let second = b.assign(id, &two).await;
    assert!(second.fence > first.fence);
    assert_eq!(
        second.attempt, first.attempt,
        "a rejection spends no attempt"
    );
    let attempts = b.attempts(id).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        (attempts[0].robot_id, attempts[0].fence),
        (Some(two.id), second.fence)
    );
    assert_eq!(attempts[0].computer.as_deref(), Some("computer-of-two"));
    let stale = b.told(id, first, Event::Start, 3).await;
    assert_eq!(kind(&stale), "stale_fence");
}

async fn a_run_that_moved_is_not_assigned(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let id = b.queued().await;
    let mut assign = Assign {
        org: ORG,
        run_id: id,
        attempt: 2,
        robot_id: robot.id,
        session: robot.session,
        desktop: None,
    };
    let answer = b
        .store
        .assign_runs(vec![assign.clone()], "d", at(1))
        .await
        .expect("answered");
    assert_eq!(refused(&answer[0]), "run_moved", "another attempt");
    assign.attempt = 1;
    assign.run_id = b.run_id();
    let answer = b
        .store
        .assign_runs(vec![assign], "d", at(1))
        .await
        .expect("answered");
    assert_eq!(refused(&answer[0]), "run_moved", "no such run");

    b.assign(id, &robot).await;
    assert_eq!(
        refused(&b.try_assign(id, &robot).await),
        "run_moved",
        "it is on a robot"
    );
    let gone = b.queued().await;
    b.event(gone, Event::Cancel, 1).await.expect("cancelled");
    assert_eq!(
        refused(&b.try_assign(gone, &robot).await),
        "run_moved",
        "it has ended"
    );
    assert_eq!(b.state(gone).await, State::Cancelled);
}

async fn a_robot_that_reconnected_or_drains_gets_nothing(b: &Bench) {
    let mut robot = b.robot("r", 9).await;
    let id = b.queued().await;
    let again = b
        .store
        .open_session(robot.id, offer("r"), at(60), at(1))
        .await
        .expect("open");
    assert_eq!(refused(&b.try_assign(id, &robot).await), "robot_gone");
    robot = again;
    b.store
        .close_session(robot.id, robot.session, at(2))
        .await
        .expect("closed");
    assert_eq!(refused(&b.try_assign(id, &robot).await), "robot_gone");
    robot = b
        .store
        .open_session(robot.id, offer("r"), at(60), at(3))
        .await
        .expect("open");
    b.store
        .set_draining(ORG, robot.id, true, "patch day", at(3))
        .await
        .expect("set");
    assert_eq!(refused(&b.try_assign(id, &robot).await), "robot_draining");
    b.store
        .set_draining(ORG, robot.id, false, "", at(4))
        .await
        .expect("set");
    assert_eq!(refused(&b.try_assign(id, &robot).await), "done");
}

async fn a_robot_gets_no_more_than_its_slots(b: &Bench) {
    let robot = b.robot("r", 2).await;
    let runs = [b.queued().await, b.queued().await, b.queued().await];
    let first = b.assign(runs[0], &robot).await;
    b.assign(runs[1], &robot).await;
    assert_eq!(refused(&b.try_assign(runs[2], &robot).await), "no_slot");
    b.told(runs[0], first, Event::Start, 2)
        .await
        .expect("started");
    assert_eq!(refused(&b.try_assign(runs[2], &robot).await), "no_slot");
    b.told(runs[0], first, completed(), 3)
        .await
        .expect("finished");
    b.assign(runs[2], &robot).await;
}

async fn a_desktop_is_occupied_by_one_attempt(b: &Bench) {
    let desktops = BTreeSet::from(["d1".to_owned(), "d2".to_owned()]);
    let offer = RobotOffer {
        desktops,
        max_concurrent_jobs: 5,
        ..offer("r")
    };
    let robot = b.robot_with("r", offer).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        let mut new = b.new_run().await;
        new.spec.needs.desktop = true;
        runs.push(b.create(new).await);
    }
    let none = b.try_assign(runs[0], &robot).await;
    assert_eq!(refused(&none), "robot_mismatch", "it needs a desktop");
    let unknown = b.try_assign_desktop(runs[0], &robot, Some("d9")).await;
    assert_eq!(
        refused(&unknown),
        "robot_mismatch",
        "the robot has no such desktop"
    );
    let done = b.try_assign_desktop(runs[0], &robot, Some("d1")).await;
    let Assigned::Done { run, attempt } = done else {
        panic!("{done:?}")
    };
    assert_eq!(attempt.desktop.as_deref(), Some("d1"));
    let taken = b.try_assign_desktop(runs[1], &robot, Some("d1")).await;
    assert_eq!(refused(&taken), "desktop_taken");
    let other = b.try_assign_desktop(runs[1], &robot, Some("d2")).await;
    assert_eq!(refused(&other), "done");
    b.told(runs[0], claim(&run), Event::Reject, 2)
        .await
        .expect("rejected");
    let free = b.try_assign_desktop(runs[2], &robot, Some("d1")).await;
    assert_eq!(refused(&free), "done");
}

async fn a_paused_queue_gives_nothing(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let queue = b.default_queue().await;
    let id = b.queued().await;
    let paused = QueueSettings {
        paused: true,
        ..QueueSettings::default()
    };
    b.store
        .update_queue(ORG, queue, paused)
        .await
        .expect("paused");
    assert_eq!(refused(&b.try_assign(id, &robot).await), "queue_paused");
    b.store
        .update_queue(ORG, queue, QueueSettings::default())
        .await
        .expect("resumed");
    assert_eq!(refused(&b.try_assign(id, &robot).await), "done");
}

async fn a_queue_limit_holds(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let settings = QueueSettings {
        concurrency_limit: Some(1),
        ..QueueSettings::default()
    };
    b.store
        .update_queue(ORG, b.default_queue().await, settings)
        .await
        .expect("set");
    let (first, second) = (b.queued().await, b.queued().await);
    let holder = b.assign(first, &robot).await;
    assert_eq!(refused(&b.try_assign(second, &robot).await), "queue_limit");
    b.told(first, holder, Event::Start, 2)
        .await
        .expect("started");
    b.event(first, Event::Cancel, 3).await.expect("asked");
    assert_eq!(
        refused(&b.try_assign(second, &robot).await),
        "queue_limit",
        "not gone yet"
    );
    b.told(first, holder, completed(), 4)
        .await
        .expect("finished");
    assert_eq!(refused(&b.try_assign(second, &robot).await), "done");
}

/// The dispatcher and every store name the same one.
async fn limits_are_named_from_the_narrowest_to_the_widest(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let queue = b.default_queue().await;
    let mut deploy = b.deploy_of("payroll", "default").await;
    deploy.settings.concurrency_limit = Some(1);
    let deployed = b.deploy(deploy).await;
    let mut first = b.run_of(&deployed).await;
    first.spec.needs.tags = ["t".to_owned()].into();
    let mut second = b.run_of(&deployed).await;
    second.spec.needs.tags = ["t".to_owned()].into();
    let (first, second) = (b.create(first).await, b.create(second).await);
    b.tag_limit("t", 1).await;
    let full = |paused| QueueSettings {
        concurrency_limit: Some(1),
        paused,
        ..QueueSettings::default()
    };
    b.assign(first, &robot).await;
    let settings = |limit| {
        let mut settings = deployed.deployment.settings.clone();
        settings.concurrency_limit = limit;
        settings
    };
    let deployment = deployed.deployment.id;
    for (paused, of_deployment, of_tag, code) in [
        (true, Some(1), 1, "queue_paused"),
        (false, Some(1), 1, "deployment_limit"),
        (false, None, 1, "tag_limit"),
        (false, None, 9, "queue_limit"),
    ] {
        let updated = b.store.update_queue(ORG, queue, full(paused)).await;
        updated.expect("set");
        let updated = b
            .store
            .update_deployment(ORG, deployment, settings(of_deployment), at(3))
            .await;
        updated.expect("set");
        b.tag_limit("t", of_tag).await;
        assert_eq!(refused(&b.try_assign(second, &robot).await), code);
    }
}

/// uipath forum#228318: a second run of the same process was dropped; here it waits its turn.
async fn a_deployment_limit_holds_and_the_rest_waits(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let mut deploy = b.deploy_of("payroll", "default").await;
    deploy.settings.concurrency_limit = Some(1);
    let deployed = b.deploy(deploy).await;
    let first = b.create(b.run_of(&deployed).await).await;
    let second = b.create(b.run_of(&deployed).await).await;
    let other = b.queued().await;
    let holder = b.assign(first, &robot).await;
    assert_eq!(
        refused(&b.try_assign(second, &robot).await),
        "deployment_limit"
    );
    assert_eq!(b.state(second).await, State::Queued);
    b.assign(other, &robot).await;
    b.told(first, holder, Event::Start, 2)
        .await
        .expect("started");
    b.told(first, holder, completed(), 3)
        .await
        .expect("finished");
    assert_eq!(refused(&b.try_assign(second, &robot).await), "done");
}

async fn a_tag_limit_holds_and_zero_holds_all(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let limit = b.tag_limit("sap", 1).await;
    let mut ids = Vec::new();
    for tags in [["sap", "x"], ["sap", "y"], ["x", "y"]] {
        let mut new = b.new_run().await;
        new.spec.needs.tags = tags.iter().map(|t| (*t).into()).collect();
        ids.push(b.create(new).await);
    }
    b.assign(ids[0], &robot).await;
    assert_eq!(refused(&b.try_assign(ids[1], &robot).await), "tag_limit");
    b.assign(ids[2], &robot).await;
    let changed = b.tag_limit("sap", 2).await;
    assert_eq!((changed.id, changed.limit), (limit.id, 2));
    b.tag_limit("y", 0).await;
    assert_eq!(refused(&b.try_assign(ids[1], &robot).await), "tag_limit");
    let held = b.store.tag_limits(Some(ORG)).await.expect("read");
    b.store
        .delete_tag_limit(ORG, held[1].id)
        .await
        .expect("deleted");
    assert_eq!(refused(&b.try_assign(ids[1], &robot).await), "done");
}

async fn a_robot_that_cannot_run_it_is_refused(b: &Bench) {
    let plain = b.robot("plain", 9).await;
    let able = RobotOffer {
        labels: BTreeSet::from(["eu".into(), "sap".into()]),
        capabilities: BTreeSet::from(["python".into()]),
        environment: Some("production".into()),
        max_concurrent_jobs: 9,
        ..offer("able")
    };
    let able = b.robot_with("able", able).await;
    let mut wants = vec![
        b.new_run().await,
        b.new_run().await,
        b.new_run().await,
        b.new_run().await,
    ];
    wants[0].spec.needs.labels = BTreeSet::from(["eu".into()]);
    wants[1].spec.needs.capabilities = BTreeSet::from(["python".into()]);
    wants[2].spec.needs.environment = Some("production".into());
    wants[3].spec.needs.robot_id = Some(able.id);
    for new in wants {
        let id = b.create(new).await;
        assert_eq!(refused(&b.try_assign(id, &plain).await), "robot_mismatch");
        assert_eq!(refused(&b.try_assign(id, &able).await), "done");
    }
    let elsewhere = b.queue("elsewhere", QueueSettings::default()).await;
    let id = b.create(b.run_in(elsewhere).await).await;
    assert_eq!(
        refused(&b.try_assign(id, &able).await),
        "robot_mismatch",
        "it does not serve it"
    );
}

async fn one_batch_counts_its_own_assignments(b: &Bench) {
    let robot = b.robot("r", 2).await;
    let mut batch = Vec::new();
    for _ in 0..4 {
        batch.push(assignment(b, &robot).await);
    }
    let answers = b
        .store
        .assign_runs(batch, "d", at(1))
        .await
        .expect("answered");
    let codes: Vec<_> = answers.iter().map(refused).collect();
    assert_eq!(codes, ["done", "done", "no_slot", "no_slot"]);
    for answer in &answers {
        if let Assigned::Done { run, attempt } = answer {
            assert_eq!(**run, b.run(run.id).await);
            assert_eq!(vec![(**attempt).clone()], b.attempts(run.id).await);
        }
    }
}

async fn assignment(b: &Bench, robot: &baton_core::robot::Robot) -> Assign {
    Assign {
        org: ORG,
        run_id: b.queued().await,
        attempt: 1,
        robot_id: robot.id,
        session: robot.session,
        desktop: None,
    }
}

async fn concurrent_batches_never_pass_a_limit(b: &Bench) {
    let settings = QueueSettings {
        concurrency_limit: Some(5),
        ..QueueSettings::default()
    };
    b.store
        .update_queue(ORG, b.default_queue().await, settings)
        .await
        .expect("set");
    let robots = [b.robot("a", 3).await, b.robot("b", 4).await];
    let mut asks = Vec::new();
    for n in 0..24 {
        let assign = assignment(b, &robots[n % 2]).await;
        let store = b.store.clone();
        asks.push(tokio::spawn(async move {
            let answers = store.assign_runs(vec![assign], "d", at(1)).await;
            answers.expect("answered").remove(0)
        }));
    }
    let mut done = 0;
    for ask in asks {
        done += usize::from(refused(&ask.await.expect("no panic")) == "done");
    }
    assert_eq!(done, 5);
    let live = b.store.live_attempts().await.expect("read");
    assert_eq!(live.len(), 5);
    let on_first = live
        .iter()
        .filter(|l| l.robot_id == Some(robots[0].id))
        .count();
    assert!(on_first <= 3 && 5 - on_first <= 4, "{on_first}");
}
