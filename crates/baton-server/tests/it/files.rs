//! Files: packages that go in, artifacts that come out, and how a browser may see them.

use baton_api::rest::PageQuery;
use baton_core::id::RunId;
use serde_json::{Value, json};

use crate::world::{World, report_start};

#[tokio::test]
async fn packages_and_artifacts_go_in_and_come_out_unchanged() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("main.py"), "print('hello')\n").expect("written");
    let archive = baton_api::package::pack(folder.path()).expect("packed");
    let package = world
        .client
        .put_package(archive.clone())
        .await
        .expect("uploaded");
    assert!(!package.existing);
    assert!(
        world
            .client
            .put_package(archive.clone())
            .await
            .expect("again")
            .existing
    );
    let back = world
        .client
        .package(&package.hash)
        .await
        .expect("there")
        .bytes()
        .await;
    assert_eq!(back.expect("read"), archive);

    let start = report_start("cscKPI");
    let run = world.client.report_start(&start).await.expect("started");
    let about = baton_api::rest::PutArtifact {
        name: "report/märz.html".into(),
        attempt: 1,
        fence: 0,
    };
    let page = b"<script>alert(1)</script>".to_vec();
    let artifact = world
        .client
        .put_artifact(run.id, &about, "text/html", page.clone())
        .await
        .expect("stored");
    let response = world
        .request(reqwest::Method::GET, &artifact.url, &world.admin)
        .send()
        .await
        .expect("sent");
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    assert!(header("content-disposition").starts_with("attachment"));
    assert!(header("content-security-policy").starts_with("sandbox"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(response.bytes().await.expect("read"), page);
    let mut stale = about.clone();
    stale.fence = 7;
    let error = world
        .client
        .put_artifact(run.id, &stale, "text/plain", vec![1])
        .await;
    assert_eq!(error.expect_err("not its own").code(), "stale_fence");
    assert_eq!(last_note(&world, run.id).await, json!("artifact"));
}

/// Which message of a run was refused last.
async fn last_note(world: &World, run: RunId) -> Value {
    let page = PageQuery::default();
    let notes = world.client.run_notes(&run.to_string(), &page).await;
    let note = notes.expect("its notes").items.remove(0);
    assert_eq!(note.kind, "run.message_refused");
    note.detail["message"].clone()
}
