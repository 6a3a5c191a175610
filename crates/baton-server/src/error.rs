//! The one error of the HTTP API, and how everything that can go wrong becomes it.
//!
//! An error says what is wrong, where, and what to do; programs match on its stable code. What the
//! caller cannot mend (500) is logged here, once, and told without detail.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use baton_api::package::PackageError;
use baton_api::problem::{FieldError, PROBLEM_JSON, Problem};
use baton_core::parameter::{ParameterError, ParameterIssue};
use baton_core::schedule::ScheduleError;
use baton_store::StoreError;

/// A refusal or failure of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stable, snake_case.
    pub code: Cow<'static, str>,
    /// What is wrong, where, and what to do.
    pub detail: String,
    /// The fields that are wrong, where there are any.
    pub errors: Vec<FieldError>,
    /// When trying again may help, in seconds.
    pub retry_after: Option<u32>,
}

impl ApiError {
    /// An error with this status, code and sentence.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422: the request is understood, and a field of it is wrong.
    pub fn invalid(
        code: impl Into<Cow<'static, str>>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            code,
            format!("{field}: {message}"),
        );
        error.errors.push(FieldError { field, message });
        error
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409: something stands in the way.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 413: the body is larger than this kind of request may be.
    pub fn too_large(what: &str, limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("{what} is larger than {limit} bytes, the most that is accepted here"),
        )
    }

    /// 500: a bug or a broken store; `error` goes to the log, not to the caller.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server failed; its log says why",
        )
    }

    /// The same as it goes on the wire.
    pub fn problem(&self) -> Problem {
        Problem {
            kind: format!("urn:baton:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.clone().into_owned(),
            detail: self.detail.clone(),
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem()).expect("a problem is plain JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// After how many seconds a caller may try again when the store cannot write.
const RETRY_STORE: u32 = 1;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::NotFound { .. } => Self::not_found(detail),
            StoreError::Conflict { code, .. } => Self::conflict(code, detail),
            StoreError::Illegal(_) => Self::conflict("illegal_transition", detail),
            StoreError::StaleFence { .. } => Self::conflict("stale_fence", detail),
            StoreError::Cursor { code, .. } => {
                let status = match code {
                    "cursor_expired" => StatusCode::GONE,
                    _ => StatusCode::BAD_REQUEST,
                };
                let mut error = Self::new(status, code, detail.clone());
                let field = "cursor".to_owned();
                error.errors.push(FieldError {
                    field,
                    message: detail,
                });
                error
            }
            StoreError::Unavailable(why) => {
                tracing::warn!(%why, "the store is unavailable");
                let is_full = why.contains("disk") && why.contains("full");
                let (status, code) = if is_full {
                    (StatusCode::INSUFFICIENT_STORAGE, "disk_full")
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
                };
                let mut error = Self::new(status, code, detail);
                error.retry_after = Some(RETRY_STORE);
                error
            }
            StoreError::NotKnown(_) => {
                tracing::error!(error = %detail, "the disk failed to keep a change");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "outcome_unknown", detail)
            }
            StoreError::Corrupt(_) => {
                tracing::error!(error = %detail, "the store is damaged");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store_corrupt", detail)
            }
            StoreError::Backend(_) => Self::internal(detail),
        }
    }
}

impl From<ScheduleError> for ApiError {
    fn from(error: ScheduleError) -> Self {
        // People know no field of a document; programs find it beside the sentence.
        let detail = format!("{}: {}", error.setting(), error.message);
        let mut told = Self::invalid(error.code, error.field, error.message);
        told.detail = detail;
        told
    }
}

impl From<ParameterError> for ApiError {
    fn from(error: ParameterError) -> Self {
        Self::invalid(
            error.code,
            format!("parameter_schema{}", error.path),
            error.message,
        )
    }
}

impl From<PackageError> for ApiError {
    fn from(error: PackageError) -> Self {
        let field = error.entry.clone().unwrap_or_else(|| "package".into());
        Self::invalid(error.code, field, error.message)
    }
}

/// Parameters that the schema does not allow, each with its place.
pub fn bad_parameters(issues: Vec<ParameterIssue>) -> ApiError {
    with_places("invalid_parameters", "parameters", issues)
}

/// A description of parameters that no run could fit, with each place.
pub fn bad_description(issues: Vec<ParameterIssue>) -> ApiError {
    with_places("bad_description", "parameter_schema", issues)
}

fn with_places(code: &'static str, holder: &str, issues: Vec<ParameterIssue>) -> ApiError {
    let errors: Vec<FieldError> = issues
        .into_iter()
        .map(|issue| FieldError {
            field: match issue.path.as_str() {
                "" => holder.to_owned(),
                path => format!("{holder}.{path}"),
            },
            message: issue.message,
        })
        .collect();
    let detail = match &errors[..] {
        [one] => format!("{}: {}", one.field, one.message),
        _ => format!("{} parameters are wrong", errors.len()),
    };
    let mut error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
    error.errors = errors;
    error
}
