//! Adding a machine: a one-time token, exchanged for a robot with a key of its own.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{CreateEnrolment, EnrolRequest, Enrolled, Enrolment};
use baton_core::access::Role;
use baton_core::id::RobotId;
use baton_core::robot::{Robot, RobotMetrics, RobotOffer};
use baton_store::keys::{Key, KeyKind};
use jiff::SignedDuration;
use serde_json::json;

use super::Http;
use super::extract::{Caller, Json, MaybeJson};
use super::flows::{check_robot, entropy};
use super::guard::Peer;
use super::route::Created;
use super::server::{install_command, outer_url};
use crate::auth::new_secret;
use crate::error::ApiError;
use crate::outside::Seen;

/// How long a token works unless the caller says otherwise, in seconds.
const HOUR: u32 = 3_600;
/// Shortest and longest life of a token, in seconds.
const LIFE: std::ops::RangeInclusive<u32> = 60..=604_800;
/// How a token that is only for one name says so in its row.
const ONLY_FOR: &str = "enrolment of ";

pub(crate) async fn create_enrolment(
    State(http): State<Arc<Http>>,
    caller: Caller,
    seen: Seen,
    MaybeJson(body): MaybeJson<CreateEnrolment>,
) -> Result<Created<Enrolment>, ApiError> {
    let seconds = body.expires_in_seconds.unwrap_or(HOUR);
    if !LIFE.contains(&seconds) {
        let why = format!("lies between {} and {}", LIFE.start(), LIFE.end());
        return Err(ApiError::invalid("out_of_range", "expires_in_seconds", why));
    }
    let name = match &body.robot_name {
        Some(name) => {
            check_robot("robot_name", name)?;
            format!("{ONLY_FOR}{name}")
        }
        None => "enrolment".to_owned(),
    };
    let now = http.app.clock.now();
    let expires_at = now + SignedDuration::from_secs(seconds.into());
    let (id, token, hash) = new_secret(KeyKind::Enrolment, now);
    let key = crate::auth::one_time(
        id,
        caller.org,
        &name,
        KeyKind::Enrolment,
        Role::Robot,
        Some(caller.authority),
        hash,
        now,
        expires_at,
    );
    let event = http.event(&caller, "enrolment.created", id, json!({"name": name}));
    http.recorded(event, http.app.store.create_key(key)).await?;
    let fingerprint = http.fingerprint.clone();
    let url = outer_url(&http, &seen);
    Ok(Created(Enrolment {
        command: install_command(&http, &url, &token, body.robot_name.as_deref()),
        token,
        expires_at,
        fingerprint,
    }))
}

pub(crate) async fn enrol_robot(
    State(http): State<Arc<Http>>,
    Peer(peer): Peer,
    Json(body): Json<EnrolRequest>,
) -> Result<Created<Enrolled>, ApiError> {
    check_robot("name", &body.name)?;
    let (store, now) = (&http.app.store, http.app.clock.now());
    let token = http
        .auth
        .token(&body.token, KeyKind::Enrolment, peer, now)
        .await?;
    if let Some(only) = token.name.strip_prefix(ONLY_FOR)
        && only != body.name
    {
        return Err(ApiError::conflict(
            "wrong_robot_name",
            format!("this token enrols only the robot {only:?}"),
        ));
    }
    let robot_id = RobotId::new(now, entropy());
    let robot = Robot {
        id: robot_id,
        org: token.org,
        name: body.name.clone(),
        offer: RobotOffer {
            computer: body.computer,
            max_concurrent_jobs: 1,
            ..RobotOffer::default()
        },
        draining: false,
        drain_comment: String::new(),
        session: 0,
        connected: false,
        last_seen: None,
        lease_until: None,
        metrics: RobotMetrics::default(),
        created_at: now,
    };
    store.create_robot(robot).await?;
    let (id, key, hash) = new_secret(KeyKind::Robot, now);
    let made = Key {
        id,
        org: token.org,
        name: body.name.clone(),
        kind: KeyKind::Robot,
        role: Role::Robot,
        robot_id: Some(robot_id),
        hash,
        created_at: now,
        expires_at: None,
        revoked_at: None,
        opened_by: None,
        last_used_at: None,
    };
    let detail = json!({"name": body.name});
    let event = http.event_of(token.org, &token.name, "robot.enrolled", robot_id, detail);
    let exchanged = http.noted(event, store.exchange_key(token.id, made, now));
    if let Err(error) = exchanged.await {
        // Somebody else was faster with the same token: nothing of this attempt stays.
        if let Err(left) = store.delete_robot(token.org, robot_id, now).await {
            tracing::warn!(%left, robot = body.name, "a robot without a key stays behind");
        }
        return Err(error.into());
    }
    http.auth.forget(token.id);
    Ok(Created(Enrolled {
        robot_id,
        name: body.name,
        key,
    }))
}
