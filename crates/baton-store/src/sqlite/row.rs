//! How values become columns and columns values: ids as bytes, instants as microseconds, the rest as JSON.

use std::collections::BTreeSet;

use baton_core::id::{
    ArtifactId, DeploymentId, FlowId, KeyId, LimitId, QueueId, RobotId, RunId, ScheduleId,
    TaskRunId, VersionId,
};
use baton_core::state::{Executor, State};
use jiff::Timestamp;
use rusqlite::types::FromSql;
use rusqlite::{Params, Row, Statement};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Result, StoreError};

/// An id that is stored as its 16 bytes.
pub(super) trait Id: Copy {
    fn bytes(&self) -> &[u8; 16];
    fn from_bytes(bytes: [u8; 16]) -> Self;
}

macro_rules! ids {
    ($($name:ident),+) => {$(
        impl Id for $name {
            fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }
    )+};
}
ids!(
    ArtifactId,
    DeploymentId,
    FlowId,
    KeyId,
    LimitId,
    QueueId,
    RobotId,
    RunId,
    ScheduleId,
    TaskRunId,
    VersionId
);

/// The bytes of an id that may be missing, as a parameter.
pub(super) fn opt<I: Id>(id: &Option<I>) -> Option<&[u8; 16]> {
    id.as_ref().map(Id::bytes)
}

/// Microseconds since the Unix epoch.
pub(super) fn us(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Microseconds of an instant that may be missing.
pub(super) fn opt_us(at: Option<Timestamp>) -> Option<i64> {
    at.map(us)
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!(
        "the database holds {what} that this Baton cannot read; run `baton verify`, or restore a backup"
    ))
}

/// An instant from its microseconds.
pub(super) fn ts(us: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(us).map_err(|_| corrupt("an instant"))
}

/// Reads columns of one row from left to right.
pub(super) struct Cols<'a, 'r> {
    row: &'a Row<'r>,
    next: usize,
}

impl<'a, 'r> Cols<'a, 'r> {
    pub(super) fn new(row: &'a Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// Goes on with the column at this index.
    pub(super) fn at(row: &'a Row<'r>, next: usize) -> Self {
        Self { row, next }
    }

    pub(super) fn get<T: FromSql>(&mut self) -> Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    pub(super) fn id<I: Id>(&mut self) -> Result<I> {
        Ok(I::from_bytes(self.get()?))
    }

    pub(super) fn opt_id<I: Id>(&mut self) -> Result<Option<I>> {
        Ok(self.get::<Option<[u8; 16]>>()?.map(I::from_bytes))
    }

    pub(super) fn ts(&mut self) -> Result<Timestamp> {
        ts(self.get()?)
    }

    pub(super) fn opt_ts(&mut self) -> Result<Option<Timestamp>> {
        self.get::<Option<i64>>()?.map(ts).transpose()
    }

    pub(super) fn state(&mut self) -> Result<State> {
        state(self.get()?)
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        json(
            value
                .as_str()
                .map_err(|_| corrupt("a value of another type"))?,
        )
    }

    pub(super) fn opt_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        match value.as_str_or_null() {
            Ok(None) => Ok(None),
            Ok(Some(text)) => json(text).map(Some),
            Err(_) => Err(corrupt("a value of another type")),
        }
    }
}

/// A state from its number.
pub(super) fn state(code: i64) -> Result<State> {
    State::from_code(code).ok_or_else(|| corrupt("a state"))
}

/// The stored number of an executor.
pub(super) const fn executor_code(executor: Executor) -> i64 {
    match executor {
        Executor::Robot => 0,
        Executor::Worker => 1,
        Executor::Client => 2,
    }
}

/// An executor from its number.
pub(super) fn executor(code: i64) -> Result<Executor> {
    match code {
        0 => Ok(Executor::Robot),
        1 => Ok(Executor::Worker),
        2 => Ok(Executor::Client),
        _ => Err(corrupt("an executor")),
    }
}

/// The phase of a state, as `runs.phase` holds it.
pub(super) const fn phase(state: State) -> i64 {
    match state {
        State::Dispatched | State::Running | State::Paused | State::Cancelling => ACTIVE,
        other => other.code(),
    }
}

/// The phase of all states between assignment and end.
pub(super) const ACTIVE: i64 = 2;

/// A value from its JSON.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| corrupt(&format!("JSON ({e})")))
}

/// The JSON of a value.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data has string keys and serialises")
}

/// Robots as the concatenation of their ids; `None` for none.
pub(super) fn robots_blob(robots: &BTreeSet<RobotId>) -> Option<Vec<u8>> {
    (!robots.is_empty()).then(|| robots.iter().flat_map(|r| *r.bytes()).collect())
}

/// Robots from the concatenation of their ids.
pub(super) fn robots_from(blob: Option<&[u8]>) -> BTreeSet<RobotId> {
    blob.unwrap_or_default()
        .as_chunks::<16>()
        .0
        .iter()
        .map(|bytes| RobotId::from_bytes(*bytes))
        .collect()
}

/// All rows of a query.
pub(super) fn all<'c, T>(
    mut statement: impl std::ops::DerefMut<Target = Statement<'c>>,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

/// The first row of a query, if there is one.
pub(super) fn first<'c, T>(
    mut statement: impl std::ops::DerefMut<Target = Statement<'c>>,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}
