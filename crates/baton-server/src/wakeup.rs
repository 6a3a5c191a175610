//! Wake-ups: hints that there is something to do. A lost one costs one safety tick, never correctness.

use std::sync::atomic::{AtomicBool, Ordering};

use baton_store::CommitNote;
use tokio::sync::Notify;

/// One bell for each deciding service. Ringing a bell nobody waits at is remembered once.
#[derive(Debug, Default)]
pub struct Wakeups {
    /// A run became queued, a slot became free, a robot arrived, a limit changed.
    pub dispatcher: Notify,
    /// A pending run, a schedule or a start deadline was added or moved.
    pub scheduler: Notify,
    /// A lease or run deadline may have moved nearer.
    pub rescuer: Notify,
    /// There may be something to prune.
    pub pruner: Notify,
    /// Robots, queues or limits were changed by hand: what the dispatcher keeps of them is stale.
    fleet_stale: AtomicBool,
}

impl Wakeups {
    /// Rings the bells of those whom a commit concerns.
    pub fn committed(&self, note: &CommitNote) {
        if note.queued {
            self.dispatcher.notify_one();
        }
        if note.due_changed {
            self.scheduler.notify_one();
        }
    }

    /// Tells the dispatcher to read robots, queues and limits anew. To be called after each change of a
    /// queue, a limit or a deployment's limit.
    pub fn fleet_changed(&self) {
        self.fleet_stale.store(true, Ordering::Release);
        self.dispatcher.notify_one();
    }

    /// Whether [`Self::fleet_changed`] was called since this was asked last.
    pub(crate) fn take_fleet_stale(&self) -> bool {
        self.fleet_stale.swap(false, Ordering::AcqRel)
    }
}
