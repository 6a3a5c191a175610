//! Says what went into a package and what stayed out, where that deserves a look.

use baton_api::package::Packed;
use baton_core::flow::Entry;

use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use crate::source::Source;
use crate::units;

/// How many names of each kind are listed.
const LISTED: usize = 8;
/// So many of the first words of a command are its program and script, which must be there.
const MUST: usize = 2;

/// Says it, and refuses a package without what is executed.
pub(crate) fn say(source: &Source, packed: &Packed) -> Done {
    for note in &source.notes {
        output::note(note);
    }
    if !packed.secret.is_empty() {
        output::warn(&format!(
            "these go along and are named like secrets: {}; robots and whoever may read packages see them. Name them in \
             .batonignore to keep them out",
            listed(packed.secret.iter().cloned())
        ));
    }
    if !packed.large.is_empty() {
        let sizes = packed.large.iter();
        output::warn(&format!(
            "these go along and are large: {}; name what is no part of the flow in .batonignore",
            listed(sizes.map(|(path, size)| format!("{path} ({})", units::bytes(*size))))
        ));
    }
    for list in [".gitignore", ".batonignore", "a Python environment"] {
        let mut left = packed
            .left_out
            .iter()
            .filter(|left| left.why == list)
            .peekable();
        if left.peek().is_some() {
            let names = listed(left.map(|left| left.path.clone()));
            output::note(&match list {
                ".gitignore" => format!(
                    "left out by .gitignore: {names}; a line !NAME in .batonignore takes one along"
                ),
                ".batonignore" => format!("left out by .batonignore: {names}"),
                _ => format!("left out as Python environments: {names}"),
            });
        }
    }
    check(source, packed)
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = names.collect();
    let more = all.len().saturating_sub(LISTED);
    let shown = all[..all.len() - more].join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Refuses what could not run: the program, its script or its list of packages stays out.
fn check(source: &Source, packed: &Packed) -> Done {
    let Entry::Command {
        argv,
        python,
        workdir,
        ..
    } = &source.entry
    else {
        return Ok(());
    };
    let place = |word: &str| {
        let word = word.trim_start_matches("./");
        if workdir.is_empty() {
            word.to_owned()
        } else {
            format!("{}/{word}", workdir.trim_matches('/'))
        }
    };
    let out = |path: &str| {
        let above = |left: &str| {
            path.strip_prefix(left)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        packed
            .left_out
            .iter()
            .find(|left| above(&left.path))
            .map(|left| left.why)
    };
    let list = python.as_ref().and_then(|python| python.requirements());
    let needed = argv.iter().take(MUST).map(|word| place(word));
    for path in needed.chain(list.map(str::to_owned)) {
        if let Some(why) = out(&path) {
            return Err(Failure::new(
                Exit::Refused,
                "package_lacks",
                format!("{path} is needed to run this, and stays out of the package by {why}"),
            )
            .fix(format!("write !{path} into .batonignore to take it along")));
        }
    }
    for word in argv.iter().skip(MUST) {
        let path = place(word);
        if let Some(why) = out(&path).filter(|_| source.path.join(&path).exists()) {
            output::warn(&format!(
                "the command names {word}, which stays out of the package by {why}"
            ));
        }
    }
    Ok(())
}
