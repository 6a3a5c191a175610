//! Verification: every row against every invariant, in one snapshot.

use baton_core::id::{OrgId, RobotId, RunId, ScheduleId};
use baton_core::run::LogStream;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::interned::Interned;
use super::row::{Cols, Id, all, first};
use super::run_row::{self, Depth};
use super::{history, live};
use crate::error::{Result, StoreError};
use crate::stats::Verification;
use crate::verify::{Lines, Wrote, clock_ahead};

/// Runs looked at between two reads of the list of runs.
const STEP: i64 = 1_000;

/// Checks everything that is stored.
pub(super) fn verify(conn: &Connection, interned: &Interned) -> Result<Verification> {
    let mut found = Verification::default();
    integrity(conn, &mut found)?;
    let mut after = (i64::MIN, vec![]);
    loop {
        let ids: Vec<(OrgId, RunId)> = all(
            conn.prepare_cached(
                "SELECT org, id FROM runs WHERE (org, id) > (?1, ?2) ORDER BY org, id LIMIT ?3",
            )?,
            params![after.0, after.1, STEP],
            |row| {
                let mut c = Cols::new(row);
                Ok((OrgId(c.get()?), c.id()?))
            },
        )?;
        for (org, id) in &ids {
            run(conn, interned, *org, *id, &mut found)?;
        }
        match ids.last() {
            Some((org, id)) => after = (org.0, id.bytes().to_vec()),
            None => break,
        }
    }
    slots(conn, &mut found)?;
    found.check_live(&live::live(conn, interned, None)?);
    counts(conn, &mut found)?;
    Ok(found)
}

fn integrity(conn: &Connection, found: &mut Verification) -> Result<()> {
    let lines: Vec<String> = all(
        conn.prepare_cached("PRAGMA integrity_check(100)")?,
        [],
        |row| Ok(row.get(0)?),
    )?;
    for line in lines.into_iter().filter(|line| line != "ok") {
        found.breach("integrity", "database", line);
    }
    let broken: Vec<String> = all(
        conn.prepare_cached("PRAGMA foreign_key_check")?,
        [],
        |row| Ok(row.get(0)?),
    )?;
    for table in broken {
        found.breach(
            "integrity",
            table,
            "a row belongs to something that is gone",
        );
    }
    Ok(())
}

fn run(
    conn: &Connection,
    interned: &Interned,
    org: OrgId,
    id: RunId,
    found: &mut Verification,
) -> Result<()> {
    let Some(row) = run_row::find(conn, interned, org, id, Depth::Full)? else {
        return Ok(());
    };
    let attempts = run_row::attempts(conn, &row.run)?;
    found.check_run(&row.run, &attempts, &history::of_run(conn, org, id, 0)?);
    let mut lines = Logs { conn, org, id };
    found.check_evidence(&row.run, &attempts, &mut lines)?;
    let logs: Vec<(u32, i64)> = all(
        conn.prepare_cached(
            "SELECT number, log_pruned FROM attempts WHERE org = ?1 AND run_id = ?2",
        )?,
        params![org.0, id.bytes()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (number, pruned) in logs {
        let seqs: Vec<i64> = all(
            conn.prepare_cached(
                "SELECT seq FROM logs WHERE org = ?1 AND run_id = ?2 AND attempt = ?3 ORDER BY seq",
            )?,
            params![org.0, id.bytes(), number],
            |row| Ok(row.get(0)?),
        )?;
        if let Some(first) = seqs.first()
            && *first != pruned + 1
        {
            let text = format!("attempt {number}: the log begins with line {first}");
            found.breach("log_gap", id, text);
        }
        let count = seqs.last().copied().unwrap_or(pruned);
        found.check_log(id, number, &seqs, count);
    }
    Ok(())
}

/// The logs of one run.
struct Logs<'a> {
    conn: &'a Connection,
    org: OrgId,
    id: RunId,
}

impl Lines for Logs<'_> {
    type Error = StoreError;

    fn first(&mut self, attempt: u32) -> Result<Option<Timestamp>> {
        let first = first(
            self.conn.prepare_cached(
                "SELECT at FROM logs WHERE org = ?1 AND run_id = ?2 AND attempt = ?3
                 ORDER BY seq LIMIT 1",
            )?,
            params![self.org.0, self.id.bytes(), attempt],
            |row| Ok(row.get(0)?),
        )?;
        Ok(first.map(at))
    }

    fn clock_ahead(&mut self, robot: RobotId, before: Timestamp) -> Result<Option<SignedDuration>> {
        let detail: Option<String> = first(
            self.conn.prepare_cached(
                "SELECT detail FROM events INDEXED BY events_by_subject WHERE org = ?1 AND subject = ?2
                 AND kind = 'robot.connected' AND at <= ?3 ORDER BY seq DESC LIMIT 1",
            )?,
            params![self.org.0, robot.to_string(), super::row::us(before)],
            |row| Ok(row.get(0)?),
        )?;
        Ok(detail.and_then(|detail| clock_ahead(&serde_json::from_str(&detail).ok()?)))
    }

    fn after(&mut self, attempt: u32, after: Timestamp) -> Result<Option<Wrote>> {
        let system = LogStream::System.code();
        let wrote: Option<(Option<i64>, Option<i64>, i64)> = first(
            self.conn.prepare_cached(
                "SELECT min(at), max(at), count(*) FROM logs WHERE org = ?1 AND run_id = ?2
                 AND attempt = ?3 AND stream <> ?4 AND at > ?5",
            )?,
            params![
                self.org.0,
                self.id.bytes(),
                attempt,
                system,
                super::row::us(after)
            ],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        Ok(wrote.and_then(|(first, last, lines)| {
            Some(Wrote {
                first: at(first?),
                last: at(last?),
                lines: lines.unsigned_abs(),
            })
        }))
    }
}

/// What made which run: by the runs themselves, so that a lost slot row is found as well.
fn slots(conn: &Connection, found: &mut Verification) -> Result<()> {
    let made: Vec<(ScheduleId, i64, RunId)> = all(
        conn.prepare_cached(
            "SELECT schedule_id, json_extract(trigger, '$.slot'), id, org FROM runs
             WHERE schedule_id IS NOT NULL",
        )?,
        [],
        |row| {
            let schedule = ScheduleId::from_bytes(row.get(0)?);
            let slot: String = row.get(1)?;
            let slot = slot.parse::<Timestamp>().map_or(i64::MIN, super::row::us);
            Ok((schedule, slot, RunId::from_bytes(row.get(2)?)))
        },
    )?;
    found.check_slots(
        made.into_iter()
            .map(|(schedule, slot, run)| (schedule, at(slot), run)),
    );
    Ok(())
}

fn at(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::MIN)
}

/// The kept counters against a count.
fn counts(conn: &Connection, found: &mut Verification) -> Result<()> {
    let wrong: Vec<(i64, i64, i64, i64)> = all(
        conn.prepare_cached(
            "SELECT c.org, c.state, c.runs, coalesce(r.n, 0) FROM state_counts AS c
             LEFT JOIN (SELECT org, state, count(*) AS n FROM runs GROUP BY org, state) AS r
             ON r.org = c.org AND r.state = c.state WHERE c.runs <> coalesce(r.n, 0)",
        )?,
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    for (org, state, kept, counted) in wrong {
        let text = format!("state {state}: the counter says {kept}, there are {counted}");
        found.breach("history_mismatch", format!("org {org}"), text);
    }
    let wrong: Vec<(i64, i64, i64)> = all(
        conn.prepare_cached(
            "SELECT n.id, n.queued, coalesce(r.n, 0) FROM needs AS n
             LEFT JOIN (SELECT needs_id, count(*) AS n FROM runs WHERE phase = 1 GROUP BY needs_id)
             AS r ON r.needs_id = n.id WHERE n.queued <> coalesce(r.n, 0)",
        )?,
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (group, kept, counted) in wrong {
        let text = format!("the counter says {kept} queued runs, there are {counted}");
        found.breach("history_mismatch", format!("group {group}"), text);
    }
    Ok(())
}
