//! Every `baton …` that a document, a help text, an error or the dashboard tells people to type is a command.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

/// Fewer than these would mean that the search does not find what is said.
const LEAST: usize = 300;

#[test]
fn every_command_that_people_are_told_to_type_exists_with_its_flags() {
    let mut root = Cli::command();
    root.build();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for path in texts() {
        let text = fs::read_to_string(&path).expect("it can be read");
        for (number, line) in text.lines().enumerate() {
            for said in commands(line) {
                seen += 1;
                if let Err(why) = check(&root, said) {
                    let place = path.display();
                    wrong.push(format!("{place}:{}: `baton {said}`: {why}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > LEAST, "only {seen} were found");
}

/// The files that speak to people.
fn texts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all: Vec<_> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
        .map(|name| root.join(name))
        .into();
    for (folder, endings) in [
        ("docs", &["md"][..]),
        ("examples", &["md"]),
        ("crates", &["rs"]),
        ("web/src", &["ts", "tsx"]),
    ] {
        let mut left = vec![root.join(folder)];
        while let Some(dir) = left.pop() {
            for entry in fs::read_dir(dir).expect("a folder").flatten() {
                let path = entry.path();
                let ending = path.extension().and_then(|e| e.to_str());
                if path.is_dir() {
                    left.push(path);
                } else if ending.is_some_and(|e| endings.contains(&e)) && path != Path::new(file!())
                {
                    all.push(path);
                }
            }
        }
    }
    all
}

/// What follows `baton ` in code of this line: in backticks, or a line of its own that is set in.
fn commands(line: &str) -> Vec<&str> {
    let ticked = line
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.strip_prefix("baton "));
    let alone = (line.starts_with("  ") && !line.contains('`'))
        .then(|| line.trim_start())
        .and_then(|own| {
            own.strip_prefix("sudo ")
                .unwrap_or(own)
                .strip_prefix("baton ")
        })
        // Help texts explain behind two spaces, shells behind a `#`.
        .and_then(|own| own.split("  ").next())
        .and_then(|own| own.split(" #").next())
        // The last one of a help text stands before the end of its attribute.
        .map(|own| own.trim_end_matches("\")]"));
    ticked.chain(alone).collect()
}

fn check(root: &Command, said: &str) -> Result<(), String> {
    let mut command = root;
    let mut words = said.split_whitespace();
    while let Some(word) = words.next() {
        let word = word.trim_end_matches([',', '.', ':', ';']);
        if word == "--" || word.contains('|') || word == "&&" {
            break;
        }
        if let Some(name) = word.strip_prefix("--") {
            let name = name.trim_end_matches([']', '…']);
            let flag = name.split('=').next().unwrap_or(name);
            let arg = find(command, |arg| arg.get_long() == Some(flag)).or_else(|| {
                find(command, |arg| {
                    arg.get_all_aliases().is_some_and(|a| a.contains(&flag))
                })
            });
            match arg {
                Some(arg) if arg.get_action().takes_values() && !name.contains('=') => {
                    words.next();
                }
                Some(_) => {}
                None if flag == "help" || flag == "version" => {}
                None => return Err(format!("{} has no --{flag}", command.get_name())),
            }
        } else if let Some(name) = word.strip_prefix('-').and_then(|rest| rest.chars().next()) {
            match find(command, |arg| arg.get_short() == Some(name)) {
                Some(arg) if arg.get_action().takes_values() => {
                    words.next();
                }
                Some(_) => {}
                None if name == 'h' || name == 'V' => {}
                None => return Err(format!("{} has no -{name}", command.get_name())),
            }
        } else if let Some(below) = command.find_subcommand(word) {
            command = below;
        } else if command.has_subcommands() && word.chars().all(|c| c.is_ascii_lowercase()) {
            return Err(format!("{} has no {word}", command.get_name()));
        }
    }
    Ok(())
}

fn find(command: &Command, fits: impl Fn(&Arg) -> bool) -> Option<&Arg> {
    command.get_arguments().find(|arg| fits(arg))
}
