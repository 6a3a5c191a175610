//! A small memory of things that never change, so that the hot path reads each only once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// Immutable things by their id; bounded.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    held: RwLock<HashMap<K, Arc<V>>>,
    capacity: usize,
}

impl<K: Eq + Hash + Copy, V> Cache<K, V> {
    /// A cache of at most this many things.
    pub(crate) fn of(capacity: usize) -> Self {
        Self {
            held: RwLock::default(),
            capacity,
        }
    }

    /// The thing with this id, if it is remembered.
    pub(crate) fn get(&self, key: K) -> Option<Arc<V>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.get(&key).cloned()
    }

    /// Remembers a thing. A full cache starts afresh: what is in use comes back at once.
    pub(crate) fn put(&self, key: K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= self.capacity {
            held.clear();
        }
        held.insert(key, Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_forgets_and_never_exceeds_its_capacity() {
        let cache = Cache::of(2);
        for n in 0..5 {
            cache.put(n, n * 10);
            assert_eq!(cache.get(n).as_deref(), Some(&(n * 10)));
        }
        let held = (0..5).filter(|n| cache.get(*n).is_some()).count();
        assert!(held <= 2, "{held}");
    }
}
