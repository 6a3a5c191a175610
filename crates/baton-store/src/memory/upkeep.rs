//! Retention and verification in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use baton_core::id::RobotId;
use baton_core::run::{LogStream, Trigger};
use jiff::{SignedDuration, Timestamp};

use super::World;
use crate::CommitNote;
use crate::logs::ResourceEvent;
use crate::stats::{Grain, Pruned, Retention, Verification};
use crate::verify::{Lines, Wrote, clock_ahead};

/// Things of one kind removed in one step of pruning.
const PRUNE_STEP: usize = 1_000;
/// How long a blob that nothing names is kept: an upload may still be waiting for its deploy.
const BLOB_GRACE: SignedDuration = SignedDuration::from_hours(24);

impl World {
    pub(super) fn prune(
        &mut self,
        note: &mut CommitNote,
        retention: Retention,
        now: Timestamp,
    ) -> Pruned {
        let mut pruned = Pruned::default();
        self.prune_runs(note, &mut pruned, cutoff(now, retention.runs_days));
        self.prune_lines(&mut pruned, cutoff(now, retention.logs_days));
        let before = cutoff(now, retention.events_days);
        let old: Vec<_> = (self.events.values())
            .filter(|e| before.is_some_and(|b| e.at < b))
            .map(|e| e.seq)
            .collect();
        pruned.more |= old.len() > PRUNE_STEP;
        for seq in old.into_iter().take(PRUNE_STEP) {
            self.events.remove(&seq);
            pruned.events += 1;
        }
        self.prune_blobs(&mut pruned, now);
        if let Some(before) = cutoff(now, retention.outcomes_days()) {
            let before = before.as_second().div_euclid(60) * 60;
            self.outcomes.retain(|(_, minute, ..), _| *minute >= before);
        }
        self.samples.retain(|(_, _, index, at, _), _| {
            let days = match Grain::ALL[*index] {
                Grain::TenSeconds => 1,
                Grain::Minute => 7,
                Grain::Hour => 365,
            };
            *at >= now.as_second() - days * 86_400
        });
        pruned
    }

    fn prune_runs(
        &mut self,
        note: &mut CommitNote,
        pruned: &mut Pruned,
        before: Option<Timestamp>,
    ) {
        let runs = self.runs.values().map(|rows| &rows.run);
        let mut old: Vec<_> = runs
            .filter(|run| run.state.is_terminal() && !run.live)
            .filter(|run| before.is_some_and(|b| run.ended_at.is_some_and(|at| at < b)))
            .map(|run| (run.ended_at, run.id))
            .collect();
        old.sort();
        pruned.more |= old.len() > PRUNE_STEP;
        for (_, id) in old.into_iter().take(PRUNE_STEP) {
            self.remove_run(id);
            note.note_run(id);
            pruned.runs += 1;
        }
    }

    fn prune_lines(&mut self, pruned: &mut Pruned, before: Option<Timestamp>) {
        for rows in self.runs.values_mut() {
            let old = rows.run.state.is_terminal()
                && before.is_some_and(|b| rows.run.ended_at.is_some_and(|at| at < b));
            if old {
                for log in rows.logs.values_mut() {
                    pruned.lines += log.lines.drain(..).count() as u64;
                }
            }
        }
    }

    fn prune_blobs(&mut self, pruned: &mut Pruned, now: Timestamp) {
        let packages = self.versions.values().filter_map(|v| v.package.as_ref());
        let files = self.artifacts.values().map(|a| &a.hash);
        let named: BTreeSet<&String> = packages.chain(files).collect();
        let old: Vec<String> = (self.blobs.iter())
            .filter(|(hash, blob)| {
                !named.contains(hash) && now.duration_since(blob.completed_at) > BLOB_GRACE
            })
            .map(|(hash, _)| hash.clone())
            .collect();
        for hash in old {
            self.blobs.remove(&hash);
            self.chunks.retain(|(of, _), _| *of != hash);
            pruned.blobs += 1;
        }
    }

    pub(super) fn verify(&self) -> Verification {
        let mut found = Verification::default();
        let mut slots = Vec::new();
        for rows in self.runs.values() {
            found.check_run(&rows.run, &rows.attempts, &rows.history);
            for (number, log) in &rows.logs {
                let seqs: Vec<_> = log.lines.iter().map(|line| line.seq).collect();
                found.check_log(rows.run.id, *number, &seqs, log.count);
            }
            let checked = found.check_evidence(
                &rows.run,
                &rows.attempts,
                &mut Logs(&rows.logs, &self.events),
            );
            let Ok(()) = checked;
            if let Trigger::Schedule {
                schedule_id, slot, ..
            } = rows.run.spec.trigger
            {
                slots.push((schedule_id, slot, rows.run.id));
            }
        }
        found.check_slots(slots);
        found.check_live(&self.live_attempts());
        found
    }
}

/// The logs of one run, by attempt.
struct Logs<'a>(
    &'a BTreeMap<u32, super::AttemptLog>,
    &'a BTreeMap<i64, ResourceEvent>,
);

impl Lines for Logs<'_> {
    type Error = Infallible;

    fn first(&mut self, attempt: u32) -> Result<Option<Timestamp>, Infallible> {
        let log = self.0.get(&attempt);
        Ok(log.and_then(|log| log.lines.first()).map(|line| line.at))
    }

    fn clock_ahead(
        &mut self,
        robot: RobotId,
        before: Timestamp,
    ) -> Result<Option<SignedDuration>, Infallible> {
        let robot = robot.to_string();
        let connected = |e: &&ResourceEvent| {
            e.subject == robot && e.kind == "robot.connected" && e.at <= before
        };
        let last = self.1.values().rev().find(connected);
        Ok(last.and_then(|event| clock_ahead(&event.detail)))
    }

    fn after(&mut self, attempt: u32, at: Timestamp) -> Result<Option<Wrote>, Infallible> {
        let lines = self.0.get(&attempt).into_iter().flat_map(|log| &log.lines);
        let late = lines.filter(|line| line.stream != LogStream::System && line.at > at);
        let late: Vec<Timestamp> = late.map(|line| line.at).collect();
        let (Some(first), Some(last)) = (late.iter().min(), late.iter().max()) else {
            return Ok(None);
        };
        Ok(Some(Wrote {
            first: *first,
            last: *last,
            lines: late.len() as u64,
        }))
    }
}

/// The instant before which things are no longer kept.
fn cutoff(now: Timestamp, days: Option<u32>) -> Option<Timestamp> {
    let kept = SignedDuration::from_hours(24 * i64::from(days?));
    Some(now.saturating_sub(kept).unwrap_or(Timestamp::MIN))
}
