//! Many runs at once: made in one request, or cancelled, retried and deleted after a preview.

use baton_core::id::RunId;
use baton_core::state::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CreateRun, CreatedRun, RunQuery};
use crate::problem::Problem;

/// Most runs in one batch: a second's worth of submission, one megabyte or so of body.
pub const MAX_BATCH: usize = 1_000;

/// Runs to be made together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRuns {
    /// At most 1000. A refusal of one does not undo its neighbours.
    pub runs: Vec<CreateRun>,
}

/// What became of runs that were to be made, in the order of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedRuns {
    /// One for each.
    pub items: Vec<CreateOutcome>,
}

/// What became of one of them: exactly one field is present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreateOutcome {
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<CreatedRun>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Runs to be cancelled, retried or deleted: named, or found by a filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkRequest {
    /// These runs; at most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<RunId>,
    /// Or the runs that a list with this filter shows, as far as their state lets this be done to them: open
    /// ones are cancelled, ended ones retried or deleted. At most 10000 a call, fewer with its `limit` or
    /// where texts are looked for; `more` says whether to call again, with `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<RunQuery>,
    /// Answer what would happen, and do nothing.
    #[serde(default)]
    pub preview: bool,
    /// Why; for history. `reason` is taken as the same.
    #[serde(default, alias = "reason", skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What happened, or with `preview` would happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BulkResult {
    /// One for each run looked at.
    pub items: Vec<BulkItem>,
    /// How many were (would be) changed.
    pub changed: u32,
    /// How many were (would be) refused.
    pub refused: u32,
    /// Whether the filter finds more than were looked at.
    pub more: bool,
    /// Whether nothing was done.
    pub preview: bool,
    /// Where the next call goes on, as the `cursor` of its filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One run of a bulk request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BulkItem {
    /// The run.
    pub id: RunId,
    /// Its name, where it was found.
    pub name: Option<String>,
    /// The state before.
    pub from: Option<State>,
    /// The state after; absent when it was refused or deleted.
    pub to: Option<State>,
    /// Why it was refused: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
