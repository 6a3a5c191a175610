//! Why a run does not start: what the dispatcher would look at, loaded for one question.

use baton_core::dispatch::{Group, Waiting};
use baton_core::explain::{Explanation, Leader, Situation, Subject, Wait};
use baton_core::id::{OrgId, RunId};
use baton_core::limit::Occupant;
use baton_core::run::{Run, Trigger};
use baton_core::state::State;
use baton_store::Result;

use crate::app::App;
use crate::services::dispatcher::{GROUPS, World};

/// Heads of each group that are looked at.
const HEADS: u32 = 64;
/// Counting the runs before a run stops here.
const MAX_RANK: u32 = 1_000;

/// The dispatcher's own decision, asked for one run, from what is stored now.
pub async fn explain(app: &App, org: OrgId, run_id: RunId) -> Result<Explanation> {
    let run = app.store.run(org, run_id).await?;
    let mut world = World::load(app, Some(org)).await?;
    let queued = app.store.queued_groups(GROUPS, HEADS).await?;
    let mut groups: Vec<Group> = queued
        .into_iter()
        .filter(|group| group.org == org)
        .map(|group| Group {
            id: group.id,
            org: group.org,
            needs: std::sync::Arc::new(group.needs),
            heads: group
                .heads
                .into_iter()
                .map(|head| Waiting {
                    run_id: head.run_id,
                    attempt: head.attempt,
                    due_at: head.due_at,
                    rejected_by: head.rejected_by,
                })
                .collect(),
        })
        .collect();
    // The run's own deployment as well, whether or not its group is among the first.
    let own = Group {
        id: -1,
        org,
        needs: std::sync::Arc::new(run.spec.needs.clone()),
        heads: Vec::new(),
    };
    groups.push(own);
    world.learn_limits(app, &groups).await?;
    groups.pop();
    let ahead = match run.state {
        State::Queued => Some(app.store.queue_rank(org, run_id, MAX_RANK).await?),
        _ => None,
    };
    let waits_for = waits(app, &run).await?;
    let live: Vec<Occupant> = world.live.values().map(|(_, one)| one.clone()).collect();
    let leader = Leader {
        server: Some("this server".into()),
        decided_at: app.decided_at.get(),
    };
    let situation = Situation {
        fleet: &world.fleet,
        groups: &groups,
        queues: &world.queues,
        limits: &world.limits,
        usage: &world.usage,
        live: &live,
        leader: &leader,
        now: app.now(),
    };
    let subject = Subject {
        run: &run,
        waits_for: &waits_for,
        ahead,
    };
    Ok(baton_core::explain::explain(&subject, &situation))
}

/// The run before it in a schedule that queues overlaps.
async fn waits(app: &App, run: &Run) -> Result<Vec<Wait>> {
    let Trigger::Schedule { schedule_id, .. } = run.spec.trigger else {
        return Ok(Vec::new());
    };
    if run.state != State::Pending || !run.spec.trigger.waits_for_earlier_runs() {
        return Ok(Vec::new());
    }
    let open = app.store.open_runs_of(run.org, schedule_id).await?;
    let Some(before) = open.into_iter().take_while(|id| *id != run.id).last() else {
        return Ok(Vec::new());
    };
    let name = app.store.run(run.org, before).await?.name;
    Ok(vec![Wait::Run {
        run_id: before,
        name,
    }])
}
