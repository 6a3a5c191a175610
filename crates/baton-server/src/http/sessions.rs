//! Signing a browser in and out: a one-time token or a key becomes a cookie that no script can read.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use baton_api::rest::{CreateSession, Session, SignInLink};
use baton_core::access::Role;
use baton_core::id::{KeyId, OrgId};
use baton_store::keys::{Key, KeyKind};
use baton_store::logs::ResourceEvent;
use jiff::{SignedDuration, Timestamp};

use super::Http;
use super::extract::{Caller, Json};
use super::guard::COOKIE_NAME;
use super::route::{Answer, Created, Done, Shape};
use crate::auth::{new_secret, one_time, sign_in_link};
use crate::error::ApiError;
use crate::outside::Seen;

/// How long a browser stays signed in: over a weekend, not for ever.
const SIGNED_IN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// An answer that sets or clears the cookie.
pub(crate) struct WithCookie<A> {
    answer: A,
    cookie: String,
}

impl<A: IntoResponse> IntoResponse for WithCookie<A> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        let cookie = HeaderValue::try_from(self.cookie).expect("cookies are made of hex and words");
        response.headers_mut().insert(SET_COOKIE, cookie);
        response
    }
}

impl<A: Answer> Answer for WithCookie<A> {
    fn describe(shape: &mut Shape) {
        A::describe(shape);
    }
}

pub(crate) async fn create_session(
    State(http): State<Arc<Http>>,
    seen: Seen,
    Json(body): Json<CreateSession>,
) -> Result<WithCookie<Created<Session>>, ApiError> {
    let (now, peer) = (http.app.clock.now(), seen.peer);
    let expires_at = now + SIGNED_IN;
    match (body.token, body.key) {
        (Some(token), None) => {
            let token = http.auth.token(&token, KeyKind::SignIn, peer, now).await?;
            let expires_at = within_opener(&http, token.opened_by, expires_at).await?;
            let (made, text) = session_key(
                token.org,
                &token.name,
                token.role,
                token.opened_by,
                now,
                expires_at,
            );
            let event = event(&http, token.org, &token.name, "session.created");
            let exchange = http.app.store.exchange_key(token.id, made, now);
            http.recorded(event, exchange).await?;
            http.auth.forget(token.id);
            Ok(signed_in(
                &http,
                &seen,
                &token.name,
                token.role,
                &text,
                expires_at,
            ))
        }
        (None, Some(key)) => {
            let kinds = [KeyKind::Api];
            let who = http.auth.recognise(&key, &kinds, peer, now).await?;
            // The session ends with the key that opened it.
            let expires_at = who.expires_at.map_or(expires_at, |at| at.min(expires_at));
            let opened_by = Some(who.authority);
            let (made, text) =
                session_key(who.org, &who.name, who.role, opened_by, now, expires_at);
            let event = event(&http, who.org, &who.name, "session.created");
            http.recorded(event, http.app.store.create_key(made))
                .await?;
            Ok(signed_in(
                &http, &seen, &who.name, who.role, &text, expires_at,
            ))
        }
        _ => Err(ApiError::invalid(
            "missing_field",
            "token",
            "give either the `token` of a sign-in link or a `key`",
        )),
    }
}

/// No session outlives the key on whose authority it was opened.
async fn within_opener(
    http: &Http,
    opened_by: Option<KeyId>,
    expires_at: Timestamp,
) -> Result<Timestamp, ApiError> {
    let Some(opener) = opened_by else {
        return Ok(expires_at);
    };
    let opener = http.app.store.key(opener).await?;
    Ok(opener
        .expires_at
        .map_or(expires_at, |at| at.min(expires_at)))
}

fn session_key(
    org: OrgId,
    name: &str,
    role: Role,
    opened_by: Option<KeyId>,
    now: Timestamp,
    expires_at: Timestamp,
) -> (Key, String) {
    let (id, text, hash) = new_secret(KeyKind::Session, now);
    let key = one_time(
        id,
        org,
        name,
        KeyKind::Session,
        role,
        opened_by,
        hash,
        now,
        expires_at,
    );
    (key, text)
}

fn signed_in(
    http: &Http,
    seen: &Seen,
    name: &str,
    role: Role,
    text: &str,
    expires_at: Timestamp,
) -> WithCookie<Created<Session>> {
    WithCookie {
        answer: Created(Session {
            name: name.to_owned(),
            role,
            expires_at: Some(expires_at),
            browser: true,
        }),
        cookie: cookie(http, seen, text, SIGNED_IN.as_secs()),
    }
}

fn cookie(http: &Http, seen: &Seen, text: &str, seconds: i64) -> String {
    let secure = if seen.is_https { "; Secure" } else { "" };
    let path = match http.outside.base.as_str() {
        "" => "/",
        base => base,
    };
    format!(
        "{COOKIE_NAME}={text}; Path={path}; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
    )
}

pub(crate) async fn get_session(caller: Caller) -> Result<axum::Json<Session>, ApiError> {
    Ok(axum::Json(Session {
        name: caller.name.clone(),
        role: caller.role,
        expires_at: caller.expires_at,
        browser: caller.is_browser,
    }))
}

pub(crate) async fn delete_session(
    State(http): State<Arc<Http>>,
    caller: Caller,
    seen: Seen,
) -> Result<WithCookie<Done>, ApiError> {
    if caller.is_browser {
        let now = http.app.clock.now();
        let event = event(&http, caller.org, &caller.name, "session.ended");
        let revoke = http.app.store.revoke_key(caller.org, caller.key, now);
        http.recorded(event, revoke).await?;
        http.auth.forget(caller.key);
    }
    Ok(WithCookie {
        answer: Done,
        cookie: cookie(&http, &seen, "", 0),
    })
}

pub(crate) async fn create_sign_in_link(
    State(http): State<Arc<Http>>,
    caller: Caller,
    seen: Seen,
) -> Result<Created<SignInLink>, ApiError> {
    let now = http.app.clock.now();
    let store = &*http.app.store;
    let (org, name, role) = (caller.org, &caller.name, caller.role);
    let event = event(&http, org, name, "session.link_created");
    let link = sign_in_link(store, &seen.url, org, name, role, caller.authority, now);
    let link = http.recorded(event, link).await?;
    Ok(Created(link))
}

/// The row that a browser was signed in or out; whose it is stands in `actor`.
fn event(http: &Http, org: OrgId, name: &str, kind: &str) -> ResourceEvent {
    http.event_of(org, name, kind, "", serde_json::Value::Null)
}
