//! Where the command finds its server, key and settings: flags over environment over `baton.toml` over defaults.

mod any_path;
pub(crate) mod environment;
mod exact;
pub(crate) mod file;
pub(crate) mod known;
mod named;
mod pinned;
pub(crate) mod serve;
mod values;
pub(crate) mod zones;

use std::path::PathBuf;

use baton_api::client::ClientOptions;

use crate::cli::Global;
use crate::failure::{Done, Failure};
pub(crate) use named::NOT_SERVED;
pub(crate) use pinned::Pinned;

/// The server and the key that a command uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The server's address, without a slash at its end.
    pub(crate) url: String,
    /// The key, where one is known.
    pub(crate) key: Option<String>,
    /// Whom to believe that they are this server.
    pub(crate) pinned: Pinned,
    /// Where the address came from, for messages.
    pub(crate) from: &'static str,
    /// Whether it was named for this one command, by flag or `BATON_URL`.
    pub(crate) named: bool,
}

impl Target {
    /// What the client is told.
    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions {
            url: self.url.clone(),
            key: self.key.clone(),
            fingerprint: self.pinned.fingerprint.clone(),
            authority: self.pinned.authority.clone(),
        }
    }
}

/// The address of a server that was told nothing.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8765";

/// Finds the server: flag or `BATON_URL`, else the one that `BATON_DATA`, `ORCHESTRATOR_HOST` and
/// `ORCHESTRATOR_PORT` name, else `baton.toml`, else the one that was started or recorded last by this person,
/// else the default address.
pub(crate) fn target(global: &Global) -> Done<Target> {
    let file = file::load(global.config.as_deref())?;
    let recorded = known::read()?;
    // What is named for this command decides; nothing else is looked at, so nothing else can be wrong.
    let around = match &global.url {
        Some(_) => None,
        None => match named::Place::of_environment()?.server(&recorded)? {
            None if file.client.url.is_none() => named::Place::of_file(&file.server)
                .server_if_any(&recorded)?
                .map(|known| (known, "[server] in baton.toml")),
            found => {
                found.map(|known| (known, "BATON_DATA, ORCHESTRATOR_HOST or ORCHESTRATOR_PORT"))
            }
        },
    };
    Ok(choose(global, &file.client, around, &recorded))
}

fn choose(
    global: &Global,
    file: &file::Client,
    around: Option<(known::Known, &'static str)>,
    recorded: &known::Recorded,
) -> Target {
    let current = recorded.current.as_ref();
    let (url, from) = match (&global.url, &around, &file.url, current) {
        (Some(url), ..) => (url.clone(), "--url or BATON_URL"),
        (_, Some((known, from)), ..) => (known.url.clone(), *from),
        (_, _, Some(url), _) => (url.clone(), "baton.toml"),
        (.., Some(known)) => (known.url.clone(), "the server last used here"),
        _ => (DEFAULT_URL.to_owned(), "the default address"),
    };
    let url = url.trim_end_matches('/').to_owned();
    // A recorded key belongs to its server alone: it is never shown to another.
    let known = around
        .map(|(known, _)| known)
        .or_else(|| recorded.find(&url).cloned());
    // So does that of a file which names its server.
    let of_file = file
        .url
        .as_deref()
        .is_none_or(|named| named.trim_end_matches('/') == url);
    let key = global
        .api_key
        .clone()
        .or_else(|| known.as_ref().and_then(known::Known::key))
        .or_else(|| {
            let key_file = file.key_file.as_deref().filter(|_| of_file);
            key_file.and_then(known::key_in)
        });
    let pinned = given(global)
        .or_else(|| file.pinned().some().filter(|_| of_file))
        .or_else(|| known.and_then(|k| k.pinned().some()))
        .unwrap_or_default();
    Target {
        url,
        key,
        pinned,
        from,
        named: global.url.is_some(),
    }
}

/// Whom the command line, or the environment, says to trust.
pub(crate) fn given(global: &Global) -> Option<Pinned> {
    let given = Pinned {
        fingerprint: global.fingerprint.clone(),
        authority: global.tls_ca.clone(),
    };
    given.some()
}

/// The variable that says how much must be free.
const MIN_FREE: &str = "BATON_MIN_FREE_MB";

/// Free megabytes below which a robot takes no work, as bytes.
pub(crate) fn min_free() -> Done<Option<u64>> {
    let Some(text) = environment::text(MIN_FREE)? else {
        return Ok(None);
    };
    let bytes = text.trim().parse::<u64>().ok();
    let bytes = bytes.and_then(|megabytes| megabytes.checked_mul(1_000_000));
    bytes.map(Some).ok_or_else(|| {
        Failure::usage(format!(
            "{MIN_FREE} is {text:?}, which is no number of megabytes"
        ))
        .fix(format!("set {MIN_FREE} to a whole number, or unset it"))
    })
}

/// This computer's name, as it is.
pub(crate) fn computer() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// A folder of this person: `$VAR`, or the place below the home folder.
pub(crate) fn personal(variable: &str, below_home: &str) -> Done<PathBuf> {
    if let Some(base) = environment::path(variable) {
        return Ok(base.join("baton"));
    }
    let home = environment::path("HOME").ok_or_else(|| {
        Failure::new(
            crate::exit::Exit::Failed,
            "no_home",
            "there is no home folder to keep settings in",
        )
        .fix(format!("set HOME or {variable}"))
    })?;
    Ok(home.join(below_home).join("baton"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> known::Recorded {
        known::Recorded::default().with(server("http://127.0.0.1:9000"), true)
    }

    fn server(url: &str) -> known::Known {
        known::Known {
            url: url.into(),
            api_key: Some("recorded".into()),
            key_file: None,
            fingerprint: None,
            tls_ca: None,
        }
    }

    #[test]
    fn the_server_started_last_is_used_unless_another_is_named() {
        let none = Global::default();
        let file = file::Client::default();
        let nothing = known::Recorded::default();
        assert_eq!(choose(&none, &file, None, &nothing).url, DEFAULT_URL);
        let found = choose(&none, &file, None, &known());
        assert_eq!(found.url, "http://127.0.0.1:9000");
        assert_eq!(found.key.as_deref(), Some("recorded"));
    }

    #[test]
    fn a_recorded_key_is_never_shown_to_another_server() {
        let other = Global {
            url: Some("http://elsewhere.example/".into()),
            ..Global::default()
        };
        let found = choose(&other, &file::Client::default(), None, &known());
        assert_eq!(found.url, "http://elsewhere.example");
        assert_eq!(found.key, None);
    }

    #[test]
    fn what_the_environment_names_beats_file_and_record_and_brings_its_own_key() {
        let file = file::Client {
            url: Some("http://file.example".into()),
            ..file::Client::default()
        };
        let of_folder = known::Known {
            api_key: Some("of the folder".into()),
            ..server("http://127.0.0.1:9001")
        };
        let none = Global::default();
        let found = choose(&none, &file, Some((of_folder, "BATON_DATA")), &known());
        assert_eq!(found.url, "http://127.0.0.1:9001");
        assert_eq!(found.key.as_deref(), Some("of the folder"));
        assert!(!found.named);
    }

    #[test]
    fn the_key_of_a_file_is_not_shown_to_another_server_than_the_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, "of the file").expect("written");
        let file = file::Client {
            url: Some("http://file.example".into()),
            key_file: Some(key_file),
            ..file::Client::default()
        };
        let nothing = known::Recorded::default();
        let found = choose(&Global::default(), &file, None, &nothing);
        assert_eq!(found.key.as_deref(), Some("of the file"));
        let other = Global {
            url: Some("http://elsewhere.example".into()),
            ..Global::default()
        };
        assert_eq!(choose(&other, &file, None, &nothing).key, None);
    }

    #[test]
    fn whom_to_trust_is_recorded_for_one_server_and_a_flag_beats_it() {
        let recorded = known::Known {
            fingerprint: Some("ab".into()),
            ..server("http://127.0.0.1:9000")
        };
        let recorded = known::Recorded::default().with(recorded, true);
        let file = file::Client::default();
        let none = Global::default();
        let found = choose(&none, &file, None, &recorded);
        assert_eq!(found.pinned.fingerprint.as_deref(), Some("ab"));
        let flag = Global {
            tls_ca: Some("ca.pem".into()),
            ..Global::default()
        };
        let found = choose(&flag, &file, None, &recorded);
        assert_eq!(found.pinned.authority, Some("ca.pem".into()));
        assert_eq!(found.pinned.fingerprint, None);
        let other = Global {
            url: Some("https://elsewhere.example".into()),
            ..Global::default()
        };
        let found = choose(&other, &file, None, &recorded);
        assert_eq!(found.pinned, Pinned::default());
    }

    #[test]
    fn flags_beat_the_file_and_the_file_beats_what_is_recorded() {
        let file = file::Client {
            url: Some("http://file.example".into()),
            ..file::Client::default()
        };
        let flag = Global {
            url: Some("http://flag.example".into()),
            ..Global::default()
        };
        assert_eq!(
            choose(&flag, &file, None, &known()).url,
            "http://flag.example"
        );
        let none = Global::default();
        assert_eq!(
            choose(&none, &file, None, &known()).url,
            "http://file.example"
        );
    }
}
