//! What a commit changed, told to whoever must wake up: services, streams, robot connections.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use baton_core::id::RunId;
use baton_core::run::Run;
use baton_core::state::State;

/// What one commit changed. A hint: whoever misses it finds the same by reading, one tick later.
///
/// One note may stand for several operations, since waiting writes share a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitNote {
    /// The last position of run history after this commit; 0 when no run changed its state.
    pub run_events_up_to: i64,
    /// A run became queued, or something that a queued run may wait for was freed or changed: a slot,
    /// a limit, a robot, a queue.
    pub queued: bool,
    /// A Pending run, a schedule, or a start or run deadline was added, moved or removed.
    pub due_changed: bool,
    /// Runs that got log lines, each once; at most [`MAX_NOTED`], then the list is cut.
    pub logs: Vec<RunId>,
    /// Runs whose task runs or progress changed, each once; at most [`MAX_NOTED`], then the list is cut.
    pub tasks: Vec<RunId>,
    /// Runs that changed in anything else, or went; at most [`MAX_NOTED`], then the list is cut.
    pub runs: Vec<RunId>,
    /// The last position of resource events after this commit; 0 when there was none in it.
    pub events_up_to: i64,
}

/// Most runs that one note names: more than one commit can hold operations.
pub const MAX_NOTED: usize = 1_024;

impl CommitNote {
    /// Whether nobody needs to wake up.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says whom a new run may concern.
    pub fn created(&mut self, state: State, has_start_deadline: bool) {
        self.queued |= state == State::Queued;
        self.due_changed |= state == State::Pending || has_start_deadline;
    }

    /// Says whom it may concern that a run became this.
    pub fn moved(&mut self, was: &Run, after: &Run, has_start_deadline: bool) {
        self.note_run(after.id);
        let freed = was.live && !after.live;
        self.queued |= freed || (after.state == State::Queued && was.state != State::Queued);
        let waits = |state| matches!(state, State::Pending | State::Queued | State::Dispatched);
        let timed = was.spec.timeout_seconds.is_some()
            && (was.state == State::Running) != (after.state == State::Running);
        self.due_changed |= was.state == State::Pending
            || after.state == State::Pending
            || timed
            || (has_start_deadline && waits(was.state) != waits(after.state));
    }

    /// Names a run that got log lines.
    pub fn note_logs(&mut self, run: RunId) {
        note(&mut self.logs, run);
    }

    /// Names a run whose task runs or progress changed.
    pub fn note_tasks(&mut self, run: RunId) {
        note(&mut self.tasks, run);
    }

    /// Names a run that changed or went. The same run may be named more than once: a commit of the hot path names
    /// hundreds, and comparing each with all costs more than waking a reader twice.
    pub fn note_run(&mut self, run: RunId) {
        if self.runs.len() < MAX_NOTED {
            self.runs.push(run);
        }
    }

    /// Adds what another operation of the same commit changed.
    pub fn merge(&mut self, other: Self) {
        self.run_events_up_to = self.run_events_up_to.max(other.run_events_up_to);
        self.events_up_to = self.events_up_to.max(other.events_up_to);
        self.queued |= other.queued;
        self.due_changed |= other.due_changed;
        other.logs.into_iter().for_each(|r| self.note_logs(r));
        other.tasks.into_iter().for_each(|r| self.note_tasks(r));
        other.runs.into_iter().for_each(|r| self.note_run(r));
    }
}

fn note(list: &mut Vec<RunId>, run: RunId) {
    if list.len() < MAX_NOTED && list.last() != Some(&run) && !list.contains(&run) {
        list.push(run);
    }
}

/// Called after each commit that changed something, before the callers have their answers, on the
/// store's writing thread: it must only wake others, never wait or call the store.
pub type Committed = Arc<dyn Fn(&CommitNote) + Send + Sync>;

/// The hooks of one store.
#[derive(Default)]
pub struct Hooks(RwLock<Vec<Committed>>);

impl Hooks {
    /// Adds a hook for as long as the store lives.
    pub fn add(&self, hook: Committed) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(hook);
    }

    /// Tells all hooks, unless there is nothing to tell.
    pub fn call(&self, note: &CommitNote) {
        if note.is_empty() {
            return;
        }
        for hook in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            hook(note);
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_notes_name_each_run_once_and_keep_the_last_position() {
        let run = RunId(uuid::Uuid::from_u128(1));
        let mut all = CommitNote::default();
        for seq in [7, 5] {
            let mut one = CommitNote {
                run_events_up_to: seq,
                ..CommitNote::default()
            };
            one.note_logs(run);
            all.merge(one);
        }
        assert_eq!((all.run_events_up_to, all.logs), (7, vec![run]));
    }
}
