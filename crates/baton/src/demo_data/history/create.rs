//! Creates the runs of history, each as its deployment and its schedule or its asker would have it.

use baton_core::run::{NewRun, Trigger};
use baton_server::submit::RunAsk;
use baton_store::StoreError;
use futures_util::future::join_all;

use super::{Busy, Historian, Life};
use crate::demo_data::dice::Dice;
use crate::demo_data::later;
use crate::demo_data::plan::{Wanted, Why};
use crate::demo_data::world::{known, refused, seconds};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::serve::store_failure;

/// How many of the runs with a deadline for starting miss it.
const UNSTARTED: f64 = 0.012;

impl Historian {
    /// Creates runs.
    pub(super) async fn create(&mut self, batch: &[Wanted]) -> Done<Vec<Life>> {
        let mut new = Vec::with_capacity(batch.len());
        for wanted in batch {
            let mut dice = self.world.dice.fork();
            let (run, actor) = self.compose(wanted, &mut dice)?;
            new.push((run, actor, *wanted, dice));
        }
        self.store(new).await
    }

    /// Creates a run that differs from the usual in what `change` says; it waits until it is let live.
    pub(crate) async fn special(
        &mut self,
        wanted: &Wanted,
        change: impl FnOnce(&mut NewRun),
    ) -> Done<Life> {
        let mut dice = self.world.dice.fork();
        let (mut run, actor) = self.compose(wanted, &mut dice)?;
        change(&mut run);
        let lives = self.store(vec![(run, actor, *wanted, dice)]).await?;
        let none = || Failure::new(Exit::Failed, "store", "the store made no run");
        lives.into_iter().next().ok_or_else(none)
    }

    /// Creates such a run that goes on waiting.
    pub(crate) async fn waiting(
        &mut self,
        wanted: &Wanted,
        change: impl FnOnce(&mut NewRun),
    ) -> Done {
        self.special(wanted, change).await?;
        self.busy.push(Busy {
            deployment: wanted.deployment,
            member: None,
            queued_at: wanted.at,
            assigned_at: self.world.until,
            ended_at: self.world.until,
        });
        Ok(())
    }

    async fn store(&self, new: Vec<(NewRun, String, Wanted, Dice)>) -> Done<Vec<Life>> {
        let store = &self.world.store;
        let created =
            join_all(new.iter().map(|(run, actor, wanted, _)| {
                store.create_runs(vec![run.clone()], actor, wanted.at)
            }))
            .await;
        let mut lives = Vec::with_capacity(new.len());
        for ((run, _, wanted, dice), created) in new.into_iter().zip(created) {
            let created = only(created).map_err(store_failure)?;
            let deadline = run.spec.start_deadline;
            let misses = wanted.why != Why::Asked && misses_start(&dice);
            lives.push(Life {
                id: created.run_id,
                deployment: wanted.deployment,
                state: created.state,
                attempt: 1,
                due_at: run.due_at,
                trouble: self.trouble(&wanted),
                ending: None,
                dice,
                chatter: 0,
                last: false,
                unstarted: deadline.filter(|_| misses),
            });
        }
        Ok(lives)
    }

    fn compose(&self, wanted: &Wanted, dice: &mut Dice) -> Done<(NewRun, String)> {
        let ready = &self.world.deployments[wanted.deployment];
        let (trigger, actor, parameters, due_at) = match wanted.why {
            Why::Slot { schedule, slot } => {
                let trigger = Trigger::Schedule {
                    schedule_id: schedule,
                    slot,
                    after_running: false,
                };
                let schedule = ready.schedules.iter().find(|s| s.id == schedule);
                let settings = schedule.map(|s| s.settings.clone());
                let jitter = settings.as_ref().map_or(0, |s| s.jitter_seconds);
                let due = later(slot, dice.between(0.0, f64::from(jitter)));
                let parameters = settings.map(|s| s.parameters).unwrap_or_default();
                (trigger, "scheduler".to_owned(), parameters, due)
            }
            Why::Asked => {
                let by = ready.def.by.to_owned();
                let trigger = Trigger::Manual { by: by.clone() };
                let asked = (ready.def.asks)(dice);
                let asked = asked.as_object().cloned().unwrap_or_default();
                (trigger, by, asked, wanted.at)
            }
        };
        let parameters = known(&ready.plan.version.parameter_schema, parameters);
        let ask = RunAsk {
            due_at: Some(due_at),
            ..RunAsk::new(&parameters, trigger)
        };
        let run = ready.plan.new_run(ask, wanted.at, dice.entropy());
        Ok((run.map_err(|error| refused(&error))?, actor))
    }

    /// How likely it is that a run of this deployment fails now: partners were down for some hours once.
    fn trouble(&self, wanted: &Wanted) -> f64 {
        let (from, until) = (self.world.from, self.world.until);
        let begin = later(from, seconds(from, until) * 0.62);
        let inside = wanted.at >= begin && wanted.at < later(begin, 3.5 * 3_600.0);
        match self.world.deployments[wanted.deployment].flow.name {
            "price_feed" if inside => 0.8,
            "bank_reconciliation" | "crm_import" if inside => 0.5,
            "order_entry" => 0.09,
            _ => 0.0,
        }
    }
}

fn only<T>(answers: Vec<Result<T, StoreError>>) -> Result<T, StoreError> {
    let none = || Err(StoreError::Unavailable("the store gave no answer".into()));
    answers.into_iter().next().unwrap_or_else(none)
}

/// Whether a run misses its deadline for starting, decided apart from everything else about it.
fn misses_start(dice: &Dice) -> bool {
    dice.clone().chance(UNSTARTED)
}
