//! The same functions where process trees are not supported yet: each says so.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::guard::{GuardCommand, Order, Report, Spec};

const NOT_YET: &str =
    "running flows is not supported on this operating system yet; use a Linux robot";

/// Time since this process first asked; there is no better clock here yet.
pub(crate) fn boot_clock() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Changes with every boot; unknown here.
pub(crate) fn boot_id() -> String {
    String::new()
}

/// Kills nothing here.
pub(crate) fn kill_descendants() -> usize {
    0
}

/// Waits until everything below this folder is on the disk; it cannot be waited for here.
pub(crate) fn sync_files(_folder: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}

/// Room on the file system of this folder: not measured here.
pub(crate) fn space(_: &std::path::Path) -> std::io::Result<super::Space> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Whose processes are meant.
#[derive(Clone, Debug)]
pub(crate) enum Marked {
    /// All of an agent.
    Agent(String),
    /// Those of an attempt.
    Attempt(String),
}

/// What ending them came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// How many processes of runs were killed.
    pub(crate) killed: usize,
    /// How many halves of guards were killed.
    pub(crate) halves: usize,
    /// How many processes could not be killed.
    pub(crate) left: usize,
}

/// Whether a guard is broken: there is none here.
pub(crate) fn is_broken(_: &Marked) -> bool {
    true
}

/// Kills what is marked so; nothing can be, here.
pub(crate) fn end(_: &Marked) -> Ended {
    Ended::default()
}

/// The guard's `main`.
pub(crate) fn guard_main() -> ExitCode {
    eprintln!("{NOT_YET}");
    ExitCode::FAILURE
}

/// A process tree under a guard.
pub(crate) struct Tree;

/// What a tree writes to one of its streams.
pub(crate) type Stream = tokio::io::Empty;

impl Tree {
    /// Starts a tree.
    pub(crate) fn start(
        _guard: &GuardCommand,
        _mark: &str,
        _spec: Spec,
    ) -> std::io::Result<(Self, Stream, Stream)> {
        Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            NOT_YET,
        ))
    }

    /// Gives the guard an order.
    pub(crate) fn order(&mut self, _order: &Order) {}

    /// The tree is gone.
    pub(crate) fn over(&mut self) {}

    /// What the guard says next; `None` when it is gone.
    pub(crate) async fn report(&mut self) -> Option<Report> {
        None
    }
}
