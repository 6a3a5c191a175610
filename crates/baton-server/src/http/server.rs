//! The server itself: what it is, whether it is well, its copy, its checks, and its executable.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use baton_api::package::hex;
use baton_api::rest::{About, Breach, Health, Verification};
use baton_api::robot::PROTOCOL;
use baton_core::id::OrgId;
use baton_core::run::LATE_AFTER;
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use super::Http;
use super::extract::Caller;
use super::flows::entropy;
use super::route::Bytes;
use crate::error::ApiError;
use crate::outside::Seen;
use crate::zones;

/// The version of this server.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Copies that are made at once: each reads the whole store.
static COPYING: Semaphore = Semaphore::const_new(1);

pub(crate) async fn get_about(
    State(http): State<Arc<Http>>,
    _caller: Caller,
) -> Result<axum::Json<About>, ApiError> {
    let counters = http.app.store.counters();
    Ok(axum::Json(About {
        name: "baton".into(),
        version: VERSION.into(),
        robot_protocol: PROTOCOL,
        started_at: http.app.started_at,
        now: http.app.clock.now(),
        timezone: http.app.config.timezone.clone(),
        zone_data: zones::view(http.app.clock.now()),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        fingerprint: http.fingerprint.clone(),
        late_after_seconds: u32::try_from(LATE_AFTER.as_secs()).unwrap_or(u32::MAX),
        commits: counters.commits,
        operations: counters.operations,
        syncs: counters.syncs,
    }))
}

/// Answers as long as the process does.
pub(crate) async fn get_health(State(http): State<Arc<Http>>) -> axum::Json<Health> {
    axum::Json(health(&http, "ok"))
}

fn health(http: &Http, status: &str) -> Health {
    let zones = zones::view(http.app.clock.now());
    Health {
        status: status.into(),
        version: VERSION.into(),
        zone_release: zones.release,
        zones_out_of_date: zones.warning.is_some(),
    }
}

/// Answers 200 when the store can be read and keeps what is written.
pub(crate) async fn get_ready(State(http): State<Arc<Http>>) -> Response {
    let is_stopping = http.app.stopping.is_cancelled();
    let store = &http.app.store;
    let (status, word) = if is_stopping || store.run_events_span().await.is_err() {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    } else if store.check_writes().await.is_err() {
        (StatusCode::SERVICE_UNAVAILABLE, "cannot_write")
    } else {
        (StatusCode::OK, "ok")
    };
    (status, axum::Json(health(&http, word))).into_response()
}

pub(crate) async fn verify(
    State(http): State<Arc<Http>>,
    _caller: Caller,
) -> Result<axum::Json<Verification>, ApiError> {
    let found = http.app.store.verify().await?;
    let told = |all: Vec<baton_store::stats::Breach>| {
        let one = |breach: baton_store::stats::Breach| Breach {
            check: breach.check,
            subject: breach.subject,
            message: breach.message,
        };
        all.into_iter().map(one).collect()
    };
    Ok(axum::Json(Verification {
        runs: found.runs,
        transitions: found.transitions,
        attempts: found.attempts,
        lines: found.lines,
        breaches: told(found.breaches),
        observations: told(found.observations),
    }))
}

/// A file of our own that is gone with the last reader.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // A copy that stays behind is only clutter in a folder of our own.
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) async fn create_backup(
    State(http): State<Arc<Http>>,
    caller: Caller,
) -> Result<Bytes, ApiError> {
    if caller.org != OrgId::DEFAULT {
        return Err(ApiError::not_found(
            "only the first org holds the whole server",
        ));
    }
    let _permit = COPYING.acquire().await.map_err(ApiError::internal)?;
    let folder = http.app.config.data.join("incoming");
    let disk = |e: std::io::Error| {
        ApiError::from(baton_store::StoreError::Unavailable(format!(
            "cannot write a copy to disk: {e}"
        )))
    };
    tokio::fs::create_dir_all(&folder).await.map_err(disk)?;
    let copy = Temporary(folder.join(format!("{}.backup", hex(&entropy()))));
    http.app.store.backup(&copy.0).await?;
    let nothing = serde_json::Value::Null;
    http.record(caller.org, &caller.name, "server.backed_up", "", nothing)
        .await;
    let file = tokio::fs::File::open(&copy.0).await.map_err(disk)?;
    let day = http.app.clock.now().strftime("%Y-%m-%d").to_string();
    let mut response = file_response(file).await?;
    // The file goes when its last byte was read, or when the reader goes.
    let (parts, body) = response.into_parts();
    let body = futures_util::StreamExt::map(body.into_data_stream(), move |piece| {
        let _kept = &copy;
        piece
    });
    response = Response::from_parts(parts, Body::from_stream(body));
    let name = format!("attachment; filename=\"baton-{day}.db\"");
    if let Ok(value) = HeaderValue::try_from(name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(Bytes(response))
}

/// The executable that is running, for a second machine of the same kind.
pub(crate) async fn get_executable() -> Result<Bytes, ApiError> {
    let path = std::env::current_exe().map_err(ApiError::internal)?;
    let file = tokio::fs::File::open(path)
        .await
        .map_err(ApiError::internal)?;
    let mut response = file_response(file).await?;
    let name = HeaderValue::from_static("attachment; filename=\"baton\"");
    response.headers_mut().insert(CONTENT_DISPOSITION, name);
    Ok(Bytes(response))
}

async fn file_response(file: tokio::fs::File) -> Result<Response, ApiError> {
    let size = file.metadata().await.map_err(ApiError::internal)?.len();
    let body = Body::from_stream(ReaderStream::with_capacity(file, 256 << 10));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    let binary = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, binary);
    Ok(response)
}

/// This server's URL as another machine reaches it. Who asks from the server's own machine calls it by an
/// address that means something else elsewhere; then the first `--allowed-host` is taken, or the address
/// that it listens on, or the one by which this machine reaches others.
pub(crate) fn outer_url(http: &Http, seen: &Seen) -> String {
    let told = seen.url.clone();
    if http.outside.public.is_some() {
        return told;
    }
    let listen = http.app.config.listen.ip();
    let Ok(url) = told.parse::<axum::http::Uri>() else {
        return told;
    };
    let host = url.host().unwrap_or("").trim_matches(['[', ']']);
    let inward = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if listen.is_loopback() || !inward {
        return told;
    }
    let name = match http.app.config.allowed_hosts.first() {
        Some(name) => name.clone(),
        None if !listen.is_unspecified() => bracketed(listen),
        None => outward_address().map_or_else(|| host.to_owned(), bracketed),
    };
    let scheme = url.scheme_str().unwrap_or("http");
    match url.port_u16() {
        Some(port) => format!("{scheme}://{name}:{port}{}", http.outside.base),
        None => format!("{scheme}://{name}{}", http.outside.base),
    }
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The address of this machine towards others. Nothing is sent: the system only chooses a route.
fn outward_address() -> Option<IpAddr> {
    /// An address that is reserved for documentation: it stands for "somewhere else".
    const ELSEWHERE: (&str, u16) = ("192.0.2.1", 9);
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    socket.local_addr().ok().map(|addr| addr.ip())
}

/// The line to paste on a new machine. A token for one robot alone brings that robot's name.
pub(crate) fn install_command(http: &Http, url: &str, token: &str, name: Option<&str>) -> String {
    let arguments = match name {
        Some(name) => format!("{token} '{}'", name.replace('\'', r"'\''")),
        None => token.to_owned(),
    };
    match &http.fingerprint {
        None => format!("curl -fsSL {url}/install.sh | sh -s -- {arguments}"),
        // Nothing vouches for a certificate of one's own; the checksum does for the script, and the
        // script names the certificate.
        Some(_) => {
            let sum = sha256(script(http, url).as_bytes());
            format!(
                "curl -fsSLk {url}/install.sh -o install-baton.sh && \
                 echo '{sum}  install-baton.sh' | sha256sum -c - && sh install-baton.sh {arguments}"
            )
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(bytes))
}

/// `GET /install.sh`.
pub(crate) async fn get_install_script(State(http): State<Arc<Http>>, seen: Seen) -> Response {
    let text = script(&http, &seen.url);
    ([(CONTENT_TYPE, "text/x-shellscript; charset=utf-8")], text).into_response()
}

fn script(http: &Http, url: &str) -> String {
    let fingerprint = http.fingerprint.as_deref().unwrap_or("");
    let sum = http.executable_sum();
    include_str!("install.sh")
        .replace("@URL@", url)
        .replace("@FINGERPRINT@", fingerprint)
        .replace("@SHA256@", sum)
        .replace(
            "@PLATFORM@",
            &format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        )
}
