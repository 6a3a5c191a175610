//! Makes history: every run is created, assigned, started, reported on and ended through the store, at past instants.
//!
//! Runs are written in batches of neighbours in time, so that many share a commit: what one batch writes is not
//! in the order of time, what one run does is.

use std::collections::BTreeMap;

use baton_core::error::ErrorInfo;
use baton_core::id::{ArtifactId, RunId, TaskRunId};
use baton_core::run::{LogLine, NewRun, TaskRun, Trigger};
use baton_core::state::{Event, Outcome, State};
use baton_server::submit::RunAsk;
use baton_store::StoreError;
use baton_store::catalog::Artifact;
use baton_store::logs::LogBatch;
use baton_store::runs::{Assign, Assigned, AttemptResult, Claim, RunStep, Stepped};
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;

use super::catalog::{DeploymentDef, FlowDef};
use super::dice::Dice;
use super::fleet::QUEUES;
use super::plan::{Wanted, Why};
use super::script::{self, Ending, Script};
use super::world::{ORG, World, known, put_blob, refused, seconds};
use super::{later, picture};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::serve::store_failure;

/// Runs of one batch: enough to make a commit cheap, few enough that a batch is some hours at most.
pub(crate) const BATCH: usize = 96;
/// Different screenshots; each is some 150 KB.
const PICTURES: u64 = 6;
/// The end of what a run may do before it must have ended or not have begun, in seconds.
const AIR: f64 = 2.0;

/// What a run or a robot was busy with, for the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy {
    /// Its place among the deployments.
    pub(crate) deployment: usize,
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
        while !left.is_empty() {
            while let Some(upgrade) =
                upgrades.next_if(|u| left.first().is_some_and(|w| w.at >= u.at))
            {
                self.world.upgrade(&upgrade).await?;
            }
            let next = upgrades.peek().map_or(Timestamp::MAX, |u| u.at);
            let end = self.batch_end(left, next);
            let (batch, rest) = left.split_at(end);
            let lives = self.create(batch).await?;
            self.live(lives).await?;
            left = rest;
        }
        for upgrade in upgrades {
            self.world.upgrade(&upgrade).await?;
        }
        Ok(())
    }

    /// How many of these make a batch: up to the next version, and with one desktop run at most.
    fn batch_end(&self, wanted: &[Wanted], upgrade: Timestamp) -> usize {
        let mut desktops = 0;
        let fits = |run: &&Wanted| {
            let ready = &self.world.deployments[run.deployment];
            desktops += usize::from(ready.def.desktop);
            run.at < upgrade && desktops <= 1
        };
        wanted.iter().take(BATCH).take_while(fits).count().max(1)
    }

    /// Creates runs.
    async fn create(&mut self, batch: &[Wanted]) -> Done<Vec<Life>> {
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

    /// Lets runs live until each has ended, or waits for what comes after history.
    pub(crate) async fn live(&mut self, mut lives: Vec<Life>) -> Done {
        while !lives.is_empty() {
            lives.retain(|life| later(life.due_at, AIR) < self.world.until);
            self.queue_due(&mut lives).await?;
            let stints: Vec<Stint> = lives
                .into_iter()
                .filter_map(|life| self.place(life))
                .collect();
            let stints = self.assign(stints).await?;
            self.start(&stints).await?;
            self.report(&stints).await?;
            lives = self.finish(stints).await?;
        }
        Ok(())
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

    /// Finds the robot and the time for an attempt; `None` when it would not end before history does.
    fn place(&mut self, mut life: Life) -> Option<Stint> {
        let ready = &self.world.deployments[life.deployment];
        let (flow, def): (&'static FlowDef, &'static DeploymentDef) = (ready.flow, ready.def);
        let dice = &mut life.dice;
        let (member, slot) = self
            .world
            .members
            .iter()
            .enumerate()
            .filter_map(|(index, member)| {
                let offer = &member.robot.offer;
                let has = |words: &[&str], of: &std::collections::BTreeSet<String>| {
                    words.iter().all(|w| of.contains(*w))
                };
                let fits = offer.queues.contains(def.queue)
                    && has(def.labels, &offer.labels)
                    && has(def.capabilities, &offer.capabilities)
                    && (!def.desktop || !offer.desktops.is_empty())
                    && later(life.due_at, 600.0) < member.until;
                let slots = member
                    .free_at
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, at)| **at)?;
                // Robots that are free are equal: chance decides.
                fits.then(|| {
                    (
                        (*slots.1).max(life.due_at),
                        dice.below(1_000),
                        index,
                        slots.0,
                    )
                })
            })
            .min()
            .map(|(_, _, index, slot)| (index, slot))?;
        let free_at = self.world.members[member].free_at[slot];
        let place = self
            .places
            .get_mut(def.queue)
            .and_then(|all| all.iter_mut().min());
        let ready_at = life
            .due_at
            .max(free_at)
            .max(place.as_deref().copied().unwrap_or(Timestamp::MIN));
        let assigned_at = later(ready_at, dice.between(0.004, 0.12));
        let started_at = later(assigned_at, dice.between(0.01, 0.25));
        let left = seconds(started_at, self.world.until) - AIR;
        if left < 1.0 {
            return None;
        }
        let ending = life
            .ending
            .take()
            .unwrap_or_else(|| Ending::draw(dice, life.trouble));
        // Nobody waits an hour for a deadline in a demo.
        let timeout = f64::from(def.timeout);
        let ending = match ending {
            Ending::TimedOut if timeout > 900.0 || timeout > left => Ending::Failed,
            other => other,
        };
        let script = script::write(flow, ending, left.min(timeout * 0.9), dice);
        let ran = match ending {
            Ending::TimedOut => timeout,
            // The lease, and the margin after it.
            Ending::Lost => (script.seconds + 65.0).min(left),
            _ => script.seconds,
        };
        let ended_at = later(started_at, ran);
        if let Some(place) = place {
            *place = ended_at;
        }
        self.world.members[member].free_at[slot] = ended_at;
        let desktop = def.desktop.then(|| {
            self.world.members[member]
                .robot
                .offer
                .desktops
                .first()
                .cloned()
        });
        Some(Stint {
            claim: Claim {
                attempt: life.attempt,
                fence: baton_core::id::Fence(0),
                robot_id: None,
            },
            desktop: desktop.flatten(),
            life,
            member,
            assigned_at,
            started_at,
            ended_at,
            script,
        })
    }

    async fn assign(&mut self, stints: Vec<Stint>) -> Done<Vec<Stint>> {
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
        for (mut stint, assigned) in stints.into_iter().zip(assigned) {
            match assigned.into_iter().next() {
                Some(Assigned::Done { run, .. }) => {
                    stint.claim.fence = run.fence;
                    stint.claim.robot_id = run.robot_id;
                    self.busy.push(Busy {
                        deployment: stint.life.deployment,
                        queued_at: stint.life.due_at,
                        assigned_at: stint.assigned_at,
                        ended_at: stint.ended_at,
                    });
                    given.push(stint);
                }
                Some(Assigned::Refused { code }) => {
                    return Err(Failure::new(
                        Exit::Failed,
                        code,
                        "the store refused an assignment of the demo",
                    ));
                }
                None => {}
            }
        }
        Ok(given)
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

    /// Logs, tasks and files.
    async fn report(&mut self, stints: &[Stint]) -> Done {
        let batches: Vec<LogBatch> = stints
            .iter()
            .map(|stint| LogBatch {
                org: ORG,
                run_id: stint.life.id,
                claim: stint.claim,
                lines: lines(&stint.script, stint.started_at),
            })
            .collect();
        let store = &self.world.store;
        for answer in store.append_logs(batches).await {
            answer.map_err(store_failure)?;
        }
        let mut ids: Vec<Dice> = stints.iter().map(|s| s.life.dice.clone()).collect();
        let tasks = stints.iter().zip(&mut ids).map(|(stint, dice)| {
            let tasks = tasks(stint, dice);
            store.put_task_runs(ORG, stint.life.id, stint.claim, tasks, stint.ended_at)
        });
        try_join_all(tasks).await.map_err(store_failure)?;
        let mut dice = self.world.dice.fork();
        for stint in stints.iter().filter(|s| s.script.picture) {
            let Some((hash, size)) = dice.pick(&self.pictures).cloned() else {
                continue;
            };
            let artifact = Artifact {
                id: ArtifactId::new(stint.ended_at, dice.entropy()),
                org: ORG,
                run_id: stint.life.id,
                attempt: stint.claim.attempt,
                name: "screenshot.png".into(),
                content_type: "image/png".into(),
                size,
                hash,
                created_at: stint.ended_at,
            };
            store.put_artifact(artifact).await.map_err(store_failure)?;
        }
        for stint in stints.iter().filter(|s| s.life.chatter > 0) {
            self.chatter(stint).await?;
        }
        Ok(())
    }

    /// A log that is long.
    async fn chatter(&self, stint: &Stint) -> Done {
        let first = stint.script.lines.len();
        let span = seconds(stint.started_at, stint.ended_at);
        let mut dice = stint.life.dice.clone();
        let numbers: Vec<usize> = (1..=stint.life.chatter).collect();
        for part in numbers.chunks(4_000) {
            let lines = part.iter().map(|number| {
                let at = span * *number as f64 / stint.life.chatter as f64;
                let level = match number % 997 {
                    0 => baton_core::run::LogLevel::Warning,
                    n if n % 10 == 0 => baton_core::run::LogLevel::Info,
                    _ => baton_core::run::LogLevel::Debug,
                };
                LogLine {
                    seq: i64::try_from(first + number).unwrap_or(i64::MAX),
                    at: later(stint.started_at, at),
                    level,
                    stream: baton_core::run::LogStream::Stdout,
                    task: Some("extract_orders".into()),
                    message: format!(
                        "row {number}: order {} loaded, {} items",
                        100_000 + dice.below(900_000),
                        1 + dice.below(30)
                    ),
                }
            });
            let batch = LogBatch {
                org: ORG,
                run_id: stint.life.id,
                claim: stint.claim,
                lines: lines.collect(),
            };
            for answer in self.world.store.append_logs(vec![batch]).await {
                answer.map_err(store_failure)?;
            }
        }
        Ok(())
    }

    /// Ends attempts, and gives the runs that go on.
    async fn finish(&mut self, stints: Vec<Stint>) -> Done<Vec<Life>> {
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
                let ending = life.dice.chance(0.8).then_some(Ending::Completed);
                life.ending = ending;
                going.push(stint.life);
            } else if stepped.to == State::Failed && !life.last && life.dice.chance(0.3) {
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
                .unwrap_or_else(|| ErrorInfo::new(baton_core::error::ErrorKind::Failed, ""))
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

fn only<T>(answers: Vec<Result<T, StoreError>>) -> Result<T, StoreError> {
    let none = || Err(StoreError::Unavailable("the store gave no answer".into()));
    answers.into_iter().next().unwrap_or_else(none)
}

fn lines(script: &Script, started_at: Timestamp) -> Vec<LogLine> {
    let numbered = script.lines.iter().zip(1..);
    numbered
        .map(|(line, seq)| LogLine {
            seq,
            at: later(started_at, line.at),
            level: line.level,
            stream: line.stream,
            task: line.task.clone(),
            message: line.text.clone(),
        })
        .collect()
}

fn tasks(stint: &Stint, dice: &mut Dice) -> Vec<TaskRun> {
    let at = |second: f64| later(stint.started_at, second);
    let tasks = stint.script.tasks.iter();
    tasks
        .map(|task| TaskRun {
            id: TaskRunId::new(stint.started_at, dice.entropy()),
            run_id: stint.life.id,
            attempt: stint.claim.attempt,
            key: task.key.clone(),
            name: task.name.clone(),
            state: task.state,
            after: task.after.clone(),
            tries: 1,
            started_at: task.time.map(|(from, _)| at(from)),
            ended_at: task.time.map(|(_, until)| at(until)),
            error: task.error.clone(),
            data: task.data.clone(),
        })
        .collect()
}
