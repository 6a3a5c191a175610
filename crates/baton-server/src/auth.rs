//! Who is calling: keys as people carry them, and as the store keeps them.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton_core::id::KeyId;
use baton_store::keys::KeyKind;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::robots::RobotKey;

/// The key does not work.
#[derive(Debug, thiserror::Error)]
#[error("the key is missing, wrong, expired or taken back")]
pub struct Unauthorised;

/// The text of a key, shown once.
pub fn key_text(id: KeyId, secret: &[u8; 32]) -> String {
    format!("baton_{}_{}", id.0.simple(), URL_SAFE_NO_PAD.encode(secret))
}

/// What the store keeps of a key's secret.
pub fn key_hash(secret: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The robot key in the `Authorization` header.
pub async fn robot_key(app: &App, headers: &HeaderMap) -> Result<RobotKey, Unauthorised> {
    let text = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Unauthorised)?;
    let (id, secret) = parse(text).ok_or(Unauthorised)?;
    let key = app.store.key(id).await.map_err(|_| Unauthorised)?;
    let right: bool = key_hash(&secret).ct_eq(&key.hash).into();
    let valid = key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > app.now());
    match key.robot_id {
        Some(robot_id) if right && valid && key.kind == KeyKind::Robot => Ok(RobotKey {
            id: key.id,
            org: key.org,
            robot_id,
            expires_at: key.expires_at,
        }),
        _ => Err(Unauthorised),
    }
}

fn parse(text: &str) -> Option<(KeyId, [u8; 32])> {
    let (id, secret) = text.strip_prefix("baton_")?.split_once('_')?;
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    Some((id.parse().ok()?, secret.try_into().ok()?))
}
