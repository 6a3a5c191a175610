//! Reads the command line; a wrong value from the environment is refused by the variable's name.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;
use crate::exit::Exit;
use crate::failure::Failure;

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
