//! The operations of the random test, and how they are drawn.

use baton_core::error::ErrorKind;
use baton_core::state::{Event, Outcome};
use proptest::prelude::*;

use crate::harness::{at, error};

/// Something that is done to a store. Runs and robots are named by their place, wrapping around.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Create(NewOne),
    /// One of the events that the run may take now.
    Happen {
        run: usize,
        pick: usize,
    },
    /// What would come next for the run, or its failure.
    Advance {
        run: usize,
        robot: usize,
        fails: bool,
    },
    Assign {
        run: usize,
        robot: usize,
        desktop: bool,
    },
    Step {
        run: usize,
        event: usize,
        claim: Who,
    },
    Due,
    Wait {
        seconds: i64,
    },
    Log {
        run: usize,
        claim: Who,
        from: i64,
        lines: i64,
    },
    Task {
        run: usize,
        claim: Who,
        key: u8,
    },
    Progress {
        run: usize,
        claim: Who,
    },
    Release {
        run: usize,
        claim: Who,
    },
    Regroup {
        run: usize,
    },
    Delete {
        run: usize,
    },
    Reconnect {
        robot: usize,
    },
    Drain {
        robot: usize,
        draining: bool,
    },
    Prune,
}

/// A run to be created.
#[derive(Clone, Debug)]
pub(super) struct NewOne {
    pub(super) second_queue: bool,
    pub(super) deployed: bool,
    pub(super) tagged: bool,
    pub(super) desktop: bool,
    pub(super) priority: usize,
    pub(super) due_in: i64,
    pub(super) start_within: Option<i64>,
    pub(super) retries: u32,
    pub(super) on_lost: usize,
    pub(super) executor: usize,
    pub(super) key: Option<u8>,
}

/// On whose claim something is done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Nobody,
    Holder,
    /// Whoever held the first attempt.
    First,
    Stranger,
}

pub(super) fn any_op() -> impl Strategy<Value = Op> {
    let run = || 0..8_usize;
    let who = || {
        prop_oneof![
            2 => Just(Who::Nobody),
            6 => Just(Who::Holder),
            2 => Just(Who::First),
            1 => Just(Who::Stranger),
        ]
    };
    prop_oneof![
        5 => any_new().prop_map(Op::Create),
        16 => (run(), 0..1_000_usize).prop_map(|(run, pick)| Op::Happen { run, pick }),
        24 => (run(), 0..2_usize, prop::bool::weighted(0.7))
            .prop_map(|(run, robot, fails)| Op::Advance { run, robot, fails }),
        4 => (run(), 0..2_usize, any::<bool>())
            .prop_map(|(run, robot, desktop)| Op::Assign { run, robot, desktop }),
        8 => (run(), 0..EVENTS, who()).prop_map(|(run, event, claim)| Op::Step { run, event, claim }),
        4 => Just(Op::Due),
        3 => (1..200_i64).prop_map(|seconds| Op::Wait { seconds }),
        2 => (run(), who(), 1..5_i64, 0..4_i64)
            .prop_map(|(run, claim, from, lines)| Op::Log { run, claim, from, lines }),
        1 => (run(), who(), 0..3_u8).prop_map(|(run, claim, key)| Op::Task { run, claim, key }),
        1 => (run(), who()).prop_map(|(run, claim)| Op::Progress { run, claim }),
        2 => (run(), who()).prop_map(|(run, claim)| Op::Release { run, claim }),
        2 => run().prop_map(|run| Op::Regroup { run }),
        1 => run().prop_map(|run| Op::Delete { run }),
        1 => (0..2_usize).prop_map(|robot| Op::Reconnect { robot }),
        1 => (0..2_usize, any::<bool>()).prop_map(|(robot, draining)| Op::Drain { robot, draining }),
        1 => Just(Op::Prune),
    ]
}

fn any_new() -> impl Strategy<Value = NewOne> {
    let place = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.2),
    );
    let time = (
        0..4_usize,
        -50..50_i64,
        prop::option::weighted(0.2, 0..100_i64),
    );
    let policy = (
        0..3_u32,
        0..4_usize,
        0..6_usize,
        prop::option::weighted(0.3, 0..3_u8),
    );
    (place, time, policy).prop_map(|(place, time, policy)| NewOne {
        second_queue: place.0,
        deployed: place.1,
        tagged: place.2,
        desktop: place.3,
        priority: time.0,
        due_in: time.1,
        start_within: time.2,
        retries: policy.0,
        on_lost: policy.1,
        executor: policy.2,
        key: policy.3,
    })
}

pub(super) const EVENTS: usize = 24;
/// The place of the events that bring a run on.
pub(super) const START: usize = 0;
pub(super) const FAIL: usize = 2;
pub(super) const COMPLETE: usize = 4;

/// Events that bring a run on come up more than once.
pub(super) fn event(index: usize, now: i64) -> Event {
    let failed = |kind| Outcome::Failed { error: error(kind) };
    match index {
        0 | 1 => Event::Start,
        2 | 3 => Event::Finish(failed(ErrorKind::Failed)),
        4 => Event::Finish(Outcome::Completed),
        5 => Event::Finish(failed(ErrorKind::Business)),
        6 => Event::Finish(Outcome::TimedOut {
            error: error(ErrorKind::TimedOut),
        }),
        7 => Event::Finish(Outcome::Crashed {
            error: error(ErrorKind::Lost),
        }),
        8 => Event::Finish(Outcome::Cancelled),
        9 => Event::Reject,
        10 => Event::Unanswered,
        11 => Event::RejectForGood {
            error: error(ErrorKind::Spawn),
        },
        12 => Event::LeaseLapsed,
        13 => Event::RunDeadline,
        14 => Event::StartDeadline,
        15 => Event::Cancel,
        16 => Event::CancelDeadline,
        17 => Event::Pause,
        18 => Event::Resume,
        19 => Event::PauseExpired,
        20 => Event::Postpone {
            due_at: at(now + 30),
        },
        21 => Event::Refuse {
            error: error(ErrorKind::Refused),
        },
        22 => Event::Due,
        _ => Event::Retry,
    }
}
