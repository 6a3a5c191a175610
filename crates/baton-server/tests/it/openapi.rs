//! The OpenAPI document is the route table, and the committed copy is fresh.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_committed_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let document = baton_server::http::openapi();
    let fresh = serde_json::to_string_pretty(&document).expect("JSON") + "\n";
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed != fresh && std::env::var_os("BATON_BLESS").is_some() {
        std::fs::write(&path, &fresh).expect("written");
        return;
    }
    assert!(
        committed == fresh,
        "crates/baton-server/openapi.json is stale: run this test with BATON_BLESS=1 and commit the file"
    );
}

#[test]
fn every_route_of_the_api_is_in_the_document_and_every_reference_resolves() {
    let document = serde_json::to_value(baton_server::http::openapi()).expect("JSON");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    let plain = ["/api/v1/openapi.json", "/api/v1/agent/baton"];
    let routed: BTreeSet<_> = baton_server::http::routes()
        .into_iter()
        .filter(|(_, path, _)| path.starts_with("/api/v1") && !plain.contains(path))
        .map(|(method, path, _)| (method.to_string(), path.to_owned()))
        .collect();
    assert_eq!(documented, routed);

    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(
            document["components"]["schemas"].get(name).is_some(),
            "{name} is missing"
        );
    }
}

#[test]
fn operation_ids_are_unique() {
    let document = serde_json::to_value(baton_server::http::openapi()).expect("JSON");
    let mut seen = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            assert!(seen.insert(id.clone()), "{id} stands for two operations");
        }
    }
}
