//! Flows, their versions and packages.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::flow::{Entry, VersionStatus};
use baton_core::id::{FlowId, VersionId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// A named automation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// Unique.
    pub name: String,
    /// A few words for people.
    pub description: String,
    /// Where it stands in the tree, `/`-separated; empty is the top.
    pub folder: String,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// The newest version; absent for a flow that only its own process executes.
    pub latest_version_id: Option<VersionId>,
    /// The number of the newest version.
    pub latest_version: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which flows are listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FlowQuery {
    /// Part of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Rows on the page: 1 to 1000, 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A flow to be made, before it has any version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFlow {
    /// Unique.
    pub name: String,
    /// A few words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands in the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeSet<String>>,
}

/// What of a flow is changed; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateFlow {
    /// A few words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands in the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeSet<String>>,
}

/// A version of a flow. Never changes, except for its status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// Its flow.
    pub flow_id: FlowId,
    /// 1, 2, … within the flow.
    pub number: u32,
    /// Whether new runs may use it.
    pub status: VersionStatus,
    /// SHA-256 of its package; absent for a flow without files.
    pub package: Option<String>,
    /// What is executed.
    pub entry: Entry,
    /// JSON Schema of its parameters.
    #[schema(value_type = Object)]
    pub parameter_schema: Value,
    /// Where it came from: source path, revision, user.
    pub source: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What of a version is changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateVersion {
    /// Whether new runs may use it.
    pub status: VersionStatus,
}

/// A package that the server holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Package {
    /// SHA-256 of its bytes, in lower-case hex: its name.
    pub hash: String,
    /// Bytes.
    pub size: u64,
    /// Whether it was there before.
    pub existing: bool,
}

/// What a deletion would take with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeletePreview {
    /// What would be deleted.
    pub name: String,
    /// Versions that go with it.
    pub versions: u32,
    /// Deployments that go with it.
    pub deployments: u32,
    /// Schedules that go with it.
    pub schedules: u32,
    /// Ended runs that go with it, counted up to 1000.
    pub runs: u32,
    /// Runs that are not terminal and stand in the way, counted up to 1000.
    pub open_runs: u32,
}
