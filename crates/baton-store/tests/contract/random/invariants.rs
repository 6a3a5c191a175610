//! What must hold after every operation, whatever it was.

use std::collections::BTreeMap;

use baton_core::id::RunId;
use baton_core::run::Attempt;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::side::{LIMIT, SLOTS, Side};
use crate::harness::ORG;

/// What was seen so far and may not change any more.
#[derive(Default)]
pub(super) struct Invariants {
    closed: BTreeMap<(RunId, u32), Attempt>,
    fences: BTreeMap<RunId, i64>,
}

impl Invariants {
    pub(super) async fn check(&mut self, side: &Side) -> Result<(), TestCaseError> {
        self.closed_attempts_stay(side).await?;
        limits_hold(side).await
    }

    /// A closed attempt changes at most from live to gone, and gets its evidence at most once.
    async fn closed_attempts_stay(&mut self, side: &Side) -> Result<(), TestCaseError> {
        for id in &side.runs {
            let store = &side.bench.store;
            for now in store.attempts(ORG, *id).await.expect("read") {
                if !now.state.is_terminal() {
                    continue;
                }
                if let Some(before) = self.closed.get(&(*id, now.number)) {
                    prop_assert!(before.live || !now.live, "a closed attempt came alive");
                    let kept =
                        before.late_result.is_none() || before.late_result == now.late_result;
                    prop_assert!(kept, "evidence was replaced");
                    let expected = Attempt {
                        live: now.live,
                        late_result: now.late_result.clone(),
                        ..before.clone()
                    };
                    prop_assert_eq!(&now, &expected, "a closed attempt changed");
                }
                self.closed.insert((*id, now.number), now);
            }
            if let Ok(run) = store.run(ORG, *id).await {
                let before = self.fences.insert(*id, run.fence.0).unwrap_or(0);
                prop_assert!(run.fence.0 >= before, "a fence fell");
            }
        }
        Ok(())
    }
}

/// Slots, desktops and limits are never passed, and one attempt of a run is live at most.
async fn limits_hold(side: &Side) -> Result<(), TestCaseError> {
    let live = side.bench.store.live_attempts().await.expect("read");
    for one in &live {
        let same_run = live.iter().filter(|l| l.run_id == one.run_id).count();
        prop_assert_eq!(same_run, 1, "two attempts of a run are live");
    }
    for (robot, slots) in side.robots.iter().zip(SLOTS) {
        let on_robot = || live.iter().filter(|l| l.robot_id == Some(robot.id));
        prop_assert!(
            on_robot().count() <= slots as usize,
            "too many on one robot"
        );
        let desktops = on_robot().filter(|l| l.desktop.is_some()).count();
        prop_assert!(desktops <= 1, "a desktop is occupied twice");
    }
    // Clients start by themselves; robots must keep to the limits whatever clients do.
    let on_robots = || live.iter().filter(|l| l.robot_id.is_some());
    let in_queue = on_robots()
        .filter(|l| l.queue_id == side.second_queue)
        .count();
    let deployment = Some(side.deployed.deployment.id);
    let deployed = on_robots()
        .filter(|l| l.deployment_id == deployment)
        .count();
    let tagged = on_robots()
        .filter(|l| l.tags.iter().any(|t| t == "t"))
        .count();
    prop_assert!(in_queue <= LIMIT, "the queue's limit is passed");
    prop_assert!(deployed <= LIMIT, "the deployment's limit is passed");
    prop_assert!(tagged <= LIMIT, "the tag's limit is passed");
    Ok(())
}
