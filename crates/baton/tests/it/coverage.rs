//! Keeps docs/coverage.md and the table of error codes complete and true.
//!
//! `coverage_names.txt` holds every name that the requirements use, in groups. Each must have one row
//! in the table, and what the row names (routes, Rust items, commands, files, tests) must exist.
//! `coverage_untested.txt` lists the rows without a test; it may only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a row may say instead of a test.
const NO_TEST: &str = "no test yet";
/// The parts of the product that are still to come; a row names one of them.
const LATER: [&str; 5] = [
    "dashboard page: later",
    "later (graph flows)",
    "later (unmodified Prefect clients)",
    "later (PostgreSQL and several servers)",
    "later (realtime, Supabase, alerts)",
];
/// Routes that are no part of the OpenAPI document: an upgrade has no schema.
const UNDOCUMENTED: [&str; 1] = ["/ws/robot"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every Rust file below a folder of the repository, by name.
fn rust_files(folder: &str) -> BTreeMap<String, String> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let root = root();
    let mut paths = Vec::new();
    walk(&root.join(folder), &mut paths);
    assert!(!paths.is_empty(), "{folder} holds no Rust");
    let name = |p: &Path| p.strip_prefix(&root).expect("below").display().to_string();
    paths
        .iter()
        .map(|p| (name(p), fs::read_to_string(p).expect("readable")))
        .collect()
}

fn none(problems: Vec<String>, rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n  {}", problems.join("\n  "));
}

/// A row of the table.
struct Row {
    name: String,
    place: String,
    test: String,
}

fn rows() -> Vec<Row> {
    let text = read("docs/coverage.md");
    let rows: Vec<Row> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| name |"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [name, place, test] = cells[..] else {
                panic!("three cells: {line}");
            };
            Row {
                name: name.to_owned(),
                place: place.to_owned(),
                test: test.to_owned(),
            }
        })
        .collect();
    assert!(rows.len() > 300, "the table was read");
    rows
}

/// The names of a list with one a line; `#` begins a group.
fn list(path: &str) -> Vec<String> {
    let lines = read(path);
    lines
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with("# "))
        .map(str::to_owned)
        .collect()
}

/// The parts of a text in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `word` stands in `text` with nothing of a word around it.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word)
    })
}

#[test]
fn every_required_name_has_exactly_one_row() {
    let required = list("crates/baton/tests/it/coverage_names.txt");
    let mut wanted = BTreeSet::new();
    let mut bad = Vec::new();
    for name in &required {
        if !wanted.insert(name.as_str()) {
            bad.push(format!("twice in the list: {name}"));
        }
    }
    let rows = rows();
    let mut seen = BTreeSet::new();
    for row in &rows {
        if !seen.insert(row.name.as_str()) {
            bad.push(format!("twice in the table: {}", row.name));
        }
        if !wanted.contains(row.name.as_str()) {
            bad.push(format!("not in the list: {}", row.name));
        }
    }
    bad.extend(wanted.difference(&seen).map(|n| format!("no row: {n}")));
    none(bad, "docs/coverage.md and coverage_names.txt");
}

#[test]
fn every_row_names_a_place_and_a_test_or_says_what_is_missing() {
    let mut bad = Vec::new();
    let mut untested = BTreeSet::new();
    for row in rows() {
        let later = LATER.iter().any(|l| row.place.contains(l));
        if row.place.contains("later (") && !later {
            bad.push(format!("{}: an unknown part: {}", row.name, row.place));
        }
        if !later && quoted(&row.place).next().is_none() {
            bad.push(format!("{}: no place", row.name));
        }
        match row.test.as_str() {
            NO_TEST => {
                untested.insert(row.name);
            }
            "later" if row.place.starts_with("later (") || row.place.contains("; unmodified") => {}
            test if quoted(test).next().is_some() => {}
            _ => bad.push(format!("{}: no test, and no word about it", row.name)),
        }
    }
    let known: BTreeSet<String> = list("crates/baton/tests/it/coverage_untested.txt")
        .into_iter()
        .collect();
    bad.extend(
        untested
            .difference(&known)
            .map(|n| format!("untested and not on the list: {n}")),
    );
    bad.extend(
        known
            .difference(&untested)
            .map(|n| format!("on the list and not untested: {n}")),
    );
    none(bad, "rows of docs/coverage.md");
}

/// `METHOD /path` with each parameter's name taken out.
fn plain_route(text: &str) -> Option<(String, String)> {
    let (method, path) = text.split_once(' ')?;
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
    (known && path.starts_with('/')).then(|| (method.to_lowercase(), plain_path(path)))
}

fn plain_path(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.starts_with('{') {
            true => "{}",
            false => segment,
        });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_that_is_named_exists() {
    let snapshot = "crates/baton-server/openapi.json";
    let document: serde_json::Value =
        serde_json::from_str(&read(snapshot)).expect("the OpenAPI snapshot is JSON");
    let paths = document["paths"].as_object().expect("paths");
    let known: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an item").keys();
            methods.map(|m| (m.clone(), plain_path(path)))
        })
        .collect();
    let table =
        read("crates/baton-server/src/http/table.rs") + &read("crates/baton-api/src/robot.rs");
    let mut bad = Vec::new();
    let mut checked = 0;
    for row in rows() {
        for place in quoted(&row.place) {
            if let Some(route) = plain_route(place) {
                checked += 1;
                if !known.contains(&route) {
                    bad.push(format!("{}: {place}", row.name));
                }
            } else if place.starts_with('/')
                && !(UNDOCUMENTED.contains(&place) && table.contains(&format!("\"{place}\"")))
            {
                bad.push(format!("{}: {place}", row.name));
            }
        }
    }
    assert!(checked > 50, "routes were found in the table");
    none(bad, "routes that are not there");
}

/// Whether a crate's source defines `item`, in a type named `owner` where there is one.
fn defines(source: &BTreeMap<String, String>, owner: Option<&str>, item: &str) -> bool {
    const KINDS: [&str; 8] = [
        "fn", "struct", "enum", "trait", "const", "type", "mod", "static",
    ];
    source.values().any(|text| match owner {
        None => KINDS.iter().any(|k| has_word(text, &format!("{k} {item}"))),
        Some(owner) => blocks(text, owner).any(|block| has_word(block, item)),
    })
}

/// What stands between the braces of items that name this type: its definition and its impls.
fn blocks<'a>(text: &'a str, owner: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(owner).filter_map(move |(at, _)| {
        let head = text[..at].rfind('\n').map_or(0, |n| n + 1);
        let line = text[head..].lines().next()?;
        let opens = line.ends_with('{') && has_word(line, owner);
        let item = ["pub", "struct", "enum", "trait", "impl"]
            .iter()
            .any(|k| line.starts_with(k));
        if !opens || !item {
            return None;
        }
        let body = &text[head + line.len()..];
        Some(&body[..body.find("\n}")?])
    })
}

#[test]
fn every_rust_item_that_is_named_exists() {
    let mut crates: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut bad = Vec::new();
    let mut checked = 0;
    for row in rows() {
        for place in quoted(&row.place) {
            let parts: Vec<&str> = place.split("::").collect();
            if parts.len() < 2 || !parts[0].starts_with("baton") {
                continue;
            }
            let folder = format!("crates/{}/src", parts[0].replace('_', "-"));
            let source = crates
                .entry(folder.clone())
                .or_insert_with(|| rust_files(&folder));
            let item = parts[parts.len() - 1];
            let before = parts[parts.len() - 2];
            let owner = before.starts_with(char::is_uppercase).then_some(before);
            checked += 1;
            if !defines(source, owner, item) {
                bad.push(format!("{}: {place}", row.name));
            }
        }
    }
    assert!(checked > 100, "items were found in the table");
    none(bad, "Rust items that are not there");
}

#[test]
fn every_command_that_is_named_exists() {
    let text = |folder: &str| rust_files(folder).into_values().collect::<String>();
    let tree = read("crates/baton/src/cli.rs") + &text("crates/baton/src/cli");
    let runrpa = read("crates/baton/src/runrpa/flags.rs");
    let mut bad = Vec::new();
    let mut checked = 0;
    for row in rows() {
        for place in quoted(&row.place) {
            let (name, rest) = place.split_once(' ').unwrap_or((place, ""));
            if !matches!(name, "baton" | "runrpa") {
                continue;
            }
            checked += 1;
            let words = rest.split(' ').take_while(|w| !w.starts_with('-'));
            let command = std::iter::once(name)
                .chain(words)
                .collect::<Vec<_>>()
                .join(" ");
            // Every visible command shows examples of itself (a test of its own).
            let known = name == "runrpa" || has_word(&tree, &command);
            let unknown = rest.split(' ').filter(|w| w.starts_with('-')).find(|flag| {
                if name == "runrpa" {
                    !matches!(*flag, "-h" | "--help") && !runrpa.contains(&format!("\"{flag}\""))
                } else {
                    let field = flag.trim_start_matches('-').replace('-', "_");
                    !has_word(&tree, &field)
                }
            });
            if !known || unknown.is_some() {
                bad.push(format!("{}: {place}", row.name));
            }
        }
    }
    assert!(checked > 50, "commands were found in the table");
    none(bad, "commands that are not there");
}

#[test]
fn every_test_and_variable_that_is_named_exists() {
    let sources: String = rust_files("crates").into_values().collect();
    let mut bad = Vec::new();
    let mut checked = 0;
    for row in rows() {
        for test in quoted(&row.test) {
            checked += 1;
            let found = test.split_once("::").is_some_and(|(file, name)| {
                fs::read_to_string(root().join(file)).is_ok_and(|text| {
                    let rust = file.ends_with(".rs");
                    has_word(
                        &text,
                        &if rust {
                            format!("fn {name}")
                        } else {
                            name.to_owned()
                        },
                    )
                })
            });
            if !found {
                bad.push(format!("{}: {test}", row.name));
            }
        }
        for place in quoted(&row.place) {
            let variable =
                place.contains('_') && place.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if variable && !has_word(&sources, place) {
                bad.push(format!("{}: {place}", row.name));
            }
        }
    }
    assert!(checked > 150, "tests were found in the table");
    none(bad, "tests and variables that are not there");
}

/// Words by which an error with a stable code is made; the code is the first literal after them.
const ERRORS: [&str; 16] = [
    "ApiError::new(",
    "ApiError::invalid(",
    "ApiError::bad_request(",
    "ApiError::conflict(",
    "StoreError::conflict(",
    "Self::conflict(",
    "Self::bad_request(",
    "Self::invalid(",
    "ScheduleError::new(",
    "ParameterError::new(",
    "PackageError::new(",
    "Failure::new(",
    "Refusal::protocol(",
    "protocol_error(",
    "unauthorised(",
    "code: \"",
];

/// The literals in a program's text that are codes of errors.
fn codes(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for maker in ERRORS {
        for (at, _) in text.match_indices(maker) {
            let rest = &text[at + maker.trim_end_matches('"').len()..];
            // The code is an argument of this call, not a word of the next one.
            let call = rest.split([';', '}']).next().unwrap_or_default();
            let Some(code) = call.split('"').nth(1) else {
                continue;
            };
            let is_code = !code.is_empty()
                && code
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_code {
                found.insert(code.to_owned());
            }
        }
    }
    // An error type that says its own code names them all in one function.
    for (at, _) in text.match_indices("fn code(&self) -> &'static str {") {
        let body = text[at..].split("\n    }").next().unwrap_or_default();
        found.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    found
}

#[test]
fn every_error_code_is_explained() {
    let page = read("docs/reference/error-codes.md");
    let explained: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let mut used = BTreeMap::new();
    let mut literals = String::new();
    for folder in [
        "baton-api",
        "baton-core",
        "baton-store",
        "baton-server",
        "baton",
    ] {
        for (file, text) in rust_files(&format!("crates/{folder}/src")) {
            if file.ends_with("_tests.rs") {
                continue;
            }
            for code in codes(&text) {
                used.entry(code).or_insert(file.clone());
            }
            literals.push_str(&text);
        }
    }
    // The agent's codes are words of the robot wire; those that end the command have a row here too.
    for (_, text) in rust_files("crates/baton-agent/src") {
        literals.push_str(&text);
    }
    assert!(used.len() > 40, "codes were found in the sources");
    let missing = used
        .iter()
        .filter(|(code, _)| !explained.contains(code.as_str()))
        .map(|(code, file)| format!("{code} ({file})"))
        .collect();
    none(
        missing,
        "codes without a row in docs/reference/error-codes.md",
    );
    let gone = explained
        .iter()
        .filter(|code| !literals.contains(&format!("\"{code}\"")))
        .map(|code| (*code).to_owned())
        .collect();
    none(gone, "rows of codes that nothing uses");
}
