//! Everything that people change stands in the trail, and every open dashboard is told of it.

use baton_api::rest::{AuditQuery, BulkRequest, CreateRun, EventQuery, PageQuery, Remark};
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
            "version.created",
            "schedule.deployed",
            "deployment.deployed",
        ],
    ),
    ("POST", "/flows", r#"{"name":"g"}"#, &["flow.created"]),
    (
        "PATCH",
        "/flows/g",
        r#"{"description":"words"}"#,
        &["flow.updated"],
    ),
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
    ("POST", "/queues/q/resume", "", &["queue.resumed"]),
    ("DELETE", "/queues/q", "", &["queue.deleted"]),
    (
        "PUT",
        "/limits",
        r#"{"tag":"sap","limit":2}"#,
        &["limit.set"],
    ),
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
    let world = World::new().await;
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
        let event = stream.next().await.expect("an event");
        assert_eq!((event.kind, event.actor), (kind, "admin".to_owned()));
    }
}

#[tokio::test]
async fn what_is_asked_of_runs_is_noted_beside_them_and_outlives_them() {
    let world = World::new().await;
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
