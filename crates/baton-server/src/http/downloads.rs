//! Bytes out of the store, chunk by chunk: a slow reader costs one chunk of memory.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use futures_util::stream;

use super::Http;
use crate::error::ApiError;

/// The content of a complete blob.
pub(crate) async fn stream_blob(http: &Http, hash: &str) -> Result<Response, ApiError> {
    let (size, chunks) = http.app.store.blob(hash).await?;
    let store = Arc::clone(&http.app.store);
    let hash = hash.to_owned();
    let body = stream::unfold(0, move |index| {
        let (store, hash) = (Arc::clone(&store), hash.clone());
        async move {
            if index >= chunks {
                return None;
            }
            let chunk = store.blob_chunk(&hash, index).await;
            Some((chunk.map(Bytes::from), index + 1))
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    let binary = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, binary);
    Ok(response)
}
