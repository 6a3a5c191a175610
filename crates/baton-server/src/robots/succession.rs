//! A registration is taken only from the robot itself, not from a copy of it beside it.

use baton_api::robot::CLOSE_IN_USE;
use baton_core::lease::lapses_at;
use baton_core::robot::{Robot, RobotOffer};
use baton_core::succession::{self, Standing, Succession};
use baton_core::text::shell_name;
use baton_store::logs::ResourceEvent;
use serde_json::json;

use super::RobotKey;
use super::hello::{Refusal, append, refused};
use crate::app::App;

/// What is said of runs that the robot had and no longer has.
pub(super) fn why_lost(moved: bool, rebooted: bool) -> &'static str {
    match (moved, rebooted) {
        (true, _) => {
            "the robot's lease lapsed while the run was on it, and it is on another machine now"
        }
        (_, true) => "the robot's machine restarted while the run was on it",
        _ => {
            "the robot reconnected without the run: its agent was killed and the guard ended the process"
        }
    }
}

/// Whether the robot now works from another installation; refused while the one before may be there.
pub(super) async fn succeed(
    app: &App,
    key: &RobotKey,
    before: &Robot,
    offer: &RobotOffer,
) -> Result<bool, Refusal> {
    let now = app.steady();
    let live = app
        .store
        .live_attempts_of(before.id)
        .await
        .map_err(refused)?;
    let heard = app.robots.heard_at(before.id);
    let standing = Standing {
        connected: app.robots.get(before.id).is_some(),
        silent: now.since(heard.map_or(app.began, |heard| heard.max(app.began))),
        live_for: live
            .iter()
            .map(|attempt| lapses_at(heard, app.began, attempt.patience()).since(now))
            .max(),
    };
    match succession::decide(&before.offer, offer, standing) {
        Succession::Follows => Ok(false),
        Succession::Moves => {
            let detail = json!({ "computer": offer.computer, "before": before.offer.computer });
            tell(app, key, before, "robot.moved", detail).await;
            Ok(true)
        }
        Succession::Waits(wait) => {
            if app.robots.first_refusal(before.id) {
                let detail = json!({ "computer": offer.computer });
                tell(app, key, before, "robot.second_installation", detail).await;
            }
            Err(Refusal {
                close: CLOSE_IN_USE,
                code: "robot_in_use",
                message: format!(
                    "another copy of {0} is at work, or what it ran may still live; wait {1} s, or enrol this machine as a \
                     robot of its own; if the other machine is gone for good: baton robots lost {2}",
                    before.name,
                    wait.as_secs().max(1),
                    shell_name(&before.name)
                ),
            })
        }
    }
}

async fn tell(app: &App, key: &RobotKey, robot: &Robot, kind: &str, detail: serde_json::Value) {
    let event = ResourceEvent {
        seq: 0,
        org: key.org,
        at: app.now(),
        kind: kind.into(),
        subject: robot.id.to_string(),
        actor: robot.name.clone(),
        detail,
    };
    append(app, vec![event]).await;
}
