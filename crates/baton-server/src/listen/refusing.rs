//! Gives the refusals that hyper makes itself a body: it answers what is no HTTP with a bare status and closes.
//!
//! No hook of hyper's leads there, and reading requests before it does would be a second parser. So the answer is
//! recognised where it is written: nothing but the three headers that hyper makes, while no request of the
//! connection is being answered. Every answer of ours has more headers, and is being answered until it is flushed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use baton_api::problem::{PROBLEM_JSON, Problem};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::ApiError;

/// Longest answer that is looked at: hyper's own have some 120 bytes.
const LONGEST: usize = 512;

/// Where a connection stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

/// No request is being answered.
const IDLE: u8 = 0;
/// A request is being answered.
const ANSWERING: u8 = 1;
/// All of the answer was handed to hyper, which may not have written it yet.
const ANSWERED: u8 = 2;

impl Progress {
    /// A request came.
    pub(super) fn begin(&self) {
        self.0.store(ANSWERING, Ordering::Release);
    }

    /// Follows the body of its answer to the end.
    pub(super) fn follow(&self, body: Body) -> Followed {
        Followed {
            body,
            progress: self.clone(),
        }
    }

    fn flushed(&self) {
        let done = (ANSWERED, IDLE);
        let _ = (self.0).compare_exchange(done.0, done.1, Ordering::AcqRel, Ordering::Acquire);
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == IDLE
    }
}

/// A body that tells when all of it was taken.
pub(super) struct Followed {
    body: Body,
    progress: Progress,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.progress.0.store(ANSWERED, Ordering::Release);
    }
}

impl hyper::body::Body for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose bare refusals get a body.
pub(super) struct Refusing<S> {
    stream: S,
    progress: Progress,
    /// What is written instead of a bare refusal, and how much of it has been.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S> Refusing<S> {
    pub(super) fn new(stream: S, progress: Progress) -> Self {
        Self {
            stream,
            progress,
            instead: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Refusing<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Refusing<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none() && this.progress.is_idle() {
            this.instead = with_body(bytes).map(|whole| (whole, 0));
        }
        let Some((whole, written)) = &mut this.instead else {
            return Pin::new(&mut this.stream).poll_write(cx, bytes);
        };
        while *written < whole.len() {
            let rest = &whole[*written..];
            match ready!(Pin::new(&mut this.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *written += count,
            }
        }
        this.instead = None;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts {
            [one] => self.poll_write(cx, one),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // hyper flushes what is below it when it has written all it had.
        self.progress.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The same refusal with a body, where these bytes are a whole bare one.
fn with_body(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes.get(..bytes.len().min(LONGEST))?).ok()?;
    let head = text.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let first = lines.next()?;
    let status = first.strip_prefix("HTTP/1.")?.get(2..5)?;
    let problem = problem(status.parse().ok()?)?;
    let mut kept = String::new();
    for line in lines {
        match line.split_once(": ")? {
            ("content-length", "0") => {}
            ("connection" | "date", _) => kept.push_str(&format!("{line}\r\n")),
            _ => return None,
        }
    }
    let body = serde_json::to_string(&problem).ok()?;
    let length = body.len();
    let whole = format!(
        "{first}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {length}\r\n{kept}\r\n{body}"
    );
    Some(whole.into_bytes())
}

/// What hyper's statuses for requests that it cannot read mean.
fn problem(status: u16) -> Option<Problem> {
    let status = StatusCode::from_u16(status).ok()?;
    let (code, detail) = match status {
        StatusCode::BAD_REQUEST => (
            "malformed_request",
            "this is no HTTP request: its first line or a header cannot be read; is this an http and not an https address?",
        ),
        StatusCode::URI_TOO_LONG => (
            "uri_too_long",
            "the address has more than 65534 bytes; send less in the query",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "headers_too_large",
            "the headers have more than 64 KiB or 100 lines; send fewer or shorter ones",
        ),
        _ => return None,
    };
    Some(ApiError::new(status, code, detail).problem())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str =
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";

    #[test]
    fn a_bare_refusal_gets_a_body_and_keeps_its_headers() {
        let whole = String::from_utf8(with_body(BARE.as_bytes()).expect("bare")).expect("text");
        let (head, body) = whole.split_once("\r\n\r\n").expect("a body");
        let length = format!("content-length: {}", body.len());
        for part in [
            "HTTP/1.1 400 Bad Request",
            "connection: close",
            "date: x",
            &length,
        ] {
            assert!(head.contains(part), "{part}: {head}");
        }
        let problem: Problem = serde_json::from_str(body).expect("a problem");
        assert_eq!(problem.code, "malformed_request");
    }

    #[test]
    fn every_other_answer_is_left_alone() {
        for text in [
            "HTTP/1.1 400 Bad Request\r\nx-content-type-options: nosniff\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0",
            "",
        ] {
            assert_eq!(with_body(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_a_request_is_answered_with_is_never_taken_for_a_refusal() {
        let progress = Progress::default();
        assert!(progress.is_idle());
        progress.begin();
        let body = progress.follow(Body::from(BARE));
        progress.flushed();
        assert!(!progress.is_idle(), "its body is still to come");
        drop(body);
        assert!(!progress.is_idle(), "its body may not be written yet");
        progress.flushed();
        assert!(progress.is_idle());
    }
}
