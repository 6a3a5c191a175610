//! API keys, enrolment tokens and sign-in tokens: stored hashed, shown once, scoped, expiring.

use async_trait::async_trait;
use baton_core::access::Role;
use baton_core::id::{KeyId, OrgId, RobotId};
use jiff::Timestamp;

use crate::error::Result;
use crate::page::{Page, PageRequest};

/// A key as stored. The secret itself is nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its id: the public part of the key.
    pub id: KeyId,
    /// Whose.
    pub org: OrgId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: KeyKind,
    /// What its holder may do.
    pub role: Role,
    /// The robot that it belongs to (`KeyKind::Robot`).
    pub robot_id: Option<RobotId>,
    /// The key on whose authority it was made (sessions, one-time tokens): taken back with it.
    pub opened_by: Option<KeyId>,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to work.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Calls the API.
    Api,
    /// A robot's own.
    Robot,
    /// Enrols one robot, once.
    Enrolment,
    /// Signs one browser in, once.
    SignIn,
    /// A signed-in browser's session.
    Session,
}

/// Keys.
#[async_trait]
pub trait Keys {
    /// Stores a key. `Conflict` with `key_exists` when the id is taken.
    async fn create_key(&self, key: Key) -> Result<()>;

    /// The key with this id, also when revoked or expired.
    async fn key(&self, id: KeyId) -> Result<Key>;

    /// The API and robot keys of an org, newest first.
    async fn keys(&self, org: OrgId) -> Result<Vec<Key>>;

    /// The same in pages, the newest id first: ids sort by the time they were made.
    async fn keys_page(&self, request: PageRequest) -> Result<Page<Key>>;

    /// Takes a key back, and what it opened with it; the first time counts.
    async fn revoke_key(&self, org: OrgId, id: KeyId, now: Timestamp) -> Result<Key>;

    /// Takes back every browser session, sign-in link and enrolment token of all orgs; answers how many.
    async fn end_openings(&self, now: Timestamp) -> Result<u32>;

    /// Uses up a one-time key (revokes it) and stores what it was exchanged for, as one.
    /// `Conflict` with `token_used` when it was used before, with `token_expired` when it is too old.
    async fn exchange_key(&self, id: KeyId, made: Key, now: Timestamp) -> Result<()>;

    /// Notes when keys were last used; never turns back, passes over unknown ones.
    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<()>;
}
