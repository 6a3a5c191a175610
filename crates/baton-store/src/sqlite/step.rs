//! Steps: what [`crate::step`] decides, written.

use jiff::Timestamp;

use super::buckets::BucketKey;
use super::history;
use super::run_row::{self, Depth};
use super::writer::Tx;
use crate::error::Result;
use crate::runs::{RunStep, Stepped};
use crate::stats::counted_end;
use crate::step::{self, Ended};

/// Takes one step.
pub(super) fn take(tx: &mut Tx, asked: &RunStep) -> Result<Stepped> {
    let conn = tx.conn.clone();
    let before = run_row::get(
        &conn,
        &tx.shared.interned,
        asked.org,
        asked.run_id,
        Depth::Light,
    )?;
    let claimed = asked.claim.as_ref().map(|c| c.attempt);
    let known = run_row::concerned(&conn, &before.run, claimed)?;
    let taken = step::take(&before.run, &known, asked)?;
    let last_event = match &taken.history {
        Some(event) => history::append(tx, asked.org, event, before.last_event)?,
        None => before.last_event,
    };
    if taken.history.is_some() || taken.run != before.run {
        run_row::write(tx, &before, &taken.run, last_event)?;
    }
    for attempt in &taken.attempts {
        run_row::write_attempt(tx, &taken.run, before.needs_id, &known, attempt)?;
    }
    let bucket = |at: Timestamp, ended: &Ended| BucketKey {
        org: asked.org,
        minute: BucketKey::minute(at),
        flow_id: before.run.spec.needs.flow_id,
        deployment_id: before.run.spec.needs.deployment_id,
        robot_id: ended.robot_id,
    };
    if taken.stepped.from.is_terminal()
        && !taken.stepped.to.is_terminal()
        && let Some((at, ended)) = counted_end(&before.run, &known)
    {
        let change = tx.pending.bucket(bucket(at, &ended));
        change.less.count_end(&ended);
    }
    if let Some(ended) = taken.ended {
        let change = tx.pending.bucket(bucket(asked.at, &ended));
        change.more.count_end(&ended);
    }
    tx.pending
        .note
        .moved(&before.run, &taken.run, before.has_start_deadline);
    Ok(taken.stepped)
}
