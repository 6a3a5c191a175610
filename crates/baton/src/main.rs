//! The executable: understands the command line, does what it asks, and ends with a documented exit code.

mod bench;
mod cli;
mod commands;
mod demo_data;
mod exit;
mod failure;
mod output;
mod runrpa;
mod serve;
mod settings;
mod simulated;
mod source;
mod units;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    // A guard is started for every run: it must be small, alone in its process, and start at once.
    if words.get(1).is_some_and(|word| word == "guard") {
        return baton_agent::guard::main();
    }
    if words.first().is_some_and(is_runrpa) {
        return ExitCode::from(runrpa::by_its_name(&words[1..]));
    }
    if serve::is_long_lived(&words) {
        serve::listen_early();
    }
    ExitCode::from(commands::main(cli::parse::or_end(&words)))
}

/// Whether the executable was called under its other name, in whatever case and with whatever extension.
fn is_runrpa(program: &OsString) -> bool {
    Path::new(program)
        .file_stem()
        .is_some_and(|stem| stem.eq_ignore_ascii_case("runrpa"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_name_is_known_in_every_spelling() {
        for name in ["runrpa", "runRPA", "RunRpa.exe", "/usr/local/bin/runrpa"] {
            assert!(is_runrpa(&OsString::from(name)), "{name}");
        }
        for name in ["baton", "runrpa2", "", "/opt/runrpa/baton"] {
            assert!(!is_runrpa(&OsString::from(name)), "{name}");
        }
    }
}
