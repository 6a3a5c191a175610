//! The first key of an installation, and links that sign a browser in.

use std::io::Write;
use std::path::{Path, PathBuf};

use baton_api::rest::SignInLink;
use baton_core::access::Role;
use baton_core::id::{KeyId, OrgId};
use baton_store::keys::{Key, KeyKind};
use baton_store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Secret, new_secret};

/// The file beside the data that holds the first admin key.
pub const ADMIN_KEY_FILE: &str = "admin.key";
/// How long a sign-in link works: long enough to walk to another machine.
const SIGN_IN_FOR: SignedDuration = SignedDuration::from_mins(10);

/// A key and the file that holds it, readable by its owner alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// The public part of the key.
    pub id: KeyId,
    /// The file.
    pub path: PathBuf,
    /// The key's text.
    pub key: String,
}

/// Makes sure that a working admin key lies beside the data: the one that is there if it still works,
/// a new one otherwise.
pub async fn ensure_admin_key(
    store: &dyn Store,
    data: &Path,
    now: Timestamp,
) -> Result<KeyFile, StoreError> {
    let path = data.join(ADMIN_KEY_FILE);
    if let Ok(text) = std::fs::read_to_string(&path) {
        let text = text.trim().to_owned();
        if let Some(id) = admin_key(store, &text, now).await? {
            return Ok(KeyFile {
                id,
                path,
                key: text,
            });
        }
    }
    let (id, text, hash) = new_secret(KeyKind::Api, now);
    store
        .create_key(Key {
            id,
            org: OrgId::DEFAULT,
            name: "admin".into(),
            kind: KeyKind::Api,
            role: Role::Admin,
            robot_id: None,
            hash,
            created_at: now,
            expires_at: None,
            revoked_at: None,
            opened_by: None,
            last_used_at: None,
        })
        .await?;
    write_private(&path, &text).map_err(|e| {
        StoreError::Unavailable(format!("cannot write the key to {}: {e}", path.display()))
    })?;
    Ok(KeyFile {
        id,
        path,
        key: text,
    })
}

/// The id of the key with this text, if it is an admin's and works.
async fn admin_key(
    store: &dyn Store,
    text: &str,
    now: Timestamp,
) -> Result<Option<KeyId>, StoreError> {
    let Some(secret) = Secret::parse(text) else {
        return Ok(None);
    };
    match store.key(secret.id).await {
        Ok(key) => {
            let works = key.hash == <[u8; 32]>::from(Sha256::digest(secret.random))
                && key.role == Role::Admin
                && key.revoked_at.is_none()
                && key.expires_at.is_none_or(|at| at > now);
            Ok(works.then_some(key.id))
        }
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file that only its owner can read, as a whole or not at all.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("key.new");
    // A left-over of an interrupted start would keep its own, perhaps wider, permissions.
    match std::fs::remove_file(&temporary) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

/// Makes a link that signs one browser in, once, with this role. The token stands in the fragment, which
/// browsers never send: it appears in no log. What it opens ends with the key `opened_by`.
pub async fn sign_in_link(
    store: &dyn Store,
    base_url: &str,
    org: OrgId,
    name: &str,
    role: Role,
    opened_by: KeyId,
    now: Timestamp,
) -> Result<SignInLink, StoreError> {
    let (id, text, hash) = new_secret(KeyKind::SignIn, now);
    let expires_at = now.saturating_add(SIGN_IN_FOR).unwrap_or(Timestamp::MAX);
    store
        .create_key(one_time(
            id,
            org,
            name,
            KeyKind::SignIn,
            role,
            Some(opened_by),
            hash,
            now,
            expires_at,
        ))
        .await?;
    Ok(SignInLink {
        url: format!("{}/sign-in#{text}", base_url.trim_end_matches('/')),
        expires_at,
    })
}

#[expect(clippy::too_many_arguments, reason = "a stored row in one line")]
pub(crate) fn one_time(
    id: KeyId,
    org: OrgId,
    name: &str,
    kind: KeyKind,
    role: Role,
    opened_by: Option<KeyId>,
    hash: [u8; 32],
    created_at: Timestamp,
    expires_at: Timestamp,
) -> Key {
    Key {
        id,
        org,
        name: name.to_owned(),
        kind,
        role,
        robot_id: None,
        hash,
        created_at,
        expires_at: Some(expires_at),
        revoked_at: None,
        opened_by,
        last_used_at: None,
    }
}
