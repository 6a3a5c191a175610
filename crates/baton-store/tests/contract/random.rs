//! Random sequences of operations: two stores give the same answers, and no invariant ever breaks.
//!
//! A failure prints its seed and the shortest sequence that was found; `CONTRACT_SEED=…` repeats it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::harness::Bench;

mod invariants;
mod ops;
mod side;

use invariants::Invariants;
use ops::Op;
use side::Side;

/// Sequences tried unless `PROPTEST_CASES` says otherwise: some seconds on SQLite.
const CASES: u32 = 32;
/// Operations in a sequence: enough for a run to be retried, lost and retried by hand.
const LENGTH: std::ops::Range<usize> = 20..80;

#[test]
fn two_memory_stores_give_the_same_answers() {
    check(Bench::memory, Bench::memory);
}

#[test]
fn sqlite_gives_the_answers_of_the_model() {
    check(Bench::memory, Bench::sqlite);
}

fn check(left: fn() -> Bench, right: fn() -> Bench) {
    let seed: u64 = match std::env::var("CONTRACT_SEED") {
        Ok(text) => text.parse().expect("CONTRACT_SEED is a number"),
        Err(_) => RandomState::new().hash_one(0),
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut config = Config {
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let sequences = prop::collection::vec(ops::any_op(), LENGTH);
    let outcome = runner.run(&sequences, |ops| {
        runtime.block_on(compare(left(), right(), &ops))
    });
    if let Err(error) = outcome {
        panic!("CONTRACT_SEED={seed}\n{error}");
    }
}

/// Plays a sequence on both stores, and compares answers and all that can be seen after each step.
async fn compare(left: Bench, right: Bench, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut left = Side::new(left).await;
    let mut right = Side::new(right).await;
    let mut invariants = [Invariants::default(), Invariants::default()];
    for (n, op) in ops.iter().enumerate() {
        let (l, r) = (left.play(op).await, right.play(op).await);
        prop_assert_eq!(l, r, "answers to step {}: {:?}", n, op);
        let (l, r) = (left.seen().await, right.seen().await);
        for (l, r) in l.into_iter().zip(r) {
            prop_assert_eq!(l, r, "seen after step {}: {:?}", n, op);
        }
        invariants[0].check(&left).await?;
        invariants[1].check(&right).await?;
    }
    for side in [left, right] {
        let found = side.bench.store.verify().await.expect("verified");
        prop_assert_eq!(found.breaches, vec![]);
        side.bench.store.close().await;
    }
    Ok(())
}
