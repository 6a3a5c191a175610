//! What is executed: the words after `--`, else `baton.toml`, else the script itself, else `main.py`,
//! else the folder's only executable.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use baton_core::flow::{Entry, Python};

use super::{Wish, runner};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::settings::file::BatonToml;

/// The file that a folder runs when nothing else is said.
const MAIN: &str = "main.py";
/// How many files an error lists at most.
const LISTED: usize = 20;

/// Finds what is executed at a path.
pub(crate) fn find(
    path: &Path,
    flow: &str,
    settings: &BatonToml,
    wish: &Wish,
    requirements: Option<String>,
) -> Done<Entry> {
    let named = wish.python.clone().or_else(|| settings.flow.python.clone());
    let command = Command {
        env: settings.flow.env.clone(),
        workdir: settings.flow.workdir.clone().unwrap_or_default(),
        python: Python::of(named, requirements),
    };
    if let Some(program) = wish.argv.first() {
        // Whoever writes only the script's own flags would replace the program by them.
        if program.starts_with('-') {
            return Err(Failure::usage(format!(
                "{program:?} is no program: the words after -- are the whole command"
            ))
            .fix(format!(
                "write the program too, as in: -- python3 main.py {program}"
            )));
        }
        return Ok(command.entry(wish.argv.clone()));
    }
    if let Some(argv) = &settings.flow.command {
        if argv.is_empty() {
            return Err(Failure::new(
                Exit::Refused,
                "empty_command",
                format!(
                    "the command in {} is empty",
                    path.join("baton.toml").display()
                ),
            )
            .fix("write command = [\"python3\", \"main.py\"], or take the line away"));
        }
        return Ok(command.entry(argv.clone()));
    }
    if path.is_file() {
        let argv = runner::argv(path, &settings.runners)?;
        return Ok(command.script(argv));
    }
    if path.join(MAIN).is_file() {
        return Ok(command.script(vec!["python3".into(), MAIN.into()]));
    }
    sole_executable(path, flow).map(|argv| command.script(argv))
}

/// What an entry is made of beside its argv.
struct Command {
    env: BTreeMap<String, String>,
    workdir: String,
    python: Option<Python>,
}

impl Command {
    fn entry(&self, argv: Vec<String>) -> Entry {
        Entry::Command {
            argv,
            env: self.env.clone(),
            workdir: self.workdir.clone(),
            python: self.python.clone(),
        }
    }

    /// A script with its program: where a Python is named, that one takes the program's place. A program that is no
    /// Python has no use for an interpreter, but finds what an environment holds.
    fn script(&self, mut argv: Vec<String>) -> Entry {
        let is_python = argv.first().is_some_and(|program| program == "python3");
        if !is_python && matches!(self.python, Some(Python::Interpreter(_))) {
            return Command {
                env: self.env.clone(),
                workdir: self.workdir.clone(),
                python: None,
            }
            .entry(argv);
        }
        let is_script = argv.get(1).is_some_and(|word| word.ends_with(".py"));
        if is_python && is_script && self.python.is_some() {
            argv.remove(0);
        }
        self.entry(argv)
    }
}

/// A word about a command that runs Robot Framework when nothing says where that comes from.
pub(crate) fn without_robot(entry: &Entry, packages: &str) -> Option<String> {
    let Entry::Command { argv, python, .. } = entry else {
        return None;
    };
    let runs_robot = argv
        .windows(2)
        .any(|pair| pair[0] == "-m" && pair[1] == "robot");
    let named = packages.to_lowercase().contains("robotframework");
    (runs_robot && !named && !matches!(python, Some(Python::Interpreter(_)))).then(|| {
        "nothing says where Robot Framework comes from: unless the robot's python3 has it, write \
         robotframework into requirements.txt, or name a list with --requirements or an interpreter with --python"
            .to_owned()
    })
}

fn sole_executable(folder: &Path, flow: &str) -> Done<Vec<String>> {
    let mut executables = Vec::new();
    let mut suites = Vec::new();
    let mut others = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(|e| Failure::file(folder, "read", &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Failure::file(folder, "read", &e))?;
        let (Ok(meta), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) else {
            continue;
        };
        if !meta.is_file() || name.starts_with('.') {
            continue;
        }
        if name.ends_with(".robot") {
            suites.push(name);
        } else if meta.permissions().mode() & 0o111 != 0 {
            executables.push(name);
        } else {
            others.push(name);
        }
    }
    executables.sort();
    others.sort();
    if let [only] = executables.as_slice() {
        return Ok(vec![format!("./{only}")]);
    }
    match suites.as_slice() {
        [only] if executables.is_empty() => return Ok(runner::robot(&[only])),
        // The folder's own name is another on each robot, and would name the suite.
        [_, ..] if executables.is_empty() => return Ok(runner::robot(&["--name", flow, "."])),
        _ => {}
    }
    let found = if executables.is_empty() {
        format!("no executable among {}", listed(&others))
    } else {
        format!("several executables: {}", listed(&executables))
    };
    Err(Failure::new(
        Exit::Refused,
        "no_entry",
        format!("nothing says what to run in {}: there is no {MAIN}, and {found}", folder.display()),
    )
    .fix("say it after --, as in: baton deploy PATH -- python3 tool.py, or as command in its baton.toml"))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "no files at all".into();
    }
    let mut text = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    text
}
