//! Many runs at once: shown first, then deleted, cancelled, retried, paused, resumed or postponed.

use baton_api::rest::{BulkItem, BulkRequest, BulkResult, Postpone, Remark, Run, RunQuery};
use baton_core::state::State;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;

use super::{Session, choose, sure};
use crate::cli::PAGE;
use crate::cli::runs_filter::{Chosen, Which};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look};
use crate::units;

/// How many names the preview shows.
const SHOWN: usize = 10;
/// Runs that the answer names at most when it takes several steps.
const NAMED: usize = 1_000;

/// What is done to runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verb {
    /// Deletes ended ones.
    Delete,
    /// Ends open ones.
    /// With the reason that is given.
    Cancel(Option<String>),
    /// Opens another attempt of ended ones.
    Retry,
    /// Asks running ones to pause.
    Pause,
    /// Lets paused ones go on.
    Resume,
    /// Lets waiting ones start later.
    Postpone(Timestamp),
}

impl Verb {
    /// As a person is asked.
    const fn word(&self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Cancel(_) => "cancel",
            Self::Retry => "retry",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Postpone(_) => "postpone",
        }
    }

    /// What is said with it.
    fn remark(&self) -> Remark {
        let message = match self {
            Self::Cancel(reason) => reason.clone(),
            _ => None,
        };
        Remark { message }
    }

    /// When it has been done.
    const fn done(&self) -> &'static str {
        match self {
            Self::Delete => "deleted",
            Self::Cancel(_) => "cancelled",
            Self::Retry => "retried",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Postpone(_) => "postponed",
        }
    }
}

/// Whether runs are described rather than named; both or neither is an error.
pub(crate) fn by_filter(chosen: &Chosen) -> Done<bool> {
    let described = chosen.which != Which::default();
    if chosen.runs.is_empty() == described {
        return Ok(described);
    }
    Err(
        Failure::usage("name the runs, or describe them with --flow, --state, --since and others")
            .fix("baton runs rm RUN …, or baton runs rm --state failed --until 2026-01-01"),
    )
}

/// Deletes runs. What was named and stays makes it a refusal, whether or not others went.
pub(crate) async fn rm(session: &Session, chosen: &Chosen) -> Done {
    let mut request = BulkRequest::default();
    if by_filter(chosen)? {
        request.filter = Some(filter(session, &Verb::Delete, &chosen.which).await?);
    } else {
        for name in &chosen.runs {
            request
                .ids
                .push(choose::run_itself(session, name).await?.id);
        }
    }
    many(session, &Verb::Delete, request, chosen).await
}

/// Does something to the runs that a filter describes, after showing which.
pub(crate) async fn all(session: &Session, verb: &Verb, chosen: &Chosen) -> Done {
    let filter = filter(session, verb, &chosen.which).await?;
    match verb {
        Verb::Delete | Verb::Cancel(_) | Verb::Retry => {
            let request = BulkRequest {
                filter: Some(filter),
                message: verb.remark().message,
                ..BulkRequest::default()
            };
            many(session, verb, request, chosen).await
        }
        _ => one_by_one(session, verb, filter, chosen).await,
    }
}

/// In the server's bounded steps.
async fn many(session: &Session, verb: &Verb, mut request: BulkRequest, chosen: &Chosen) -> Done {
    request.preview = true;
    let preview = send(session, verb, &request).await?;
    if !session.json {
        show(&preview);
    }
    if chosen.dry_run || preview.changed == 0 && !preview.more {
        if session.json {
            output::json(&preview);
        }
        return if chosen.dry_run {
            Ok(())
        } else {
            refused(verb, &preview)
        };
    }
    let many = if preview.more { " and more" } else { "" };
    if !agreed(verb, preview.changed, many, chosen.yes)? {
        return Ok(());
    }
    request.preview = false;
    let done = to_the_end(session, verb, &mut request).await?;
    if session.json {
        output::json(&done);
    } else {
        output::line(&format!(
            "{} {}",
            verb.done(),
            units::count(done.changed, "run")
        ));
    }
    refused(verb, &done)
}

/// Asks whether to do it.
fn agreed(verb: &Verb, number: u32, many: &str, yes: bool) -> Done<bool> {
    let mut word = verb.word().to_owned();
    word[..1].make_ascii_uppercase();
    let with = match (verb, number) {
        (Verb::Delete, 1) => " with its logs and files",
        (Verb::Delete, _) => " with their logs and files",
        _ => "",
    };
    let runs = units::count(number, "run");
    let agreed = sure(yes, &format!("{word} {runs}{many}{with}?"))?;
    if !agreed {
        output::note(&format!("nothing was {}", verb.done()));
    }
    Ok(agreed)
}

async fn send(session: &Session, verb: &Verb, request: &BulkRequest) -> Done<BulkResult> {
    Ok(match verb {
        Verb::Cancel(_) => session.client.cancel_runs(request).await?,
        Verb::Retry => session.client.retry_runs(request).await?,
        _ => session.client.delete_runs(request).await?,
    })
}

/// Goes on until nothing is left; the answer counts all steps.
async fn to_the_end(session: &Session, verb: &Verb, request: &mut BulkRequest) -> Done<BulkResult> {
    let mut all = send(session, verb, request).await?;
    // What one step has looked at, changed or refused, is not looked at again.
    while let (Some(next), Some(filter)) = (all.next.take(), &mut request.filter) {
        filter.cursor = Some(next);
        let step = send(session, verb, request).await?;
        all.changed += step.changed;
        all.refused += step.refused;
        all.more = step.more;
        all.next = step.next;
        all.items.retain(|item| item.code.is_none());
        all.items.extend(step.items);
        // Those that went are counted; naming a million of them helps nobody.
        let named = all.items.len().saturating_sub(NAMED);
        all.items.drain(..named);
    }
    Ok(all)
}

/// For what the server does to one run at a time.
async fn one_by_one(session: &Session, verb: &Verb, mut query: RunQuery, chosen: &Chosen) -> Done {
    let mut found = Vec::new();
    query.limit = Some(PAGE);
    loop {
        let page = session.client.runs(&query).await?;
        found.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    if !session.json || chosen.dry_run {
        if session.json {
            output::json(&found);
        } else {
            super::runs::print(&found, "no such runs");
        }
    }
    let number = u32::try_from(found.len()).unwrap_or(u32::MAX);
    if chosen.dry_run || found.is_empty() || !agreed(verb, number, "", chosen.yes)? {
        return Ok(());
    }
    let mut after = Vec::new();
    for run in found {
        after.push(step(session, verb, &run.id.to_string()).await?);
    }
    super::runs::changed(session, &after);
    Ok(())
}

/// Does it to the runs with these names, or that the filter describes.
pub(crate) async fn named_or_all(session: &Session, verb: &Verb, chosen: &Chosen) -> Done {
    if by_filter(chosen)? {
        return all(session, verb, chosen).await;
    }
    let after = each(session, verb, chosen).await?;
    super::runs::changed(session, &after);
    Ok(())
}

/// Does it to each run that is named, and gives them as they are then; under `--dry-run` as they are. Where one is
/// refused, those before it are named: they have been changed.
pub(crate) async fn each(session: &Session, verb: &Verb, chosen: &Chosen) -> Done<Vec<Run>> {
    let mut after: Vec<Run> = Vec::new();
    for name in &chosen.runs {
        match one(session, verb, name, chosen.dry_run).await {
            Ok(run) => after.push(run),
            Err(failure) => {
                if !chosen.dry_run && !after.is_empty() {
                    let names: Vec<&str> = after.iter().map(|run| run.name.as_str()).collect();
                    output::note(&format!("{}: {}", verb.done(), names.join(", ")));
                }
                return Err(failure);
            }
        }
    }
    Ok(after)
}

async fn one(session: &Session, verb: &Verb, name: &str, dry_run: bool) -> Done<Run> {
    let run = match verb {
        // The name of a flow stands for its last run.
        Verb::Retry => choose::run(session, name).await?,
        _ => choose::run_itself(session, name).await?,
    };
    if dry_run {
        return Ok(run);
    }
    step(session, verb, &run.id.to_string()).await
}

async fn step(session: &Session, verb: &Verb, id: &str) -> Done<Run> {
    let remark = verb.remark();
    Ok(match verb {
        Verb::Pause => session.client.pause_run(id, &remark).await?,
        Verb::Resume => session.client.resume_run(id, &remark).await?,
        Verb::Postpone(due_at) => {
            let body = Postpone {
                due_at: *due_at,
                message: None,
            };
            session.client.postpone_run(id, &body).await?
        }
        Verb::Retry => session.client.retry_run(id, &remark).await?,
        Verb::Cancel(_) | Verb::Delete => session.client.cancel_run(id, &remark).await?,
    })
}

/// What stays although it was asked for, and the way to be rid of it.
fn refused(verb: &Verb, result: &BulkResult) -> Done {
    let stay: Vec<_> = result
        .items
        .iter()
        .filter(|item| item.code.is_some())
        .collect();
    let Some(first) = stay.first() else {
        return Ok(());
    };
    let named = |item: &BulkItem| item.name.clone().unwrap_or_else(|| item.id.to_string());
    let names: Vec<String> = stay.iter().take(SHOWN).map(|item| named(item)).collect();
    let more = if stay.len() > SHOWN { ", …" } else { "" };
    let why = match first.from {
        Some(state) if !state.is_terminal() => format!("{} is {state}", named(first)),
        _ => first.message.clone().unwrap_or_default(),
    };
    let code = first.code.clone().unwrap_or_default();
    let failure = Failure::new(
        Exit::Refused,
        code,
        format!(
            "not {}: {}{more}; {why}",
            verb.done(),
            if stay.len() == 1 {
                names.concat()
            } else {
                format!(
                    "{} ({})",
                    units::count(result.refused, "run"),
                    names.join(", ")
                )
            }
        ),
    );
    if first.from.is_none() || *verb != Verb::Delete {
        return Err(failure);
    }
    Err(failure.fix(format!(
        "wait until it has ended, or `baton runs cancel {} --wait`, and try again",
        named(first)
    )))
}

/// The filter for a verb: where no state is asked for, those to which it can be done.
async fn filter(session: &Session, verb: &Verb, which: &Which) -> Done<RunQuery> {
    let mut query = choose::filter(session, which).await?;
    let fits: fn(State) -> bool = match verb {
        Verb::Delete | Verb::Retry => State::is_terminal,
        Verb::Cancel(_) => |state| !state.is_terminal(),
        Verb::Pause => |state| state == State::Running,
        Verb::Resume => |state| state == State::Paused,
        Verb::Postpone(_) => |state| matches!(state, State::Pending | State::Queued),
    };
    if query.state.is_empty() {
        query.state = State::ALL
            .into_iter()
            .filter(|state| fits(*state))
            .collect();
    }
    Ok(query)
}

fn show(preview: &BulkResult) {
    for item in preview.items.iter().take(SHOWN) {
        let name = item.name.clone().unwrap_or_else(|| item.id.to_string());
        let state = item
            .from
            .map_or(String::new(), |s| Look::of(s, false).painted());
        let refused = item
            .message
            .as_ref()
            .map_or(String::new(), |m| format!(" {} {m}", "stays:".yellow()));
        output::note(&format!("  {state} {name}{refused}"));
    }
    if preview.items.len() > SHOWN || preview.more {
        output::note(&format!(
            "  … {} in all{}",
            preview.items.len(),
            if preview.more { ", and more" } else { "" }
        ));
    }
    if preview.items.is_empty() {
        output::note("no such runs");
    }
}
