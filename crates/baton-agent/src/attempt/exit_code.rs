//! Known exit codes of known runners, in words: one table, tied to the runner that the command names.

use std::path::Path;

/// Who answered with the exit code, as far as the command says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// Robot Framework, also in parallel (pabot).
    Robot,
    /// robocorp's task runner.
    Robocorp,
    /// Anything else.
    Other,
}

/// What a code means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// In a few words.
    pub(crate) words: String,
    /// The command itself is wrong, so that another attempt would end the same.
    pub(crate) usage: bool,
}

impl Runner {
    /// The runner that this command starts. Programs that only start another are looked through; of a shell's
    /// text only one simple command is understood, since of several nobody knows whose code it is.
    pub(crate) fn of(argv: &[String]) -> Self {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        Self::of_words(&words)
    }

    fn of_words(words: &[&str]) -> Self {
        let Some((program, args)) = words.split_first() else {
            return Self::Other;
        };
        let name = Path::new(program).file_name().and_then(|n| n.to_str());
        match name.unwrap_or("") {
            "robot" | "pabot" => Self::Robot,
            "exec" | "nohup" | "setsid" => Self::of_words(args),
            "env" | "xvfb-run" => {
                let passed = |word: &&&str| word.starts_with('-') || word.contains('=');
                Self::of_words(&args[args.iter().take_while(passed).count()..])
            }
            "uv" | "poetry" | "pipenv" if args.first() == Some(&"run") => {
                Self::of_words(&args[1..])
            }
            "sh" | "bash" | "dash" | "zsh" => Self::of_shell(args),
            name if name.starts_with("python") => Self::of_python(args),
            _ => Self::Other,
        }
    }

    fn of_python(args: &[&str]) -> Self {
        let options = args
            .iter()
            .take_while(|a| a.starts_with('-') && **a != "-m");
        match args[options.count()..] {
            ["-m", "robot" | "robot.run" | "pabot" | "pabot.pabot", ..] => Self::Robot,
            ["-m", "robocorp.tasks", ..] => Self::Robocorp,
            _ => Self::Other,
        }
    }

    fn of_shell(args: &[&str]) -> Self {
        let [option, text, ..] = args else {
            return Self::Other;
        };
        if !option.starts_with('-')
            || !option.ends_with('c')
            || text.contains([';', '|', '&', '\n', '`', '('])
        {
            return Self::Other;
        }
        let words = text.split_whitespace();
        let words: Vec<&str> = words
            .skip_while(|w| w.contains('=') && !w.starts_with('-'))
            .collect();
        Self::of_words(&words)
    }
}

/// What this exit code of this runner means, where it is known. `shows_usage`: near its end it printed how it is
/// to be called.
pub(crate) fn meaning(runner: Runner, code: i32, shows_usage: bool) -> Option<Meaning> {
    let known = |words: &str| {
        Some(Meaning {
            words: words.to_owned(),
            usage: false,
        })
    };
    let usage = |words: &str| {
        Some(Meaning {
            words: words.to_owned(),
            usage: true,
        })
    };
    match (runner, code) {
        (Runner::Robot, 1) => known("1 task failed"),
        (Runner::Robot, 2..=249) => known(&format!("{code} tasks failed")),
        (Runner::Robot, 250) => known("250 or more tasks failed"),
        (Runner::Robot, 251) => usage("it printed its help or version and ran nothing"),
        (Runner::Robot, 252) => usage("bad usage, or no task to run"),
        (Runner::Robot, 253) => known("stopped by a signal"),
        (Runner::Robot, 255) => known("an unexpected internal error of Robot Framework"),
        (Runner::Robot, _) => None,
        (Runner::Robocorp, 2) if shows_usage => usage("bad usage"),
        // What argparse, click and most command lines answer to an option or argument that they do not know.
        (_, 2) if shows_usage => usage("bad usage"),
        (Runner::Other, 126) => known("the command cannot be executed"),
        (Runner::Other, 127) => known("the command was not found"),
        (_, 129..=159) => {
            let signal = code - 128;
            let name = signal_name(signal)?;
            let hint = match name {
                "SIGKILL" => ": somebody killed it, or the machine ran out of memory",
                _ => "",
            };
            known(&format!("128 + signal {signal}, {name}{hint}"))
        }
        _ => None,
    }
}

#[cfg(target_os = "linux")]
pub(super) fn signal_name(signal: i32) -> Option<&'static str> {
    nix::sys::signal::Signal::try_from(signal)
        .ok()
        .map(nix::sys::signal::Signal::as_str)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn signal_name(_: i32) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(command: &str) -> Runner {
        let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
        Runner::of(&argv)
    }

    fn shell(text: &str) -> Runner {
        Runner::of(&["sh".into(), "-c".into(), text.into()])
    }

    #[test]
    fn the_runner_is_recognised_from_the_command() {
        for robot in [
            "robot three.robot",
            "/x/venv/bin/robot -d out three.robot",
            "python -m robot three.robot",
            "/usr/bin/python3.11 -u -m robot.run x",
            "pabot --processes 2 x",
            "env A=b robot x",
            "uv run robot x",
            "xvfb-run -a robot x",
        ] {
            assert_eq!(runner(robot), Runner::Robot, "{robot}");
        }
        assert_eq!(
            runner("python3 -m robocorp.tasks run tasks.py"),
            Runner::Robocorp
        );
        for other in [
            "python main.py",
            "python robot.py",
            "sh run.sh",
            "node robot",
            "java robot",
        ] {
            assert_eq!(runner(other), Runner::Other, "{other}");
        }
        assert_eq!(
            shell("exec robot -d \"$BATON_ARTIFACTS\" x.robot"),
            Runner::Robot
        );
        assert_eq!(shell("A=b robot x.robot"), Runner::Robot);
        // Whose code it is nobody knows.
        assert_eq!(shell("cd x && robot x.robot"), Runner::Other);
        assert_eq!(shell("robot x.robot; exit 3"), Runner::Other);
    }

    #[test]
    fn known_codes_have_words_and_only_a_wrong_command_is_called_usage() {
        let words = |runner, code, shown| meaning(runner, code, shown).map(|m| (m.words, m.usage));
        let is = |words: &str, usage| Some((words.to_owned(), usage));
        assert_eq!(words(Runner::Robot, 1, false), is("1 task failed", false));
        assert_eq!(words(Runner::Robot, 3, false), is("3 tasks failed", false));
        // Two tasks, whatever they wrote about usage.
        assert_eq!(words(Runner::Robot, 2, true), is("2 tasks failed", false));
        assert_eq!(
            words(Runner::Robot, 249, false),
            is("249 tasks failed", false)
        );
        assert_eq!(
            words(Runner::Robot, 250, false),
            is("250 or more tasks failed", false)
        );
        assert_eq!(
            words(Runner::Robot, 252, false),
            is("bad usage, or no task to run", true)
        );
        assert!(meaning(Runner::Robot, 251, false).expect("known").usage);
        assert!(!meaning(Runner::Robot, 253, false).expect("known").usage);
        assert_eq!(
            words(Runner::Robot, 143, false),
            is("143 tasks failed", false)
        );
        assert_eq!(words(Runner::Robocorp, 2, true), is("bad usage", true));
        // A task may call sys.exit(2).
        assert_eq!(words(Runner::Robocorp, 2, false), None);
        assert_eq!(words(Runner::Other, 2, true), is("bad usage", true));
        assert_eq!(words(Runner::Other, 2, false), None);
        assert_eq!(words(Runner::Other, 1, true), None);
        assert_eq!(
            words(Runner::Other, 127, false),
            is("the command was not found", false)
        );
        #[cfg(target_os = "linux")]
        assert_eq!(
            words(Runner::Other, 143, false),
            is("128 + signal 15, SIGTERM", false)
        );
        assert_eq!(words(Runner::Other, 160, false), None);
    }
}
