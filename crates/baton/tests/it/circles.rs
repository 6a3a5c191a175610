//! Files and rooms of a crate import each other in one direction; exceptions stand in a list that may only shrink.
//!
//! A room is a file of `src` with its folder. A file and the files below it are one thing and may know each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{files, root};

/// A place in a crate: the names from the crate's root to the file.
type Place = Vec<String>;
type Graph = BTreeMap<Place, BTreeSet<Place>>;

/// The code of a file, without comments and tests.
fn code(text: &str) -> String {
    let lines = text
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .lines();
    let without = lines.map(|line| line.split("//").next().unwrap_or_default());
    without.collect::<Vec<_>>().join("\n")
}

/// The paths of a `use` tree, braces written out.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().to_owned()];
    };
    let inner = rest.trim_end().trim_end_matches('}');
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("never empty").push(c);
    }
    // A closing brace of an inner list was trimmed with the outer one.
    let closed = |part: String| {
        let (open, shut) = (part.matches('{').count(), part.matches('}').count());
        part + &"}".repeat(open.saturating_sub(shut))
    };
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    let each = parts.flat_map(|part| expand(&closed(part)));
    each.map(|part| format!("{}{part}", before.trim()))
        .collect()
}

/// Every path that a file names: of its `use`s, and those that begin with `crate`, `super` or `self`.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("use ").skip(1) {
        found.extend(expand(rest.split(';').next().unwrap_or_default()));
    }
    for word in code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        if ["crate::", "super::", "self::"]
            .iter()
            .any(|b| word.starts_with(b))
        {
            found.push(word.to_owned());
        }
    }
    found
}

/// The place in the crate that a path in the file at `from` means.
fn target(path: &str, from: &Place, places: &BTreeSet<Place>) -> Option<Place> {
    let mut names: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut base = from.clone();
    match names[0] {
        "crate" => {
            base.clear();
            names.remove(0);
        }
        "self" => drop(names.remove(0)),
        "super" => {
            while names.first() == Some(&"super") {
                base.pop();
                names.remove(0);
            }
        }
        // A name without any of these is a file below, or of another crate.
        first => {
            base.push(first.to_owned());
            let below = places.contains(&base);
            base.pop();
            if !below {
                return None;
            }
        }
    }
    base.extend(names.into_iter().map(str::to_owned));
    while !places.contains(&base) {
        base.pop()?;
    }
    Some(base)
}

/// Who imports whom in a crate, as far as neither lies below the other.
fn imports(krate: &str, depth: usize) -> Graph {
    let folder = format!("crates/{krate}/src/");
    let sources: BTreeMap<Place, String> = files(&folder, ".rs")
        .into_iter()
        .filter(|(name, _)| {
            let tests = ["_tests.rs", "/properties.rs", "/scene.rs", "/main.rs"];
            !tests.iter().any(|end| name.ends_with(end))
        })
        .map(|(name, text)| {
            let place = name[folder.len()..].trim_end_matches(".rs");
            let names = place.split('/').filter(|name| *name != "lib");
            (names.map(str::to_owned).collect(), code(&text))
        })
        .collect();
    let places: BTreeSet<Place> = sources.keys().cloned().collect();
    let mut graph = Graph::new();
    for (from, code) in &sources {
        for to in paths(code)
            .iter()
            .filter_map(|path| target(path, from, &places))
        {
            let short = |place: &Place| place.iter().take(depth).cloned().collect::<Place>();
            let (from, to) = (short(from), short(&to));
            if !from.starts_with(&to) && !to.starts_with(&from) {
                graph.entry(from).or_default().insert(to);
            }
        }
    }
    graph
}

/// Everything that can be reached from a place.
fn reached(graph: &Graph, from: &Place) -> BTreeSet<Place> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Place> = graph.get(from).into_iter().flatten().collect();
    while let Some(place) = open.pop() {
        if found.insert(place.clone()) {
            open.extend(graph.get(place).into_iter().flatten());
        }
    }
    found
}

#[test]
fn files_and_rooms_of_a_crate_import_each_other_in_one_direction() {
    let list = root().join("crates/baton/tests/it/circles.txt");
    let listed = std::fs::read_to_string(list).expect("the list");
    let listed: BTreeSet<&str> = listed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut found = BTreeSet::new();
    for krate in [
        "baton",
        "baton-agent",
        "baton-api",
        "baton-core",
        "baton-server",
        "baton-store",
    ] {
        for (what, depth) in [("room", 1), ("file", usize::MAX)] {
            let graph = imports(krate, depth);
            let round = graph
                .keys()
                .filter(|place| reached(&graph, place).contains(*place));
            found.extend(round.map(|place| format!("{what} {krate}/{}", place.join("/"))));
        }
    }
    let new: Vec<&String> = found
        .iter()
        .filter(|f| !listed.contains(f.as_str()))
        .collect();
    assert!(
        new.is_empty(),
        "each of these imports what imports it again, perhaps over others; move what both need below both:\n{new:#?}"
    );
    let gone: Vec<&&str> = listed.iter().filter(|l| !found.contains(**l)).collect();
    assert!(
        gone.is_empty(),
        "take these off circles.txt, they are in no circle any more:\n{gone:#?}"
    );
}
