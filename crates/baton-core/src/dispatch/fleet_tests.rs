//! What the fleet promises: strategies, and indexes that agree with looking at every robot.

use proptest::prelude::{ProptestConfig, any};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::super::scene::*;
use super::*;
use crate::queue::Strategy;
use crate::run::Needs;

fn pick(fleet: &Fleet, strategy: Strategy, needs: &Needs, seed: u64) -> Option<RobotId> {
    let nobody = BTreeSet::new();
    let ask = Ask {
        org: ORG,
        queue: "q0",
        needs,
        rejected_by: &nobody,
    };
    let robot = fleet.get_available_robot(strategy, &ask, seed, at(0));
    robot.map(|robot| robot.id)
}

fn take(fleet: &mut Fleet, id: RobotId, flow: u32) {
    let take = Take {
        queue: "q0",
        flow_id: flow_id(flow),
        priority: Priority::Normal,
        desktop: None,
    };
    assert!(fleet.take(id, &take));
}

fn fleet_of(count: u32, slots: u32) -> Fleet {
    Scene::of((0..count).map(|n| robot(n, slots))).fleet
}

#[test]
fn round_robin_is_fair_over_many_laps_while_robots_come_and_go() {
    let mut fleet = fleet_of(7, 1_000);
    let needs = needs(Priority::Normal);
    let mut given = [0_u32; 8];
    for n in 0..700 {
        if n == 200 {
            fleet.remove_robot(robot_id(3));
        }
        if n == 400 {
            fleet.add_robot(robot(3, 1_000));
        }
        let id = pick(&fleet, Strategy::RoundRobin, &needs, 0).expect("slots are free");
        take(&mut fleet, id, 0);
        given[(id.0.as_u128() & 0xf) as usize] += 1;
    }
    let others: Vec<u32> = (0..7).filter(|n| *n != 3).map(|n| given[n]).collect();
    let (least, most) = (others.iter().min(), others.iter().max());
    assert!(
        most.zip(least).is_some_and(|(m, l)| m - l <= 2),
        "{given:?}"
    );
}

#[test]
fn round_robin_passes_over_full_robots_without_losing_its_place() {
    let mut fleet = fleet_of(3, 9);
    fleet.update_robot_load(robot_id(1), 9, BTreeSet::new());
    let needs = needs(Priority::Normal);
    let mut order = Vec::new();
    for _ in 0..4 {
        let id = pick(&fleet, Strategy::RoundRobin, &needs, 0).expect("slots are free");
        take(&mut fleet, id, 0);
        order.push(id);
    }
    assert_eq!(order, [robot_id(0), robot_id(2), robot_id(0), robot_id(2)]);
}

#[test]
fn least_loaded_goes_by_the_share_of_slots_and_then_by_who_was_idle_longest() {
    let mut fleet = Scene::of([robot(1, 2), robot(2, 10), robot(3, 10)]).fleet;
    for (n, live) in [(1, 1), (2, 4), (3, 3)] {
        fleet.update_robot_load(robot_id(n), live, BTreeSet::new());
    }
    let needs = needs(Priority::Normal);
    assert_eq!(
        pick(&fleet, Strategy::LeastLoaded, &needs, 0),
        Some(robot_id(3))
    );
    take(&mut fleet, robot_id(3), 0);
    // 2 and 3 are equal now; 2 was idle longer.
    assert_eq!(
        pick(&fleet, Strategy::LeastLoaded, &needs, 0),
        Some(robot_id(2))
    );
}

#[test]
fn random_is_reproducible_from_its_seed_and_reaches_every_robot() {
    let fleet = fleet_of(16, 1);
    let needs = needs(Priority::Normal);
    let draw = |seed| pick(&fleet, Strategy::Random, &needs, seed);
    let mut reached = BTreeSet::new();
    for seed in 0..400 {
        assert_eq!(draw(seed), draw(seed));
        reached.insert(draw(seed));
    }
    assert_eq!(reached.len(), 16);
}

#[test]
fn random_gives_every_robot_that_fits_the_same_chance() {
    let mut fleet = Scene::of((0..200).map(|n| {
        offering(robot(n, 1), |o| {
            if n >= 196 {
                o.labels = words(&["rare"]);
            }
        })
    }))
    .fleet;
    fleet.set_draining(robot_id(199), true);
    let mut wants = needs(Priority::Normal);
    wants.labels = words(&["rare"]);
    let mut hits = std::collections::HashMap::new();
    for seed in 0..3_000 {
        let id = pick(&fleet, Strategy::Random, &wants, seed).expect("three fit");
        *hits.entry(id).or_insert(0) += 1;
    }
    assert_eq!(hits.len(), 3);
    assert!(hits.values().all(|n| (850..1_150).contains(n)), "{hits:?}");
}

#[test]
fn affinity_prefers_the_robot_that_ran_the_flow_last_and_else_the_least_loaded() {
    let mut fleet = fleet_of(3, 2);
    let needs = needs(Priority::Normal);
    take(&mut fleet, robot_id(2), 0);
    assert_eq!(
        pick(&fleet, Strategy::Affinity, &needs, 0),
        Some(robot_id(2))
    );
    take(&mut fleet, robot_id(2), 0);
    let other = pick(&fleet, Strategy::Affinity, &needs, 0).expect("two are idle");
    assert_ne!(other, robot_id(2), "it is full");
    take(&mut fleet, other, 0);
    fleet.give_back(robot_id(2), None);
    assert_eq!(
        pick(&fleet, Strategy::Affinity, &needs, 0),
        Some(other),
        "the latest"
    );
    let mut another_flow = needs.clone();
    another_flow.flow_id = flow_id(9);
    let fresh = pick(&fleet, Strategy::Affinity, &another_flow, 0);
    assert!(fresh.is_some_and(|id| id != robot_id(2) && id != other));
}

#[test]
fn a_fleet_in_sync_with_the_rows_keeps_what_it_remembers() {
    let mut fleet = fleet_of(3, 5);
    take(&mut fleet, robot_id(1), 0);
    fleet.rest(robot_id(2), at(30));
    fleet.sync((1..5).map(|n| robot(n, 5)));
    assert_eq!(fleet.len(), 4);
    assert_eq!(fleet.robot(robot_id(0)), None);
    let resting = fleet.robot(robot_id(2)).and_then(|r| r.resting_until);
    assert_eq!(resting, Some(at(30)));
    let needs = needs(Priority::Normal);
    assert_eq!(
        pick(&fleet, Strategy::Affinity, &needs, 0),
        Some(robot_id(1))
    );
}

#[test]
fn queues_that_nobody_serves_any_more_leave_nothing_behind() {
    let mut fleet = Fleet::new();
    for n in 0..1_000 {
        let queue = format!("queue-{n}");
        fleet.add_robot(offering(robot(1, 1), |o| {
            o.queues.insert(queue);
        }));
    }
    assert!(fleet.lanes.len() <= 4, "{}", fleet.lanes.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_robot_is_found_exactly_when_one_fits_whatever_happened_before(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let mut fleet = Fleet::new();
        for _ in 0..dice.below(40) {
            let n = dice.below(12);
            match dice.below(8) {
                0..=2 => fleet.add_robot(dice.robot(n)),
                3 => { fleet.remove_robot(robot_id(n)); }
                4 => { fleet.set_draining(robot_id(n), dice.coin()); }
                5 => { fleet.set_connected(robot_id(n), 7, dice.coin()); }
                6 => {
                    let live = dice.below(4);
                    let taken = dice.words(&["d1", "d2"]);
                    fleet.update_robot_load(robot_id(n), live, taken);
                }
                _ => { fleet.give_back(robot_id(n), Some("d1")); }
            }
        }
        let needs = dice.needs();
        let rejected_by = dice.rejecters();
        let queue = format!("q{}", dice.below(2));
        let ask = Ask { org: ORG, queue: &queue, needs: &needs, rejected_by: &rejected_by };
        let fits = |r: &RobotView| check(&r.candidate(), &ask, at(0)).is_ok();
        let any = fleet.robots().any(fits);
        for strategy in [
            Strategy::RoundRobin, Strategy::LeastLoaded, Strategy::Random, Strategy::Affinity,
        ] {
            let found = fleet.get_available_robot(strategy, &ask, seed, at(0));
            prop_assert_eq!(found.is_some(), any, "{:?}", strategy);
            prop_assert!(found.is_none_or(fits));
            if let (Some(found), Strategy::LeastLoaded) = (found, strategy) {
                let load = |r: &RobotView| share(r.live, r.offer.max_concurrent_jobs);
                let least = fleet.robots().filter(|r| fits(r)).map(load).min();
                prop_assert_eq!(Some(load(found)), least);
            }
        }
    }
}
