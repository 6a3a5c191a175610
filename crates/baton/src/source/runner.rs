//! Which program runs a script: configured, by its first line, by its extension, or the script itself.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::exit::Exit;
use crate::failure::{Done, Failure};

/// Extensions with a program of their own, in the order in which a bare name is tried.
pub(crate) const BUILT_IN: [(&str, &str); 11] = [
    (".py", "python3"),
    (".sh", "sh"),
    (".bash", "bash"),
    (".js", "node"),
    (".mjs", "node"),
    (".rb", "ruby"),
    (".pl", "perl"),
    (".php", "php"),
    (".r", "Rscript"),
    (".ps1", "pwsh"),
    (ROBOT, "robot"),
];

/// Suites of Robot Framework, which is a module of the flow's Python rather than a program.
const ROBOT: &str = ".robot";

/// Workbooks: scripts of OPTIMUS that only a configured program can run.
pub(crate) const WORKBOOKS: [&str; 3] = [".xlsm", ".xlsx", ".xls"];

/// Longest first line that is looked at for a program, in bytes.
const MAX_SHEBANG: usize = 256;

/// What stands for the script in a configured command.
const FILE: &str = "{{file}}";

/// The extension of a file with its dot, in lower case.
pub(crate) fn extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?;
    Some(format!(".{}", extension.to_ascii_lowercase()))
}

/// The words that run a script from its own folder.
pub(crate) fn argv(script: &Path, configured: &BTreeMap<String, Vec<String>>) -> Done<Vec<String>> {
    let name = script
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| Failure::usage(format!("{} has no readable name", script.display())))?;
    let extension = extension(script);
    if let Some(command) = extension.as_ref().and_then(|e| configured.get(e)) {
        return Ok(with_file(command, name));
    }
    if extension.as_deref() == Some(".py") {
        return Ok(vec!["python3".into(), name.into()]);
    }
    if extension.as_deref() == Some(ROBOT) {
        return Ok(robot(&[name]));
    }
    if is_executable(script) {
        return Ok(vec![format!("./{name}")]);
    }
    if let Some(mut words) = shebang(script) {
        words.push(name.into());
        return Ok(words);
    }
    let built_in = BUILT_IN
        .iter()
        .find(|(known, _)| extension.as_deref() == Some(*known));
    if let Some((_, program)) = built_in {
        return Ok(vec![(*program).to_owned(), name.into()]);
    }
    let refused = |why: &str| {
        Failure::new(
            Exit::Failed,
            "no_runner",
            format!("nothing can run {name}: {why}"),
        )
    };
    Err(match extension {
        Some(shown) => refused(&format!("there is no runner for {shown}")).fix(format!(
            "name a program in baton.toml or runrpa.toml: [runners] \"{shown}\" = [\"program\", \"{FILE}\"], or make the file executable"
        )),
        None => refused("it has no extension, is not executable and does not begin with #!")
            .fix("make the file executable, or say in its first line what runs it"),
    })
}

/// The words that run Robot Framework, whose files are kept with the run.
pub(crate) fn robot(words: &[&str]) -> Vec<String> {
    let start = [
        "python3",
        "-m",
        "robot",
        "--outputdir",
        "{{baton.artifacts}}",
    ];
    start
        .iter()
        .chain(words)
        .map(|word| (*word).to_owned())
        .collect()
}

/// A configured command with the script in its place, or at its end.
fn with_file(command: &[String], name: &str) -> Vec<String> {
    let mut argv: Vec<String> = command
        .iter()
        .map(|word| word.replace(FILE, name))
        .collect();
    if !command.iter().any(|word| word.contains(FILE)) {
        argv.push(name.to_owned());
    }
    argv
}

/// Whether the file may be executed.
pub(crate) fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The program that the script's first line names. `/usr/bin/env X` is X.
fn shebang(script: &Path) -> Option<Vec<String>> {
    let mut start = [0; MAX_SHEBANG];
    let read = std::fs::File::open(script).ok()?.read(&mut start).ok()?;
    let text = String::from_utf8_lossy(&start[..read]);
    let line = text.strip_prefix("#!")?.lines().next()?;
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    if words.first()?.ends_with("/env") {
        words.remove(0);
        if words.first().is_some_and(|word| word == "-S") {
            words.remove(0);
        }
    }
    (!words.is_empty()).then_some(words)
}
