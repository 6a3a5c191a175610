//! Filters of runs, in the words of every command that takes several runs.

use clap::Args;

/// Which runs are meant. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Which {
    /// Of this flow
    #[arg(long, value_name = "FLOW")]
    pub(crate) flow: Option<String>,
    /// Of this deployment
    #[arg(long, value_name = "FLOW/DEPLOYMENT")]
    pub(crate) deployment: Option<String>,
    /// Made by this schedule
    #[arg(long, value_name = "SCHEDULE")]
    pub(crate) schedule: Option<String>,
    /// In this state, scheduled or late; several count as any of them
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Vec<String>,
    /// In this work queue
    #[arg(long, value_name = "QUEUE")]
    pub(crate) queue: Option<String>,
    /// On this robot
    #[arg(long, value_name = "ROBOT")]
    pub(crate) robot: Option<String>,
    /// With this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// With this parameter, or with this value of it
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) parameter: Option<String>,
    /// Whose error has this text in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) error: Option<String>,
    /// Whose name, flow, label, tag, parameter or error has this text in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    /// Made since this time, or so long ago at most: 2026-12-24, 2026-12-24T18:00, 2h, 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Made before this time, or longer ago than this
    #[arg(long, value_name = "TIME", visible_alias = "before")]
    pub(crate) until: Option<String>,
    /// Ended since this time
    #[arg(long, value_name = "TIME")]
    pub(crate) ended_since: Option<String>,
    /// Ended before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) ended_until: Option<String>,
}

/// Runs by name, or by what they have in common.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Chosen {
    /// Names or ids
    pub(crate) runs: Vec<String>,
    /// Or which.
    #[command(flatten)]
    pub(crate) which: Which,
    /// Show which runs are meant, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}
