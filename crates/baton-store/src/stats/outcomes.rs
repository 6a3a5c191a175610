//! How runs ended, added up: what a period holds, and how it is asked for.

use baton_core::durations::Durations;
use baton_core::id::{DeploymentId, FlowId, OrgId, RobotId};
use baton_core::run::{Attempt, Run};
use baton_core::state::State;
use jiff::Timestamp;

use crate::step::Ended;

/// Runs of one flow, deployment and robot within one period: made, and ended as they stand now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeBucket {
    /// The start of the period, in Unix seconds.
    pub at: i64,
    /// The flow.
    pub flow_id: Option<FlowId>,
    /// The deployment.
    pub deployment_id: Option<DeploymentId>,
    /// The robot.
    pub robot_id: Option<RobotId>,
    /// Runs created.
    pub created: u64,
    /// Runs that ended in each terminal state: completed, failed, timed out, crashed, cancelled.
    pub ended: [u64; 5],
    /// Sum of execution times of completed and failed runs, in seconds, as their executors reported
    /// them: run time without waiting.
    pub seconds: f64,
    /// How many runs `seconds` sums.
    pub timed: u64,
    /// The same execution times, counted: what percentiles are read from.
    pub durations: Durations,
}

impl OutcomeBucket {
    /// Counts a run that ended.
    pub fn count_end(&mut self, ended: &Ended) {
        let index = match ended.state {
            State::Completed => 0,
            State::Failed => 1,
            State::TimedOut => 2,
            State::Crashed => 3,
            _ => 4,
        };
        self.ended[index] += 1;
        if let Some(seconds) = ended.seconds {
            self.seconds += seconds;
            self.timed += 1;
            self.durations.record(seconds);
        }
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, more: &Self) {
        self.created += more.created;
        self.seconds += more.seconds;
        self.timed += more.timed;
        for (sum, more) in self.ended.iter_mut().zip(more.ended) {
            *sum += more;
        }
        self.durations.merge(&more.durations);
    }

    /// Takes back what was counted before.
    pub fn take_back(&mut self, less: &Self) {
        self.created = self.created.saturating_sub(less.created);
        self.timed = self.timed.saturating_sub(less.timed);
        // What is left of a sum of nothing is rounding.
        self.seconds = if self.timed == 0 {
            0.0
        } else {
            (self.seconds - less.seconds).max(0.0)
        };
        for (sum, less) in self.ended.iter_mut().zip(less.ended) {
            *sum = sum.saturating_sub(less);
        }
        self.durations.take_back(&less.durations);
    }

    /// Whether it counts nothing.
    pub fn is_empty(&self) -> bool {
        self.created == 0 && self.timed == 0 && self.ended == [0; 5]
    }

    /// The execution time that this share of the runs did not exceed, in seconds, within 6.25 % of the
    /// exact one, and within half of that where the times differ.
    ///
    /// Times that fall into one slot are their own average: a run that always takes a minute is shown to.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.durations.slots().nth(1).is_none() && self.timed > 0 {
            return Some(self.seconds / self.timed as f64);
        }
        self.durations.quantile(share)
    }
}

/// How aggregates are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeQuery {
    /// Whose.
    pub org: OrgId,
    /// From this instant.
    pub from: Timestamp,
    /// Until before this instant.
    pub until: Timestamp,
    /// Length of each period in seconds; a multiple of 60, or 0 for one period over all.
    pub step_seconds: i64,
    /// Only this flow.
    pub flow_id: Option<FlowId>,
    /// Only this deployment.
    pub deployment_id: Option<DeploymentId>,
    /// Only this robot.
    pub robot_id: Option<RobotId>,
    /// One row for each flow (`flow`), deployment (`deployment`) or robot (`robot`) as well.
    pub by: Option<&'static str>,
}

/// What was counted when this run ended, and when; `None` while it has not. `attempts` holds at least its
/// current one. Taken back when the run leaves its end, so that a run is counted once: as it ended last.
pub(crate) fn counted_end(run: &Run, attempts: &[Attempt]) -> Option<(Timestamp, Ended)> {
    let at = run.ended_at.filter(|_| run.state.is_terminal())?;
    let timed = matches!(run.state, State::Completed | State::Failed);
    let attempt = attempts.iter().find(|a| a.number == run.attempt);
    let seconds = attempt.and_then(|a| a.execution_time);
    let ended = Ended {
        state: run.state,
        robot_id: run.robot_id,
        seconds: seconds.filter(|s| timed && s.is_finite() && *s >= 0.0),
    };
    Some((at, ended))
}
