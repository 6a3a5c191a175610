//! Answers are light: compressed, not sent again when unchanged, without what no row shows.

use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use reqwest::{Method, Response};

use crate::world::World;

async fn with_runs(count: usize) -> World {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    for _ in 0..count {
        let ask = Default::default();
        let run = world.client.run_deployment("cat_fact/default", &ask);
        run.await.expect("a run");
    }
    world
}

async fn get(world: &World, path: &str, known: Option<&str>) -> Response {
    let mut request = world
        .request(Method::GET, path, &world.admin)
        .header(ACCEPT_ENCODING, "gzip, deflate, br, zstd");
    if let Some(tag) = known {
        request = request.header(IF_NONE_MATCH, tag);
    }
    request.send().await.expect("an answer")
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> String {
    let value = response.headers().get(name);
    value.map_or(String::new(), |v| v.to_str().expect("text").to_owned())
}

#[tokio::test]
async fn a_list_is_compressed_to_a_fraction_and_a_short_answer_is_not() {
    let world = with_runs(30).await;
    let plain = world
        .request(Method::GET, "/api/v1/runs", &world.admin)
        .send();
    let plain = plain
        .await
        .expect("an answer")
        .bytes()
        .await
        .expect("bytes");
    let packed = get(&world, "/api/v1/runs", None).await;
    assert_eq!(header(&packed, CONTENT_ENCODING), "gzip");
    let bytes = packed.bytes().await.expect("bytes");
    assert!(
        bytes.len() * 6 < plain.len(),
        "{} of {}",
        bytes.len(),
        plain.len()
    );
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text)
        .expect("gzip");
    assert_eq!(text.as_bytes(), &plain[..]);
    let short = get(&world, "/api/v1/session", None).await;
    assert_eq!(header(&short, CONTENT_ENCODING), "");
}

#[tokio::test]
async fn an_event_stream_is_never_compressed() {
    let world = World::new().await;
    let stream = get(&world, "/api/v1/events", None).await;
    assert!(header(&stream, CONTENT_TYPE).starts_with("text/event-stream"));
    assert_eq!(header(&stream, CONTENT_ENCODING), "");
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again_and_a_changed_one_is() {
    let world = with_runs(2).await;
    let first = get(&world, "/api/v1/runs", None).await;
    let tag = header(&first, ETAG);
    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!(header(&first, CACHE_CONTROL), "private, no-cache");
    let again = get(&world, "/api/v1/runs", Some(&tag)).await;
    assert_eq!(again.status(), 304);
    assert!(again.bytes().await.expect("nothing").is_empty());
    let ask = Default::default();
    let run = world.client.run_deployment("cat_fact/default", &ask);
    run.await.expect("a run");
    let changed = get(&world, "/api/v1/runs", Some(&tag)).await;
    assert_eq!(changed.status(), 200);
    assert_ne!(header(&changed, ETAG), tag);
    // A key that was taken back gets nothing, whatever it has kept.
    let nobody = world
        .request(Method::GET, "/api/v1/runs", "bk_no")
        .header(IF_NONE_MATCH, &tag);
    assert_eq!(nobody.send().await.expect("an answer").status(), 401);
}

#[tokio::test]
async fn a_slim_list_leaves_out_what_no_row_shows_and_says_so_in_the_document() {
    let world = with_runs(1).await;
    let (_, full) = world.send(Method::GET, "/api/v1/runs", "").await;
    let (_, slim) = world.send(Method::GET, "/api/v1/runs?view=slim", "").await;
    let (full, slim) = (&full["items"][0], &slim["items"][0]);
    assert!(full.get("retry").is_some() && slim.get("retry").is_none());
    assert!(
        slim.to_string().len() * 4 < full.to_string().len() * 3,
        "{slim}"
    );
    let document = serde_json::to_value(baton_server::http::openapi()).expect("JSON");
    let needed = document["components"]["schemas"]["Run"]["required"].clone();
    for name in needed.as_array().expect("names") {
        let name = name.as_str().expect("a name");
        assert!(slim.get(name).is_some(), "{name} is required and left out");
    }
    // The typed client reads it, too.
    let read: Result<baton_api::rest::Run, _> = serde_json::from_value(slim.clone());
    assert_eq!(read.expect("a run").flow_name, "cat_fact");
}

#[tokio::test]
async fn the_points_of_a_line_are_bounded_by_the_caller() {
    let world = World::new().await;
    for points in ["1", "2001"] {
        let path = format!("/api/v1/metrics/samples?metric=queue_depth&points={points}");
        let (status, said) = world.send(Method::GET, &path, "").await;
        assert_eq!(
            (status.as_u16(), &said["code"]),
            (422, &"out_of_range".into())
        );
    }
}
