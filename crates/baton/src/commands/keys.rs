//! `baton keys`: who may do what.

use baton_api::rest::CreateKey;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;

use super::{Session, sure};
use crate::cli::upkeep::Keys;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, table};
use crate::units;

/// Words for roles that a person can give.
const ROLES: [&str; 4] = ["admin", "developer", "operator", "viewer"];

/// Does it.
pub(crate) async fn keys(session: &Session, command: Keys) -> Done {
    match command {
        Keys::Ls => ls(session).await,
        Keys::Create {
            name,
            role,
            expires,
            quiet,
        } => create(session, name, &role, expires.as_deref(), quiet).await,
        Keys::Revoke { key, sure: asked } => {
            let all = session.client.keys().await?.items;
            let matches: Vec<_> = all
                .iter()
                .filter(|k| (k.name == key && k.revoked_at.is_none()) || k.id.to_string() == key)
                .collect();
            let [found] = matches.as_slice() else {
                return Err(Failure::new(
                    if matches.is_empty() {
                        Exit::NotFound
                    } else {
                        Exit::Refused
                    },
                    "key_not_found",
                    format!("{} keys are called {key:?}", matches.len()),
                )
                .fix("`baton keys ls` shows names and ids"));
            };
            if asked.dry_run {
                output::gone(session.json, "revoked", &found.name, false);
            } else if sure(asked.yes, &format!("Revoke the key {}?", found.name))? {
                session.client.revoke_key(found.id).await?;
                output::gone(session.json, "revoked", &found.name, true);
            }
            Ok(())
        }
    }
}

async fn ls(session: &Session) -> Done {
    let all = session.client.keys().await?.items;
    if session.json {
        output::json(&all);
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = table::table(&["key", "role", "state", "used", "made", "id"]);
    for key in &all {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => "revoked".to_owned(),
            (None, Some(at)) if at <= now => "expired".to_owned(),
            (None, Some(at)) => format!("expires {}", output::ago(at, now)),
            (None, None) => "good".to_owned(),
        };
        table.add_row(vec![
            table::cell(&key.name),
            table::cell(key.role.as_str()),
            table::cell(state),
            table::cell(
                key.last_used_at
                    .map_or("never".to_owned(), |at| output::ago(at, now)),
            ),
            table::cell(output::ago(key.created_at, now)),
            table::cell(key.id),
        ]);
    }
    table::print(&mut table, "no keys");
    Ok(())
}

async fn create(
    session: &Session,
    name: String,
    role: &str,
    expires: Option<&str>,
    quiet: bool,
) -> Done {
    let expires_in_seconds = expires
        .map(|text| units::whole_seconds(text).map(u64::from))
        .transpose()?;
    let made = session
        .client
        .create_key(&CreateKey {
            name,
            role: units::word(role, "role", &ROLES)?,
            expires_in_seconds,
        })
        .await?;
    if quiet {
        session.keep_quiet();
    }
    if session.json {
        output::json(&made);
    } else {
        if !quiet {
            output::note(&format!(
                "the key {} is shown only now:",
                made.key.name.bold()
            ));
        }
        output::line(&made.secret);
    }
    Ok(())
}
