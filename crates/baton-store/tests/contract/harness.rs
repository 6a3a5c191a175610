//! The bench on which every test runs: a store, ids that count up, and the shortest way to a run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::flow::{DeploymentSettings, Entry};
use baton_core::id::{
    DeploymentId, Fence, FlowId, LimitId, OrgId, QueueId, RobotId, RunId, VersionId,
};
use baton_core::queue::{Queue, QueueSettings, TagLimit};
use baton_core::retry::RetryPolicy;
use baton_core::robot::{Robot, RobotMetrics, RobotOffer};
use baton_core::run::{Attempt, Needs, NewRun, Priority, Run, RunSpec, Trigger};
use baton_core::state::{Event, Executor, OnLost, Outcome, State};
use baton_store::catalog::{Deploy, Deployed};
use baton_store::runs::{Assign, Assigned, AttemptResult, Claim, RunStep, Stepped};
use baton_store::sqlite::{SqliteOptions, SqliteStore};
use baton_store::{MemoryStore, Result, Store, StoreError};
use jiff::Timestamp;
use serde_json::{Map, json};
use uuid::Uuid;

pub(crate) const ORG: OrgId = OrgId::DEFAULT;
/// When every test begins, in Unix seconds; the start of a minute and of an hour.
pub(crate) const START: i64 = 1_800_000_000;

/// An instant, in seconds after the beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect("in range")
}

/// Runs each test against each store.
macro_rules! for_each_store {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let bench = crate::harness::Bench::memory();
                super::$name(&bench).await;
                bench.done().await;
            })+
        }

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let bench = crate::harness::Bench::sqlite();
                super::$name(&bench).await;
                bench.done().await;
            })+
        }
    };
}
pub(crate) use for_each_store;

/// A store and what makes it short to use.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    count: AtomicU64,
    _dir: Option<tempfile::TempDir>,
}

impl Bench {
    pub(crate) fn memory() -> Self {
        Self::on(Arc::new(MemoryStore::new()), None)
    }

    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a folder for the test");
        let path = dir.path().join("baton.db");
        let store = SqliteStore::open(&path, SqliteOptions::default());
        Self::on(store.expect("a new database opens"), Some(dir))
    }

    fn on(store: Arc<dyn Store>, dir: Option<tempfile::TempDir>) -> Self {
        Self {
            store,
            count: AtomicU64::new(0),
            _dir: dir,
        }
    }

    /// Nothing that a test did may have damaged anything.
    pub(crate) async fn done(self) {
        match self.store.verify().await {
            Ok(found) => assert_eq!(found.breaches, [], "verify after the test"),
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("verify failed: {other}"),
        }
        self.store.close().await;
    }

    /// An id that no other has; later ones sort after earlier ones.
    pub(crate) fn uuid(&self) -> Uuid {
        let n = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let millis = u64::try_from(START).expect("after 1970") * 1_000 + n;
        uuid::Builder::from_unix_timestamp_millis(millis, &[7; 10]).into_uuid()
    }

    pub(crate) fn run_id(&self) -> RunId {
        RunId(self.uuid())
    }

    pub(crate) async fn default_queue(&self) -> QueueId {
        let queue = self.store.queue_by_name(ORG, "default").await;
        queue.expect("the default queue is there from the start").id
    }

    pub(crate) async fn flow(&self, name: &str) -> FlowId {
        let id = FlowId(self.uuid());
        let flow = self.store.ensure_flow(ORG, id, name, at(0)).await;
        flow.expect("a flow can be made").id
    }

    /// A run of the flow `demo` in the queue `default`, due at the beginning.
    pub(crate) async fn new_run(&self) -> NewRun {
        self.run_in(self.default_queue().await).await
    }

    pub(crate) async fn run_in(&self, queue_id: QueueId) -> NewRun {
        let id = self.run_id();
        NewRun {
            id,
            org: ORG,
            name: baton_core::id::run_name(id),
            due_at: at(0),
            spec: RunSpec {
                version_id: None,
                needs: Needs {
                    queue_id,
                    flow_id: self.flow("demo").await,
                    deployment_id: None,
                    priority: Priority::Normal,
                    tags: BTreeSet::new(),
                    labels: BTreeSet::new(),
                    capabilities: BTreeSet::new(),
                    environment: None,
                    robot_id: None,
                    desktop: false,
                    rejected_by: BTreeSet::new(),
                },
                parameters: Map::new(),
                timeout_seconds: Some(3_600),
                cancel_grace_seconds: 30,
                stop_signal: baton_core::stop_signal::StopSignal::default(),
                retry: RetryPolicy::default(),
                on_lost: OnLost::Fail,
                lost_after_seconds: 60,
                executor: Executor::Robot,
                trigger: Trigger::Manual { by: "test".into() },
                start_deadline: None,
                flow_name: "demo".into(),
                deployment_name: None,
                computer: None,
            },
            idempotency_key: None,
        }
    }

    /// Creates a run at its due time.
    pub(crate) async fn create(&self, new: NewRun) -> RunId {
        let now = at(0);
        let mut answers = self.store.create_runs(vec![new], "test", now).await;
        let created = answers.pop().expect("one answer for one run");
        created.expect("the run can be created").run_id
    }

    /// A queued run with nothing special about it.
    pub(crate) async fn queued(&self) -> RunId {
        let new = self.new_run().await;
        self.create(new).await
    }

    pub(crate) async fn run(&self, id: RunId) -> Run {
        self.store.run(ORG, id).await.expect("the run is there")
    }

    pub(crate) async fn state(&self, id: RunId) -> State {
        self.run(id).await.state
    }

    pub(crate) async fn attempts(&self, id: RunId) -> Vec<Attempt> {
        self.store
            .attempts(ORG, id)
            .await
            .expect("attempts can be read")
    }

    /// The states through which a run went.
    pub(crate) async fn states(&self, id: RunId) -> Vec<State> {
        let history = self.store.run_history(ORG, id).await;
        history
            .expect("history can be read")
            .iter()
            .map(|e| e.to)
            .collect()
    }

    pub(crate) async fn step(&self, step: RunStep) -> Result<Stepped> {
        let mut answers = self.store.step_runs(vec![step]).await;
        answers.pop().expect("one answer for one step")
    }

    /// An event by a service or an operator.
    pub(crate) async fn event(&self, id: RunId, event: Event, second: i64) -> Result<Stepped> {
        self.step(step(id, None, event, second)).await
    }

    /// An event by the executor.
    pub(crate) async fn told(
        &self,
        id: RunId,
        claim: Claim,
        event: Event,
        second: i64,
    ) -> Result<Stepped> {
        self.step(step(id, Some(claim), event, second)).await
    }

    pub(crate) async fn add_robot(&self, name: &str) -> RobotId {
        let robot = robot(RobotId(self.uuid()), name);
        let id = robot.id;
        self.store
            .create_robot(robot)
            .await
            .expect("the name is free");
        id
    }

    /// A connected robot that serves the queue `default` with this many slots.
    pub(crate) async fn robot(&self, name: &str, slots: u32) -> Robot {
        let offer = RobotOffer {
            max_concurrent_jobs: slots,
            ..offer(name)
        };
        self.robot_with(name, offer).await
    }

    pub(crate) async fn robot_with(&self, name: &str, offer: RobotOffer) -> Robot {
        let id = self.add_robot(name).await;
        let session = self.store.open_session(id, offer, at(60), at(0)).await;
        session.expect("a robot can connect")
    }

    pub(crate) async fn try_assign(&self, id: RunId, robot: &Robot) -> Assigned {
        self.try_assign_desktop(id, robot, None).await
    }

    pub(crate) async fn try_assign_desktop(
        &self,
        id: RunId,
        robot: &Robot,
        desktop: Option<&str>,
    ) -> Assigned {
        let assign = Assign {
            org: ORG,
            run_id: id,
            attempt: self.run(id).await.attempt,
            robot_id: robot.id,
            session: robot.session,
            desktop: desktop.map(Into::into),
        };
        let answers = self
            .store
            .assign_runs(vec![assign], "dispatcher", at(1))
            .await;
        answers.expect("assignments are answered").remove(0)
    }

    /// Assigns a run, and the claim that the robot has on it now.
    pub(crate) async fn assign(&self, id: RunId, robot: &Robot) -> Claim {
        match self.try_assign(id, robot).await {
            Assigned::Done { run, .. } => claim(&run),
            Assigned::Refused(refusal) => panic!("assignment refused: {refusal:?}"),
        }
    }

    /// A run that is Running on this robot.
    pub(crate) async fn running(&self, new: NewRun, robot: &Robot) -> (RunId, Claim) {
        let id = self.create(new).await;
        let claim = self.assign(id, robot).await;
        let started = self.told(id, claim, Event::Start, 2).await;
        started.expect("a dispatched run can start");
        (id, claim)
    }

    /// A queue of the org.
    pub(crate) async fn queue(&self, name: &str, settings: QueueSettings) -> QueueId {
        let id = QueueId(self.uuid());
        let queue = Queue {
            id,
            org: ORG,
            name: name.into(),
            settings,
            created_at: at(0),
        };
        self.store
            .create_queue(queue)
            .await
            .expect("the name is free");
        id
    }

    pub(crate) async fn tag_limit(&self, tag: &str, limit: u32) -> TagLimit {
        let limit = TagLimit {
            id: LimitId(self.uuid()),
            org: ORG,
            tag: tag.into(),
            limit,
            created_at: at(0),
        };
        let put = self.store.put_tag_limit(limit).await;
        put.expect("a limit can be set")
    }

    /// A complete blob of one chunk.
    pub(crate) async fn blob(&self, hash: &str, bytes: &[u8]) {
        let stored = self.store.put_blob_chunk(hash, 0, bytes.to_vec()).await;
        stored.expect("a chunk can be stored");
        let size = i64::try_from(bytes.len()).expect("small");
        let finished = self.store.finish_blob(hash, size, 1, at(0)).await;
        finished.expect("all chunks are there");
    }

    /// What `baton deploy` of a command to the queue `default` sends.
    pub(crate) async fn deploy_of(&self, flow: &str, name: &str) -> Deploy {
        Deploy {
            org: ORG,
            flow_name: flow.into(),
            description: None,
            folder: None,
            flow_tags: None,
            package: None,
            entry: command(&["true"]),
            parameter_schema: json!({}),
            source: Default::default(),
            replace: false,
            deployment_name: name.into(),
            settings: DeploymentSettings::on(self.default_queue().await),
            schedules: Vec::new(),
            flow_id: FlowId(self.uuid()),
            version_id: VersionId(self.uuid()),
            deployment_id: DeploymentId(self.uuid()),
        }
    }

    pub(crate) async fn deployed(&self, flow: &str, name: &str) -> Deployed {
        let deploy = self.deploy_of(flow, name).await;
        self.deploy(deploy).await
    }

    pub(crate) async fn deploy(&self, deploy: Deploy) -> Deployed {
        let deployed = self.store.deploy(deploy, at(0)).await;
        deployed.expect("it can be deployed")
    }

    /// A run of a deployment.
    pub(crate) async fn run_of(&self, deployed: &Deployed) -> NewRun {
        let mut new = self.new_run().await;
        new.spec.needs.flow_id = deployed.flow.id;
        new.spec.needs.deployment_id = Some(deployed.deployment.id);
        new.spec.needs.queue_id = deployed.deployment.settings.queue_id;
        new
    }
}

pub(crate) fn command(argv: &[&str]) -> Entry {
    Entry::Command {
        argv: argv.iter().map(|a| (*a).into()).collect(),
        env: Default::default(),
        workdir: String::new(),
        python: None,
    }
}

pub(crate) fn step(id: RunId, claim: Option<Claim>, event: Event, second: i64) -> RunStep {
    RunStep {
        org: ORG,
        run_id: id,
        claim,
        event,
        at: at(second),
        actor: "test".into(),
        message: None,
        result: None,
        computer: None,
    }
}

/// The claim of whoever holds the run's attempt.
pub(crate) fn claim(run: &Run) -> Claim {
    Claim {
        attempt: run.attempt,
        fence: run.fence,
        robot_id: run.robot_id,
    }
}

/// The claim of a worker or client on the first attempt.
pub(crate) const OWN: Claim = Claim {
    attempt: 1,
    fence: Fence(0),
    robot_id: None,
};

pub(crate) fn offer(name: &str) -> RobotOffer {
    RobotOffer {
        computer: format!("computer-of-{name}"),
        queues: BTreeSet::from(["default".into()]),
        max_concurrent_jobs: 1,
        ..RobotOffer::default()
    }
}

pub(crate) fn robot(id: RobotId, name: &str) -> Robot {
    Robot {
        id,
        org: ORG,
        name: name.into(),
        offer: offer(name),
        draining: false,
        drain_comment: String::new(),
        session: 0,
        connected: false,
        last_seen: None,
        lease_until: None,
        metrics: RobotMetrics::default(),
        created_at: at(0),
    }
}

pub(crate) fn error(kind: ErrorKind) -> ErrorInfo {
    ErrorInfo::new(kind, "it went wrong")
}

pub(crate) fn failed() -> Event {
    let error = error(ErrorKind::Failed);
    Event::Finish(Outcome::Failed { error })
}

pub(crate) fn completed() -> Event {
    Event::Finish(Outcome::Completed)
}

pub(crate) fn result(exit_code: i32, seconds: f64) -> AttemptResult {
    AttemptResult {
        exit_code: Some(exit_code),
        execution_time: Some(seconds),
        ..AttemptResult::default()
    }
}

/// The code of a refusal.
pub(crate) fn refused(assigned: &Assigned) -> &'static str {
    match assigned {
        Assigned::Done { .. } => "done",
        Assigned::Refused(refusal) => refusal.code(),
    }
}

/// The kind of an answer, with its code where it has one; `ok` for a success.
pub(crate) fn kind<T>(answer: &Result<T>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(StoreError::NotFound { .. }) => "not_found",
        Err(StoreError::Conflict { code, .. } | StoreError::Cursor { code, .. }) => code,
        Err(StoreError::Illegal(_)) => "illegal",
        Err(StoreError::StaleFence { .. }) => "stale_fence",
        Err(StoreError::Unavailable(_)) => "unavailable",
        Err(StoreError::NotKnown(_)) => "not_known",
        Err(StoreError::Corrupt(_)) => "corrupt",
        Err(StoreError::Backend(_)) => "backend",
    }
}
