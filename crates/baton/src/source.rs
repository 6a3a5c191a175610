//! What `baton deploy` finds at a path: a folder or a script, its name, its entry and its parameters.

pub(crate) mod entry;
pub(crate) mod git;
pub(crate) mod origin;
pub(crate) mod parameters;
pub(crate) mod requirements;
pub(crate) mod runner;
pub(crate) mod siblings;

use std::path::{Path, PathBuf};

use baton_core::flow::Entry;
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::settings::file::{self, BatonToml};

/// Something that can be deployed.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The name of its flow.
    pub(crate) flow: String,
    /// What its `baton.toml` says.
    pub(crate) settings: BatonToml,
    /// What is executed.
    pub(crate) entry: Entry,
    /// JSON Schema of its parameters.
    pub(crate) schema: Value,
    /// Files that go along although they do not lie there.
    pub(crate) carried: Vec<(String, Vec<u8>)>,
    /// What deserves a word when it is deployed.
    pub(crate) notes: Vec<String>,
}

/// What the command line says about the source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// `--flow`
    pub(crate) flow: Option<String>,
    /// The words after `--`.
    pub(crate) argv: Vec<String>,
    /// `--python`
    pub(crate) python: Option<String>,
    /// `--requirements`
    pub(crate) requirements: Option<PathBuf>,
}

/// Looks at a path.
pub(crate) fn look(path: &Path, wish: &Wish) -> Done<Source> {
    let path = path.canonicalize().map_err(|e| {
        Failure::file(path, "read", &e).fix("name a folder or a script that exists")
    })?;
    let settings = if path.is_dir() && path.join(file::NAME).is_file() {
        file::read(&path.join(file::NAME))?
    } else {
        BatonToml::default()
    };
    let flow = wish
        .flow
        .clone()
        .or_else(|| settings.flow.name.clone())
        .map_or_else(|| stem(&path), Ok)?;
    baton_core::flow::check_name(&flow).map_err(|why| {
        Failure::new(
            Exit::Refused,
            "bad_name",
            format!("{flow:?} cannot name a flow: {why}"),
        )
        .fix("give another with --flow NAME")
    })?;
    let packages = requirements::find(&path, &settings, wish)?;
    let entry = entry::find(&path, &flow, &settings, wish, packages.file.clone())?;
    let schema = parameters::schema(&path, &settings)?;
    let mut notes = Vec::new();
    if let Some(from) = &packages.from {
        notes.push(format!("its Python packages are those of {from}"));
    }
    notes.extend(entry::without_robot(&entry, &packages.text));
    let carried = match packages.file {
        Some(file) if packages.carried => vec![(file, packages.text.into_bytes())],
        _ => Vec::new(),
    };
    Ok(Source {
        path,
        flow,
        settings,
        entry,
        schema,
        carried,
        notes,
    })
}

/// The name of a flow that was given none: the folder's name, or the file's without its extension.
fn stem(path: &Path) -> Done<String> {
    let part = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    part.and_then(|name| name.to_str())
        .map(str::to_owned)
        .ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                "bad_name",
                format!("{} has no name that could be the flow's", path.display()),
            )
            .fix("give one with --flow NAME")
        })
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
