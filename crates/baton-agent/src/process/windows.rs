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

/// Waits until everything below this folder is on the disk; it cannot be waited for here.
pub(crate) fn sync_files(_folder: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}

/// Room on the file system of this folder: not measured here.
pub(crate) fn space(_: &std::path::Path) -> std::io::Result<crate::metrics::Space> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Kills what carries this mark in its environment; nothing can, here.
pub(crate) fn sweep(_mark: &str) -> usize {
    0
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
        _spec: Spec,
    ) -> std::io::Result<(Self, Stream, Stream)> {
        Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            NOT_YET,
        ))
    }

    /// Gives the guard an order.
    pub(crate) async fn order(&mut self, _order: &Order) {}

    /// What the guard says next; `None` when it is gone.
    pub(crate) async fn report(&mut self) -> Option<Report> {
        None
    }
}
