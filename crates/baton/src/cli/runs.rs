//! Options of `deploy`, `run` and `runs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::or_none::OrNone;
use super::runs_filter::{Chosen, Which};

/// Most runs that are listed at once: they are held in memory, and nobody reads more.
const MOST_RUNS: u32 = 100_000;

/// A parameter on the command line: `name=value`, split and judged later against the flow's schema.
pub(crate) type Pair = String;

/// When to run, in the words of `deploy` and `schedules`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Schedule")]
pub(crate) struct When {
    /// Cron expression of 5 or 6 fields, or an alias such as @daily
    #[arg(long, value_name = "EXPRESSION", group = "rule")]
    pub(crate) cron: Option<String>,
    /// Every so long, such as 30s, 15m, 2h, 7d
    #[arg(long, value_name = "DURATION", group = "rule")]
    pub(crate) every: Option<String>,
    /// Count --every from this time [default: --starts, else 1970-01-01 00:00 UTC]
    #[arg(long, value_name = "TIME", requires = "every")]
    pub(crate) anchor: Option<String>,
    /// Count whole days of --every by the calendar: the time of day stays when the clocks change
    #[arg(long, requires = "every")]
    pub(crate) wall_clock: bool,
    /// Every hour at this minute
    #[arg(long, value_name = "MINUTE", group = "rule", value_parser = clap::value_parser!(u8).range(0..=59))]
    pub(crate) hourly: Option<u8>,
    /// Every day at this time, such as 06:30
    #[arg(long, value_name = "TIME", group = "rule")]
    pub(crate) daily: Option<String>,
    /// On weekdays at a time, such as mon,wed@06:30 or mon-fri@06:30
    #[arg(long, value_name = "DAYS@TIME", group = "rule")]
    pub(crate) weekly: Option<String>,
    /// On days of the month at a time, such as 1,15@06:30 or last@18:00
    #[arg(long, value_name = "DAYS@TIME", group = "rule")]
    pub(crate) monthly: Option<String>,
    /// Once, at this local time, such as 2026-12-24T18:00
    #[arg(long, value_name = "TIME", group = "rule")]
    pub(crate) once: Option<String>,
    /// IANA zone in which times are meant [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
}

/// How runs are treated, as far as it is given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Runs; none takes back what was set")]
pub(crate) struct Policy {
    /// Work queue its runs wait in
    #[arg(long, value_name = "QUEUE")]
    pub(crate) queue: Option<String>,
    /// A label the robot must have
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Vec<String>,
    /// Something the robot must be able to do
    #[arg(long, value_name = "WORD")]
    pub(crate) capability: Vec<String>,
    /// Environment the robot must belong to
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// The one robot that may run it
    #[arg(long, value_name = "ROBOT")]
    pub(crate) robot: Option<String>,
    /// Each run occupies a desktop session of its own
    #[arg(
        long,
        value_name = "true|false|none",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        overrides_with = "no_desktop"
    )]
    pub(crate) desktop: Option<String>,
    /// No run occupies a desktop session
    #[arg(long, overrides_with = "desktop")]
    pub(crate) no_desktop: bool,
    /// A word to find its runs by
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// low, normal, high or critical
    #[arg(long, value_name = "PRIORITY")]
    pub(crate) priority: Option<String>,
    /// How long a run may take, such as 10m; 0 is without limit
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,
    /// How long a cancelled run may take to end by itself
    #[arg(long, value_name = "DURATION")]
    pub(crate) cancel_grace: Option<String>,
    /// The signal that asks a run to end: term, int, hup, quit, usr1 or usr2
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) stop_signal: Option<String>,
    /// How often a failed run is tried again
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<OrNone<u32>>,
    /// How long to wait before the second attempt
    #[arg(long, value_name = "DURATION")]
    pub(crate) retry_delay: Option<String>,
    /// How many times longer each further wait is
    #[arg(long, value_name = "FACTOR")]
    pub(crate) retry_backoff: Option<f64>,
    /// No wait between attempts is longer than this
    #[arg(long, value_name = "DURATION")]
    pub(crate) retry_max_delay: Option<String>,
    /// A kind of error that is tried again; without, every retryable kind
    #[arg(long, value_name = "KIND")]
    pub(crate) retry_on: Vec<String>,
    /// How many of its runs may be live at once; 0 holds all, none is without limit
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<OrNone<u32>>,
    /// What happens when the robot is lost: fail, retry or park
    #[arg(long, value_name = "POLICY")]
    pub(crate) on_lost: Option<String>,
    /// How long a run may go on while its robot and the server do not hear each other, 60s to 7d
    /// [default: 60s where another attempt may follow, else 4h]
    #[arg(long, value_name = "DURATION")]
    pub(crate) lost_after: Option<String>,
    /// A run that has not started this long after its time ends as timed out
    #[arg(long, value_name = "DURATION")]
    pub(crate) start_within: Option<String>,
    /// A few words for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
}

/// `baton deploy`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton deploy examples/invoice_report --cron '*/5 * * * *' --timezone Europe/Berlin --name nightly
  baton deploy report.py --daily 06:30 -p month=2026-10
  baton deploy tool/ --retries 3 --retry-delay 2s -- ./tool --fast {{mode}}
  baton deploy report.py --python python3.12 --requirements requirements.txt --message 'new layout'

What runs is the words after `--`, else what the folder's baton.toml says, else the script itself,
else main.py, else the folder's only executable, else its .robot files. Deploying again changes what
it names and keeps everything else, schedules included.")]
pub(crate) struct Deploy {
    /// A folder or a script
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Name of the deployment [default: default]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Name of the flow [default: the folder's or file's stem]
    #[arg(long, value_name = "FLOW")]
    pub(crate) flow: Option<String>,
    /// Folder of the flow in the dashboard, such as finance/monthly
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<String>,
    /// A parameter its runs get, as name=value
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<Pair>,
    /// When it runs by itself.
    #[command(flatten)]
    pub(crate) when: When,
    /// How its runs are treated.
    #[command(flatten)]
    pub(crate) policy: Policy,
    /// Python to run it with and to build its environment with, by name or path on the robot
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<String>,
    /// List of Python packages to build its environment from; goes along with a single script
    #[arg(long, value_name = "FILE")]
    pub(crate) requirements: Option<PathBuf>,
    /// What changed, for people who look at the version
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Take the flow over from another project that deployed one of this name
    #[arg(long)]
    pub(crate) replace: bool,
    /// Program and arguments; {{name}} stands for a parameter, {{baton.artifacts}} for the folder of files to keep
    #[arg(last = true, value_name = "ARGV")]
    pub(crate) argv: Vec<String>,
}

/// `baton run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton run invoice_report -p month=2026-10 --watch
  baton run invoice_report/nightly --priority high --tag urgent
  baton run cat_fact --at 2026-12-24T18:00 --robot sap-1

With --watch the exit code tells how the run ended (baton exit-codes). Ctrl-C stops watching; the
run goes on.")]
pub(crate) struct Run {
    /// FLOW or FLOW/DEPLOYMENT; the deployment is `default`, or the only one
    #[arg(value_name = "FLOW[/DEPLOYMENT]")]
    pub(crate) flow: String,
    /// A parameter, as name=value
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<Pair>,
    /// Parameters as one object in a JSON file; what -p names beats it
    #[arg(long, value_name = "FILE")]
    pub(crate) params_file: Option<PathBuf>,
    /// Stream its log and wait for its end
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// low, normal, high or critical
    #[arg(long, value_name = "PRIORITY")]
    pub(crate) priority: Option<String>,
    /// A further word to find it by
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
    /// The one robot that may run it
    #[arg(long, value_name = "ROBOT")]
    pub(crate) robot: Option<String>,
    /// Start at this time: local, or with an offset
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// How long it may take, such as 10m; 0 is without limit
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,
    /// Giving the same key again yields the same run
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// `baton runs`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  baton runs ls --state failed --flow invoice_report
  baton runs logs brisk-otter -f
  baton runs explain brisk-otter

A run is named by its name, its id, or the beginning of either. To look at one, or to retry it, the
name of a flow does too: its last run is meant.")]
pub(crate) enum Runs {
    /// List runs, newest first
    #[command(after_help = "Examples:
  baton runs ls
  baton runs ls --state running --state queued
  baton runs ls --since 7d --error 'certificate has expired'
  baton runs ls --parameter order=PO-87158
  baton runs ls --flow invoice_report --limit 200 --json")]
    Ls(RunsLs),
    /// Show one run: its attempts, tasks and outputs
    #[command(
        after_help = "Examples:\n  baton runs show brisk-otter\n  baton runs show brisk-otter --json"
    )]
    Show {
        /// Name or id
        run: String,
    },
    /// Print a run's log
    #[command(after_help = "Examples:
  baton runs logs brisk-otter
  baton runs logs brisk-otter -f                 follow until the run ends
  baton runs logs brisk-otter --attempt 1 --level warning")]
    Logs(RunsLogs),
    /// End runs: asks their processes first, kills them after the grace
    #[command(after_help = "Examples:
  baton runs cancel brisk-otter
  baton runs cancel brisk-otter calm-heron --reason 'wrong month' --wait
  baton runs cancel --flow invoice_report --state queued --dry-run")]
    Cancel {
        /// Which.
        #[command(flatten)]
        chosen: Chosen,
        /// Why, for their logs, history and pages
        #[arg(long, short = 'm', visible_alias = "message", value_name = "TEXT")]
        reason: Option<String>,
        /// Wait until they have ended
        #[arg(long)]
        wait: bool,
    },
    /// Give ended runs another attempt
    #[command(after_help = "Examples:
  baton runs retry brisk-otter --watch
  baton runs retry --state failed --since 2h --error 'certificate has expired' --yes")]
    Retry {
        /// Which.
        #[command(flatten)]
        chosen: Chosen,
        /// Stream the log and wait for the end
        #[arg(long, short)]
        watch: bool,
    },
    /// Ask runs to pause; a command cannot, and says so
    #[command(after_help = "Examples:\n  baton runs pause brisk-otter")]
    Pause {
        /// Which.
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Let paused runs go on, such as those that a lost robot left
    #[command(after_help = "Examples:
  baton runs resume brisk-otter
  baton runs resume --state paused --robot sap-1 --yes")]
    Resume {
        /// Which.
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Let waiting runs start later
    #[command(after_help = "Examples:
  baton runs postpone brisk-otter --to 2026-12-24T18:00
  baton runs postpone --flow invoice_report --state queued --to 2026-12-24T18:00 --yes")]
    Postpone {
        /// Which.
        #[command(flatten)]
        chosen: Chosen,
        /// When they may start: local, or with an offset
        #[arg(long, value_name = "TIME")]
        to: String,
    },
    /// Say why a run does not start, and what would start it
    #[command(
        after_help = "Examples:\n  baton runs explain brisk-otter\n  baton runs explain --last"
    )]
    Explain {
        /// Name or id; the name of a flow is its last run
        #[arg(required_unless_present = "last")]
        run: Option<String>,
        /// The run that was made last
        #[arg(long, conflicts_with = "run")]
        last: bool,
    },
    /// Delete ended runs with their logs; shows which before it does
    #[command(after_help = "Examples:
  baton runs rm brisk-otter
  baton runs rm --state failed --until 2026-01-01 --dry-run
  baton runs rm --flow cat_fact --yes")]
    Rm(Chosen),
}

/// `baton runs ls`
#[derive(Debug, Args)]
pub(crate) struct RunsLs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Only names and ids that begin with this
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = super::between(1, MOST_RUNS))]
    pub(crate) limit: u32,
}

/// `baton runs logs`
#[derive(Debug, Args)]
pub(crate) struct RunsLogs {
    /// Name or id
    pub(crate) run: String,
    /// Follow until the run ends
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only this attempt [default: all]
    #[arg(long, value_name = "N", value_parser = super::between(1, u32::MAX))]
    pub(crate) attempt: Option<u32>,
    /// Only this level and above: debug, info, warning, error, critical
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<String>,
    /// With the time of each line
    #[arg(long, short)]
    pub(crate) timestamps: bool,
}
