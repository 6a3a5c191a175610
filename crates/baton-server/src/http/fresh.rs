//! What every answer to a reading goes through on its way out: a tag by which an unchanged one is not sent
//! again, and compression.
//!
//! Compression tells the length of what was compressed, and an attacker who can mix guesses into an answer can
//! learn a secret in it from that (BREACH). Here no answer to a reading holds a secret: keys and tokens are shown
//! once, in short answers to a POST, and short answers are not compressed. Another site's page cannot ask with a
//! person's cookie at all (`SameSite=Strict`, and the check of `Origin` and `Sec-Fetch-Site`).

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use baton_api::package::hex;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tower_http::CompressionLevel;
use tower_http::compression::{CompressionLayer, Predicate};

/// Answers below this are sent as they are: they fit one packet anyway.
const WORTH_IT: u64 = 1 << 10;
/// Answers above this get no tag: making it would cost more than it saves. A page of 1000 runs fits.
const LARGEST_TAGGED: u64 = 4 << 20;
/// How hard gzip works: a list becomes a twelfth within some milliseconds.
const EFFORT: i32 = 5;

/// Which answers are compressed: JSON and text that are not short, neither files nor streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compressible;

impl Predicate for Compressible {
    fn should_compress<B: HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        is_compressible(response.headers()) && response.body().size_hint().lower() >= WORTH_IT
    }
}

/// Whether an answer of this kind is smaller when compressed, and nobody counts on its length.
fn is_compressible(headers: &HeaderMap) -> bool {
    let kind = essence(headers);
    let is_text = matches!(
        kind,
        "application/json" | "application/problem+json" | "text/plain" | "text/html"
    );
    is_text && !headers.contains_key(CONTENT_DISPOSITION)
}

/// The layer that compresses. Only gzip: every client has it, and files of the dashboard were compressed at build time.
pub(crate) fn compression() -> CompressionLayer<Compressible> {
    CompressionLayer::new()
        .gzip(true)
        .quality(CompressionLevel::Precise(EFFORT))
        .compress_when(Compressible)
}

/// Tags the JSON that a GET is answered with, and answers 304 to whoever has it already.
pub(crate) async fn tagged(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !is_get || !is_taggable(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = body.collect().await.map(|body| body.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = format!("W/\"{}\"", &hex(&Sha256::digest(&bytes))[..32]);
    let is_known = known.is_some_and(|known| names(&known, &tag));
    parts
        .headers
        .insert(ETAG, HeaderValue::try_from(tag).expect("hex fits a header"));
    // Kept by the one who asked alone, and asked about each time.
    let kept = HeaderValue::from_static("private, no-cache");
    parts.headers.entry(CACHE_CONTROL).or_insert(kept);
    let varies = HeaderValue::from_static("authorization, cookie");
    parts.headers.append(VARY, varies);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.remove(axum::http::header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn is_taggable(response: &Response) -> bool {
    let headers = response.headers();
    let size = response.body().size_hint().exact();
    response.status() == StatusCode::OK
        && essence(headers) == "application/json"
        && !headers.contains_key(ETAG)
        && !headers.contains_key(CONTENT_DISPOSITION)
        && size.is_some_and(|size| size <= LARGEST_TAGGED)
}

/// Whether a list of tags has this one. Whether a tag is strong or weak makes no difference to a reader.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = known.to_str().unwrap_or("");
    known
        .split(',')
        .any(|one| one.trim() == "*" || plain(one) == plain(tag))
}

fn essence(headers: &HeaderMap) -> &str {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .unwrap_or("")
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))])
    }

    #[test]
    fn streams_files_and_bytes_are_not_compressed() {
        assert!(is_compressible(&of("application/json")));
        assert!(is_compressible(&of("text/plain; charset=utf-8")));
        assert!(!is_compressible(&of("text/event-stream")));
        assert!(!is_compressible(&of("application/octet-stream")));
        let mut file = of("application/json");
        file.insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
        assert!(!is_compressible(&file));
    }

    #[test]
    fn a_tag_is_found_in_a_list_however_it_is_written() {
        let list = HeaderValue::from_static("\"a\", W/\"b\"");
        assert!(names(&list, "W/\"a\"") && names(&list, "W/\"b\""));
        assert!(!names(&list, "W/\"c\""));
        assert!(names(&HeaderValue::from_static("*"), "W/\"c\""));
    }
}
