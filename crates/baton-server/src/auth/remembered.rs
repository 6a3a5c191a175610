//! Keys that were checked a moment ago, and which of them another one opened.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_core::id::KeyId;
use baton_store::keys::Key;
use uuid::Uuid;

/// How long a checked key is remembered: another server's revocation is seen at the latest then.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Keys remembered at most; each takes some 250 bytes.
const MAX_REMEMBERED: usize = 20_000;

/// The keys, each with when it was read.
#[derive(Default)]
pub(super) struct Remembered {
    keys: HashMap<KeyId, (Arc<Key>, Instant)>,
    /// Opener and opened, so that a key is forgotten with what it opened without a look at all others.
    opened: BTreeSet<(KeyId, KeyId)>,
}

impl Remembered {
    /// A key that was read lately enough.
    pub(super) fn get(&self, id: KeyId) -> Option<Arc<Key>> {
        let (key, at) = self.keys.get(&id)?;
        (at.elapsed() < REMEMBERED).then(|| Arc::clone(key))
    }

    /// Remembers a key. A full memory starts afresh: what is in use comes back at once.
    pub(super) fn put(&mut self, key: &Arc<Key>) {
        if self.keys.len() >= MAX_REMEMBERED {
            self.keys.clear();
            self.opened.clear();
        }
        if let Some(opener) = key.opened_by {
            self.opened.insert((opener, key.id));
        }
        self.keys.insert(key.id, (Arc::clone(key), Instant::now()));
    }

    /// Forgets a key and what it opened.
    pub(super) fn forget(&mut self, id: KeyId) {
        let (first, last) = (KeyId(Uuid::nil()), KeyId(Uuid::max()));
        let opened: Vec<_> = self
            .opened
            .range((id, first)..=(id, last))
            .copied()
            .collect();
        for (_, opened) in opened {
            self.remove(opened);
        }
        self.remove(id);
    }

    fn remove(&mut self, id: KeyId) {
        let removed = self.keys.remove(&id);
        if let Some(opener) = removed.and_then(|(key, _)| key.opened_by) {
            self.opened.remove(&(opener, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_core::access::Role;
    use baton_core::id::OrgId;
    use baton_store::keys::KeyKind;
    use jiff::Timestamp;

    use super::*;

    fn key(n: u128, opened_by: Option<u128>) -> Arc<Key> {
        let id = |n| KeyId(Uuid::from_u128(n));
        Arc::new(Key {
            id: id(n),
            org: OrgId::DEFAULT,
            name: format!("key {n}"),
            kind: KeyKind::Session,
            role: Role::Viewer,
            robot_id: None,
            hash: [0; 32],
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
            opened_by: opened_by.map(id),
            last_used_at: None,
        })
    }

    #[test]
    fn a_key_is_forgotten_with_what_it_opened_and_nothing_else_is() {
        let mut remembered = Remembered::default();
        let keys = [
            key(1, None),
            key(2, None),
            key(3, None),
            key(10, Some(1)),
            key(11, Some(2)),
            key(12, Some(2)),
            key(13, Some(3)),
        ];
        keys.iter().for_each(|key| remembered.put(key));
        remembered.forget(keys[1].id);
        let left: Vec<u128> = (keys.iter())
            .filter(|key| remembered.get(key.id).is_some())
            .map(|key| key.id.0.as_u128())
            .collect();
        assert_eq!(left, [1, 3, 10, 13]);
    }

    #[test]
    fn nothing_is_kept_of_a_key_that_was_forgotten_by_itself() {
        let mut remembered = Remembered::default();
        remembered.put(&key(1, None));
        for n in 2..100 {
            remembered.put(&key(n, Some(1)));
            remembered.forget(KeyId(Uuid::from_u128(n)));
        }
        assert_eq!((remembered.keys.len(), remembered.opened.len()), (1, 0));
    }

    #[test]
    fn a_full_memory_starts_afresh() {
        let mut remembered = Remembered::default();
        for n in 0..=MAX_REMEMBERED as u128 {
            remembered.put(&key(n + 2, Some(1)));
        }
        assert_eq!((remembered.keys.len(), remembered.opened.len()), (1, 1));
    }
}
