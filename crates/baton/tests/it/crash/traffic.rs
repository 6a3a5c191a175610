//! Clients that go on submitting while the server dies and comes back, and remember what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_api::client::Client;
use baton_api::rest::CreateRun;
use tokio::task::JoinSet;

use super::install::{Install, SOON};
use crate::support::wait_for;

/// What the clients remember: every key they used, and the run that the server acknowledged for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Key → run id, for each submission that was acknowledged.
    pub(crate) accepted: BTreeMap<String, String>,
    /// Keys whose outcome no client knows: the run may be there, but not twice.
    pub(crate) unknown: Vec<String>,
}

/// Submitters at work.
pub(crate) struct Traffic {
    over: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    log: Arc<Mutex<Log>>,
    submitters: JoinSet<()>,
}

impl Traffic {
    /// Starts this many submitters.
    pub(crate) fn begin(install: &Install, n: usize) -> Self {
        let mut traffic = Self {
            over: Arc::default(),
            accepted: Arc::default(),
            log: Arc::default(),
            submitters: JoinSet::new(),
        };
        for i in 0..n {
            let (over, accepted) = (Arc::clone(&traffic.over), Arc::clone(&traffic.accepted));
            let log = Arc::clone(&traffic.log);
            let client = install.client().clone();
            traffic.submitters.spawn(async move {
                let mut turn = 0_u64;
                while !over.load(Ordering::Relaxed) {
                    let key = format!("client-{i}-{turn}");
                    turn += 1;
                    submit(&client, key, &log, &accepted).await;
                }
            });
        }
        traffic
    }

    /// Waits until this many more submissions were acknowledged.
    pub(crate) async fn some_accepted(&self, more: u64) {
        let until = self.accepted.load(Ordering::Relaxed) + more;
        wait_for("submissions to be accepted", SOON, async || {
            self.accepted.load(Ordering::Relaxed) >= until
        })
        .await;
    }

    /// Stops, and hands over what the clients remember.
    pub(crate) async fn end(mut self) -> Log {
        self.over.store(true, Ordering::Relaxed);
        while let Some(task) = self.submitters.join_next().await {
            task.expect("a submitter does not panic");
        }
        self.log.lock().expect("no holder panics").clone()
    }
}

/// Submits once under one key, asking again with the same key while the outcome is unknown.
async fn submit(client: &Client, key: String, log: &Mutex<Log>, accepted: &AtomicU64) {
    let body = CreateRun {
        idempotency_key: Some(key.clone()),
        ..CreateRun::default()
    };
    // One in eight is not asked again: it stays unknown, as after a client's own crash.
    let tries = if key.ends_with('7') { 1 } else { 50 };
    for _ in 0..tries {
        let call = client.run_deployment("evidence/default", &body);
        if let Ok(Ok(made)) = tokio::time::timeout(Duration::from_secs(5), call).await {
            let mut log = log.lock().expect("no holder panics");
            log.accepted.insert(key, made.id.to_string());
            accepted.fetch_add(1, Ordering::Relaxed);
            return;
        }
        tokio::task::yield_now().await;
    }
    log.lock().expect("no holder panics").unknown.push(key);
}
