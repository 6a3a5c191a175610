//! How attempts end, and what follows: retries by policy, retries by people, runs that never began.

use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::state::{Event, Outcome, State};
use baton_store::runs::{AttemptResult, RunStep};
use jiff::Timestamp;

use super::{AIR, Historian, Life, Stint, step};
use crate::demo_data::later;
use crate::demo_data::script::Ending;
use crate::demo_data::world::seconds;
use crate::failure::Done;

impl Historian {
    /// Ends attempts, and gives the runs that go on.
    pub(super) async fn finish(&mut self, stints: Vec<Stint>) -> Done<Vec<Life>> {
        let mut steps = Vec::new();
        let mut last = Vec::new();
        for stint in &stints {
            if stint.script.ending == Ending::Cancelled {
                let asked_at = later(stint.ended_at, -1.5).max(stint.started_at);
                let mut cancel = step(stint.life.id, Event::Cancel, asked_at, "ops-desk");
                cancel.message = Some("no longer needed".into());
                steps.push(cancel);
            }
            last.push(steps.len());
            steps.push(self.ending(stint));
        }
        let taken = self.take(steps).await?;
        let mut going = Vec::new();
        let mut again = Vec::new();
        for (mut stint, place) in stints.into_iter().zip(last) {
            let stepped = &taken[place];
            let life = &mut stint.life;
            life.state = stepped.to;
            life.attempt = stepped.attempt;
            life.due_at = stepped.due_at;
            if stepped.to == State::Pending {
                let ending = life.dice.chance(0.55).then_some(Ending::Completed);
                life.ending = ending;
                going.push(stint.life);
            } else if stepped.to == State::Failed && !life.last && life.dice.chance(0.15) {
                let at = later(stint.ended_at, life.dice.between(240.0, 2_400.0));
                again.push((stint.life, at));
            }
        }
        going.extend(self.retry(again).await?);
        Ok(going)
    }

    /// Somebody looks at a failed run, mends what was wrong, and tries it again.
    async fn retry(&self, again: Vec<(Life, Timestamp)>) -> Done<Vec<Life>> {
        let mut again = again;
        again.retain(|(_, at)| later(*at, AIR) < self.world.until);
        let steps = again
            .iter()
            .map(|(life, at)| step(life.id, Event::Retry, *at, "ops-desk"));
        let taken = self.take(steps.collect()).await?;
        let retried = again
            .into_iter()
            .zip(taken)
            .map(|((life, at), stepped)| Life {
                state: stepped.to,
                attempt: stepped.attempt,
                due_at: stepped.due_at.max(at),
                ending: Some(Ending::Completed),
                ..life
            });
        Ok(retried.collect())
    }

    fn ending(&self, stint: &Stint) -> RunStep {
        let error = || {
            stint
                .script
                .error
                .clone()
                .unwrap_or_else(|| ErrorInfo::new(ErrorKind::Failed, ""))
        };
        let outcome = match stint.script.ending {
            Ending::Completed => Outcome::Completed,
            Ending::Failed => Outcome::Failed { error: error() },
            Ending::TimedOut => Outcome::TimedOut { error: error() },
            Ending::Cancelled => Outcome::Cancelled,
            Ending::Lost => {
                return step(stint.life.id, Event::LeaseLapsed, stint.ended_at, "rescuer");
            }
        };
        RunStep {
            claim: Some(stint.claim),
            result: Some(AttemptResult {
                exit_code: stint.script.exit_code,
                outputs: stint.script.outputs.clone(),
                execution_time: Some(seconds(stint.started_at, stint.ended_at)),
            }),
            ..step(
                stint.life.id,
                Event::Finish(outcome),
                stint.ended_at,
                self.robot(stint),
            )
        }
    }

    /// Ends the runs that did not start in time, and gives the others.
    pub(super) async fn end_unstarted(&self, lives: Vec<Life>) -> Done<Vec<Life>> {
        let until = self.world.until;
        let missed = |life: &Life| life.unstarted.filter(|at| later(*at, AIR) < until);
        let (over, going): (Vec<Life>, Vec<Life>) =
            lives.into_iter().partition(|life| missed(life).is_some());
        let steps = over.iter().filter_map(|life| {
            let at = missed(life)?;
            Some(step(life.id, Event::StartDeadline, at, "scheduler"))
        });
        self.take(steps.collect()).await?;
        Ok(going)
    }
}
