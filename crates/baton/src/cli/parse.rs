//! Reads the command line; a wrong value from the environment is refused by the variable's name.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::environment;

/// Reads these words, or ends the process with help, version or what is wrong.
pub(crate) fn or_end(words: &[OsString]) -> Cli {
    match parse(words) {
        Ok(cli) => cli,
        Err(error) => end(&error, words),
    }
}

/// Reads these words. A variable that is set to nothing counts as not set, as in shells and compose files.
fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = without_empty_variables(Cli::command());
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn without_empty_variables(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let empty = (arg.get_env())
                .is_some_and(|name| std::env::var_os(name).is_some_and(|v| v.is_empty()));
            if empty {
                // No variable has no name; clap cannot be told to forget one.
                arg.env("").hide_env(true)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// Says what clap has to say, in the form that was asked for.
fn end(error: &clap::Error, words: &[OsString]) -> ! {
    let told = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if told {
        error.exit();
    }
    if error.kind() == ErrorKind::InvalidUtf8 {
        not_text(words).show(words.iter().any(|word| word == "--json"));
        std::process::exit(i32::from(Exit::Usage.code()))
    }
    let from = variable(error, words);
    if words.iter().any(|word| word == "--json") {
        let text = error.render().to_string();
        let text = text.trim().trim_start_matches("error: ");
        let mut failure = Failure::usage(text);
        if let Some(name) = from {
            failure = failure.fix(format!("the value comes from the environment: {name}"));
        }
        failure.show(true);
    } else {
        let _ = error.print();
        if let Some(name) = from {
            crate::output::note(&format!("\nThe value comes from the environment: {name}"));
        }
    }
    std::process::exit(i32::from(Exit::Usage.code()))
}

/// What is no text: a word of the command line, or else a variable that stands for a flag and is no path.
fn not_text(words: &[OsString]) -> Failure {
    if let Some(word) = words.iter().find(|word| word.to_str().is_none()) {
        let shown = word.to_string_lossy();
        return Failure::usage(format!("the argument {shown:?} is not UTF-8 text"))
            .fix("write it in UTF-8");
    }
    let command = Cli::command();
    let called = words.iter().skip(1).filter_map(|word| word.to_str());
    let used = called.fold(vec![&command], |mut used, word| {
        let last = used.last().copied();
        used.extend(last.and_then(|command| command.find_subcommand(word)));
        used
    });
    let path = clap::builder::ValueParser::path_buf().type_id();
    let mut flags = used.iter().flat_map(|command| command.get_arguments());
    let culprit = flags.find_map(|flag| {
        let name = flag.get_env()?;
        let value = std::env::var_os(name)?;
        let is_wrong = value.to_str().is_none() && flag.get_value_parser().type_id() != path;
        is_wrong.then(|| name.to_string_lossy().into_owned())
    });
    environment::not_text(culprit.as_deref().unwrap_or("a variable"))
}

/// The variable that the refused value came from, where its flag was not typed.
fn variable(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = shown.split_whitespace().next()?;
    let typed = words.iter().filter_map(|word| word.to_str()).any(|word| {
        word == flag
            || word
                .strip_prefix(flag)
                .is_some_and(|rest| rest.starts_with('='))
    });
    if typed {
        return None;
    }
    let name = flag.strip_prefix("--")?;
    variable_of(&Cli::command(), name)
}

fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let own = (command.get_arguments())
        .filter(|arg| arg.get_long() == Some(flag))
        .filter_map(clap::Arg::get_env)
        .find(|name| std::env::var_os(name).is_some());
    own.map(|name| name.to_string_lossy().into_owned())
        .or_else(|| {
            command
                .get_subcommands()
                .find_map(|sub| variable_of(sub, flag))
        })
}
