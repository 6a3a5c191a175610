//! The agent's few HTTP requests: packages in, artifacts out.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use baton_api::client::{Trust, tls_config};
use baton_api::package::MAX_PACKAGE;
use baton_api::problem::Problem;
use baton_api::rest::PutArtifact;
use baton_api::robot::{Claim, PATH};
use futures_util::StreamExt;
use reqwest::{Client, Response, StatusCode};
use tokio::io::AsyncReadExt as _;

use crate::secret::Secret;

/// Codes of a server that knows its keys and knows that this is none, or none any more.
const FINAL: [&str; 4] = ["unknown_key", "revoked_key", "expired_key", "not_a_robot"];

/// Why a server cannot be used with this key.
#[derive(Debug, thiserror::Error)]
#[error("the server refused this robot's key: {detail} [{code}]")]
pub(crate) struct KeyRefused {
    /// The server's own code; empty when something else answered in its place, such as a proxy.
    pub(crate) code: String,
    /// Its sentence.
    pub(crate) detail: String,
}

impl KeyRefused {
    /// Whether the server itself said that it will never take this key.
    pub(crate) fn is_final(&self) -> bool {
        FINAL.contains(&self.code.as_str())
    }
}

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may be silent.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// The server, as an agent asks it.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: String,
    key: Secret,
}

impl Http {
    pub(crate) fn new(server: &str, key: Secret, trust: &Trust) -> Result<Self> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls_config(&trust.on(server))?)
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(READ_WITHIN)
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            base: server.trim_end_matches('/').to_owned(),
            key,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Why the server refuses this robot, in its own words; the answer to an upgrade may come without them.
    pub(crate) async fn refusal(&self) -> Option<KeyRefused> {
        let request = self.client.get(self.url(PATH)).bearer_auth(&self.key.0);
        let answer = request.send().await.ok()?;
        let problem: Problem = serde_json::from_str(&answer.text().await.ok()?).ok()?;
        Some(KeyRefused {
            code: problem.code,
            detail: problem.detail,
        })
    }

    /// The bytes of a package. They are not yet checked.
    pub(crate) async fn package(&self, hash: &str) -> Result<Vec<u8>> {
        let request = self
            .client
            .get(self.url(&format!("/api/v1/packages/{hash}")));
        let answer = checked(request.bearer_auth(&self.key.0).send().await?).await?;
        let mut bytes = Vec::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if bytes.len() + chunk.len() > MAX_PACKAGE {
                bail!("the package exceeds {MAX_PACKAGE} bytes");
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Hands over one file of an attempt. `name` is its path under the artifacts folder, with `/`.
    pub(crate) async fn artifact(&self, claim: Claim, name: &str, file: &Path) -> Result<()> {
        let about = PutArtifact {
            name: name.to_owned(),
            attempt: claim.attempt,
            fence: claim.fence.0,
        };
        let file = tokio::fs::File::open(file).await?;
        let length = file.metadata().await?.len();
        // What is written to it meanwhile comes too late.
        let body = tokio_util::io::ReaderStream::with_capacity(file.take(length), 64 << 10);
        let request = self
            .client
            .put(self.url(&format!("/api/v1/runs/{}/artifacts", claim.job_id)))
            .query(&about)
            .bearer_auth(&self.key.0)
            .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
            .header(reqwest::header::CONTENT_LENGTH, length)
            .body(reqwest::Body::wrap_stream(body));
        checked(request.send().await?).await.map(|_| ())
    }
}

/// An answer that the server refused for good: asking again will not help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(String);

/// The answer if it is a success, the server's own words if not.
async fn checked(answer: Response) -> Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    let problem = serde_json::from_str::<Problem>(&text);
    let said = problem.map_or_else(
        |_| format!("the server answered {status}"),
        |p| p.to_string(),
    );
    let later = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    Err(if later {
        anyhow!(said)
    } else {
        Refused(said).into()
    })
}
