//! Schedules, and the slots that make runs.

use std::collections::BTreeSet;

use async_trait::async_trait;
use baton_core::id::{DeploymentId, OrgId, RunId, ScheduleId};
use baton_core::run::NewRun;
use baton_core::schedule::{Schedule, ScheduleSettings};
use jiff::Timestamp;

use crate::error::Result;
use crate::page::{Page, PageRequest};

/// What the scheduler decided for one schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotCommit {
    /// Whose.
    pub org: OrgId,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// Its `updated_at` when it was read: an edit in between voids the decision.
    pub read_at: Timestamp,
    /// Its `last_slot` when it was read.
    pub read_last_slot: Option<Timestamp>,
    /// Runs to create, each for one slot (in `Trigger::Schedule`). A slot makes at most one run, ever.
    pub runs: Vec<NewRun>,
    /// The latest slot that is decided now.
    pub last_slot: Option<Timestamp>,
    /// The next slot.
    pub next_at: Option<Timestamp>,
}

/// Schedules.
#[async_trait]
pub trait Schedules {
    /// Creates a schedule. `Conflict` with `schedule_exists` when the name is taken in the deployment;
    /// `NotFound` without the deployment. In a paused deployment it has no next slot yet.
    async fn create_schedule(&self, schedule: Schedule) -> Result<()>;

    /// Replaces settings and pause of a schedule, as [`Schedule::edited`] says, so that an edit never
    /// fires the past, and its name where one is given. `Conflict` with `schedule_exists` when that is taken
    /// in the deployment.
    async fn update_schedule(
        &self,
        org: OrgId,
        id: ScheduleId,
        name: Option<String>,
        settings: ScheduleSettings,
        paused: bool,
        now: Timestamp,
    ) -> Result<Schedule>;

    /// Deletes a schedule; its runs stay.
    async fn delete_schedule(&self, org: OrgId, id: ScheduleId) -> Result<()>;

    /// One schedule.
    async fn schedule(&self, org: OrgId, id: ScheduleId) -> Result<Schedule>;

    /// The schedules of a deployment, or of all deployments of an org, by next slot (none comes last), then id.
    async fn schedules(
        &self,
        org: OrgId,
        deployment_id: Option<DeploymentId>,
        limit: u32,
    ) -> Result<Vec<Schedule>>;

    /// The same in pages: of a deployment, or of all deployments of the org.
    async fn schedules_page(
        &self,
        deployment_id: Option<DeploymentId>,
        request: PageRequest,
    ) -> Result<Page<Schedule>>;

    /// Schedules whose next slot has come, earliest first, of all orgs. Those that are paused, or
    /// whose deployment is paused, are not among them, and those in `passed_over` neither.
    async fn due_schedules(
        &self,
        now: Timestamp,
        passed_over: BTreeSet<ScheduleId>,
        limit: u32,
    ) -> Result<Vec<Schedule>>;

    /// When the first slot after that instant comes of any schedule that `due_schedules` would give.
    async fn next_slot_after(&self, after: Timestamp) -> Result<Option<Timestamp>>;

    /// The runs of a schedule that are not terminal, oldest first (by id); at most [`MAX_OPEN_RUNS`].
    async fn open_runs_of(&self, org: OrgId, id: ScheduleId) -> Result<Vec<RunId>>;

    /// Commits decisions: runs, high-water mark and next slot of each schedule as one. Answers per
    /// schedule how many runs were made; `Conflict` with `schedule_changed` for one that was edited, or that
    /// has no next slot any more because it or its deployment was paused.
    /// A slot that has a run, or is not after the schedule's `last_slot`, is passed over. A `last_slot` of
    /// `None` keeps the one there is. A run that cannot be made undoes its whole commit. Not an edit:
    /// `updated_at` stays. The actor is `scheduler`.
    async fn commit_slots(&self, commits: Vec<SlotCommit>, now: Timestamp) -> Vec<Result<u32>>;
}

/// The place of a schedule in a list: by its next slot, those without one last.
pub(crate) fn place(schedule: &Schedule) -> (bool, Option<Timestamp>, ScheduleId) {
    (schedule.next_at.is_none(), schedule.next_at, schedule.id)
}

/// Open runs of one schedule that are looked at: more than this overlap is an incident, not a policy.
pub const MAX_OPEN_RUNS: u32 = 1_000;
