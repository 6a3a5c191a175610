//! `baton demo-data`: fills a server with believable data for pictures and trials.

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::{Done, Failure};

/// Does it.
pub(crate) fn demo_data(_global: &Global, _words: &[String]) -> Done<Exit> {
    Err(Failure::new(
        Exit::Failed,
        "not_yet",
        "demo data comes with the dashboard",
    ))
}
