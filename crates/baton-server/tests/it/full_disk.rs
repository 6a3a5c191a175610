//! A disk that runs full under a running server: writes are refused by name, reads go on, and it is over
//! as soon as there is space.

use baton_api::rest::{BulkRequest, CreateRun};
use baton_core::id::RunId;
use baton_store::{SqliteOptions, SqliteStore};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, answer, deploy_request};

/// Pages of 4 KiB: some fifty runs of [`LARGE`] bytes.
const PAGES: u32 = 1_500;
const LARGE: usize = 100 << 10;

/// Makes a run with large parameters.
async fn make(world: &World) -> (StatusCode, Value, bool) {
    let body = json!({"deployment": "big/default", "parameters": {"x": "x".repeat(LARGE)}});
    let response = world
        .request(Method::POST, "/api/v1/runs", &world.admin)
        .json(&body)
        .send()
        .await
        .expect("an answer");
    let says_when = response.headers().contains_key("retry-after");
    let (status, body) = answer(response).await;
    (status, body, says_when)
}

/// What the server says of itself to those who send requests to it.
async fn ready(world: &World) -> (StatusCode, String) {
    let asked = world.request(Method::GET, "/readyz", &world.admin);
    let (status, body) = answer(asked.send().await.expect("sent")).await;
    (status, body["status"].as_str().expect("a word").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_serves_reads_and_is_over_when_there_is_space() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions {
        max_pages: Some(PAGES),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&dir.path().join("baton.db"), options).expect("a new database");
    let world = World::on(store).await;
    let mut flow = deploy_request("big");
    flow.parameter_schema = json!({});
    world.client.deploy(&flow).await.expect("deployed");
    let mut ended: Vec<RunId> = Vec::new();
    for _ in 0..5 {
        let (status, run, _) = make(&world).await;
        assert_eq!(status, StatusCode::CREATED, "{run}");
        let id = run["id"].as_str().expect("an id");
        world
            .client
            .cancel_run(id, &Default::default())
            .await
            .expect("cancelled");
        ended.push(id.parse().expect("an id"));
    }
    let mut made = ended.len();
    let (problem, says_when) = loop {
        match make(&world).await {
            (StatusCode::CREATED, ..) => made += 1,
            (StatusCode::INSUFFICIENT_STORAGE, problem, says_when) => break (problem, says_when),
            other => panic!("neither made nor full: {other:?}"),
        }
        assert!(made < 1_000, "the disk never runs full");
    };
    assert_eq!((&problem["code"], says_when), (&json!("disk_full"), true));
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("full"), "{detail}");

    let page = world
        .client
        .runs(&Default::default())
        .await
        .expect("reads go on");
    assert_eq!(page.items.len(), made.min(50));
    let (status, word) = ready(&world).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(word, "cannot_write");

    let ask = BulkRequest {
        ids: ended.clone(),
        ..BulkRequest::default()
    };
    let gone = world.client.delete_runs(&ask).await.expect("deleted");
    assert_eq!(gone.changed, 5);
    let small = CreateRun {
        deployment: Some("big/default".into()),
        ..CreateRun::default()
    };
    world
        .client
        .create_run(&small)
        .await
        .expect("there is space again");
    assert_eq!(ready(&world).await, (StatusCode::OK, "ok".to_owned()));
    let found = world.client.verify().await.expect("verified");
    assert_eq!(found.breaches, []);
}
