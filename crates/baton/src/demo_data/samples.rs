//! What the sampler would have measured: depth of queues, use of robots and throughput, from what was going on when.

use baton_store::stats::Sample;
use jiff::Timestamp;

use super::history::{Busy, Historian};
use super::world::{ORG, World, seconds};
use super::{DAY, later};
use crate::failure::Done;
use crate::serve::store_failure;

/// Samples in one write.
const AT_ONCE: usize = 4_000;
/// How far back samples lie how far apart, in seconds: long ago only hours are shown.
const STEPS: [(f64, f64); 3] = [(30.0 * DAY, 900.0), (DAY, 60.0), (3_600.0, 10.0)];

/// Stores the samples of all history.
pub(crate) async fn write(historian: &Historian) -> Done {
    let world = &historian.world;
    let mut busy = historian.busy.clone();
    busy.sort_by_key(|one| one.queued_at);
    let mut samples = Vec::new();
    // What ended stays in front of the window that is looked at, and is passed over once.
    let mut first = 0;
    let mut before = world.from;
    for at in instants(world) {
        while busy.get(first).is_some_and(|one| one.ended_at < before) {
            first += 1;
        }
        let known = busy.partition_point(|one| one.queued_at <= at);
        let window = busy.get(first..known).unwrap_or_default();
        measure(world, window, before, at, &mut samples);
        before = at;
    }
    for part in samples.chunks(AT_ONCE) {
        let put = world.store.put_samples(part.to_vec()).await;
        put.map_err(store_failure)?;
    }
    Ok(())
}

fn instants(world: &World) -> Vec<Timestamp> {
    let mut instants = Vec::new();
    let mut at = later(world.from, 60.0);
    while at < world.until {
        instants.push(at);
        let age = seconds(at, world.until);
        let step = STEPS
            .iter()
            .filter(|(reach, _)| age <= *reach)
            .map(|(_, step)| *step);
        at = later(at, step.fold(900.0, f64::min));
    }
    instants
}

fn measure(
    world: &World,
    busy: &[Busy],
    before: Timestamp,
    at: Timestamp,
    samples: &mut Vec<Sample>,
) {
    let mut put = |metric: &str, subject: String, value: f64| {
        samples.push(Sample {
            org: ORG,
            metric: metric.to_owned(),
            subject,
            at,
            value,
        });
    };
    let waits = |one: &&Busy| one.queued_at <= at && at < one.assigned_at;
    let span = seconds(before, at).max(1.0);
    let ends = |one: &&Busy| before < one.ended_at && one.ended_at <= at && one.member.is_some();
    let mut all = (0.0, 0.0_f64);
    for (name, id) in &world.queues {
        let of_queue = |one: &&Busy| world.deployments[one.deployment].def.queue == name;
        let mut waiting = busy.iter().filter(waits).filter(of_queue).peekable();
        let oldest = waiting.peek().map_or(0.0, |one| seconds(one.queued_at, at));
        let depth = waiting.count() as f64;
        put("queue_depth", id.to_string(), depth);
        put("queue_oldest_seconds", id.to_string(), oldest);
        let ended = busy.iter().filter(ends).filter(of_queue).count() as f64;
        put("throughput", id.to_string(), ended / span);
        all = (all.0 + depth, all.1.max(oldest));
    }
    put("queue_depth", String::new(), all.0);
    put("queue_oldest_seconds", String::new(), all.1);
    let working = |one: &&Busy| one.assigned_at <= at && at < one.ended_at;
    let (mut online, mut slots, mut taken) = (0.0, 0.0, 0.0);
    for (index, member) in world.members.iter().enumerate() {
        if at >= member.until {
            continue;
        }
        let mine = |one: &&Busy| one.member == Some(index);
        let of_member = member.free_at.len() as f64;
        let busy = busy.iter().filter(working).filter(mine).count() as f64;
        let id = member.robot.id.to_string();
        put("robot_utilization", id, (busy / of_member).min(1.0));
        online += 1.0;
        slots += of_member;
        taken += busy;
    }
    put("robots_online", String::new(), online);
    put(
        "robot_utilization",
        String::new(),
        (taken / slots.max(1.0)).min(1.0),
    );
    let ended = busy.iter().filter(ends).count() as f64;
    put("throughput", String::new(), ended / span);
}
