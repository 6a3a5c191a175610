//! Files that runs leave behind: handed over under a claim, shown without trust.

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use baton_api::rest::{Artifact, BASE, Collection, PageQuery, PutArtifact};
use baton_core::id::{ArtifactId, Fence, RunId};
use baton_core::state::Executor;
use baton_store::catalog;
use baton_store::logs::Refusal;
use baton_store::runs::Claim;
use tokio::sync::Semaphore;

use super::Http;
use super::downloads::stream_blob;
use super::extract::{Caller, Id, Name, Query};
use super::flows::entropy;
use super::paging::{listed, page};
use super::route::{Bytes, Created};
use super::runs::find;
use super::spool::Spool;
use crate::error::ApiError;
use crate::operations;

/// Largest artifact, in bytes: a screen recording fits; a data lake does not belong here.
pub(crate) const MAX_ARTIFACT: u64 = 256 << 20;
/// Artifacts of one run at most.
const MAX_ARTIFACTS: usize = 1_000;
/// Artifacts that are received at once; each is spooled to disk.
static RECEIVING: Semaphore = Semaphore::const_new(8);
/// Longest name, in bytes.
const MAX_NAME: usize = 1_024;

pub(crate) async fn list_artifacts(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<Collection<Artifact>>, ApiError> {
    let request = page(caller.org, query.limit, query.cursor)?;
    let run = find(&http, caller.org, &text).await?;
    let found = http.app.store.artifacts_page(run.id, request).await?;
    Ok(axum::Json(listed(found, |artifact| view(&http, artifact))))
}

pub(crate) async fn put_artifact(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(run_id): Id<RunId>,
    Query(about): Query<PutArtifact>,
    request: Request,
) -> Result<Created<Artifact>, ApiError> {
    check_path(&about.name)?;
    check_claim(&http, &caller, run_id, &about).await?;
    let content_type = media_type(&request, &about.name);
    let _permit = RECEIVING.acquire().await.map_err(ApiError::internal)?;
    let data = &http.app.config.data;
    let mut spool = Spool::receive(data, request, "the artifact", MAX_ARTIFACT).await?;
    spool.store(&http).await?;
    let artifact = catalog::Artifact {
        id: ArtifactId::new(http.app.clock.now(), entropy()),
        org: caller.org,
        run_id,
        attempt: about.attempt,
        name: about.name,
        content_type,
        size: i64::try_from(spool.size).map_err(ApiError::internal)?,
        hash: spool.hash.clone(),
        created_at: http.app.clock.now(),
    };
    http.app.store.put_artifact(artifact.clone()).await?;
    Ok(Created(view(&http, artifact)))
}

/// A robot hands over files of attempts that are or were its own; a client those of its own runs.
async fn check_claim(
    http: &Http,
    caller: &Caller,
    run_id: RunId,
    about: &PutArtifact,
) -> Result<(), ApiError> {
    let store = &http.app.store;
    let attempts = store.attempts(caller.org, run_id).await?;
    let attempt = attempts.iter().find(|a| a.number == about.attempt);
    let is_own = attempt.is_some_and(|attempt| {
        attempt.fence == Fence(about.fence)
            && match caller.robot {
                Some(robot) => attempt.robot_id == Some(robot),
                None => attempt.executor == Executor::Client,
            }
    });
    if !is_own {
        let refusal = Refusal {
            org: caller.org,
            run_id,
            claim: Claim {
                attempt: about.attempt,
                fence: Fence(about.fence),
                robot_id: caller.robot,
            },
            actor: caller.name.clone(),
            what: "artifact".into(),
            why: "the attempt is not the caller's".into(),
            at: http.app.clock.now(),
        };
        operations::record_refusals(&http.app, vec![refusal]).await;
        return Err(ApiError::conflict(
            "stale_fence",
            format!(
                "attempt {} of run {run_id} with fence {} is not the caller's",
                about.attempt, about.fence
            ),
        ));
    }
    if store.artifacts(caller.org, run_id).await?.len() >= MAX_ARTIFACTS {
        return Err(ApiError::conflict(
            "too_many_artifacts",
            format!("run {run_id} has {MAX_ARTIFACTS} artifacts; pack more files into an archive"),
        ));
    }
    Ok(())
}

fn check_path(name: &str) -> Result<(), ApiError> {
    let is_plain = !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.contains(['\\', '\0'])
        && !name.chars().any(char::is_control)
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if is_plain {
        return Ok(());
    }
    Err(ApiError::invalid(
        "invalid_name",
        "name",
        format!("{name:?} is not a path below the artifacts folder"),
    ))
}

fn media_type(request: &Request, name: &str) -> String {
    let given = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .filter(|text| text.len() <= 100 && text.contains('/'));
    match given {
        Some(text) if text != "application/octet-stream" => text.to_owned(),
        _ => by_extension(name).to_owned(),
    }
}

fn by_extension(name: &str) -> &'static str {
    let extension = Path::new(name).extension().and_then(|e| e.to_str());
    match extension.unwrap_or("").to_ascii_lowercase().as_str() {
        "txt" | "log" | "md" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        // JSON lines, which is what robocorp calls its log.
        "jsonl" | "ndjson" | "robolog" => "application/x-ndjson",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "zip" => "application/zip",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "html" | "htm" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

pub(crate) async fn get_artifact(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Id(id): Id<ArtifactId>,
) -> Result<Bytes, ApiError> {
    let artifact = http.app.store.artifact(caller.org, id).await?;
    let mut response = stream_blob(&http, &artifact.hash).await?;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(&artifact.content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    let disposition = disposition(&artifact.name, &artifact.content_type);
    if let Ok(value) = HeaderValue::try_from(disposition) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    let policy = HeaderValue::from_static(policy(&artifact.content_type));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    let kept = HeaderValue::from_static("private, max-age=3600");
    headers.insert(CACHE_CONTROL, kept);
    Ok(Bytes(response))
}

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or("").trim()
}

/// What a flow wrote is shown in a box from which nothing gets out. Browsers show a PDF in a viewer of their
/// own, which has no part in this address and does not start in such a box.
fn policy(content_type: &str) -> &'static str {
    if essence(content_type) == "application/pdf" {
        return "default-src 'none'; object-src 'self'; \
        style-src 'unsafe-inline'; frame-ancestors 'self'";
    }
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
}

/// Pictures, plain text and PDF are shown; everything else is saved.
fn disposition(name: &str, content_type: &str) -> String {
    let is_shown = matches!(
        essence(content_type),
        "image/png"
            | "image/jpeg"
            | "image/gif"
            | "image/webp"
            | "text/plain"
            | "application/json"
            | "application/pdf"
    );
    let kind = if is_shown { "inline" } else { "attachment" };
    let file = name.rsplit('/').next().unwrap_or(name);
    let encoded: String = file
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("{kind}; filename*=UTF-8''{encoded}")
}

fn view(http: &Http, artifact: catalog::Artifact) -> Artifact {
    Artifact {
        url: format!("{}{BASE}/artifacts/{}", http.outside.base, artifact.id),
        id: artifact.id,
        run_id: artifact.run_id,
        attempt: artifact.attempt,
        name: artifact.name,
        content_type: artifact.content_type,
        size: artifact.size,
        hash: artifact.hash,
        created_at: artifact.created_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_cannot_be_named_out_of_its_folder() {
        for bad in ["", "/x", "../x", "a/../b", "a//b", "a\\b", "a\nb", "."] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
        assert!(check_path("reports/märz 2026.csv").is_ok());
    }

    #[test]
    fn everything_but_a_pdf_is_in_a_sandbox_and_only_a_pdf_may_be_framed() {
        for boxed in ["text/html", "image/svg+xml", "text/html; x=application/pdf"] {
            assert!(policy(boxed).starts_with("sandbox;"), "{boxed}");
            assert!(policy(boxed).contains("frame-ancestors 'none'"), "{boxed}");
        }
        let pdf = policy("application/pdf");
        assert!(pdf.contains("default-src 'none'") && pdf.contains("frame-ancestors 'self'"));
    }

    #[test]
    fn pages_and_drawings_are_saved_and_never_shown() {
        assert!(disposition("x.html", "text/html").starts_with("attachment"));
        assert!(disposition("x.svg", "image/svg+xml").starts_with("attachment"));
        assert!(disposition("x.png", "image/png").starts_with("inline"));
        assert!(disposition("x.pdf", "application/pdf").starts_with("inline"));
        let odd = disposition("a/\"\r\n;x.txt", "text/plain");
        assert_eq!(odd, "inline; filename*=UTF-8''%22%0D%0A%3Bx.txt");
    }
}
