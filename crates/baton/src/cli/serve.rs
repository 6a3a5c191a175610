//! Options of `up`, `server` and `robot`.

use std::path::PathBuf;

use baton_core::robot::MAX_SLOTS;
use clap::Args;

/// What a server is told.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Listen {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env = "ORCHESTRATOR_HOST", value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Port to listen on; 0 takes a free one [default: 8765]
    #[arg(long, env = "ORCHESTRATOR_PORT", value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Folder for everything the server keeps [default: ./baton-data]
    #[arg(long, env = "BATON_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// PEM file of the certificate chain
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM file of the private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Listen beyond this machine without encryption
    #[arg(long)]
    pub(crate) insecure_http: bool,
    /// A further name under which browsers may call this server
    #[arg(long, value_name = "NAME")]
    pub(crate) allowed_host: Vec<String>,
    /// Where people and robots reach this server through a proxy, such as https://rpa.example/baton
    #[arg(long, env = "BATON_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The path below which everything lies, where it is not that of --public-url
    #[arg(long, env = "BATON_BASE_PATH", value_name = "PATH")]
    pub(crate) base_path: Option<String>,
    /// A proxy whose X-Forwarded-* and Forwarded headers are believed: an address or network
    #[arg(long, value_name = "CIDR")]
    pub(crate) trusted_proxy: Vec<String>,
    /// Run timeout of deployments that name none, in seconds [default: 3600]
    #[arg(long, env = "DEFAULT_JOB_TIMEOUT", value_name = "SECONDS")]
    pub(crate) default_timeout: Option<u32>,
    /// Safety tick of scheduler and dispatcher, in seconds [default: 5]
    #[arg(long, env = "DISPATCH_INTERVAL", value_name = "SECONDS")]
    pub(crate) tick: Option<f64>,
    /// Zone that says when "today" begins, such as Europe/Berlin [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Folder with time zone data, used when it is newer than what baton carries and the machine has
    #[arg(long, env = "BATON_ZONEINFO", value_name = "FOLDER")]
    pub(crate) zoneinfo: Option<PathBuf>,
    /// Use the folder of --zoneinfo however old its data is
    #[arg(long)]
    pub(crate) zoneinfo_only: bool,
    /// Cancel runs that have not started when the server stops [default: they are kept]
    #[arg(long)]
    pub(crate) cancel_pending: bool,
}

/// `baton up`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton up                          server, scheduler and a robot, data in ./baton-data
  baton up --port 9000 --data ~/baton
  baton up --no-browser --slots 4

Ctrl-C stops it: running work gets its grace period. A second Ctrl-C stops at once.")]
pub(crate) struct Up {
    /// What the server is told.
    #[command(flatten)]
    pub(crate) listen: Listen,
    /// What the local robot offers.
    #[command(flatten)]
    pub(crate) offer: Offer,
    /// Do not deploy the examples on the first start
    #[arg(long)]
    pub(crate) no_examples: bool,
    /// Do not open a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
}

/// `baton server`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton server                                     on this machine only
  baton server --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
  ORCHESTRATOR_PORT=9000 baton server")]
pub(crate) struct Server {
    /// What the server is told.
    #[command(flatten)]
    pub(crate) listen: Listen,
}

/// What a robot offers.
#[derive(Clone, Debug, Default, PartialEq, Args, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Offer {
    /// How many runs it takes at once [default: 1; in `baton up` 4]
    #[arg(long, value_name = "N", value_parser = super::between(1, MAX_SLOTS))]
    pub(crate) slots: Option<u32>,
    /// A label that deployments can ask for
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Vec<String>,
    /// Something it can do that deployments can ask for
    #[arg(long, value_name = "WORD")]
    pub(crate) capability: Vec<String>,
    /// Environment it belongs to, such as production
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// A work queue to serve beside `default` and the one named after this computer
    #[arg(long, value_name = "QUEUE")]
    pub(crate) queue: Vec<String>,
    /// A desktop session that one run at a time may occupy
    #[arg(long, value_name = "SESSION")]
    pub(crate) desktop: Vec<String>,
    /// Whose rights its runs have: a user's, `each` for one of its own for each run, or `self` for those of
    /// whoever starts it; all but `self` need root [default: `each` for `baton up` as root, else `self`]
    #[arg(long, value_name = "USER|each|self")]
    pub(crate) run_as: Option<String>,
}

/// `baton robot`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  baton robot --url https://baton.example:8765 --token ENROLMENT_TOKEN
  baton robot                                      with the key it got then
  baton robot --name sap-1 --label sap --slots 1 --queue accounting

`baton robots enroll` prints the token.")]
pub(crate) struct Robot {
    /// Name of the robot [default: this computer's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// One-time enrolment token, needed the first time
    #[arg(
        long,
        env = "BATON_ENROLMENT_TOKEN",
        alias = "enroll",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub(crate) token: Option<String>,
    /// The server to serve, when it is another than that of other commands
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// What it offers; kept in its folder for later starts that say nothing of it.
    #[command(flatten)]
    pub(crate) offer: Offer,
    /// Folder for its packages, spool and work [default: ./baton-robot]
    #[arg(long, env = "BATON_ROBOT_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}
