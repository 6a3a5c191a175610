//! A load generator's HTTP client: one keep-alive connection, as little work per request as possible,
//! so that the figures are the server's and not the client's.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest answer that is read: the API's pages stay far below it.
const MAX_ANSWER: usize = 64 << 20;

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    host: String,
    key: String,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body, if the request succeeded; otherwise an error with what the server said.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if !(200..300).contains(&self.status) {
            bail!(
                "HTTP {}: {}",
                self.status,
                String::from_utf8_lossy(&self.body)
            );
        }
        serde_json::from_slice(&self.body)
            .with_context(|| String::from_utf8_lossy(&self.body).into_owned())
    }
}

impl Connection {
    /// Connects with this key.
    pub(crate) async fn open(to: SocketAddr, key: &str) -> Result<Self> {
        let stream = TcpStream::connect(to)
            .await
            .with_context(|| format!("connecting to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            host: to.to_string(),
            key: key.to_owned(),
            buffer: Vec::with_capacity(8 << 10),
            request: Vec::with_capacity(2 << 10),
        })
    }

    /// Sends one request and reads its answer.
    pub(crate) async fn call(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
        use std::io::Write;
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            self.host,
            body.len()
        )?;
        if !self.key.is_empty() {
            write!(self.request, "authorization: Bearer {}\r\n", self.key)?;
        }
        self.request.extend_from_slice(b"\r\n");
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let text =
            std::str::from_utf8(&self.buffer[..head]).context("the answer's head is not text")?;
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .context("the answer has no status")?;
        let header = |name: &str| {
            text.lines().find_map(|l| {
                let (n, v) = l.split_once(':')?;
                n.eq_ignore_ascii_case(name).then(|| v.trim().to_owned())
            })
        };
        if header("transfer-encoding").is_some() {
            let body = self.chunked(head).await?;
            return Ok(Answer { status, body });
        }
        let length: usize = header("content-length").map_or(Ok(0), |l| l.parse())?;
        if length > MAX_ANSWER {
            bail!("an answer of {length} bytes is too large");
        }
        while self.buffer.len() < head + length {
            self.fill().await?;
        }
        Ok(Answer {
            status,
            body: self.buffer[head..head + length].to_vec(),
        })
    }

    async fn chunked(&mut self, mut at: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = self.buffer[at..].windows(2).position(|w| w == b"\r\n") {
                    break at + end;
                }
                self.fill().await?;
            };
            let size =
                usize::from_str_radix(std::str::from_utf8(&self.buffer[at..line])?.trim(), 16)?;
            if body.len() + size > MAX_ANSWER {
                bail!("the answer is too large");
            }
            while self.buffer.len() < line + 2 + size + 2 {
                self.fill().await?;
            }
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[line + 2..line + 2 + size]);
            at = line + 2 + size + 2;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}
