//! `baton runs show`: one run with its attempts, tasks and outputs.

use baton_api::rest::{AttemptQuery, Run};
use baton_core::run::TaskRun;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use serde_json::json;

use super::runs::{by, took};
use super::{Session, choose};
use crate::failure::Done;
use crate::output::{self, state::Look, table};
use crate::units;

/// Does it.
pub(crate) async fn show(session: &Session, named: &str) -> Done {
    let run = choose::run(session, named).await?;
    let id = run.id.to_string();
    let attempts = session.client.attempts(&id).await?.items;
    let tasks = session
        .client
        .task_runs(&id, &AttemptQuery::default())
        .await?
        .items;
    let artifacts = session.client.artifacts(&id).await?.items;
    if session.json {
        output::json(&json!({
            "run": run, "attempts": attempts, "task_runs": tasks, "artifacts": artifacts,
        }));
        return Ok(());
    }
    head(&run);
    if !attempts.is_empty() {
        output::heading("Attempts");
        let mut table = table::table(&[
            "attempt", "state", "robot", "started", "took", "exit", "error",
        ]);
        for attempt in &attempts {
            let took = attempt.started_at.map(|started| {
                let until = attempt.ended_at.unwrap_or_else(Timestamp::now);
                units::span(until.duration_since(started).as_secs_f64())
            });
            table.add_row(vec![
                table::cell(attempt.number),
                Look::of(attempt.state, false).cell(),
                table::cell(output::or_dash(
                    attempt.robot_name.as_ref().or(attempt.computer.as_ref()),
                )),
                table::cell(output::or_dash(attempt.started_at.map(output::clock))),
                table::cell(output::or_dash(took)),
                table::cell(output::or_dash(attempt.exit_code)),
                table::cell(output::or_dash(attempt.error.as_ref().map(|e| &e.message))),
            ]);
        }
        table::print(&mut table, "");
    }
    show_tasks(&tasks);
    let outputs = attempts
        .last()
        .map(|a| &a.outputs)
        .filter(|o| !o.is_empty());
    if let Some(outputs) = outputs {
        output::heading("Outputs");
        for (name, value) in outputs {
            output::line(&format!("{}  {value}", name.dimmed()));
        }
    }
    if !artifacts.is_empty() {
        output::heading("Files");
        super::artifacts::print(&artifacts);
    }
    Ok(())
}

/// The tasks, as a table.
fn show_tasks(tasks: &[TaskRun]) {
    if tasks.is_empty() {
        return;
    }
    output::heading("Tasks");
    let mut table = table::table(&["task", "state", "attempt", "after", "error"]);
    for task in tasks {
        table.add_row(vec![
            table::cell(&task.name),
            Look::of(task.state, false).cell(),
            table::cell(task.attempt),
            table::cell(output::words(&task.after)),
            table::cell(output::or_dash(task.error.as_ref().map(|e| &e.message))),
        ]);
    }
    table::print(&mut table, "");
}

fn head(run: &Run) {
    let now = Timestamp::now();
    output::line(&format!(
        "{} {}  {}",
        Look::of(run.state, run.late).painted(),
        run.name.bold(),
        run.label
    ));
    let mut facts = vec![
        ("id", run.id.to_string()),
        ("work queue", run.queue_name.clone()),
        ("priority", run.priority.as_str().to_owned()),
        ("made by", by(run)),
        (
            "due",
            format!(
                "{} ({})",
                output::clock(run.due_at),
                output::ago(run.due_at, now)
            ),
        ),
    ];
    if let Some(started) = run.started_at {
        facts.push(("started", output::clock(started)));
        facts.push(("took", took(run, now)));
    }
    if let Some(robot) = run.robot_name.as_ref().or(run.computer.as_ref()) {
        facts.push(("on", robot.clone()));
    }
    if let Some(unheard) = &run.unheard {
        facts.push(("unheard", output::unheard(unheard, now)));
    }
    if !run.tags.is_empty() {
        facts.push(("tags", output::words(&run.tags)));
    }
    if let Some(parameters) = run.parameters.as_ref().filter(|p| !p.is_empty()) {
        facts.push((
            "parameters",
            serde_json::Value::Object(parameters.clone()).to_string(),
        ));
    }
    if let Some(progress) = &run.progress {
        let percent = progress.percent.map(|p| format!("{p:.0} %"));
        let words: Vec<String> = [percent, progress.message.clone()]
            .into_iter()
            .flatten()
            .collect();
        facts.push(("progress", words.join(" ")));
    }
    if let Some(reason) = &run.end_reason {
        facts.push(("why", reason.clone()));
    }
    if let Some(error) = &run.error {
        facts.push((
            "error",
            format!("{} ({})", error.message, output::spelt(&error.kind)),
        ));
    }
    output::facts(&facts);
}
