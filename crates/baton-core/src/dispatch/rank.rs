//! Who goes first: by priority, then by due time, then by id; and how waiting lifts a run.
//!
//! Priority is strict until a run has waited out its *ageing bound*: [`AGEING_STEP`] for every level
//! below critical. From then on its class takes turns with all that strict priority would put before
//! it: a robot that both could use goes to the class that it has served least recently. So
//!
//! * a run that has waited out its bound outranks fresh critical work on the next slot that it can
//!   use, unless that robot has just served its class; then it has the slot after;
//! * no flood, of whatever priority, takes more of a robot than its turns: a backlog of aged low runs
//!   leaves critical work at least every fourth slot, and every second when only those two compete.

use jiff::{SignedDuration, Timestamp};

use crate::id::RunId;
use crate::run::Priority;

/// How long a run waits for each level that its priority is below critical.
pub const AGEING_STEP: SignedDuration = SignedDuration::from_mins(10);

/// How long after its due time a run of this priority takes turns with critical work: 30 minutes for
/// low, 20 for normal, 10 for high. Critical runs never need to.
pub fn ageing_bound(priority: Priority) -> SignedDuration {
    let levels = Priority::Critical as i32 - priority as i32;
    AGEING_STEP
        .checked_mul(levels)
        .expect("three times ten minutes is a duration")
}

/// Whether a run has waited out its ageing bound.
pub fn is_aged(priority: Priority, due_at: Timestamp, now: Timestamp) -> bool {
    priority < Priority::Critical && now.duration_since(due_at) >= ageing_bound(priority)
}

/// Where a run stands among the waiting ones: smaller goes first, turns of aged classes aside.
pub fn rank(priority: Priority, due_at: Timestamp, id: RunId) -> impl Ord + Copy {
    (std::cmp::Reverse(priority), due_at, id)
}
