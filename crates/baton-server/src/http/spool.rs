//! A large body on its way into the store: spooled to disk, since its name, the hash, is known only when all is there.

use std::path::{Path, PathBuf};

use axum::extract::Request;
use baton_api::package::hex;
use baton_store::StoreError;
use baton_store::catalog::BLOB_CHUNK;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::Http;
use super::flows::entropy;
use super::upload::Upload;
use crate::error::ApiError;

/// What came, in a file of its own that goes with it.
pub(crate) struct Spool {
    path: PathBuf,
    file: tokio::fs::File,
    /// SHA-256 of it, in lower-case hex.
    pub(crate) hash: String,
    /// Its length in bytes.
    pub(crate) size: u64,
}

impl Drop for Spool {
    fn drop(&mut self) {
        // A file that stays behind is only clutter in a folder of our own.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Spool {
    /// Takes in the body of a request, at most so many bytes; `what` names it in errors.
    pub(crate) async fn receive(
        data: &Path,
        request: Request,
        what: &'static str,
        most: u64,
    ) -> Result<Self, ApiError> {
        let folder = data.join("incoming");
        let disk = |e: std::io::Error| {
            let why = format!("cannot spool {what} to disk: {e}");
            ApiError::from(StoreError::Unavailable(why))
        };
        tokio::fs::create_dir_all(&folder).await.map_err(disk)?;
        let path = folder.join(hex(&entropy()));
        let file = tokio::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .await
            .map_err(disk)?;
        let mut spool = Self {
            path,
            file,
            hash: String::new(),
            size: 0,
        };
        let mut digest = Sha256::new();
        let mut upload = Upload::new(request, what);
        while let Some(bytes) = upload.next().await? {
            spool.size += bytes.len() as u64;
            if spool.size > most {
                let limit = usize::try_from(most).unwrap_or(usize::MAX);
                return Err(ApiError::too_large(what, limit));
            }
            digest.update(&bytes);
            spool.file.write_all(&bytes).await.map_err(disk)?;
        }
        spool.file.flush().await.map_err(disk)?;
        spool.hash = hex(&digest.finalize());
        Ok(spool)
    }

    /// Opens it from its beginning, for who reads it on a thread of its own.
    pub(crate) fn open(&self) -> Result<std::fs::File, ApiError> {
        std::fs::File::open(&self.path).map_err(ApiError::internal)
    }

    /// Puts it into the store. Says whether it was there already.
    pub(crate) async fn store(&mut self, http: &Http) -> Result<bool, ApiError> {
        let store = &http.app.store;
        match store.blob(&self.hash).await {
            Ok(_) => return Ok(true),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.file.rewind().await.map_err(ApiError::internal)?;
        let mut chunks = 0;
        loop {
            let mut chunk = Vec::with_capacity(BLOB_CHUNK);
            let mut part = (&mut self.file).take(BLOB_CHUNK as u64);
            part.read_to_end(&mut chunk)
                .await
                .map_err(ApiError::internal)?;
            if chunk.is_empty() {
                break;
            }
            store.put_blob_chunk(&self.hash, chunks, chunk).await?;
            chunks += 1;
        }
        let now = http.app.clock.now();
        let size = i64::try_from(self.size).map_err(ApiError::internal)?;
        store.finish_blob(&self.hash, size, chunks, now).await?;
        Ok(false)
    }
}
