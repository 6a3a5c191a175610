//! Runs in SQLite: each method of the trait, by what it reads or writes.

use async_trait::async_trait;
use baton_core::error::ErrorInfo;
use baton_core::id::{OrgId, RobotId, RunId};
use baton_core::run::{Attempt, NewRun, Progress, Run, RunEvent, TaskRun};
use baton_core::state::State;
use jiff::Timestamp;
use rusqlite::params;
use std::sync::atomic::Ordering;

use super::interned::Prepared;
use super::row::{Id, first};
use super::run_row::{self, Depth};
use super::{SqliteStore, assign, create, history, live, prune, queued, run_list, step, tasks};
use crate::error::{Result, StoreError};
use crate::page::{Page, PageRequest};
use crate::runs::{
    Assign, Assigned, Claim, Created, DueRun, LiveAttempt, QueuedGroup, RunFilter, RunStep, Runs,
    Stepped,
};

/// Up to so many groups, the dispatcher's look at them is short enough to be taken on the spot.
const GROUPS_INLINE: usize = 64;

#[async_trait]
impl Runs for SqliteStore {
    async fn create_runs(
        &self,
        runs: Vec<NewRun>,
        actor: &str,
        now: Timestamp,
    ) -> Vec<Result<Created>> {
        let runs: Vec<Prepared> = runs.into_iter().map(Prepared::new).collect();
        let actor = actor.to_owned();
        self.write_each(runs.len(), move |tx| {
            let create = |new| tx.part(|tx| create::create(tx, new, &actor, now));
            Ok(runs.iter().map(create).collect())
        })
        .await
    }

    async fn step_runs(&self, steps: Vec<RunStep>) -> Vec<Result<Stepped>> {
        self.write_each(steps.len(), move |tx| {
            let take = |step| tx.part(|tx| step::take(tx, step));
            Ok(steps.iter().map(take).collect())
        })
        .await
    }

    async fn assign_runs(
        &self,
        assigns: Vec<Assign>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<Assigned>> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let mut occupied = assign::Occupied::default();
            assigns
                .iter()
                .map(|asked| assign::assign(tx, &mut occupied, asked, &actor, now))
                .collect()
        })
        .await
    }

    async fn queued_groups(&self, groups: u32, heads: u32) -> Result<Vec<QueuedGroup>> {
        let found = if self.groups_seen.load(Ordering::Relaxed) <= GROUPS_INLINE {
            self.point(|conn| queued::groups(conn, &self.shared.interned, groups, heads))?
        } else {
            let shared = self.shared.clone();
            self.scan(move |conn| queued::groups(conn, &shared.interned, groups, heads))
                .await?
        };
        self.groups_seen.store(found.len(), Ordering::Relaxed);
        Ok(found)
    }

    async fn regroup_rejected(&self, runs: Vec<(OrgId, RunId)>) -> Result<u32> {
        self.write(move |tx| queued::regroup(tx, &runs)).await
    }

    async fn live_attempts(&self) -> Result<Vec<LiveAttempt>> {
        let shared = self.shared.clone();
        self.scan(move |conn| live::live(conn, &shared.interned, None))
            .await
    }

    async fn live_attempts_of(&self, robot: RobotId) -> Result<Vec<LiveAttempt>> {
        let shared = self.shared.clone();
        self.scan(move |conn| live::live(conn, &shared.interned, Some(robot)))
            .await
    }

    async fn due_runs(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRun>> {
        self.point(|conn| queued::due(conn, queued::DUE, now.as_microsecond(), limit))
    }

    async fn next_due_at(&self) -> Result<Option<Timestamp>> {
        self.point(|conn| queued::next(conn, queued::DUE))
    }

    async fn overdue_starts(&self, now: Timestamp, limit: u32) -> Result<Vec<DueRun>> {
        self.point(|conn| queued::due(conn, queued::OVERDUE, now.as_microsecond(), limit))
    }

    async fn next_start_deadline_at(&self) -> Result<Option<Timestamp>> {
        self.point(|conn| queued::next(conn, queued::OVERDUE))
    }

    async fn run(&self, org: OrgId, id: RunId) -> Result<Run> {
        self.point(|conn| Ok(run_row::get(conn, &self.shared.interned, org, id, Depth::Full)?.run))
    }

    async fn runs_by_id(&self, org: OrgId, ids: &[RunId]) -> Result<Vec<Run>> {
        let (shared, ids) = (self.shared.clone(), ids.to_vec());
        self.scan(move |conn| run_row::many(conn, &shared.interned, org, &ids))
            .await
    }

    async fn run_by_name(&self, org: OrgId, name: &str) -> Result<Run> {
        self.point(|conn| {
            let id = first(conn.prepare_cached(BY_NAME)?, params![org.0, name], |row| {
                Ok(RunId::from_bytes(row.get(0)?))
            })?
            .ok_or_else(|| StoreError::not_found(format!("run {name}")))?;
            Ok(run_row::get(conn, &self.shared.interned, org, id, Depth::Full)?.run)
        })
    }

    async fn runs(&self, filter: RunFilter, page: PageRequest) -> Result<Page<Run>> {
        let shared = self.shared.clone();
        self.scan(move |conn| run_list::list(conn, &shared.interned, &filter, &page))
            .await
    }

    async fn state_counts(&self, org: OrgId) -> Result<Vec<(State, u64)>> {
        self.point(|conn| run_list::state_counts(conn, org))
    }

    async fn queue_rank(&self, org: OrgId, id: RunId, cap: u32) -> Result<u32> {
        let shared = self.shared.clone();
        self.scan(move |conn| queued::rank(conn, &shared.interned, org, id, cap))
            .await
    }

    async fn attempts(&self, org: OrgId, id: RunId) -> Result<Vec<Attempt>> {
        self.point(|conn| {
            let row = run_row::find(conn, &self.shared.interned, org, id, Depth::Light)?;
            row.map_or_else(|| Ok(Vec::new()), |row| run_row::attempts(conn, &row.run))
        })
    }

    async fn run_history_after(&self, org: OrgId, id: RunId, after: i64) -> Result<Vec<RunEvent>> {
        self.point(|conn| history::of_run(conn, org, id, after))
    }

    async fn run_events_after(
        &self,
        org: Option<OrgId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RunEvent>> {
        self.scan(move |conn| history::after(conn, org, after, limit))
            .await
    }

    async fn run_events_span(&self) -> Result<(i64, i64)> {
        self.point(history::span)
    }

    async fn put_task_runs(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        task_runs: Vec<TaskRun>,
        _now: Timestamp,
    ) -> Result<()> {
        self.write(move |tx| tasks::put(tx, org, run_id, &claim, &task_runs))
            .await
    }

    async fn task_runs(
        &self,
        org: OrgId,
        run_id: RunId,
        attempt: Option<u32>,
    ) -> Result<Vec<TaskRun>> {
        self.scan(move |conn| tasks::of_run(conn, org, run_id, attempt))
            .await
    }

    async fn put_progress(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        progress: Progress,
    ) -> Result<()> {
        self.write(move |tx| tasks::progress(tx, org, run_id, &claim, &progress))
            .await
    }

    async fn release_attempt(
        &self,
        org: OrgId,
        run_id: RunId,
        claim: Claim,
        error: Option<ErrorInfo>,
        now: Timestamp,
    ) -> Result<bool> {
        self.write(move |tx| tasks::release(tx, org, run_id, &claim, error.as_ref(), now))
            .await
    }

    async fn delete_runs(
        &self,
        org: OrgId,
        ids: Vec<RunId>,
        _actor: &str,
        _now: Timestamp,
    ) -> Result<u32> {
        self.write(move |tx| {
            let mut deleted = 0;
            for id in &ids {
                deleted += u32::from(prune::delete_run(tx, org, *id)?);
            }
            Ok(deleted)
        })
        .await
    }
}

/// The newest run with a name.
pub(super) const BY_NAME: &str = "SELECT id FROM runs INDEXED BY runs_by_name \
    WHERE org = ?1 AND name COLLATE NOCASE = ?2 AND +name = ?2 ORDER BY id DESC LIMIT 1";
