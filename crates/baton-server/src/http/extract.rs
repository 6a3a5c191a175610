//! How handlers read requests: every refusal names the field and what to do, and every body is bounded.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use baton_api::problem::FieldError;
use baton_core::error::clip;
use baton_core::parameter;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::auth::Principal;
use crate::error::ApiError;

/// Body of most requests, in bytes: names, words and settings.
pub(crate) const SMALL: usize = 256 << 10;
/// Body of a request that carries parameters or a schema, in bytes: the largest of each fits.
pub(crate) const LARGE: usize = 2 << 20;
/// Body of a batch of a thousand runs or of log lines, in bytes.
pub(crate) const HUGE: usize = 16 << 20;
/// How long a body that is read into memory may take to arrive.
pub(super) const ARRIVAL: Duration = Duration::from_secs(30);

/// Whoever calls. Only routes with a permission have one.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) std::sync::Arc<Principal>);

impl std::ops::Deref for Caller {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::internal("a public route asked who is calling"))
    }
}

/// A JSON body of at most `LIMIT` bytes.
#[derive(Debug)]
pub(crate) struct Json<T, const LIMIT: usize = SMALL>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        check_json(&request)?;
        let is_change = request.method() == Method::PATCH;
        let bytes = read_body(request, LIMIT).await?;
        parse_json(&bytes).map(Self).map_err(|error| {
            let renames = error.code == "unknown_field" && error.errors[0].field == "name";
            if is_change && renames {
                kept_name()
            } else {
                error
            }
        })
    }
}

/// Nearly everything keeps its name.
fn kept_name() -> ApiError {
    let why = "cannot be changed: deploys, schedules, scripts and finished runs know it by its name; make one with \
               the new name (a flow is deployed under it), and delete this one";
    ApiError::invalid("name_is_kept", "name", why)
}

/// A small JSON body that may be left out, which is the same as `{}`.
#[derive(Debug)]
pub(crate) struct MaybeJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let typed = check_json(&request);
        let bytes = read_body(request, SMALL).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        typed?;
        parse_json(&bytes).map(Self)
    }
}

/// A form or text body would let another site's page send it without asking the browser first.
fn check_json(request: &Request) -> Result<(), ApiError> {
    let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.to_str().unwrap_or("");
        let essence = value.split(';').next().unwrap_or("").trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    if is_json {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        "the body must be JSON; send `Content-Type: application/json`",
    ))
}

async fn read_body(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let declared = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|size| size > limit as u64) {
        return Err(ApiError::too_large("the body", limit));
    }
    let body = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(ARRIVAL, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(ApiError::too_large("the body", limit))
        }
        Ok(Err(error)) => Err(ApiError::bad_request(
            "broken_body",
            format!("the body broke off: {error}"),
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow_body",
            "the body took more than 30 seconds to arrive",
        )),
    }
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // A list would be read as the fields of an object by position: never what was meant.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        let why = "the body is a list; a JSON object is wanted: {…}";
        return Err(ApiError::invalid("invalid_body", "body", why));
    }
    let deserializer = &mut serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        refuse_json(&path, &inner)
    })?;
    deserializer
        .end()
        .map_err(|error| refuse_json(".", &error))?;
    keeps_numbers(bytes)?;
    Ok(value)
}

/// Refuses parameters with a number that would be rounded: what is kept must be what was written.
fn keeps_numbers(bytes: &[u8]) -> Result<(), ApiError> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let Some((field, number)) = parameter::inexact_in_request(text) else {
        return Ok(());
    };
    let shown: String = number.chars().take(SHOWN_VALUE).collect();
    Err(ApiError::invalid(
        "inexact_number",
        field,
        format!(
            "the number {shown} has more digits than are kept: whole numbers have 64 bits, others 17 digits; write it as text in quotes"
        ),
    ))
}

fn refuse_json(path: &str, error: &serde_json::Error) -> ApiError {
    let message = error.to_string();
    if !error.is_data() {
        return ApiError::bad_request("bad_json", format!("the body is not JSON: {message}"));
    }
    let code = if message.starts_with("unknown field") {
        "unknown_field"
    } else if message.starts_with("missing field") {
        "missing_field"
    } else {
        "invalid_body"
    };
    let field = match (path, quoted(&message)) {
        // The path names what holds the field; the message names the field itself.
        (".", Some(name)) if code != "invalid_body" => name.to_owned(),
        (path, Some(name)) if code == "missing_field" => format!("{path}.{name}"),
        (".", _) => "body".to_owned(),
        (path, _) => path.to_owned(),
    };
    ApiError::invalid(code, field, message)
}

fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// The query, with every field known.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection| {
                let source = std::error::Error::source(&rejection);
                let message = source.map_or_else(|| rejection.body_text(), ToString::to_string);
                refuse_query(&parts.uri, &message)
            })
    }
}

/// Longest value of a parameter that a refusal repeats, in bytes.
const SHOWN_VALUE: usize = 100;

/// Names the parameter, its value, and what is wanted instead.
fn refuse_query(uri: &Uri, message: &str) -> ApiError {
    let (field, why) = blame(message);
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    let value = pairs.ok().and_then(|pairs| {
        let mut pairs = pairs.0.into_iter();
        pairs
            .find(|(name, _)| name == field)
            .map(|(_, value)| value)
    });
    bad_query(field, value.as_deref(), why)
}

/// Refuses every parameter, for a route that reads none: a typing error in the path is often one.
pub(crate) fn no_query(uri: &Uri) -> Result<(), ApiError> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    match pairs.map(|pairs| pairs.0.into_iter().next()) {
        Ok(None) => Ok(()),
        Ok(Some((name, value))) => {
            let why = "is not known here; there are none".to_owned();
            Err(bad_query(&clip(name, SHOWN_VALUE), Some(&value), why))
        }
        Err(_) => Err(bad_query("", None, "cannot be read".to_owned())),
    }
}

/// A parameter of the query that cannot be read or lies out of its bounds.
pub(super) fn bad_query(field: &str, value: Option<&str>, why: String) -> ApiError {
    let detail = match value {
        Some(value) => {
            let value = clip(value.to_owned(), SHOWN_VALUE);
            format!("the query parameter {field}={value} {why}")
        }
        None => format!("the query parameter {field} {why}"),
    };
    let mut error = ApiError::bad_request("bad_query", detail);
    let field = field.to_owned();
    error.errors.push(FieldError {
        field,
        message: why,
    });
    error
}

/// Which parameter the reader of the query means, and what it says of it.
fn blame(message: &str) -> (&str, String) {
    // Messages are `parameter: what is wrong`, or name the parameter between backticks.
    let (field, why) = match message.split_once(": ") {
        Some((field, why)) if !field.contains(' ') => (field, why),
        _ => (quoted(message).unwrap_or("query"), message),
    };
    if why.starts_with("unknown field") {
        let known = why.split_once("expected ").map_or("none", |(_, list)| list);
        let known = known.trim_start_matches("one of ");
        return (field, format!("is not known here; known are {known}"));
    }
    let said = [
        ("missing field", "is missing; it must be there"),
        (
            "duplicate field",
            "stands there more than once; give it once",
        ),
        ("invalid digit found in string", NUMBER),
        ("number too ", NUMBER),
        ("cannot parse integer", NUMBER),
        (
            "UUID",
            "is no id; ids look like 01939d2e-5a1c-7cc4-8f2e-6b1f0a4d7e21",
        ),
    ];
    if let Some((_, said)) = said.iter().find(|(start, _)| why.starts_with(start)) {
        return (field, (*said).to_owned());
    }
    if why.starts_with("unknown variant") || why.contains("`true`") {
        return (field, format!("is of no use: {why}"));
    }
    let advice = "instants look like 2026-10-25T12:00:00Z";
    (field, format!("is of no use: {why}; {advice}"))
}

const NUMBER: &str = "must be a whole number that is not too large";

/// The one id in the path.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr, S: Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Name(text) = Name::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| {
            ApiError::bad_request(
                "bad_id",
                format!(
                    "{text:?} is not an id; ids look like 01939d2e-5a1c-7cc4-8f2e-6b1f0a4d7e21"
                ),
            )
        })
    }
}

/// The one id or name in the path.
#[derive(Debug)]
pub(crate) struct Name(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, &())
            .await
            .map_err(|rejection| ApiError::bad_request("bad_path", rejection.body_text()))?;
        Ok(Self(text))
    }
}

/// The header by which a create is made safe to repeat.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(baton_api::rest::IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let text = value.to_str().map_err(|_| {
            ApiError::bad_request(
                "bad_idempotency_key",
                "Idempotency-Key may only have visible ASCII characters",
            )
        })?;
        check_idempotency_key(text)?;
        Ok(Self(Some(text.to_owned())))
    }
}

/// Whether a key can be stored.
pub(crate) fn check_idempotency_key(key: &str) -> Result<(), ApiError> {
    let limit = baton_api::rest::MAX_IDEMPOTENCY_KEY;
    if key.is_empty() || key.len() > limit {
        return Err(ApiError::bad_request(
            "bad_idempotency_key",
            format!(
                "an idempotency key has 1 to {limit} bytes, not {}",
                key.len()
            ),
        ));
    }
    Ok(())
}
