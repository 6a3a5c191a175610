//! Options of `robots`.

use clap::Subcommand;

use super::catalog::Sure;

/// `baton robots`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  baton robots ls
  baton robots drain sap-1 --comment 'monthly reboot'
  baton robots enroll sap-2")]
pub(crate) enum Robots {
    /// List robots
    #[command(after_help = "Examples:\n  baton robots ls\n  baton robots ls --json")]
    Ls,
    /// Show one robot: what it offers, measures and runs
    #[command(after_help = "Examples:\n  baton robots show sap-1")]
    Show {
        /// Name or id
        robot: String,
    },
    /// Print the agent's own log
    #[command(after_help = "Examples:\n  baton robots logs sap-1")]
    Logs {
        /// Name or id
        robot: String,
        /// How many of the latest lines
        #[arg(long, default_value_t = 200, value_name = "N", value_parser = super::between(1, super::PAGE))]
        limit: u32,
    },
    /// Let it finish what it has and take nothing new
    #[command(
        after_help = "Examples:\n  baton robots drain sap-1 --comment 'monthly reboot' --wait"
    )]
    Drain {
        /// Name or id
        robot: String,
        /// Why, for people
        #[arg(long, default_value = "", value_name = "TEXT")]
        comment: String,
        /// Wait until nothing runs on it
        #[arg(long)]
        wait: bool,
    },
    /// Say that a robot that is not connected is gone, and with it all that it ran
    ///
    /// A run on a robot that is not heard may be running all the same, so it waits for its `lost_after`. If you
    /// know that the machine is off, say so: what ran on it ends as its policy for a lost robot says.
    #[command(
        after_help = "Examples:\n  baton robots lost sap-1 --comment 'the disk is broken' --yes"
    )]
    Lost {
        /// Name or id
        robot: String,
        /// How you know, for people
        #[arg(long, default_value = "", value_name = "TEXT")]
        comment: String,
        /// Whether to ask.
        #[command(flatten)]
        sure: Sure,
    },
    /// Let it take runs again
    #[command(after_help = "Examples:\n  baton robots resume sap-1")]
    Resume {
        /// Name or id
        robot: String,
    },
    /// Say a word to all connected robots; it appears in their own logs
    #[command(
        after_help = "Examples:\n  baton robots broadcast 'reboot at six' --data '{\"at\": \"18:00\"}'"
    )]
    Broadcast {
        /// What to say
        event: String,
        /// JSON that goes with it
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
    },
    /// Make a one-time token with which a new robot enrols itself
    #[command(
        after_help = "Examples:\n  baton robots enroll sap-2\n  baton robots enroll sap-2 --expires 10m --json"
    )]
    Enroll {
        /// Name of the new robot [default: its computer's]
        name: Option<String>,
        /// How long the token is good for
        #[arg(long, default_value = "1h", value_name = "DURATION")]
        expires: String,
    },
    /// Forget a robot; its key stops working
    #[command(after_help = "Examples:\n  baton robots rm sap-1 --yes")]
    Rm {
        /// Name or id
        robot: String,
        /// Whether to ask.
        #[command(flatten)]
        sure: Sure,
    },
}
