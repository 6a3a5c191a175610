//! Wake-ups: hints that there is something to do. A lost one costs one safety tick, never correctness.

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
}
