//! What robots' lines prove of an attempt that was believed dead: whether it went on, and beside which other.

use baton_core::error::ErrorKind;
use baton_core::id::RobotId;
use baton_core::run::{Attempt, Run};
use baton_core::state::Executor;
use jiff::{SignedDuration, Timestamp};

use super::MAX_BREACHES;
use crate::stats::{Breach, Verification};

/// Clocks of machines that are kept right differ by less. It is also the margin after a lease.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);
/// Lines that are stamped within a shorter time were read at one moment: an agent that was frozen reads what waited
/// in the pipe when it goes on, long after the process has ended.
const ONE_MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// Lines of the process itself (not of the robot) after some instant, by the robot's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrote {
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many.
    pub lines: u64,
}

/// Reads the lines of one run's attempts, by their numbers.
pub trait Lines {
    /// What can go wrong.
    type Error;

    /// When the first line of the attempt was written, whoever wrote it.
    fn first(&mut self, attempt: u32) -> Result<Option<Timestamp>, Self::Error>;

    /// How far the robot's clock was ahead of the server's when it had last connected before this instant.
    fn clock_ahead(
        &mut self,
        robot: RobotId,
        before: Timestamp,
    ) -> Result<Option<SignedDuration>, Self::Error>;

    /// What its process wrote after this instant.
    fn after(&mut self, attempt: u32, at: Timestamp) -> Result<Option<Wrote>, Self::Error>;
}

/// How far a robot's clock was ahead of the server's, as the detail of its `robot.connected` says.
pub fn clock_ahead(detail: &serde_json::Value) -> Option<SignedDuration> {
    detail["clock_ahead_ms"]
        .as_i64()
        .map(SignedDuration::from_millis)
}

impl Verification {
    /// Checks what was really executed of a run, as far as its lines say.
    pub fn check_evidence<L: Lines>(
        &mut self,
        run: &Run,
        attempts: &[Attempt],
        lines: &mut L,
    ) -> Result<(), L::Error> {
        for (index, attempt) in attempts.iter().enumerate() {
            if attempt.late_result.is_some() {
                let text = format!("attempt {}: a result came after its end", attempt.number);
                self.observe("late_result", run, text);
            }
            if let Some(lost_at) = lost_at(attempt) {
                self.check_lost(run, attempt, lost_at, attempts.get(index + 1), lines)?;
            }
        }
        Ok(())
    }

    /// Checks an attempt that was believed dead from this instant, and the one that followed.
    fn check_lost<L: Lines>(
        &mut self,
        run: &Run,
        attempt: &Attempt,
        lost_at: Timestamp,
        next: Option<&Attempt>,
        lines: &mut L,
    ) -> Result<(), L::Error> {
        let number = attempt.number;
        let ahead = match (lines.first(number)?, attempt.started_at) {
            (Some(first), Some(started)) => ahead(first, started),
            _ => SignedDuration::ZERO,
        };
        let begun = match next {
            Some(next) => {
                let same = next.robot_id.is_some() && next.robot_id == attempt.robot_id;
                begun(next, lost_at, same.then_some(ahead), lines)?.map(|begun| (next, begun))
            }
            None => None,
        };
        if let Some((next, Begun::Doubtful(begun))) = begun
            && let Some(wrote) = lines.after(number, add(begun, ahead + PATIENCE))?
            && goes_on(&wrote)
        {
            let text = format!(
                "attempt {number} wrote until {}, and attempt {} from {begun} by its robot's clock, although the one was \
                 believed dead before the other: look at the clocks of both robots",
                wrote.last, next.number
            );
            self.observe("clocks_apart", run, text);
        }
        if let Some((next, Begun::At(begun))) = begun
            && let Some(wrote) = lines.after(number, add(begun, ahead + PATIENCE))?
            && goes_on(&wrote)
        {
            let text = format!(
                "attempt {number} was believed dead at {lost_at} and wrote {} until {}, while attempt {} ran from {begun}",
                counted(wrote.lines),
                wrote.last,
                next.number
            );
            self.breach("executed_twice", run.id, text);
            return Ok(());
        }
        if let Some(wrote) = lines.after(number, add(lost_at, ahead + PATIENCE))?
            && goes_on(&wrote)
        {
            let text = format!(
                "attempt {number} was believed dead at {lost_at} and wrote {} from {} to {}",
                counted(wrote.lines),
                wrote.first,
                wrote.last
            );
            self.breach("written_after_lost", run.id, text);
        } else if let Some(wrote) = lines.after(number, add(lost_at, ahead))? {
            let text = format!(
                "attempt {number}: {} came after it was believed dead at {lost_at}, the last at {}",
                counted(wrote.lines),
                wrote.last
            );
            self.observe("late_lines", run, text);
        }
        Ok(())
    }

    /// Notes something that breaks no promise and that somebody who asks what happened wants to know.
    fn observe(&mut self, check: &str, run: &Run, message: String) {
        if self.observations.len() < MAX_BREACHES {
            self.observations.push(Breach {
                check: check.into(),
                subject: run.id.to_string(),
                message,
            });
        }
    }
}

/// From when on an attempt on a robot was believed dead without a word of its end.
fn lost_at(attempt: &Attempt) -> Option<Timestamp> {
    let error = attempt.error.as_ref()?;
    let lost = attempt.executor == Executor::Robot && error.kind == ErrorKind::Lost;
    attempt.ended_at.filter(|_| lost)
}

/// How far the robot's clock was ahead of the server's: the first line follows the start at once. What is less than
/// [`PATIENCE`] may be the way there.
fn ahead(first: Timestamp, started: Timestamp) -> SignedDuration {
    let apart = first.duration_since(started);
    if apart.abs() > PATIENCE {
        apart
    } else {
        SignedDuration::ZERO
    }
}

/// When an attempt began, by the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// Then.
    At(Timestamp),
    /// Then as its robot's clock says, which nobody has compared with the server's: it lies before the end of the
    /// attempt before, so that one of the two clocks was wrong.
    Doubtful(Timestamp),
}

/// When the next attempt began: as its robot's clock says or as the server's does, whichever is earlier. A server
/// whose clock went back meanwhile has no say. `ahead` is how far that robot's clock is ahead, where it is known from
/// the attempt before.
fn begun<L: Lines>(
    next: &Attempt,
    lost_at: Timestamp,
    ahead: Option<SignedDuration>,
    lines: &mut L,
) -> Result<Option<Begun>, L::Error> {
    let started = next.started_at.filter(|at| *at >= lost_at);
    let Some(first) = lines.first(next.number)? else {
        return Ok(started.map(Begun::At));
    };
    let known = match (ahead, next.robot_id) {
        (Some(ahead), _) => Some(ahead),
        (None, Some(robot)) => {
            lines.clock_ahead(robot, next.started_at.unwrap_or(Timestamp::MAX))?
        }
        (None, None) => None,
    };
    let off = known.filter(|off| off.abs() > PATIENCE).unwrap_or_default();
    let first = add(first, -off);
    if known.is_none() && add(first, PATIENCE) < lost_at {
        return Ok(Some(Begun::Doubtful(first)));
    }
    Ok(started.into_iter().chain([first]).min().map(Begun::At))
}

fn goes_on(wrote: &Wrote) -> bool {
    wrote.last.duration_since(wrote.first) >= ONE_MOMENT
}

fn add(at: Timestamp, more: SignedDuration) -> Timestamp {
    at.saturating_add(more).unwrap_or(Timestamp::MAX)
}

fn counted(lines: u64) -> String {
    format!("{lines} {}", if lines == 1 { "line" } else { "lines" })
}
