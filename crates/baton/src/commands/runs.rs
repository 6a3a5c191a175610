//! `baton runs`: lists, logs, cancels, retries and explains runs.

use baton_api::rest::{LogQuery, Run, RunExplanation};
use baton_core::explain::ReasonCode;
use baton_core::run::LogLevel;
use baton_core::state::State;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;

use super::clock::Clock;
use super::runs_rm::Verb;
use super::watch::{self, Followed, Style};
use super::{Session, advice, choose, runs_rm, runs_show};
use crate::cli::PAGE;
use crate::cli::runs::{Runs, RunsLogs, RunsLs};
use crate::cli::runs_filter::Chosen;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look, table};
use crate::units;

/// Names of all levels of log lines.
const LEVELS: [&str; 5] = ["debug", "info", "warning", "error", "critical"];
/// Lines of a log on one page.
const LOG_PAGE: u32 = 1_000;

/// Does it.
pub(crate) async fn runs(session: &Session, command: Runs) -> Done<Exit> {
    match command {
        Runs::Ls(args) => ls(session, &args).await.map(|()| Exit::Ok),
        Runs::Show { run } => runs_show::show(session, &run).await.map(|()| Exit::Ok),
        Runs::Logs(args) => logs(session, &args).await,
        Runs::Cancel {
            chosen,
            reason,
            wait,
        } => cancel(session, &chosen, reason, wait).await,
        Runs::Retry { chosen, watch } => retry(session, &chosen, watch).await,
        Runs::Pause { chosen } => some(session, &Verb::Pause, &chosen).await,
        Runs::Resume { chosen } => some(session, &Verb::Resume, &chosen).await,
        Runs::Postpone { chosen, to } => {
            let due_at = Clock::of_here(session).instant(&to).await?;
            some(session, &Verb::Postpone(due_at), &chosen).await
        }
        Runs::Explain { run, last: _ } => explain(session, run.as_deref()).await.map(|()| Exit::Ok),
        Runs::Rm(chosen) => runs_rm::rm(session, &chosen).await.map(|()| Exit::Ok),
    }
}

async fn some(session: &Session, verb: &Verb, chosen: &Chosen) -> Done<Exit> {
    let done = runs_rm::named_or_all(session, verb, chosen).await;
    done.map(|()| Exit::Ok)
}

/// Says where runs stand now.
pub(crate) fn changed(session: &Session, after: &[Run]) {
    if session.json {
        output::json(&after);
        return;
    }
    for run in after {
        output::line(&format!(
            "{} {}",
            Look::of(run.state, false).painted(),
            run.name.bold()
        ));
    }
}

/// States by the words that people use for them.
pub(crate) fn states(words: &[String]) -> Done<Vec<State>> {
    let mut known: Vec<&str> = State::ALL.iter().map(|s| s.as_str()).collect();
    known.extend(["scheduled", "late"]);
    words
        .iter()
        .flat_map(|word| word.split(','))
        .filter(|word| *word != "late")
        // What waits for its time is pending.
        .map(|word| if word == "scheduled" { "pending" } else { word })
        .map(|word| units::word(word, "state", &known))
        .collect()
}

async fn ls(session: &Session, args: &RunsLs) -> Done {
    let mut query = choose::filter(session, &args.which).await?;
    query.prefix.clone_from(&args.prefix);
    let limit = args.limit as usize;
    let mut items: Vec<Run> = Vec::new();
    let next = loop {
        let left = limit.saturating_sub(items.len());
        query.limit = Some(u32::try_from(left).map_or(PAGE, |left| left.clamp(1, PAGE)));
        let page = session.client.runs(&query).await?;
        items.extend(page.items);
        query.cursor.clone_from(&page.next);
        if query.cursor.is_none() || items.len() >= limit {
            break page.next;
        }
    };
    if session.json {
        output::json(&items);
        return Ok(());
    }
    print(&items, "no runs");
    choose::more(next.as_ref());
    Ok(())
}

/// Prints runs as a table.
pub(crate) fn print(runs: &[Run], empty: &str) {
    let now = Timestamp::now();
    let mut table = table::table(&["run", "state", "label", "due", "took", "robot", "try", "by"]);
    for run in runs {
        table.add_row(vec![
            table::cell(&run.name),
            Look::of(run.state, run.late).cell(),
            table::cell(&run.label),
            table::cell(output::ago(run.due_at, now)),
            table::cell(took(run, now)),
            table::cell(on(run)),
            table::cell(run.attempt),
            table::cell(by(run)),
        ]);
    }
    table::print(&mut table, empty);
}

/// Where a run is or was, and whether that robot is not heard.
fn on(run: &Run) -> String {
    let place = output::or_dash(run.robot_name.as_ref().or(run.computer.as_ref()));
    match run.unheard {
        Some(_) => format!("{place}, unheard"),
        None => place,
    }
}

/// How long a run has been running, or ran.
pub(crate) fn took(run: &Run, now: Timestamp) -> String {
    match run.started_at {
        Some(started) => {
            let until = run.ended_at.unwrap_or(now);
            units::span(until.duration_since(started).as_secs_f64())
        }
        None => "–".to_owned(),
    }
}

/// Who or what made a run.
pub(crate) fn by(run: &Run) -> String {
    use baton_core::run::Trigger;
    match &run.trigger {
        Trigger::Manual { by } => by.clone(),
        Trigger::Schedule { .. } => "schedule".to_owned(),
        Trigger::Parent { .. } => "another run".to_owned(),
    }
}

async fn logs(session: &Session, args: &RunsLogs) -> Done<Exit> {
    let run = choose::run(session, &args.run).await?;
    let level: Option<LogLevel> = args
        .level
        .as_ref()
        .map(|word| units::word(word, "level", &LEVELS))
        .transpose()?;
    let mut query = LogQuery {
        attempt: args.attempt,
        level,
        ..LogQuery::default()
    };
    let style = Style {
        timestamps: args.timestamps,
        json: session.json,
    };
    if args.follow {
        return match watch::follow(session, run.id, &query, style).await? {
            Followed::Ended(run) => {
                if !session.json {
                    output::note(&watch::ending(&run));
                }
                Ok(Exit::Ok)
            }
            Followed::Interrupted => Ok(Exit::Interrupted),
        };
    }
    query.limit = Some(LOG_PAGE);
    let id = run.id.to_string();
    loop {
        let page = session.client.logs(&id, &query).await?;
        for entry in &page.items {
            watch::print(entry, style);
        }
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(Exit::Ok);
        }
    }
}

async fn cancel(
    session: &Session,
    chosen: &Chosen,
    reason: Option<String>,
    wait: bool,
) -> Done<Exit> {
    if runs_rm::by_filter(chosen)? {
        if wait {
            return Err(Failure::usage("--wait waits for runs that are named"));
        }
        return some(session, &Verb::Cancel(reason), chosen).await;
    }
    let mut after = runs_rm::each(session, &Verb::Cancel(reason), chosen).await?;
    if wait && !chosen.dry_run {
        for run in after.iter_mut().filter(|run| !run.state.is_terminal()) {
            *run = ended(session, run).await?;
        }
    }
    changed(session, &after);
    Ok(Exit::Ok)
}

/// The run when it has ended, without its log.
async fn ended(session: &Session, run: &Run) -> Done<Run> {
    let mut news = session.client.follow_run(run.id, &LogQuery::default());
    while let Some(news) = news.next().await? {
        if let baton_api::client::LogNews::End(run) = news {
            return Ok(*run);
        }
    }
    choose::run(session, &run.id.to_string()).await
}

async fn retry(session: &Session, chosen: &Chosen, watch: bool) -> Done<Exit> {
    if runs_rm::by_filter(chosen)? {
        if watch {
            return Err(Failure::usage("--watch watches runs that are named"));
        }
        return some(session, &Verb::Retry, chosen).await;
    }
    let after = runs_rm::each(session, &Verb::Retry, chosen).await?;
    if !session.json && !watch && !chosen.dry_run {
        for run in &after {
            output::line(&format!("{} attempt {}", run.name.bold(), run.attempt));
        }
    }
    if watch {
        session.say_where();
        let mut exit = Exit::Ok;
        for run in &after {
            // What earlier attempts said was read before this one was asked for.
            let lines = LogQuery {
                cursor: Some(format!("{}.0", run.attempt)),
                ..LogQuery::default()
            };
            exit = watch::watch(session, run.id, &run.name, &lines).await?;
        }
        return Ok(exit);
    }
    if session.json {
        output::json(&after);
    }
    Ok(Exit::Ok)
}

/// Explains the named run, or the one that was made last.
async fn explain(session: &Session, named: Option<&str>) -> Done {
    let run = match named {
        Some(named) => choose::run(session, named).await?,
        None => choose::last(session, None).await?.ok_or_else(|| {
            Failure::new(Exit::NotFound, "run_not_found", "there is no run yet")
                .fix("make one with `baton run FLOW`")
        })?,
    };
    let why = session.client.explain_run(&run.id.to_string()).await?;
    if session.json {
        output::json(&why);
        return Ok(());
    }
    print_explanation(&why);
    Ok(())
}

fn print_explanation(why: &RunExplanation) {
    output::line(&format!(
        "{} {}: {}",
        Look::of(why.explanation.state, false).painted(),
        why.name.bold(),
        why.summary
    ));
    for reason in &why.explanation.reasons {
        // One that is not due says the time in its sentence.
        let until = reason.until.filter(|_| reason.code != ReasonCode::NotDue);
        let until = until.map_or(String::new(), |at| {
            format!(" (until {})", output::clock(at))
        });
        // A lone reason is the summary already.
        if reason.message != why.summary || !until.is_empty() {
            output::line(&format!("  • {}{until}", reason.message));
        }
        for holder in &reason.holders {
            output::line(&format!("      held by {}", holder.name));
        }
        for robot in &reason.robots {
            // Its name stands before the sentence, which often begins with it.
            let lead = format!("{} is ", robot.name);
            let message = robot.message.strip_prefix(&lead).unwrap_or(&robot.message);
            output::line(&format!("      {}: {message}", robot.name));
        }
    }
    match why.explanation.ahead {
        None | Some(0) => {}
        Some(1) => output::line("  1 run waits before it"),
        Some(ahead) => output::line(&format!("  {ahead} runs wait before it")),
    }
    // To wait for a time that stands above is no advice.
    if !(why.explanation.change.iter()).all(|change| change.is_waiting()) {
        advice::print(why, output::line);
    }
}
