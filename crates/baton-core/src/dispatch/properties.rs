//! What holds of every decision and every explanation, over random worlds and simulated hours.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::{ProptestConfig, any};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::scene::*;
use super::*;
use crate::explain::{Step, tests::*};
use crate::limit::Counts;
use crate::run::Priority::{Critical, Low};

/// Groups of waiting runs, with needs, due times and rejecters of all kinds.
fn random_groups(dice: &mut Dice) -> Vec<Group> {
    let mut run = 0;
    (0..dice.below(10))
        .map(|id| {
            let needs = dice.needs();
            let mut due = -i64::from(dice.below(3_000));
            let heads = (0..=dice.below(3))
                .map(|_| {
                    run += 1;
                    due += i64::from(dice.below(600));
                    let mut one = waiting(run, due.min(0));
                    if dice.rarely(5) {
                        one.rejected_by = dice.rejecters();
                    }
                    one
                })
                .collect();
            group(i64::from(id), needs, heads)
        })
        .collect()
}

/// Plays a plan again, step by step, and says what is wrong with it.
struct Replay<'a> {
    before: Scene,
    groups: &'a [Group],
    /// How many runs of each group have left its front.
    gone: Vec<usize>,
}

impl Replay<'_> {
    fn can_go(&self, group: &Group, waiting: &Waiting, robot: RobotId) -> bool {
        let Some(queue) = self.before.queues.get(&group.needs.queue_id) else {
            return false;
        };
        let Some(robot) = self.before.fleet.robot(robot) else {
            return false;
        };
        let Scene { limits, usage, .. } = &self.before;
        check(&robot.candidate(), &ask(group, waiting, queue), at(0)).is_ok()
            && admits(group.org, &group.needs, &queue.settings, limits, usage).is_ok()
    }

    /// Takes one assignment; an error says what it breaks.
    fn step(&mut self, plan: &Plan, assignment: &Assignment) -> Result<(), String> {
        let index = self
            .groups
            .iter()
            .position(|g| g.id == assignment.group_id)
            .ok_or("no such group")?;
        let moved = |w: &Waiting| plan.regroup.contains(&(ORG, w.run_id));
        let group = &self.groups[index];
        while moved(&group.heads[self.gone[index]]) {
            self.gone[index] += 1;
        }
        let front = &group.heads[self.gone[index]];
        if front.run_id != assignment.run_id {
            return Err(format!("{:?} is not the front", assignment.run_id));
        }
        if !self.can_go(group, front, assignment.robot_id) {
            return Err(format!("{assignment:?} breaks a limit or does not fit"));
        }
        let own = rank(group.needs.priority, front.due_at, front.run_id);
        let own_aged = is_aged(group.needs.priority, front.due_at, at(0));
        for (other, gone) in self.groups.iter().zip(&self.gone) {
            let Some(before) = other.heads[*gone..].iter().find(|w| !moved(w)) else {
                continue;
            };
            let first = rank(other.needs.priority, before.due_at, before.run_id) < own;
            let by_age = own_aged && other.needs.priority > group.needs.priority;
            if first && !by_age && self.can_go(other, before, assignment.robot_id) {
                return Err(format!("{assignment:?} passes {:?} over", before.run_id));
            }
        }
        self.gone[index] += 1;
        let needs = &group.needs;
        let take = Take {
            queue: "",
            flow_id: needs.flow_id,
            priority: needs.priority,
            desktop: assignment.desktop.as_deref(),
        };
        self.before.fleet.take(assignment.robot_id, &take);
        let tags = needs.tags.iter().map(String::as_str);
        let usage = &mut self.before.usage;
        usage.add(group.org, needs.queue_id, needs.deployment_id, tags);
        Ok(())
    }

    /// A run that still waits although a robot could take it.
    fn forgotten(&self, plan: &Plan) -> Option<RunId> {
        let fronts = self.groups.iter().zip(&self.gone).filter_map(|(g, gone)| {
            let left = g.heads.get(*gone..)?;
            let front = left
                .iter()
                .find(|w| !plan.regroup.contains(&(g.org, w.run_id)))?;
            Some((g, front))
        });
        let robots: Vec<RobotId> = self.before.fleet.robots().map(|r| r.id).collect();
        fronts
            .filter(|(g, w)| robots.iter().any(|id| self.can_go(g, w, *id)))
            .map(|(_, w)| w.run_id)
            .next()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_plan_breaks_no_limit_passes_nobody_over_and_forgets_nobody(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let mut scene = dice.scene();
        let groups = random_groups(&mut dice);
        let mut replay = Replay { before: scene.clone(), groups: &groups, gone: vec![0; groups.len()] };
        let plan = scene.decide(&groups, at(0));
        for assignment in &plan.assignments {
            if let Err(wrong) = replay.step(&plan, assignment) {
                prop_assert!(false, "{}\n{:#?}", wrong, plan);
            }
        }
        prop_assert_eq!(replay.forgotten(&plan), None);
        for queue in scene.queues.values() {
            let before = replay.before.usage.in_queue(queue.id);
            prop_assert_eq!(scene.usage.in_queue(queue.id), before, "both count the same");
        }
    }

    #[test]
    fn the_same_arguments_give_the_same_plan(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let scene = dice.scene();
        let groups = random_groups(&mut dice);
        prop_assert_eq!(
            scene.clone().decide(&groups, at(0)),
            scene.clone().decide(&groups, at(0))
        );
    }

    #[test]
    fn a_run_that_stands_alone_is_assigned_exactly_when_no_reason_is_left(seed in any::<u64>()) {
        let (scene, run) = world(&mut Dice::new(seed));
        let told = ask_why(&scene, &run, &[alone(&run)], &[]);
        let plan = scene.clone().decide(&[alone(&run)], at(0));
        prop_assert_eq!(plan.assignments.len() == 1, told.reasons.is_empty(), "{:#?}", told);
        prop_assert_eq!(told.dispatchable, told.reasons.is_empty());
    }

    #[test]
    fn among_others_a_run_is_assigned_exactly_when_no_reason_is_left(seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let (scene, run) = world(&mut dice);
        let mut groups: Vec<Group> = random_groups(&mut dice)
            .into_iter()
            .filter(|group| group.heads.iter().all(|w| w.run_id != run.id))
            .collect();
        groups.push(Group { id: 99, ..alone(&run) });
        let told = ask_why(&scene, &run, &groups, &[]);
        let plan = decide_with_seed_0(scene.clone(), &groups);
        let assigned = plan.assignments.iter().any(|a| a.run_id == run.id);
        prop_assert_eq!(assigned, told.dispatchable, "{:#?}\n{:#?}", told, plan);
    }

    #[test]
    fn the_suggested_change_makes_the_run_dispatchable_and_nothing_less_does(seed in any::<u64>()) {
        let (mut scene, run) = world(&mut Dice::new(seed));
        let told = ask_why(&scene, &run, &[alone(&run)], &[]);
        let Some(change) = told.change else {
            let pinned = run.spec.needs.robot_id.is_some();
            prop_assert!(told.dispatchable || pinned, "nothing is suggested: {:#?}", told);
            return Ok(());
        };
        for left_out in 0..change.steps.len() {
            let mut part = scene.clone();
            let others = change.steps.iter().enumerate().filter(|(n, _)| *n != left_out);
            others.for_each(|(_, step)| take_step(&mut part, &run, step));
            let still = ask_why(&part, &run, &[alone(&run)], &[]);
            prop_assert!(!still.dispatchable, "not all of it is needed: {change:#?}");
        }
        for step in &change.steps {
            take_step(&mut scene, &run, step);
        }
        let after = ask_why(&scene, &run, &[alone(&run)], &[]);
        prop_assert!(after.dispatchable, "{:#?}\n{:#?}", change, after);
        prop_assert_eq!(scene.decide(&[alone(&run)], at(0)).assignments.len(), 1);
    }
}

fn world(dice: &mut Dice) -> (Scene, crate::run::Run) {
    let scene = dice.scene();
    let mut run = queued_run(dice.needs());
    if dice.rarely(4) {
        run.rejected_by = dice.rejecters();
    }
    (scene, run)
}

fn decide_with_seed_0(mut scene: Scene, groups: &[Group]) -> Plan {
    let Scene {
        fleet,
        queues,
        limits,
        usage,
    } = &mut scene;
    decide(fleet, groups, queues, limits, usage, 0, at(0))
}

/// Does what the step says.
fn take_step(scene: &mut Scene, run: &crate::run::Run, step: &Step) {
    let needs = &run.spec.needs;
    match step {
        Step::ResumeQueue { .. } => {
            let queue = scene.queues.get_mut(&needs.queue_id).expect("it is known");
            queue.settings.paused = false;
        }
        Step::RaiseLimit { barrier, to, .. } => match barrier {
            Barrier::QueuePaused => unreachable!("a pause is not raised"),
            Barrier::QueueLimit => {
                let queue = scene.queues.get_mut(&needs.queue_id).expect("it is known");
                queue.settings.concurrency_limit = Some(*to);
            }
            Barrier::DeploymentLimit => {
                let deployment = needs.deployment_id.expect("it has the limit");
                scene.limits.set_deployment(deployment, Some(*to));
            }
            Barrier::TagLimit { tag } => scene.limits.set_tag(ORG, tag, Some(*to)),
        },
        Step::EndDrain { robot } => {
            scene.fleet.set_draining(robot.robot_id, false);
        }
        Step::Wait { until } => {
            let resting: Vec<RobotId> = scene.fleet.robots().map(|r| r.id).collect();
            for id in resting {
                change_robot(scene, id, |view| {
                    view.resting_until = view.resting_until.filter(|t| t > until);
                });
            }
        }
        Step::EnrolRobot {
            queue,
            environment,
            labels,
            capabilities,
            desktop,
        } => scene.fleet.add_robot(offering(robot(77, 1), |o| {
            o.queues = words(&[queue]);
            o.environment.clone_from(environment);
            o.labels.clone_from(labels);
            o.capabilities.clone_from(capabilities);
            o.desktops = if *desktop { words(&["d1"]) } else { words(&[]) };
        })),
        other => change_robot_as_told(scene, other),
    }
}

fn change_robot(scene: &mut Scene, id: RobotId, change: impl FnOnce(&mut RobotView)) {
    let mut view = scene.fleet.robot(id).expect("it was named").clone();
    change(&mut view);
    scene.fleet.add_robot(view);
}

/// Does what a step says that changes one robot.
fn change_robot_as_told(scene: &mut Scene, step: &Step) {
    match step {
        Step::ServeQueue { robot, queue } => change_robot(scene, robot.robot_id, |view| {
            Arc::make_mut(&mut view.offer).queues.insert(queue.clone());
        }),
        Step::Connect { robot } => change_robot(scene, robot.robot_id, |view| {
            view.connected = true;
            view.last_seen = Some(at(0));
        }),
        Step::SetEnvironment { robot, environment } => {
            change_robot(scene, robot.robot_id, |view| {
                Arc::make_mut(&mut view.offer).environment = Some(environment.clone());
            });
        }
        Step::AddLabels { robot, labels } => change_robot(scene, robot.robot_id, |view| {
            let offer = Arc::make_mut(&mut view.offer);
            offer.labels.extend(labels.iter().cloned());
        }),
        Step::AddCapabilities {
            robot,
            capabilities,
        } => change_robot(scene, robot.robot_id, |view| {
            let offer = Arc::make_mut(&mut view.offer);
            offer.capabilities.extend(capabilities.iter().cloned());
        }),
        Step::AddSlot { robot, slots } => change_robot(scene, robot.robot_id, |view| {
            Arc::make_mut(&mut view.offer).max_concurrent_jobs = *slots;
        }),
        Step::AddDesktop { robot } => change_robot(scene, robot.robot_id, |view| {
            Arc::make_mut(&mut view.offer).desktops.insert("d3".into());
        }),
        other => panic!("no step for a queued run: {other:?}"),
    }
}

/// Simulated work on a few robots: what arrives, what runs, what waited how long.
struct Hours {
    scene: Scene,
    /// Whether the fleet forgets everything between decisions, as after each change of leader.
    forgetful: bool,
    lines: BTreeMap<Priority, Vec<Waiting>>,
    /// When each running attempt ends, and where.
    ends: Vec<(i64, RobotId)>,
    longest: BTreeMap<Priority, SignedDuration>,
    started: BTreeMap<Priority, u32>,
    runs: u32,
}

const ROBOTS: u32 = 4;
const SERVICE: i64 = 60;
const TICK: i64 = 15;

impl Hours {
    fn new(forgetful: bool) -> Self {
        Self {
            scene: Scene::of((0..ROBOTS).map(|n| robot(n, 1))),
            forgetful,
            lines: BTreeMap::new(),
            ends: Vec::new(),
            longest: BTreeMap::new(),
            started: BTreeMap::new(),
            runs: 0,
        }
    }

    fn arrive(&mut self, priority: Priority, count: u32, now: i64) {
        for _ in 0..count {
            self.runs += 1;
            let line = self.lines.entry(priority).or_default();
            line.push(waiting(self.runs, now));
        }
    }

    fn tick(&mut self, now: i64) {
        let over: Vec<RobotId> = self
            .ends
            .extract_if(.., |end| end.0 <= now)
            .map(|end| end.1)
            .collect();
        for robot in over {
            self.scene.fleet.give_back(robot, None);
        }
        for n in 0..ROBOTS {
            self.scene.fleet.heard(robot_id(n), at(now));
        }
        if self.forgetful {
            let views: Vec<RobotView> = self.scene.fleet.robots().cloned().collect();
            self.scene.fleet = Scene::of(views).fleet;
        }
        let groups: Vec<Group> = self
            .lines
            .iter()
            .map(|(priority, line)| {
                let heads = line.iter().take(8).cloned().collect();
                group(*priority as i64, needs(*priority), heads)
            })
            .collect();
        let plan = self.scene.decide(&groups, at(now));
        for assignment in plan.assignments {
            let priority = Priority::from_code(assignment.group_id).expect("groups are priorities");
            let line = self.lines.get_mut(&priority).expect("it came from there");
            let started = line.remove(0);
            assert_eq!(started.run_id, assignment.run_id);
            let waited = at(now).duration_since(started.due_at);
            let longest = self.longest.entry(priority).or_default();
            *longest = waited.max(*longest);
            *self.started.entry(priority).or_default() += 1;
            self.ends.push((now + SERVICE, assignment.robot_id));
        }
    }
}

/// The longest anything should wait beyond its bound: the slots in use end, and every class that
/// competes may have its turn first.
const TURNS: SignedDuration = SignedDuration::from_secs(SERVICE * 3);

#[test]
fn under_a_tenfold_overload_of_critical_work_every_low_run_starts_within_its_bound() {
    for forgetful in [false, true] {
        let mut hours = Hours::new(forgetful);
        for now in (0..10 * 3_600).step_by(TICK as usize) {
            // Capacity is one run a tick; ten critical runs come in each, and a low one every two minutes.
            hours.arrive(Critical, 10, now);
            if now % 120 == 0 {
                hours.arrive(Low, 1, now);
            }
            hours.tick(now);
            let oldest = hours.lines.get(&Low).and_then(|line| line.first());
            let waited = oldest.map_or(SignedDuration::ZERO, |w| at(now).duration_since(w.due_at));
            assert!(
                waited <= ageing_bound(Low) + TURNS,
                "a low run waits {waited:#}"
            );
        }
        assert!(hours.started[&Low] > 250, "{:?}", hours.started);
        assert!(hours.started[&Critical] > 1_500, "{:?}", hours.started);
    }
}

#[test]
fn under_a_flood_of_low_work_critical_runs_wait_for_a_slot_and_no_longer() {
    let mut hours = Hours::new(false);
    for now in (0..10 * 3_600).step_by(TICK as usize) {
        hours.arrive(Low, 10, now);
        if now % 60 == 0 {
            hours.arrive(Critical, 1, now);
        }
        hours.tick(now);
    }
    assert!(hours.longest[&Critical] <= TURNS, "{:?}", hours.longest);
    assert!(hours.started[&Low] > 1_000, "{:?}", hours.started);
}

#[test]
fn with_every_class_flooding_each_has_its_turns() {
    let mut hours = Hours::new(false);
    for now in (0..10 * 3_600).step_by(TICK as usize) {
        for priority in Priority::ALL {
            hours.arrive(priority, 3, now);
        }
        hours.tick(now);
    }
    for priority in Priority::ALL {
        assert!(hours.started[&priority] > 400, "{:?}", hours.started);
    }
}
