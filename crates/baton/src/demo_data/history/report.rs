//! What attempts leave behind: lines, task runs, screenshots.

use baton_core::id::{ArtifactId, TaskRunId};
use baton_core::run::{LogLevel, LogLine, LogStream, TaskRun};
use baton_store::catalog::Artifact;
use baton_store::logs::LogBatch;
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::{Historian, Stint};
use crate::demo_data::dice::Dice;
use crate::demo_data::later;
use crate::demo_data::script::Script;
use crate::demo_data::world::{ORG, seconds};
use crate::failure::Done;
use crate::serve::store_failure;

/// Lines of a long log in one write.
const LINES_AT_ONCE: usize = 10_000;

impl Historian {
    /// Logs, tasks and files.
    pub(super) async fn report(&mut self, stints: &[Stint]) -> Done {
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
        self.leave_pictures(stints).await?;
        for stint in stints.iter().filter(|s| s.life.chatter > 0) {
            self.chatter(stint).await?;
        }
        Ok(())
    }

    async fn leave_pictures(&mut self, stints: &[Stint]) -> Done {
        let mut dice = self.world.dice.fork();
        let left = stints.iter().filter(|stint| stint.script.picture);
        let artifacts = left.filter_map(|stint| {
            let (hash, size) = dice.pick(&self.pictures).cloned()?;
            Some(Artifact {
                id: ArtifactId::new(stint.ended_at, dice.entropy()),
                org: ORG,
                run_id: stint.life.id,
                attempt: stint.claim.attempt,
                name: "screenshot.png".into(),
                content_type: "image/png".into(),
                size,
                hash,
                created_at: stint.ended_at,
            })
        });
        let store = &self.world.store;
        let put = artifacts.map(|artifact| store.put_artifact(artifact));
        try_join_all(put).await.map_err(store_failure)?;
        Ok(())
    }

    /// A log that is long.
    async fn chatter(&self, stint: &Stint) -> Done {
        let first = stint.script.lines.len();
        let span = seconds(stint.started_at, stint.ended_at);
        let mut dice = stint.life.dice.clone();
        let numbers: Vec<usize> = (1..=stint.life.chatter).collect();
        for part in numbers.chunks(LINES_AT_ONCE) {
            let lines = part.iter().map(|number| {
                let at = span * *number as f64 / stint.life.chatter as f64;
                let level = match number % 997 {
                    0 => LogLevel::Warning,
                    n if n % 10 == 0 => LogLevel::Info,
                    _ => LogLevel::Debug,
                };
                LogLine {
                    seq: i64::try_from(first + number).unwrap_or(i64::MAX),
                    at: later(stint.started_at, at),
                    level,
                    stream: LogStream::Stdout,
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
