//! The examples that `baton up` deploys on its first start; the executable carries them along.

use std::path::{Path, PathBuf};

use baton_api::rest::DeployRequest;
use rust_embed::RustEmbed;

use crate::cli::runs::Policy;
use crate::commands::{Session, deploy, policy};
use crate::failure::{Done, Failure};
use crate::source::{self, Wish};

/// The example that `baton up` runs at once.
pub(crate) const SHOWN: &str = "invoice_report";

#[derive(RustEmbed)]
#[folder = "../../examples"]
struct Examples;

/// Writes the examples to a folder and deploys each. Gives their names.
pub(crate) async fn deploy_all(session: &Session, data: &Path) -> Done<Vec<String>> {
    let folder = data.join("examples");
    let mut names = Vec::new();
    for example in unpack(&folder)? {
        let source = source::look(&example, &Wish::default())?;
        let patch = policy::patch(&Policy::default(), &source.settings.deployment)?;
        let request: DeployRequest = deploy::request(&source, "default".into(), patch);
        let made = deploy::send(session, &source, request).await?;
        names.push(made.flow.name);
    }
    Ok(names)
}

/// Writes the examples to a folder, and gives the folder of each.
fn unpack(folder: &Path) -> Done<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in Examples::iter() {
        if name.contains("__pycache__") {
            continue;
        }
        let Some(file) = Examples::get(&name) else {
            continue;
        };
        let path = folder.join(&*name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|e| Failure::file(parent, "make", &e))?;
        std::fs::write(&path, &file.data).map_err(|e| Failure::file(&path, "write", &e))?;
        if path.file_name().is_some_and(|n| n == "baton.toml") {
            found.push(parent.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_can_be_deployed_from_the_executable_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let found = unpack(folder.path()).expect("written");
        let names: Vec<String> = found
            .iter()
            .map(|path| {
                source::look(path, &Wish::default())
                    .expect("deployable")
                    .flow
            })
            .collect();
        assert_eq!(
            names,
            ["cat_fact", "flaky", "invoice_report", "long_running"]
        );
        assert!(names.iter().any(|n| n == SHOWN));
    }
}
