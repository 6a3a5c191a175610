//! Every list is paged in the same way, and every cursor is text that a URL can hold.

use std::collections::BTreeSet;

use baton_api::rest::{CreateQueue, CreateRun, PutLimit, QueuePatch};
use reqwest::Method;
use serde_json::Value;

use crate::world::World;

#[test]
fn every_list_of_the_document_takes_a_limit_and_a_cursor() {
    let document = serde_json::to_value(baton_server::http::openapi()).expect("JSON");
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let operation = &item["get"];
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let name = answer["$ref"].as_str().unwrap_or_default();
        if !name.ends_with("Collection") {
            continue;
        }
        lists += 1;
        let parameters = operation["parameters"].as_array().expect("parameters");
        let named = |name: &str| parameters.iter().find(|p| p["name"] == name);
        let limit = &named("limit").unwrap_or_else(|| panic!("{path} takes no limit"))["schema"];
        assert_eq!(
            (&limit["minimum"], &limit["maximum"]),
            (&1.into(), &1000.into()),
            "{path}"
        );
        assert!(named("cursor").is_some(), "{path} takes no cursor");
    }
    assert!(lists >= 18, "only {lists} lists were seen");
}

/// All rows of a list, two at a time, each cursor put into the next request as it is.
async fn walk(world: &World, path: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let asked = format!("/api/v1{path}?limit=2{cursor}");
        let (status, page) = world.send(Method::GET, &asked, "").await;
        assert_eq!(status, 200, "{asked}: {page}");
        let items = page["items"].as_array().expect("rows");
        assert!(items.len() <= 2, "{asked} gave {} rows", items.len());
        rows.extend(items.iter().cloned());
        let Some(next) = page["next"].as_str() else {
            return rows;
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
        assert!(
            next.chars().all(is_plain),
            "{path}: {next:?} must be escaped"
        );
        cursor = format!("&cursor={next}");
        assert!(rows.len() < 100, "{path} never ends");
    }
}

async fn filled() -> World {
    let world = World::new().await;
    let client = &world.client;
    for n in 0..5 {
        world.deploy(&format!("flow {n} of \"five\"")).await;
        world.enrol(&format!("sap-{n}")).await;
        let settings = QueuePatch::default();
        let queue = CreateQueue {
            name: format!("queue {n}"),
            settings,
        };
        client.create_queue(&queue).await.expect("a queue");
        let limit = PutLimit {
            tag: format!("tag {n}"),
            limit: 1,
        };
        client.put_limit(&limit).await.expect("a limit");
        let deployment = format!("flow {n} of \"five\"/default");
        for hour in 1..=2 {
            let rule = format!(
                r#"{{"deployment":{deployment:?},"name":"h{hour}","settings":{{"rule":{{"frequency":"interval","every_seconds":{}}}}}}}"#,
                hour * 3600
            );
            let (status, said) = world.send(Method::POST, "/api/v1/schedules", &rule).await;
            assert_eq!(status, 201, "{said}");
        }
        let ask = CreateRun::default();
        client
            .run_deployment(&deployment, &ask)
            .await
            .expect("a run");
    }
    world
}

#[tokio::test]
async fn lists_are_walked_by_two_without_gap_or_repetition() {
    let world = filled().await;
    for (path, at_least, key) in [
        ("/robots", 5, "/name"),
        ("/queues", 6, "/name"),
        ("/limits", 5, "/tag"),
        ("/keys", 6, "/id"),
        ("/flows", 5, "/name"),
        ("/deployments", 5, "/full_name"),
        ("/schedules", 10, "/id"),
        ("/runs", 5, "/id"),
        ("/queues/default/peek", 5, "/id"),
        ("/audit", 10, ""),
    ] {
        let rows = walk(&world, path).await;
        assert!(rows.len() >= at_least, "{path} gave {} rows", rows.len());
        let keys: BTreeSet<String> = (rows.iter())
            .map(|row| row.pointer(key).expect("a key").to_string())
            .collect();
        if !key.is_empty() {
            assert_eq!(keys.len(), rows.len(), "{path} gave a row twice");
        }
    }
    let run = walk(&world, "/runs").await[0]["id"].clone();
    let run = run.as_str().expect("an id");
    let events = walk(&world, &format!("/runs/{run}/events")).await;
    assert!(!events.is_empty());
}

#[tokio::test]
async fn the_client_gathers_all_pages_of_a_list() {
    let world = filled().await;
    assert_eq!(world.client.robots().await.expect("robots").items.len(), 5);
    let schedules = world.client.all_schedules(&Default::default()).await;
    assert_eq!(schedules.expect("schedules").items.len(), 10);
}
