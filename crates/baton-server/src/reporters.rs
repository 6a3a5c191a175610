//! Processes that execute runs by themselves: when each was last heard by this server.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use baton_core::id::RunId;
use baton_core::lease::Steady;

/// What was heard, by run. Bounded by the live runs: what is not live is forgotten when the rescuer looks.
#[derive(Debug, Default)]
pub(crate) struct Reporters(Mutex<HashMap<RunId, Steady>>);

impl Reporters {
    /// The process of this run has said something.
    pub(crate) fn heard(&self, run: RunId, now: Steady) {
        self.all().insert(run, now);
    }

    /// When it was last heard by this server.
    pub(crate) fn heard_at(&self, run: RunId) -> Option<Steady> {
        self.all().get(&run).copied()
    }

    /// Forgets all but these.
    pub(crate) fn keep(&self, live: &HashSet<RunId>) {
        self.all().retain(|run, _| live.contains(run));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RunId, Steady>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
