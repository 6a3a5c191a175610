//! The server itself: what it is, whether it is well, and whether its facts hold together.

use baton_core::zone::ZoneSource;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What this server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// `baton`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of the robot protocol that it speaks.
    pub robot_protocol: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// Its clock.
    pub now: Timestamp,
    /// The org's IANA zone: what "today" means.
    pub timezone: String,
    /// The time zone data in use.
    pub zone_data: ZoneData,
    /// Operating system and architecture of the executable it hands out.
    pub platform: String,
    /// SHA-256 of its certificate, where it has one.
    pub fingerprint: Option<String>,
    /// A run that has not started this many seconds after its due time is late.
    pub late_after_seconds: u32,
    /// Transactions committed since it started.
    pub commits: u64,
    /// Operations within them.
    pub operations: u64,
    /// Syncs of the disk.
    pub syncs: u64,
}

/// Which time zone data a server goes by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneData {
    /// The release of the IANA data, such as `2026f`; absent where nothing says it.
    pub release: Option<String>,
    /// Whether this executable carries it, the machine has it, or an operator named it.
    pub source: ZoneSource,
    /// The folder it was read from; absent for what the executable carries.
    pub folder: Option<String>,
    /// Differs where any rule does.
    pub identity: String,
    /// Release and source in words.
    pub description: String,
    /// What is to be said where the data is so old that it is sure to miss changes.
    pub warning: Option<String>,
}

/// Whether the server answers, and whether its store does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`; or `cannot_write` while the store keeps nothing, as on a full disk; or `unavailable`.
    pub status: String,
    /// Its version.
    pub version: String,
    /// The release of the time zone data it goes by, such as `2026f`.
    #[serde(default)]
    pub zone_release: Option<String>,
    /// Whether that release is so old that it is sure to miss changes.
    #[serde(default)]
    pub zones_out_of_date: bool,
}

/// What `verify` looked at and found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// Runs looked at.
    pub runs: u64,
    /// Transitions looked at.
    pub transitions: u64,
    /// Attempts looked at.
    pub attempts: u64,
    /// Log lines looked at.
    pub lines: u64,
    /// Everything that is wrong; empty is good.
    pub breaches: Vec<Breach>,
    /// What breaks no promise and is worth knowing: lines and results that came late.
    #[serde(default)]
    pub observations: Vec<Breach>,
}

/// A breach of an invariant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Breach {
    /// Which check.
    pub check: String,
    /// What it is about.
    pub subject: String,
    /// One sentence.
    pub message: String,
}
