//! `baton runs rm`: deletes ended runs after showing which.

use baton_api::rest::{BulkRequest, BulkResult, RunQuery};
use jiff::tz::TimeZone;
use owo_colors::OwoColorize as _;

use super::{Session, choose, runs::states, sure};
use crate::cli::runs::RunsRm;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look};
use crate::units;

/// How many names the preview shows.
const SHOWN: usize = 10;

/// Does it.
pub(crate) async fn rm(session: &Session, args: &RunsRm) -> Done {
    let mut request = request(session, args).await?;
    request.preview = true;
    let preview = session.client.delete_runs(&request).await?;
    if args.dry_run && session.json {
        output::json(&preview);
        return Ok(());
    }
    if !session.json {
        show(&preview);
    }
    if args.dry_run || preview.changed == 0 {
        if session.json {
            output::json(&preview);
        }
        return Ok(());
    }
    let many = if preview.more { " and more" } else { "" };
    let question = format!(
        "Delete {} runs{many} with their logs and files?",
        preview.changed
    );
    if !sure(args.yes, &question)? {
        output::note("nothing was deleted");
        return Ok(());
    }
    request.preview = false;
    let mut deleted = 0;
    // The server works in bounded steps; what is refused would be found again for ever.
    let last = loop {
        let result = session.client.delete_runs(&request).await?;
        deleted += result.changed;
        if !result.more || result.changed == 0 {
            break result;
        }
    };
    if session.json {
        output::json(&last);
    } else {
        output::line(&format!("deleted {deleted} runs"));
    }
    Ok(())
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
            state: states(&args.state)?,
            created_before: before,
            ..RunQuery::default()
        }),
        ..BulkRequest::default()
    })
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
