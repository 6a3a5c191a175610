//! A run's log: as pages, as one text, and followed live.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use baton_api::problem::FieldError;
use baton_api::rest::{Collection, LogEntry, LogQuery};
use baton_core::id::{OrgId, RunId};
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_store::logs;
use futures_util::stream;

use super::Http;
use super::extract::{Caller, Name, Query};
use super::paging::bounded;
use super::route::Text;
use super::runs::find;
use crate::error::ApiError;

/// Lines on a page unless the caller says otherwise.
const SHOWN: u32 = 200;
/// Lines read at once for a text.
const BATCH: u32 = 1_000;

pub(crate) async fn list_logs(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<LogQuery>,
) -> Result<axum::Json<Collection<LogEntry>>, ApiError> {
    let run = find(&http, caller.org, &text).await?;
    let limit = bounded(query.limit, SHOWN)?;
    let tail = query.tail;
    let query = store_query(caller.org, run.id, query, limit)?;
    let lines = http.app.store.logs(query).await?;
    let is_full = lines.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let items: Vec<LogEntry> = lines.into_iter().map(entry).collect();
    // A tail is read backwards: what comes next lies before its first line.
    let edge = if tail { items.first() } else { items.last() };
    let next = edge.filter(|_| is_full).map(LogEntry::cursor);
    Ok(axum::Json(Collection { items, next }))
}

pub(crate) async fn get_log_text(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Name(text): Name,
    Query(query): Query<LogQuery>,
) -> Result<Text, ApiError> {
    let run = find(&http, caller.org, &text).await?;
    let mut query = store_query(caller.org, run.id, query, BATCH)?;
    query.tail = false;
    let store = Arc::clone(&http.app.store);
    let body = stream::unfold(Some(query), move |query| {
        let store = Arc::clone(&store);
        async move {
            let mut query = query?;
            match store.logs(query.clone()).await {
                Ok(lines) if lines.is_empty() => None,
                Ok(lines) => {
                    query.after = lines.last().map(|(attempt, line)| (*attempt, line.seq));
                    let text: String = lines.iter().map(|(_, line)| text_line(line)).collect();
                    Some((Ok(Bytes::from(text)), Some(query)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    // Run names are words and hex digits.
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{}.log\"", run.name)) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    Ok(Text(response))
}

fn text_line(line: &LogLine) -> String {
    let level = match line.level {
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO ",
        LogLevel::Warning => "WARN ",
        LogLevel::Error => "ERROR",
        LogLevel::Critical => "CRIT ",
    };
    let mark = match line.stream {
        LogStream::Stdout => ' ',
        LogStream::Stderr => '!',
        LogStream::System => '*',
    };
    format!("{} {level}{mark} {}\n", line.at, line.message)
}

/// A line's position, `<attempt>.<seq>`.
pub(crate) fn cursor(text: &str) -> Result<(u32, i64), ApiError> {
    let parsed = text
        .split_once('.')
        .and_then(|(attempt, seq)| Some((attempt.parse().ok()?, seq.parse().ok()?)));
    parsed.ok_or_else(|| {
        let why = "is not the position of a log line; take `next` of the page before";
        let mut error = ApiError::bad_request("bad_cursor", format!("{text:?} {why}"));
        let field = "cursor".to_owned();
        let message = why.to_owned();
        error.errors.push(FieldError { field, message });
        error
    })
}

fn store_query(
    org: OrgId,
    run_id: RunId,
    query: LogQuery,
    limit: u32,
) -> Result<logs::LogQuery, ApiError> {
    Ok(logs::LogQuery {
        org,
        run_id,
        attempt: query.attempt,
        after: query.cursor.as_deref().map(cursor).transpose()?,
        tail: query.tail,
        level: query.level,
        task: query.task,
        search: query.search.filter(|text| !text.is_empty()),
        limit,
    })
}

/// A line as the API shows it.
pub(crate) fn entry((attempt, line): (u32, LogLine)) -> LogEntry {
    LogEntry {
        attempt,
        seq: line.seq,
        at: line.at,
        level: line.level,
        stream: line.stream,
        task: line.task,
        message: line.message,
    }
}
