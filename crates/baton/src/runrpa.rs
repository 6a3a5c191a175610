//! The OPTIMUS face: `runrpa -f NAME -o 2`, with its own flags, defaults and exit codes.

mod answer;
pub(crate) mod argv;
mod deploy;
mod desktop;
pub(crate) mod flags;
mod here;
mod plan;
mod record;
pub(crate) mod script;
mod spool;
mod upload;

use std::ffi::OsString;

use serde_json::{Map, Value};

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use argv::{Asked, Flags};
use script::Script;

/// What argparse ends with when the command line is wrong; OPTIMUS also says it for software errors.
const WRONG: u8 = 2;
/// What OPTIMUS ends with when something is configured wrongly.
const CONFIGURATION: u8 = 1;

/// The same for the executable under its other name, which has no flags but these.
pub(crate) fn by_its_name(words: &[OsString]) -> u8 {
    match read(words) {
        Ok((global, words)) => main(&global, &words),
        Err(failure) => {
            failure.show(false);
            exit_code(&failure)
        }
    }
}

/// Does what `runrpa` with these words does, and says how the process ends.
pub(crate) fn main(global: &Global, words: &[String]) -> u8 {
    let flags = match argv::parse(words) {
        Ok(Asked::Help) => {
            output::text_out(&flags::help());
            return Exit::Ok.code();
        }
        Ok(Asked::Run(flags)) => flags,
        Err(text) => {
            output::note(text.trim_end());
            return WRONG;
        }
    };
    if words.is_empty() {
        output::note(flags::usage().trim_end());
    }
    match act(global, &flags) {
        Ok(code) => code,
        Err(failure) => {
            failure.show(global.json);
            exit_code(&failure)
        }
    }
}

/// The environment and the words, which must be text: what a script is given must be what was written.
fn read(words: &[OsString]) -> Done<(Global, Vec<String>)> {
    let text = |word: &OsString| {
        word.clone().into_string().map_err(|word| {
            let shown = word.to_string_lossy();
            Failure::usage(format!("the argument {shown:?} is not UTF-8 text"))
                .fix("write it in UTF-8")
        })
    };
    let words = words.iter().map(text).collect::<Done<_>>()?;
    Ok((Global::from_environment()?, words))
}

/// A failure of ours by OPTIMUS's numbers.
fn exit_code(failure: &Failure) -> u8 {
    match failure.exit {
        Exit::Usage | Exit::Unreachable | Exit::NotAllowed => WRONG,
        _ => CONFIGURATION,
    }
}

fn act(global: &Global, flags: &Flags) -> Done<u8> {
    let here = std::env::current_dir().map_err(|e| {
        Failure::new(
            Exit::Failed,
            "no_folder",
            format!("there is no current folder: {e}"),
        )
    })?;
    let script = script::find(flags.text("startfile"), &here)?;
    for warning in desktop::warnings(flags.text("background"), cfg!(windows)) {
        output::warn(&warning);
    }
    match flags.int("flowrun") {
        0 | 1 | 3 => here::run(global, &script, flags),
        2 => deploy::deploy(global, &script, flags).map(|()| Exit::Ok.code()),
        other => Err(Failure::new(
            Exit::Failed,
            "bad_flowrun",
            format!("-o {other} means nothing"),
        )
        .fix("use 0 or 1 to run, 2 to deploy, 3 to debug")),
    }
}

/// How a deployed run is told that it runs as a flow: `-o 2` deploys what runs like `-o 1`.
const FLOW_RUN: i64 = 1;

/// What a deployment stores: the flags, where `-o 2` itself says only what was done on the command line.
fn stored_parameters(script: &Script, flags: &Flags) -> Map<String, Value> {
    let mut all = parameters(script, flags);
    all.insert("flowrun".to_owned(), FLOW_RUN.into());
    all
}

/// Every flag as a parameter of the script, under its long name: numbers as numbers, `-a` as a list.
fn parameters(script: &Script, flags: &Flags) -> Map<String, Value> {
    flags::FLAGS
        .iter()
        .map(|flag| {
            let name = flag.parameter();
            let value = match name {
                // However it was typed, a script has one name.
                "startfile" => script
                    .path
                    .file_name()
                    .map_or(Value::Null, |f| f.to_string_lossy().into()),
                "arguments" => flags.arguments().into(),
                _ if flag.int => flags.int(name).into(),
                _ => flags.text(name).into(),
            };
            (name.to_owned(), value)
        })
        .collect()
}

/// The parameters for something that describes its own: its defaults, and those flags that it knows.
fn own_parameters(schema: &Value, flags: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return flags;
    };
    properties
        .iter()
        .filter_map(|(name, property)| {
            let value = flags.get(name).or_else(|| property.get("default"))?;
            Some((name.clone(), value.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_reaches_the_script_under_its_long_name() {
        let words: Vec<String> = [
            "-f", "cscKPI", "-sc", "block", "-r", "2", "-b", "13", "-a", "x  ,  y",
        ]
        .iter()
        .map(|w| (*w).to_owned())
        .collect();
        let Ok(Asked::Run(flags)) = argv::parse(&words) else {
            panic!("it is well-formed");
        };
        let script = Script {
            path: "scripts/cscKPI.py".into(),
            flow: "cscKPI".into(),
            runners: std::collections::BTreeMap::new(),
        };
        let parameters = parameters(&script, &flags);
        assert_eq!(parameters.len(), flags::FLAGS.len());
        assert_eq!(parameters["startfile"], "cscKPI.py");
        assert_eq!(parameters["startcode"], "block");
        assert_eq!(parameters["retries"], 2);
        assert_eq!(parameters["background"], "13");
        assert_eq!(parameters["arguments"], serde_json::json!(["x", "y"]));
        assert_eq!(parameters["tag"], "production");
    }
}
