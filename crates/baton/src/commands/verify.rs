//! `baton verify`: checks every promise over a whole history, on a live server or a data folder at rest.

use std::path::Path;

use baton_api::rest::{Breach, Verification};
use owo_colors::OwoColorize as _;

use super::{Session, talk};
use crate::cli::Global;
use crate::cli::upkeep::Verify;
use crate::exit::Exit;
use crate::failure::Done;
use crate::output;
use crate::settings::known;

/// Does it.
pub(crate) fn verify(global: &Global, args: &Verify) -> Done<Exit> {
    let found = match &args.data {
        Some(folder) => of_folder(global, folder)?,
        None => talk(global, |session: Session| async move {
            Ok(session.client.verify().await?)
        })?,
    };
    if global.json {
        output::json(&found);
    } else {
        output::facts(&[
            ("runs", found.runs.to_string()),
            ("transitions", found.transitions.to_string()),
            ("attempts", found.attempts.to_string()),
            ("log lines", found.lines.to_string()),
        ]);
        for Breach {
            check,
            subject,
            message,
        } in &found.breaches
        {
            output::line(&format!("{} {check} {subject}: {message}", "✗".red()));
        }
        for Breach {
            check,
            subject,
            message,
        } in &found.observations
        {
            output::line(&format!("· {check} {subject}: {message}"));
        }
        if found.breaches.is_empty() {
            output::line(&format!("{} every promise was kept", "✓".green()));
        }
    }
    Ok(if found.breaches.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

/// Checks a data folder: at rest, or through the server that uses it.
fn of_folder(global: &Global, folder: &Path) -> Done<Verification> {
    let failure = match at_rest(folder) {
        Err(failure) if failure.code == "data_unavailable" => failure,
        checked => return checked,
    };
    let Some(known) = known::of_folder(folder).ok().flatten() else {
        return Err(failure);
    };
    let meant = Global {
        url: Some(known.url.clone()),
        api_key: global.api_key.clone().or_else(|| known.key()),
        fingerprint: known.fingerprint.clone(),
        tls_ca: known.tls_ca.clone(),
        ..global.clone()
    };
    if !global.json {
        output::note(&format!("{} uses this folder and checks it", known.url));
    }
    talk(&meant, |session: Session| async move {
        Ok(session.client.verify().await?)
    })
}

/// Checks the database of a server that is not running.
fn at_rest(folder: &Path) -> Done<Verification> {
    let path = folder.join(crate::serve::DATABASE);
    std::fs::metadata(&path).map_err(|e| {
        crate::failure::Failure::file(&path, "read", &e).fix("name a server's data folder")
    })?;
    let store = crate::serve::open_database(&path)?;
    super::alone()?.block_on(async {
        let found = store.verify().await;
        store.close().await;
        let found = found.map_err(crate::serve::store_failure)?;
        let told = |all: Vec<baton_store::stats::Breach>| {
            let one = |breach: baton_store::stats::Breach| Breach {
                check: breach.check,
                subject: breach.subject,
                message: breach.message,
            };
            all.into_iter().map(one).collect()
        };
        Ok(Verification {
            runs: found.runs,
            transitions: found.transitions,
            attempts: found.attempts,
            lines: found.lines,
            breaches: told(found.breaches),
            observations: told(found.observations),
        })
    })
}
