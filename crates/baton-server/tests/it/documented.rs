//! The types of the OpenAPI document are the types that are given and taken.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(baton_server::http::openapi()).expect("JSON"));

/// What is wrong with an answer, by the document's schema for it.
fn faults(schema: &Value, answer: &Value) -> Vec<String> {
    static MADE: LazyLock<Mutex<HashMap<String, jsonschema::Validator>>> =
        LazyLock::new(Mutex::default);
    let mut made = MADE.lock().expect("no test panicked here");
    let validator = made.entry(schema.to_string()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["components"] = DOCUMENT["components"].clone();
        let options = jsonschema::options().should_validate_formats(true);
        options.build(&whole).expect("a schema")
    });
    (validator.iter_errors(answer))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

async fn filled() -> World {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    world.enrol("sap-1").await;
    let ask = baton_api::rest::CreateRun::default();
    let run = world.client.run_deployment("cat_fact/default", &ask);
    run.await.expect("a run");
    for (method, path, body) in [
        (
            Method::POST,
            "/queues",
            json!({"name": "wide", "settings": {"concurrency_limit": u32::MAX}}),
        ),
        (
            Method::PUT,
            "/limits",
            json!({"tag": "sap", "limit": u32::MAX}),
        ),
        (
            Method::PATCH,
            "/deployments/cat_fact%2Fdefault",
            json!({"timeout_seconds": u32::MAX, "parameters": {}}),
        ),
        (
            Method::POST,
            "/schedules",
            json!({"deployment": "cat_fact/default", "settings": {"rule": {"frequency": "interval", "every_seconds": 3600}}}),
        ),
    ] {
        let path = format!("/api/v1{path}");
        let (status, said) = world.send(method, &path, &body.to_string()).await;
        assert!(status.is_success(), "{path}: {status} {said}");
    }
    world
}

#[tokio::test]
async fn every_answer_to_a_reading_is_what_the_document_says() {
    let world = filled().await;
    let run = world
        .client
        .runs(&Default::default())
        .await
        .expect("runs")
        .items[0]
        .clone();
    let schedule = world
        .client
        .schedules(&Default::default())
        .await
        .expect("schedules")
        .items[0]
        .id;
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for (template, item) in DOCUMENT["paths"].as_object().expect("paths") {
        let answer = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if answer.is_null() || template.contains("{artifact}") || template.contains("{version}") {
            continue;
        }
        let mut path = template.clone();
        for (name, value) in [
            ("{run}", run.id.to_string()),
            ("{flow}", "cat_fact".into()),
            ("{deployment}", "cat_fact%2Fdefault".into()),
            ("{schedule}", schedule.to_string()),
            ("{queue}", "wide".into()),
            ("{robot}", "sap-1".into()),
        ] {
            path = path.replace(name, &value);
        }
        if template.ends_with("/instant") {
            path.push_str("?local=2026-12-01T09:00");
        }
        if template.ends_with("/samples") {
            path.push_str("?metric=queue_depth");
        }
        let (status, given) = world.send(Method::GET, &path, "").await;
        assert_eq!(status, 200, "{path}: {given}");
        looked_at += 1;
        let found = faults(answer, &given);
        wrong.extend(found.into_iter().map(|fault| format!("{path} {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(looked_at > 30, "only {looked_at} answers were looked at");
}

#[test]
fn no_number_of_the_document_is_wider_than_its_format() {
    fn walk(value: &Value, place: &str, wrong: &mut Vec<String>) {
        if let Some(object) = value.as_object() {
            let number = |name: &str| object.get(name).and_then(Value::as_u64);
            match object.get("format").and_then(Value::as_str) {
                Some("int32") => {
                    let is_bounded = number("maximum").is_none_or(|most| most <= i32::MAX as u64);
                    // An unsigned number without an upper bound goes to 2^32 - 1.
                    let is_unsigned = number("minimum").is_some();
                    if !is_bounded || is_unsigned && number("maximum").is_none() {
                        wrong.push(format!("{place}: {value}"));
                    }
                }
                Some(format) if format.starts_with("uint") => {
                    wrong.push(format!("{place}: {value}"))
                }
                _ => {}
            }
            for (name, inner) in object {
                walk(inner, &format!("{place}/{name}"), wrong);
            }
        }
        for inner in value.as_array().into_iter().flatten() {
            walk(inner, place, wrong);
        }
    }
    let mut wrong = Vec::new();
    walk(&DOCUMENT, "", &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_id_in_a_path_is_a_uuid_and_a_name_is_any_text() {
    let format = |path: &str, method: &str| {
        DOCUMENT["paths"][path][method]["parameters"][0]["schema"]["format"].clone()
    };
    assert_eq!(format("/api/v1/keys/{key}", "delete"), "uuid");
    assert_eq!(format("/api/v1/schedules/{schedule}", "get"), "uuid");
    assert_eq!(format("/api/v1/robots/{robot}", "get"), Value::Null);
}
