//! What a visitor is to find: a long log, a run that waits for a retry, runs that wait for what does not come,
//! and runs of tomorrow.

use baton_core::retry::RetryPolicy;
use baton_core::run::NewRun;
use baton_core::state::OnLost;
use jiff::Timestamp;

use super::fleet::{Condition, ROBOTS};
use super::history::Historian;
use super::plan::{Wanted, Why};
use super::script::Ending;
use super::{DAY, later};
use crate::failure::Done;

/// Lines of the long log: what the dashboard must scroll smoothly.
const LONG_LOG: usize = 110_000;
const HOUR: f64 = 3_600.0;

/// Makes all of it.
pub(crate) async fn make(historian: &mut Historian) -> Done {
    let now = historian.world.until;
    long_log(historian, now).await?;
    broken_graph(historian, now).await?;
    awaits_retry(historian, now).await?;
    parked(historian, now).await?;
    held(historian, now).await?;
    of_tomorrow(historian, now).await
}

async fn long_log(historian: &mut Historian, now: Timestamp) -> Done {
    let wanted = asked(
        historian,
        "nightly_sync",
        "backfill",
        later(now, -5.5 * HOUR),
    );
    let mut life = historian.special(&wanted, |_| {}).await?;
    life.ending = Some(Ending::Completed);
    life.chatter = LONG_LOG;
    historian.live(vec![life]).await
}

/// A graph of which one branch failed, not long ago.
async fn broken_graph(historian: &mut Historian, now: Timestamp) -> Done {
    let wanted = asked(
        historian,
        "nightly_sync",
        "default",
        later(now, -1.2 * HOUR),
    );
    let mut life = historian
        .special(&wanted, |run| run.spec.retry = RetryPolicy::times(0))
        .await?;
    life.ending = Some(Ending::Failed);
    life.last = true;
    historian.live(vec![life]).await
}

/// A run whose first attempt failed, and whose second is due in a while.
async fn awaits_retry(historian: &mut Historian, now: Timestamp) -> Done {
    let wanted = asked(
        historian,
        "certificate_renewal",
        "default",
        later(now, -0.4 * HOUR),
    );
    let patient = |run: &mut NewRun| {
        run.spec.retry = RetryPolicy {
            initial_delay: 2.0 * HOUR,
            max_delay: 4.0 * HOUR,
            ..RetryPolicy::times(3)
        };
    };
    let mut life = historian.special(&wanted, patient).await?;
    life.ending = Some(Ending::Failed);
    historian.live(vec![life]).await
}

/// A run whose robot was lost, and that waits for a person to look at it.
async fn parked(historian: &mut Historian, now: Timestamp) -> Done {
    let wanted = asked(historian, "onboarding", "default", later(now, -7.0 * HOUR));
    let park = |run: &mut NewRun| run.spec.on_lost = OnLost::Park;
    let mut life = historian.special(&wanted, park).await?;
    life.ending = Some(Ending::Lost);
    historian.live(vec![life]).await
}

/// Runs that wait: for a queue that is held, for a label that no robot has, for a robot that is gone, for a place.
async fn held(historian: &mut Historian, now: Timestamp) -> Done {
    for hours in [21.0, 17.5, 4.2, 2.9, 0.6] {
        let wanted = asked(
            historian,
            "order_entry",
            "legacy",
            later(now, -hours * HOUR),
        );
        historian.waiting(&wanted, |_| {}).await?;
    }
    for hours in [3.3, 0.7] {
        let wanted = asked(
            historian,
            "read_scans",
            "default",
            later(now, -hours * HOUR),
        );
        historian.waiting(&wanted, |_| {}).await?;
    }
    let gone = ROBOTS
        .iter()
        .position(|robot| matches!(robot.is, Condition::Gone(_)));
    let gone = gone.and_then(|place| historian.world.members.get(place));
    let gone = gone.map(|member| member.robot.id);
    let wanted = asked(
        historian,
        "disk_cleanup",
        "default",
        later(now, -26.0 * HOUR),
    );
    historian
        .waiting(&wanted, |run| run.spec.needs.robot_id = gone)
        .await?;
    for minutes in [9.0, 6.0, 4.0, 2.5, 1.0] {
        let wanted = asked(
            historian,
            "order_entry",
            "default",
            later(now, -minutes * 60.0),
        );
        historian.waiting(&wanted, |_| {}).await?;
    }
    Ok(())
}

async fn of_tomorrow(historian: &mut Historian, now: Timestamp) -> Done {
    let plans = [
        ("nightly_sync", "backfill", 9.0 * HOUR),
        ("invoice_report", "default", 3.0 * HOUR),
        ("onboarding", "default", 2.1 * DAY),
    ];
    for (flow, deployment, wait) in plans {
        let wanted = asked(historian, flow, deployment, later(now, -0.3 * HOUR));
        let due_at = later(now, wait);
        historian
            .special(&wanted, |run| run.due_at = due_at)
            .await?;
    }
    Ok(())
}

fn asked(historian: &Historian, flow: &str, deployment: &str, at: Timestamp) -> Wanted {
    let all = &historian.world.deployments;
    let named =
        |ready: &super::world::Ready| ready.flow.name == flow && ready.def.name == deployment;
    Wanted {
        at,
        deployment: all
            .iter()
            .position(named)
            .expect("a test finds every deployment named here"),
        why: Why::Asked,
    }
}
