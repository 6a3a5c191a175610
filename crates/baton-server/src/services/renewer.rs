//! The renewer: writes in one batch which robots were heard, and cuts those that were not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_api::robot::{CLOSE_SLOW, CLOSE_UNAUTHORISED};
use baton_core::lease::{LEASE, Steady};
use baton_core::robot::UNREACHABLE_AFTER;
use baton_store::fleet::Renewal;
use baton_store::{Result, StoreError};
use jiff::Timestamp;

use super::{Service, after};
use crate::app::App;
use crate::robots::Connection;

/// How often what was heard is written: leases are twelve times as long.
const EVERY: Duration = Duration::from_secs(5);
/// Keys looked at in one step: 10,000 robots are all looked at within a few minutes; a key that is taken
/// back by this server closes its connections at once.
const KEYS_AT_ONCE: usize = 200;

/// Writes which robots were heard.
#[derive(Default)]
pub(super) struct Renewer {
    next_key: usize,
}

#[async_trait]
impl Service for Renewer {
    const NAME: &'static str = "renewer";

    fn tick(_app: &App) -> Duration {
        EVERY
    }

    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>> {
        let (now, steady) = (app.now(), app.steady());
        let mut connections = app.robots.all();
        let mut renewals = Vec::new();
        for connection in &connections {
            renewals.extend(renewal(app, connection));
            cut_silent(connection, steady);
        }
        if !renewals.is_empty() {
            app.store.renew_sessions(renewals).await?;
        }
        connections.sort_by_key(|c| c.robot_id);
        self.check_keys(app, &connections, now).await?;
        Ok(Some(after(now, EVERY)))
    }
}

/// What was heard of a robot since it was written last.
fn renewal(app: &App, connection: &Connection) -> Option<Renewal> {
    let mut heard = connection.heard();
    if heard.written {
        return None;
    }
    // Should the write fail, the next heartbeat is seconds away and leases are a minute.
    heard.written = true;
    let at = app.day_of(heard.at);
    Some(Renewal {
        robot_id: connection.robot_id,
        session: connection.session,
        last_seen: at,
        lease_until: at.saturating_add(LEASE).unwrap_or(Timestamp::MAX),
        metrics: heard.metrics.clone(),
    })
}

fn cut_silent(connection: &Connection, now: Steady) {
    if now.since(connection.heard_at()) > UNREACHABLE_AFTER {
        let reason = format!("nothing was heard for {UNREACHABLE_AFTER:#}; reconnect");
        connection.close(CLOSE_SLOW, &reason);
    }
}

impl Renewer {
    /// Closes connections whose keys no longer work, some at a time.
    async fn check_keys(
        &mut self,
        app: &Arc<App>,
        connections: &[Arc<Connection>],
        now: Timestamp,
    ) -> Result<()> {
        for connection in connections {
            if connection.key_expires_at.is_some_and(|at| at <= now) {
                connection.close(CLOSE_UNAUTHORISED, "the robot's key has expired");
            }
        }
        if connections.is_empty() {
            return Ok(());
        }
        for step in 0..KEYS_AT_ONCE.min(connections.len()) {
            let connection = &connections[(self.next_key + step) % connections.len()];
            let works = match app.store.key(connection.key_id).await {
                Ok(key) => key.revoked_at.is_none(),
                Err(StoreError::NotFound { .. }) => false,
                Err(error) => return Err(error),
            };
            if !works {
                connection.close(CLOSE_UNAUTHORISED, "the robot's key was taken back");
            }
        }
        self.next_key = (self.next_key + KEYS_AT_ONCE) % connections.len();
        Ok(())
    }
}
