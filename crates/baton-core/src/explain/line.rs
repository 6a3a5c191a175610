//! Which runs go before a run that a robot could take at once.

use std::sync::Arc;

use super::{Found, Holder, MAX_NAMED, Reason, ReasonCode, Situation, Step};
use crate::dispatch::{Ask, Group, Waiting, check, decide, is_aged, rank};
use crate::id::run_name;
use crate::run::Run;

/// How many of the fronts that are known stand before the run by priority, due time and id.
pub(super) fn ahead(run: &Run, situation: &Situation<'_>) -> u32 {
    let own = rank(run.spec.needs.priority, run.due_at, run.id);
    let fronts = situation
        .groups
        .iter()
        .filter(|group| group.org == run.org && group.needs.queue_id == run.spec.needs.queue_id)
        .flat_map(|group| {
            let before = move |w: &&Waiting| rank(group.needs.priority, w.due_at, w.run_id) < own;
            group.heads.iter().filter(before)
        });
    u32::try_from(fronts.count()).unwrap_or(u32::MAX)
}

/// Adds a reason when the decision, made now, gives the robots to others.
pub(super) fn explain(run: &Run, situation: &Situation<'_>, found: &mut Found) {
    let groups = with_run(run, situation);
    if !anybody_before(run, &groups, situation) {
        return;
    }
    let mut fleet = situation.fleet.clone();
    let mut usage = situation.usage.clone();
    // Only `random` looks at the seed, and that only for which robot, not for whether.
    let plan = decide(
        &mut fleet,
        &groups,
        situation.queues,
        situation.limits,
        &mut usage,
        0,
        situation.now,
    );
    if plan.assignments.iter().any(|a| a.run_id == run.id) {
        return;
    }
    let Some(queue) = situation.queues.get(&run.spec.needs.queue_id) else {
        return;
    };
    let ask = Ask {
        org: run.org,
        queue: &queue.name,
        needs: &run.spec.needs,
        rejected_by: &run.rejected_by,
    };
    let usable = |id| {
        let robot = situation.fleet.robot(id);
        robot.is_some_and(|robot| check(&robot.candidate(), &ask, situation.now).is_ok())
    };
    let takers = plan.assignments.iter().filter(|a| usable(a.robot_id));
    let holders: Vec<Holder> = takers
        .take(MAX_NAMED)
        .map(|taker| Holder {
            run_id: taker.run_id,
            name: run_name(taker.run_id),
            robot_id: Some(taker.robot_id),
        })
        .collect();
    let first = holders.first().map_or("others", |h| h.name.as_str());
    let mut reason = Reason::new(
        ReasonCode::Outranked,
        format!("runs that go before it take the robots that fit, {first} first"),
    );
    reason.holders = holders;
    found.add(reason, Some(Step::WaitTurn));
}

/// The groups, with the run in one of its own when it is at no known front: then everything of its own
/// group that is at the front goes before it by due time.
fn with_run(run: &Run, situation: &Situation<'_>) -> Vec<Group> {
    let mut groups = situation.groups.to_vec();
    let known = |group: &Group| group.heads.iter().any(|w| w.run_id == run.id);
    if !groups.iter().any(known) {
        groups.push(Group {
            id: i64::MAX,
            org: run.org,
            needs: Arc::new(run.spec.needs.clone()),
            heads: vec![Waiting {
                run_id: run.id,
                attempt: run.attempt,
                due_at: run.due_at,
                rejected_by: run.rejected_by.clone(),
            }],
        });
    }
    groups
}

/// Whether any front of the org could go before the run; without one the decision need not be made.
fn anybody_before(run: &Run, groups: &[Group], situation: &Situation<'_>) -> bool {
    let own = rank(run.spec.needs.priority, run.due_at, run.id);
    groups
        .iter()
        .filter(|group| group.org == run.org)
        .any(|group| {
            let priority = group.needs.priority;
            group.heads.iter().any(|w| {
                w.run_id != run.id
                    && (rank(priority, w.due_at, w.run_id) < own
                        || is_aged(priority, w.due_at, situation.now))
            })
        })
}
