//! `baton runs rm`: deletes ended runs after showing which.

use baton_api::rest::{BulkItem, BulkRequest, BulkResult, RunQuery};
use baton_core::state::State;
use jiff::tz::TimeZone;
use owo_colors::OwoColorize as _;

use super::{Session, choose, runs::states, sure};
use crate::cli::runs::RunsRm;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look};
use crate::units;

/// How many names the preview shows.
const SHOWN: usize = 10;
/// Runs that the answer names at most when it takes several steps.
const NAMED: usize = 1_000;

/// Does it. What was named and stays makes it a refusal, whether or not others went.
pub(crate) async fn rm(session: &Session, args: &RunsRm) -> Done {
    let mut request = request(session, args).await?;
    request.preview = true;
    let preview = session.client.delete_runs(&request).await?;
    if !session.json {
        show(&preview);
    }
    if args.dry_run || preview.changed == 0 {
        if session.json {
            output::json(&preview);
        }
        return if args.dry_run {
            Ok(())
        } else {
            refused(&preview)
        };
    }
    let many = if preview.more { " and more" } else { "" };
    let question = format!(
        "Delete {}{many} with {} logs and files?",
        units::count(preview.changed, "run"),
        if preview.changed == 1 { "its" } else { "their" }
    );
    if !sure(args.yes, &question)? {
        output::note("nothing was deleted");
        return Ok(());
    }
    request.preview = false;
    let done = delete(session, &request).await?;
    if session.json {
        output::json(&done);
    } else {
        output::line(&format!("deleted {}", units::count(done.changed, "run")));
    }
    refused(&done)
}

/// Deletes in the server's bounded steps; the answer counts all of them.
async fn delete(session: &Session, request: &BulkRequest) -> Done<BulkResult> {
    let mut all = session.client.delete_runs(request).await?;
    let mut changed = all.changed;
    // What is refused would be found again for ever.
    while all.more && changed > 0 {
        let next = session.client.delete_runs(request).await?;
        changed = next.changed;
        all.changed += next.changed;
        all.refused = next.refused;
        all.more = next.more;
        all.items.retain(|item| item.code.is_none());
        all.items.extend(next.items);
        // Those that went are counted; naming a million of them helps nobody.
        let named = all.items.len().saturating_sub(NAMED);
        all.items.drain(..named);
    }
    Ok(all)
}

/// What stays although it was asked for, and the way to be rid of it.
fn refused(result: &BulkResult) -> Done {
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
            "not deleted: {}{more}; {why}",
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
    if first.from.is_none() {
        return Err(failure);
    }
    Err(failure.fix(format!(
        "wait until it has ended, or `baton runs cancel {} --wait`, and try again",
        named(first)
    )))
}

async fn request(session: &Session, args: &RunsRm) -> Done<BulkRequest> {
    let by_filter = args.flow.is_some() || !args.state.is_empty() || args.before.is_some();
    if args.runs.is_empty() != by_filter {
        return Err(Failure::usage(
            "name the runs, or describe them with --flow, --state, --before",
        )
        .fix("baton runs rm RUN …, or baton runs rm --state failed --before 2026-01-01"));
    }
    if !by_filter {
        let mut ids = Vec::new();
        for name in &args.runs {
            ids.push(choose::run(session, name).await?.id);
        }
        return Ok(BulkRequest {
            ids,
            ..BulkRequest::default()
        });
    }
    let before = args
        .before
        .as_ref()
        .map(|text| units::instant(text, &TimeZone::system()))
        .transpose()?;
    Ok(BulkRequest {
        filter: Some(RunQuery {
            flow: args.flow.clone(),
            state: ended(states(&args.state)?),
            created_before: before,
            ..RunQuery::default()
        }),
        ..BulkRequest::default()
    })
}

/// The states that were asked for; every ended one unless any was: what has not ended is not deleted anyway, and
/// would stand before what has.
fn ended(asked: Vec<State>) -> Vec<State> {
    if asked.is_empty() {
        State::ALL.into_iter().filter(|s| s.is_terminal()).collect()
    } else {
        asked
    }
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
