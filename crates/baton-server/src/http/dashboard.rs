//! The dashboard: files that are part of the executable, hashed ones kept for ever by browsers, and its
//! page for every address that only the browser knows.

use axum::body::Body;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use baton_api::package::hex;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};

use super::Http;

use crate::error::ApiError;

/// What `web/` was built into; empty when the executable was built without it.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Files;

/// Nothing from any other host, no inline script, no frame around it; in a frame of its own only files of runs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How the page that was built says that it lies below no path.
const NO_BASE: &str = "name=\"baton-base\" content=\"\"";

/// The page of an executable that was built without its dashboard.
const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Baton</title>\
    <body><h1>Baton is running</h1><p>This executable was built without its dashboard. \
    Run <code>make build</code> (it needs Node 20) and start it again. \
    The API answers under <a href=\"/api/v1/openapi.json\">/api/v1</a>.</p></body></html>";

/// Whatever no route answers: a file of the dashboard, its page, or nothing.
pub(crate) async fn fallback(State(http): State<Arc<Http>>, request: Request) -> Response {
    let path = request.uri().path();
    let is_api = ["/api/", "/ws/", "/realtime/"]
        .iter()
        .any(|door| path.starts_with(door));
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_api || !is_read {
        return ApiError::not_found(format!("there is nothing at {path}")).into_response();
    }
    let headers = request.headers();
    let name = path.trim_start_matches('/');
    if !matches!(name, "" | "index.html")
        && let Some(response) = file(name, headers)
    {
        return response;
    }
    let last = name.rsplit('/').next().unwrap_or("");
    let wants_page = headers.get(ACCEPT).is_none_or(|v| {
        v.to_str()
            .is_ok_and(|v| v.contains("text/html") || v.contains("*/*"))
    });
    // A file that is gone is gone; the page in its place would only confuse whoever asked.
    let is_asset = name.starts_with("assets/") || last.contains('.') && !wants_page;
    if is_asset {
        return ApiError::not_found(format!("there is no file {path}")).into_response();
    }
    http.page.response(headers)
}

/// The one page, with the path below which this server lies written into it.
pub(crate) struct Page {
    text: axum::body::Bytes,
    tag: HeaderValue,
}

impl Page {
    /// The page of a server below this path.
    pub(crate) fn below(base: &str) -> Self {
        let built = Files::get("index.html");
        let text = match &built {
            Some(page) => String::from_utf8_lossy(&page.data).into_owned(),
            None => PLACEHOLDER.to_owned(),
        };
        // What was built says `./` where its own path comes; `meta` tells the scripts.
        let text = text
            .replace("\"./", &format!("\"{base}/"))
            .replace(NO_BASE, &NO_BASE.replace("\"\"", &format!("{base:?}")))
            .replace("\"/api/v1/", &format!("\"{base}/api/v1/"));
        let tag = format!("\"{}\"", &hex(&Sha256::digest(&text))[..32]);
        Self {
            text: text.into(),
            tag: HeaderValue::try_from(tag).expect("hex fits a header"),
        }
    }

    fn response(&self, asked: &HeaderMap) -> Response {
        let mut response = if asked.get(IF_NONE_MATCH) == Some(&self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::new(Body::from(self.text.clone()))
        };
        let headers = response.headers_mut();
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(CONTENT_TYPE, html);
        headers.insert(ETAG, self.tag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        secure(headers);
        response
    }
}

fn file(name: &str, asked: &HeaderMap) -> Option<Response> {
    let plain = Files::get(name)?;
    let (found, encoding) = best(name, asked).unwrap_or((plain, None));
    let tag = format!("\"{}\"", &hex(&found.metadata.sha256_hash())[..32]);
    let is_same = asked
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if is_same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(match found.data {
            std::borrow::Cow::Borrowed(bytes) => Body::from(axum::body::Bytes::from_static(bytes)),
            std::borrow::Cow::Owned(bytes) => Body::from(bytes),
        })
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(ETAG, HeaderValue::try_from(tag).expect("hex fits a header"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    // What lies in `assets` has its hash in its name.
    let kept = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    secure(headers);
    Some(response)
}

/// The smallest of the forms that were made at build time and that the browser takes.
fn best(name: &str, asked: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    let accepted = asked.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |encoding: &str| {
        accepted.split(',').any(|part| {
            let mut part = part.split(';').map(str::trim);
            part.next() == Some(encoding) && !part.any(|q| q == "q=0")
        })
    };
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| takes(encoding))
        .find_map(|(encoding, suffix)| {
            Some((Files::get(&format!("{name}.{suffix}"))?, Some(encoding)))
        })
}

fn secure(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
