//! Waiting for a condition: the one place of these tests that pauses between two looks.

use std::time::{Duration, Instant};

/// How long to pause between two looks: short beside everything that is waited for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Waits until `look` says yes; panics after `within`, naming what was waited for.
pub(crate) async fn wait_for(what: &str, within: Duration, mut look: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !look().await {
        assert!(began.elapsed() < within, "waited {within:?} for {what}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
