//! The guard before every route: recognises the caller, checks the permission, and turns away other
//! sites' pages. What it does not let pass never reaches a handler.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use baton_core::access::Role;
use baton_store::keys::KeyKind;

use super::Http;
use super::extract::Caller;
use super::route::Access;
use crate::auth::AuthError;
use crate::error::ApiError;

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
        Ok(Self::of(&parts.extensions))
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
    if is_cookie || is_upgrade || access == Access::Public {
        check_host(http, headers)?;
        check_origin(headers, &request.method, is_cookie)?;
    }
    if access == Access::Public {
        return Ok(None);
    }
    let shown = shown.ok_or_else(|| ApiError::from(AuthError::Missing))?;
    let now = http.app.clock.now();
    let peer = Peer::of(&request.extensions).0;
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
fn check_host(http: &Http, headers: &HeaderMap) -> Result<(), ApiError> {
    let host = headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let name = host_name(host);
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_local =
        name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost");
    let allowed = &http.app.config.allowed_hosts;
    if is_address || is_local || allowed.iter().any(|a| a.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        format!(
            "this server is not called {name:?}; start it with `--allowed-host {name}` if it should be"
        ),
    ))
}

/// `Host` without its port.
fn host_name(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    }
}

/// A browser says from which page a request comes; only this server's own pages may send with a cookie.
fn check_origin(headers: &HeaderMap, method: &Method, is_cookie: bool) -> Result<(), ApiError> {
    let refuse = |why: String| Err(ApiError::new(StatusCode::FORBIDDEN, "cross_origin", why));
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or("");
        let host = text(HOST).unwrap_or("");
        let (scheme, origin_host) = origin.split_once("://").unwrap_or(("", ""));
        let is_own = !host.is_empty()
            && matches!(scheme, "http" | "https")
            && origin_host.eq_ignore_ascii_case(host);
        if is_own {
            return Ok(());
        }
        return refuse(format!(
            "the page {origin:?} is not one of this server's and may not call it"
        ));
    }
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    match site {
        _ if !is_cookie => Ok(()),
        Some("same-origin" | "none") => Ok(()),
        None if is_safe => Ok(()),
        None => refuse("a browser's request that changes something must say its Origin".into()),
        Some(_) => refuse("another site's page may not call this server".into()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_without_its_port() {
        for (host, name) in [
            ("localhost:8765", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:8765", "[::1]"),
            ("[::1]", "[::1]"),
            ("baton.example", "baton.example"),
        ] {
            assert_eq!(host_name(host), name);
        }
    }
}
