//! What an explanation promises, case by case.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::dispatch::scene::*;
use crate::dispatch::{RobotView, Waiting};
use crate::id::Fence;
use crate::run::{Needs, Priority, RunSpec, Trigger};

/// A queued run with these needs, due a minute ago.
pub(crate) fn queued_run(needs: Needs) -> Run {
    Run {
        id: run_id(1),
        org: ORG,
        name: "brisk-otter-0001".into(),
        spec: RunSpec {
            version_id: None,
            needs,
            parameters: serde_json::Map::new(),
            timeout_seconds: None,
            cancel_grace_seconds: 30,
            stop_signal: crate::stop_signal::StopSignal::default(),
            retry: crate::retry::RetryPolicy::default(),
            on_lost: crate::state::OnLost::default(),
            lost_after_seconds: 60,
            executor: Executor::Robot,
            trigger: Trigger::Manual { by: "test".into() },
            start_deadline: None,
            flow_name: "invoices".into(),
            deployment_name: None,
            computer: None,
        },
        state: State::Queued,
        attempt: 1,
        fence: Fence(0),
        retries_used: 0,
        created_at: at(-60),
        due_at: at(-60),
        queued_at: Some(at(-60)),
        dispatched_at: None,
        started_at: None,
        ended_at: None,
        changed_at: at(-60),
        robot_id: None,
        live: false,
        rejected_by: BTreeSet::new(),
        error: None,
        progress: None,
    }
}

/// The group in which the run stands alone.
pub(crate) fn alone(run: &Run) -> Group {
    Group {
        id: 1,
        org: run.org,
        needs: Arc::new(run.spec.needs.clone()),
        heads: vec![Waiting {
            run_id: run.id,
            attempt: run.attempt,
            due_at: run.due_at,
            rejected_by: run.rejected_by.clone(),
        }],
    }
}

pub(crate) fn leading() -> Leader {
    Leader {
        server: Some("s1".into()),
        decided_at: Some(at(0)),
    }
}

pub(crate) fn ask_why(
    scene: &Scene,
    run: &Run,
    groups: &[Group],
    live: &[Occupant],
) -> Explanation {
    let leader = leading();
    let subject = Subject {
        run,
        waits_for: &[],
        ahead: None,
    };
    explain(
        &subject,
        &Situation {
            fleet: &scene.fleet,
            groups,
            queues: &scene.queues,
            limits: &scene.limits,
            usage: &scene.usage,
            live,
            leader: &leader,
            now: at(0),
        },
    )
}

fn why(robots: Vec<RobotView>, needs: Needs) -> Explanation {
    let run = queued_run(needs);
    ask_why(&Scene::of(robots), &run, &[alone(&run)], &[])
}

fn occupant(n: u32, robot: u32) -> Occupant {
    Occupant {
        org: ORG,
        run_id: run_id(n),
        run_name: format!("holder-{n}"),
        robot_id: Some(robot_id(robot)),
        desktop: None,
        deployment_id: Some(deployment_id(1)),
        queue_id: queue_id(0),
        tags: vec!["sap".into()],
    }
}

fn codes(explanation: &Explanation) -> Vec<ReasonCode> {
    explanation.reasons.iter().map(|r| r.code).collect()
}

fn change(explanation: &Explanation) -> &str {
    explanation.change.as_ref().map_or("", |c| &c.message)
}

#[test]
fn a_run_with_a_robot_waiting_for_it_has_no_reason_left() {
    let told = why(vec![robot(1, 1)], needs(Priority::Normal));
    assert!(told.dispatchable);
    assert_eq!(codes(&told), []);
    assert_eq!(told.change, None);
}

#[test]
fn a_missing_label_is_named_with_the_robot_that_lacks_it() {
    let mut wants = needs(Priority::Normal);
    wants.labels = words(&["gpu", "sap"]);
    let has_sap = offering(robot(2, 1), |o| o.labels = words(&["sap"]));
    let mut offline = robot(1, 1);
    offline.connected = false;
    let told = why(vec![offline, has_sap], wants);
    assert_eq!(codes(&told), [ReasonCode::NoRobotFits]);
    let first = &told.reasons[0].robots[0];
    assert_eq!(first.name, "r2");
    assert_eq!(first.message, "r2 lacks the label \"gpu\"");
    assert_eq!(change(&told), "give r2 the label \"gpu\"");
    let start = told.change.as_ref().and_then(|c| c.start.as_ref());
    let start = start.expect("a label is given when the robot starts");
    assert_eq!(start.robot.as_deref(), Some("r2"));
    assert_eq!(start.labels, words(&["gpu", "sap"]), "what it has stays");
    assert_eq!(told.reasons[0].robots[1].misfit, Misfit::Offline);
}

#[test]
fn the_robot_of_baton_up_is_known_as_such_when_it_has_to_be_started_anew() {
    let mut wants = needs(Priority::Normal);
    wants.labels = words(&["gpu"]);
    let own = offering(robot(1, 1), |o| o.in_server = true);
    let told = why(vec![own], wants);
    let start = told.change.and_then(|change| change.start);
    assert!(start.is_some_and(|start| start.in_server && start.robot.is_some()));
}

#[test]
fn the_robot_that_lacks_the_fewest_is_the_one_to_change() {
    let mut wants = needs(Priority::Normal);
    wants.labels = words(&["sap", "vpn", "gpu"]);
    // The first by id lacks three labels, the second one.
    let close = offering(robot(2, 1), |o| o.labels = words(&["sap", "vpn"]));
    let told = why(vec![robot(1, 1), close], wants);
    assert!(change(&told).contains("gpu"), "{}", change(&told));
    assert!(!change(&told).contains("vpn"), "{}", change(&told));
}

#[test]
fn a_queue_that_nobody_serves_is_said_to_be_so() {
    let other = offering(robot(1, 1), |o| o.queues = words(&["q1"]));
    let told = why(vec![other], needs(Priority::Normal));
    assert_eq!(codes(&told), [ReasonCode::NoRobotServesQueue]);
    assert_eq!(change(&told), "have r1 serve the work queue \"q0\"");
    let told = why(vec![], needs(Priority::Normal));
    assert_eq!(
        change(&told),
        "enrol a robot that serves the work queue \"q0\""
    );
}

#[test]
fn taken_slots_name_the_runs_that_hold_them() {
    let mut busy = robot(1, 1);
    busy.live = 1;
    let run = queued_run(needs(Priority::Normal));
    let scene = Scene::of([busy]);
    let told = ask_why(
        &scene,
        &run,
        &[alone(&run)],
        &[occupant(5, 1), occupant(6, 2)],
    );
    assert_eq!(codes(&told), [ReasonCode::SlotsTaken]);
    let holders: Vec<&str> = told.reasons[0]
        .holders
        .iter()
        .map(|h| h.name.as_str())
        .collect();
    assert_eq!(holders, ["holder-5"]);
}

#[test]
fn a_pause_and_a_limit_are_both_named_and_both_to_be_lifted() {
    let mut scene = Scene::of([robot(1, 5)]);
    let live = [occupant(5, 1)];
    scene.usage = Usage::of(&live);
    scene.limits.set_tag(ORG, "sap", Some(1));
    let queue = scene.queues.get_mut(&queue_id(0)).expect("made above");
    queue.settings.paused = true;
    let mut wants = needs(Priority::Normal);
    wants.tags = words(&["sap"]);
    let run = queued_run(wants);
    let told = ask_why(&scene, &run, &[alone(&run)], &live);
    assert_eq!(
        codes(&told),
        [ReasonCode::QueuePaused, ReasonCode::TagLimit]
    );
    assert_eq!(told.reasons[1].holders[0].name, "holder-5");
    let steps = told.change.map_or(0, |c| c.steps.len());
    assert_eq!(steps, 2);
}

#[test]
fn a_run_behind_another_is_outranked_by_name() {
    let run = queued_run(needs(Priority::Normal));
    let before = group(2, needs(Priority::Critical), vec![waiting(9, 0)]);
    let told = ask_why(&Scene::of([robot(1, 1)]), &run, &[alone(&run), before], &[]);
    assert_eq!(codes(&told), [ReasonCode::Outranked]);
    assert_eq!(told.reasons[0].holders[0].run_id, run_id(9));
    assert_eq!(told.ahead, Some(1));
}

#[test]
fn a_run_that_all_robots_rejected_needs_another_robot() {
    let mut run = queued_run(needs(Priority::Normal));
    run.rejected_by.insert(robot_id(1));
    let told = ask_why(&Scene::of([robot(1, 1)]), &run, &[alone(&run)], &[]);
    assert_eq!(told.reasons[0].robots[0].misfit, Misfit::Rejected);
    assert!(change(&told).starts_with("enrol a robot"), "{told:?}");
}

#[test]
fn a_run_pinned_to_a_robot_that_does_not_exist_cannot_be_helped() {
    let mut wants = needs(Priority::Normal);
    wants.robot_id = Some(robot_id(9));
    let told = why(vec![robot(1, 1)], wants);
    assert_eq!(codes(&told), [ReasonCode::NoSuchRobot]);
    assert_eq!(told.change, None);
}

#[test]
fn a_silent_leader_is_a_reason() {
    let run = queued_run(needs(Priority::Normal));
    let scene = Scene::of([robot(1, 1)]);
    let leader = Leader::default();
    let subject = Subject {
        run: &run,
        waits_for: &[],
        ahead: Some(0),
    };
    let told = explain(
        &subject,
        &Situation {
            fleet: &scene.fleet,
            groups: &[alone(&run)],
            queues: &scene.queues,
            limits: &scene.limits,
            usage: &scene.usage,
            live: &[],
            leader: &leader,
            now: at(0),
        },
    );
    assert_eq!(codes(&told), [ReasonCode::NoLeader]);
}

#[test]
fn every_state_has_its_reason() {
    let expected = [
        (State::Dispatched, ReasonCode::Dispatched),
        (State::Running, ReasonCode::Running),
        (State::Paused, ReasonCode::Paused),
        (State::Cancelling, ReasonCode::Cancelling),
        (State::Completed, ReasonCode::Ended),
        (State::Failed, ReasonCode::Ended),
        (State::TimedOut, ReasonCode::Ended),
        (State::Crashed, ReasonCode::Ended),
        (State::Cancelled, ReasonCode::Ended),
        (State::Pending, ReasonCode::AboutToQueue),
    ];
    let scene = Scene::of([robot(1, 1)]);
    for (state, code) in expected {
        let mut run = queued_run(needs(Priority::Normal));
        run.state = state;
        let told = ask_why(&scene, &run, &[], &[]);
        assert_eq!(codes(&told), [code], "{state}");
        assert!(!told.dispatchable, "{state}");
    }
}

#[test]
fn a_pending_run_names_its_time_its_previous_attempt_and_what_it_waits_for() {
    let mut run = queued_run(needs(Priority::Normal));
    run.state = State::Pending;
    run.due_at = at(60);
    run.live = true;
    let scene = Scene::of([]);
    let leader = leading();
    let before = Wait::Run {
        run_id: run_id(8),
        name: "calm-owl-0008".into(),
    };
    let waits = [before, Wait::Approval];
    let subject = Subject {
        run: &run,
        waits_for: &waits,
        ahead: None,
    };
    let told = explain(
        &subject,
        &Situation {
            fleet: &scene.fleet,
            groups: &[],
            queues: &scene.queues,
            limits: &scene.limits,
            usage: &scene.usage,
            live: &[],
            leader: &leader,
            now: at(0),
        },
    );
    assert_eq!(
        codes(&told),
        [
            ReasonCode::NotDue,
            ReasonCode::PreviousAttemptLive,
            ReasonCode::WaitsForRun,
            ReasonCode::WaitsForApproval
        ]
    );
    assert_eq!(told.reasons[0].until, Some(at(60)));
}

#[test]
fn a_run_of_a_worker_or_client_is_never_the_dispatchers() {
    for (executor, code) in [
        (Executor::Worker, ReasonCode::ExecutorWorker),
        (Executor::Client, ReasonCode::ExecutorClient),
    ] {
        let mut run = queued_run(needs(Priority::Normal));
        run.spec.executor = executor;
        let told = ask_why(&Scene::of([robot(1, 1)]), &run, &[], &[]);
        assert_eq!(codes(&told), [code]);
        assert_eq!(told.change, None);
    }
}

#[test]
fn an_explanation_survives_the_wire() {
    let mut wants = needs(Priority::Normal);
    wants.labels = words(&["gpu"]);
    let told = why(vec![robot(1, 1)], wants);
    let text = serde_json::to_string(&told).expect("plain data");
    let back: Explanation = serde_json::from_str(&text).expect("its own text");
    assert_eq!(back, told, "{text}");
}
