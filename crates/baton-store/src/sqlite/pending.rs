//! What a group of operations adds up before its commit: counters, positions, and the note to the hooks.

use std::collections::HashMap;

use baton_core::id::{OrgId, RunId};
use baton_core::state::State;
use rusqlite::{Connection, params};

use super::buckets::{self, BucketKey, Change};
use crate::commit::CommitNote;
use crate::error::Result;

/// Adds up over all operations of one commit, so that a counter costs one write per commit.
#[derive(Clone, Default)]
pub(super) struct Pending {
    /// What the hooks will be told.
    pub(super) note: CommitNote,
    /// The last position of run history that was given out.
    run_seq: i64,
    /// The last position of resource events that was given out.
    event_seq: i64,
    /// Runs that entered (+) or left (−) a state.
    states: HashMap<(OrgId, State), i64>,
    /// Runs that entered (+) or left (−) a group of queued runs.
    queued: HashMap<i64, i64>,
    /// What outcomes are counted, or no longer.
    buckets: HashMap<BucketKey, Change>,
}

const RUN_SEQ: &str = "run_events";
const EVENT_SEQ: &str = "events";

impl Pending {
    /// Where the stored sequences stand.
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let value = |name: &str| -> Result<i64> {
            let mut statement =
                conn.prepare_cached("SELECT value FROM sequences WHERE name = ?1")?;
            let mut rows = statement.query([name])?;
            Ok(rows.next()?.map_or(Ok(0), |row| row.get(0))?)
        };
        Ok(Self {
            run_seq: value(RUN_SEQ)?,
            event_seq: value(EVENT_SEQ)?,
            ..Self::default()
        })
    }

    /// The next position of run history.
    pub(super) fn next_run_seq(&mut self) -> i64 {
        self.run_seq += 1;
        self.note.run_events_up_to = self.run_seq;
        self.run_seq
    }

    /// The next position of resource events.
    pub(super) fn next_event_seq(&mut self) -> i64 {
        self.event_seq += 1;
        self.note.events_up_to = self.event_seq;
        self.event_seq
    }

    /// The last position of resource events.
    pub(super) fn last_event_seq(&self) -> i64 {
        self.event_seq
    }

    /// A run went from one state (`None`: it is new) to another (`None`: it is deleted).
    pub(super) fn moved(&mut self, org: OrgId, from: Option<State>, to: Option<State>) {
        if from != to {
            for (state, by) in [(from, -1), (to, 1)] {
                if let Some(state) = state {
                    *self.states.entry((org, state)).or_default() += by;
                }
            }
        }
    }

    /// A run entered (+1) or left (−1) the group with these needs.
    pub(super) fn queued(&mut self, needs_id: i64, by: i64) {
        *self.queued.entry(needs_id).or_default() += by;
    }

    /// What changes in one bucket.
    pub(super) fn bucket(&mut self, key: BucketKey) -> &mut Change {
        self.buckets.entry(key).or_default()
    }

    /// Names a run whose task runs or progress changed.
    pub(super) fn note_tasks(&mut self, run: RunId) {
        self.note.note_tasks(run);
    }

    /// Writes what was added up, as the last thing before the commit. `before` is where the sequences
    /// stood when the transaction began.
    pub(super) fn flush(&mut self, conn: &Connection, before: &Self) -> Result<()> {
        for (name, old, new) in [
            (RUN_SEQ, before.run_seq, self.run_seq),
            (EVENT_SEQ, before.event_seq, self.event_seq),
        ] {
            if old != new {
                conn.prepare_cached(
                    "INSERT INTO sequences (name, value) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )?
                .execute(params![name, new])?;
            }
        }
        for ((org, state), by) in self.states.drain().filter(|(_, by)| *by != 0) {
            conn.prepare_cached(
                "INSERT INTO state_counts (org, state, runs) VALUES (?1, ?2, ?3)
                 ON CONFLICT (org, state) DO UPDATE SET runs = runs + excluded.runs",
            )?
            .execute(params![org.0, state.code(), by])?;
        }
        for (needs_id, by) in self.queued.drain().filter(|(_, by)| *by != 0) {
            conn.prepare_cached("UPDATE needs SET queued = queued + ?2 WHERE id = ?1")?
                .execute(params![needs_id, by])?;
        }
        for (key, change) in self.buckets.drain() {
            buckets::change(conn, &key, &change)?;
        }
        Ok(())
    }

    /// Ready for the next transaction, with the sequences where they stand; gives back the note.
    pub(super) fn finish(&mut self) -> CommitNote {
        std::mem::take(&mut self.note)
    }
}
