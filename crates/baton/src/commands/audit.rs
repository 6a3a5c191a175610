//! `baton audit`: who did what, and when.

use baton_api::rest::{AuditEntry, AuditQuery};

use super::{Session, choose};
use crate::cli::PAGE;
use crate::cli::audit::Audit;
use crate::failure::Done;
use crate::output::{self, table};
use crate::units;

/// Does it.
pub(crate) async fn audit(session: &Session, args: &Audit) -> Done {
    let time = |text: &Option<String>| text.as_deref().map(units::since).transpose();
    let limit = if args.all {
        usize::MAX
    } else {
        args.limit as usize
    };
    let mut query = AuditQuery {
        kinds: args.action.clone(),
        subject: args.subject.clone(),
        actor: args.actor.clone(),
        from: time(&args.since)?,
        until: time(&args.until)?,
        ..AuditQuery::default()
    };
    let mut items: Vec<AuditEntry> = Vec::new();
    let next = loop {
        let left = limit.saturating_sub(items.len());
        query.limit = Some(u32::try_from(left).map_or(PAGE, |left| left.clamp(1, PAGE)));
        let page = session.client.audit(&query).await?;
        items.extend(page.items);
        query.cursor.clone_from(&page.next);
        if page.next.is_none() || items.len() >= limit {
            break page.next;
        }
    };
    if session.json {
        output::json(&items);
        return Ok(());
    }
    let mut table = table::table(&["when", "action", "who", "detail", "subject"]);
    for entry in &items {
        let detail = match &entry.detail {
            serde_json::Value::Null => String::new(),
            detail => detail.to_string(),
        };
        table.add_row(vec![
            table::cell(output::clock(entry.at)),
            table::cell(&entry.kind),
            table::cell(&entry.actor),
            table::cell(detail),
            table::cell(&entry.subject),
        ]);
    }
    table::print(&mut table, "nothing was done");
    choose::more(next.as_ref());
    Ok(())
}
