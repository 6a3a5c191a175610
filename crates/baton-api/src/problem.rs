//! The one shape of every error of the API: `application/problem+json` with a stable code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error (RFC 9457) with a stable `code`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, snake_case; what programs match on.
    pub code: String,
    /// What is wrong, where, and what to do.
    pub detail: String,
    /// The fields that are wrong, where there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer or a field's name.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)?;
        for e in &self.errors {
            write!(f, "\n  {}: {}", e.field, e.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
