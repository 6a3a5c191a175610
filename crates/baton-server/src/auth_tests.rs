//! Tests of who is recognised and who is not.

use baton_store::memory::MemoryStore;
use jiff::SignedDuration;

use super::*;

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("an instant")
}

async fn with_key(expires_at: Option<Timestamp>) -> (Auth, Arc<MemoryStore>, KeyId, String) {
    let store = Arc::new(MemoryStore::new());
    let (id, text, hash) = new_secret(KeyKind::Api, now());
    let key = Key {
        id,
        org: OrgId::DEFAULT,
        name: "ci".into(),
        kind: KeyKind::Api,
        role: Role::Operator,
        robot_id: None,
        hash,
        created_at: now(),
        expires_at,
        revoked_at: None,
        opened_by: None,
        last_used_at: None,
    };
    use baton_store::Keys;
    store.create_key(key).await.expect("stored");
    (Auth::new(store.clone()), store, id, text)
}

#[tokio::test]
async fn a_key_is_recognised_and_a_changed_one_is_not() {
    let (auth, _, id, text) = with_key(None).await;
    let who = auth.recognise(&text, &[KeyKind::Api], None, now()).await;
    let who = who.expect("its own key");
    assert_eq!((who.key, who.role), (id, Role::Operator));
    let last = if text.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &text[..text.len() - 1]);
    let who = auth.recognise(&wrong, &[KeyKind::Api], None, now()).await;
    assert!(matches!(who, Err(AuthError::Unknown)));
    let who = auth.recognise(&text, &[KeyKind::Robot], None, now()).await;
    assert!(
        matches!(who, Err(AuthError::Unknown)),
        "another kind of door"
    );
}

#[tokio::test]
async fn an_expired_key_says_so() {
    let (auth, _, _, text) = with_key(Some(now())).await;
    let early = now() - SignedDuration::from_secs(1);
    assert!(
        auth.recognise(&text, &[KeyKind::Api], None, early)
            .await
            .is_ok()
    );
    let who = auth.recognise(&text, &[KeyKind::Api], None, now()).await;
    assert!(matches!(who, Err(AuthError::Expired)));
}

#[tokio::test]
async fn a_revoked_key_stops_at_once_where_it_was_revoked() {
    use baton_store::Keys;
    let (auth, store, id, text) = with_key(None).await;
    assert!(
        auth.recognise(&text, &[KeyKind::Api], None, now())
            .await
            .is_ok()
    );
    store
        .revoke_key(OrgId::DEFAULT, id, now())
        .await
        .expect("revoked");
    auth.forget(id);
    let who = auth.recognise(&text, &[KeyKind::Api], None, now()).await;
    assert!(matches!(who, Err(AuthError::Revoked)));
}

#[tokio::test]
async fn guessing_is_throttled_and_a_good_key_still_works() {
    let (auth, _, id, text) = with_key(None).await;
    assert!(
        auth.recognise(&text, &[KeyKind::Api], None, now())
            .await
            .is_ok()
    );
    let mut throttled = false;
    for _ in 0..50 {
        let (_, wrong, _) = new_secret(KeyKind::Api, now());
        let who = auth.recognise(&wrong, &[KeyKind::Api], None, now()).await;
        throttled |= matches!(who, Err(AuthError::Throttled));
    }
    assert!(throttled);
    // Also one that is not remembered.
    auth.forget(id);
    assert!(
        auth.recognise(&text, &[KeyKind::Api], None, now())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_admin_key_is_made_once_and_readable_by_its_owner_alone() {
    let store = MemoryStore::new();
    let folder = tempfile::tempdir().expect("a folder");
    let first = ensure_admin_key(&store, folder.path(), now())
        .await
        .expect("made");
    let again = ensure_admin_key(&store, folder.path(), now())
        .await
        .expect("found");
    assert_eq!(first, again);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&first.path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
