//! Everything that people change stands in the trail, and every open dashboard is told of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use baton_api::rest::{
    AuditQuery, BulkRequest, CreateKey, CreateRun, EventQuery, PageQuery, Remark,
};
use baton_core::access::Role;
use baton_store::{SqliteOptions, SqliteStore};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::World;

/// What is sent, and the kinds of entries that it leaves, in order.
const DEEDS: &[(&str, &str, &str, &[&str])] = &[
    (
        "POST",
        "/deploy",
        r#"{"flow":"f","entry":{"kind":"command","argv":["true"]},"schedule":{"name":"s","settings":{"rule":{"frequency":"daily","time":"09:00"}}}}"#,
        &[
            "flow.created",
            "version.created",
            "schedule.deployed",
            "deployment.deployed",
        ],
    ),
    // What a deploy makes along the way leaves rows of its own; the same deploy again leaves none.
    (
        "POST",
        "/deploy",
        r#"{"flow":"f","deployment":"other","entry":{"kind":"command","argv":["true"]},"settings":{"queue":"new"}}"#,
        &["queue.created", "deployment.deployed"],
    ),
    (
        "POST",
        "/deploy",
        r#"{"flow":"f","deployment":"other","entry":{"kind":"command","argv":["true"]},"settings":{"queue":"new"}}"#,
        &[],
    ),
    (
        "POST",
        "/runs/report",
        r#"{"flow":"by-hand"}"#,
        &["flow.created"],
    ),
    ("POST", "/flows", r#"{"name":"g"}"#, &["flow.created"]),
    // Asked for again, it is there: nothing was made, and only what is said of it changes.
    ("POST", "/flows", r#"{"name":"g"}"#, &[]),
    (
        "POST",
        "/flows",
        r#"{"name":"g","folder":"finance"}"#,
        &["flow.updated"],
    ),
    (
        "PATCH",
        "/flows/g",
        r#"{"description":"words"}"#,
        &["flow.updated"],
    ),
    ("PATCH", "/flows/g", r#"{"description":"words"}"#, &[]),
    ("POST", "/flows", r#"{"name":"g","folder":"finance"}"#, &[]),
    ("DELETE", "/flows/g", "", &["flow.deleted"]),
    (
        "PATCH",
        "/deployments/f%2Fdefault",
        r#"{"tags":["a"]}"#,
        &["deployment.updated"],
    ),
    (
        "POST",
        "/deployments/f%2Fdefault/pause",
        "",
        &["deployment.paused"],
    ),
    // Asked for again, nothing changes, and nothing is written down.
    ("POST", "/deployments/f%2Fdefault/pause", "", &[]),
    (
        "POST",
        "/deployments/f%2Fdefault/resume",
        "",
        &["deployment.resumed"],
    ),
    ("POST", "/queues", r#"{"name":"q"}"#, &["queue.created"]),
    (
        "PATCH",
        "/queues/q",
        r#"{"concurrency_limit":3}"#,
        &["queue.updated"],
    ),
    ("POST", "/queues/q/pause", "", &["queue.paused"]),
    ("POST", "/queues/q/pause", "", &[]),
    ("POST", "/queues/q/resume", "", &["queue.resumed"]),
    ("DELETE", "/queues/q", "", &["queue.deleted"]),
    (
        "PUT",
        "/limits",
        r#"{"tag":"sap","limit":2}"#,
        &["limit.set"],
    ),
    ("PUT", "/limits", r#"{"tag":"sap","limit":2}"#, &[]),
    (
        "POST",
        "/keys",
        r#"{"name":"ci","role":"viewer"}"#,
        &["key.created"],
    ),
    ("POST", "/enrolments", "{}", &["enrolment.created"]),
    ("POST", "/sign-in-links", "", &["session.link_created"]),
    (
        "POST",
        "/robots/broadcast",
        r#"{"event":"hello","data":null}"#,
        &["robot.told"],
    ),
    ("POST", "/server/backup", "", &["server.backed_up"]),
];

#[tokio::test]
async fn every_deed_stands_in_the_trail_with_who_and_when_and_reaches_the_streams() {
    do_everything(World::new().await).await;
}

/// Entries are written by the store, together with the change: by each one in its own way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_deed_stands_in_the_trail_of_a_store_on_disk() {
    let (world, _dir) = on_disk().await;
    do_everything(world).await;
}

async fn on_disk() -> (World, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("a new database");
    (World::on(store).await, dir)
}

async fn do_everything(world: World) {
    let mut expected = Vec::new();
    for (method, path, body, kinds) in DEEDS {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let (status, answer) = world.send(method, &format!("/api/v1{path}"), body).await;
        // A store in memory makes no copy of itself.
        if *path == "/server/backup" && status == StatusCode::CONFLICT {
            continue;
        }
        assert!(status.is_success(), "{path}: {status} {answer}");
        expected.extend(kinds.iter().map(|kind| (*kind).to_owned()));
    }
    let mut seen = Vec::new();
    let mut query = AuditQuery {
        limit: Some(5),
        ..AuditQuery::default()
    };
    loop {
        let page = world.client.audit(&query).await.expect("the trail");
        assert!(
            page.items.iter().all(|entry| entry.actor == "admin"),
            "{page:?}"
        );
        seen.extend(page.items.into_iter().map(|entry| entry.kind));
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    seen.reverse();
    assert_eq!(seen, expected);

    let from_the_start = EventQuery {
        after: Some("e1-0-0".into()),
        ..EventQuery::default()
    };
    let mut stream = world.client.follow_events(&from_the_start);
    for kind in expected {
        let event = loop {
            let event = stream.next().await.expect("an event");
            // What becomes of a run is no entry of the trail.
            if !event.kind.starts_with("run.") {
                break event;
            }
        };
        assert_eq!((event.kind, event.actor), (kind, "admin".to_owned()));
    }
}

/// Deeds whose change a commit tells of, so that one can see that the entry came with it.
const TOLD: &[(&str, &str, &str, &str)] = &[
    ("POST", "/queues", r#"{"name":"q"}"#, "queue.created"),
    ("POST", "/queues/q/pause", "", "queue.paused"),
    ("PUT", "/limits", r#"{"tag":"sap","limit":2}"#, "limit.set"),
    (
        "POST",
        "/deployments/cat_fact%2Fdefault/pause",
        "",
        "deployment.paused",
    ),
];

#[tokio::test]
async fn an_entry_is_committed_with_what_it_speaks_of() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let ask = CreateRun::default();
    let made = world.client.run_deployment("cat_fact/default", &ask).await;
    let run = made.expect("a run").id.to_string();
    // Where each commit left the trail, and whether it changed something else as well.
    let commits = Arc::new(Mutex::new(BTreeMap::new()));
    let heard = Arc::clone(&commits);
    world.server.app.store.on_commit(Arc::new(move |note| {
        let changed = note.queued || note.due_changed || note.run_events_up_to > 0;
        let mut heard = heard.lock().expect("alone");
        heard.insert(note.events_up_to, changed);
    }));
    let together = async |kind: &str| {
        let (_, last) = world.server.app.store.events_span().await.expect("read");
        let events = world.server.app.store.events_after(None, last - 1, 1).await;
        assert_eq!(events.expect("read")[0].kind, kind);
        let together = commits.lock().expect("alone").get(&last).copied();
        assert_eq!(together, Some(true), "{kind} has a commit of its own");
    };
    for (method, path, body, kind) in TOLD {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let (status, answer) = world.send(method, &format!("/api/v1{path}"), body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        together(kind).await;
    }
    let none = Remark::default();
    let cancelled = world.client.cancel_run(&run, &none).await;
    cancelled.expect("cancelled");
    together("run.cancel_requested").await;
}

#[tokio::test]
async fn what_is_asked_of_runs_is_noted_beside_them_and_outlives_them() {
    let world = World::new().await;
    ask_of_runs(&world).await;
    take_back(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_runs_is_noted_on_disk_as_well() {
    let (world, _dir) = on_disk().await;
    ask_of_runs(&world).await;
    take_back(&world).await;
}

async fn ask_of_runs(world: &World) {
    world.deploy("cat_fact").await;
    let make = async || {
        let ask = CreateRun::default();
        let made = world.client.run_deployment("cat_fact/default", &ask).await;
        made.expect("a run").id
    };
    let run = make().await;
    let name = run.to_string();
    let remark = Remark {
        message: Some("wrong month".into()),
    };
    world
        .client
        .cancel_run(&name, &remark)
        .await
        .expect("cancelled");
    let again = Remark::default();
    world
        .client
        .retry_run(&name, &again)
        .await
        .expect("retried");
    let kinds = async |subject: &str| -> Vec<String> {
        let query = AuditQuery {
            subject: Some(subject.to_owned()),
            ..AuditQuery::default()
        };
        let found = world.client.audit(&query).await.expect("the trail");
        found.items.into_iter().map(|entry| entry.kind).collect()
    };
    let notes = world.client.run_notes(&name, &PageQuery::default()).await;
    let notes = notes.expect("its notes").items;
    assert_eq!(notes[1].kind, "run.cancel_requested");
    assert_eq!(notes[1].detail["message"], "wrong month");
    assert_eq!(
        kinds(&name).await,
        ["run.retry_requested", "run.cancel_requested"]
    );

    let other = make().await;
    let both = BulkRequest {
        ids: vec![run, other],
        message: Some("enough".into()),
        ..BulkRequest::default()
    };
    world.client.cancel_runs(&both).await.expect("cancelled");
    world.client.delete_runs(&both).await.expect("deleted");
    let many = AuditQuery {
        kinds: Some("runs".into()),
        ..AuditQuery::default()
    };
    let found = world.client.audit(&many).await.expect("the trail").items;
    assert_eq!(
        (found[0].kind.as_str(), found[1].kind.as_str()),
        ("runs.deleted", "runs.cancel_requested")
    );
    assert_eq!(found[0].detail["changed"], 2);
    assert_eq!(found[1].detail["runs"], json!([run, other]));
    assert_eq!(kinds(&name).await.len(), 2, "the trail outlives the run");
}

/// What is deleted or taken back says what it was.
async fn take_back(world: &World) {
    let ask = CreateKey {
        name: "ci".into(),
        role: Role::Viewer,
        expires_in_seconds: None,
    };
    let key = world.client.create_key(&ask).await.expect("a key").key.id;
    world.client.revoke_key(key).await.expect("revoked");
    let revoked = AuditQuery {
        subject: Some(key.to_string()),
        ..AuditQuery::default()
    };
    let found = world.client.audit(&revoked).await.expect("the trail").items;
    assert_eq!((found[0].kind.as_str(), found.len()), ("key.revoked", 2));
    assert_eq!(found[0].detail["name"], "ci");

    let ask = CreateRun::default();
    let made = world.client.run_deployment("cat_fact/default", &ask).await;
    let run = made.expect("a run").id.to_string();
    let why = Remark::default();
    let cancelled = world.client.cancel_run(&run, &why).await;
    cancelled.expect("cancelled");
    world.client.delete_run(&run).await.expect("deleted");
    let of_run = AuditQuery {
        subject: Some(run),
        ..AuditQuery::default()
    };
    let found = world.client.audit(&of_run).await.expect("the trail").items;
    let kinds: Vec<_> = found.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["run.deleted", "run.cancel_requested"]);
}
