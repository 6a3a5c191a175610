//! Runs and what they leave behind.

use baton_core::id::RunId;
use baton_core::run::TaskRun;
use reqwest::Method;

use super::super::{Client, Result};
use crate::rest::{
    Artifact, Attempt, AttemptQuery, AuditEntry, BulkRequest, BulkResult, Collection, CreateRun,
    CreateRuns, CreatedRun, CreatedRuns, JobResult, LogEntry, LogQuery, LogsAccepted, PageQuery,
    Postpone, Remark, ReportFinish, ReportLogs, ReportStart, ReportTasks, Run, RunEvent,
    RunExplanation, RunQuery,
};

impl Client {
    /// Makes a run. Sent again after a broken connection, it makes no second one.
    pub async fn create_run(&self, body: &CreateRun) -> Result<CreatedRun> {
        self.call(Method::POST, &["runs"])
            .json(body)
            .idempotent(body.idempotency_key.clone())
            .fetch()
            .await
    }

    /// Makes a run of a deployment, by id or `flow/name`.
    pub async fn run_deployment(&self, deployment: &str, body: &CreateRun) -> Result<CreatedRun> {
        self.call(Method::POST, &["deployments", deployment, "run"])
            .json(body)
            .idempotent(body.idempotency_key.clone())
            .fetch()
            .await
    }

    /// Makes many runs. Give each an idempotency key if the call may be repeated.
    pub async fn create_runs(&self, body: &CreateRuns) -> Result<CreatedRuns> {
        self.call(Method::POST, &["runs", "batch"])
            .json(body)
            .fetch()
            .await
    }

    /// Runs, newest first unless asked otherwise.
    pub async fn runs(&self, query: &RunQuery) -> Result<Collection<Run>> {
        self.call(Method::GET, &["runs"]).query(query).fetch().await
    }

    /// One run, by id or name.
    pub async fn run(&self, run: &str) -> Result<Run> {
        self.call(Method::GET, &["runs", run]).fetch().await
    }

    /// What stands beside a run's transitions, newest first.
    pub async fn run_notes(&self, run: &str, page: &PageQuery) -> Result<Collection<AuditEntry>> {
        self.call(Method::GET, &["runs", run, "notes"])
            .query(page)
            .fetch()
            .await
    }

    /// Deletes an ended run with all that belongs to it.
    pub async fn delete_run(&self, run: &str) -> Result<()> {
        self.call(Method::DELETE, &["runs", run]).done().await
    }

    /// Asks for a run's end.
    pub async fn cancel_run(&self, run: &str, body: &Remark) -> Result<Run> {
        self.call(Method::POST, &["runs", run, "cancel"])
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }

    /// Opens another attempt of an ended run.
    pub async fn retry_run(&self, run: &str, body: &Remark) -> Result<Run> {
        self.call(Method::POST, &["runs", run, "retry"])
            .json(body)
            .fetch()
            .await
    }

    /// Asks a run to pause; refused with `not_pausable` where the flow cannot.
    pub async fn pause_run(&self, run: &str, body: &Remark) -> Result<Run> {
        self.call(Method::POST, &["runs", run, "pause"])
            .json(body)
            .fetch()
            .await
    }

    /// Lets a paused run go on.
    pub async fn resume_run(&self, run: &str, body: &Remark) -> Result<Run> {
        self.call(Method::POST, &["runs", run, "resume"])
            .json(body)
            .fetch()
            .await
    }

    /// Puts a waiting run off.
    pub async fn postpone_run(&self, run: &str, body: &Postpone) -> Result<Run> {
        self.call(Method::POST, &["runs", run, "postpone"])
            .json(body)
            .fetch()
            .await
    }

    /// Cancels many runs, or says what that would do.
    pub async fn cancel_runs(&self, body: &BulkRequest) -> Result<BulkResult> {
        self.call(Method::POST, &["runs", "cancel"])
            .asking_if(body.preview)
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }

    /// Retries many runs, or says what that would do.
    pub async fn retry_runs(&self, body: &BulkRequest) -> Result<BulkResult> {
        self.call(Method::POST, &["runs", "retry"])
            .asking_if(body.preview)
            .json(body)
            .fetch()
            .await
    }

    /// Deletes many ended runs, or says what that would do.
    pub async fn delete_runs(&self, body: &BulkRequest) -> Result<BulkResult> {
        self.call(Method::POST, &["runs", "delete"])
            .asking_if(body.preview)
            .json(body)
            .fetch()
            .await
    }

    /// Why a run waits, and what would start it.
    pub async fn explain_run(&self, run: &str) -> Result<RunExplanation> {
        self.call(Method::GET, &["runs", run, "explain"])
            .fetch()
            .await
    }

    /// All attempts of a run, first to last.
    pub async fn attempts(&self, run: &str) -> Result<Collection<Attempt>> {
        let path = ["runs", run, "attempts"];
        self.all(&path, &PageQuery::default()).await
    }

    /// All transitions of a run, first to last.
    pub async fn run_events(&self, run: &str) -> Result<Collection<RunEvent>> {
        let path = ["runs", run, "events"];
        self.all(&path, &PageQuery::default()).await
    }

    /// All task runs of a run.
    pub async fn task_runs(&self, run: &str, query: &AttemptQuery) -> Result<Collection<TaskRun>> {
        self.all(&["runs", run, "task-runs"], query).await
    }

    /// Lines of a run's log.
    pub async fn logs(&self, run: &str, query: &LogQuery) -> Result<Collection<LogEntry>> {
        self.call(Method::GET, &["runs", run, "logs"])
            .query(query)
            .fetch()
            .await
    }

    /// All files that a run left behind.
    pub async fn artifacts(&self, run: &str) -> Result<Collection<Artifact>> {
        let path = ["runs", run, "artifacts"];
        self.all(&path, &PageQuery::default()).await
    }

    /// The result of a run.
    pub async fn result(&self, run: &str) -> Result<JobResult> {
        self.call(Method::GET, &["runs", run, "result"])
            .fetch()
            .await
    }

    /// Says that this process executes a run now.
    pub async fn report_start(&self, body: &ReportStart) -> Result<CreatedRun> {
        self.call(Method::POST, &["runs", "report"])
            .json(body)
            .idempotent(body.idempotency_key.clone())
            .fetch()
            .await
    }

    /// Hands over log lines of a run that this process executes.
    pub async fn report_logs(&self, id: RunId, body: &ReportLogs) -> Result<LogsAccepted> {
        let id = id.to_string();
        self.call(Method::POST, &["runs", &id, "report", "logs"])
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }

    /// Says what became of tasks, and how far the run is.
    pub async fn report_tasks(&self, id: RunId, body: &ReportTasks) -> Result<()> {
        let id = id.to_string();
        self.call(Method::POST, &["runs", &id, "report", "tasks"])
            .json(body)
            .idempotent(None)
            .done()
            .await
    }

    /// Says how a run that this process executes has ended.
    pub async fn report_finish(&self, id: RunId, body: &ReportFinish) -> Result<Run> {
        let id = id.to_string();
        self.call(Method::POST, &["runs", &id, "report", "finish"])
            .json(body)
            .idempotent(None)
            .fetch()
            .await
    }
}
