//! Time zone data that changed: every stored slot is computed anew, and the schedules that moved are named.

use std::collections::HashMap;
use std::sync::Arc;

use baton_core::id::{DeploymentId, OrgId};
use baton_core::schedule::{Schedule, SlotPlan, Timetable, first_moved, replan};
use baton_core::zone::{self, Zones};
use baton_store::Result;
use baton_store::logs::ResourceEvent;
use baton_store::zones::{ActiveSchedule, ZoneRules};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Scheduler;
use super::slots::{
    Decided, Undecided, cancel_before, composed, is_of_the_store, left_due, report,
};
use crate::app::App;
use crate::services::Service;
use crate::submit::Plan;

/// How often the files are looked at: some hundred sizes and times, once a minute.
const LOOK: SignedDuration = SignedDuration::from_secs(60);
/// How far ahead a schedule is compared: all clock changes of a year.
const AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Around now every change of a clock matters: the widest ever was a day.
const BEHIND: SignedDuration = SignedDuration::from_hours(26);
/// How often an exchange is tried with the runs that it makes. What stands in its way is mostly an edit in
/// between; after that the runs are left to the scheduler, which tries those of each schedule by themselves.
const TRIES_WITH_RUNS: u32 = 3;
/// Most schedules that are named as moved.
const MAX_NAMED: usize = 1_000;

/// What is known of the data in use.
#[derive(Default)]
pub(super) struct Watch {
    looked_at: Option<Timestamp>,
    stamp: String,
    /// By which the stored slots go.
    stored: Option<String>,
    /// Whether slots are looked at once more: a request may have computed one by the rules before and stored it
    /// after they were exchanged.
    again: bool,
    /// How often in a row the store refused the exchange.
    refused: u32,
}

impl Watch {
    /// When it looks again.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.looked_at?.checked_add(LOOK).ok()
    }

    /// Looks at the files when it is time, and computes all slots anew where they changed.
    pub(super) async fn step(&mut self, app: &Arc<App>, now: Timestamp) -> Result<()> {
        // A clock that was set back is no reason to wait.
        let rested = |at: Timestamp| now < at || now.duration_since(at) >= LOOK;
        if !self.looked_at.is_none_or(rested) {
            return Ok(());
        }
        self.look(app).await;
        let zones = zone::current();
        let is_known = self.stored.as_deref() == Some(zones.identity());
        if !is_known || self.again {
            let known = app.store.zone_rules().await?;
            let same = known
                .as_ref()
                .is_some_and(|known| known.identity == zones.identity());
            if !same || self.again {
                let runs = self.refused < TRIES_WITH_RUNS;
                match renew(app, known, &zones, now, runs).await {
                    Err(error) if !is_of_the_store(&error) => {
                        self.refused += 1;
                        return Err(error);
                    }
                    done => done?,
                }
                self.refused = 0;
                self.again = !same;
            }
            self.stored = Some(zones.identity().to_owned());
        }
        self.looked_at = Some(now);
        Ok(())
    }

    async fn look(&mut self, app: &Arc<App>) {
        let files = Arc::clone(&app.config.zones);
        let before = self.stamp.clone();
        let found = tokio::task::spawn_blocking(move || {
            let stamp = files.stamp();
            let newest = (stamp != before).then(|| files.newest());
            // Files that are being replaced right now are read in a minute, when they are whole.
            (files.stamp() == stamp).then_some((stamp, newest))
        });
        let Ok(Some((stamp, newest))) = found.await else {
            return;
        };
        match newest {
            Some(Ok(zones)) if zones.identity() != zone::current().identity() => {
                tracing::info!(to = zones.describe(), "the time zone data changed");
                zone::install(zones);
            }
            Some(Err(fault)) => {
                tracing::warn!(%fault, "the time zone data in use is kept");
            }
            _ => {}
        }
        self.stamp = stamp;
    }
}

/// Computes all slots by `zones` and stores them together with these; the runs of those that have come by now
/// as well, or they are left to the scheduler.
async fn renew(
    app: &Arc<App>,
    known: Option<ZoneRules>,
    zones: &Zones,
    now: Timestamp,
    runs: bool,
) -> Result<()> {
    let same = known
        .as_ref()
        .is_some_and(|known| known.identity == zones.identity());
    let old = known
        .as_ref()
        .filter(|_| !same)
        .and_then(|known| Zones::from_bytes(None, &known.data));
    let mut renewal = Renewal {
        app,
        old: old.as_ref(),
        new: zones,
        now,
        runs,
        deployments: HashMap::new(),
        agreeing: HashMap::new(),
        decided: Vec::new(),
        moved: Vec::new(),
    };
    for active in app.store.active_schedules().await? {
        renewal.take(active).await?;
    }
    let Renewal { decided, moved, .. } = renewal;
    for one in &decided {
        cancel_before(app, one).await?;
    }
    let rules = match known {
        Some(known) if same => known,
        known => ZoneRules {
            identity: zones.identity().to_owned(),
            name: zones.describe(),
            data: zones.to_bytes(),
            changed_at: now,
            before: known.map(|known| known.name),
            moved: json!(
                moved
                    .iter()
                    .take(MAX_NAMED)
                    .map(Moved::json)
                    .collect::<Vec<_>>()
            ),
        },
    };
    let before = rules.before.clone();
    let commits = decided.iter().map(Decided::commit).collect();
    app.store.renew_zones(rules, commits, now).await?;
    for one in &decided {
        report(app, one, now).await;
    }
    if !same {
        tell(app, before, zones, &moved, now).await;
    }
    Ok(())
}

struct Renewal<'a> {
    app: &'a Arc<App>,
    old: Option<&'a Zones>,
    new: &'a Zones,
    now: Timestamp,
    /// Whether it makes the runs of slots that have come.
    runs: bool,
    deployments: HashMap<DeploymentId, Plan>,
    /// Zones by name: whether both rules have the same clock there.
    agreeing: HashMap<String, bool>,
    decided: Vec<Decided>,
    moved: Vec<Moved>,
}

impl Renewal<'_> {
    async fn take(&mut self, active: ActiveSchedule) -> Result<()> {
        let ActiveSchedule { schedule, held } = active;
        // A slot beyond the time that is compared may have moved all the same.
        let far = self.now.saturating_add(AHEAD - BEHIND);
        let is_far = schedule.next_at > Some(far.unwrap_or(Timestamp::MAX));
        if !is_far && self.agrees(&schedule.settings.timezone) {
            return Ok(());
        }
        let plan = match self.plan(&schedule, held).await? {
            Ok(plan) => plan,
            Err(why) => {
                tracing::error!(schedule = %schedule.id, why, "its slots cannot be computed anew");
                return Ok(());
            }
        };
        self.name(&schedule, &plan);
        let stays = plan.create.is_empty()
            && (plan.next_at, plan.last_slot) == (schedule.next_at, schedule.last_slot);
        if stays {
            return Ok(());
        }
        let later = Decided {
            schedule: schedule.clone(),
            plan: left_due(&schedule, plan.clone()),
            runs: Vec::new(),
        };
        let one = if self.runs {
            match composed(self.app, schedule, plan, &mut self.deployments, self.now).await {
                Ok(one) => one,
                Err(Undecided::Store(error)) => return Err(error),
                Err(Undecided::Broken(why)) => {
                    tracing::error!(schedule = %later.schedule.id, why, "a slot that moved cannot fire");
                    later
                }
            }
        } else {
            later
        };
        self.decided.push(one);
        Ok(())
    }

    async fn plan(
        &self,
        schedule: &Schedule,
        held: bool,
    ) -> Result<std::result::Result<SlotPlan, String>> {
        let (new, now) = (self.new, self.now);
        if held {
            // It makes nothing now; when its deployment goes on, it goes on from there.
            let timetable = Timetable::by(&schedule.settings, new);
            return Ok(timetable
                .map_err(|error| error.to_string())
                .map(|timetable| SlotPlan {
                    last_slot: schedule.last_slot,
                    next_at: schedule.next_at.and_then(|_| timetable.next_after(now)),
                    ..SlotPlan::default()
                }));
        }
        let by = |running: &[_]| {
            replan(schedule, running, self.old, new, now).map_err(|e| e.to_string())
        };
        let plan = by(&[]);
        if plan.as_ref().is_ok_and(|plan| !plan.create.is_empty()) {
            let running = self
                .app
                .store
                .open_runs_of(schedule.org, schedule.id)
                .await?;
            return Ok(by(&running));
        }
        Ok(plan)
    }

    fn agrees(&mut self, zone: &str) -> bool {
        let Some(old) = self.old else {
            return false;
        };
        if let Some(known) = self.agreeing.get(zone) {
            return *known;
        }
        let from = self.now.saturating_sub(BEHIND).unwrap_or(Timestamp::MIN);
        let until = self.now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let agrees = self.new.agrees(old, zone, from, until);
        self.agreeing.insert(zone.to_owned(), agrees);
        agrees
    }

    /// Names a schedule whose next slot, or one of the coming year, lies elsewhere now.
    fn name(&mut self, schedule: &Schedule, plan: &SlotPlan) {
        let until = self.now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let later = |old| first_moved(&schedule.settings, old, self.new, self.now, until);
        let (was, now) = if schedule.next_at != plan.next_at {
            (
                schedule.next_at,
                plan.create.first().map(|run| run.slot).or(plan.next_at),
            )
        } else if let Some(moved) = self.old.and_then(later) {
            (moved.was, moved.now)
        } else {
            return;
        };
        self.moved.push(Moved {
            schedule: schedule.clone(),
            was,
            now,
        });
    }
}

/// A schedule that moved: its first slot that does.
struct Moved {
    schedule: Schedule,
    was: Option<Timestamp>,
    now: Option<Timestamp>,
}

impl Moved {
    fn json(&self) -> serde_json::Value {
        json!({
            "org": self.schedule.org, "schedule_id": self.schedule.id,
            "was_at": self.was, "now_at": self.now,
        })
    }
}

/// Leaves a trail: one event for the change, one for each schedule that moved.
async fn tell(app: &App, before: Option<String>, zones: &Zones, moved: &[Moved], now: Timestamp) {
    let event = |org, kind: &str, subject: String, detail| ResourceEvent {
        seq: 0,
        org,
        at: now,
        kind: kind.into(),
        subject,
        actor: Scheduler::NAME.into(),
        detail,
    };
    // The first rules that are stored replace nothing that anybody knows of.
    let mut events = Vec::new();
    if before.is_some() || !moved.is_empty() {
        let detail = json!({"before": before, "now": zones.describe(), "moved": moved.len()});
        events.push(event(
            OrgId::DEFAULT,
            "server.zones_changed",
            String::new(),
            detail,
        ));
    }
    for one in moved.iter().take(MAX_NAMED) {
        let detail = json!({
            "name": one.schedule.name, "deployment_id": one.schedule.deployment_id,
            "timezone": one.schedule.settings.timezone, "was": one.was, "now": one.now,
            "zone_data": zones.describe(),
        });
        events.push(event(
            one.schedule.org,
            "schedule.moved",
            one.schedule.id.to_string(),
            detail,
        ));
    }
    if events.is_empty() {
        return;
    }
    if let Err(error) = app.store.append_events(events).await {
        tracing::warn!(%error, "cannot record which schedules moved");
    }
}
