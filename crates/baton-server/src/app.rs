//! What every handler and service shares.

use std::sync::Arc;

use baton_store::Store;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::config::Config;
use crate::wakeup::Wakeups;

/// The server's shared state: facts live in the store; what is here can be lost at any moment.
pub struct App {
    /// The facts.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the server was told.
    pub config: Config,
    /// Bells of the services.
    pub wakeups: Wakeups,
    /// When this server started: no lease lapses within a full lease of it.
    pub started_at: Timestamp,
}
