//! The brake: when most of the fleet vanishes at once, the cause is rarely the robots.
//!
//! A switch, a firewall or this server's own network then looks like a hundred dead machines, and
//! trying all their runs again at once would do the rest. So what would be tried again elsewhere is
//! held back until the fleet is back, or long enough that it plainly will not come back.

use baton_core::id::OrgId;
use baton_core::lease::{LEASE, MARGIN, Steady};
use baton_core::state::OnLost;
use baton_store::logs::ResourceEvent;
use baton_store::runs::LiveAttempt;
use jiff::{SignedDuration, Timestamp};

use crate::app::App;

/// A fleet smaller than this has no meaningful majority.
const SMALLEST_FLEET: usize = 10;
/// How long runs are held back at most.
const LONGEST: SignedDuration = SignedDuration::from_secs(15 * 60);
/// Robots heard within this time before now count as present until just now.
const RECENT: SignedDuration = SignedDuration::from_secs(10 * 60);

/// Whether runs of lost robots are held back.
#[derive(Debug, Default)]
pub(super) struct Brake {
    since: Option<Steady>,
}

impl Brake {
    /// Looks at the fleet; says so loudly when the brake is put on or comes off.
    pub(super) async fn holds(&mut self, app: &App, now: Steady) -> bool {
        let Ok(robots) = app.store.robots(None).await else {
            return self.since.is_some();
        };
        let lost_after = LEASE + MARGIN;
        let day = app.now();
        let quiet = robots.iter().filter_map(|robot| {
            let here = app.robots.heard_at(robot.id).map(|at| now.since(at));
            // One that has not come since this server began was seen by the one before.
            here.or_else(|| robot.last_seen.map(|seen| day.duration_since(seen)))
        });
        let recent: Vec<SignedDuration> = quiet.filter(|q| *q <= RECENT).collect();
        let lost = recent.iter().filter(|q| **q >= lost_after).count();
        let mass = recent.len() >= SMALLEST_FLEET && lost * 2 > recent.len();
        match (self.since, mass) {
            (None, true) => {
                self.since = Some(now);
                self.say(app, "fleet.mass_loss", lost, recent.len(), day)
                    .await;
            }
            (Some(since), true) if now.since(since) > LONGEST => return false,
            (Some(_), false) => {
                self.since = None;
                self.say(app, "fleet.mass_loss_over", lost, recent.len(), day)
                    .await;
            }
            _ => {}
        }
        self.since.is_some()
    }

    async fn say(&self, app: &App, kind: &str, lost: usize, of: usize, now: Timestamp) {
        tracing::error!(
            lost,
            of,
            kind,
            "most of the fleet vanished within one lease; runs that would be tried again elsewhere are \
             held back while that is so (at most 15 minutes): look at the network first"
        );
        let event = ResourceEvent {
            seq: 0,
            org: OrgId::DEFAULT,
            at: now,
            kind: kind.into(),
            subject: String::new(),
            actor: "rescuer".into(),
            detail: serde_json::json!({ "lost": lost, "of": of }),
        };
        if let Err(error) = app.store.append_events(vec![event]).await {
            tracing::error!(%error, "cannot record a mass loss");
        }
    }
}

/// Whether the loss of this attempt would open another one elsewhere.
pub(super) async fn would_retry(app: &App, attempt: &LiveAttempt) -> bool {
    match app.store.run(attempt.org, attempt.run_id).await {
        Ok(run) => matches!(run.spec.on_lost, OnLost::Retry | OnLost::Resume),
        Err(_) => true,
    }
}
