//! Migrations: embedded, append-only, each in one exclusive transaction together with its record.

use rusqlite::{Connection, OptionalExtension, params};

use super::open::APPLICATION_ID;
use crate::error::{Result, StoreError};

/// One step of the schema.
pub(super) struct Migration {
    /// 1, 2, … without gaps.
    pub(super) number: i64,
    /// What it is called.
    pub(super) name: &'static str,
    /// What it does. Never edited once released.
    pub(super) sql: &'static str,
}

/// Every step there ever was, in order.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "initial",
        sql: include_str!("../../migrations/sqlite/0001_initial.sql"),
    },
    Migration {
        number: 2,
        name: "events_by_subject",
        sql: include_str!("../../migrations/sqlite/0002_events_by_subject.sql"),
    },
    Migration {
        number: 3,
        name: "shapes_by_needs",
        sql: include_str!("../../migrations/sqlite/0003_shapes_by_needs.sql"),
    },
    Migration {
        number: 4,
        name: "keys_opened_by",
        sql: include_str!("../../migrations/sqlite/0004_keys_opened_by.sql"),
    },
    Migration {
        number: 5,
        name: "durations",
        sql: include_str!("../../migrations/sqlite/0005_durations.sql"),
    },
    Migration {
        number: 6,
        name: "zone_rules",
        sql: include_str!("../../migrations/sqlite/0006_zone_rules.sql"),
    },
];

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    number     INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    baton      TEXT    NOT NULL,
    applied_at TEXT    NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT";

/// Brings the schema up to this Baton's. A step that was killed midway left nothing and runs again.
pub(super) fn migrate(conn: &Connection, steps: &[Migration]) -> Result<()> {
    let recorded: bool = conn.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
        [],
        |row| row.get(0),
    )?;
    if recorded {
        refuse_newer(conn, steps)?;
    }
    for step in steps {
        apply(conn, step).inspect_err(|_| {
            if !conn.is_autocommit() {
                // The error that is on its way out says more than a failed rollback could.
                let _ = conn.execute_batch("ROLLBACK");
            }
        })?;
    }
    Ok(())
}

fn refuse_newer(conn: &Connection, steps: &[Migration]) -> Result<()> {
    let newest: Option<(i64, String)> = conn
        .query_row(
            "SELECT number, baton FROM schema_migrations ORDER BY number DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let known = steps.last().map_or(0, |s| s.number);
    match newest {
        Some((number, baton)) if number > known => Err(StoreError::Corrupt(format!(
            "this database was written by Baton {baton} (schema {number}); this is Baton {} (schema {known}). \
             Start Baton {baton} or newer, or restore a backup from before the upgrade",
            env!("CARGO_PKG_VERSION"),
        ))),
        _ => Ok(()),
    }
}

fn apply(conn: &Connection, step: &Migration) -> Result<()> {
    let checksum = checksum(step.sql);
    conn.execute_batch("BEGIN EXCLUSIVE")?;
    conn.execute_batch(RECORD)?;
    let done: Option<String> = conn
        .query_row(
            "SELECT checksum FROM schema_migrations WHERE number = ?1",
            [step.number],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(done) = done {
        if done != checksum {
            return Err(StoreError::Corrupt(format!(
                "migration {} ({}) of this database differs from the one in this Baton: \
                 it was written by a build that was never released; restore a backup or start afresh",
                step.number, step.name
            )));
        }
    } else {
        conn.execute_batch(step.sql)?;
        conn.execute(
            "INSERT INTO schema_migrations (number, name, checksum, baton) VALUES (?1, ?2, ?3, ?4)",
            params![step.number, step.name, checksum, env!("CARGO_PKG_VERSION")],
        )?;
        conn.pragma_update(None, "application_id", APPLICATION_ID)?;
        conn.pragma_update(None, "user_version", step.number)?;
    }
    conn.execute_batch("COMMIT")?;
    Ok(())
}

/// FNV-1a over the text: tells an edited migration from the released one, which is all it is for.
fn checksum(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
#[path = "migrate_tests.rs"]
mod tests;
