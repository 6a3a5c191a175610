//! The flows of the demo, each version at its time, with deployments and schedules.

use std::collections::BTreeMap;

use baton_core::flow::{DeploymentSettings, Entry};
use baton_core::id::{DeploymentId, FlowId, QueueId, ScheduleId, VersionId};
use baton_core::queue::DEFAULT_QUEUE;
use baton_core::retry::RetryPolicy;
use baton_core::schedule::Schedule;
use baton_server::submit::Plan;
use baton_store::Store;
use baton_store::catalog::Deploy;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ORG, Ready, Upgrade, World, known, put_blob, refused, seconds, words};
use crate::demo_data::catalog::{self, DeploymentDef, FlowDef, object};
use crate::demo_data::{DAY, later, package};
use crate::failure::Done;
use crate::serve::store_failure;

impl World {
    pub(super) async fn make_flows(&mut self) -> Done {
        let span = seconds(self.from, self.until);
        for (index, flow) in catalog::flows().enumerate() {
            let at = later(self.from, (index as f64).mul_add(0.04, -2.5) * DAY);
            self.deploy(flow, 1, at).await?;
            for def in flow.deployments.iter().chain(flow.by_hand) {
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
            ready.plan = plan(&*self.store, &self.queues, ready.flow.name, ready.def).await?;
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
                replace: false,
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
                schedules: Vec::new(),
                flow_id: FlowId::new(at, self.dice.entropy()),
                version_id,
                deployment_id: DeploymentId::new(at, self.dice.entropy()),
            };
            let made = self.store.deploy(deploy, at).await.map_err(store_failure)?;
            let detail =
                json!({"name": def.name, "flow": flow.name, "version": made.version.number});
            let subject = made.deployment.id.to_string();
            if made.new_version {
                let id = made.version.id.to_string();
                self.note(at, "ci", "version.created", id, detail.clone());
            }
            self.note(at, "ci", "deployment.deployed", subject, detail);
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
        let plan = plan(&*self.store, &self.queues, flow.name, def).await?;
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
            let detail = json!({"name": schedule.name, "deployment_id": schedule.deployment_id});
            let kind = if schedule.paused {
                "schedule.paused"
            } else {
                "schedule.created"
            };
            self.note(at, "ci", kind, schedule.id.to_string(), detail);
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
}

/// What runs of a deployment are made from; of a flow itself, where its runs have no deployment.
async fn plan(
    store: &dyn Store,
    queues: &BTreeMap<String, QueueId>,
    flow: &str,
    def: &DeploymentDef,
) -> Done<Plan> {
    let plan = if def.name.is_empty() {
        let flow = store.flow_by_name(ORG, flow).await.map_err(store_failure)?;
        let queue = queues.get(def.queue).copied();
        let queue = queue.expect("the queue of a run by hand is there");
        Plan::of_flow(store, flow, None, DeploymentSettings::on(queue)).await
    } else {
        let deployment = store.deployment_by_name(ORG, flow, def.name).await;
        Plan::of_deployment(store, deployment.map_err(store_failure)?, None).await
    };
    plan.map_err(|error| refused(&error))
}
