//! A store in memory: plain maps under one lock. Oracle of the contract suite, world of the simulation.
//!
//! Nothing here is fast and nothing is durable; everything is meant to be obviously right. Lists are
//! found by walking, limits by counting, ids of what the store itself makes by counting up: the same
//! calls give the same answers, always.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use baton_core::flow::{Deployment, Flow, Version};
use baton_core::id::{
    ArtifactId, DeploymentId, FlowId, KeyId, LimitId, OrgId, QueueId, RobotId, RunId, ScheduleId,
    VersionId,
};
use baton_core::queue::{DEFAULT_QUEUE, Queue, QueueSettings, TagLimit};
use baton_core::robot::Robot;
use baton_core::run::{Attempt, LogLine, Needs, Run, RunEvent, TaskRun};
use baton_core::schedule::Schedule;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::catalog::Artifact;
use crate::commit::{CommitNote, Committed, Hooks};
use crate::error::{Result, StoreError};
use crate::fleet::RobotLogLine;
use crate::keys::Key;
use crate::logs::ResourceEvent;
use crate::noting;
use crate::page::Page;
use crate::stats::{Grain, OutcomeBucket, StoreCounters};

mod assign;
mod catalog;
mod fleet;
mod keys;
mod lists;
mod logs;
mod runs;
mod schedules;
mod stats;
mod upkeep;
mod zones;

/// A store that forgets everything when it is dropped.
#[derive(Debug)]
pub struct MemoryStore {
    world: Mutex<World>,
    hooks: Hooks,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store with the org and the queue that exist from the start.
    pub fn new() -> Self {
        let mut world = World::default();
        let queue = Queue {
            id: QueueId(Uuid::from_u128(1)),
            org: OrgId::DEFAULT,
            name: DEFAULT_QUEUE.into(),
            settings: QueueSettings::default(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        world.queues.insert(queue.id, queue);
        Self {
            world: Mutex::new(world),
            hooks: Hooks::default(),
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, World>> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if world.closed {
            return Err(StoreError::Unavailable("it has been closed".into()));
        }
        Ok(world)
    }

    fn read<T>(&self, look: impl FnOnce(&World) -> Result<T>) -> Result<T> {
        look(&*self.lock()?)
    }

    /// One transaction. `change` checks everything before it writes anything.
    fn write<T: 'static>(
        &self,
        change: impl FnOnce(&mut World, &mut CommitNote) -> Result<T>,
    ) -> Result<T> {
        let mut note = CommitNote::default();
        let mut world = self.lock()?;
        let done = change(&mut world, &mut note);
        if let Ok(value) = &done {
            world.note(&mut note, value);
        }
        world.counters.commits += 1;
        world.counters.operations += 1;
        drop(world);
        self.hooks.call(&note);
        done
    }

    /// One transaction of several items, of which each may be refused by itself.
    fn write_each<I, T: 'static>(
        &self,
        items: Vec<I>,
        mut change: impl FnMut(&mut World, &mut CommitNote, I) -> Result<T>,
    ) -> Vec<Result<T>> {
        let mut note = CommitNote::default();
        let mut answers = Vec::with_capacity(items.len());
        match self.lock() {
            Ok(mut world) => {
                world.counters.commits += 1;
                for item in items {
                    world.counters.operations += 1;
                    answers.push(change(&mut world, &mut note, item));
                }
                world.note(&mut note, &answers);
            }
            Err(_) => answers.extend(
                (items.iter()).map(|_| Err(StoreError::Unavailable("it has been closed".into()))),
            ),
        }
        self.hooks.call(&note);
        answers
    }
}

#[async_trait]
impl crate::Store for MemoryStore {
    async fn close(&self) {
        if let Ok(mut world) = self.lock() {
            world.closed = true;
        }
    }

    fn on_commit(&self, hook: Committed) {
        self.hooks.add(hook);
    }

    async fn check_writes(&self) -> Result<()> {
        self.read(|_| Ok(()))
    }
}

/// Everything there is.
#[derive(Debug, Default)]
struct World {
    closed: bool,
    counters: StoreCounters,
    made_ids: u64,

    runs: BTreeMap<RunId, RunRows>,
    run_keys: BTreeMap<(OrgId, String), RunId>,
    slots: BTreeMap<(ScheduleId, Timestamp), RunId>,
    last_run_event: i64,
    groups: Vec<(OrgId, Needs)>,

    robots: BTreeMap<RobotId, Robot>,
    robot_logs: BTreeMap<RobotId, BTreeMap<i64, RobotLogLine>>,
    queues: BTreeMap<QueueId, Queue>,
    limits: BTreeMap<LimitId, TagLimit>,

    flows: BTreeMap<FlowId, Flow>,
    versions: BTreeMap<VersionId, Version>,
    deployments: BTreeMap<DeploymentId, Deployment>,
    chunks: BTreeMap<(String, u32), Vec<u8>>,
    blobs: BTreeMap<String, Blob>,
    artifacts: BTreeMap<ArtifactId, Artifact>,
    schedules: BTreeMap<ScheduleId, Schedule>,
    zone_rules: Option<crate::zones::ZoneRules>,

    events: BTreeMap<i64, ResourceEvent>,
    last_event: i64,
    keys: BTreeMap<KeyId, Key>,
    samples: BTreeMap<SampleKey, (f64, u64)>,
    outcomes: BTreeMap<OutcomeKey, OutcomeBucket>,
}

/// Org, metric, grain, start of the period in Unix seconds, subject.
type SampleKey = (OrgId, String, usize, i64, String);
/// Org, minute in Unix seconds, flow, deployment, robot.
type OutcomeKey = (OrgId, i64, FlowId, Option<DeploymentId>, Option<RobotId>);

/// A run and all that belongs to it.
#[derive(Debug)]
struct RunRows {
    run: Run,
    key: Option<String>,
    /// The rejecters in the needs of its group while it is queued.
    group_rejected: BTreeSet<RobotId>,
    attempts: Vec<Attempt>,
    history: Vec<RunEvent>,
    tasks: Vec<TaskRun>,
    logs: BTreeMap<u32, AttemptLog>,
}

/// The log of one attempt.
#[derive(Debug, Default)]
struct AttemptLog {
    /// How many lines were appended, pruned ones included.
    count: i64,
    lines: Vec<LogLine>,
}

/// A complete blob.
#[derive(Debug)]
struct Blob {
    size: i64,
    chunks: u32,
    completed_at: Timestamp,
}

impl World {
    /// The rows of a run of this org.
    fn rows(&self, org: OrgId, id: RunId) -> Result<&RunRows> {
        (self.runs.get(&id))
            .filter(|rows| rows.run.org == org)
            .ok_or_else(|| StoreError::not_found(format!("run {id}")))
    }

    /// Entropy for an id that the store itself makes: a count.
    fn entropy(&mut self) -> [u8; 10] {
        self.made_ids += 1;
        let mut entropy = [0; 10];
        entropy[2..].copy_from_slice(&self.made_ids.to_be_bytes());
        entropy
    }

    /// Appends what is to be noted of a change with this answer.
    fn note(&mut self, commit: &mut CommitNote, answer: &dyn Any) {
        let Some(note) = noting::current() else {
            return;
        };
        let events = note.events(answer).unwrap_or_default();
        if !events.is_empty() {
            note.done();
        }
        for event in events {
            commit.events_up_to = self.add_event(event);
        }
    }

    /// Every live attempt with its run.
    fn live(&self) -> impl Iterator<Item = (&Run, &Attempt)> {
        self.runs.values().flat_map(|rows| {
            (rows.attempts.iter())
                .filter(|a| a.live)
                .map(|a| (&rows.run, a))
        })
    }

    /// Removes a run and all that belongs to it, but for what the aggregates have counted.
    fn remove_run(&mut self, id: RunId) {
        if let Some(rows) = self.runs.remove(&id)
            && let Some(key) = rows.key
        {
            self.run_keys.remove(&(rows.run.org, key));
        }
        self.slots.retain(|_, run| *run != id);
        self.artifacts.retain(|_, a| a.run_id != id);
    }

    /// The bucket that counts what happens at this instant to runs like this.
    fn outcome(&mut self, run: &Run, robot: Option<RobotId>, at: Timestamp) -> &mut OutcomeBucket {
        let minute = at.as_second().div_euclid(60) * 60;
        let needs = &run.spec.needs;
        let key = (run.org, minute, needs.flow_id, needs.deployment_id, robot);
        self.outcomes.entry(key).or_default()
    }
}

/// The period of a grain in which an instant falls, in Unix seconds.
fn period(at: Timestamp, grain: Grain) -> i64 {
    at.as_second().div_euclid(grain.seconds()) * grain.seconds()
}

/// A page of `rows`, which come in order, after the cursor.
fn page<T, K: Serialize + DeserializeOwned + PartialOrd>(
    rows: impl Iterator<Item = T>,
    request: &crate::PageRequest,
    key: impl Fn(&T) -> K,
    descending: bool,
) -> Result<Page<T>> {
    let after: Option<K> = match &request.after {
        None => None,
        Some(text) => Some(serde_json::from_str(text).map_err(|_| StoreError::bad_cursor())?),
    };
    let limit = request.clamped() as usize;
    let mut items: Vec<T> = rows
        .filter(|row| match &after {
            None => true,
            Some(after) if descending => key(row) < *after,
            Some(after) => key(row) > *after,
        })
        .take(limit + 1)
        .collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = (items.last().filter(|_| more))
        .map(|row| serde_json::to_string(&key(row)).expect("keys of lists are ids and names"));
    Ok(Page { items, next })
}
