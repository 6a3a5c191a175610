//! `baton results` and `baton artifacts`: what runs handed back and left behind.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use baton_api::rest::{Artifact, JobResult};
use owo_colors::OwoColorize as _;

use super::{Session, choose};
use crate::cli::catalog::{Artifacts, Results};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look, table};
use crate::units;

/// Largest file that is downloaded, in bytes: what a robot may hand over fits many times.
const MAX_DOWNLOAD: u64 = 64 << 30;

/// Names of outputs up to this many letters are padded to one width.
const WIDEST_NAME: usize = 40;

/// `baton results`
pub(crate) async fn results(session: &Session, command: Results) -> Done {
    let Results::Show { run } = command;
    let run = choose::run(session, &run).await?;
    let result = session.client.result(&run.id.to_string()).await?;
    if session.json {
        output::json(&result);
    } else {
        show(&result);
    }
    Ok(())
}

fn show(result: &JobResult) {
    output::line(&format!(
        "{} {}",
        Look::of(result.state, false).painted(),
        result.name.bold()
    ));
    let mut facts = vec![("attempt", result.attempt.to_string())];
    if let Some(code) = result.exit_code {
        facts.push(("exit code", code.to_string()));
    }
    if let Some(seconds) = result.execution_time {
        facts.push(("took", units::span(seconds)));
    }
    if let Some(error) = &result.error {
        facts.push(("error", error.message.clone()));
    }
    output::facts(&facts);
    if !result.outputs.is_empty() {
        output::heading("Outputs");
        let width = result.outputs.keys().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0).min(WIDEST_NAME);
        for (name, value) in &result.outputs {
            let padded = format!("{name:width$}");
            output::line(&format!("{}  {value}", padded.dimmed()));
        }
    }
}

/// `baton artifacts`
pub(crate) async fn artifacts(session: &Session, command: Artifacts) -> Done {
    match command {
        Artifacts::Ls { run } => {
            let run = choose::run(session, &run).await?;
            let all = session.client.artifacts(&run.id.to_string()).await?.items;
            if session.json {
                output::json(&all);
            } else {
                print(&all);
            }
            Ok(())
        }
        Artifacts::Get { run, name, output } => get(session, &run, name, output).await,
    }
}

/// Prints files as a table.
pub(crate) fn print(artifacts: &[Artifact]) {
    let mut table = table::table(&["file", "size", "type", "attempt", "id"]);
    for artifact in artifacts {
        table.add_row(vec![
            table::cell(&artifact.name),
            table::cell(units::bytes(u64::try_from(artifact.size).unwrap_or(0))),
            table::cell(&artifact.content_type),
            table::cell(artifact.attempt),
            table::cell(artifact.id),
        ]);
    }
    table::print(&mut table, "it left no files");
}

async fn get(session: &Session, run: &str, name: Option<String>, to: Option<PathBuf>) -> Done {
    let run = choose::run(session, run).await?;
    let mut all = session.client.artifacts(&run.id.to_string()).await?.items;
    if let Some(name) = &name {
        all.retain(|a| a.name == *name || a.id.to_string() == *name);
        // The latest attempt's file is the one that people mean.
        let latest = all.iter().map(|a| a.attempt).max();
        all.retain(|a| Some(a.attempt) == latest);
    }
    if all.is_empty() {
        return Err(Failure::new(
            Exit::NotFound,
            "artifact_not_found",
            match &name {
                Some(name) => format!("{} left no file {name:?}", run.name),
                None => format!("{} left no files", run.name),
            },
        )
        .fix(format!(
            "`baton artifacts ls {}` shows what there is",
            run.name
        )));
    }
    let one = all.len() == 1 && name.is_some();
    for artifact in &all {
        let path = match &to {
            Some(path) if path == Path::new("-") => None,
            Some(path) if one && !path.is_dir() => Some(path.clone()),
            Some(path) => Some(below(path, &safe(&artifact.name)?)?),
            None => Some(below(Path::new(""), &safe(&artifact.name)?)?),
        };
        fetch(session, artifact, path.as_deref()).await?;
    }
    Ok(())
}

/// The name as a path below the chosen folder: a server must not choose where files go.
fn safe(name: &str) -> Done<PathBuf> {
    let path = Path::new(name);
    let plain = path
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if plain && !name.is_empty() {
        Ok(path.to_owned())
    } else {
        Err(Failure::new(
            Exit::Refused,
            "unsafe_name",
            format!("the file's name {name:?} leads out of the folder"),
        )
        .fix("name where to write it with -o FILE"))
    }
}

/// Where a file of this name goes below the folder, with the folders made that it needs. One that is there and
/// is a link leads elsewhere: nothing is written through it.
fn below(folder: &Path, name: &Path) -> Done<PathBuf> {
    let mut path = folder.to_owned();
    for part in name.parent().into_iter().flat_map(Path::components) {
        path.push(part);
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => {
                let what = format!("{} is there and is no folder", path.display());
                return Err(Failure::new(Exit::Refused, "unsafe_name", what)
                    .fix("fetch it elsewhere, with -o FOLDER"));
            }
            Err(_) => {
                std::fs::create_dir(&path).map_err(|e| Failure::file(&path, "make", &e))?;
            }
        }
    }
    Ok(folder.join(name))
}

async fn fetch(session: &Session, artifact: &Artifact, path: Option<&Path>) -> Done {
    let mut download = session.client.artifact(artifact.id, MAX_DOWNLOAD).await?;
    let Some(path) = path else {
        let mut out = std::io::stdout().lock();
        while let Some(chunk) = download.chunk().await? {
            if out.write_all(&chunk).is_err() {
                return Ok(());
            }
        }
        return Ok(());
    };
    super::backup::save(&mut download, path).await?;
    output::line(&path.display().to_string());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_lands_outside_the_chosen_folder() {
        assert_eq!(safe("a/b.txt").expect("plain"), Path::new("a/b.txt"));
        for bad in ["../x", "/etc/x", "a/../../x", "", "."] {
            assert!(safe(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_are_made_below_the_chosen_one_and_links_lead_nowhere() {
        let dir = tempfile::tempdir().expect("folder");
        let path = below(dir.path(), Path::new("a/b/c.csv")).expect("made");
        assert_eq!(path, dir.path().join("a/b/c.csv"));
        assert!(dir.path().join("a/b").is_dir());
        std::os::unix::fs::symlink("/", dir.path().join("up")).expect("linked");
        assert!(below(dir.path(), Path::new("up/etc/c.csv")).is_err());
    }
}
