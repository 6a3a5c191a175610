//! Options of `schedules`.

use clap::{Args, Subcommand};

use super::catalog::Sure;
use super::runs::{Pair, When};

/// `baton schedules`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  baton schedules add invoice_report/nightly --cron '0 6 * * 1-5' --timezone Europe/Berlin
  baton schedules next
  baton schedules preview --cron '30 2 * * *' --timezone Europe/Berlin

A schedule is named FLOW/DEPLOYMENT/NAME, or FLOW/DEPLOYMENT where there is only one, or by its id.")]
pub(crate) enum Schedules {
    /// List schedules
    #[command(
        after_help = "Examples:\n  baton schedules ls\n  baton schedules ls --flow invoice_report"
    )]
    Ls {
        /// Only this flow
        #[arg(long, value_name = "FLOW")]
        flow: Option<String>,
    },
    /// Show one schedule: its rule and all that is set of it
    #[command(after_help = "Examples:\n  baton schedules show invoice_report/nightly")]
    Show {
        /// The schedule
        schedule: String,
    },
    /// Show what runs next
    #[command(after_help = "Examples:\n  baton schedules next\n  baton schedules next --limit 50")]
    Next {
        /// How many at most
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = super::between(1, super::PAGE))]
        limit: u32,
    },
    /// Show when a rule, or a schedule, fires: local time, UTC, and what clocks do at the edges
    #[command(after_help = "Examples:
  baton schedules preview invoice_report/nightly
  baton schedules preview --weekly mon,fri@06:30 --timezone Europe/Berlin -n 5
  baton schedules preview --cron '30 2 * * *' --timezone Europe/Berlin --from 2026-03-28")]
    Preview(Box<SchedulesPreview>),
    /// Show which time zone data the server goes by, and which schedules moved when it changed
    #[command(after_help = "Examples:
  baton schedules check-zones
  baton schedules check-zones --against /tmp/tzdata/zoneinfo     what would move with other data")]
    CheckZones(CheckZones),
    /// Add a schedule to a deployment
    #[command(after_help = "Examples:
  baton schedules add invoice_report/nightly --daily 06:30
  baton schedules add cat_fact --every 15m --overlap skip --name often
  baton schedules add cat_fact --every 7d --wall-clock --starts 2026-12-01T09:00")]
    Add(Box<SchedulesAdd>),
    /// Change what is named, keep the rest
    #[command(
        after_help = "Examples:\n  baton schedules edit invoice_report/nightly --cron '0 7 * * *'\n  baton schedules edit cat_fact/default/often --missed skip\n  baton schedules edit cat_fact/default/often --ends none --robot none"
    )]
    Edit(Box<SchedulesEdit>),
    /// Pause a schedule
    #[command(after_help = "Examples:\n  baton schedules pause invoice_report/nightly")]
    Pause {
        /// The schedule
        schedule: String,
    },
    /// Let a schedule go on; what passed meanwhile is not made up for
    #[command(after_help = "Examples:\n  baton schedules resume invoice_report/nightly")]
    Resume {
        /// The schedule
        schedule: String,
    },
    /// Delete a schedule
    #[command(after_help = "Examples:\n  baton schedules rm cat_fact/default/often --yes")]
    Rm {
        /// The schedule
        schedule: String,
        /// Whether to ask.
        #[command(flatten)]
        sure: Sure,
    },
}

/// `baton schedules preview`
#[derive(Debug, Args)]
pub(crate) struct SchedulesPreview {
    /// The schedule; without, the rule given by flags
    pub(crate) schedule: Option<String>,
    /// The rule.
    #[command(flatten)]
    pub(crate) when: When,
    /// How many slots
    #[arg(short = 'n', long = "number", default_value_t = 10, value_name = "N", value_parser = super::between(1, super::PAGE))]
    pub(crate) count: u32,
    /// The first slot at or after this day or time is shown first [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
}

/// `baton schedules check-zones`
#[derive(Debug, Args)]
pub(crate) struct CheckZones {
    /// A folder with other data: list what it would move, and change nothing
    #[arg(long, value_name = "FOLDER")]
    pub(crate) against: Option<std::path::PathBuf>,
}

/// `baton schedules add`
#[derive(Debug, Args)]
pub(crate) struct SchedulesAdd {
    /// FLOW or FLOW/DEPLOYMENT
    pub(crate) deployment: String,
    /// Name of the schedule [default: the kind of its rule, such as cron or daily]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// When.
    #[command(flatten)]
    pub(crate) when: When,
    /// The rest.
    #[command(flatten)]
    pub(crate) rules: Rules,
}

/// `baton schedules edit`
#[derive(Debug, Args)]
pub(crate) struct SchedulesEdit {
    /// The schedule
    pub(crate) schedule: String,
    /// A new name; one that is the kind of its rule follows a rule of another kind by itself
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// When.
    #[command(flatten)]
    pub(crate) when: When,
    /// The rest.
    #[command(flatten)]
    pub(crate) rules: Rules,
    /// A parameter to take away
    #[arg(long, value_name = "NAME")]
    pub(crate) unset: Vec<String>,
}

/// What a schedule does beside firing.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Runs; none takes back what was set")]
pub(crate) struct Rules {
    /// No slot before this time; --every counts from it
    #[arg(long, value_name = "TIME")]
    pub(crate) starts: Option<String>,
    /// No slot after this time
    #[arg(long, value_name = "TIME")]
    pub(crate) ends: Option<String>,
    /// Each run is due up to so long after its slot
    #[arg(long, value_name = "DURATION")]
    pub(crate) jitter: Option<String>,
    /// Slots missed while the server was off: skip, last or all
    #[arg(long, value_name = "POLICY")]
    pub(crate) missed: Option<String>,
    /// Slots missed longer ago than this are never made up for
    #[arg(long, value_name = "DURATION")]
    pub(crate) missed_window: Option<String>,
    /// When the run before still goes: allow, skip, queue or cancel_running
    #[arg(long, value_name = "POLICY")]
    pub(crate) overlap: Option<String>,
    /// A parameter of its runs, as name=value
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<Pair>,
    /// The one robot that may run them
    #[arg(long, value_name = "ROBOT")]
    pub(crate) robot: Option<String>,
    /// low, normal, high or critical
    #[arg(long, value_name = "PRIORITY")]
    pub(crate) priority: Option<String>,
}
