//! The demo while its server is up: robots that connect and seem to work, and people who ask for runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use baton_api::client::Client;
use baton_api::rest::{CreateRun, RunQuery};
use baton_core::state::State;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::catalog::{self, DeploymentDef, FlowDef};
use super::dice::Dice;
use super::fleet::{Condition, ROBOTS};

mod player;
mod robot;

/// Runs that are asked for at once when the demo starts, so that there is something to see.
const AT_ONCE: usize = 11;
/// What the first of them are: long enough to be looked at, and a desktop that is asked more than it may run.
const FIRST: [&str; 6] = [
    "nightly_sync",
    "onboarding",
    "backup_check",
    "invoice_report",
    "order_entry",
    "disk_cleanup",
];
/// Shortest and longest pause between two asks of people, in seconds.
const PAUSE: (f64, f64) = (6.0, 30.0);
/// How long a first look at running work may take.
const SEEN_WITHIN: Duration = Duration::from_secs(8);
/// How long robots may take to hand over what they do when the demo ends.
const HAND_OVER: Duration = Duration::from_secs(3);
/// How many runs are to be running before the link is printed.
const RUNNING: usize = 4;
/// Runs of one deployment that wait at most because of these people: nobody wants a queue that only grows.
const MAX_WAITING: usize = 6;

/// The simulated robots. They stop when this is dropped.
pub(crate) struct Robots {
    tasks: JoinSet<()>,
    hurry: watch::Sender<bool>,
}

impl Robots {
    /// Ends what they do, so that nothing is lost by a stop, and waits a moment for it.
    pub(crate) async fn hand_over(mut self) {
        self.hurry.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(HAND_OVER, ended).await.is_err() {
            tracing::debug!("some of the demo's robots did not hand over what they had");
        }
    }
}

/// Connects the robots.
pub(crate) fn robots(to: SocketAddr, keys: &BTreeMap<String, String>, dice: &mut Dice) -> Robots {
    let (hurry, hurried) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for def in ROBOTS {
        let gone = matches!(def.is, Condition::Gone(_));
        let Some(key) = keys.get(def.name).filter(|_| !gone) else {
            continue;
        };
        let robot = robot::SimulatedRobot {
            to,
            key: key.clone(),
            def,
            dice: dice.fork(),
            hurry: hurried.clone(),
        };
        tasks.spawn(robot.work());
    }
    Robots { tasks, hurry }
}

/// People and programs that ask for runs now and then.
pub(crate) struct People {
    /// With the key of one of them.
    pub(crate) client: Client,
    /// When and what.
    pub(crate) dice: Dice,
}

impl People {
    /// Asks for many runs at once, and waits until some of them run.
    pub(crate) async fn begin(&mut self) {
        for flow in FIRST {
            self.ask(Some(flow)).await;
        }
        for _ in FIRST.len()..AT_ONCE {
            self.ask(None).await;
        }
        let query = RunQuery {
            state: vec![State::Running],
            ..RunQuery::default()
        };
        let seen = async {
            loop {
                if let Ok(page) = self.client.runs(&query).await
                    && page.items.len() >= RUNNING
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        };
        // Whoever drained the robots sees none of them at work.
        let _ = tokio::time::timeout(SEEN_WITHIN, seen).await;
    }

    /// Asks for a run now and then, for ever.
    pub(crate) async fn go_on(mut self) {
        loop {
            let pause = self.dice.between(PAUSE.0, PAUSE.1);
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
            self.ask(None).await;
        }
    }

    async fn ask(&mut self, flow: Option<&str>) {
        let choices: Vec<(&FlowDef, &DeploymentDef)> = catalog::flows()
            .filter(|def| flow.is_none_or(|name| def.name == name))
            .flat_map(|def| {
                let all = def.deployments.iter().chain(def.by_hand);
                all.map(move |one| (def, one))
            })
            // What is held or waits for a machine that never comes has enough runs from the beginning.
            .filter(|(_, one)| one.queue != "partner-portal" && !one.labels.contains(&"gpu"))
            .collect();
        let Some((flow, def)) = self.dice.pick(&choices).copied() else {
            return;
        };
        let by_hand = def.name.is_empty();
        let deployment = (!by_hand).then(|| format!("{}/{}", flow.name, def.name));
        let waiting = RunQuery {
            state: vec![State::Queued],
            flow: by_hand.then(|| flow.name.to_owned()),
            deployment: deployment.clone(),
            ..RunQuery::default()
        };
        if let Ok(page) = self.client.runs(&waiting).await
            && page.items.len() >= MAX_WAITING
        {
            return;
        }
        let asked = (def.asks)(&mut self.dice);
        let request = CreateRun {
            flow: by_hand.then(|| flow.name.to_owned()),
            deployment,
            parameters: asked.as_object().cloned().unwrap_or_default(),
            ..CreateRun::default()
        };
        if let Err(error) = self.client.create_run(&request).await {
            // A visitor may have deleted or changed the deployment: the others are still there.
            tracing::debug!(%error, "the demo's people could not ask for a run");
        }
    }
}
