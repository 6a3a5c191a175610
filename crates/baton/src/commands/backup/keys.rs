//! What a restore carries over: a key that was taken back after the backup stays taken back.

use std::path::Path;

use baton_core::id::OrgId;
use baton_store::keys::Key;
use baton_store::{Store, StoreError};
use jiff::Timestamp;

use crate::failure::Done;
use crate::serve::{open_database, store_failure};

/// What became of the keys of a restored database.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Carried {
    /// Names of keys that were taken back after the backup, and are so in the restored database too.
    pub(super) revoked: Vec<String>,
    /// Why the database that was there before could not be asked; then such keys work again.
    pub(super) unasked: Option<String>,
}

/// Takes back in the database `copy` what was taken back in `present`, and ends what browsers opened.
pub(super) fn carry_over(present: &Path, copy: &Path) -> Done<Carried> {
    let runtime = crate::commands::alone()?;
    let mut carried = Carried::default();
    let mut revoked = Vec::new();
    if present.exists() {
        match open_database(present) {
            // A server is using it: the restore is refused for that a moment later.
            Err(failure) if failure.code == "data_unavailable" => return Err(failure),
            Err(failure) => carried.unasked = Some(failure.what),
            Ok(store) => {
                let keys = runtime.block_on(store.keys(OrgId::DEFAULT));
                runtime.block_on(store.close());
                match keys {
                    Ok(keys) => revoked.extend(keys.into_iter().filter(|k| k.revoked_at.is_some())),
                    Err(error) => carried.unasked = Some(error.to_string()),
                }
            }
        }
    }
    let store = open_database(copy)?;
    let taken = runtime.block_on(take_back(&*store, revoked));
    runtime.block_on(store.close());
    carried.revoked = taken.map_err(store_failure)?;
    Ok(carried)
}

async fn take_back(store: &dyn Store, keys: Vec<Key>) -> Result<Vec<String>, StoreError> {
    let now = Timestamp::now();
    let mut names = Vec::new();
    for key in keys {
        match store.key(key.id).await {
            Ok(restored) if restored.revoked_at.is_none() => {
                let at = key.revoked_at.unwrap_or(now);
                store.revoke_key(key.org, key.id, at).await?;
                names.push(key.name);
            }
            // It was taken back before the backup, or made after it: it works in neither.
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    // Nobody lists sessions and links; whoever signed out after the backup would be signed in again.
    store.end_openings(now).await?;
    Ok(names)
}
