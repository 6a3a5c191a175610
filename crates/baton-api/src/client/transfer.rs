//! Bytes up and down: packages, artifacts, log texts, backups, the executable.

use bytes::Bytes;
use futures_util::Stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, Response};

use super::retry::{read_json, refusal};
use super::{Client, ClientError, Result};
use crate::package;
use crate::rest::{Artifact, LogQuery, Package, PutArtifact};
use baton_core::id::{ArtifactId, RunId};

/// Bytes that are being fetched, never more than was said.
#[derive(Debug)]
pub struct Download {
    response: Response,
    left: u64,
    limit: u64,
}

impl Download {
    fn new(response: Response, limit: u64) -> Result<Self> {
        let download = Self {
            left: limit,
            limit,
            response,
        };
        match download.size() {
            Some(size) if size > limit => Err(download.too_large()),
            _ => Ok(download),
        }
    }

    /// How many bytes come, where the server says.
    pub fn size(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The media type.
    pub fn content_type(&self) -> Option<&str> {
        self.response.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self.response.chunk().await {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => {
                self.left = self
                    .left
                    .checked_sub(bytes.len() as u64)
                    .ok_or_else(|| self.too_large())?;
                Ok(Some(bytes))
            }
            Err(e) => Err(ClientError::Unreachable {
                url: self.response.url().to_string(),
                reason: format!("the transfer broke off: {e}"),
            }),
        }
    }

    /// All of it in memory.
    pub async fn bytes(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    fn too_large(&self) -> ClientError {
        ClientError::TooLarge {
            what: self.response.url().to_string(),
            limit: self.limit,
        }
    }
}

impl Client {
    async fn download(
        &self,
        path: &[&str],
        query: Option<&LogQuery>,
        limit: u64,
    ) -> Result<Download> {
        let mut call = self.call(Method::GET, path);
        if let Some(query) = query {
            call = call.query(query);
        }
        Download::new(call.send(None).await?, limit)
    }

    /// Uploads a package unless the server has it, and returns what the server holds.
    pub async fn put_package(&self, archive: Vec<u8>) -> Result<Package> {
        let hash = package::hash(&archive);
        let url = self.url_of(&["packages", &hash]);
        let request = self.http.put(url).body(archive);
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() {
            self.note_change();
            read_json(response).await
        } else {
            Err(refusal(response).await)
        }
    }

    /// Fetches a package.
    pub async fn package(&self, hash: &str) -> Result<Download> {
        self.download(&["packages", hash], None, package::MAX_PACKAGE as u64)
            .await
    }

    /// Hands over a file of a run from memory.
    pub async fn put_artifact(
        &self,
        run: RunId,
        about: &PutArtifact,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<Artifact> {
        let size = bytes.len() as u64;
        self.send_artifact(run, about, content_type, size, bytes.into())
            .await
    }

    /// Hands over a file of a run as it is read; `size` bytes in all.
    pub async fn stream_artifact<S>(
        &self,
        run: RunId,
        about: &PutArtifact,
        content_type: &str,
        size: u64,
        bytes: S,
    ) -> Result<Artifact>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        self.send_artifact(run, about, content_type, size, Body::wrap_stream(bytes))
            .await
    }

    async fn send_artifact(
        &self,
        run: RunId,
        about: &PutArtifact,
        content_type: &str,
        size: u64,
        body: Body,
    ) -> Result<Artifact> {
        let response = self
            .http
            .put(self.url_of(&["runs", &run.to_string(), "artifacts"]))
            .query(about)
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_LENGTH, size)
            .body(body)
            .send()
            .await
            .map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() {
            self.note_change();
            read_json(response).await
        } else {
            Err(refusal(response).await)
        }
    }

    /// Fetches a file that a run left behind.
    pub async fn artifact(&self, id: ArtifactId, limit: u64) -> Result<Download> {
        self.download(&["artifacts", &id.to_string()], None, limit)
            .await
    }

    /// Fetches a run's log as text.
    pub async fn log_text(&self, run: RunId, query: &LogQuery, limit: u64) -> Result<Download> {
        let run = run.to_string();
        self.download(&["runs", &run, "logs", "text"], Some(query), limit)
            .await
    }

    /// Fetches a consistent copy of everything the server keeps.
    pub async fn backup(&self, limit: u64) -> Result<Download> {
        let call = self.call(Method::POST, &["server", "backup"]).asking();
        Download::new(call.send(None).await?, limit)
    }

    /// Fetches the server's own executable.
    pub async fn executable(&self, limit: u64) -> Result<Download> {
        self.download(&["agent", "baton"], None, limit).await
    }
}
