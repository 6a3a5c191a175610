//! The command line: every command, its options and its examples.

use clap::builder::RangedI64ValueParser;
use clap::{Args, Parser, Subcommand};

use crate::failure::Done;
use crate::settings::environment;

pub(crate) mod audit;
pub(crate) mod catalog;
pub(crate) mod or_none;
pub(crate) mod parse;
pub(crate) mod queues;
pub(crate) mod robots;
pub(crate) mod runs;
pub(crate) mod runs_filter;
pub(crate) mod schedules;
pub(crate) mod serve;
pub(crate) mod upkeep;

#[cfg(test)]
mod said_tests;

/// Run automations on a fleet of machines.
#[derive(Debug, Parser)]
#[command(
    name = "baton",
    version,
    about = "Run automations on a fleet of machines",
    after_help = "Examples:
  baton up                                        start everything on this machine
  baton deploy examples/invoice_report --cron '0 6 * * *'
  baton run invoice_report -p month=2026-10 --watch
  baton runs ls --state failed
  baton exit-codes                                what each exit code means

Settings come from flags, then the environment (ORCHESTRATOR_HOST, ORCHESTRATOR_PORT, BATON_DATA,
BATON_URL, BATON_API_KEY, …), then baton.toml, then defaults.",
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Print JSON for programs instead of tables for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The server [default: that of BATON_DATA or ORCHESTRATOR_PORT, of baton.toml, or the one last started here]
    #[arg(long, global = true, env = "BATON_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The key to show the server [default: the one that `baton up` or `baton login` recorded]
    #[arg(
        long,
        global = true,
        env = "BATON_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub(crate) api_key: Option<String>,
    /// SHA-256 of the server's certificate: trust this one and no other
    #[arg(
        long,
        global = true,
        env = "BATON_FINGERPRINT",
        value_name = "SHA256",
        conflicts_with = "tls_ca"
    )]
    pub(crate) fingerprint: Option<String>,
    /// PEM file of the authorities that may vouch for the server [default: this machine's]
    #[arg(long, global = true, env = "BATON_TLS_CA", value_name = "FILE")]
    pub(crate) tls_ca: Option<std::path::PathBuf>,
    /// Read settings from this file [default: ./baton.toml where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<std::path::PathBuf>,
    /// Say more about what happens (twice: everything)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Global {
    /// What the environment says, for the face of the executable that has flags of its own.
    pub(crate) fn from_environment() -> Done<Self> {
        Ok(Self {
            url: environment::text("BATON_URL")?,
            api_key: environment::text("BATON_API_KEY")?,
            fingerprint: environment::text("BATON_FINGERPRINT")?,
            tls_ca: environment::path("BATON_TLS_CA"),
            ..Self::default()
        })
    }
}

/// Most rows that the server gives in one page, and so what a command asks for at once.
pub(crate) const PAGE: u32 = 1_000;

/// A whole number between two bounds; another is refused by naming them.
pub(crate) fn between(least: u32, most: u32) -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(least)..=i64::from(most))
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start server, scheduler and one local robot on this machine
    Up(serve::Up),
    /// Start a server without a robot
    Server(serve::Server),
    /// Start a robot that serves a server
    Robot(serve::Robot),
    /// Deploy a folder or a script as a flow
    Deploy(Box<runs::Deploy>),
    /// Run a flow on a robot
    Run(Box<runs::Run>),
    /// Look at runs, and act on them
    #[command(subcommand)]
    Runs(runs::Runs),
    /// Look at deployments, and change them
    #[command(subcommand)]
    Deployments(catalog::Deployments),
    /// Look at schedules, and change them
    #[command(subcommand)]
    Schedules(schedules::Schedules),
    /// Look at work queues, and change them
    #[command(subcommand)]
    Queues(queues::Queues),
    /// Hold how many runs with a tag may be live at once
    #[command(subcommand)]
    Limits(queues::Limits),
    /// Look at robots, and act on them
    #[command(subcommand)]
    Robots(robots::Robots),
    /// Look at flows and their versions
    #[command(subcommand)]
    Flows(catalog::Flows),
    /// What runs handed back
    #[command(subcommand)]
    Results(catalog::Results),
    /// Files that runs left behind
    #[command(subcommand)]
    Artifacts(catalog::Artifacts),
    /// Keys for people, programs and robots
    #[command(subcommand)]
    Keys(upkeep::Keys),
    /// Who did what, and when
    Audit(audit::Audit),
    /// Copy the server's data to a file, while it runs
    Backup(upkeep::Backup),
    /// Put a backup in place of the data of a server that is not running
    Restore(upkeep::Restore),
    /// Run server or robot as a system service
    #[command(subcommand)]
    Service(upkeep::Service),
    /// Print export lines for scripts and Prefect clients
    Env(upkeep::Env),
    /// Make a one-time sign-in link for the dashboard, or record another server
    Login(upkeep::Login),
    /// Check a server's whole history for broken promises
    Verify(upkeep::Verify),
    /// Report a task, progress or an output from inside a run
    #[command(subcommand)]
    Report(upkeep::Report),
    /// Print a completion script for a shell
    Completion(upkeep::Completion),
    /// Measure how fast a server is
    Bench(crate::bench::Bench),
    /// Start a demo: two weeks of believable history and robots that seem to work
    DemoData(upkeep::DemoData),
    /// Run or deploy a script the OPTIMUS way (also as an executable named runrpa)
    #[command(disable_help_flag = true)]
    Runrpa {
        /// See `baton runrpa -h`
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "FLAGS"
        )]
        words: Vec<String>,
    },
    /// Print what each exit code means
    ExitCodes,
    /// Hold one attempt's process tree; started by the agent
    #[command(hide = true)]
    Guard {
        /// What the agent passes on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<std::ffi::OsString>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_tree_of_commands_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_visible_command_shows_examples() {
        fn walk(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
            for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
                let path = format!("{path} {}", sub.get_name());
                let own = matches!(sub.get_name(), "runrpa" | "exit-codes" | "help");
                if !own && sub.get_after_help().is_none() {
                    missing.push(path.clone());
                }
                walk(sub, &path, missing);
            }
        }
        let mut missing = Vec::new();
        walk(&Cli::command(), "baton", &mut missing);
        assert!(missing.is_empty(), "no examples: {missing:#?}");
    }
}
