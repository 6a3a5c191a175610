//! Options of `queues` and `limits`.

use clap::{Args, Subcommand};

use super::catalog::KeptName;
use super::catalog::Sure;
use super::or_none::OrNone;

/// `baton queues`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  baton queues ls
  baton queues peek default
  baton queues edit accounting --limit 2 --strategy affinity")]
pub(crate) enum Queues {
    /// List work queues with what waits and runs in them
    #[command(after_help = "Examples:\n  baton queues ls\n  baton queues ls --json")]
    Ls,
    /// Show one work queue
    #[command(after_help = "Examples:\n  baton queues show default")]
    Show {
        /// Name
        queue: String,
    },
    /// Show what is dispatched next
    #[command(
        after_help = "Examples:\n  baton queues peek default\n  baton queues peek default --limit 50"
    )]
    Peek {
        /// Name
        queue: String,
        /// How many at most
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = super::between(1, super::PAGE))]
        limit: u32,
    },
    /// Make a work queue
    #[command(after_help = "Examples:\n  baton queues add accounting --limit 2")]
    Add {
        /// Name
        queue: String,
        /// Its settings.
        #[command(flatten)]
        settings: QueueSettings,
    },
    /// Change what is named, keep the rest
    #[command(
        after_help = "Examples:\n  baton queues edit accounting --strategy round_robin\n  baton queues edit accounting --limit none    without limit"
    )]
    Edit {
        /// Name
        queue: String,
        /// Its settings.
        #[command(flatten)]
        settings: QueueSettings,
        /// What cannot be changed.
        #[command(flatten)]
        kept: KeptName,
    },
    /// Dispatch nothing from it
    #[command(after_help = "Examples:\n  baton queues pause accounting")]
    Pause {
        /// Name
        queue: String,
    },
    /// Dispatch from it again
    #[command(after_help = "Examples:\n  baton queues resume accounting")]
    Resume {
        /// Name
        queue: String,
    },
    /// Delete a work queue that nothing uses
    #[command(after_help = "Examples:\n  baton queues rm accounting --yes")]
    Rm {
        /// Name
        queue: String,
        /// Whether to ask.
        #[command(flatten)]
        sure: Sure,
    },
}

/// What of a work queue can be set.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct QueueSettings {
    /// How many of its runs may be live at once; 0 holds all, none is without limit
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<OrNone<u32>>,
    /// round_robin, least_loaded, random or affinity; none is least_loaded
    #[arg(long, value_name = "STRATEGY")]
    pub(crate) strategy: Option<String>,
    /// A few words for people; none takes them away
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
}

/// `baton limits`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  baton limits set sap 2\n  baton limits ls")]
pub(crate) enum Limits {
    /// List limits on tags
    #[command(after_help = "Examples:\n  baton limits ls")]
    Ls,
    /// Allow so many live runs with a tag; 0 holds all, none takes the limit away
    #[command(after_help = "Examples:\n  baton limits set sap 2\n  baton limits set sap none")]
    Set {
        /// The tag
        tag: String,
        /// How many, or none
        limit: OrNone<u32>,
    },
    /// Take a limit away
    #[command(after_help = "Examples:\n  baton limits rm sap")]
    Rm {
        /// The tag
        tag: String,
    },
}
