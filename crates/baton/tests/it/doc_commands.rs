//! Every `baton` command that a page shows is one that the executable understands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page, by name.
fn pages() -> BTreeMap<String, String> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "md") {
                out.push(path);
            }
        }
    }
    let root = root();
    let mut paths = vec![root.join("README.md")];
    walk(&root.join("docs"), &mut paths);
    walk(&root.join("examples"), &mut paths);
    let name = |p: &Path| p.strip_prefix(&root).expect("below").display().to_string();
    paths
        .iter()
        .map(|p| (name(p), fs::read_to_string(p).expect("readable")))
        .collect()
}

/// The commands of a page: in indented lines, and in backticks.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let mut found: Vec<String> = joined
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .map(str::to_owned)
        .collect();
    for line in text.lines().filter(|line| !line.starts_with("    ")) {
        found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    let plain = |line: &str| {
        let mut line = line.trim();
        for prefix in ["sudo ", "target/release/", "target/debug/"] {
            line = line.strip_prefix(prefix).unwrap_or(line);
        }
        line.starts_with("baton ").then(|| line.to_owned())
    };
    found.iter().filter_map(|line| plain(line)).collect()
}

/// The words of a command line up to a comment, a pipe or `--`, as a shell parts them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars().chain([' ']) {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == ' ' => words.push(std::mem::take(&mut word)),
            None => word.push(c),
        }
    }
    let ends =
        |w: &String| matches!(w.as_str(), "|" | "||" | "&&" | ">" | "--") || w.starts_with('#');
    words
        .into_iter()
        .filter(|w| !w.is_empty())
        .take_while(|w| !ends(w))
        .collect()
}

/// The help texts of commands, asked once each.
#[derive(Default)]
struct Helps(BTreeMap<Vec<String>, Option<String>>);

impl Helps {
    fn of(&mut self, path: &[String]) -> Option<&str> {
        let ask = || {
            let output = Command::new(env!("CARGO_BIN_EXE_baton"))
                .args(path)
                .arg("--help")
                .output()
                .expect("the executable starts");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            output.status.success().then_some(text)
        };
        self.0.entry(path.to_vec()).or_insert_with(ask).as_deref()
    }
}

/// What of a command line the executable does not understand.
fn unknown(helps: &mut Helps, words: &[String]) -> Option<String> {
    let mut path = Vec::new();
    let mut help = helps.of(&path).expect("the executable has help").to_owned();
    let mut rest = words[1..].iter();
    for word in rest.by_ref() {
        if word.starts_with('-') || !help.contains("\nCommands:\n") {
            break;
        }
        path.push(word.clone());
        match helps.of(&path) {
            Some(text) => help = text.to_owned(),
            None => return Some(format!("no command {}", path.join(" "))),
        }
    }
    if path.first().is_some_and(|command| command == "runrpa") {
        return None;
    }
    let flags = words.iter().filter(|w| w.starts_with('-') && w.len() > 1);
    for flag in flags {
        let flag = flag.split('=').next().unwrap_or(flag);
        let known = help.match_indices(flag).any(|(at, _)| {
            let after = help[at + flag.len()..].chars().next();
            !after.is_some_and(|c| c.is_alphanumeric() || c == '-')
        });
        if !known {
            return Some(format!("{} has no {flag}", path.join(" ")));
        }
    }
    None
}

#[test]
fn every_command_that_a_page_shows_is_understood() {
    let mut helps = Helps::default();
    let mut bad = Vec::new();
    let mut checked = 0;
    for (page, text) in pages() {
        for line in commands(&text).iter().filter(|line| !line.contains('…')) {
            checked += 1;
            if let Some(what) = unknown(&mut helps, &words(line)) {
                bad.push(format!("{page}: {line}: {what}"));
            }
        }
    }
    assert!(checked > 150, "commands were found: {checked}");
    assert!(
        bad.is_empty(),
        "commands that do not exist:\n  {}",
        bad.join("\n  ")
    );
}
