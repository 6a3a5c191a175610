//! The long-lived commands: `baton up`, `baton server` and `baton robot`.

pub(crate) mod files;
pub(crate) mod listener;
pub(crate) mod local_robot;
pub(crate) mod offer;
pub(crate) mod private;
pub(crate) mod robot;
pub(crate) mod samples;
pub(crate) mod server;
pub(crate) mod trust;
pub(crate) mod up;

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use baton_store::{SqliteOptions, SqliteStore, Store, StoreError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::{output, settings};

/// The database's name in the data folder.
pub(crate) const DATABASE: &str = "baton.db";
/// Written beside the data when the examples have been deployed.
pub(crate) const EXAMPLES_DONE: &str = "examples.done";

/// Opens a server's database as its only user.
pub(crate) fn open_database(path: &Path) -> Done<Arc<dyn Store>> {
    let store: Arc<dyn Store> =
        SqliteStore::open(path, SqliteOptions::default()).map_err(store_failure)?;
    Ok(store)
}

/// Whether the system says that there is no room, in its words or the store's.
fn is_full(why: &str) -> bool {
    ["disk is full", "No space left", "File too large"]
        .iter()
        .any(|words| why.contains(words))
}

/// What a store refused, as a command says it.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    if let StoreError::Unavailable(why) = &error
        && is_full(why)
    {
        return Failure::new(
            Exit::Refused,
            "disk_full",
            format!("there is no room on the disk: {why}"),
        )
        .fix("free some space, and start it again; nothing that was acknowledged is lost");
    }
    let (exit, code) = match &error {
        StoreError::NotFound { .. } => (Exit::NotFound, "not_found"),
        StoreError::Conflict { code, .. } => (Exit::Refused, *code),
        StoreError::Unavailable(_) => (Exit::Refused, "data_unavailable"),
        StoreError::Corrupt(_) => (Exit::Refused, "data_corrupt"),
        _ => (Exit::Failed, "store"),
    };
    Failure::new(exit, code, error.to_string())
}

/// A runtime for servers and robots: as many threads as the machine has cores.
pub(crate) fn runtime() -> Done<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Failed, "runtime", format!("cannot start: {e}")))
}

/// Sends the program's own log to standard error. `RUST_LOG` beats `-v`, which beats the default.
pub(crate) fn log(verbose: u8, default: &str) {
    let level = match verbose {
        0 => default,
        1 => "baton=debug,baton_server=debug,baton_agent=debug,baton_store=debug,info",
        _ => "trace",
    };
    let told = settings::environment::text("RUST_LOG").and_then(|told| {
        let filter = told.map(|told| EnvFilter::try_new(&told));
        filter.transpose().map_err(|error| {
            Failure::usage(format!(
                "RUST_LOG says nothing that can be followed: {error}"
            ))
        })
    });
    let filter = told.unwrap_or_else(|failure| {
        output::warn(&format!("{failure}; it is passed over"));
        None
    });
    let filter = filter.unwrap_or_else(|| EnvFilter::new(level));
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    // A second one in the same process, as in tests, changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .try_init();
}

/// Whether these words start a server or a robot, which ends in good order when it is asked to.
pub(crate) fn is_long_lived(words: &[OsString]) -> bool {
    let asks_only = |word: &OsString| word == "--help" || word == "-h" || word == "help";
    let serves = |word: &OsString| word == "up" || word == "server" || word == "robot";
    // Options of every command may stand before the command.
    let command = words
        .iter()
        .skip(1)
        .position(serves)
        .filter(|place| *place <= MOST_OPTIONS_BEFORE);
    command.is_some() && !words.iter().any(asks_only)
}

/// Words that may stand before the command: those of the options that every command takes.
const MOST_OPTIONS_BEFORE: usize = 10;

/// What was listened to from the first moment on, until it is asked for.
static EARLY: Mutex<Option<StopRequests>> = Mutex::new(None);

/// Listens to requests to end before anything else is done: one that comes in the first moments of a server is
/// answered in good order when it has started. Signals are heard for the whole process, so the runtime in which
/// this begins need not stay.
pub(crate) fn listen_early() {
    let listening = crate::commands::alone().and_then(|runtime| {
        let _inside = runtime.enter();
        StopRequests::new()
    });
    // Where it cannot be, the first moments are as they were, and `listen` says why.
    *EARLY.lock().unwrap_or_else(PoisonError::into_inner) = listening.ok();
}

/// The requests to end this process: Ctrl-C, or a service manager's.
///
/// Listened to once and kept: a second one that comes while the first is being answered is not lost.
pub(crate) struct StopRequests {
    interrupt: Signal,
    terminate: Signal,
}

impl StopRequests {
    /// Listens from now on, or goes on with what was listened to early.
    pub(crate) fn listen() -> Done<Self> {
        let early = EARLY.lock().unwrap_or_else(PoisonError::into_inner).take();
        early.map_or_else(Self::new, Ok)
    }

    fn new() -> Done<Self> {
        let to = |kind| {
            signal(kind).map_err(|e| {
                let what = format!("cannot listen to signals: {e}");
                Failure::new(Exit::Failed, "runtime", what)
            })
        };
        Ok(Self {
            interrupt: to(SignalKind::interrupt())?,
            terminate: to(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Stops gracefully, unless somebody asks once more.
    pub(crate) async fn stop_gracefully(&mut self, stopping: impl Future<Output = ()>) -> Exit {
        tokio::select! {
            () = stopping => Exit::Ok,
            () = self.next() => {
                output::note("stopped at once; nothing that was acknowledged is lost");
                Exit::Interrupted
            }
        }
    }
}
