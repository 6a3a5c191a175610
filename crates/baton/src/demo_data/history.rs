//! Makes history: every run is created, assigned, started, reported on and ended through the store, at past instants.
//!
//! Runs are written in batches of neighbours in time, so that many share a commit: what one batch writes is not
//! in the order of time, what one run does is.

use std::collections::BTreeMap;

use baton_core::id::RunId;
use baton_core::state::{Event, State};
use baton_store::StoreError;
use baton_store::refusal::Refusal;
use baton_store::runs::{Assign, Assigned, Claim, RunStep, Stepped};
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::dice::Dice;
use super::fleet::QUEUES;
use super::picture;
use super::plan::Wanted;
use super::script::{Ending, Script};
use super::world::{ORG, World, put_blob};
use crate::demo_data::later;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::serve::store_failure;

mod create;
mod ending;
mod place;
mod report;

/// Runs of one batch: enough to make a commit cheap, few enough that a batch is some hours at most.
pub(crate) const BATCH: usize = 160;
/// Different screenshots; each is some 150 KB.
const PICTURES: u64 = 6;
/// The end of what a run may do before it must have ended or not have begun, in seconds.
const AIR: f64 = 2.0;

/// What a run or a robot was busy with, for the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy {
    /// Its place among the deployments.
    pub(crate) deployment: usize,
    /// The place of its robot among the robots.
    pub(crate) member: Option<usize>,
    /// When it was queued.
    pub(crate) queued_at: Timestamp,
    /// When a robot got it.
    pub(crate) assigned_at: Timestamp,
    /// When it ended.
    pub(crate) ended_at: Timestamp,
}

/// Writes runs into a world.
pub(crate) struct Historian {
    pub(crate) world: World,
    /// What was going on when.
    pub(crate) busy: Vec<Busy>,
    /// Names of the stored screenshots with their sizes.
    pictures: Vec<(String, i64)>,
    /// By queue with a limit: when each of its places is free.
    places: BTreeMap<&'static str, Vec<Timestamp>>,
}

/// A run on its way.
pub(crate) struct Life {
    id: RunId,
    deployment: usize,
    state: State,
    attempt: u32,
    due_at: Timestamp,
    trouble: f64,
    /// How the next attempt ends, where that is decided.
    pub(crate) ending: Option<Ending>,
    dice: Dice,
    /// Lines that its log has beside the usual ones.
    pub(crate) chatter: usize,
    /// Nobody tries it again.
    pub(crate) last: bool,
    /// When it ends because it has not started, where it does.
    unstarted: Option<Timestamp>,
}

/// One attempt: where, when, and what it does.
struct Stint {
    life: Life,
    member: usize,
    desktop: Option<String>,
    assigned_at: Timestamp,
    started_at: Timestamp,
    ended_at: Timestamp,
    script: Script,
    claim: Claim,
}

impl Historian {
    /// Prepares to write into this world.
    pub(crate) async fn of(mut world: World) -> Done<Self> {
        let mut pictures = Vec::new();
        for _ in 0..PICTURES {
            let bytes = picture::screenshot(&mut world.dice);
            let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            pictures.push((put_blob(&*world.store, &bytes, world.from).await?, size));
        }
        let limited = QUEUES.iter().filter_map(|queue| {
            let limit = queue.settings(false).concurrency_limit? as usize;
            Some((queue.name, vec![world.from; limit]))
        });
        Ok(Self {
            places: limited.collect(),
            busy: Vec::new(),
            pictures,
            world,
        })
    }

    /// Writes these runs, and deploys later versions when their time has come.
    pub(crate) async fn write(&mut self, wanted: &[Wanted]) -> Done {
        let mut left = wanted;
        let mut upgrades = std::mem::take(&mut self.world.upgrades)
            .into_iter()
            .peekable();
        let mut going = Vec::new();
        while !left.is_empty() {
            while let Some(upgrade) =
                upgrades.next_if(|u| left.first().is_some_and(|w| w.at >= u.at))
            {
                self.world.upgrade(&upgrade).await?;
            }
            let next = upgrades.peek().map_or(Timestamp::MAX, |u| u.at);
            let batch = left.iter().take(BATCH).take_while(|run| run.at < next);
            let (batch, rest) = left.split_at(batch.count().max(1));
            going.extend(self.create(batch).await?);
            // What goes on after its first attempt does so with the next batch: fewer, fuller commits.
            going = self.round(going).await?;
            left = rest;
        }
        for upgrade in upgrades {
            self.world.upgrade(&upgrade).await?;
        }
        self.live(going).await
    }

    /// Lets runs live until each has ended, or waits for what comes after history.
    pub(crate) async fn live(&mut self, mut lives: Vec<Life>) -> Done {
        while !lives.is_empty() {
            lives = self.round(lives).await?;
        }
        Ok(())
    }

    /// One attempt of each run; gives the runs that go on.
    async fn round(&mut self, mut lives: Vec<Life>) -> Done<Vec<Life>> {
        lives.retain(|life| later(life.due_at, AIR) < self.world.until);
        let mut lives = self.end_unstarted(lives).await?;
        self.queue_due(&mut lives).await?;
        let placed = lives.into_iter().filter_map(|life| self.place(life));
        let placed = placed.collect();
        let (stints, mut going) = self.assign(placed).await?;
        self.start(&stints).await?;
        self.report(&stints).await?;
        going.extend(self.finish(stints).await?);
        Ok(going)
    }

    async fn queue_due(&self, lives: &mut [Life]) -> Done {
        let pending = lives.iter_mut().filter(|life| life.state == State::Pending);
        let mut pending: Vec<&mut Life> = pending.collect();
        let steps = pending
            .iter()
            .map(|life| step(life.id, Event::Due, life.due_at, "scheduler"));
        let steps: Vec<RunStep> = steps.collect();
        let taken = self.take(steps).await?;
        for (life, stepped) in pending.iter_mut().zip(taken) {
            life.state = stepped.to;
        }
        Ok(())
    }

    /// Gives runs to robots; gives those back whose desktop is another's until the next round.
    async fn assign(&mut self, stints: Vec<Stint>) -> Done<(Vec<Stint>, Vec<Life>)> {
        let store = &self.world.store;
        let assigns = stints.iter().map(|stint| {
            let robot = &self.world.members[stint.member].robot;
            let assign = Assign {
                org: ORG,
                run_id: stint.life.id,
                attempt: stint.life.attempt,
                robot_id: robot.id,
                session: robot.session,
                desktop: stint.desktop.clone(),
            };
            store.assign_runs(vec![assign], "dispatcher", stint.assigned_at)
        });
        let assigned = try_join_all(assigns).await.map_err(store_failure)?;
        let mut given = Vec::with_capacity(stints.len());
        let mut put_off = Vec::new();
        for (mut stint, assigned) in stints.into_iter().zip(assigned) {
            match assigned.into_iter().next() {
                Some(Assigned::Done { run, .. }) => {
                    stint.claim.fence = run.fence;
                    stint.claim.robot_id = run.robot_id;
                    self.busy.push(Busy {
                        deployment: stint.life.deployment,
                        member: Some(stint.member),
                        queued_at: stint.life.due_at,
                        assigned_at: stint.assigned_at,
                        ended_at: stint.ended_at,
                    });
                    given.push(stint);
                }
                Some(Assigned::Refused(Refusal::DesktopTaken)) => {
                    put_off.push(stint.life);
                }
                Some(Assigned::Refused(refusal)) => {
                    return Err(Failure::new(
                        Exit::Failed,
                        refusal.code(),
                        "the store refused an assignment of the demo",
                    ));
                }
                None => {}
            }
        }
        Ok((given, put_off))
    }

    async fn start(&self, stints: &[Stint]) -> Done {
        let steps = stints.iter().map(|stint| RunStep {
            claim: Some(stint.claim),
            ..step(
                stint.life.id,
                Event::Start,
                stint.started_at,
                self.robot(stint),
            )
        });
        self.take(steps.collect()).await?;
        Ok(())
    }

    fn robot(&self, stint: &Stint) -> &str {
        self.world.members[stint.member].def.name
    }

    /// Takes steps, all of which must be legal.
    async fn take(&self, steps: Vec<RunStep>) -> Done<Vec<Stepped>> {
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        let taken = self.world.store.step_runs(steps).await;
        taken
            .into_iter()
            .collect::<Result<_, StoreError>>()
            .map_err(store_failure)
    }
}

/// A step that nobody claims.
pub(crate) fn step(run_id: RunId, event: Event, at: Timestamp, actor: &str) -> RunStep {
    RunStep {
        org: ORG,
        run_id,
        claim: None,
        event,
        at,
        actor: actor.to_owned(),
        message: None,
        result: None,
        computer: None,
    }
}
