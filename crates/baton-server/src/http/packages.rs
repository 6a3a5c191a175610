//! Packages: looked at before they are kept, named by their content.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderValue, StatusCode};
use baton_api::package::{self, MAX_PACKAGE};
use baton_api::rest::Package;
use baton_core::id::RobotId;
use tokio::sync::Semaphore;

use super::Http;
use super::downloads::stream_blob;
use super::extract::{Caller, Name};
use super::route::{Bytes, Created};
use super::spool::Spool;
use crate::error::ApiError;

/// Packages that are received at once; each is spooled to disk.
static RECEIVING: Semaphore = Semaphore::const_new(8);

pub(crate) async fn create_package(
    State(http): State<Arc<Http>>,
    _caller: Caller,
    request: Request,
) -> Result<Created<Package>, ApiError> {
    receive(&http, None, request).await.map(Created)
}

pub(crate) async fn put_package(
    State(http): State<Arc<Http>>,
    _caller: Caller,
    Name(hash): Name,
    request: Request,
) -> Result<Created<Package>, ApiError> {
    check_hash(&hash)?;
    receive(&http, Some(hash), request).await.map(Created)
}

pub(crate) async fn get_package(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(hash): Name,
) -> Result<Bytes, ApiError> {
    check_hash(&hash)?;
    if let Some(robot) = caller.robot
        && !is_of_its_runs(&http, &caller, robot, &hash).await?
    {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "not_its_package",
            "no run that this robot holds uses this package; it fetches the packages of its runs only",
        ));
    }
    let mut response = stream_blob(&http, &hash).await?;
    let headers = response.headers_mut();
    let tag = HeaderValue::try_from(format!("\"{hash}\"")).expect("hex fits a header");
    headers.insert(ETAG, tag);
    // Its name is its content: it never changes.
    let forever = HeaderValue::from_static("private, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, forever);
    Ok(Bytes(response))
}

/// Whether a run that the robot holds, or has just been given, executes this package.
async fn is_of_its_runs(
    http: &Http,
    caller: &Caller,
    robot: RobotId,
    hash: &str,
) -> Result<bool, ApiError> {
    let store = &http.app.store;
    for attempt in store.live_attempts_of(robot).await? {
        let Some(version) = store.run(caller.org, attempt.run_id).await?.spec.version_id else {
            continue;
        };
        let version = store.version(caller.org, version).await?;
        if version
            .package
            .as_ref()
            .is_some_and(|package| package == hash)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn receive(
    http: &Http,
    expected: Option<String>,
    request: Request,
) -> Result<Package, ApiError> {
    let _permit = RECEIVING.acquire().await.map_err(ApiError::internal)?;
    let data = &http.app.config.data;
    let mut spool = Spool::receive(data, request, "the package", MAX_PACKAGE as u64).await?;
    let looked_at = std::io::BufReader::new(spool.open()?);
    tokio::task::spawn_blocking(move || package::inspect_from(looked_at).map(drop))
        .await
        .map_err(ApiError::internal)??;
    if expected.is_some_and(|expected| expected != spool.hash) {
        return Err(ApiError::invalid(
            "hash_mismatch",
            "hash",
            format!(
                "the bytes that came have the hash {}; send them again",
                spool.hash
            ),
        ));
    }
    let existing = spool.store(http).await?;
    Ok(Package {
        hash: spool.hash.clone(),
        size: spool.size,
        existing,
    })
}

fn check_hash(hash: &str) -> Result<(), ApiError> {
    if package::is_hash(hash) {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "bad_hash",
        format!("{hash:?} is not a SHA-256 in lower-case hex"),
    ))
}
