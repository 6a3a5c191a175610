//! API keys: made, listed, taken back.

use std::sync::Arc;

use axum::extract::State;
use baton_api::rest::{Collection, CreateKey, CreatedKey, Key, PageQuery};
use baton_core::access::Role;
use baton_core::id::KeyId;
use baton_store::keys::{self, KeyKind};
use baton_store::logs::ResourceEvent;
use baton_store::noting::Note;
use jiff::SignedDuration;
use serde_json::json;

use super::Http;
use super::extract::{Caller, Id, Json, Query};
use super::flows::check;
use super::paging::{listed, page};
use super::route::{Created, Done};
use crate::auth::new_secret;
use crate::error::ApiError;
use crate::operations;

pub(crate) async fn list_keys(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Collection<Key>>, ApiError> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let found = http.app.store.keys_page(request).await?;
    Ok(axum::Json(listed(found, view)))
}

pub(crate) async fn create_key(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<CreateKey>,
) -> Result<Created<CreatedKey>, ApiError> {
    check("name", &body.name)?;
    if body.role == Role::Robot {
        let why = "robots get their keys by enrolment: `baton robots enroll`";
        return Err(ApiError::invalid("role_not_allowed", "role", why));
    }
    let now = http.app.clock.now();
    let expires_at = match body.expires_in_seconds {
        Some(0) => {
            let why = "a key that never works is of no use; leave it out for one that always does";
            return Err(ApiError::invalid("out_of_range", "expires_in_seconds", why));
        }
        Some(seconds) => {
            let life = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            now.checked_add(life).ok()
        }
        None => None,
    };
    let (id, secret, hash) = new_secret(KeyKind::Api, now);
    let key = keys::Key {
        id,
        org: caller.org,
        name: body.name,
        kind: KeyKind::Api,
        role: body.role,
        robot_id: None,
        hash,
        created_at: now,
        expires_at,
        revoked_at: None,
        opened_by: None,
        last_used_at: None,
    };
    let detail = json!({"name": key.name, "role": key.role});
    let event = http.event(&caller, "key.created", id, detail);
    http.recorded(event, http.app.store.create_key(key.clone()))
        .await?;
    Ok(Created(CreatedKey {
        key: view(key),
        secret,
    }))
}

pub(crate) async fn revoke_key(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> Result<Done, ApiError> {
    let event = http.event(&caller, "key.revoked", id, json!({}));
    let note = Note::when(move |key: &keys::Key| {
        let detail = json!({"name": key.name});
        vec![ResourceEvent {
            detail,
            ..event.clone()
        }]
    });
    http.recorded(note, operations::revoke_key(&http.app, caller.org, id))
        .await?;
    http.auth.forget(id);
    Ok(Done)
}

fn view(key: keys::Key) -> Key {
    Key {
        id: key.id,
        name: key.name,
        role: key.role,
        robot_id: key.robot_id,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    }
}
