//! Why a command failed: what, where, what to do, a stable code and an exit code.

use std::fmt;

use crate::exit::Exit;

/// A command's failure, as it is shown to people and to programs.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Stable, snake_case.
    pub(crate) code: String,
    /// What is wrong and where.
    pub(crate) what: String,
    /// What to do about it; empty where `what` says it.
    pub(crate) fix: String,
    /// How the process ends.
    pub(crate) exit: Exit,
}

/// What a command returns.
pub(crate) type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with a stable code.
    pub(crate) fn new(exit: Exit, code: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            what: what.into(),
            fix: String::new(),
            exit,
        }
    }

    /// The command line is wrong in a way that clap cannot see.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", what)
    }

    /// A file could not be read or written.
    pub(crate) fn file(path: &std::path::Path, verb: &str, error: &std::io::Error) -> Self {
        let exit = if error.kind() == std::io::ErrorKind::NotFound {
            Exit::NotFound
        } else {
            Exit::Failed
        };
        Self::new(
            exit,
            "file",
            format!("cannot {verb} {}: {error}", path.display()),
        )
    }

    /// The same failure with advice.
    #[must_use]
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Writes it to standard error: a sentence for people, an object for programs.
    pub(crate) fn show(&self, json: bool) {
        if json {
            let value = serde_json::json!({
                "error": { "code": self.code, "message": self.what, "fix": self.fix, "exit": self.exit.code() }
            });
            anstream::eprintln!("{value}");
            return;
        }
        use owo_colors::OwoColorize as _;
        crate::output::note(&format!(
            "{} {} [{}]",
            "error:".red().bold(),
            self.what,
            self.code
        ));
        if !self.fix.is_empty() {
            crate::output::note(&format!("  {} {}", "→".bold(), self.fix));
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}
