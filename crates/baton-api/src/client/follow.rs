//! Streams that are followed across broken connections, without gap and without repetition.

use std::collections::VecDeque;
use std::time::Duration;

use baton_core::id::RunId;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::retry::{jittered, refusal};
use super::{Client, ClientError, Result, SseEvent, SseParser};
use crate::rest::{Event, EventQuery, LogEntry, LogQuery, Run, RunChange};

/// The server says something at least this often; silence for longer means that the connection is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// How long a stream tries to come back before it gives up.
const GIVE_UP: u32 = 12;
/// No wait between tries is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A stream of one path that resumes after the last event it gave.
#[derive(Debug)]
struct Stream {
    client: Client,
    path: Vec<String>,
    query: serde_json::Value,
    last_id: Option<String>,
    response: Option<reqwest::Response>,
    parser: SseParser,
    ready: VecDeque<SseEvent>,
    failures: u32,
}

impl Stream {
    fn new(client: &Client, path: Vec<String>, query: &impl Serialize) -> Self {
        Self {
            client: client.clone(),
            path,
            query: serde_json::to_value(query).unwrap_or_default(),
            last_id: None,
            response: None,
            parser: SseParser::default(),
            ready: VecDeque::new(),
            failures: 0,
        }
    }

    async fn connect(&mut self) -> Result<()> {
        let mut url = self.client.url_of(&self.path);
        {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in self.query.as_object().into_iter().flatten() {
                match value {
                    serde_json::Value::Null => {}
                    serde_json::Value::String(text) => {
                        pairs.append_pair(name, text);
                    }
                    other => {
                        pairs.append_pair(name, &other.to_string());
                    }
                }
            }
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        let mut request = self
            .client
            .http
            .request(Method::GET, url)
            .header(ACCEPT, "text/event-stream");
        if let Some(id) = &self.last_id
            && let Ok(value) = HeaderValue::try_from(id)
        {
            request = request.header(HeaderName::from_static("last-event-id"), value);
        }
        let response = request
            .send()
            .await
            .map_err(|e| self.client.unreachable(&e))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        self.parser = SseParser::default();
        self.response = Some(response);
        Ok(())
    }

    /// The next event, over as many connections as it takes.
    async fn next(&mut self) -> Result<SseEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if event.id.is_some() {
                    self.last_id.clone_from(&event.id);
                }
                self.failures = 0;
                return Ok(event);
            }
            if self.response.is_none()
                && let Err(error) = self.connect().await
            {
                self.wait_or_give_up(error).await?;
                continue;
            }
            let Some(response) = self.response.as_mut() else {
                continue;
            };
            let chunk = tokio::time::timeout(SILENCE, response.chunk()).await;
            if let Ok(Ok(Some(bytes))) = chunk {
                let mut events = Vec::new();
                let parsed = self.parser.push(&bytes, &mut events);
                self.ready.extend(events);
                parsed.map_err(|why| ClientError::Unexpected {
                    url: self.client.url().to_owned(),
                    status: 200,
                    excerpt: why.to_owned(),
                })?;
            } else {
                self.response = None;
                let error = ClientError::Unreachable {
                    url: self.client.url().to_owned(),
                    reason: "the event stream broke off".into(),
                };
                self.wait_or_give_up(error).await?;
            }
        }
    }

    async fn wait_or_give_up(&mut self, error: ClientError) -> Result<()> {
        let hopeless = error.status().is_some_and(|s| s != 503 && s != 429);
        self.failures += 1;
        if hopeless || self.failures > GIVE_UP {
            return Err(error);
        }
        let wait = Duration::from_millis(100) * 2_u32.pow(self.failures.min(8) - 1);
        tokio::time::sleep(jittered(wait.min(LONGEST_WAIT))).await;
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(client: &Client, event: &SseEvent) -> Result<T> {
    serde_json::from_str(&event.data).map_err(|e| ClientError::Unexpected {
        url: client.url().to_owned(),
        status: 200,
        excerpt: format!("event {:?}: {e}", event.event),
    })
}

/// What a followed run says.
#[derive(Clone, Debug, PartialEq)]
pub enum LogNews {
    /// A line of its log.
    Line(LogEntry),
    /// It changed its state.
    State(RunChange),
    /// It has ended, and every line was given. Nothing follows.
    End(Box<Run>),
}

/// A run's log and states, followed to its end.
#[derive(Debug)]
pub struct LogFollow {
    stream: Stream,
    ended: bool,
}

impl LogFollow {
    /// What comes next; `None` after [`LogNews::End`].
    pub async fn next(&mut self) -> Result<Option<LogNews>> {
        while !self.ended {
            let event = self.stream.next().await?;
            let client = &self.stream.client;
            return Ok(Some(match event.event.as_str() {
                "log" => LogNews::Line(parse(client, &event)?),
                "state" => LogNews::State(parse(client, &event)?),
                "end" => {
                    self.ended = true;
                    LogNews::End(Box::new(parse(client, &event)?))
                }
                _ => continue,
            }));
        }
        Ok(None)
    }
}

/// Everything that happens on a server, in order.
#[derive(Debug)]
pub struct EventFollow {
    stream: Stream,
}

impl EventFollow {
    /// What happens next.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            let event = self.stream.next().await?;
            if event.event == "event" || event.event.is_empty() {
                return parse(&self.stream.client, &event);
            }
        }
    }
}

impl Client {
    /// Follows a run's log from its first line (or after `query.cursor`) to its end.
    pub fn follow_run(&self, id: RunId, query: &LogQuery) -> LogFollow {
        let path = ["runs", &id.to_string(), "logs", "stream"].map(str::to_owned);
        LogFollow {
            stream: Stream::new(self, path.into(), query),
            ended: false,
        }
    }

    /// Follows everything that happens, from now on or after `query.after`.
    pub fn follow_events(&self, query: &EventQuery) -> EventFollow {
        EventFollow {
            stream: Stream::new(self, vec!["events".into()], query),
        }
    }
}
