//! `baton queues` and `baton limits`: where runs wait, and how many may be live at once.

use baton_api::rest::{CreateQueue, LimitHolder, PageQuery, PutLimit, Queue, QueuePatch};
use owo_colors::OwoColorize as _;

use super::{Session, runs, sure};
use crate::cli::or_none::{OrNone, or_none};
use crate::cli::queues::{Limits, QueueSettings, Queues};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look, table};
use crate::units;

/// Words for how robots are chosen.
const STRATEGIES: [&str; 4] = ["round_robin", "least_loaded", "random", "affinity"];

/// `baton queues`
pub(crate) async fn queues(session: &Session, command: Queues) -> Done {
    let client = &session.client;
    match command {
        Queues::Ls => ls(session).await,
        Queues::Show { queue } => show(session, &client.queue(&queue).await?),
        Queues::Peek { queue, limit } => peek(session, &queue, limit).await,
        Queues::Add { queue, settings } => {
            let body = CreateQueue {
                name: queue,
                settings: patch(&settings)?,
            };
            show(session, &client.create_queue(&body).await?)
        }
        Queues::Edit {
            queue,
            settings,
            kept,
        } => {
            let instead = "make one with `baton queues add`, let robots and deployments use it, and remove this one";
            super::catalog::keeps(&kept, "work queue", instead)?;
            let patch = patch(&settings)?;
            if patch == QueuePatch::default() {
                return Err(Failure::usage("nothing to change was named")
                    .fix("add --limit, --strategy or --description"));
            }
            show(session, &client.update_queue(&queue, &patch).await?)
        }
        Queues::Pause { queue } => show(session, &client.pause_queue(&queue).await?),
        Queues::Resume { queue } => show(session, &client.resume_queue(&queue).await?),
        Queues::Rm { queue, sure: asked } => {
            let found = client.queue(&queue).await?;
            if asked.dry_run {
                output::gone(session.json, "deleted", &found.name, false);
            } else if sure(asked.yes, &format!("Delete the work queue {}?", found.name))? {
                client.delete_queue(&queue).await?;
                output::gone(session.json, "deleted", &found.name, true);
            }
            Ok(())
        }
    }
}

fn patch(settings: &QueueSettings) -> Done<QueuePatch> {
    Ok(QueuePatch {
        description: settings
            .description
            .as_deref()
            .map(|text| or_none(text).unwrap_or_default().to_owned()),
        strategy: settings
            .strategy
            .as_deref()
            .map(|word| match or_none(word) {
                Some(word) => units::word(word, "strategy", &STRATEGIES),
                None => Ok(baton_core::queue::QueueSettings::default().strategy),
            })
            .transpose()?,
        concurrency_limit: settings.limit.map(|limit| limit.0),
        paused: None,
    })
}

async fn ls(session: &Session) -> Done {
    let all = session.client.queues().await?.items;
    if session.json {
        output::json(&all);
        return Ok(());
    }
    let mut table = table::table(&[
        "queue", "state", "waiting", "oldest", "live", "limit", "robots", "strategy",
    ]);
    for queue in &all {
        table.add_row(vec![
            table::cell(&queue.name),
            Look::of_pause(queue.settings.paused).cell(),
            table::cell(queue.depth),
            table::cell(output::or_dash(queue.oldest_wait_seconds.map(units::span))),
            table::cell(queue.live),
            table::cell(output::or_dash(queue.settings.concurrency_limit)),
            table::cell(format!("{} of {}", queue.robots_online, queue.robots)),
            table::cell(output::spelt(&queue.settings.strategy)),
        ]);
    }
    table::print(&mut table, "no work queues");
    Ok(())
}

fn show(session: &Session, queue: &Queue) -> Done {
    if session.json {
        output::json(queue);
        return Ok(());
    }
    output::line(&format!(
        "{} {}",
        Look::of_pause(queue.settings.paused).painted(),
        queue.name.bold()
    ));
    if !queue.settings.description.is_empty() {
        output::line(&queue.settings.description);
    }
    let limit = queue
        .settings
        .concurrency_limit
        .map_or("without limit".to_owned(), |n| match n {
            0 => "0: it holds all".to_owned(),
            n => n.to_string(),
        });
    output::facts(&[
        ("waiting", queue.depth.to_string()),
        (
            "oldest",
            output::or_dash(queue.oldest_wait_seconds.map(units::span)),
        ),
        ("live", queue.live.to_string()),
        ("limit", limit),
        (
            "robots",
            format!("{} of {} online", queue.robots_online, queue.robots),
        ),
        ("strategy", output::spelt(&queue.settings.strategy)),
    ]);
    holders(&queue.holders);
    Ok(())
}

fn holders(holders: &[LimitHolder]) {
    if holders.is_empty() {
        return;
    }
    output::heading("Held by");
    for holder in holders {
        output::line(&format!(
            "{} {}",
            Look::of(holder.state, false).painted(),
            holder.run_name
        ));
    }
}

async fn peek(session: &Session, queue: &str, limit: u32) -> Done {
    let query = PageQuery {
        limit: Some(limit),
        cursor: None,
    };
    let next = session.client.peek_queue(queue, &query).await?;
    if session.json {
        output::json(&next.items);
        return Ok(());
    }
    runs::print(&next.items, "nothing waits");
    super::choose::more(next.next.as_ref());
    Ok(())
}

/// `baton limits`
pub(crate) async fn limits(session: &Session, command: Limits) -> Done {
    let client = &session.client;
    match command {
        Limits::Ls => {
            let all = client.limits().await?.items;
            if session.json {
                output::json(&all);
                return Ok(());
            }
            let mut table = table::table(&["tag", "limit", "live", "held by"]);
            for limit in &all {
                let held: Vec<String> = limit.holders.iter().map(|h| h.run_name.clone()).collect();
                table.add_row(vec![
                    table::cell(&limit.tag),
                    table::cell(limit.limit),
                    table::cell(limit.live),
                    table::cell(output::words(&held)),
                ]);
            }
            table::print(
                &mut table,
                "no limits; set one with `baton limits set TAG N`",
            );
        }
        Limits::Set {
            tag,
            limit: OrNone(None),
        } => remove_limit(session, &tag).await?,
        Limits::Set {
            tag,
            limit: OrNone(Some(limit)),
        } => {
            let made = client.put_limit(&PutLimit { tag, limit }).await?;
            if session.json {
                output::json(&made);
            } else {
                output::line(&format!(
                    "at most {} live runs with the tag {}",
                    made.limit,
                    made.tag.bold()
                ));
            }
        }
        Limits::Rm { tag } => remove_limit(session, &tag).await?,
    }
    Ok(())
}

/// Takes the limit on a tag away.
async fn remove_limit(session: &Session, tag: &str) -> Done {
    let all = session.client.limits().await?.items;
    let found = all.iter().find(|l| l.tag == tag || l.id.to_string() == tag);
    let found = found.ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            "limit_not_found",
            format!("there is no limit on the tag {tag:?}"),
        )
        .fix("`baton limits ls` shows what there is")
    })?;
    session.client.delete_limit(found.id).await?;
    let what = format!("the limit on the tag {}", found.tag);
    output::gone(session.json, "deleted", &what, true);
    Ok(())
}
