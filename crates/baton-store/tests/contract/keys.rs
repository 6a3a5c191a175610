//! Keys are shown, taken back, and one-time ones used once.

use baton_core::access::Role;
use baton_core::id::{KeyId, OrgId};
use baton_store::keys::{Key, KeyKind};

use crate::harness::{Bench, ORG, at, for_each_store, kind};

for_each_store!(
    a_key_is_kept_as_it_was_made,
    only_api_and_robot_keys_are_listed,
    a_key_is_taken_back_once,
    what_a_key_opened_is_taken_back_with_it,
    sessions_links_and_tokens_end_together_and_keys_stay,
    a_token_is_exchanged_once,
    a_token_is_exchanged_once_also_at_once,
    an_old_token_is_refused,
    use_is_noted_and_never_turned_back,
);

fn key(b: &Bench, what: KeyKind, second: i64) -> Key {
    Key {
        id: KeyId(b.uuid()),
        org: ORG,
        name: format!("key of second {second}"),
        kind: what,
        role: Role::Operator,
        robot_id: None,
        hash: [u8::try_from(second).expect("small"); 32],
        created_at: at(second),
        expires_at: None,
        revoked_at: None,
        opened_by: None,
        last_used_at: None,
    }
}

async fn add(b: &Bench, key: Key) -> KeyId {
    let id = key.id;
    b.store.create_key(key).await.expect("the id is free");
    id
}

async fn a_key_is_kept_as_it_was_made(b: &Bench) {
    let robot_id = b.add_robot("r").await;
    for kind_of in [
        KeyKind::Api,
        KeyKind::Robot,
        KeyKind::Enrolment,
        KeyKind::SignIn,
        KeyKind::Session,
    ] {
        let made = Key {
            robot_id: Some(robot_id),
            opened_by: Some(KeyId(b.uuid())),
            expires_at: Some(at(99)),
            ..key(b, kind_of, 3)
        };
        add(b, made.clone()).await;
        assert_eq!(b.store.key(made.id).await.expect("found"), made);
        assert_eq!(kind(&b.store.create_key(made).await), "key_exists");
    }
    assert_eq!(kind(&b.store.key(KeyId(b.uuid())).await), "not_found");
}

async fn only_api_and_robot_keys_are_listed(b: &Bench) {
    let old = add(b, key(b, KeyKind::Api, 1)).await;
    let new = add(b, key(b, KeyKind::Robot, 9)).await;
    add(b, key(b, KeyKind::Session, 5)).await;
    add(b, key(b, KeyKind::Enrolment, 6)).await;
    let listed = b.store.keys(ORG).await.expect("read");
    assert_eq!(listed.iter().map(|k| k.id).collect::<Vec<_>>(), [new, old]);
    assert!(b.store.keys(OrgId(2)).await.expect("read").is_empty());
}

async fn a_key_is_taken_back_once(b: &Bench) {
    let id = add(b, key(b, KeyKind::Api, 1)).await;
    assert_eq!(
        kind(&b.store.revoke_key(OrgId(2), id, at(5)).await),
        "not_found"
    );
    let revoked = b.store.revoke_key(ORG, id, at(5)).await.expect("revoked");
    assert_eq!(revoked.revoked_at, Some(at(5)));
    let again = b.store.revoke_key(ORG, id, at(9)).await.expect("revoked");
    assert_eq!(again, revoked);
}

async fn what_a_key_opened_is_taken_back_with_it(b: &Bench) {
    let opener = add(b, key(b, KeyKind::Api, 1)).await;
    let opened = |what, by| Key {
        opened_by: Some(by),
        ..key(b, what, 2)
    };
    let session = add(b, opened(KeyKind::Session, opener)).await;
    let token = add(b, opened(KeyKind::Enrolment, opener)).await;
    let ended = add(
        b,
        Key {
            revoked_at: Some(at(3)),
            ..opened(KeyKind::Session, opener)
        },
    )
    .await;
    let elsewhere = add(b, opened(KeyKind::Session, KeyId(b.uuid()))).await;
    b.store
        .revoke_key(ORG, opener, at(5))
        .await
        .expect("it is there");
    for (id, at_) in [
        (session, Some(5)),
        (token, Some(5)),
        (ended, Some(3)),
        (elsewhere, None),
    ] {
        let kept = b.store.key(id).await.expect("kept as evidence");
        assert_eq!(kept.revoked_at, at_.map(at));
    }
}

async fn sessions_links_and_tokens_end_together_and_keys_stay(b: &Bench) {
    let mut opened = Vec::new();
    for kind_of in [KeyKind::Enrolment, KeyKind::SignIn, KeyKind::Session] {
        opened.push(add(b, key(b, kind_of, 3)).await);
    }
    let api = add(b, key(b, KeyKind::Api, 4)).await;
    let robot = add(b, key(b, KeyKind::Robot, 5)).await;
    assert_eq!(b.store.end_openings(at(9)).await.expect("ended"), 3);
    assert_eq!(b.store.end_openings(at(10)).await.expect("ended"), 0);
    for id in opened {
        let ended = b.store.key(id).await.expect("found");
        assert_eq!(ended.revoked_at, Some(at(9)));
    }
    for id in [api, robot] {
        assert_eq!(b.store.key(id).await.expect("found").revoked_at, None);
    }
}

async fn a_token_is_exchanged_once(b: &Bench) {
    let token = add(b, key(b, KeyKind::Enrolment, 1)).await;
    let made = key(b, KeyKind::Robot, 2);
    b.store
        .exchange_key(token, made.clone(), at(5))
        .await
        .expect("exchanged");
    assert_eq!(b.store.key(made.id).await.expect("found"), made);
    assert_eq!(
        b.store.key(token).await.expect("found").revoked_at,
        Some(at(5))
    );
    let second = key(b, KeyKind::Robot, 3);
    let again = b.store.exchange_key(token, second.clone(), at(6)).await;
    assert_eq!(kind(&again), "token_used");
    assert_eq!(kind(&b.store.key(second.id).await), "not_found");
    let unknown = b.store.exchange_key(KeyId(b.uuid()), second, at(6)).await;
    assert_eq!(kind(&unknown), "not_found");
}

async fn a_token_is_exchanged_once_also_at_once(b: &Bench) {
    let token = add(b, key(b, KeyKind::SignIn, 1)).await;
    let asks: Vec<_> = (0..12)
        .map(|_| {
            let (store, made) = (b.store.clone(), key(b, KeyKind::Session, 2));
            tokio::spawn(async move { store.exchange_key(token, made, at(3)).await })
        })
        .collect();
    let mut kinds = Vec::new();
    for ask in asks {
        kinds.push(kind(&ask.await.expect("no panic")));
    }
    kinds.sort_unstable();
    assert_eq!(kinds[0], "ok");
    assert!(kinds[1..].iter().all(|k| *k == "token_used"), "{kinds:?}");
}

async fn an_old_token_is_refused(b: &Bench) {
    let token = Key {
        expires_at: Some(at(10)),
        ..key(b, KeyKind::Enrolment, 1)
    };
    let id = add(b, token).await;
    let late = b
        .store
        .exchange_key(id, key(b, KeyKind::Robot, 2), at(10))
        .await;
    assert_eq!(kind(&late), "token_expired");
    let early = b
        .store
        .exchange_key(id, key(b, KeyKind::Robot, 2), at(9))
        .await;
    assert_eq!(kind(&early), "ok");
}

async fn use_is_noted_and_never_turned_back(b: &Bench) {
    let id = add(b, key(b, KeyKind::Api, 1)).await;
    let used = vec![(id, at(60)), (KeyId(b.uuid()), at(60)), (id, at(30))];
    b.store.touch_keys(used).await.expect("noted");
    assert_eq!(
        b.store.key(id).await.expect("found").last_used_at,
        Some(at(60))
    );
}
