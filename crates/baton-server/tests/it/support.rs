//! A server on a store in memory with a clock that stands still, and a robot that does what a test says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use baton_api::client::{Client, ClientOptions};
use baton_api::robot::Claim;
use baton_core::access::Role;
use baton_core::flow::{DeploymentSettings, Entry};
use baton_core::id::{DeploymentId, FlowId, OrgId, RobotId, RunId, VersionId};
use baton_core::queue::DEFAULT_QUEUE;
use baton_core::robot::{Robot, RobotMetrics, RobotOffer};
use baton_core::run::{Run, Trigger};
use baton_core::state::{OnLost, State};
use baton_server::app::App;
use baton_server::clock::ManualClock;
use baton_server::config::Config;
use baton_server::operations;
use baton_server::submit::{Plan, RunAsk};
use baton_server::zones::ZoneFiles;
use baton_server::{ServerHandle, auth, start};
use baton_store::catalog::{Deploy, Deployed};
use baton_store::keys::{Key, KeyKind};
use baton_store::logs::{EventFilter, MESSAGE_REFUSED, ResourceEvent};
use baton_store::page::PageRequest;
use baton_store::runs::RunFilter;
use baton_store::{MemoryStore, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::Map;
use tokio::sync::watch;

mod script;

pub(crate) use script::{Enrolled, Script, dial, result};

pub(crate) const ORG: OrgId = OrgId::DEFAULT;

/// Nothing in these tests takes this long, even on a machine under load; who waits longer waits for what never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How often a condition is looked at that nobody announces.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A server and what makes it short to use.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) server: ServerHandle,
    commits: watch::Receiver<u64>,
}

impl World {
    /// A server on an empty store in memory.
    pub(crate) async fn new() -> Self {
        let began = Timestamp::from_second(1_800_000_000).expect("in range");
        Self::on(
            Arc::new(MemoryStore::new()),
            Arc::new(ManualClock::at(began)),
        )
        .await
    }

    /// A server on this store.
    pub(crate) async fn on(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Self {
        Self::with_zones(store, clock, Config::default().zones).await
    }

    /// A server on this store that finds its time zone data there.
    pub(crate) async fn with_zones(
        store: Arc<dyn Store>,
        clock: Arc<ManualClock>,
        zones: Arc<dyn ZoneFiles>,
    ) -> Self {
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            zones,
            ..Config::default()
        };
        let (count, commits) = watch::channel(0);
        store.on_commit(Arc::new(move |_| count.send_modify(|n| *n += 1)));
        let server = start(config, Arc::clone(&store), Arc::clone(&clock) as _)
            .await
            .expect("a free port on loopback");
        Self {
            app: Arc::clone(&server.app),
            clock,
            store,
            server,
            commits,
        }
    }

    /// Another server on the same store, after this one is gone as if killed.
    pub(crate) async fn after_a_crash(self) -> Self {
        self.after_being_away(0).await
    }

    /// Another server on the same store, so many seconds after this one is gone as if killed.
    pub(crate) async fn after_being_away(self, seconds: i64) -> Self {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        self.server.abandon();
        clock.advance(SignedDuration::from_secs(seconds));
        Self::on(store, clock).await
    }

    /// Moves the clock.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// Enrols a robot.
    pub(crate) async fn enrol(&self, name: &str) -> Enrolled {
        let now = self.app.now();
        let id = RobotId::new(now, self.app.entropy());
        let robot = Robot {
            id,
            org: ORG,
            name: name.into(),
            offer: RobotOffer::default(),
            draining: false,
            drain_comment: String::new(),
            session: 0,
            connected: false,
            last_seen: None,
            lease_until: None,
            metrics: RobotMetrics::default(),
            created_at: now,
        };
        self.store.create_robot(robot).await.expect("a new robot");
        let (key, text, hash) = auth::new_secret(KeyKind::Robot, now);
        let stored = Key {
            id: key,
            org: ORG,
            name: name.into(),
            kind: KeyKind::Robot,
            role: Role::Robot,
            robot_id: Some(id),
            hash,
            created_at: now,
            expires_at: None,
            revoked_at: None,
            opened_by: None,
            last_used_at: None,
        };
        self.store.create_key(stored).await.expect("a new key");
        Enrolled {
            id,
            key,
            name: name.into(),
            text,
            url: self.server.url.replacen("http", "ws", 1) + baton_api::robot::PATH,
        }
    }

    /// Enrols a robot and connects it with one slot.
    pub(crate) async fn robot(&self, name: &str) -> Script {
        Script::connect(&self.enrol(name).await).await
    }

    /// Deploys a flow of this name.
    pub(crate) async fn deploy(
        &self,
        name: &str,
        change: impl FnOnce(&mut DeploymentSettings),
    ) -> Deployed {
        self.deploy_package(name, None, change).await
    }

    /// Deploys a flow of this name whose files are in this package.
    pub(crate) async fn deploy_package(
        &self,
        name: &str,
        package: Option<String>,
        change: impl FnOnce(&mut DeploymentSettings),
    ) -> Deployed {
        let now = self.app.now();
        let queue = self.store.queue_by_name(ORG, DEFAULT_QUEUE).await;
        let mut settings = DeploymentSettings::on(queue.expect("it is there from the start").id);
        change(&mut settings);
        let entropy = || self.app.entropy();
        let deploy = Deploy {
            org: ORG,
            flow_name: name.into(),
            description: None,
            folder: None,
            flow_tags: None,
            package,
            entry: Entry::Command {
                argv: vec!["true".into()],
                env: Default::default(),
                workdir: String::new(),
                python: None,
            },
            parameter_schema: serde_json::json!({}),
            source: Default::default(),
            replace: false,
            deployment_name: "default".into(),
            settings,
            schedules: Vec::new(),
            flow_id: FlowId::new(now, entropy()),
            version_id: VersionId::new(now, entropy()),
            deployment_id: DeploymentId::new(now, entropy()),
        };
        self.store.deploy(deploy, now).await.expect("a deployment")
    }

    /// Makes a run of a deployment, due now.
    pub(crate) async fn submit(&self, deployed: &Deployed) -> RunId {
        self.submit_with(deployed, |_| {}).await
    }

    /// Makes a run of a deployment.
    pub(crate) async fn submit_with(
        &self,
        deployed: &Deployed,
        change: impl FnOnce(&mut RunAsk<'_>),
    ) -> RunId {
        let nothing = serde_json::Map::new();
        let mut ask = RunAsk::new(&nothing, Trigger::Manual { by: "test".into() });
        change(&mut ask);
        let deployment = deployed.deployment.clone();
        let plan = Plan::of_deployment(&*self.store, deployment, None).await;
        let now = self.app.now();
        let run = plan
            .and_then(|plan| plan.new_run(ask, now, self.app.entropy()))
            .expect("a run");
        let mut created = self.store.create_runs(vec![run], "test", now).await;
        created.remove(0).expect("created").run_id
    }

    /// A flow whose runs do this when their robot is lost, and a run of it.
    pub(crate) async fn run_with(&self, on_lost: OnLost) -> RunId {
        let name = format!("flow-{on_lost:?}").to_lowercase();
        let short = |s: &mut DeploymentSettings| {
            s.on_lost = on_lost;
            s.lost_after_seconds = Some(baton_core::lease::LOST_AFTER);
        };
        let deployed = self.deploy(&name, short).await;
        self.submit(&deployed).await
    }

    /// A run of a plain flow.
    pub(crate) async fn run(&self) -> RunId {
        self.run_with(OnLost::Fail).await
    }

    /// The run as it is now.
    pub(crate) async fn get(&self, run: RunId) -> Run {
        self.store.run(ORG, run).await.expect("a run")
    }

    /// Waits until the run is in this state.
    pub(crate) async fn until(&mut self, run: RunId, state: State) -> Run {
        self.until_run(run, &format!("{run} to be {state}"), |r| r.state == state)
            .await
    }

    /// Waits until this is so of the run.
    pub(crate) async fn until_run(
        &mut self,
        run: RunId,
        what: &str,
        is_so: impl Fn(&Run) -> bool,
    ) -> Run {
        let waiting = async {
            loop {
                self.commits.mark_unchanged();
                let now = self.store.run(ORG, run).await.expect("a run");
                if is_so(&now) {
                    return now;
                }
                self.commits.changed().await.expect("the store is there");
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(run) => run,
            Err(_) => panic!("waited for {what}; it is {:?}", self.get(run).await.state),
        }
    }

    /// A server with one robot `r1` that has started a run: the run and the robot's claim on it.
    pub(crate) async fn with_a_started_run() -> (Self, Script, RunId, Claim) {
        let world = Self::new().await;
        let mut robot = world.robot("r1").await;
        let run = world.run().await;
        let claim = robot.take().await.claim;
        (world, robot, run, claim)
    }

    /// A client with an admin key of its own.
    pub(crate) async fn client(&self) -> Client {
        let data = tempfile::tempdir().expect("a folder");
        let key = auth::ensure_admin_key(&*self.store, data.path(), self.app.now()).await;
        Client::new(&ClientOptions {
            url: self.server.url.clone(),
            key: Some(key.expect("an admin key").key),
            fingerprint: None,
            authority: None,
        })
        .expect("a client")
    }

    /// Cuts a robot's connection and waits until the server has noticed.
    pub(crate) async fn lose(&mut self, robot: Script) -> Enrolled {
        let enrolled = robot.robot.clone();
        drop(robot);
        self.until_robot(enrolled.id, |r| !r.connected).await;
        enrolled
    }

    /// Waits until exactly one run is in this state, and answers it.
    pub(crate) async fn only_run_in(&mut self, state: State) -> Run {
        let filter = RunFilter {
            states: vec![state],
            ..RunFilter::default()
        };
        let waiting = async {
            loop {
                self.commits.mark_unchanged();
                let page = PageRequest::first(ORG, 10);
                let mut runs = self.store.runs(filter.clone(), page).await.expect("runs");
                if let (1, Some(run)) = (runs.items.len(), runs.items.pop()) {
                    return run;
                }
                self.commits.changed().await.expect("the store is there");
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("one run comes to this state")
    }

    /// Waits until this is so of what is stored.
    pub(crate) async fn until_stored(&mut self, what: &str, is_so: impl AsyncFn(&Self) -> bool) {
        let mut commits = self.commits.clone();
        let waiting = async {
            loop {
                commits.mark_unchanged();
                if is_so(self).await {
                    return;
                }
                // Not everything that is written is announced.
                _ = tokio::time::timeout(LOOK_AGAIN, commits.changed()).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("waited for {what}"));
    }

    /// Waits until a robot's row is like this.
    pub(crate) async fn until_robot(
        &mut self,
        robot: RobotId,
        is_so: impl Fn(&Robot) -> bool,
    ) -> Robot {
        let waiting = async {
            loop {
                self.commits.mark_unchanged();
                let now = self.store.robot(ORG, robot).await.expect("a robot");
                if is_so(&now) {
                    return now;
                }
                // Not everything that is written about a robot is announced.
                _ = tokio::time::timeout(LOOK_AGAIN, self.commits.changed()).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the robot becomes so")
    }

    /// The refused messages that are recorded beside a run, newest first.
    pub(crate) async fn refusals(&self, run: RunId) -> Vec<ResourceEvent> {
        let filter = EventFilter {
            subject: Some(run.to_string()),
            kinds: vec![MESSAGE_REFUSED.into()],
            ..EventFilter::default()
        };
        let page = self.store.events(filter, PageRequest::first(ORG, 100));
        page.await.expect("listed").items
    }

    /// Asks for a run's end.
    pub(crate) async fn cancel(&self, run: RunId) {
        operations::cancel(&self.app, ORG, run, "test", None)
            .await
            .expect("it can be cancelled");
    }

    /// Nothing that a test did may have broken an invariant.
    pub(crate) async fn done(self) {
        let found = self.store.verify().await.expect("it can be verified");
        assert_eq!(found.breaches, [], "verify after the test");
        self.server.stop().await;
    }
}

/// A claim that nobody has.
pub(crate) fn nobodys_claim(run: RunId) -> Claim {
    Claim {
        job_id: run,
        attempt: 1,
        fence: baton_core::id::Fence(999),
    }
}

/// Some words.
pub(crate) fn words(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

/// Parameters of nothing.
pub(crate) fn no_outputs() -> Map<String, serde_json::Value> {
    Map::new()
}
