//! What there is before any run: queues, keys, robots, flows with their versions, deployments and schedules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_core::access::Role;
use baton_core::flow::{DeploymentSettings, Entry};
use baton_core::id::{
    DeploymentId, FlowId, LimitId, OrgId, QueueId, RobotId, ScheduleId, VersionId,
};
use baton_core::queue::{DEFAULT_QUEUE, Queue, TagLimit};
use baton_core::retry::RetryPolicy;
use baton_core::robot::{Robot, RobotMetrics};
use baton_core::schedule::Schedule;
use baton_server::auth::new_secret;
use baton_server::submit::Plan;
use baton_store::Store;
use baton_store::catalog::{BLOB_CHUNK, Deploy};
use baton_store::fleet::Renewal;
use baton_store::keys::{Key, KeyKind};
use baton_store::logs::ResourceEvent;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::catalog::{self, DeploymentDef, FlowDef, object};
use super::dice::Dice;
use super::fleet::{Condition, KEYS, QUEUES, ROBOTS, RobotDef, TAG_LIMITS};
use super::{DAY, later, package};
use crate::failure::{Done, Failure};
use crate::serve::store_failure;

/// The org of the demo.
pub(crate) const ORG: OrgId = OrgId::DEFAULT;
/// Slots of each robot while history is made: runs are written in batches, whose order is not that of time.
const ROOMY: u32 = 1_024;

/// A robot and when each of its slots is free.
pub(crate) struct Member {
    pub(crate) def: &'static RobotDef,
    pub(crate) robot: Robot,
    pub(crate) free_at: Vec<Timestamp>,
    /// From then on it takes nothing.
    pub(crate) until: Timestamp,
}

/// A deployment, ready for runs.
pub(crate) struct Ready {
    pub(crate) flow: &'static FlowDef,
    pub(crate) def: &'static DeploymentDef,
    pub(crate) plan: Plan,
    pub(crate) schedules: Vec<Schedule>,
}

/// A later version of a flow, and when it is deployed.
pub(crate) struct Upgrade {
    pub(crate) at: Timestamp,
    flow: &'static FlowDef,
    version: usize,
}

/// Everything there is, and the store that holds it.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) dice: Dice,
    /// Where the sources of the packages are written.
    sources: PathBuf,
    pub(crate) queues: BTreeMap<String, QueueId>,
    pub(crate) members: Vec<Member>,
    pub(crate) deployments: Vec<Ready>,
    /// By rising time.
    pub(crate) upgrades: Vec<Upgrade>,
    /// The text of each key that works, by its name.
    pub(crate) keys: BTreeMap<String, String>,
}

impl World {
    /// Makes everything that was there when history begins.
    pub(crate) async fn found(
        store: Arc<dyn Store>,
        (from, until): (Timestamp, Timestamp),
        dice: Dice,
        folder: &Path,
    ) -> Done<Self> {
        let mut world = Self {
            store,
            from,
            until,
            dice,
            sources: folder.join("sources"),
            queues: BTreeMap::new(),
            members: Vec::new(),
            deployments: Vec::new(),
            upgrades: Vec::new(),
            keys: BTreeMap::new(),
        };
        world.make_queues().await?;
        world.make_keys().await?;
        world.make_robots().await?;
        world.make_flows().await?;
        Ok(world)
    }

    async fn make_queues(&mut self) -> Done {
        let at = later(self.from, -4.0 * DAY);
        for def in QUEUES {
            let id = QueueId::new(at, self.dice.entropy());
            let queue = Queue {
                id,
                org: ORG,
                name: def.name.to_owned(),
                settings: def.settings(true),
                created_at: at,
            };
            self.store
                .create_queue(queue)
                .await
                .map_err(store_failure)?;
            self.queues.insert(def.name.to_owned(), id);
        }
        let default = self.store.queue_by_name(ORG, DEFAULT_QUEUE).await;
        let default = default.map_err(store_failure)?;
        self.queues.insert(DEFAULT_QUEUE.to_owned(), default.id);
        Ok(())
    }

    async fn make_keys(&mut self) -> Done {
        for def in KEYS {
            let at = later(self.until, -def.made * DAY);
            let (id, text, hash) = new_secret(KeyKind::Api, at);
            let key = Key {
                id,
                org: ORG,
                name: def.name.to_owned(),
                kind: KeyKind::Api,
                role: def.role,
                robot_id: None,
                hash,
                created_at: at,
                expires_at: def.good_for.map(|days| later(at, days * DAY)),
                revoked_at: None,
                last_used_at: None,
            };
            self.store.create_key(key).await.map_err(store_failure)?;
            let used = later(self.until, -60.0 * self.dice.between(1.0, 900.0));
            let used = def
                .good_for
                .map_or(used, |days| later(at, (days - 0.5) * DAY));
            let used = vec![(id, used)];
            self.store.touch_keys(used).await.map_err(store_failure)?;
            if let Some(days) = def.taken_back {
                let at = later(self.until, -days * DAY);
                let revoked = self.store.revoke_key(ORG, id, at).await;
                revoked.map_err(store_failure)?;
            } else if def.good_for.is_none() {
                self.keys.insert(def.name.to_owned(), text);
            }
        }
        Ok(())
    }

    async fn make_robots(&mut self) -> Done {
        for (index, def) in ROBOTS.iter().enumerate() {
            let at = later(self.from, (index as f64).mul_add(0.1, -3.0) * DAY);
            let robot = Robot {
                id: RobotId::new(at, self.dice.entropy()),
                org: ORG,
                name: def.name.to_owned(),
                offer: def.offer(),
                draining: false,
                drain_comment: String::new(),
                session: 0,
                connected: false,
                last_seen: None,
                lease_until: None,
                metrics: RobotMetrics::default(),
                created_at: at,
            };
            let id = robot.id;
            self.store
                .create_robot(robot)
                .await
                .map_err(store_failure)?;
            let mut offer = def.offer();
            offer.max_concurrent_jobs = ROOMY;
            let lease = later(self.until, DAY);
            let opened = self.store.open_session(id, offer, lease, at).await;
            let robot = opened.map_err(store_failure)?;
            self.make_robot_key(&robot, at).await?;
            self.members.push(Member {
                def,
                robot,
                free_at: vec![self.from; def.slots as usize],
                until: match def.is {
                    Condition::Up => self.until,
                    Condition::Draining(_) => later(self.until, -0.15 * DAY),
                    Condition::Gone(days) => later(self.until, -days * DAY),
                },
            });
        }
        Ok(())
    }

    async fn make_robot_key(&mut self, robot: &Robot, at: Timestamp) -> Done {
        let (id, text, hash) = new_secret(KeyKind::Robot, at);
        let key = Key {
            id,
            org: ORG,
            name: robot.name.clone(),
            kind: KeyKind::Robot,
            role: Role::Robot,
            robot_id: Some(robot.id),
            hash,
            created_at: at,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        self.keys.insert(robot.name.clone(), text);
        self.store.create_key(key).await.map_err(store_failure)
    }

    async fn make_flows(&mut self) -> Done {
        let span = self.until.duration_since(self.from).as_secs_f64();
        for (index, flow) in catalog::flows().enumerate() {
            let at = later(self.from, (index as f64).mul_add(0.04, -2.5) * DAY);
            self.deploy(flow, 1, at).await?;
            for def in flow.deployments {
                self.make_ready(flow, def, at).await?;
            }
            for version in 2..=flow.schemas.len() {
                let part = (version - 1) as f64 / flow.schemas.len() as f64;
                let part = part * self.dice.between(0.75, 1.2);
                self.upgrades.push(Upgrade {
                    at: later(self.from, span * part.min(0.95)),
                    flow,
                    version,
                });
            }
        }
        self.upgrades.sort_by_key(|upgrade| upgrade.at);
        Ok(())
    }

    /// Deploys a later version, and makes its deployments ready anew.
    pub(crate) async fn upgrade(&mut self, upgrade: &Upgrade) -> Done {
        self.deploy(upgrade.flow, upgrade.version, upgrade.at)
            .await?;
        for ready in self
            .deployments
            .iter_mut()
            .filter(|r| r.flow.name == upgrade.flow.name)
        {
            ready.plan = plan(&*self.store, ready.flow.name, ready.def.name).await?;
        }
        Ok(())
    }

    async fn deploy(&mut self, flow: &'static FlowDef, version: usize, at: Timestamp) -> Done {
        let archive = package::pack(flow, version, &self.sources)?;
        let hash = put_blob(&*self.store, &archive, at).await?;
        let schema: Value = Value::Object(object(
            flow.schemas.get(version - 1).copied().unwrap_or("{}"),
        ));
        let revision = format!("{:07x}", self.dice.below(1 << 28));
        for def in flow
            .deployments
            .iter()
            .filter(|d| version == 1 || !d.pinned)
        {
            let mut settings = self.settings(def, &schema);
            let version_id = VersionId::new(at, self.dice.entropy());
            // Whoever pins the version of a deploy pins the one that is found or made.
            settings.version_id = def.pinned.then_some(version_id);
            let deploy = Deploy {
                org: ORG,
                flow_name: flow.name.to_owned(),
                description: Some(flow.about.to_owned()),
                folder: Some(flow.folder.to_owned()),
                flow_tags: Some(words(flow.tags)),
                package: Some(hash.clone()),
                entry: Entry::Command {
                    argv: vec!["python3".into(), "main.py".into()],
                    env: BTreeMap::new(),
                    workdir: String::new(),
                    python: None,
                },
                parameter_schema: schema.clone(),
                source: BTreeMap::from([
                    ("path".to_owned(), format!("{}/{}", flow.folder, flow.name)),
                    ("revision".to_owned(), revision.clone()),
                    (
                        "message".to_owned(),
                        flow.changes
                            .get(version - 1)
                            .copied()
                            .unwrap_or("")
                            .to_owned(),
                    ),
                ]),
                deployment_name: def.name.to_owned(),
                settings,
                schedule: None,
                flow_id: FlowId::new(at, self.dice.entropy()),
                version_id,
                deployment_id: DeploymentId::new(at, self.dice.entropy()),
            };
            let made = self.store.deploy(deploy, at).await.map_err(store_failure)?;
            let detail =
                json!({"name": def.name, "flow": flow.name, "version": made.version.number});
            let subject = made.deployment.id.to_string();
            self.note(at, "ci", "deployment.deployed", subject, detail)
                .await?;
        }
        Ok(())
    }

    fn settings(&self, def: &DeploymentDef, schema: &Value) -> DeploymentSettings {
        let queue = self
            .queues
            .get(def.queue)
            .or_else(|| self.queues.get(DEFAULT_QUEUE));
        let queue = *queue.expect("the queue default is there from the start");
        let (retries, delay) = def.retries;
        DeploymentSettings {
            description: def.about.to_owned(),
            tags: words(def.tags),
            parameters: known(schema, object(def.parameters)),
            priority: def.priority,
            labels: words(def.labels),
            capabilities: words(def.capabilities),
            desktop: def.desktop,
            timeout_seconds: def.timeout,
            retry: RetryPolicy {
                initial_delay: delay,
                max_delay: delay.max(60.0) * 4.0,
                ..RetryPolicy::times(retries)
            },
            start_within_seconds: def.start_within,
            ..DeploymentSettings::on(queue)
        }
    }

    async fn make_ready(
        &mut self,
        flow: &'static FlowDef,
        def: &'static DeploymentDef,
        at: Timestamp,
    ) -> Done {
        let plan = plan(&*self.store, flow.name, def.name).await?;
        let deployment = plan.deployment.as_ref().map(|d| d.id);
        let mut schedules = Vec::new();
        for schedule in def.schedules {
            let settings = schedule.settings(self.until);
            let schedule = Schedule {
                id: ScheduleId::new(at, self.dice.entropy()),
                org: ORG,
                deployment_id: deployment.expect("it was found by the deployment's name"),
                name: schedule.name.to_owned(),
                next_at: settings.next_after(self.from).filter(|_| !schedule.paused),
                settings,
                paused: schedule.paused,
                last_slot: None,
                created_at: at,
                updated_at: at,
            };
            let made = self.store.create_schedule(schedule.clone()).await;
            made.map_err(store_failure)?;
            schedules.push(schedule);
        }
        self.deployments.push(Ready {
            flow,
            def,
            plan,
            schedules,
        });
        Ok(())
    }

    /// Notes for the event stream that somebody did something.
    async fn note(
        &self,
        at: Timestamp,
        actor: &str,
        kind: &str,
        subject: String,
        detail: Value,
    ) -> Done {
        let event = ResourceEvent {
            seq: 0,
            org: ORG,
            at,
            kind: kind.to_owned(),
            subject,
            actor: actor.to_owned(),
            detail,
        };
        self.store
            .append_events(vec![event])
            .await
            .map_err(store_failure)?;
        Ok(())
    }

    /// Puts the limits in force, lets the robots say what they really offer, and leaves them as they are now.
    pub(crate) async fn settle(&mut self) -> Done {
        for def in QUEUES {
            let id = self.queues.get(def.name).copied();
            let id = id.expect("every queue was made");
            let changed = self.store.update_queue(ORG, id, def.settings(false)).await;
            changed.map_err(store_failure)?;
        }
        for (tag, limit) in TAG_LIMITS {
            let limit = TagLimit {
                id: LimitId::new(self.from, self.dice.entropy()),
                org: ORG,
                tag: (*tag).to_owned(),
                limit: *limit,
                created_at: self.from,
            };
            self.store
                .put_tag_limit(limit)
                .await
                .map_err(store_failure)?;
        }
        for ready in &self.deployments {
            let Some(deployment) = ready
                .plan
                .deployment
                .as_ref()
                .filter(|_| ready.def.limit.is_some())
            else {
                continue;
            };
            let settings = DeploymentSettings {
                concurrency_limit: ready.def.limit,
                ..deployment.settings.clone()
            };
            let changed = self
                .store
                .update_deployment(ORG, deployment.id, settings, deployment.updated_at)
                .await;
            changed.map_err(store_failure)?;
        }
        for member in &self.members {
            self.settle_robot(member).await?;
        }
        Ok(())
    }

    async fn settle_robot(&self, member: &Member) -> Done {
        let (id, def, seen) = (member.robot.id, member.def, member.until);
        let seen = if matches!(def.is, Condition::Gone(_)) {
            seen
        } else {
            self.until
        };
        let opened = self.store.open_session(id, def.offer(), seen, seen).await;
        let session = opened.map_err(store_failure)?.session;
        let metrics = RobotMetrics {
            cpu_percent: 7.0,
            memory_percent: 34.0,
            disk_percent: 51.0,
            uptime_seconds: 1_900_000,
        };
        let renewal = Renewal {
            robot_id: id,
            session,
            last_seen: seen,
            lease_until: seen,
            metrics,
        };
        self.store
            .renew_sessions(vec![renewal])
            .await
            .map_err(store_failure)?;
        self.store
            .close_session(id, session, seen)
            .await
            .map_err(store_failure)?;
        if let Condition::Draining(comment) = def.is {
            let drained = self
                .store
                .set_draining(ORG, id, true, comment, member.until)
                .await;
            drained.map_err(store_failure)?;
        }
        Ok(())
    }
}

async fn plan(store: &dyn Store, flow: &str, name: &str) -> Done<Plan> {
    let deployment = store.deployment_by_name(ORG, flow, name).await;
    let deployment = deployment.map_err(store_failure)?;
    let plan = Plan::of_deployment(store, deployment, None).await;
    plan.map_err(|error| refused(&error))
}

/// What the server's own rules refused.
pub(crate) fn refused(error: &baton_server::error::ApiError) -> Failure {
    Failure::new(
        crate::exit::Exit::Failed,
        error.code.clone(),
        error.detail.clone(),
    )
}

/// The parameters that this schema knows: an older version knows fewer.
pub(crate) fn known(schema: &Value, mut parameters: Map<String, Value>) -> Map<String, Value> {
    parameters.retain(|name, _| schema["properties"].get(name).is_some());
    parameters
}

/// Stores a file, and gives its name.
pub(crate) async fn put_blob(store: &dyn Store, bytes: &[u8], at: Timestamp) -> Done<String> {
    let hash = baton_api::package::hash(bytes);
    let mut chunks = 0;
    for chunk in bytes.chunks(BLOB_CHUNK) {
        let put = store.put_blob_chunk(&hash, chunks, chunk.to_vec()).await;
        put.map_err(store_failure)?;
        chunks += 1;
    }
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let finished = store.finish_blob(&hash, size, chunks, at).await;
    finished.map_err(store_failure)?;
    Ok(hash)
}

fn words(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// How long something took.
pub(crate) fn seconds(from: Timestamp, until: Timestamp) -> f64 {
    let span: SignedDuration = until.duration_since(from);
    span.as_secs_f64()
}
