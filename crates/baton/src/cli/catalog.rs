//! Options of `deployments`, `flows`, `results` and `artifacts`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::runs::{Pair, Policy};

/// Options of everything that deletes.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Sure {
    /// Show what would be deleted, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `baton deployments`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  baton deployments ls
  baton deployments edit invoice_report/nightly --timeout 10m --retries 3
  baton deployments pause invoice_report/nightly")]
pub(crate) enum Deployments {
    /// List deployments
    #[command(
        after_help = "Examples:\n  baton deployments ls\n  baton deployments ls --flow invoice_report --json"
    )]
    Ls {
        /// Only this flow
        #[arg(long, value_name = "FLOW")]
        flow: Option<String>,
        /// Only names with this in them
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show one deployment: settings, schedules, latest runs
    #[command(after_help = "Examples:\n  baton deployments show invoice_report/nightly")]
    Show {
        /// FLOW or FLOW/DEPLOYMENT
        deployment: String,
    },
    /// Change what is named, keep the rest
    #[command(after_help = "Examples:
  baton deployments edit invoice_report/nightly -p month=2026-11
  baton deployments edit cat_fact --queue web --priority high")]
    Edit(Box<DeploymentsEdit>),
    /// Pause it: none of its schedules fires
    #[command(after_help = "Examples:\n  baton deployments pause invoice_report/nightly")]
    Pause {
        /// FLOW or FLOW/DEPLOYMENT
        deployment: String,
    },
    /// Let its schedules go on; what passed meanwhile is not made up for
    #[command(after_help = "Examples:\n  baton deployments resume invoice_report/nightly")]
    Resume {
        /// FLOW or FLOW/DEPLOYMENT
        deployment: String,
    },
    /// Delete a deployment with its schedules; its runs stay
    #[command(
        after_help = "Examples:\n  baton deployments rm invoice_report/nightly --dry-run\n  baton deployments rm invoice_report/nightly --yes"
    )]
    Rm {
        /// FLOW/DEPLOYMENT
        deployment: String,
        /// Whether to ask.
        #[command(flatten)]
        sure: Sure,
    },
}

/// `baton deployments edit`
#[derive(Debug, Args)]
pub(crate) struct DeploymentsEdit {
    /// FLOW or FLOW/DEPLOYMENT
    pub(crate) deployment: String,
    /// A parameter its runs get, as name=value
    #[arg(long = "param", short = 'p', value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<Pair>,
    /// A parameter to take away
    #[arg(long, value_name = "NAME")]
    pub(crate) unset: Vec<String>,
    /// Run this version of the flow from now on; `latest` follows the newest
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<String>,
    /// How its runs are treated.
    #[command(flatten)]
    pub(crate) policy: Policy,
    /// What cannot be changed.
    #[command(flatten)]
    pub(crate) kept: KeptName,
}

/// A name that somebody would change: it is taken so that the refusal can say what to do instead.
#[derive(Debug, Args)]
pub(crate) struct KeptName {
    /// Cannot be changed
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) name: Option<String>,
}

/// `baton flows`
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  baton flows ls\n  baton flows show invoice_report\n  baton flows edit invoice_report --tag finance"
)]
pub(crate) enum Flows {
    /// List flows
    #[command(after_help = "Examples:\n  baton flows ls\n  baton flows ls --search report --json")]
    Ls {
        /// Only names with this in them
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show one flow: versions and deployments
    #[command(after_help = "Examples:\n  baton flows show invoice_report")]
    Show {
        /// Name or id
        flow: String,
    },
    /// Change what people say of a flow; a deploy that says it anew changes it again
    #[command(after_help = "Examples:
  baton flows edit invoice_report --description 'Sends the report' --tag finance --tag monthly
  baton flows edit invoice_report --folder none --tag none")]
    Edit {
        /// Name or id
        flow: String,
        /// A few words for people; `none` for nothing
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Where it stands in the tree; `none` for the top
        #[arg(long, value_name = "FOLDER")]
        folder: Option<String>,
        /// Word to find it by, instead of those there are (may be given again); `none` for none
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
        /// What cannot be changed.
        #[command(flatten)]
        kept: KeptName,
    },
    /// Delete a flow with versions, deployments, schedules and ended runs
    #[command(
        after_help = "Examples:\n  baton flows rm cat_fact --dry-run\n  baton flows rm cat_fact --yes"
    )]
    Rm {
        /// Name or id
        flow: String,
        /// Whether to ask.
        #[command(flatten)]
        sure: Sure,
    },
}

/// `baton results`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  baton results show brisk-otter")]
pub(crate) enum Results {
    /// Show what a run handed back
    #[command(
        after_help = "Examples:\n  baton results show brisk-otter\n  baton results show brisk-otter --json"
    )]
    Show {
        /// Name or id of the run
        run: String,
    },
}

/// `baton artifacts`
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  baton artifacts ls brisk-otter\n  baton artifacts get brisk-otter report.html"
)]
pub(crate) enum Artifacts {
    /// List the files a run left behind
    #[command(after_help = "Examples:\n  baton artifacts ls brisk-otter")]
    Ls {
        /// Name or id of the run
        run: String,
    },
    /// Download a file a run left behind
    #[command(after_help = "Examples:
  baton artifacts get brisk-otter report.html
  baton artifacts get brisk-otter report.html -o /tmp/r.html
  baton artifacts get brisk-otter report.csv -o -")]
    Get {
        /// Name or id of the run
        run: String,
        /// Name or id of the file [default: all]
        name: Option<String>,
        /// File or folder to write to; - is standard output [default: here]
        #[arg(long, short, value_name = "PATH")]
        output: Option<PathBuf>,
    },
}
