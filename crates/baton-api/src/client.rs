//! The one typed client of the REST API.
//!
//! Every call that may be repeated without harm is repeated with backoff when the server cannot be
//! reached or answers 503; creates carry an idempotency key, so that they may be. An error of the
//! server arrives as its [`Problem`]; programs match on `problem.code`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::problem::Problem;

mod calls;
mod follow;
mod pages;
mod retry;
mod sse;
mod tls;
mod transfer;

pub use follow::{EventFollow, LogFollow, LogNews};
pub use sse::{MAX_EVENT, SseEvent, SseParser};
pub use tls::{Trust, install_provider, is_untrusted, tls_config};
pub use transfer::Download;

/// How long a call may take unless it streams: longer than any honest answer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long connecting may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read into memory, in bytes: a page of 1000 runs with errors fits.
pub const MAX_ANSWER: usize = 64 << 20;

/// Where a server is and how to speak to it.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Its URL, such as `http://127.0.0.1:8765` (`BATON_URL`).
    pub url: String,
    /// The key (`BATON_API_KEY`); without it only public routes answer.
    pub key: Option<String>,
    /// SHA-256 of the server's certificate in hex: trust this one and no other.
    pub fingerprint: Option<String>,
    /// PEM file of the authorities to trust instead of the system's; a fingerprint counts before it.
    pub authority: Option<PathBuf>,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused it, and says why.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The server could not be reached, or the connection broke.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The server's URL.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// Something answered that is not Baton, or not a Baton that this client understands.
    #[error("{url} answered {status} with something that is not Baton's: {excerpt}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what came.
        excerpt: String,
    },
    /// The answer or the upload is larger than it may be.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The bound in bytes.
        limit: u64,
    },
    /// The options make no sense.
    #[error("{0}")]
    Options(String),
}

impl ClientError {
    /// The stable code, where the server gave one; otherwise `unreachable`, `unexpected_answer`,
    /// `too_large` or `bad_options`.
    pub fn code(&self) -> &str {
        match self {
            Self::Problem(problem) => &problem.code,
            Self::Unreachable { .. } => "unreachable",
            Self::Unexpected { .. } => "unexpected_answer",
            Self::TooLarge { .. } => "too_large",
            Self::Options(_) => "bad_options",
        }
    }

    /// The HTTP status, where the server answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the server said that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

/// What every call returns.
pub type Result<T> = std::result::Result<T, ClientError>;

/// A client of one server. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: reqwest::Url,
    /// Whether the server took a call that changes something; shared by all clones.
    changed: Arc<AtomicBool>,
}

impl Client {
    /// A client with these options. Nothing is sent yet.
    pub fn new(options: &ClientOptions) -> Result<Self> {
        let base = parse_base(&options.url)?;
        let trust = match (&options.fingerprint, &options.authority) {
            (Some(hex), _) => Trust::fingerprint(hex)?,
            (None, Some(file)) => Trust::Authority(file.clone()),
            (None, None) => Trust::System,
        };
        let trust = trust.on(base.as_str());
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.key {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                ClientError::Options("the key has characters that no key has: copy it again".into())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(&trust)?)
            .default_headers(headers)
            .user_agent(concat!("baton/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        if is_loopback(&base) {
            // A proxy cannot reach this machine's loopback in our stead.
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|e| ClientError::Options(format!("no HTTP client can be made: {e}")))?;
        Ok(Self {
            http,
            base,
            changed: Arc::default(),
        })
    }

    /// Whether the server has taken a call that changes something, through this client or a clone of it.
    pub fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// A call that changes something was taken.
    fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// The server's URL.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }
}

fn parse_base(url: &str) -> Result<reqwest::Url> {
    let bad = |why: &str| {
        ClientError::Options(format!(
            "{url:?} is not the URL of a server ({why}); it looks like http://127.0.0.1:8765"
        ))
    };
    let parsed = reqwest::Url::parse(url).map_err(|e| bad(&e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(bad("only http and https"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(bad("keys do not belong into URLs"));
    }
    Ok(parsed)
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or("");
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
