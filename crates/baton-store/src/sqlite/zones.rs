//! Zone rules in SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::params;

use super::SqliteStore;
use super::interned::Prepared;
use super::row::{Cols, all, first, us};
use super::schedules::{SCHEDULE, commit_slot, read};
use crate::error::Result;
use crate::schedules::SlotCommit;
use crate::zones::{ActiveSchedule, MAX_RENEWED, ZoneRules, Zones};

#[async_trait]
impl Zones for SqliteStore {
    async fn zone_rules(&self) -> Result<Option<ZoneRules>> {
        self.scan(|conn| {
            let sql = "SELECT identity, name, data, changed_at, before, moved FROM zone_rules";
            first(conn.prepare_cached(sql)?, [], |row| {
                let mut c = Cols::new(row);
                Ok(ZoneRules {
                    identity: c.get()?,
                    name: c.get()?,
                    data: c.get()?,
                    changed_at: c.ts()?,
                    before: c.get()?,
                    moved: c.json()?,
                })
            })
        })
        .await
    }

    async fn active_schedules(&self) -> Result<Vec<ActiveSchedule>> {
        self.scan(|conn| {
            // `held` is last: `read` takes the columns before it.
            let sql = format!(
                "SELECT {SCHEDULE}, held FROM schedules WHERE paused = 0 ORDER BY org, id LIMIT ?1"
            );
            all(conn.prepare_cached(&sql)?, params![MAX_RENEWED], |row| {
                Ok(ActiveSchedule {
                    schedule: read(row)?,
                    held: row.get("held")?,
                })
            })
        })
        .await
    }

    async fn renew_zones(
        &self,
        rules: ZoneRules,
        commits: Vec<SlotCommit>,
        now: Timestamp,
    ) -> Result<u32> {
        let commits: Vec<(SlotCommit, Vec<Prepared>)> = commits
            .into_iter()
            .map(|mut commit| {
                let runs = std::mem::take(&mut commit.runs);
                (commit, runs.into_iter().map(Prepared::new).collect())
            })
            .collect();
        self.write(move |tx| {
            let mut made = 0;
            for (commit, runs) in &commits {
                made += commit_slot(tx, commit, runs, now)?;
            }
            tx.conn
                .prepare_cached(
                    "INSERT INTO zone_rules (id, identity, name, data, changed_at, before, moved)
                     VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (id) DO UPDATE SET identity = excluded.identity,
                         name = excluded.name, data = excluded.data,
                         changed_at = excluded.changed_at, before = excluded.before,
                         moved = excluded.moved",
                )?
                .execute(params![
                    rules.identity,
                    rules.name,
                    rules.data,
                    us(rules.changed_at),
                    rules.before,
                    rules.moved.to_string(),
                ])?;
            Ok(made)
        })
        .await
    }
}
