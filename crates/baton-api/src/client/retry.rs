//! One call: sent, repeated while that is safe, and its answer read.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CALL_TIMEOUT, Client, ClientError, MAX_ANSWER, Result};
use crate::problem::{PROBLEM_JSON, Problem};
use crate::rest::{BASE, IDEMPOTENCY_KEY};

/// How often a call is sent at most.
const TRIES: u32 = 6;
/// The wait before the second try; doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// No wait is longer, whatever the server asks: a person may be waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A request that is not sent yet.
pub(super) struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: Vec<String>,
    query: Option<String>,
    body: Option<Vec<u8>>,
    key: Option<String>,
    asks: bool,
}

impl Client {
    /// A call of `method` to the path under `/api/v1` with these segments; each is escaped.
    pub(super) fn call(&self, method: Method, path: &[&str]) -> Call<'_> {
        Call {
            client: self,
            asks: method.is_safe(),
            method,
            path: path.iter().map(|s| (*s).to_owned()).collect(),
            query: None,
            body: None,
            key: None,
        }
    }

    /// The URL of a path under `/api/v1`.
    pub(super) fn url_of<S: AsRef<str>>(&self, path: &[S]) -> reqwest::Url {
        let mut url = self.base.clone();
        let fixed = BASE.split('/').filter(|s| !s.is_empty());
        url.path_segments_mut()
            .expect("http and https URLs have a path")
            .pop_if_empty()
            .extend(fixed)
            .extend(path);
        url
    }

    /// What went wrong with the connection, as an error that names the server.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        // The innermost cause says what happened; the outer ones only repeat the URL.
        let mut source: &dyn std::error::Error = error;
        while let Some(inner) = source.source() {
            source = inner;
        }
        ClientError::Unreachable {
            url: self.url().to_owned(),
            reason: source.to_string(),
        }
    }
}

impl Call<'_> {
    /// Adds a query.
    pub(super) fn query(mut self, query: &impl Serialize) -> Self {
        let mut url = self.client.base.clone();
        let serializer = &mut url.query_pairs_mut();
        let fields = serde_json::to_value(query).unwrap_or_default();
        for (name, value) in fields.as_object().into_iter().flatten() {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) => {
                    serializer.append_pair(name, text);
                }
                other => {
                    serializer.append_pair(name, &other.to_string());
                }
            }
        }
        self.query = serializer
            .finish()
            .query()
            .filter(|q| !q.is_empty())
            .map(str::to_owned);
        self
    }

    /// Adds a JSON body.
    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).expect("wire types are plain JSON"));
        self
    }

    /// Says that the call changes nothing although its method could.
    pub(super) const fn asking(mut self) -> Self {
        self.asks = true;
        self
    }

    /// The same, if so it is.
    pub(super) const fn asking_if(mut self, asks: bool) -> Self {
        self.asks |= asks;
        self
    }

    /// Makes a create safe to repeat.
    pub(super) fn idempotent(mut self, key: Option<String>) -> Self {
        self.key = Some(key.unwrap_or_else(fresh_key));
        self
    }

    fn is_repeatable(&self) -> bool {
        self.key.is_some() || self.method.is_idempotent()
    }

    fn build(&self) -> reqwest::RequestBuilder {
        let mut url = self.client.url_of(&self.path);
        url.set_query(self.query.as_deref());
        let mut request = self.client.http.request(self.method.clone(), url);
        if let Some(body) = &self.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        if let Some(key) = &self.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        request
    }

    /// Sends it, again while that is safe and may help, and returns the first good answer.
    pub(super) async fn send(self, timeout: Option<Duration>) -> Result<Response> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let mut request = self.build();
            if let Some(timeout) = timeout {
                request = request.timeout(timeout);
            }
            let last = attempt >= TRIES;
            let (error, asked) = match request.send().await {
                Ok(response) if response.status().is_success() => {
                    if !self.asks {
                        self.client.note_change();
                    }
                    return Ok(response);
                }
                Ok(response) => {
                    let asked = retry_after(&response);
                    // 503 says that nothing was changed, so even what may not be repeated may be sent again.
                    let again = response.status().as_u16() == 503;
                    let error = refusal(response).await;
                    if last || !again {
                        return Err(error);
                    }
                    (error, asked)
                }
                Err(error) => {
                    let sent = !error.is_connect();
                    let result = self.client.unreachable(&error);
                    // A certificate that is not trusted now is not trusted in a second either.
                    let distrusted = is_distrusted(&result);
                    if last || distrusted || error.is_timeout() || (sent && !self.is_repeatable()) {
                        return Err(result);
                    }
                    (result, None)
                }
            };
            drop(error);
            tokio::time::sleep(jittered(asked.unwrap_or(wait).min(LONGEST_WAIT))).await;
            wait *= 2;
        }
        unreachable!("the last try returns")
    }

    /// Sends it and reads the answer.
    pub(super) async fn fetch<T: DeserializeOwned>(self) -> Result<T> {
        let response = self.send(Some(CALL_TIMEOUT)).await?;
        read_json(response).await
    }

    /// Sends it; the answer has nothing in it.
    pub(super) async fn done(self) -> Result<()> {
        self.send(Some(CALL_TIMEOUT)).await.map(drop)
    }
}

/// Whether it was this side that broke the connection off, for the certificate it was shown.
fn is_distrusted(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable { reason, .. } if reason.contains("certificate"))
}

/// Reads a bounded JSON answer.
pub(super) async fn read_json<T: DeserializeOwned>(response: Response) -> Result<T> {
    let url = response.url().to_string();
    let status = response.status().as_u16();
    let bytes = read_bounded(response, MAX_ANSWER).await?;
    serde_json::from_slice(&bytes).map_err(|e| ClientError::Unexpected {
        url,
        status,
        excerpt: format!("{e}: {}", excerpt(&bytes)),
    })
}

async fn read_bounded(mut response: Response, limit: usize) -> Result<Vec<u8>> {
    let url = response.url().to_string();
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > limit => {
                return Err(ClientError::TooLarge {
                    what: format!("the answer of {url}"),
                    limit: limit as u64,
                });
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(bytes),
            Err(e) => {
                return Err(ClientError::Unreachable {
                    url,
                    reason: format!("the connection broke while the answer was read: {e}"),
                });
            }
        }
    }
}

/// A refusal as an error: the server's problem, or a word about what came instead.
pub(super) async fn refusal(response: Response) -> ClientError {
    let url = response.url().to_string();
    let status = response.status().as_u16();
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(PROBLEM_JSON.as_bytes()));
    let bytes = match read_bounded(response, MAX_ANSWER).await {
        Ok(bytes) => bytes,
        Err(error) => return error,
    };
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) if is_problem => ClientError::Problem(Box::new(problem)),
        _ => ClientError::Unexpected {
            url,
            status,
            excerpt: excerpt(&bytes),
        },
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Half to three halves of `wait`, so that many clients do not come back at once.
pub(super) fn jittered(wait: Duration) -> Duration {
    let mut byte = [128];
    // Without randomness the plain wait is good enough.
    let _ = getrandom::fill(&mut byte);
    wait.mul_f64(0.5 + f64::from(byte[0]) / 255.0)
}

fn fresh_key() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    crate::package::hex(&bytes)
}
