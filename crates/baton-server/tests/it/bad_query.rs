//! A wrong query is refused by the parameter's name and value, with what is wanted instead.

use reqwest::Method;

use crate::world::World;

/// A query, the parameter at fault, and words that the refusal must have beside its value.
const QUERIES: &[(&str, &str, &str, &str)] = &[
    (
        "/runs?state=bogus",
        "bad_query",
        "state",
        "state=bogus is of no use: unknown variant `bogus`, expected one of `pending`, `queued`",
    ),
    (
        "/runs?limit=5&state=running,bogus",
        "bad_query",
        "state",
        "state=running,bogus",
    ),
    (
        "/runs?colour=red",
        "bad_query",
        "colour",
        "colour=red is not known here; known are `state`",
    ),
    (
        "/runs?ids=01930000-0000-7000-8000-000000000000,x",
        "bad_query",
        "ids",
        "ids=01930000-0000-7000-8000-000000000000,x",
    ),
    (
        "/runs?limit=0",
        "bad_query",
        "limit",
        "limit=0 must lie between 1 and 1000",
    ),
    (
        "/runs?limit=1001",
        "bad_query",
        "limit",
        "limit=1001 must lie between 1 and 1000",
    ),
    (
        "/runs?limit=ten",
        "bad_query",
        "limit",
        "limit=ten must be a whole number",
    ),
    ("/runs?limit=-1", "bad_query", "limit", "whole number"),
    (
        "/runs?limit=99999999999",
        "bad_query",
        "limit",
        "whole number",
    ),
    (
        "/runs?limit=1&limit=2",
        "bad_query",
        "limit",
        "give it once",
    ),
    (
        "/runs?cursor=bogus",
        "bad_cursor",
        "cursor",
        "start again without it",
    ),
    (
        "/runs?created_after=yesterday",
        "bad_query",
        "created_after",
        "instants look like 2026-10-25T12:00:00Z",
    ),
    ("/runs?robot=nobody", "*", "robot", "nobody"),
    (
        "/runs?schedule=12",
        "bad_query",
        "schedule",
        "ids look like 01939d2e",
    ),
    (
        "/flows?limit=0",
        "bad_query",
        "limit",
        "limit=0 must lie between",
    ),
    (
        "/flows?cursor=bogus",
        "bad_cursor",
        "cursor",
        "start again without it",
    ),
    (
        "/deployments?cursor=bogus",
        "bad_cursor",
        "cursor",
        "start again without it",
    ),
    (
        "/audit?cursor=bogus",
        "bad_cursor",
        "cursor",
        "start again without it",
    ),
    (
        "/audit?from=yesterday",
        "bad_query",
        "from",
        "instants look like",
    ),
    (
        "/audit?limit=0",
        "bad_query",
        "limit",
        "limit=0 must lie between",
    ),
    (
        "/events?after=bogus",
        "bad_cursor",
        "after",
        "start without one",
    ),
    ("/events?run=12", "bad_query", "run", "ids look like"),
    ("/metrics/samples", "bad_query", "metric", "is missing"),
    (
        "/metrics/samples?metric=queue_depth&from=now",
        "bad_query",
        "from",
        "instants look like",
    ),
    (
        "/metrics/outcomes?by=colour",
        "bad_query",
        "by",
        "by=colour is of no use: unknown variant `colour`, expected one of `flow`",
    ),
    (
        "/metrics/outcomes?from=2026-10-25T12:00:00Z&until=2026-10-25T11:00:00Z",
        "out_of_range",
        "from",
        "before `until`",
    ),
    (
        "/queues?colour=red",
        "bad_query",
        "colour",
        "colour=red is not known here; known are `limit` or `cursor`",
    ),
    (
        "/session?limit=5",
        "bad_query",
        "limit",
        "limit=5 is not known here; there are none",
    ),
    (
        "/robots?limit=0",
        "bad_query",
        "limit",
        "lie between 1 and 1000",
    ),
    ("/keys?cursor=bogus", "bad_cursor", "cursor", "start again"),
];

#[tokio::test]
async fn a_wrong_query_is_refused_by_parameter_value_and_what_is_wanted() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (path, code, field, words) in QUERIES {
        let (status, answer) = world.send(Method::GET, &format!("/api/v1{path}"), "").await;
        let detail = answer["detail"].as_str().unwrap_or_default();
        let is_right = [400, 404, 422].contains(&status.as_u16())
            && (*code == "*" || answer["code"] == *code && answer["errors"][0]["field"] == *field)
            && detail.contains(words);
        if !is_right {
            wrong.push(format!("{path} gave {status} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
