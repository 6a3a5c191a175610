//! Everything that can hold a queued run up: which reason it gives, and which change would start the run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ReasonCode::{self, *};
use super::tests::{alone, ask_why, queued_run};
use crate::dispatch::Misfit;
use crate::dispatch::scene::*;
use crate::id::{DeploymentId, RobotId};
use crate::limit::{Occupant, Usage};
use crate::run::{Priority, Run};

/// One thing that holds a run up: how it comes about, the reasons it gives, the first question that the
/// first robot fails, and the change.
struct Case {
    what: &'static str,
    arrange: fn(&mut Scene, &mut Run),
    codes: &'static [ReasonCode],
    misfit: Option<Misfit>,
    change: &'static str,
}

/// The one robot of the scene, changed.
fn change(scene: &mut Scene, change: impl FnOnce(&mut crate::dispatch::RobotView)) {
    let mut view = scene.fleet.robot(robot_id(1)).expect("it is there").clone();
    change(&mut view);
    scene.fleet.add_robot(view);
}

/// One live attempt that counts for the limits of the run.
fn occupy(scene: &mut Scene, deployment: Option<DeploymentId>) {
    scene.usage = Usage::of(&[Occupant {
        org: ORG,
        run_id: run_id(5),
        run_name: "holder".into(),
        robot_id: None::<RobotId>,
        desktop: None,
        deployment_id: deployment,
        queue_id: queue_id(0),
        tags: vec!["sap".into()],
    }]);
}

const CASES: &[Case] = &[
    Case {
        what: "its queue is paused",
        arrange: |scene, _| queue(scene).paused = true,
        codes: &[QueuePaused],
        misfit: None,
        change: "resume the work queue \"q0\"",
    },
    Case {
        what: "its queue's limit is reached",
        arrange: |scene, _| {
            occupy(scene, None);
            queue(scene).concurrency_limit = Some(1);
        },
        codes: &[QueueLimit],
        misfit: None,
        change: "raise the limit of the work queue \"q0\" to 2 (or wait for a holder to end)",
    },
    Case {
        what: "its queue's limit is 0",
        arrange: |scene, _| queue(scene).concurrency_limit = Some(0),
        codes: &[QueueLimit],
        misfit: None,
        change: "raise the limit of the work queue \"q0\" to 1 (or wait for a holder to end)",
    },
    Case {
        what: "its deployment's limit is reached",
        arrange: |scene, run| {
            run.spec.needs.deployment_id = Some(deployment_id(1));
            run.spec.deployment_name = Some("nightly".into());
            scene.limits.set_deployment(deployment_id(1), Some(1));
            occupy(scene, Some(deployment_id(1)));
        },
        codes: &[DeploymentLimit],
        misfit: None,
        change: "raise the limit of the deployment \"nightly\" to 2 (or wait for a holder to end)",
    },
    Case {
        what: "the limit of a tag is reached",
        arrange: |scene, run| {
            run.spec.needs.tags = words(&["sap"]);
            scene.limits.set_tag(ORG, "sap", Some(1));
            occupy(scene, None);
        },
        codes: &[TagLimit],
        misfit: None,
        change: "raise the limit of the tag \"sap\" to 2 (or wait for a holder to end)",
    },
    Case {
        what: "its queue does not exist any more",
        arrange: |scene, _| scene.queues.clear(),
        codes: &[NoQueue],
        misfit: None,
        change: "",
    },
    Case {
        what: "no robot serves its queue",
        arrange: |scene, _| {
            change(scene, |r| {
                Arc::make_mut(&mut r.offer).queues = words(&["q1"])
            })
        },
        codes: &[NoRobotServesQueue],
        misfit: Some(Misfit::WrongQueue),
        change: "have r1 serve the work queue \"q0\"",
    },
    Case {
        what: "there is no robot at all",
        arrange: |scene, _| {
            scene.fleet.remove_robot(robot_id(1));
        },
        codes: &[NoRobotServesQueue],
        misfit: None,
        change: "enrol a robot that serves the work queue \"q0\"",
    },
    Case {
        what: "its robot is offline",
        arrange: |scene, _| change(scene, |r| r.connected = false),
        codes: &[NoRobotFits],
        misfit: Some(Misfit::Offline),
        change: "connect r1",
    },
    Case {
        what: "its robot is silent",
        arrange: |scene, _| change(scene, |r| r.last_seen = Some(at(-31))),
        codes: &[NoRobotFits],
        misfit: Some(Misfit::Offline),
        change: "connect r1",
    },
    Case {
        what: "its robot drains",
        arrange: |scene, _| change(scene, |r| r.draining = true),
        codes: &[NoRobotFits],
        misfit: Some(Misfit::Draining),
        change: "end the drain of r1",
    },
    Case {
        what: "every robot rejected it",
        arrange: |_, run| {
            run.rejected_by.insert(robot_id(1));
        },
        codes: &[NoRobotFits],
        misfit: Some(Misfit::Rejected),
        change: "enrol a robot that serves the work queue \"q0\"",
    },
    Case {
        what: "its target robot is offline and another is free",
        arrange: |scene, run| {
            run.spec.needs.robot_id = Some(robot_id(1));
            scene.fleet.add_robot(robot(2, 1));
            change(scene, |r| r.connected = false);
        },
        codes: &[NoRobotFits],
        misfit: Some(Misfit::Offline),
        change: "connect r1",
    },
    Case {
        what: "its target robot does not exist",
        arrange: |_, run| run.spec.needs.robot_id = Some(robot_id(9)),
        codes: &[NoSuchRobot],
        misfit: Some(Misfit::NotTarget),
        change: "",
    },
    Case {
        what: "its robot belongs to another environment",
        arrange: |_, run| run.spec.needs.environment = Some("production".into()),
        codes: &[NoRobotFits],
        misfit: Some(Misfit::WrongEnvironment),
        change: "move r1 to the environment \"production\"",
    },
    Case {
        what: "no robot has its label",
        arrange: |_, run| run.spec.needs.labels = words(&["gpu"]),
        codes: &[NoRobotFits],
        misfit: Some(Misfit::MissingLabel),
        change: "give r1 the label \"gpu\"",
    },
    Case {
        what: "no robot has its capability",
        arrange: |_, run| run.spec.needs.capabilities = words(&["browser"]),
        codes: &[NoRobotFits],
        misfit: Some(Misfit::MissingCapability),
        change: "give r1 the capability \"browser\"",
    },
    Case {
        what: "every slot is taken",
        arrange: |scene, _| change(scene, |r| r.live = 1),
        codes: &[SlotsTaken],
        misfit: Some(Misfit::NoSlot),
        change: "give r1 2 slots (or wait for a run on it to end)",
    },
    Case {
        what: "every desktop is taken",
        arrange: |scene, run| {
            run.spec.needs.desktop = true;
            change(scene, |r| {
                let offer = Arc::make_mut(&mut r.offer);
                (offer.desktops, offer.max_concurrent_jobs) = (words(&["d1"]), 2);
                (r.desktops_taken, r.live) = (words(&["d1"]), 1);
            });
        },
        codes: &[DesktopsTaken],
        misfit: Some(Misfit::NoDesktop),
        change: "give r1 another desktop session (or wait for one to be free)",
    },
    Case {
        what: "no robot has a desktop",
        arrange: |_, run| run.spec.needs.desktop = true,
        codes: &[NoRobotFits],
        misfit: Some(Misfit::NoDesktop),
        change: "give r1 another desktop session (or wait for one to be free)",
    },
    Case {
        what: "its robot did not answer a moment ago",
        arrange: |scene, _| change(scene, |r| r.resting_until = Some(at(5))),
        codes: &[RobotsResting],
        misfit: Some(Misfit::Resting),
        change: "wait until 2027-01-15T08:00:05Z",
    },
    Case {
        what: "two things at once: both are named and both must change",
        arrange: |scene, run| {
            queue(scene).paused = true;
            run.spec.needs.labels = words(&["gpu"]);
            change(scene, |r| r.draining = true);
        },
        codes: &[QueuePaused, NoRobotFits],
        misfit: Some(Misfit::Draining),
        change: "resume the work queue \"q0\", and end the drain of r1, and give r1 the label \"gpu\"",
    },
    Case {
        what: "of two robots the one that needs less is changed",
        arrange: |scene, run| {
            run.spec.needs.labels = words(&["gpu"]);
            let has_all = offering(robot(2, 1), |o| o.labels = words(&["gpu"]));
            scene.fleet.add_robot(crate::dispatch::RobotView {
                draining: true,
                ..has_all
            });
        },
        codes: &[NoRobotFits],
        misfit: Some(Misfit::Draining),
        change: "end the drain of r2",
    },
];

fn queue(scene: &mut Scene) -> &mut crate::queue::QueueSettings {
    let queue = scene.queues.get_mut(&queue_id(0)).expect("it is there");
    &mut queue.settings
}

#[test]
fn whatever_holds_a_run_up_is_named_with_the_smallest_change_that_starts_it() {
    for case in CASES {
        let mut scene = Scene::of([robot(1, 1)]);
        let mut run = queued_run(needs(Priority::Normal));
        (case.arrange)(&mut scene, &mut run);
        let told = ask_why(&scene, &run, &[alone(&run)], &[]);
        let what = case.what;
        assert!(!told.dispatchable, "{what}");
        let codes: Vec<ReasonCode> = told.reasons.iter().map(|r| r.code).collect();
        assert_eq!(codes, case.codes, "{what}");
        let failing = told.reasons.iter().flat_map(|r| &r.counts);
        if let Some(misfit) = case.misfit {
            let failing: BTreeSet<_> = failing.map(|count| count.misfit).collect();
            assert!(failing.contains(&misfit), "{what}: {failing:?}");
        }
        let change = told.change.map_or(String::new(), |change| change.message);
        assert_eq!(change, case.change, "{what}");
    }
}

#[test]
fn no_question_that_a_robot_can_fail_is_left_out_of_the_table() {
    let shown: BTreeSet<Misfit> = CASES.iter().filter_map(|case| case.misfit).collect();
    for misfit in Misfit::ALL {
        // Robots of other orgs are not spoken of.
        assert!(
            shown.contains(&misfit) || misfit == Misfit::WrongOrg,
            "{misfit:?}"
        );
    }
}
