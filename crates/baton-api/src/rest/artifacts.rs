//! Files that runs leave behind.

use baton_core::id::{ArtifactId, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A file that a run left behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// The run.
    pub run_id: RunId,
    /// The attempt.
    pub attempt: u32,
    /// Path below the artifacts folder, `/`-separated; unique within the attempt.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// SHA-256 of its content.
    pub hash: String,
    /// When it arrived.
    pub created_at: Timestamp,
    /// Where its bytes are.
    pub url: String,
}

/// Under which claim a robot hands over a file, and what the file is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PutArtifact {
    /// Path below the artifacts folder, `/`-separated.
    pub name: String,
    /// The attempt.
    pub attempt: u32,
    /// The fence of the assignment; 0 for a run that its own process executes.
    pub fence: i64,
}
