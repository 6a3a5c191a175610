//! Bad input: each is answered with what, where and what to do, under a stable code, and changes nothing.

use reqwest::Method;
use serde_json::json;

use crate::world::World;

/// Method, path, body; then status and code of the answer.
const CASES: &[(&str, &str, &str, u16, &str)] = &[
    ("POST", "/api/v1/runs", "{", 400, "bad_json"),
    ("POST", "/api/v1/runs", "[]", 422, "invalid_body"),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deploymnet":"x"}"#,
        422,
        "unknown_field",
    ),
    ("POST", "/api/v1/runs", r#"{}"#, 422, "missing_field"),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"no/such"}"#,
        404,
        "not_found",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","priority":"urgent"}"#,
        422,
        "invalid_body",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","parameters":{"month":1,"id":[18446744073709551616]}}"#,
        422,
        "inexact_number",
    ),
    (
        "PATCH",
        "/api/v1/deployments/cat_fact%2Fdefault",
        r#"{"parameters":{"rate":3.14159265358979323846}}"#,
        422,
        "inexact_number",
    ),
    (
        "POST",
        "/api/v1/flows",
        r#"{"name":"01a2185d-3a60-756b-9f98-b87c3222ec1e"}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","parameters":{"month":13}}"#,
        422,
        "invalid_parameters",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","parameters":{"moth":1}}"#,
        422,
        "invalid_parameters",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","queue":"nowhere"}"#,
        422,
        "unknown_queue",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","robot":"nobody"}"#,
        422,
        "unknown_robot",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","retry":{"max_retries":1,"backoff_factor":0.5}}"#,
        422,
        "invalid_retry",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","tags":["a,b"]}"#,
        422,
        "invalid_word",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","flow":"cat_fact"}"#,
        422,
        "two_deployments",
    ),
    ("GET", "/api/v1/runs?limit=0", "", 400, "bad_query"),
    ("GET", "/api/v1/runs?limit=5000", "", 400, "bad_query"),
    ("GET", "/api/v1/runs?limit=ten", "", 400, "bad_query"),
    ("GET", "/api/v1/runs?colour=red", "", 400, "bad_query"),
    ("GET", "/api/v1/runs?state=sleeping", "", 400, "bad_query"),
    ("GET", "/api/v1/runs?cursor=!!!", "", 400, "bad_cursor"),
    ("GET", "/api/v1/runs/no-such-run", "", 404, "not_found"),
    ("GET", "/api/v1/versions/12", "", 400, "bad_id"),
    ("GET", "/api/v1/nothing", "", 404, "not_found"),
    ("PUT", "/api/v1/runs", "{}", 405, "method_not_allowed"),
    ("GET", "/api/v1/packages/xyz", "", 400, "bad_hash"),
    ("POST", "/api/v1/packages", "not a package", 422, "*"),
    (
        "POST",
        "/api/v1/queues",
        r#"{"name":"a/b"}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/queues",
        r#"{"name":"default"}"#,
        409,
        "queue_exists",
    ),
    (
        "POST",
        "/api/v1/queues",
        r#"{"name":"a\u202eb"}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/flows",
        r#"{"name":"a\u200bb"}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/keys",
        r#"{"name":"\u2066x","role":"viewer"}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/enrolments",
        r#"{"robot_name":"r\ufeff1"}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","tags":["a\u200fb"]}"#,
        422,
        "invalid_word",
    ),
    (
        "POST",
        "/api/v1/runs",
        r#"{"deployment":"cat_fact/default","labels":["a\u001bb"]}"#,
        422,
        "invalid_word",
    ),
    (
        "POST",
        "/api/v1/flows",
        r#"{"name":"y","folder":"x\u202d"}"#,
        422,
        "invalid_word",
    ),
    (
        "POST",
        "/api/v1/deploy",
        r#"{"flow":"x\u2028y","entry":{"kind":"command","argv":["true"]}}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/schedules",
        r#"{"deployment":"cat_fact/default","name":"n\u200b","settings":{"rule":{"frequency":"daily","time":"09:00"}}}"#,
        422,
        "invalid_name",
    ),
    ("DELETE", "/api/v1/queues/default", "", 409, "queue_in_use"),
    (
        "POST",
        "/api/v1/keys",
        r#"{"name":"x","role":"robot"}"#,
        422,
        "role_not_allowed",
    ),
    (
        "POST",
        "/api/v1/keys",
        r#"{"name":"x","role":"king"}"#,
        422,
        "invalid_body",
    ),
    (
        "POST",
        "/api/v1/schedules/preview",
        r#"{"settings":{"rule":{"frequency":"cron","expression":"0 0 31 2 *"}}}"#,
        422,
        "never_fires",
    ),
    (
        "POST",
        "/api/v1/schedules/preview",
        r#"{"settings":{"rule":{"frequency":"cron","expression":"99 * * * *"}}}"#,
        422,
        "bad_cron",
    ),
    (
        "POST",
        "/api/v1/schedules/preview",
        r#"{"settings":{"timezone":"Mars/Olympus","rule":{"frequency":"daily","time":"09:00"}}}"#,
        422,
        "unknown_timezone",
    ),
    (
        "POST",
        "/api/v1/schedules",
        r#"{"deployment":"cat_fact/default","settings":{"rule":{"frequency":"daily","time":"09:00"},"parameters":{"month":0}}}"#,
        422,
        "invalid_parameters",
    ),
    (
        "POST",
        "/api/v1/deploy",
        r#"{"flow":"x","entry":{"kind":"command","argv":[]}}"#,
        422,
        "no_program",
    ),
    (
        "POST",
        "/api/v1/deploy",
        r#"{"flow":"x","entry":{"kind":"command","argv":["true"],"shell":true}}"#,
        422,
        "*",
    ),
    (
        "POST",
        "/api/v1/deploy",
        r#"{"flow":"..","entry":{"kind":"command","argv":["true"]}}"#,
        422,
        "invalid_name",
    ),
    (
        "POST",
        "/api/v1/deploy",
        r#"{"flow":"x","entry":{"kind":"command","argv":["true"]},"parameter_schema":{"type":12}}"#,
        422,
        "bad_schema",
    ),
    (
        "POST",
        "/api/v1/deploy",
        r#"{"flow":"x","entry":{"kind":"command","argv":["true"]},"package":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
        404,
        "not_found",
    ),
    ("POST", "/api/v1/sessions", "{}", 422, "missing_field"),
    (
        "POST",
        "/api/v1/robots/enroll",
        r#"{"token":"nonsense","name":"r"}"#,
        401,
        "unknown_key",
    ),
    (
        "POST",
        "/api/v1/enrolments",
        r#"{"expires_in_seconds":1}"#,
        422,
        "out_of_range",
    ),
    (
        "GET",
        "/api/v1/metrics/outcomes?step_seconds=7",
        "",
        422,
        "out_of_range",
    ),
    (
        "GET",
        "/api/v1/metrics/samples?metric=queue_depth&grain_seconds=11",
        "",
        422,
        "out_of_range",
    ),
    (
        "GET",
        "/api/v1/metrics/samples?metric=a,b,c,d,e,f,g,h,i",
        "",
        422,
        "out_of_range",
    ),
];

#[tokio::test]
async fn each_mistake_is_answered_with_its_own_code_and_changes_nothing() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let mut wrong = Vec::new();
    for (method, path, body, status, code) in CASES {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let (got, answer) = world.send(method.clone(), path, body).await;
        let is_right = got.as_u16() == *status
            && answer["status"] == *status
            && answer["detail"].as_str().is_some_and(|d| d.len() > 10)
            && (*code == "*" || answer["code"] == *code);
        if !is_right {
            wrong.push(format!("{method} {path} {body} gave {got} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        world
            .client
            .flows(&Default::default())
            .await
            .expect("flows")
            .items
            .len(),
        1
    );
    assert!(
        world
            .client
            .runs(&Default::default())
            .await
            .expect("runs")
            .items
            .is_empty()
    );
    assert_eq!(world.client.queues().await.expect("queues").items.len(), 1);
}

#[tokio::test]
async fn a_thing_that_keeps_its_name_says_so() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    for path in [
        "flows/cat_fact",
        "deployments/cat_fact%2Fdefault",
        "queues/default",
    ] {
        let path = format!("/api/v1/{path}");
        let (status, answer) = world.send(Method::PATCH, &path, r#"{"name":"dog"}"#).await;
        let told = (status.as_u16(), &answer["code"]);
        assert_eq!(told, (422, &json!("name_is_kept")), "{path}");
        assert_eq!(answer["errors"][0]["field"], "name");
    }
}

#[tokio::test]
async fn a_name_that_is_written_as_an_id_of_this_server_is_refused() {
    let world = World::new().await;
    let first = world.enrol("r1").await.robot_id.to_string();
    let packed = first.replace('-', "");
    for id in [&first, &packed] {
        let key = format!(r#"{{"name":"{id}","role":"viewer"}}"#);
        let robot = format!(r#"{{"robot_name":"{id}"}}"#);
        let queue = format!(r#"{{"name":"{id}"}}"#);
        for (path, body) in [("keys", key), ("enrolments", robot), ("queues", queue)] {
            let path = format!("/api/v1/{path}");
            let (status, answer) = world.send(Method::POST, &path, &body).await;
            let told = (status.as_u16(), &answer["code"]);
            assert_eq!(told, (422, &json!("invalid_name")), "{path} {id}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_robot_that_is_named_as_its_machine_by_a_uuid_is_found_by_its_name() {
    let world = World::new().await;
    let machine = "9f1c3c2e-5a2b-4d4e-8c55-0242ac120002";
    let made = world.enrol(machine).await;
    let found = world.client.robot(machine).await.expect("by its name");
    assert_eq!(found.id, made.robot_id);
    let found = world.client.robot(&made.robot_id.to_string()).await;
    assert_eq!(found.expect("by its id").name, machine);
}

#[tokio::test]
async fn an_unknown_field_is_named_with_its_place() {
    let world = World::new().await;
    let body =
        r#"{"flow":"x","entry":{"kind":"command","argv":["true"]},"settings":{"timeout":5}}"#;
    let (_, answer) = world.send(Method::POST, "/api/v1/deploy", body).await;
    assert_eq!(answer["code"], "unknown_field");
    assert_eq!(answer["errors"][0]["field"], "settings.timeout");
}

#[tokio::test]
async fn a_body_over_its_bound_is_refused_before_it_is_read() {
    let world = World::new().await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(300 << 10));
    let (status, answer) = world.send(Method::POST, "/api/v1/queues", &large).await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (413, &json!("body_too_large"))
    );
}

#[tokio::test]
async fn a_parameter_of_five_megabytes_is_refused_with_a_word() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let large = "x".repeat(5 << 20);
    let body = format!(r#"{{"deployment":"cat_fact/default","parameters":{{"month":"{large}"}}}}"#);
    let (status, answer) = world.send(Method::POST, "/api/v1/runs", &body).await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (413, &json!("body_too_large"))
    );
}

#[tokio::test]
async fn json_that_is_nested_without_end_is_refused_before_it_hurts() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    for (depth, status, codes) in [
        (100_000, 400, &["bad_json"][..]),
        (100, 422, &["invalid_parameters", "too_deep"][..]),
    ] {
        let nested = "[".repeat(depth) + &"]".repeat(depth);
        let body =
            format!(r#"{{"deployment":"cat_fact/default","parameters":{{"month":{nested}}}}}"#);
        let (got, answer) = world.send(Method::POST, "/api/v1/runs", &body).await;
        assert_eq!(got.as_u16(), status, "{answer}");
        let code = answer["code"].as_str().unwrap_or_default();
        assert!(codes.contains(&code), "{answer}");
    }
    let runs = world.client.runs(&Default::default()).await.expect("runs");
    assert!(runs.items.is_empty());
}

#[tokio::test]
async fn a_form_cannot_pretend_to_be_json() {
    let world = World::new().await;
    let response = world
        .request(Method::POST, "/api/v1/queues", &world.admin)
        .header("content-type", "text/plain")
        .body(r#"{"name":"x"}"#)
        .send()
        .await
        .expect("sent");
    assert_eq!(response.status().as_u16(), 415);
}

#[tokio::test]
async fn a_closed_store_answers_503_and_says_when_to_come_back() {
    let world = World::new().await;
    world.client.queues().await.expect("it works");
    world.store.close().await;
    let response = world
        .request(Method::GET, "/api/v1/queues", &world.admin)
        .send()
        .await
        .expect("sent");
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, answer) = crate::world::answer(response).await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (503, &json!("unavailable"))
    );
}

#[tokio::test]
async fn a_character_that_nobody_sees_is_named_with_its_place() {
    let world = World::new().await;
    let body = r#"{"name":"in\u202evoice"}"#;
    let (_, answer) = world.send(Method::POST, "/api/v1/queues", body).await;
    let detail = answer["detail"].as_str().expect("a sentence");
    assert!(detail.contains("character 3 is U+202E"), "{detail}");
    assert_eq!(answer["errors"][0]["field"], "name");
}

#[tokio::test]
async fn a_wrong_schedule_is_told_in_words_and_its_field_beside_them() {
    let world = World::new().await;
    let body = r#"{"settings":{"rule":{"frequency":"cron","expression":"0 25 * * *"}}}"#;
    let (_, answer) = world
        .send(Method::POST, "/api/v1/schedules/preview", body)
        .await;
    let detail = answer["detail"].as_str().expect("a sentence");
    assert!(detail.starts_with("the cron expression: "), "{detail}");
    assert_eq!(answer["errors"][0]["field"], "rule.expression");
}
