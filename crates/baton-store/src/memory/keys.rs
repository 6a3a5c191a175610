//! API keys and one-time tokens, in memory.

use std::cmp::Reverse;

use async_trait::async_trait;
use baton_core::id::{KeyId, OrgId};
use jiff::Timestamp;

use super::{MemoryStore, World, page};
use crate::error::{Result, StoreError};
use crate::keys::{Key, KeyKind, Keys};
use crate::page::{Page, PageRequest};

#[async_trait]
impl Keys for MemoryStore {
    async fn create_key(&self, key: Key) -> Result<()> {
        self.write(|world, _| world.add_key(key))
    }

    async fn key(&self, id: KeyId) -> Result<Key> {
        self.read(|world| {
            (world.keys.get(&id).cloned()).ok_or_else(|| StoreError::not_found(format!("key {id}")))
        })
    }

    async fn keys(&self, org: OrgId) -> Result<Vec<Key>> {
        self.read(|world| {
            let shown = |k: &&Key| k.org == org && matches!(k.kind, KeyKind::Api | KeyKind::Robot);
            let mut keys: Vec<_> = world.keys.values().filter(shown).cloned().collect();
            keys.sort_by_key(|k| Reverse((k.created_at, k.id)));
            Ok(keys)
        })
    }

    async fn keys_page(&self, request: PageRequest) -> Result<Page<Key>> {
        let mut keys = self.keys(request.org).await?;
        keys.sort_by_key(|key| Reverse(key.id));
        page(keys.into_iter(), &request, |key| key.id, true)
    }

    async fn revoke_key(&self, org: OrgId, id: KeyId, now: Timestamp) -> Result<Key> {
        self.write(|world, _| {
            let key = (world.keys.get_mut(&id))
                .filter(|k| k.org == org)
                .ok_or_else(|| StoreError::not_found(format!("key {id}")))?;
            key.revoked_at = key.revoked_at.or(Some(now));
            let key = key.clone();
            let opened = world.keys.values_mut().filter(|k| k.opened_by == Some(id));
            opened.for_each(|k| k.revoked_at = k.revoked_at.or(Some(now)));
            Ok(key)
        })
    }

    async fn end_openings(&self, now: Timestamp) -> Result<u32> {
        self.write(|world, _| {
            let opened = world.keys.values_mut().filter(|k| {
                k.revoked_at.is_none() && !matches!(k.kind, KeyKind::Api | KeyKind::Robot)
            });
            let mut ended = 0;
            for key in opened {
                key.revoked_at = Some(now);
                ended += 1;
            }
            Ok(ended)
        })
    }

    async fn exchange_key(&self, id: KeyId, made: Key, now: Timestamp) -> Result<()> {
        self.write(|world, _| {
            let key =
                (world.keys.get(&id)).ok_or_else(|| StoreError::not_found(format!("key {id}")))?;
            if key.revoked_at.is_some() {
                let text = "this token was used before; ask for another";
                return Err(StoreError::conflict("token_used", text));
            }
            if key.expires_at.is_some_and(|at| at <= now) {
                let text = "this token is too old; ask for another";
                return Err(StoreError::conflict("token_expired", text));
            }
            world.add_key(made)?;
            let key = world.keys.get_mut(&id).expect("it has just been read");
            key.revoked_at = Some(now);
            Ok(())
        })
    }

    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<()> {
        self.write(|world, _| {
            for (id, at) in used {
                if let Some(key) = world.keys.get_mut(&id) {
                    key.last_used_at = key.last_used_at.max(Some(at));
                }
            }
            Ok(())
        })
    }
}

impl World {
    fn add_key(&mut self, key: Key) -> Result<()> {
        if self.keys.contains_key(&key.id) {
            let text = format!("there is a key {} already", key.id);
            return Err(StoreError::conflict("key_exists", text));
        }
        self.keys.insert(key.id, key);
        Ok(())
    }
}
