//! Who is calling: keys, browser sessions, and nothing for whoever shows neither.
//!
//! A key's secret is 192 random bits; only its SHA-256 is stored, and compared in constant time.
//! Checked keys are remembered for a few seconds, and forgotten at once when they are taken back here.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use baton_core::access::Role;
use baton_core::id::{KeyId, OrgId, RobotId};
use baton_store::keys::{Key, KeyKind};
use baton_store::{Store, StoreError};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

mod first;
mod remembered;
mod secret;
mod throttle;
mod touch;

pub(crate) use first::one_time;
pub use first::{ADMIN_KEY_FILE, KeyFile, ensure_admin_key, sign_in_link};
use remembered::Remembered;
pub use secret::{Secret, new_secret};
use throttle::Throttle;
use touch::Touches;

/// Who is calling, as far as the key tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// The key that was shown.
    pub key: KeyId,
    /// The key whose authority this is: the one that opened a session, otherwise the one that was shown.
    pub authority: KeyId,
    /// Whose.
    pub org: OrgId,
    /// The key's name: the actor in history.
    pub name: String,
    /// What the caller may do.
    pub role: Role,
    /// The robot that is calling.
    pub robot: Option<RobotId>,
    /// Whether it is a browser's session.
    pub is_browser: bool,
    /// When the key stops to work.
    pub expires_at: Option<Timestamp>,
}

/// Why nobody was recognised.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No key was shown.
    #[error("no key was shown; send `Authorization: Bearer bk_…`, or sign in")]
    Missing,
    /// What was shown is not a key of this server, or not of the kind that opens this door.
    #[error("this key is not known here; was it copied whole, and from this server?")]
    Unknown,
    /// The key has expired.
    #[error("this key has expired; make another with `baton keys create`, or sign in again")]
    Expired,
    /// The key was taken back.
    #[error("this key was taken back; ask for another")]
    Revoked,
    /// Too many wrong keys came from this address.
    #[error("too many wrong keys came from your address; wait a few seconds")]
    Throttled,
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Recognises callers.
pub struct Auth {
    store: Arc<dyn Store>,
    known: RwLock<Remembered>,
    throttle: Mutex<Throttle>,
    touches: Arc<Touches>,
}

impl Auth {
    /// Recognises the callers whose keys are in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            touches: Arc::new(Touches::new(Arc::clone(&store))),
            store,
            known: RwLock::default(),
            throttle: Mutex::default(),
        }
    }

    /// Whoever shows this text, if it is a working key of one of these kinds.
    pub async fn recognise(
        &self,
        text: &str,
        kinds: &[KeyKind],
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Principal, AuthError> {
        let result = self.check(text, kinds, peer, now).await;
        if matches!(result, Err(AuthError::Unknown)) {
            self.throttle().failed(peer, Instant::now());
        }
        let key = result?;
        self.touches.touch(&key, now);
        Ok(Principal {
            key: key.id,
            authority: key.opened_by.unwrap_or(key.id),
            org: key.org,
            name: key.name.clone(),
            role: key.role,
            robot: key.robot_id,
            is_browser: key.kind == KeyKind::Session,
            expires_at: key.expires_at,
        })
    }

    /// The stored row of a working one-time token.
    pub async fn token(
        &self,
        text: &str,
        kind: KeyKind,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Arc<Key>, AuthError> {
        let result = self.check(text, &[kind], peer, now).await;
        if matches!(result, Err(AuthError::Unknown)) {
            self.throttle().failed(peer, Instant::now());
        }
        result
    }

    /// Whether a key that was recognised before still works.
    pub async fn still_works(&self, id: KeyId, now: Timestamp) -> Result<(), AuthError> {
        let key = match self.remembered(id) {
            Some(key) => key,
            None => self.load(id).await?,
        };
        working(&key, now)
    }

    /// Forgets a key that was taken back or used up, and what it opened.
    pub fn forget(&self, id: KeyId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.forget(id);
    }

    async fn check(
        &self,
        text: &str,
        kinds: &[KeyKind],
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Arc<Key>, AuthError> {
        let Some(secret) = Secret::parse(text) else {
            return Err(self.refused(peer));
        };
        // A good key works whoever else guesses from its address, so a guess costs one read by id.
        let key = match self.remembered(secret.id) {
            Some(key) => key,
            None => match self.load(secret.id).await {
                Err(AuthError::Unknown) => return Err(self.refused(peer)),
                loaded => loaded?,
            },
        };
        let given: [u8; 32] = Sha256::digest(secret.random).into();
        if !bool::from(given.ct_eq(&key.hash)) || !kinds.contains(&key.kind) {
            return Err(self.refused(peer));
        }
        working(&key, now)?;
        Ok(key)
    }

    fn refused(&self, peer: Option<IpAddr>) -> AuthError {
        if self.throttle().is_shut(peer, Instant::now()) {
            AuthError::Throttled
        } else {
            AuthError::Unknown
        }
    }

    async fn load(&self, id: KeyId) -> Result<Arc<Key>, AuthError> {
        let key = match self.store.key(id).await {
            Ok(key) => Arc::new(key),
            Err(StoreError::NotFound { .. }) => return Err(AuthError::Unknown),
            Err(error) => return Err(error.into()),
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.put(&key);
        Ok(key)
    }

    fn remembered(&self, id: KeyId) -> Option<Arc<Key>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(id)
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn working(key: &Key, now: Timestamp) -> Result<(), AuthError> {
    if key.revoked_at.is_some() {
        Err(AuthError::Revoked)
    } else if key.expires_at.is_some_and(|at| at <= now) {
        Err(AuthError::Expired)
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
