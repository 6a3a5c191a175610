//! Lists in pages: every row once, in order, and no page longer than was asked for.

use std::collections::BTreeSet;
use std::fmt::Debug;

use baton_core::access::Role;
use baton_core::id::{ArtifactId, KeyId, OrgId};
use baton_core::queue::QueueSettings;
use baton_store::catalog::Artifact;
use baton_store::keys::{Key, KeyKind};
use baton_store::page::{Page, PageRequest};

use crate::harness::{Bench, ORG, at, command, for_each_store, kind};

for_each_store!(
    queues_limits_and_keys_come_in_pages,
    versions_of_a_flow_and_artifacts_of_a_run_come_in_pages,
    what_no_list_gave_is_no_cursor,
);

/// Every row of a list, asked for two at a time.
async fn whole<T>(read: impl AsyncFn(PageRequest) -> baton_store::Result<Page<T>>) -> Vec<T> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest {
            after,
            ..PageRequest::first(ORG, 2)
        };
        let page = read(request).await.expect("a page");
        assert!(page.items.len() <= 2);
        assert!(
            page.next.is_none() || page.items.len() == 2,
            "a page is full"
        );
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// The same rows, in the same order.
fn same<T: Debug + PartialEq>(paged: &[T], whole: &[T], count: usize) {
    assert_eq!(paged.len(), count);
    assert_eq!(paged, whole);
}

async fn queues_limits_and_keys_come_in_pages(b: &Bench) {
    for name in ["z", "Ä \"quoted\"", "a/b", "m"] {
        b.queue(name, QueueSettings::default()).await;
        b.tag_limit(name, 3).await;
    }
    let queues = whole(|request| b.store.queues_page(request)).await;
    same(&queues, &b.store.queues(Some(ORG)).await.expect("read"), 5);
    let limits = whole(|request| b.store.tag_limits_page(request)).await;
    let all = b.store.tag_limits(Some(ORG)).await.expect("read");
    same(&limits, &all, 4);

    let mut shown = BTreeSet::new();
    for (second, what) in (1..).zip([
        KeyKind::Api,
        KeyKind::Robot,
        KeyKind::Session,
        KeyKind::Robot,
        KeyKind::Robot,
        KeyKind::Enrolment,
        KeyKind::Api,
    ]) {
        let key = key(b, what, second);
        if matches!(what, KeyKind::Api | KeyKind::Robot) {
            shown.insert(key.id);
        }
        b.store.create_key(key).await.expect("the id is free");
    }
    let keys = whole(|request| b.store.keys_page(request)).await;
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    let newest_first: Vec<KeyId> = shown.into_iter().rev().collect();
    assert_eq!(ids, newest_first);
    let other = PageRequest::first(OrgId(2), 2);
    assert!(
        b.store
            .keys_page(other)
            .await
            .expect("read")
            .items
            .is_empty()
    );
}

fn key(b: &Bench, what: KeyKind, second: u8) -> Key {
    Key {
        id: KeyId(b.uuid()),
        org: ORG,
        name: format!("key of second {second}"),
        kind: what,
        role: Role::Operator,
        robot_id: None,
        hash: [second; 32],
        created_at: at(second.into()),
        expires_at: None,
        revoked_at: None,
        opened_by: None,
        last_used_at: None,
    }
}

async fn versions_of_a_flow_and_artifacts_of_a_run_come_in_pages(b: &Bench) {
    let flow = b.deployed("f", "d").await.flow;
    for word in ["one", "two", "three"] {
        let mut deploy = b.deploy_of("f", "d").await;
        deploy.entry = command(&[word]);
        b.store.deploy(deploy, at(9)).await.expect("deployed");
    }
    let versions = whole(|request| b.store.versions_page(flow.id, request)).await;
    let all = b.store.versions(ORG, flow.id).await.expect("read");
    same(&versions, &all, 4);

    let run_id = b.queued().await;
    b.blob("aa", &[1]).await;
    for (name, attempt) in [("z", 1), ("a", 2), ("a", 1), ("é/\"x\"", 2), ("b", 1)] {
        let artifact = Artifact {
            id: ArtifactId(b.uuid()),
            org: ORG,
            run_id,
            attempt,
            name: name.into(),
            content_type: "text/plain".into(),
            size: 1,
            hash: "aa".into(),
            created_at: at(3),
        };
        b.store.put_artifact(artifact).await.expect("recorded");
    }
    let artifacts = whole(|request| b.store.artifacts_page(run_id, request)).await;
    let all = b.store.artifacts(ORG, run_id).await.expect("read");
    same(&artifacts, &all, 5);
}

async fn what_no_list_gave_is_no_cursor(b: &Bench) {
    let request = || PageRequest {
        after: Some("{bogus".into()),
        ..PageRequest::first(ORG, 2)
    };
    let flow = b.deployed("f", "d").await.flow;
    let run = b.queued().await;
    assert_eq!(kind(&b.store.queues_page(request()).await), "bad_cursor");
    assert_eq!(
        kind(&b.store.tag_limits_page(request()).await),
        "bad_cursor"
    );
    assert_eq!(kind(&b.store.keys_page(request()).await), "bad_cursor");
    let versions = b.store.versions_page(flow.id, request()).await;
    assert_eq!(kind(&versions), "bad_cursor");
    let artifacts = b.store.artifacts_page(run, request()).await;
    assert_eq!(kind(&artifacts), "bad_cursor");
}
