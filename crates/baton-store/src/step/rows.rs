//! The rows of one run while a step is worked into them: what each effect means for run and attempts.

use std::collections::BTreeSet;

use baton_core::id::RobotId;
use baton_core::run::{Attempt, Run, RunEvent};
use baton_core::state::{self, Effect, Event, Outcome, State};

use super::{Ended, Taken, kept, never_assigned, stepped};
use crate::runs::RunStep;

/// The rows while a step is worked into them.
pub(super) struct Rows<'a> {
    run: Run,
    current: Option<Attempt>,
    written: Vec<Attempt>,
    step: &'a RunStep,
    /// The robot that has it, and those that had it before and are not to be asked again.
    rejecters: BTreeSet<RobotId>,
}

impl<'a> Rows<'a> {
    /// The rows as they are before the step.
    pub(super) fn before(run: &Run, attempts: &[Attempt], step: &'a RunStep) -> Self {
        Self {
            run: run.clone(),
            current: attempts.iter().find(|a| a.number == run.attempt).cloned(),
            written: Vec::new(),
            step,
            rejecters: run
                .rejected_by
                .iter()
                .copied()
                .chain(run.robot_id)
                .collect(),
        }
    }

    /// What one effect of the step does to them.
    pub(super) fn effect(&mut self, effect: &Effect, attempts: &[Attempt]) {
        match effect {
            Effect::OpenAttempt => self.open(attempts),
            Effect::CloseAttempt(outcome) => {
                self.close(outcome);
                self.run.error = outcome.error().cloned().map(|e| e.bounded());
            }
            Effect::Release => {
                self.run.live = false;
                if let Some(row) = &mut self.current {
                    row.live = false;
                }
            }
            // Also those of the attempt before, when one that was handed back has opened the next.
            Effect::RememberRejecter => self.run.rejected_by.extend(&self.rejecters),
            Effect::SetDue(at) => self.run.due_at = kept(*at),
            Effect::NextAttempt { spends_retry } => {
                self.leave();
                self.run.retries_used = match spends_retry {
                    Some(true) => self.run.retries_used + 1,
                    Some(false) => self.run.retries_used,
                    None => 0,
                };
            }
            Effect::TellRobotToCancel | Effect::EndChildren => {}
        }
    }

    /// A worker or client starts: the attempt is its own from now on.
    fn open(&mut self, attempts: &[Attempt]) {
        if self.current.as_ref().is_some_and(|a| a.state.is_terminal()) {
            self.leave();
        }
        // Its start proves that what it did before is over: one attempt of a run is live at most.
        for row in attempts
            .iter()
            .filter(|a| a.live && a.number < self.run.attempt)
        {
            self.written.retain(|w| w.number != row.number);
            self.written.push(Attempt {
                live: false,
                ..row.clone()
            });
        }
        let at = self.step.at;
        let mut row = self
            .current
            .take()
            .unwrap_or_else(|| never_assigned(&self.run, at));
        row.live = true;
        row.started_at = row.started_at.or(Some(at));
        row.computer = (self.step.computer.clone())
            .or(row.computer)
            .or_else(|| self.run.spec.computer.clone());
        self.current = Some(row);
        self.run.live = true;
    }

    /// Ends the current attempt, unless it has ended before.
    fn close(&mut self, outcome: &Outcome) {
        let at = self.step.at;
        let run = &self.run;
        let row = self.current.get_or_insert_with(|| never_assigned(run, at));
        if row.state.is_terminal() {
            return;
        }
        row.state = outcome.state();
        row.ended_at = Some(at);
        row.error = outcome.error().cloned().map(|e| e.bounded());
        if let (Event::Finish(_), Some(result)) = (&self.step.event, &self.step.result) {
            row.exit_code = result.exit_code;
            row.outputs = result.outputs.clone();
            row.execution_time = result.execution_time;
        }
    }

    /// Goes on to the next attempt, with everything about the present one cleared from the run.
    fn leave(&mut self) {
        if self.current.is_some() {
            self.close(&Outcome::Cancelled);
        }
        self.written.extend(self.current.take());
        let run = &mut self.run;
        run.attempt += 1;
        run.queued_at = None;
        run.dispatched_at = None;
        run.started_at = None;
        run.ended_at = None;
        run.robot_id = None;
        run.rejected_by.clear();
        run.error = None;
        run.progress = None;
    }

    /// The run enters its new state.
    pub(super) fn arrive(&mut self, to: State) {
        let at = self.step.at;
        let run = &mut self.run;
        if run.state != to {
            run.changed_at = at;
        }
        match to {
            State::Pending => {
                // Put off, it may be offered to everybody again.
                run.rejected_by.clear();
                run.queued_at = None;
            }
            State::Queued => {
                run.queued_at = Some(at);
                run.dispatched_at = None;
                run.robot_id = None;
            }
            State::Running => run.started_at = run.started_at.or(Some(at)),
            State::Completed
            | State::Failed
            | State::TimedOut
            | State::Crashed
            | State::Cancelled => {
                run.ended_at = Some(at);
            }
            State::Dispatched | State::Paused | State::Cancelling => {}
        }
        run.state = to;
        let open = self
            .current
            .as_ref()
            .is_some_and(|a| !a.state.is_terminal());
        if open && to.is_terminal() {
            // A cancel while paused: the pause has left the attempt open.
            self.close(&Outcome::Cancelled);
        } else if let (true, Some(row)) = (open, &mut self.current) {
            match to {
                State::Running => {
                    row.state = to;
                    row.started_at = row.started_at.or(Some(at));
                }
                State::Cancelling => row.state = to,
                _ => {}
            }
        }
    }

    /// What is to be written.
    pub(super) fn done(
        mut self,
        before: &Run,
        attempts: &[Attempt],
        decided: state::Step,
    ) -> Taken {
        let ended = decided.to.is_terminal().then(|| Ended {
            state: decided.to,
            robot_id: before.robot_id,
            seconds: self.reported_seconds(decided.to),
        });
        let history = RunEvent {
            seq: 0,
            run_id: before.id,
            from: Some(before.state),
            to: decided.to,
            attempt: before.attempt,
            fence: self.run.fence,
            at: self.step.at,
            event: self.step.event.name().into(),
            actor: self.step.actor.clone(),
            robot_id: before.robot_id,
            message: self.step.message.clone(),
        };
        self.written.extend(self.current.take());
        self.written.retain(|w| !attempts.contains(w));
        Taken {
            stepped: stepped(before, &self.run, decided.effects),
            run: self.run,
            attempts: self.written,
            history: Some(history),
            ended,
        }
    }

    fn reported_seconds(&self, to: State) -> Option<f64> {
        let result = self.step.result.as_ref()?;
        let counts = matches!(to, State::Completed | State::Failed)
            && matches!(self.step.event, Event::Finish(_));
        result
            .execution_time
            .filter(|s| counts && s.is_finite() && *s >= 0.0)
    }
}
