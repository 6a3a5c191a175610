//! `baton login` and `baton env`: into the dashboard, onto another server, and out to other programs.

use std::path::PathBuf;

use owo_colors::OwoColorize as _;
use serde_json::json;

use super::Session;
use crate::cli::Global;
use crate::cli::upkeep::{Env, Login};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use crate::serve::files;
use crate::settings::{self, known};

/// `baton login`
pub(crate) async fn login(session: &Session, args: &Login) -> Done {
    if session.target.key.is_none() {
        return Err(Failure::new(
            Exit::NotAllowed,
            "no_key",
            format!("no key is known for {}", session.target.url),
        )
        .fix("give one with --api-key KEY or BATON_API_KEY; `baton keys create` makes one on the server"));
    }
    // Asks who this is: a wrong key is refused here and never recorded.
    let me = session.client.session().await?;
    if args.save {
        let known = known::Known {
            url: session.target.url.clone(),
            api_key: session.target.key.clone(),
            key_file: None,
            fingerprint: session.target.pinned.fingerprint.clone(),
            tls_ca: authority(session)?,
        };
        let path = known::write(&known, true)?;
        output::note(&format!(
            "{} as {} ({}), recorded in {}",
            session.target.url.bold(),
            me.name,
            me.role.as_str(),
            path.display()
        ));
    }
    let link = session.client.create_sign_in_link().await?;
    // The link says it.
    session.keep_quiet();
    if session.json {
        output::json(&json!({ "session": me, "link": link }));
        return Ok(());
    }
    output::note("the dashboard, once:");
    output::line(&link.url);
    if args.open {
        open_browser(&link.url);
    }
    Ok(())
}

/// The file of authorities, by a path that is good in any folder.
fn authority(session: &Session) -> Done<Option<PathBuf>> {
    let file = session.target.pinned.authority.as_ref();
    file.map(|file| std::path::absolute(file).map_err(|e| Failure::file(file, "find", &e)))
        .transpose()
}

/// Opens a page in the person's browser, if there is one. Whether it worked, they see.
pub(crate) fn open_browser(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let mut command = std::process::Command::new(program);
    command
        .arg(url)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let _ = files::as_before(|| command.spawn());
}

/// `baton env`
pub(crate) fn env(global: &Global, args: &Env) -> Done {
    let target = settings::target(global)?;
    let variables = variables(&target);
    if global.json {
        let all: serde_json::Map<String, serde_json::Value> = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        output::json(&all);
        return Ok(());
    }
    for (name, value) in &variables {
        output::line(&assignment(&args.shell, name, value)?);
    }
    if target.key.is_none() {
        output::warn(&format!("no key is known for {}", target.url));
    }
    Ok(())
}

/// What scripts and Prefect clients need. Prefect's sockets do not send the API key: they send the
/// authorisation string, so both are set.
fn variables(target: &settings::Target) -> Vec<(&'static str, String)> {
    let mut all = vec![("BATON_URL", target.url.clone())];
    if let Some(key) = &target.key {
        all.push(("BATON_API_KEY", key.clone()));
    }
    all.push(("PREFECT_API_URL", format!("{}/api", target.url)));
    if let Some(key) = &target.key {
        all.push(("PREFECT_API_KEY", key.clone()));
        all.push(("PREFECT_API_AUTH_STRING", format!("baton:{key}")));
    }
    all
}

/// One variable as a shell sets it, whatever characters the value has.
fn assignment(shell: &str, name: &str, value: &str) -> Done<String> {
    match shell {
        "sh" | "bash" | "zsh" => Ok(format!("export {name}='{}'", value.replace('\'', r"'\''"))),
        "fish" => {
            let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
            Ok(format!("set -gx {name} '{quoted}'"))
        }
        "powershell" | "pwsh" => Ok(format!("$Env:{name} = '{}'", value.replace('\'', "''"))),
        other => Err(Failure::usage(format!("there is no shell {other:?} here"))
            .fix("write sh, fish or powershell")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_every_shell() {
        let value = r"it's \ $HOME";
        let quoted = |shell: &str| assignment(shell, "X", value).expect(shell);
        assert_eq!(quoted("sh"), r"export X='it'\''s \ $HOME'");
        assert_eq!(quoted("fish"), r"set -gx X 'it\'s \\ $HOME'");
        assert_eq!(quoted("powershell"), r"$Env:X = 'it''s \ $HOME'");
        assert!(assignment("tcsh", "X", value).is_err());
    }

    #[test]
    fn prefect_clients_get_key_and_authorisation_string() {
        let target = settings::Target {
            url: "http://127.0.0.1:8765".into(),
            key: Some("k".into()),
            pinned: settings::Pinned::default(),
            from: "a test",
            named: true,
        };
        let all = variables(&target);
        assert!(all.contains(&("PREFECT_API_URL", "http://127.0.0.1:8765/api".into())));
        assert!(all.contains(&("PREFECT_API_AUTH_STRING", "baton:k".into())));
    }
}
