//! Why a run waits, and the smallest change that would start it.

use baton_core::explain::Explanation;
use baton_core::id::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Advice;

/// The dispatcher's own decision, asked for one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunExplanation {
    /// The run.
    pub run_id: RunId,
    /// Its name.
    pub name: String,
    /// One sentence that says it all.
    pub summary: String,
    /// When this was decided.
    pub at: Timestamp,
    /// Every reason, and the smallest change that would start it.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The commands that make the change, in its order.
    #[serde(default)]
    pub commands: Vec<Advice>,
}
