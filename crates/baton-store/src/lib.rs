//! Where Baton keeps its facts: one trait, one method a transaction, one contract suite for all stores.
//!
//! A method that returns `Ok` has made its change durable; one that returns an error has changed
//! nothing. Decisions about a run are made by [`baton_core::state::apply`] on rows read in the same
//! transaction, so a caller never races with another. `now` always comes from the caller. Instants are
//! kept to the microsecond. What a change by hand leaves in the trail is committed with it: [`noting`].
//!
//! Read in this order: [`runs`] (the heart), [`fleet`], [`catalog`], [`schedules`], then the rest.

use async_trait::async_trait;

pub mod admit;
pub mod catalog;
pub mod commit;
pub mod error;
pub mod fleet;
pub mod keys;
pub mod logs;
#[cfg(feature = "memory")]
pub mod memory;
pub mod noting;
pub mod page;
pub mod refusal;
pub mod run_text;
pub mod runs;
pub mod schedules;
pub mod sqlite;
pub mod stats;
pub mod step;
pub mod verify;
pub mod zones;

pub use catalog::Catalog;
pub use commit::{CommitNote, Committed, Hooks};
pub use error::{Result, StoreError};
pub use fleet::Fleet;
pub use keys::Keys;
pub use logs::Logs;
#[cfg(feature = "memory")]
pub use memory::MemoryStore;
pub use page::{Page, PageRequest};
pub use runs::Runs;
pub use schedules::Schedules;
pub use sqlite::{SqliteOptions, SqliteStore};
pub use stats::Stats;
pub use zones::Zones;

/// All of a store. Used as `Arc<dyn Store>`.
#[async_trait]
pub trait Store:
    Catalog + Runs + Fleet + Schedules + Zones + Logs + Keys + Stats + Send + Sync + 'static
{
    /// Finishes what is under way, checkpoints, and closes. Later calls answer `Unavailable`.
    async fn close(&self);

    /// From now on, calls `hook` after each commit that changed something.
    fn on_commit(&self, hook: Committed);

    /// Ends when the store can take no write any more until it is opened anew: its disk failed to keep
    /// what it was given. Most stores never come to that.
    async fn lost(&self) {
        std::future::pending().await
    }

    /// Whether writes are kept at present: `Unavailable` when the last one was not. While that is so, asking
    /// writes a little every few seconds, so that an idle store notices that the disk has room again.
    async fn check_writes(&self) -> Result<()>;
}
