//! What the dispatch decision promises, case by case.

use super::scene::*;
use super::*;
use crate::limit::Counts;
use crate::queue::Strategy;
use crate::run::Priority::{Critical, High, Low, Normal};

fn one(id: i64, priority: Priority, run: u32, due: i64) -> Group {
    group(id, needs(priority), vec![waiting(run, due)])
}

#[test]
fn a_higher_priority_goes_first_then_the_earlier_then_the_smaller_id() {
    let mut scene = Scene::of([robot(1, 4)]);
    let groups = [
        one(1, Low, 1, -60),
        one(2, High, 3, -30),
        one(3, High, 2, -30),
        one(4, Critical, 4, -1),
        one(5, Normal, 5, -40),
    ];
    let plan = scene.decide(&groups, at(0));
    assert_eq!(pairs(&plan), [(4, 1), (2, 1), (3, 1), (5, 1)]);
    assert_eq!(plan.held, [(1, Hold::NoRobot)]);
}

#[test]
fn a_blocked_front_blocks_no_other_group() {
    let mut scene = Scene::of([robot(1, 1)]);
    let mut nobody_has_it = needs(Critical);
    nobody_has_it.labels = words(&["gpu"]);
    let groups = [
        group(1, nobody_has_it, vec![waiting(1, -60)]),
        one(2, Low, 2, 0),
    ];
    assert_eq!(pairs(&scene.decide(&groups, at(0))), [(2, 1)]);
}

#[test]
fn a_front_that_only_its_own_rejecters_block_leaves_its_group_and_the_next_run_goes() {
    let mut scene = Scene::of([robot(1, 1)]);
    let mut rejected = waiting(1, -60);
    rejected.rejected_by.insert(robot_id(1));
    let groups = [group(1, needs(Normal), vec![rejected, waiting(2, -50)])];
    let plan = scene.decide(&groups, at(0));
    assert_eq!(plan.regroup, [(ORG, run_id(1))]);
    assert_eq!(pairs(&plan), [(2, 1)]);
}

#[test]
fn a_rejected_front_does_not_hide_aged_runs_behind_it_from_their_turn() {
    let mut scene = Scene::of([robot(1, 1)]);
    let mut rejected = waiting(1, -36_000);
    rejected.rejected_by.insert(robot_id(1));
    let lows = vec![rejected, waiting(2, -36_000)];
    let groups = [group(1, needs(Low), lows), one(2, Critical, 3, 0)];
    let plan = scene.decide(&groups, at(0));
    assert_eq!(pairs(&plan), [(2, 1)]);
    assert_eq!(plan.regroup, [(ORG, run_id(1))]);
}

#[test]
fn a_rejected_run_is_not_moved_while_all_robots_are_busy_anyway() {
    let mut busy = robot(1, 1);
    busy.live = 1;
    let mut scene = Scene::of([busy]);
    let mut rejected = waiting(1, -60);
    rejected.rejected_by.insert(robot_id(1));
    let plan = scene.decide(&[group(1, needs(Normal), vec![rejected])], at(0));
    assert_eq!(plan.regroup, []);
    assert_eq!(plan.held, [(1, Hold::NoRobot)]);
}

#[test]
fn a_run_in_the_group_of_its_rejecters_is_not_moved_again() {
    let mut scene = Scene::of([robot(1, 1)]);
    let mut rejected = waiting(1, -60);
    rejected.rejected_by.insert(robot_id(1));
    let mut needs = needs(Normal);
    needs.rejected_by.insert(robot_id(1));
    let plan = scene.decide(&[group(1, needs, vec![rejected])], at(0));
    assert_eq!(plan.regroup, []);
    assert_eq!(plan.assignments, []);
}

#[test]
fn limits_hold_within_one_plan() {
    let mut scene = Scene::of([robot(1, 10)]);
    let mut limited = needs(Normal);
    limited.deployment_id = Some(deployment_id(1));
    limited.tags = words(&["sap"]);
    scene.limits.set_deployment(deployment_id(1), Some(3));
    scene.limits.set_tag(ORG, "sap", Some(2));
    let heads = (0..5).map(|n| waiting(n, 0)).collect();
    let plan = scene.decide(&[group(1, limited, heads)], at(0));
    assert_eq!(plan.assignments.len(), 2);
    let barrier = Barrier::TagLimit { tag: "sap".into() };
    assert_eq!(plan.held, [(1, Hold::Barrier(barrier))]);
    assert_eq!(scene.usage.with_tag(ORG, "sap"), 2);
}

#[test]
fn nothing_leaves_a_paused_queue() {
    let mut scene = Scene::of([robot(1, 1)]);
    let queue = scene.queues.get_mut(&queue_id(0)).expect("made above");
    queue.settings.paused = true;
    let plan = scene.decide(&[one(1, Critical, 1, 0)], at(0));
    assert_eq!(plan.held, [(1, Hold::Barrier(Barrier::QueuePaused))]);
}

#[test]
fn a_low_run_that_has_waited_out_its_bound_outranks_fresh_critical_work() {
    let due = -ageing_bound(Low).as_secs();
    let mut scene = Scene::of([robot(1, 1)]);
    let early = [one(1, Low, 1, due + 1), one(2, Critical, 2, 0)];
    assert_eq!(pairs(&scene.clone().decide(&early, at(0))), [(2, 1)]);
    let aged = [one(1, Low, 1, due), one(2, Critical, 2, 0)];
    assert_eq!(pairs(&scene.decide(&aged, at(0))), [(1, 1)]);
}

#[test]
fn a_flood_of_aged_low_runs_leaves_critical_work_every_second_slot() {
    let mut scene = Scene::of([robot(1, 6)]);
    let lows = (0..6).map(|n| waiting(n, -36_000)).collect();
    let criticals = (10..16).map(|n| waiting(n, 0)).collect();
    let groups = [
        group(1, needs(Low), lows),
        group(2, needs(Critical), criticals),
    ];
    let runs: Vec<u32> = pairs(&scene.decide(&groups, at(0)))
        .iter()
        .map(|p| p.0)
        .collect();
    assert_eq!(runs, [0, 10, 1, 11, 2, 12]);
}

#[test]
fn fresh_critical_work_waits_for_no_more_than_the_slot_in_use_behind_a_flood_of_aged_lows() {
    let mut scene = Scene::of([robot(1, 1)]);
    let lows = (0..6).map(|n| waiting(n, -36_000)).collect();
    scene.decide(&[group(1, needs(Low), lows)], at(0));
    scene.fleet.give_back(robot_id(1), None);
    let lows = (1..6).map(|n| waiting(n, -36_000)).collect();
    let groups = [group(1, needs(Low), lows), one(2, Critical, 10, 0)];
    assert_eq!(pairs(&scene.decide(&groups, at(0))), [(10, 1)]);
}

#[test]
fn a_desktop_is_named_and_never_given_twice() {
    let with_desktops = |n, slots| offering(robot(n, slots), |o| o.desktops = words(&["d1", "d2"]));
    let mut scene = Scene::of([with_desktops(1, 5)]);
    let mut on_desktop = needs(Normal);
    on_desktop.desktop = true;
    let heads = (0..3).map(|n| waiting(n, 0)).collect();
    let plan = scene.decide(&[group(1, on_desktop, heads)], at(0));
    let desktops: Vec<_> = plan.assignments.iter().map(|a| a.desktop.clone()).collect();
    assert_eq!(desktops, [Some("d1".to_owned()), Some("d2".to_owned())]);
}

#[test]
fn a_flood_in_one_org_takes_no_place_in_the_plan_from_another() {
    let mut foreign = robot(2, 1);
    foreign.org = OrgId(2);
    let mut scene = Scene::of([offering(robot(1, 1_000), |_| {}), foreign]);
    let flood = (0..1_000).map(|n| waiting(n, -60)).collect();
    let mut other = one(2, Low, 2_000, 0);
    other.org = OrgId(2);
    let plan = scene.decide(&[group(1, needs(Critical), flood), other], at(0));
    assert_eq!(plan.assignments.len(), MAX_ASSIGNMENTS);
    assert!(plan.again);
    assert!(pairs(&plan).contains(&(2_000, 2)));
}

#[test]
fn a_used_up_front_asks_for_another_decision() {
    let mut scene = Scene::of([robot(1, 2)]);
    assert!(scene.decide(&[one(1, Normal, 1, 0)], at(0)).again);
    let two = group(2, needs(Normal), vec![waiting(2, 0), waiting(3, 0)]);
    assert!(!scene.decide(&[two], at(0)).again, "the robot is full");
}

#[test]
fn an_assignment_names_the_session_that_was_decided_on() {
    let mut scene = Scene::of([robot(1, 1)]);
    let plan = scene.decide(&[one(1, Normal, 1, 0)], at(0));
    assert_eq!(plan.assignments[0].session, 101);
}

#[test]
fn a_strategy_belongs_to_the_queue() {
    let mut scene = Scene::of((1..=3).map(|n| robot(n, 9)));
    scene.queues = queues(1, Strategy::RoundRobin);
    let heads = (0..7).map(|n| waiting(n, 0)).collect();
    let robots: Vec<u32> = pairs(&scene.decide(&[group(1, needs(Normal), heads)], at(0)))
        .iter()
        .map(|p| p.1)
        .collect();
    assert_eq!(robots, [1, 2, 3, 1, 2, 3, 1]);
}
