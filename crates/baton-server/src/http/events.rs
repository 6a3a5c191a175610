//! Event streams (Server-Sent Events): everything that happens, and one run's log. Resumable by the id
//! of the last event; a reader that stalls is cut, and costs a few events of memory until then.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use baton_api::rest::{Event, EventQuery, LogQuery, RunChange};
use baton_core::id::{KeyId, OrgId};
use baton_core::run::RunEvent;
use baton_core::state::State as RunState;
use futures_util::stream;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::Http;
use super::extract::{Caller, Name, Query};
use super::logs::{cursor, entry};
use super::route::Stream;
use super::runs::find;
use super::runs_view::view;
use crate::app::App;
use crate::error::ApiError;
use crate::hub::{self, EventFeed, FeedError, Filter, Item, LogFeed, LogItem};

/// Streams open at once; each holds a connection and some events.
static OPEN: Semaphore = Semaphore::const_new(2_000);
/// How often a stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A reader that takes nothing for this long is cut; it resumes where it was.
const STALLED: Duration = Duration::from_secs(30);
/// Pieces on their way to a reader: one is written while the next is made, and a reader that takes
/// nothing holds no more than that.
const BUFFERED: usize = 1;
/// Streams of one key or session: many tabs and scripts, and yet one reader gone wrong leaves room.
const OPEN_OF_ONE: usize = 64;
/// Who has how many streams open.
static HELD: Mutex<BTreeMap<KeyId, usize>> = Mutex::new(BTreeMap::new());

pub(crate) async fn stream_events(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<EventQuery>,
) -> Result<Stream, ApiError> {
    let after = last_id(&headers).or(query.after);
    let after = after.map(|text| text.parse()).transpose()?;
    let filter = match query.run {
        Some(run_id) => {
            http.app.store.run(caller.org, run_id).await?;
            Filter::of_run(caller.org, run_id)
        }
        None => Filter::all(caller.org),
    };
    let kinds = kinds(query.kinds.as_deref());
    let mut feed = EventFeed::after(Arc::clone(&http.app), after, filter).await?;
    let guard = Guard::new(&http, &caller);
    open(guard, move |mut pipe: Pipe| async move {
        let ended = async {
            let pipe = &mut pipe;
            // The first id lets a reader resume that has seen nothing yet.
            pipe.frame(Some(&feed.cursor().to_string()), "hello", &())
                .await?;
            loop {
                pipe.ready().await?;
                let items = pipe.wait(feed.next()).await??;
                let mut frames = Vec::new();
                let mut last = None;
                for item in items {
                    last = Some(item.cursor);
                    let event = event(item);
                    if kinds.is_empty() || kinds.iter().any(|kind| matches(&event.kind, kind)) {
                        write_frame(&mut frames, Some(&event.id), "event", &event);
                        last = None;
                    }
                }
                // What was filtered out is passed over for good, also after a reconnect.
                if let Some(last) = last {
                    write_frame(&mut frames, Some(&last.to_string()), "skipped", &());
                }
                pipe.send(frames).await?;
            }
        }
        .await;
        (pipe, ended)
    })
}

/// Kinds with commas between them.
pub(super) fn kinds(text: Option<&str>) -> Vec<String> {
    let kinds = text.into_iter().flat_map(|kinds| kinds.split(','));
    let kinds = kinds.filter(|kind| !kind.is_empty());
    kinds.map(str::to_owned).collect()
}

/// `run` is every kind that begins with `run.`; `run.failed` is only itself.
fn matches(kind: &str, wanted: &str) -> bool {
    kind.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

pub(crate) async fn stream_logs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    headers: HeaderMap,
    Query(query): Query<LogQuery>,
) -> Result<Stream, ApiError> {
    let run = find(&http, caller.org, &text).await?;
    let resumed = last_id(&headers);
    let (after, seen) = match &resumed {
        Some(id) => log_id(id)?,
        None => (query.cursor.as_deref().map(cursor).transpose()?, 0),
    };
    let org = caller.org;
    let app = Arc::clone(&http.app);
    let mut feed = LogFeed::after(Arc::clone(&app), org, run.id, after, seen).await?;
    let guard = Guard::new(&http, &caller);
    let mut place = LogPlace { after, seen };
    open(guard, move |mut pipe: Pipe| async move {
        let ended = async {
            let pipe = &mut pipe;
            loop {
                pipe.ready().await?;
                let batch = pipe.wait(feed.next()).await??;
                let mut frames = Vec::new();
                for item in batch.items {
                    match item {
                        LogItem::Line(attempt, line) => {
                            place.after = Some((attempt, line.seq));
                            if is_wanted(&query, attempt, &line) {
                                let (id, entry) = (place.to_string(), entry((attempt, line)));
                                write_frame(&mut frames, Some(&id), "log", &entry);
                            }
                        }
                        LogItem::State(change) => {
                            place.seen = change.seq;
                            let at = change.at;
                            let due_at = waits_until(&app, org, &change).await?;
                            let change = RunChange {
                                at: Some(at),
                                due_at,
                                ..change_view(change)
                            };
                            write_frame(&mut frames, Some(&place.to_string()), "state", &change);
                        }
                    }
                }
                if batch.ended {
                    let run = app.store.run(org, run.id).await?;
                    let run = view(&http, run, app.clock.now()).await?;
                    write_frame(&mut frames, Some(&place.to_string()), "end", &run);
                    pipe.send(frames).await?;
                    return Ok(());
                }
                pipe.send(frames).await?;
            }
        }
        .await;
        (pipe, ended)
    })
}

/// When an attempt that waits for its time is to start: as long as it does wait.
async fn waits_until(
    app: &App,
    org: OrgId,
    change: &RunEvent,
) -> Result<Option<Timestamp>, ApiError> {
    if change.to != RunState::Pending || change.from.is_none() {
        return Ok(None);
    }
    let run = app.store.run(org, change.run_id).await?;
    if run.state == RunState::Pending && run.changed_at == change.at {
        return Ok(Some(run.due_at));
    }
    // It has waited: its time was when the next thing happened to it.
    let history = app.store.run_history(org, change.run_id).await?;
    let next = history.iter().find(|event| event.seq > change.seq);
    Ok(next.map(|event| event.at))
}

/// How far a reader of a run's log is: its last line and its last transition.
#[derive(Clone, Copy)]
struct LogPlace {
    after: Option<(u32, i64)>,
    seen: i64,
}

impl std::fmt::Display for LogPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (attempt, seq) = self.after.unwrap_or((0, 0));
        write!(f, "{attempt}.{seq}.{}", self.seen)
    }
}

fn log_id(text: &str) -> Result<(Option<(u32, i64)>, i64), ApiError> {
    let parsed = text.rsplit_once('.').and_then(|(line, seen)| {
        let line = cursor(line).ok()?;
        Some(((line != (0, 0)).then_some(line), seen.parse().ok()?))
    });
    parsed.ok_or_else(|| {
        ApiError::bad_request(
            "bad_cursor",
            format!("{text:?} is not the id of an event of this stream; start without one"),
        )
    })
}

fn is_wanted(query: &LogQuery, attempt: u32, line: &baton_core::run::LogLine) -> bool {
    query.attempt.is_none_or(|wanted| wanted == attempt)
        && query.level.is_none_or(|least| line.level >= least)
        && query
            .task
            .as_ref()
            .is_none_or(|t| line.task.as_ref() == Some(t))
        && query.search.as_ref().is_none_or(|text| {
            let (line, text) = (line.message.to_ascii_lowercase(), text.to_ascii_lowercase());
            line.contains(&text)
        })
}

fn last_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(HeaderName::from_static("last-event-id"))?;
    value
        .to_str()
        .ok()
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
}

fn event(item: Item) -> Event {
    let id = item.cursor.to_string();
    match item.event {
        hub::Event::Run(event) => Event {
            id,
            kind: format!("run.{}", event.to),
            at: event.at,
            subject: event.run_id.to_string(),
            actor: event.actor.clone(),
            run: Some(change_view(event)),
            detail: serde_json::Value::Null,
        },
        hub::Event::Resource(event) => Event {
            id,
            kind: event.kind,
            at: event.at,
            subject: event.subject,
            actor: event.actor,
            run: None,
            detail: event.detail,
        },
    }
}

fn change_view(event: RunEvent) -> RunChange {
    RunChange {
        id: event.run_id,
        from: event.from,
        to: event.to,
        attempt: event.attempt,
        event: event.event,
        robot_id: event.robot_id,
        message: event.message,
        at: None,
        due_at: None,
    }
}

impl From<FeedError> for ApiError {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Cursor { code, message } => {
                let mut error = Self::from(baton_store::StoreError::Cursor { code, message });
                for wrong in &mut error.errors {
                    "after".clone_into(&mut wrong.field);
                }
                error
            }
            FeedError::Stopping => {
                let mut refusal = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "stopping",
                    error.to_string(),
                );
                refusal.retry_after = Some(1);
                refusal
            }
            FeedError::Store(error) => error.into(),
        }
    }
}

/// Why a stream ends.
enum End {
    /// The reader is gone, or stalls.
    Reader,
    /// Something went wrong; the reader is told.
    Error(ApiError),
}

impl<E: Into<ApiError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Whose stream it is: it ends when the key stops to work.
struct Guard {
    http: Arc<Http>,
    caller: Caller,
}

impl Guard {
    fn new(http: &Arc<Http>, caller: &Caller) -> Self {
        Self {
            http: Arc::clone(http),
            caller: caller.clone(),
        }
    }

    async fn check(&self) -> Result<(), End> {
        let now = self.http.app.clock.now();
        Ok(self
            .http
            .auth
            .still_works(self.caller.key, now)
            .await
            .map_err(ApiError::from)?)
    }
}

/// The way to one reader.
struct Pipe {
    sender: mpsc::Sender<Bytes>,
    guard: Guard,
}

impl Pipe {
    /// Waits for something, and says meanwhile that the stream is alive.
    async fn wait<T>(&mut self, something: impl Future<Output = T>) -> Result<T, End> {
        tokio::pin!(something);
        loop {
            let sender = self.sender.clone();
            tokio::select! {
                value = &mut something => {
                    // Also in a busy stream a key that was taken back gets nothing more.
                    self.guard.check().await?;
                    return Ok(value);
                }
                () = sender.closed() => return Err(End::Reader),
                () = tokio::time::sleep(HEARTBEAT) => {
                    self.guard.check().await?;
                    self.send(b": alive\n\n".to_vec()).await?;
                }
            }
        }
    }

    /// Waits until the reader has taken what it was sent: until then nothing is read for it.
    async fn ready(&mut self) -> Result<(), End> {
        match tokio::time::timeout(STALLED, self.sender.reserve()).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(End::Reader),
        }
    }

    async fn frame(
        &mut self,
        id: Option<&str>,
        name: &str,
        data: &impl Serialize,
    ) -> Result<(), End> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, id, name, data);
        self.send(bytes).await
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), End> {
        if bytes.is_empty() {
            return Ok(());
        }
        // What grew by doubling would hold up to twice its length for as long as the reader takes.
        let bytes = bytes.into_boxed_slice().into();
        match self.sender.send_timeout(bytes, STALLED).await {
            Ok(()) => Ok(()),
            Err(_) => Err(End::Reader),
        }
    }
}

fn write_frame(bytes: &mut Vec<u8>, id: Option<&str>, name: &str, data: &impl Serialize) {
    if let Some(id) = id {
        bytes.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    bytes.extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
    // JSON on one line has no line end in it.
    serde_json::to_writer(&mut *bytes, data).expect("wire types are plain JSON");
    bytes.extend_from_slice(b"\n\n");
}

/// A stream's place among those that are open, given back when it is dropped.
struct Place {
    key: KeyId,
    _permit: SemaphorePermit<'static>,
}

impl Place {
    fn take(key: KeyId) -> Result<Self, ApiError> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.get(&key).copied().unwrap_or(0);
        let permit = OPEN.try_acquire().ok().filter(|_| own < OPEN_OF_ONE);
        let Some(permit) = permit else {
            let of_whom = if own < OPEN_OF_ONE {
                "on this server"
            } else {
                "with this key"
            };
            let mut refusal = ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_streams",
                format!("too many event streams are open {of_whom}; close some, or try again soon"),
            );
            refusal.retry_after = Some(5);
            return Err(refusal);
        };
        held.insert(key, own + 1);
        Ok(Self {
            key,
            _permit: permit,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.key) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                held.remove(&self.key);
            }
        }
    }
}

/// Opens a stream that `produce` fills until it ends.
fn open<F, Fut>(guard: Guard, produce: F) -> Result<Stream, ApiError>
where
    F: FnOnce(Pipe) -> Fut + Send + 'static,
    Fut: Future<Output = (Pipe, Result<(), End>)> + Send,
{
    let place = Place::take(guard.caller.key)?;
    let (sender, receiver) = mpsc::channel(BUFFERED);
    let pipe = Pipe { sender, guard };
    tokio::spawn(async move {
        let _place = place;
        let (mut pipe, ended) = produce(pipe).await;
        if let Err(End::Error(error)) = ended {
            // The last frame has no id: whoever resumes goes on from the event before.
            let _ = pipe.frame(None, "problem", &error.problem()).await;
        }
    });
    let body = stream::unfold(receiver, |mut receiver| async move {
        let bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(bytes), receiver))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    Ok(Stream(response))
}
