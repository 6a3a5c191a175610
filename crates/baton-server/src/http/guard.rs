//! The guard before every route: recognises the caller, checks the permission, and turns away other
//! sites' pages. What it does not let pass never reaches a handler.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use baton_core::access::Role;
use baton_store::keys::KeyKind;

use super::Http;
use super::access::Access;
use super::extract::Caller;
use crate::auth::AuthError;
use crate::error::ApiError;
use crate::outside::Seen;

/// The cookie of a signed-in browser.
pub(crate) const COOKIE_NAME: &str = "baton_session";

/// The address a request comes from, where the listener said it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl Peer {
    fn of(extensions: &axum::http::Extensions) -> Self {
        let info = extensions.get::<ConnectInfo<SocketAddr>>();
        Self(info.map(|ConnectInfo(address)| address.ip()))
    }
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let seen = parts.extensions.get::<Seen>();
        Ok(seen.map_or_else(|| Self::of(&parts.extensions), |seen| Self(seen.peer)))
    }
}

/// What the guard knows of the route that it stands before.
#[derive(Clone)]
pub(crate) struct Gate {
    /// What every handler shares.
    pub(crate) http: Arc<Http>,
    /// Who may pass.
    pub(crate) access: Access,
    /// Whether the route reads parameters from the query.
    pub(crate) takes_query: bool,
}

/// Lets a request pass, with its caller, or answers why not.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = Peer::of(&parts.extensions).0;
    let seen = gate.http.outside.seen(&parts.headers, peer);
    parts.extensions.insert(seen);
    match caller(&gate.http, gate.access, &parts).await {
        Ok(Some(caller)) => {
            parts.extensions.insert(caller);
        }
        Ok(None) => {}
        Err(error) => return error.into_response(),
    }
    if !gate.takes_query
        && let Err(error) = super::extract::no_query(&parts.uri)
    {
        return error.into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Who sends a request, if that may use what takes this access.
pub(crate) async fn caller(
    http: &Http,
    access: Access,
    request: &Parts,
) -> Result<Option<Caller>, ApiError> {
    let headers = &request.headers;
    let shown = credentials(headers)?;
    let is_cookie = matches!(shown, Some(Shown::Cookie(_)));
    let is_upgrade = headers.contains_key(UPGRADE);
    let peer = Peer::of(&request.extensions).0;
    let seen = http.outside.seen(headers, peer);
    if is_cookie || is_upgrade || access == Access::Public {
        check_host(http, &seen)?;
        check_origin(http, &seen, headers, &request.method, is_cookie)?;
    }
    if access == Access::Public {
        return Ok(None);
    }
    let shown = shown.ok_or_else(|| ApiError::from(AuthError::Missing))?;
    let now = http.app.clock.now();
    let peer = seen.peer;
    let recognised = match shown {
        Shown::Key(text) => {
            let kinds = [KeyKind::Api, KeyKind::Robot];
            http.auth.recognise(text, &kinds, peer, now).await
        }
        Shown::Cookie(text) => {
            let kinds = [KeyKind::Session];
            http.auth.recognise(text, &kinds, peer, now).await
        }
    };
    let principal = recognised.map_err(ApiError::from)?;
    if !access.admits(principal.role) {
        return Err(forbidden(principal.role, access));
    }
    Ok(Some(Caller(Arc::new(principal))))
}

fn forbidden(role: Role, access: Access) -> ApiError {
    let may: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|role| access.admits(*role))
        .map(Role::as_str)
        .collect();
    ApiError::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        format!(
            "a key of role {} may not do this; it takes {}",
            role.as_str(),
            may.join(" or ")
        ),
    )
}

enum Shown<'a> {
    Key(&'a str),
    Cookie(&'a str),
}

/// What the caller shows. A header that is there but wrong is an error, never nobody.
fn credentials(headers: &HeaderMap) -> Result<Option<Shown<'_>>, ApiError> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let bearer = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, key) = bearer.ok_or_else(|| ApiError::from(AuthError::Unknown))?;
        return Ok(Some(Shown::Key(key.trim())));
    }
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let session = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME);
    Ok(session.map(|(_, text)| Shown::Cookie(text)))
}

/// A name that another site's owner controls could point here (DNS rebinding); an address cannot.
fn check_host(http: &Http, seen: &Seen) -> Result<(), ApiError> {
    if http.outside.knows(&seen.host) {
        return Ok(());
    }
    let name = seen
        .host
        .rsplit_once(':')
        .map_or(seen.host.as_str(), |(name, _)| name);
    Err(ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        format!(
            "this server is not called {name:?} (the request's Host is {:?}); it answers to {}. Start it with \
             `--allowed-host {name}` if that is its name, or with `--public-url https://NAME` and let the proxy \
             in front of it pass the Host on (nginx: `proxy_set_header Host $host;`)",
            seen.host,
            http.outside.names()
        ),
    ))
}

/// A browser says from which page a request comes; only this server's own pages may send with a cookie.
fn check_origin(
    http: &Http,
    seen: &Seen,
    headers: &HeaderMap,
    method: &Method,
    is_cookie: bool,
) -> Result<(), ApiError> {
    let refuse = |why: String| Err(ApiError::new(StatusCode::FORBIDDEN, "cross_origin", why));
    if let Some(origin) = &seen.stranger {
        return refuse(format!(
            "the page {origin:?} is not one of this server's and may not call it: the request's Host is {:?}, and \
             this server answers to {}. If people open it at {origin}, start it with `--public-url {origin}`",
            seen.host,
            http.outside.names()
        ));
    }
    if headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let site = headers
        .get(HeaderName::from_static("sec-fetch-site"))
        .and_then(|v| v.to_str().ok());
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    match site {
        _ if !is_cookie => Ok(()),
        Some("same-origin" | "none") => Ok(()),
        None if is_safe => Ok(()),
        None => refuse("a browser's request that changes something must say its Origin".into()),
        Some(_) => refuse("another site's page may not call this server".into()),
    }
}

impl<S: Sync> FromRequestParts<S> for Seen {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let seen = parts.extensions.get::<Self>().cloned();
        seen.ok_or_else(|| ApiError::internal("a handler without a guard asked how it is seen"))
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let unauthorised =
            |code: &'static str| Self::new(StatusCode::UNAUTHORIZED, code, error.to_string());
        match &error {
            AuthError::Missing => unauthorised("no_key"),
            AuthError::Unknown => unauthorised("unknown_key"),
            AuthError::Expired => unauthorised("expired_key"),
            AuthError::Revoked => unauthorised("revoked_key"),
            AuthError::Throttled => {
                let mut refusal = Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_wrong_keys",
                    error.to_string(),
                );
                refusal.retry_after = Some(2);
                refusal
            }
            AuthError::Store(_) => match error {
                AuthError::Store(error) => error.into(),
                other => Self::internal(other),
            },
        }
    }
}
