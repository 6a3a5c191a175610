//! One store on which the operations of the random test are played, and what is seen of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use baton_core::id::{Fence, RunId};
use baton_core::queue::QueueSettings;
use baton_core::retry::RetryPolicy;
use baton_core::robot::{Robot, RobotOffer};
use baton_core::run::{LogLevel, LogLine, LogStream, Priority, Progress, Run, TaskRun};
use baton_core::state::{Event, Executor, OnLost, State, apply};
use baton_store::catalog::Deployed;
use baton_store::logs::LogBatch;
use baton_store::runs::{Assign, Claim, RunFilter};
use baton_store::stats::{OutcomeQuery, Retention};
use baton_store::{PageRequest, Result, StoreError};

use super::ops::{COMPLETE, EVENTS, FAIL, NewOne, Op, START, Who, event};
use crate::harness::{Bench, ORG, at, kind, offer, result, step};

/// Slots of the two robots.
pub(super) const SLOTS: [u32; 2] = [2, 3];
/// The limit of the second queue, of the tag `t` and of the deployment.
pub(super) const LIMIT: usize = 2;

/// A store, and what the test remembers of it.
pub(super) struct Side {
    pub(super) bench: Bench,
    pub(super) runs: Vec<RunId>,
    pub(super) robots: Vec<Robot>,
    pub(super) second_queue: baton_core::id::QueueId,
    pub(super) deployed: Deployed,
    first_claims: BTreeMap<RunId, Claim>,
    now: i64,
}

impl Side {
    pub(super) async fn new(bench: Bench) -> Self {
        let limit = u32::try_from(LIMIT).ok();
        let settings = QueueSettings {
            concurrency_limit: limit,
            ..QueueSettings::default()
        };
        let second_queue = bench.queue("second", settings).await;
        let mut robots = Vec::new();
        for (name, slots) in ["one", "two"].into_iter().zip(SLOTS) {
            robots.push(bench.robot_with(name, robot_offer(name, slots)).await);
        }
        let mut deploy = bench.deploy_of("payroll", "default").await;
        deploy.settings.concurrency_limit = limit;
        let deployed = bench.deploy(deploy).await;
        bench
            .tag_limit("t", u32::try_from(LIMIT).expect("small"))
            .await;
        Self {
            bench,
            runs: Vec::new(),
            robots,
            second_queue,
            deployed,
            first_claims: BTreeMap::new(),
            now: 0,
        }
    }

    /// Plays an operation; the answer as text in which ids are numbered as they come.
    pub(super) async fn play(&mut self, op: &Op) -> String {
        let answer = self.answer(op).await;
        numbered(&answer)
    }

    async fn answer(&mut self, op: &Op) -> String {
        let store = self.bench.store.clone();
        let now = at(self.now);
        match op {
            Op::Create(new) => self.create(new).await,
            Op::Due => {
                let due = store.due_runs(now, 100).await.expect("read");
                let steps = due
                    .iter()
                    .map(|d| step(d.run_id, None, Event::Due, self.now));
                all(&store.step_runs(steps.collect()).await)
            }
            Op::Wait { seconds } => {
                self.now += seconds;
                String::new()
            }
            Op::Reconnect { robot } => {
                let old = &self.robots[*robot];
                let offer = robot_offer(&old.name, SLOTS[*robot]);
                let opened = store.open_session(old.id, offer, now, now).await;
                let answer = said(&opened);
                self.robots[*robot] = opened.expect("the robot is there");
                answer
            }
            Op::Drain { robot, draining } => {
                let id = self.robots[*robot].id;
                said(&store.set_draining(ORG, id, *draining, "", now).await)
            }
            Op::Prune => {
                let retention = Retention {
                    logs_days: Some(0),
                    ..Retention::default()
                };
                said(&store.prune(retention, now).await)
            }
            _ => match self.target(op) {
                None => String::new(),
                Some(id) => match self.next(id, op).await {
                    Op::Due => {
                        let due = step(id, None, Event::Due, self.now);
                        all(&store.step_runs(vec![due]).await)
                    }
                    op => self.on_run(&op, id).await,
                },
            },
        }
    }

    fn target(&self, op: &Op) -> Option<RunId> {
        let (Op::Advance { run, .. }
        | Op::Happen { run, .. }
        | Op::Assign { run, .. }
        | Op::Step { run, .. }
        | Op::Log { run, .. }
        | Op::Task { run, .. }
        | Op::Progress { run, .. }
        | Op::Release { run, .. }
        | Op::Regroup { run }
        | Op::Delete { run }) = op
        else {
            return None;
        };
        let index = run.checked_rem(self.runs.len())?;
        Some(self.runs[index])
    }

    /// The operation that brings a run on, as far as the state tells.
    async fn next(&self, id: RunId, op: &Op) -> Op {
        if let Op::Happen { run, pick } = *op {
            return self.happening(id, run, pick).await;
        }
        let Op::Advance { run, robot, fails } = *op else {
            return op.clone();
        };
        let standing = self.bench.store.run(ORG, id).await;
        let own = |r: &Run| r.spec.executor != Executor::Robot;
        let desktop = standing.as_ref().is_ok_and(|r| r.spec.needs.desktop);
        let claim = Who::Holder;
        match standing {
            Ok(r) if r.state == State::Queued && !own(&r) => Op::Assign {
                run,
                robot,
                desktop,
            },
            Ok(r) if r.state == State::Pending && !own(&r) => Op::Due,
            Ok(r) if matches!(r.state, State::Running | State::Cancelling) => {
                let event = if fails { FAIL } else { COMPLETE };
                Op::Step { run, event, claim }
            }
            _ => Op::Step {
                run,
                event: START,
                claim,
            },
        }
    }

    /// An event that the state machine allows now, on the holder's claim or on nobody's.
    async fn happening(&self, id: RunId, run: usize, pick: usize) -> Op {
        let claim = [Who::Nobody, Who::Holder][pick % 2];
        let mut allowed = Vec::new();
        if let Ok(now) = self.bench.store.run(ORG, id).await {
            let standing = now.standing();
            allowed.extend(
                (0..EVENTS).filter(|index| {
                    apply(&standing, &event(*index, self.now), at(self.now)).is_ok()
                }),
            );
        }
        let index = pick
            .checked_rem(allowed.len())
            .map_or(START, |n| allowed[n]);
        Op::Step {
            run,
            event: index,
            claim,
        }
    }

    async fn on_run(&mut self, op: &Op, id: RunId) -> String {
        let store = self.bench.store.clone();
        let now = at(self.now);
        match op {
            Op::Assign { robot, desktop, .. } => {
                let robot = &self.robots[*robot];
                let attempt = store.run(ORG, id).await.map_or(1, |r| r.attempt);
                let assign = Assign {
                    org: ORG,
                    run_id: id,
                    attempt,
                    robot_id: robot.id,
                    session: robot.session,
                    desktop: desktop.then(|| "d".into()),
                };
                let answer = said(&store.assign_runs(vec![assign], "dispatcher", now).await);
                self.remember_claim(id).await;
                answer
            }
            Op::Step {
                event: index,
                claim,
                ..
            } => {
                let claim = self.claim(id, *claim).await;
                let mut step = step(id, claim, event(*index, self.now), self.now);
                if index % 2 == 0 {
                    step.result = Some(result(i32::try_from(*index).expect("small"), 0.25));
                }
                step.computer = (index % 3 == 0).then(|| "laptop".into());
                step.message = (index % 5 == 0).then(|| "why".into());
                all(&store.step_runs(vec![step]).await)
            }
            Op::Log {
                claim, from, lines, ..
            } => {
                let claim = self.claim(id, *claim).await.unwrap_or(crate::harness::OWN);
                let lines = (*from..from + lines).map(line).collect();
                let batch = LogBatch {
                    org: ORG,
                    run_id: id,
                    claim,
                    lines,
                };
                all(&store.append_logs(vec![batch]).await)
            }
            Op::Task { claim, key, .. } => {
                let claim = self.claim(id, *claim).await.unwrap_or(crate::harness::OWN);
                let task = self.task(id, *key);
                said(&store.put_task_runs(ORG, id, claim, vec![task], now).await)
            }
            Op::Progress { claim, .. } => {
                let claim = self.claim(id, *claim).await.unwrap_or(crate::harness::OWN);
                let progress = Progress {
                    percent: Some(self.now as f64),
                    ..Progress::default()
                };
                said(&store.put_progress(ORG, id, claim, progress).await)
            }
            Op::Release { claim, .. } => {
                let claim = self.claim(id, *claim).await.unwrap_or(crate::harness::OWN);
                said(&store.release_attempt(ORG, id, claim, None, now).await)
            }
            Op::Regroup { .. } => said(&store.regroup_rejected(vec![(ORG, id)]).await),
            Op::Delete { .. } => said(&store.delete_runs(ORG, vec![id], "test", now).await),
            _ => unreachable!("only operations on a run have a target"),
        }
    }

    async fn create(&mut self, one: &NewOne) -> String {
        let b = &self.bench;
        let mut new = b.new_run().await;
        let needs = &mut new.spec.needs;
        if one.second_queue {
            needs.queue_id = self.second_queue;
        }
        if one.deployed {
            needs.flow_id = self.deployed.flow.id;
            needs.deployment_id = Some(self.deployed.deployment.id);
        }
        if one.tagged {
            needs.tags = BTreeSet::from(["t".into()]);
        }
        needs.desktop = one.desktop;
        needs.priority = Priority::ALL[one.priority];
        new.due_at = at(self.now + one.due_in);
        new.spec.start_deadline = one.start_within.map(|s| at(self.now + s));
        new.spec.retry = RetryPolicy::times(one.retries);
        new.spec.on_lost = [OnLost::Fail, OnLost::Retry, OnLost::Park, OnLost::Resume][one.on_lost];
        new.spec.executor = match one.executor {
            0 => Executor::Client,
            1 => Executor::Worker,
            _ => Executor::Robot,
        };
        new.idempotency_key = one.key.map(|key| format!("key {key}"));
        let id = new.id;
        let answers = b.store.create_runs(vec![new], "test", at(self.now)).await;
        if matches!(&answers[0], Ok(created) if !created.existing) {
            self.runs.push(id);
        }
        all(&answers)
    }

    fn task(&self, run_id: RunId, key: u8) -> TaskRun {
        TaskRun {
            id: baton_core::id::TaskRunId(self.bench.uuid()),
            run_id,
            attempt: 1,
            key: format!("task {key}"),
            name: "a task".into(),
            state: State::Running,
            after: vec![],
            tries: 1,
            started_at: Some(at(self.now)),
            ended_at: None,
            error: None,
            data: serde_json::json!({"at": self.now}),
        }
    }

    async fn claim(&self, id: RunId, who: Who) -> Option<Claim> {
        let run = self.bench.store.run(ORG, id).await.ok()?;
        let held = crate::harness::claim(&run);
        match who {
            Who::Nobody => None,
            Who::Holder => Some(held),
            Who::First => Some(self.first_claims.get(&id).copied().unwrap_or(held)),
            Who::Stranger => Some(Claim {
                fence: Fence(held.fence.0 + 1),
                ..held
            }),
        }
    }

    async fn remember_claim(&mut self, id: RunId) {
        if let Ok(run) = self.bench.store.run(ORG, id).await
            && run.state == State::Dispatched
        {
            self.first_claims
                .entry(id)
                .or_insert_with(|| crate::harness::claim(&run));
        }
    }

    /// All that can be seen, one text for each thing.
    pub(super) async fn seen(&self) -> Vec<String> {
        let store = &self.bench.store;
        let now = at(self.now);
        let mut seen = Vec::new();
        for id in &self.runs {
            let parts = [
                said(&store.run(ORG, *id).await),
                said(&store.attempts(ORG, *id).await),
                said(&store.run_history(ORG, *id).await),
                said(&store.task_runs(ORG, *id, None).await),
                said(&store.log_span(ORG, *id).await),
                said(&store.queue_rank(ORG, *id, 5).await),
            ];
            seen.push(parts.join("\n"));
        }
        let mut groups = store.queued_groups(50, 5).await.expect("read");
        groups.iter_mut().for_each(|g| g.id = 0);
        seen.push(text(&groups));
        seen.push(said(&store.live_attempts().await));
        seen.push(said(&store.due_runs(now, 50).await));
        seen.push(said(&store.next_due_at().await));
        seen.push(said(&store.next_start_deadline_at().await));
        seen.push(said(&store.next_start_deadline_at().await));
        seen.push(said(&store.overdue_starts(now, 50).await));
        seen.push(said(&store.state_counts(ORG).await));
        let mut depths = store.queue_depths(None).await.expect("read");
        depths.sort_by_key(|(_, id, ..)| *id == self.second_queue);
        seen.push(text(&depths));
        seen.push(said(&store.run_events_span().await));
        let page = PageRequest::first(ORG, 50);
        let late = RunFilter {
            late_at: Some(now),
            ..RunFilter::default()
        };
        for filter in [RunFilter::default(), late] {
            let runs = store.runs(filter, page.clone()).await.expect("read");
            seen.push(text(&runs.items.iter().map(|r| r.id).collect::<Vec<_>>()));
        }
        let query = OutcomeQuery {
            org: ORG,
            from: at(-600),
            until: at(self.now + 600),
            step_seconds: 60,
            flow_id: None,
            deployment_id: None,
            robot_id: None,
            by: None,
        };
        seen.push(said(&store.outcomes(query).await));
        seen.iter().map(|part| numbered(part)).collect()
    }
}

fn robot_offer(name: &str, slots: u32) -> RobotOffer {
    RobotOffer {
        queues: BTreeSet::from(["default".into(), "second".into()]),
        desktops: BTreeSet::from(["d".into()]),
        max_concurrent_jobs: slots,
        ..offer(name)
    }
}

fn line(seq: i64) -> LogLine {
    LogLine {
        seq,
        at: at(seq),
        level: LogLevel::Info,
        stream: LogStream::Stdout,
        task: None,
        message: "x".into(),
    }
}

fn text(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// An answer; of an error only what callers act on, since stores word their messages themselves.
fn said<T: Debug>(answer: &Result<T>) -> String {
    match answer {
        Ok(value) => text(value),
        Err(StoreError::StaleFence { .. }) => text(answer),
        Err(_) => kind(answer).into(),
    }
}

fn all<T: Debug>(answers: &[Result<T>]) -> String {
    let texts: Vec<_> = answers.iter().map(said).collect();
    texts.join("; ")
}

/// The text with each id replaced by the number of its first appearance: stores make some ids themselves.
fn numbered(text: &str) -> String {
    let mut known: Vec<&str> = Vec::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest
        .char_indices()
        .find_map(|(i, _)| is_uuid(rest, i).then_some(i))
    {
        let id = &rest[start..start + 36];
        let number = known.iter().position(|k| *k == id).unwrap_or_else(|| {
            known.push(id);
            known.len() - 1
        });
        out.push_str(&rest[..start]);
        out.push_str(&format!("#{number}"));
        rest = &rest[start + 36..];
    }
    out + rest
}

fn is_uuid(text: &str, start: usize) -> bool {
    (text.as_bytes().get(start..start + 36)).is_some_and(|bytes| {
        bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
    })
}
