//! Live events: what streams wait for, and how they read on without gap or repetition.
//!
//! A commit only *wakes* streams; what they send they read from the store, after their own cursor. So
//! a slow reader costs no memory, a lost wake-up costs nothing once the next one comes, and a stream
//! that is resumed by its last id goes on exactly where it was.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use baton_core::id::RunId;
use baton_store::CommitNote;
use baton_store::commit::MAX_NOTED;
use tokio::sync::watch;

mod cursor;
mod events;
mod log_order;
mod logs;

pub use cursor::Cursor;
pub use events::{Event, EventFeed, Filter, Item};
pub use log_order::LogItem;
pub use logs::{LogFeed, LogNews};

/// Why a stream cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor is malformed, was pruned, or is so far behind that reloading is cheaper.
    #[error("{message}")]
    Cursor {
        /// `bad_cursor` or `cursor_expired`.
        code: &'static str,
        /// What to do.
        message: String,
    },
    /// The server is going down; come back with the last id.
    #[error("the server is stopping; reconnect with the last event id")]
    Stopping,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] baton_store::StoreError),
}

/// The last positions of both histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Positions {
    run_events: i64,
    events: i64,
}

/// Where streams of one process wait.
#[derive(Debug, Default)]
pub struct Hub {
    positions: watch::Sender<Positions>,
    followed: Mutex<HashMap<RunId, watch::Sender<()>>>,
}

impl Hub {
    /// Wakes the streams that a commit concerns. Called on the store's writing thread.
    pub fn committed(&self, note: &CommitNote) {
        self.positions.send_if_modified(|at| {
            let before = *at;
            at.run_events = at.run_events.max(note.run_events_up_to);
            at.events = at.events.max(note.events_up_to);
            *at != before
        });
        let named = [&note.logs, &note.tasks, &note.runs];
        if named.iter().all(|runs| runs.is_empty()) {
            return;
        }
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.is_empty() {
            return;
        }
        if named.iter().any(|runs| runs.len() >= MAX_NOTED) {
            // The list was cut: whoever follows any run looks for itself.
            for run in followed.values() {
                run.send_replace(());
            }
            return;
        }
        for run in named.into_iter().flatten() {
            if let Some(run) = followed.get(run) {
                run.send_replace(());
            }
        }
    }

    /// Wakes when a run gets log lines, task runs or progress, changes its state, or is deleted.
    fn follow(&self, run: RunId) -> watch::Receiver<()> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.retain(|_, sender| sender.receiver_count() > 0);
        followed.entry(run).or_default().subscribe()
    }

    fn positions(&self) -> watch::Receiver<Positions> {
        self.positions.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_reader_of_a_run_wakes_when_that_run_changes_and_not_for_others() {
        let hub = Hub::default();
        let run = |n| RunId(Uuid::from_u128(n));
        let mut reader = hub.follow(run(1));
        let mut wakes = |change: &dyn Fn(&mut CommitNote)| {
            reader.mark_unchanged();
            let mut note = CommitNote {
                run_events_up_to: 7,
                events_up_to: 7,
                ..CommitNote::default()
            };
            change(&mut note);
            hub.committed(&note);
            reader.has_changed().expect("the hub is there")
        };
        assert!(!wakes(&|_| {}));
        assert!(!wakes(&|note| note.note_run(run(2))));
        assert!(!wakes(&|note| note.note_logs(run(2))));
        assert!(wakes(&|note| note.note_run(run(1))));
        assert!(wakes(&|note| note.note_logs(run(1))));
        assert!(wakes(&|note| note.note_tasks(run(1))));
        // A list that was cut may have named it.
        assert!(wakes(
            &|note| (0..MAX_NOTED as u128).for_each(|n| note.note_run(run(100 + n)))
        ));
    }
}
