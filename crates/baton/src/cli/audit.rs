//! Options of `audit`.

use clap::Args;

/// `baton audit`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton audit
  baton audit --actor ci --since 7d
  baton audit --action queue.paused,key --all --json")]
pub(crate) struct Audit {
    /// Only what this key, robot or service did
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Only this, such as queue.paused, or all that begins so, such as key; several with commas between them
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// Only what was done to the thing with this id
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
    /// Since this time, or so long ago at most: 2026-12-24, 2h, 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this time, or longer ago than this
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = super::between(1, 100_000), conflicts_with = "all")]
    pub(crate) limit: u32,
    /// All of them
    #[arg(long)]
    pub(crate) all: bool,
}
