//! Runs, their attempts, and the history of both: the heart of the store.

use std::collections::BTreeSet;

use async_trait::async_trait;
use baton_core::error::ErrorInfo;
use baton_core::id::{DeploymentId, Fence, FlowId, OrgId, QueueId, RobotId, RunId, ScheduleId};
use baton_core::lease::LEASE;
use baton_core::run::{Attempt, Needs, NewRun, Progress, Run, RunEvent, TaskRun};
use baton_core::state::{Effect, Event, State};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::page::{Page, PageRequest};
use crate::refusal::Refusal;
use crate::run_text::RunText;

/// What became of a run that was to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    /// The run: the new one, or the one that the idempotency key had made before.
    pub run_id: RunId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// Whether it was there before.
    pub existing: bool,
}

/// One event for one run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStep {
    /// Whose run.
    pub org: OrgId,
    /// Which run.
    pub run_id: RunId,
    /// The claim on which the sender acts; `None` for operators and services.
    pub claim: Option<Claim>,
    /// What happened.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// Who did it, for history.
    pub actor: String,
    /// A sentence for history.
    pub message: Option<String>,
    /// What the executor hands over together with `Finish`.
    pub result: Option<AttemptResult>,
    /// The computer, for a `Start` by a worker or client.
    pub computer: Option<String>,
}

/// A sender's claim on an attempt. A step with a stale claim is refused and changes nothing, with one
/// exception: a `Finish` from the robot that still holds the closed attempt proves that its process
/// tree is gone, so the slot is released and the result kept as evidence (`Stepped::late`).
///
/// A claim is the valid one when attempt and fence equal the run's and the robot equals the run's robot.
/// A robot "holds" the closed attempt whose number, last fence and robot its claim names, live or not;
/// so a `Finish` that is sent twice is answered `late` and changes nothing. Evidence is kept once, and
/// only when it says something else than the attempt does (state or exit code). A late step writes no history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The attempt.
    pub attempt: u32,
    /// The fence of the assignment; [`Fence`] 0 for workers and clients.
    pub fence: Fence,
    /// The robot that speaks; `None` for workers and clients.
    pub robot_id: Option<RobotId>,
}

/// What an executor hands over at the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttemptResult {
    /// The exit code of its process.
    pub exit_code: Option<i32>,
    /// What it gives back.
    pub outputs: Map<String, Value>,
    /// Seconds the process ran.
    pub execution_time: Option<f64>,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Stepped {
    /// The run.
    pub run_id: RunId,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// The attempt number after.
    pub attempt: u32,
    /// The fence after.
    pub fence: Fence,
    /// The robot that held the attempt concerned.
    pub robot_id: Option<RobotId>,
    /// When the run is due now.
    pub due_at: Timestamp,
    /// The queue in which it waits.
    pub queue_id: QueueId,
    /// The flow.
    pub flow_id: FlowId,
    /// Seconds from when the attempt was due until it started; only of the step with which it did.
    pub start_latency: Option<f64>,
    /// Seconds the process ran; only of the step with which a run completed or failed.
    pub took: Option<f64>,
    /// What the caller must still do after the commit (tell a robot, end children).
    pub effects: Vec<Effect>,
    /// The attempt had been closed before: nothing changed but its liveness and its evidence.
    pub late: bool,
}

/// A run to be given to a robot.
#[derive(Clone, Debug, PartialEq)]
pub struct Assign {
    /// Whose run.
    pub org: OrgId,
    /// Which run.
    pub run_id: RunId,
    /// The attempt that the dispatcher saw.
    pub attempt: u32,
    /// The robot.
    pub robot_id: RobotId,
    /// The session that the dispatcher saw; another one means that the robot has reconnected.
    pub session: i64,
    /// The desktop to occupy.
    pub desktop: Option<String>,
}

/// What became of an assignment. Limits, slots, desktops, pause and drain are checked again inside
/// the transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Assigned {
    /// The run is Dispatched, with this fence.
    Done {
        /// The run as it is now.
        run: Box<Run>,
        /// The attempt as it is now.
        attempt: Box<Attempt>,
    },
    /// Something changed meanwhile; the next decision sees it.
    Refused(Refusal),
}

/// Queued runs with equal needs, and how far their front was read.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedGroup {
    /// The store's number for these needs.
    pub id: i64,
    /// Whose.
    pub org: OrgId,
    /// What they need.
    pub needs: Needs,
    /// The front of the group, by due time, then by id.
    pub heads: Vec<QueuedRun>,
}

/// A run at the front of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedRun {
    /// The run.
    pub run_id: RunId,
    /// Its attempt.
    pub attempt: u32,
    /// When it was due.
    pub due_at: Timestamp,
    /// Robots that rejected this attempt; the dispatcher passes them over even while the run is
    /// still in a group that does not name them.
    pub rejected_by: BTreeSet<RobotId>,
}

/// A live attempt: what it occupies. Slots and limits are derived from these and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveAttempt {
    /// Whose.
    pub org: OrgId,
    /// The run.
    pub run_id: RunId,
    /// The run's name.
    pub run_name: String,
    /// The attempt.
    pub attempt: u32,
    /// Its fence.
    pub fence: Fence,
    /// Its state: Dispatched, Running, Cancelling, or terminal when it is closed but not yet gone.
    pub state: State,
    /// The robot; `None` for workers and clients.
    pub robot_id: Option<RobotId>,
    /// The desktop it occupies.
    pub desktop: Option<String>,
    /// Its flow.
    pub flow_id: FlowId,
    /// Its deployment.
    pub deployment_id: Option<DeploymentId>,
    /// Its queue.
    pub queue_id: QueueId,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was assigned.
    pub assigned_at: Timestamp,
    /// When it was told to start.
    pub started_at: Option<Timestamp>,
    /// When its run deadline passes.
    pub deadline_at: Option<Timestamp>,
    /// How long it may go on while its robot is not heard, in seconds.
    pub lost_after_seconds: u32,
}

impl LiveAttempt {
    /// How long it may go on while its robot is not heard. What was not told to start, the robot drops by itself.
    pub fn patience(&self) -> SignedDuration {
        if self.state == State::Dispatched {
            return LEASE;
        }
        SignedDuration::from_secs(self.lost_after_seconds.into()).max(LEASE)
    }
}

/// Which runs a list shows. Empty fields do not filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFilter {
    /// One of these; any where the list is empty.
    pub ids: Vec<RunId>,
    /// In any of these states.
    pub states: Vec<State>,
    /// Of this flow.
    pub flow_id: Option<FlowId>,
    /// Of this deployment.
    pub deployment_id: Option<DeploymentId>,
    /// Made by this schedule.
    pub schedule_id: Option<ScheduleId>,
    /// In this queue.
    pub queue_id: Option<QueueId>,
    /// Whose latest attempt is or was on this robot.
    pub robot_id: Option<RobotId>,
    /// With this tag.
    pub tag: Option<String>,
    /// With any of these priorities (codes).
    pub priorities: Vec<i64>,
    /// Not started at this instant although due before it (waiting states only).
    pub late_at: Option<Timestamp>,
    /// `Some(true)`: has a deployment (unattended); `Some(false)`: manual.
    pub unattended: Option<bool>,
    /// Name or id begins with this (ASCII case ignored).
    pub prefix: Option<String>,
    /// Created at or after. Stores may rely on ids of version 7 being made within a day of this.
    pub created_after: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
    /// Ended at or after.
    pub ended_after: Option<Timestamp>,
    /// Ended before.
    pub ended_before: Option<Timestamp>,
    /// What its texts say. A page looks at [`crate::run_text::SCANNED`] runs at most: it may be shorter than asked,
    /// even empty, although there is a next one.
    pub text: RunText,
    /// Oldest first instead of newest first.
    pub ascending: bool,
}

/// Something that happens at an instant, for services that sleep until then.
#[derive(Clone, Debug, PartialEq)]
pub struct DueRun {
    /// Whose.
    pub org: OrgId,
    /// Which run.
    pub run_id: RunId,
    /// Its attempt.
    pub attempt: u32,
    /// The instant.
    pub at: Timestamp,
}

/// Runs.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Creates runs: Pending, and Queued at once when they are due by `now` and belong to a robot.
    /// One answer for each, in order; a refusal does not undo its neighbours.
    ///
    /// History begins with the event `created` (from `None` to Pending). `NotFound` when flow, queue or
    /// deployment are not in the org; `Conflict` with `run_exists` when the id is taken, with `slot_taken`
    /// when the schedule's slot has a run. `rejected_by` of the needs is emptied.
    async fn create_runs(
        &self,
        runs: Vec<NewRun>,
        actor: &str,
        now: Timestamp,
    ) -> Vec<Result<Created>>;

    /// Takes steps, each decided by `core::state::apply` on the row as it is in this transaction and
    /// written by compare-and-set on (state, attempt, fence), with its row of history.
    /// One answer for each, in order; a refusal does not undo its neighbours.
    ///
    /// What a step writes is said once, for all stores, in [`crate::step`].
    async fn step_runs(&self, steps: Vec<RunStep>) -> Vec<Result<Stepped>>;

    /// Gives queued runs to robots; each assignment gets a new fence: that of the run, plus one.
    /// What stands against one is looked for in the order of [`Refusal`].
    async fn assign_runs(
        &self,
        assigns: Vec<Assign>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<Assigned>>;

    /// The front of every group of queued runs: at most `heads` runs of at most `groups` groups.
    /// The cost does not grow with the backlog. Groups come by priority (highest first), then by due
    /// time and id of their first run. Runs of workers and clients are in no group.
    async fn queued_groups(&self, groups: u32, heads: u32) -> Result<Vec<QueuedGroup>>;

    /// Moves runs to the group that their `rejected_by` demands. Called when a run is blocked by
    /// nothing but its own rejecters. Returns how many moved. A run that is queued anew starts in the
    /// group without rejecters.
    async fn regroup_rejected(&self, runs: Vec<(OrgId, RunId)>) -> Result<u32>;

    /// Every live attempt, by run and number. Bounded by the slots of the fleet.
    async fn live_attempts(&self) -> Result<Vec<LiveAttempt>>;

    /// The live attempts on one robot. A store whose fleet may be large answers from an index.
    async fn live_attempts_of(&self, robot: RobotId) -> Result<Vec<LiveAttempt>> {
        let mut live = self.live_attempts().await?;
        live.retain(|attempt| attempt.robot_id == Some(robot));
        Ok(live)
    }

    /// Pending runs of robots due by `now` whose previous attempt is not live, earliest first (then by id).
    /// A run that comes after the earlier ones of its schedule is left out while one of them (a smaller
    /// id) is not terminal.
    async fn due_runs(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRun>>;

    /// When the next run is due that `due_runs` would give.
    async fn next_due_at(&self) -> Result<Option<Timestamp>>;

    /// Runs that have not started by their start deadline, earliest first (then by id). The deadline
    /// holds for the first attempt only: a retry has been started in time already.
    async fn overdue_starts(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRun>>;

    /// When the next start deadline passes.
    async fn next_start_deadline_at(&self) -> Result<Option<Timestamp>>;

    /// One run.
    async fn run(&self, org: OrgId, id: RunId) -> Result<Run>;

    /// Those of these runs that are there, each once, in the order of `ids`.
    async fn runs_by_id(&self, org: OrgId, ids: &[RunId]) -> Result<Vec<Run>>;

    /// The run with this name; the newest (by id), if there are several.
    async fn run_by_name(&self, org: OrgId, name: &str) -> Result<Run>;

    /// Runs, newest first (by id, which sorts by time) unless asked otherwise.
    async fn runs(&self, filter: RunFilter, page: PageRequest) -> Result<Page<Run>>;

    /// How many runs are in each state, from counters kept with every transition; all states, in
    /// their order.
    async fn state_counts(&self, org: OrgId) -> Result<Vec<(State, u64)>>;

    /// How many queued runs of its queue come before this one (by priority, due time, id); counting
    /// stops at `cap`. 0 for a run that is not queued.
    async fn queue_rank(&self, org: OrgId, id: RunId, cap: u32) -> Result<u32>;

    /// The attempts of a run, first to last. What belongs to a run that is not there is empty: this
    /// holds for history, task runs, logs and artifacts as well.
    async fn attempts(&self, org: OrgId, id: RunId) -> Result<Vec<Attempt>>;

    /// The history of a run, first to last.
    async fn run_history(&self, org: OrgId, id: RunId) -> Result<Vec<RunEvent>> {
        self.run_history_after(org, id, 0).await
    }

    /// The history of a run after a position, first to last.
    async fn run_history_after(&self, org: OrgId, id: RunId, after: i64) -> Result<Vec<RunEvent>>;

    /// History after a position, of one org or of all; for streams and for `verify`.
    async fn run_events_after(
        &self,
        org: Option<OrgId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RunEvent>>;

    /// The first and last position kept in history; (0, 0) when empty.
    async fn run_events_span(&self) -> Result<(i64, i64)>;

    /// Writes task runs of an attempt, by key; a later write of the same key replaces the earlier.
    /// Refused with `StaleFence` when the claim is stale. Accepted also when the attempt has ended: the
    /// last words of tasks may come after the result. Run and attempt are those of the claim.
    async fn put_task_runs(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        tasks: Vec<TaskRun>,
        now: Timestamp,
    ) -> Result<()>;

    /// The task runs of a run, in the order in which they were first reported.
    async fn task_runs(
        &self,
        org: OrgId,
        run_id: RunId,
        attempt: Option<u32>,
    ) -> Result<Vec<TaskRun>>;

    /// Writes what an attempt says of its progress. Refused with `StaleFence` when the claim is stale
    /// or the run has ended.
    async fn put_progress(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        progress: Progress,
    ) -> Result<()>;

    /// Frees the slot of an attempt that was closed before its process tree was known to be gone;
    /// `error` is kept as evidence. Answers whether it was occupied until now; `false` also for an
    /// attempt that is still open. `StaleFence` when the claim names no attempt of the run.
    async fn release_attempt(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        error: Option<ErrorInfo>,
        now: Timestamp,
    ) -> Result<bool>;

    /// Deletes terminal runs that are not live, with all that belongs to them, their history included;
    /// passes over others. Returns how many. Counts of outcomes stay.
    async fn delete_runs(
        &self,
        org: OrgId,
        ids: Vec<RunId>,
        actor: &str,
        now: Timestamp,
    ) -> Result<u32>;
}
