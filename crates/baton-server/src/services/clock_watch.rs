//! The clock watch: notices that somebody set the time of day, and says what follows from it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use baton_core::id::OrgId;
use baton_core::lease::Steady;
use baton_store::Result;
use baton_store::logs::ResourceEvent;
use jiff::{SignedDuration, Timestamp};

use super::{Service, after};
use crate::app::App;

/// How often the two clocks are compared.
const EVERY: Duration = Duration::from_secs(5);
/// A smaller difference is a clock that is being corrected gently, as time services do.
const NOTICED: SignedDuration = SignedDuration::from_secs(2);

/// Compares the time of day with the clock that nobody sets.
#[derive(Default)]
pub(super) struct ClockWatch {
    before: Option<(Timestamp, Steady)>,
}

#[async_trait]
impl Service for ClockWatch {
    const NAME: &'static str = "clock-watch";

    fn tick(_app: &App) -> Duration {
        EVERY
    }

    async fn step(&mut self, app: &Arc<App>) -> Result<Option<Timestamp>> {
        let (day, steady) = (app.now(), app.steady());
        let (day_before, steady_before) = self.before.unwrap_or((app.started_at, app.began));
        let by = day
            .duration_since(day_before)
            .saturating_sub(steady.since(steady_before));
        if by.abs() > NOTICED {
            say(app, day, by).await?;
            // What is due at a time of day may be due at once now.
            app.wakeups.scheduler.notify_one();
            app.wakeups.dispatcher.notify_one();
        }
        self.before = Some((day, steady));
        Ok(Some(after(day, EVERY)))
    }
}

/// What schedules do after the clock was set, in a sentence.
fn consequence(by: SignedDuration) -> &'static str {
    if by.is_negative() {
        "times that have come once do not come again: schedules make their next run when the clock passes \
         the last time that they ran for, and waits for a retry are longer by as much"
    } else {
        "schedules treat the times that were passed over as missed, each by its own rule for missed times"
    }
}

async fn say(app: &App, day: Timestamp, by: SignedDuration) -> Result<()> {
    let what = consequence(by);
    let seconds = by.as_secs();
    tracing::warn!(
        seconds,
        "the machine's clock was set; no lease and no run deadline follows it; {what}"
    );
    let event = ResourceEvent {
        seq: 0,
        org: OrgId::DEFAULT,
        at: day,
        kind: "server.clock_set".into(),
        subject: String::new(),
        actor: ClockWatch::NAME.into(),
        detail: serde_json::json!({ "seconds": seconds, "schedules": what }),
    };
    app.store.append_events(vec![event]).await.map(|_| ())
}
