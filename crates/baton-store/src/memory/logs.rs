//! Log lines and resource events in memory.

use async_trait::async_trait;
use baton_core::id::{OrgId, RunId};
use baton_core::run::LogLine;

use super::{MemoryStore, World};
use crate::commit::CommitNote;
use crate::error::Result;
use crate::logs::{
    EventFilter, LogBatch, LogQuery, Logs, MESSAGE_REFUSED, Refusal, ResourceEvent, refused,
};
use crate::page::{Page, PageRequest};
use crate::step;

#[async_trait]
impl Logs for MemoryStore {
    async fn append_logs(&self, batches: Vec<LogBatch>) -> Vec<Result<i64>> {
        self.write_each(batches, World::append_log)
    }

    async fn logs(&self, query: LogQuery) -> Result<Vec<(u32, LogLine)>> {
        self.read(|world| Ok(world.log_lines(&query)))
    }

    async fn log_span(&self, org: OrgId, run_id: RunId) -> Result<Vec<(u32, i64)>> {
        self.read(|world| {
            let logs = world.rows(org, run_id).map(|rows| &rows.logs);
            let spans = logs.into_iter().flatten().map(|(n, log)| (*n, log.count));
            Ok(spans.filter(|(_, count)| *count > 0).collect())
        })
    }

    async fn append_events(&self, events: Vec<ResourceEvent>) -> Result<i64> {
        self.write(|world, note| {
            for event in events {
                note.events_up_to = world.add_event(event);
            }
            Ok(world.last_event)
        })
    }

    async fn events_after(
        &self,
        org: Option<OrgId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<ResourceEvent>> {
        self.read(|world| {
            let after = world.events.values().filter(|e| e.seq > after);
            let of_org = after.filter(|e| org.is_none_or(|o| o == e.org));
            Ok(of_org.take(limit as usize).cloned().collect())
        })
    }

    async fn events(&self, filter: EventFilter, page: PageRequest) -> Result<Page<ResourceEvent>> {
        self.read(|world| {
            let of_org = world.events.values().rev().filter(|e| e.org == page.org);
            let wanted = of_org.filter(|e| filter.admits(e)).cloned();
            super::page(wanted, &page, |event| event.seq, true)
        })
    }

    async fn record_refusals(&self, refusals: Vec<Refusal>) -> Result<u32> {
        self.write(|world, note| {
            let mut recorded = 0;
            for refusal in refusals {
                let Ok(rows) = world.rows(refusal.org, refusal.run_id) else {
                    continue;
                };
                let (attempt, fence) = (rows.run.attempt, rows.run.fence);
                let id = refusal.run_id.to_string();
                let before = (world.events.values())
                    .filter(|e| e.org == refusal.org && e.subject == id)
                    .filter(|e| e.kind == MESSAGE_REFUSED && e.detail["attempt"] == attempt)
                    .count();
                if let Some(event) = refused(&refusal, attempt, fence, before) {
                    note.events_up_to = world.add_event(event);
                    recorded += 1;
                }
            }
            Ok(recorded)
        })
    }

    async fn events_span(&self) -> Result<(i64, i64)> {
        self.read(|world| {
            let first = world.events.first_key_value().map_or(0, |(seq, _)| *seq);
            let last = world.events.last_key_value().map_or(0, |(seq, _)| *seq);
            Ok((first, last))
        })
    }
}

impl World {
    /// Appends an event and returns its position.
    pub(super) fn add_event(&mut self, mut event: ResourceEvent) -> i64 {
        self.last_event += 1;
        event.seq = self.last_event;
        self.events.insert(event.seq, event);
        self.last_event
    }

    fn append_log(&mut self, note: &mut CommitNote, batch: LogBatch) -> Result<i64> {
        let rows = self.rows(batch.org, batch.run_id)?;
        if step::claimed(&rows.attempts, &batch.claim).is_none() {
            return Err(step::stale(&rows.run, &batch.claim));
        }
        let rows = self
            .runs
            .get_mut(&batch.run_id)
            .expect("it has just been read");
        let log = rows.logs.entry(batch.claim.attempt).or_default();
        for line in batch.lines {
            if line.seq == log.count + 1 {
                log.count = line.seq;
                log.lines.push(line);
                note.note_logs(batch.run_id);
            }
        }
        Ok(log.count)
    }

    fn log_lines(&self, query: &LogQuery) -> Vec<(u32, LogLine)> {
        let needle = query.search.as_ref().map(|s| s.to_ascii_lowercase());
        let logs = self.rows(query.org, query.run_id).map(|rows| &rows.logs);
        let lines = logs.into_iter().flatten();
        let lines = lines.flat_map(|(number, log)| log.lines.iter().map(|line| (*number, line)));
        let mut found: Vec<_> = lines
            .filter(|(number, line)| {
                let place = (*number, line.seq);
                query.attempt.is_none_or(|n| n == *number)
                    && query.level.is_none_or(|level| line.level >= level)
                    && (query.task.is_none() || query.task == line.task)
                    && (needle.as_ref())
                        .is_none_or(|n| line.message.to_ascii_lowercase().contains(n))
                    && match query.after {
                        None => true,
                        Some(mark) if query.tail => place < mark,
                        Some(mark) => place > mark,
                    }
            })
            .map(|(number, line)| (number, line.clone()))
            .collect();
        let limit = query.limit as usize;
        if query.tail {
            found.drain(..found.len().saturating_sub(limit));
        }
        found.truncate(limit);
        found
    }
}
