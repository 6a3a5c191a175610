//! Follows a run to its end: its log as it comes, its states, and how it ended.

use baton_api::client::LogNews;
use baton_api::rest::{LogEntry, LogQuery, Run, RunChange};
use baton_core::id::RunId;
use baton_core::run::{LogLevel, LogStream};
use baton_core::state::State;
use owo_colors::OwoColorize as _;

use super::{Session, advice};
use crate::exit::Exit;
use crate::failure::Done;
use crate::output::{self, state::Look};
use crate::units;

/// A watched run that has not started after this is explained.
const IMPATIENT: std::time::Duration = std::time::Duration::from_secs(3);

/// How log lines are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// With the time of each.
    pub(crate) timestamps: bool,
    /// One JSON object a line.
    pub(crate) json: bool,
}

/// How following a run ended.
pub(crate) enum Followed {
    /// The run ended.
    Ended(Box<Run>),
    /// The person pressed Ctrl-C; the run goes on.
    Interrupted,
}

/// Prints a run's log and states until it ends or the person has seen enough.
pub(crate) async fn follow(
    session: &Session,
    id: RunId,
    query: &LogQuery,
    style: Style,
) -> Done<Followed> {
    // What attempts before the first wanted one went through was read then.
    let since = first_attempt(query);
    let mut news = session.client.follow_run(id, query);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut impatient = std::pin::pin!(tokio::time::sleep(IMPATIENT));
    let mut waits = true;
    loop {
        let next = tokio::select! {
            next = news.next() => next?,
            _ = &mut interrupted => return Ok(Followed::Interrupted),
            () = &mut impatient, if waits && !style.json => {
                waits = false;
                why_it_waits(session, id).await;
                continue;
            }
        };
        match next {
            Some(LogNews::Line(entry)) => {
                waits = false;
                print(&entry, style);
            }
            Some(LogNews::State(change)) => {
                waits &= matches!(change.to, State::Pending | State::Queued);
                if !style.json && change.attempt >= since && is_news(&change) {
                    say_state(change);
                }
            }
            Some(LogNews::End(run)) => return Ok(Followed::Ended(run)),
            None => return Ok(Followed::Interrupted),
        }
    }
}

/// Whether a person wants to hear of this state: the way of every run to its robot is no news.
fn is_news(change: &RunChange) -> bool {
    match change.to {
        State::Pending => change.from.is_some(),
        State::Queued | State::Dispatched => false,
        state => !state.is_terminal(),
    }
}

/// The first attempt of which something is wanted.
fn first_attempt(query: &LogQuery) -> u32 {
    let cursor = query.cursor.as_deref().and_then(|at| at.split_once('.'));
    let after = cursor.and_then(|(attempt, _)| attempt.parse().ok());
    query.attempt.or(after).unwrap_or(1)
}

fn say_state(change: RunChange) {
    output::note(&format!("{} {}", "·".dimmed(), told(&change)));
}

/// A state as a line among those of the log.
fn told(change: &RunChange) -> String {
    let mut text = Look::of(change.to, false).painted();
    if change.to == State::Pending {
        let wait = change.at.zip(change.due_at).map_or(0.0, |(at, due)| {
            due.duration_since(at).as_secs_f64().max(0.0)
        });
        // It is told of the attempt that is over, unless a person asked for another one.
        let next = match change.from {
            Some(State::Running | State::Cancelling) => change.attempt + 1,
            _ => change.attempt,
        };
        // Less than half a second is no wait that anybody sees.
        if wait < 0.5 {
            text.push_str(&format!(" (attempt {next})"));
        } else {
            let wait = units::span(wait.round()).replace(".0 s", " s");
            text = format!("{text}: waits {wait} before attempt {next}");
        }
    } else if change.attempt > 1 {
        text.push_str(&format!(" (attempt {})", change.attempt));
    }
    if let Some(message) = &change.message {
        text.push_str(&format!(": {message}"));
    }
    text
}

/// Says why a run that is watched does not start. Not knowing is no reason to stop watching.
async fn why_it_waits(session: &Session, id: RunId) {
    if let Ok(why) = session.client.explain_run(&id.to_string()).await {
        output::note(&format!("{} it waits: {}", "·".dimmed(), why.summary));
        advice::print(&why, output::note);
    }
}

/// Follows a run with a closing line, and turns its end into an exit code.
pub(crate) async fn watch(
    session: &Session,
    id: RunId,
    name: &str,
    lines: &LogQuery,
) -> Done<Exit> {
    let style = Style {
        timestamps: false,
        json: session.json,
    };
    match follow(session, id, lines, style).await? {
        Followed::Ended(run) => {
            if session.json {
                println_compact(&run);
            } else {
                output::note(&ending(&run));
            }
            Ok(Exit::of_state(run.state))
        }
        Followed::Interrupted => {
            output::note(&format!(
                "\n{name} goes on; watch it with `baton runs logs {name} -f`, end it with `baton runs cancel {name}`"
            ));
            Ok(Exit::Interrupted)
        }
    }
}

fn println_compact(value: &impl serde::Serialize) {
    let text = serde_json::to_string(value).expect("what the API returns is plain JSON");
    output::text_out(&format!("{text}\n"));
}

/// One sentence about how a run ended.
pub(crate) fn ending(run: &Run) -> String {
    let mut text = format!(
        "{} {} {}",
        Look::of(run.state, false).painted(),
        run.name.bold(),
        run.label.dimmed()
    );
    if let (Some(started), Some(ended)) = (run.started_at, run.ended_at) {
        let took = ended.duration_since(started).as_secs_f64();
        text.push_str(&format!(" after {}", units::span(took)));
    }
    if run.attempt > 1 {
        text.push_str(&format!(" in attempt {}", run.attempt));
    }
    if let Some(reason) = &run.end_reason {
        text.push_str(&format!("\n  {reason}"));
    }
    if run.state != State::Completed
        && let Some(error) = &run.error
    {
        text.push_str(&format!("\n  {}", error.message));
    }
    text
}

/// Prints one line of a log.
pub(crate) fn print(entry: &LogEntry, style: Style) {
    if style.json {
        println_compact(entry);
        return;
    }
    let mut text = String::new();
    if style.timestamps {
        text.push_str(&format!("{} ", output::time_of_day(entry.at).dimmed()));
    }
    let message = match (entry.stream, entry.level) {
        (LogStream::System, _) => format!("{} {}", "·".dimmed(), entry.message.dimmed()),
        (_, LogLevel::Error | LogLevel::Critical) => entry.message.red().to_string(),
        (_, LogLevel::Warning) => entry.message.yellow().to_string(),
        _ => entry.message.clone(),
    };
    text.push_str(&message);
    output::line(&text);
}
