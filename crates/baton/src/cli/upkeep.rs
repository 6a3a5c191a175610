//! Options of everything that keeps an installation going: keys, backup, services, reports.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::catalog::Sure;

/// `baton keys`
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  baton keys create ci --role developer --expires 90d\n  baton keys ls"
)]
pub(crate) enum Keys {
    /// List keys; a key itself is shown only once, when it is made
    #[command(after_help = "Examples:\n  baton keys ls")]
    Ls,
    /// Make a key
    #[command(after_help = "Examples:
  baton keys create ci --role developer --expires 90d
  export BATON_API_KEY=$(baton keys create ci --role operator --quiet)")]
    Create {
        /// Name, for people
        name: String,
        /// admin, developer, operator or viewer
        #[arg(long, default_value = "developer", value_name = "ROLE")]
        role: String,
        /// How long it is good for, such as 90d [default: until it is revoked]
        #[arg(long, value_name = "DURATION")]
        expires: Option<String>,
        /// Print nothing but the key
        #[arg(long, short)]
        quiet: bool,
    },
    /// Make a key stop working
    #[command(after_help = "Examples:\n  baton keys revoke ci --yes")]
    Revoke {
        /// Name or id
        key: String,
        /// Whether to ask.
        #[command(flatten)]
        sure: Sure,
    },
}

/// `baton backup`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  baton backup                       to baton-backup-DATE.db\n  baton backup /backups/baton.db"
)]
pub(crate) struct Backup {
    /// File to write [default: baton-backup-DATE.db here]
    pub(crate) file: Option<PathBuf>,
}

/// `baton restore`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton restore /backups/baton.db
  baton restore /backups/baton.db --data /srv/baton --yes

The server of that folder must be stopped. What was there before is kept beside it.")]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// Folder to restore into [default: ./baton-data]
    #[arg(long, env = "BATON_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Whether to ask.
    #[command(flatten)]
    pub(crate) sure: Sure,
}

/// What can be a system service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    /// The server
    Server,
    /// A robot
    Robot,
}

/// `baton service`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  baton service install server --dry-run       print the systemd unit
  sudo baton service install robot --url https://baton.example:8765
  baton service status robot")]
pub(crate) enum Service {
    /// Install a systemd unit, enable it and start it
    #[command(after_help = "Examples:
  baton service install server --dry-run
  sudo baton service install server -- --host 0.0.0.0 --tls-cert /etc/baton/cert.pem --tls-key /etc/baton/key.pem
  sudo baton service install robot --run-as sap -- --slots 1
  baton service install robot --user")]
    Install {
        /// server or robot
        unit: Unit,
        /// For this person instead of the whole machine
        #[arg(long)]
        user: bool,
        /// The person whose rights it has and who owns its data [default: root; of a robot baton-robot]
        #[arg(long, value_name = "USER", conflicts_with = "user")]
        run_as: Option<String>,
        /// Folder for its data [default: /var/lib/baton, or ~/.local/share/baton with --user]
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
        /// Print the unit, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Further flags of `baton server` or `baton robot`
        #[arg(last = true, value_name = "FLAGS")]
        flags: Vec<String>,
    },
    /// Stop, disable and remove it; its data stays
    #[command(after_help = "Examples:\n  sudo baton service uninstall server")]
    Uninstall {
        /// server or robot
        unit: Unit,
        /// For this person instead of the whole machine
        #[arg(long)]
        user: bool,
        /// Print what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Say whether it runs
    #[command(after_help = "Examples:\n  baton service status robot --user")]
    Status {
        /// server or robot
        unit: Unit,
        /// For this person instead of the whole machine
        #[arg(long)]
        user: bool,
    },
}

/// `baton env`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  eval \"$(baton env)\"\n  baton env --shell powershell | Invoke-Expression\n  baton env --json"
)]
pub(crate) struct Env {
    /// sh, fish or powershell
    #[arg(long, default_value = "sh", value_name = "SHELL")]
    pub(crate) shell: String,
}

/// `baton login`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton login                                      a one-time dashboard link
  baton login --url https://baton.example:8765 --api-key KEY --save
                                                   use that server from now on
  baton login --url https://10.0.0.5:8765 --api-key KEY --fingerprint SHA256 --save
                                                   one with a certificate of its own making
  baton login --url https://baton.example:8765 --api-key KEY --tls-ca ca.pem --save
                                                   one that a private authority vouches for")]
pub(crate) struct Login {
    /// Record URL, key and whom to trust for later commands, readable by you alone
    #[arg(long)]
    pub(crate) save: bool,
    /// Open the link in a browser
    #[arg(long)]
    pub(crate) open: bool,
}

/// `baton verify`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton verify                                     the server in use
  baton verify --data ./baton-data                 a data folder at rest

Checks every run's history: legal transitions only, no overlapping attempts, no fence that falls,
no ended run without an end, no line written by an attempt that was believed dead. Exit code 1 when a promise was broken.")]
pub(crate) struct Verify {
    /// Data folder to check
    #[arg(long, env = "BATON_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

/// `baton report`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  baton report task download running
  baton report task download completed
  baton report progress 40 'reading invoices'
  baton report output total 1234.50

Inside a run only: writes to the file named by BATON_EVENTS.")]
pub(crate) enum Report {
    /// Report a task's state
    #[command(after_help = "Examples:
  baton report task download running
  baton report task parse running --after download --name 'Parse the invoices'
  baton report task parse failed --error 'no date in row 3' --business")]
    Task {
        /// Key of the task, unique within the run
        key: String,
        /// running, completed, failed or cancelled
        state: String,
        /// Name for people [default: the key]
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Key of a task it waited for
        #[arg(long, value_name = "KEY")]
        after: Vec<String>,
        /// What went wrong
        #[arg(long, value_name = "TEXT")]
        error: Option<String>,
        /// The error is the data's, not the program's: trying again would not help
        #[arg(long, requires = "error")]
        business: bool,
    },
    /// Report how far the run is
    #[command(
        after_help = "Examples:\n  baton report progress 40\n  baton report progress 40 'reading invoices' --task parse"
    )]
    Progress {
        /// From 0 to 100
        percent: f64,
        /// What it is doing
        message: Option<String>,
        /// The task it is in
        #[arg(long, value_name = "KEY")]
        task: Option<String>,
    },
    /// Hand back a value
    #[command(
        after_help = "Examples:\n  baton report output total 1234.50\n  baton report output rows '[1, 2]'\n  baton report output note 42 --text"
    )]
    Output {
        /// Name
        name: String,
        /// JSON, or else text
        value: String,
        /// Take the value as text even if it is JSON
        #[arg(long)]
        text: bool,
    },
}

/// `baton completion`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton completion bash > /etc/bash_completion.d/baton
  baton completion zsh > \"${fpath[1]}/_baton\"
  baton completion fish > ~/.config/fish/completions/baton.fish")]
pub(crate) struct Completion {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

/// `baton demo-data`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton demo-data                              a busy fleet to look at, in ./baton-demo
  baton demo-data --port 0 --data /tmp/demo
  baton demo-data --days 30 --seed 7 --fill-only

Makes a data folder of its own with two weeks of believable history, starts a server on it with
simulated robots, and prints a sign-in link. Nothing is executed; your own server and its data are
not touched. The same folder is started again as it is; delete it, and nothing is left.")]
pub(crate) struct DemoData {
    /// Folder of the demo
    #[arg(long, default_value = "./baton-demo", value_name = "FOLDER")]
    pub(crate) data: PathBuf,
    /// Days of history to make
    #[arg(long, default_value_t = 14, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=30))]
    pub(crate) days: u32,
    /// The same number makes the same content
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8766, value_name = "PORT")]
    pub(crate) port: u16,
    /// Listen beyond this machine without encryption: everything in the demo is made up
    #[arg(long)]
    pub(crate) insecure_http: bool,
    /// Make the folder, and start nothing
    #[arg(long)]
    pub(crate) fill_only: bool,
}
