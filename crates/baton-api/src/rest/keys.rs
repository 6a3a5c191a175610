//! API keys, sign-in links and browser sessions.

use baton_core::access::Role;
use baton_core::id::{KeyId, RobotId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// Its id: the public part of the key.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The robot that it belongs to, where it is a robot's.
    pub robot_id: Option<RobotId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to work.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// What people call it.
    pub name: String,
    /// What its holder may do. Robots get theirs by enrolment.
    pub role: Role,
    /// How long it works, in seconds; for ever unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// A new key. The secret is shown only now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedKey {
    /// The key.
    pub key: Key,
    /// What goes into `Authorization: Bearer …`.
    pub secret: String,
}

/// A link that signs one browser in, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SignInLink {
    /// Open it in a browser.
    pub url: String,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

/// A browser signs in: with the token of a link, or with a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The token from a sign-in link's fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// An API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The key's or session's name.
    pub name: String,
    /// What the caller may do.
    pub role: Role,
    /// When it stops to work.
    pub expires_at: Option<Timestamp>,
    /// Whether it is a browser's session.
    pub browser: bool,
}
