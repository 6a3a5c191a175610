//! The executable: understands the command line, does what it asks, and ends with a documented exit code.

mod bench;
mod cli;
mod exit;
mod failure;
mod runrpa;
mod settings;
mod source;
mod units;

use clap::Parser as _;

fn main() {
    let _ = cli::Cli::parse();
}
