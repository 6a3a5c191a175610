//! When to try again after an attempt failed, and how long to wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;

/// Whether and how a run is tried again. The default grants no retry at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// How many further attempts are granted after the first; at most [`MAX_RETRIES`].
    pub max_retries: u32,
    /// Seconds before the second attempt.
    #[serde(default = "default_initial_delay")]
    pub initial_delay: f64,
    /// No delay is longer than this, in seconds (before jitter).
    #[serde(default = "default_max_delay")]
    pub max_delay: f64,
    /// Each further delay is this many times the one before; at least 1.
    #[serde(default = "default_backoff_factor")]
    pub backoff_factor: f64,
    /// Only these kinds of error are retried; empty means every retryable kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retryable_errors: Vec<ErrorKind>,
}

/// More retries than this is a loop, not a policy.
pub const MAX_RETRIES: u32 = 1_000;
/// A delay of over 30 days is a schedule, not a backoff.
pub const MAX_DELAY_SECONDS: f64 = 30.0 * 86_400.0;

fn default_initial_delay() -> f64 {
    1.0
}
fn default_max_delay() -> f64 {
    60.0
}
fn default_backoff_factor() -> f64 {
    2.0
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::times(0)
    }
}

impl RetryPolicy {
    /// The standard policy with this many retries: 1 s, doubling, at most 60 s.
    pub fn times(max_retries: u32) -> Self {
        Self {
            max_retries,
            initial_delay: default_initial_delay(),
            max_delay: default_max_delay(),
            backoff_factor: default_backoff_factor(),
            retryable_errors: Vec::new(),
        }
    }

    /// What is wrong with this policy, if anything, as a sentence for the person who wrote it.
    pub fn check(&self) -> Result<(), String> {
        let finite = |name: &str, v: f64, low: f64| {
            if v.is_finite() && v >= low && v <= MAX_DELAY_SECONDS {
                Ok(())
            } else {
                Err(format!(
                    "{name} must lie between {low} and {MAX_DELAY_SECONDS}, not {v}"
                ))
            }
        };
        if self.max_retries > MAX_RETRIES {
            return Err(format!(
                "max_retries must be at most {MAX_RETRIES}, not {}",
                self.max_retries
            ));
        }
        finite("initial_delay", self.initial_delay, 0.0)?;
        finite("max_delay", self.max_delay, 0.0)?;
        finite("backoff_factor", self.backoff_factor, 1.0)
    }

    /// Whether a failure of `kind` is tried again when `retries_used` have been spent.
    pub fn grants(&self, retries_used: u32, kind: ErrorKind) -> bool {
        retries_used < self.max_retries
            && kind.retryable()
            && (self.retryable_errors.is_empty() || self.retryable_errors.contains(&kind))
    }

    /// The wait before retry number `retry` (1 is the first), with ±20 % jitter drawn from `seed`.
    pub fn delay(&self, retry: u32, seed: u64) -> Duration {
        let exponent = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let plain = (self.initial_delay * self.backoff_factor.powi(exponent)).min(self.max_delay);
        // SplitMix64's finaliser: neighbouring seeds give unrelated fractions.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let fraction = (z >> 11) as f64 / (1u64 << 53) as f64;
        Duration::from_secs_f64((plain * (0.8 + 0.4 * fraction)).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_stay_within_a_fifth() {
        let policy = RetryPolicy::times(10);
        for (retry, plain) in [(1, 1.0), (2, 2.0), (3, 4.0), (7, 60.0), (900, 60.0)] {
            for seed in 0..50 {
                let d = policy.delay(retry, seed).as_secs_f64();
                assert!(d >= plain * 0.8 && d <= plain * 1.2, "retry {retry}: {d}");
            }
        }
    }

    #[test]
    fn the_default_grants_nothing_and_a_policy_grants_exactly_its_number() {
        assert!(!RetryPolicy::default().grants(0, ErrorKind::Failed));
        let policy = RetryPolicy::times(3);
        assert!(policy.grants(2, ErrorKind::Failed));
        assert!(!policy.grants(3, ErrorKind::Failed));
    }

    #[test]
    fn only_listed_kinds_are_retried_and_a_business_error_never_by_default() {
        let mut policy = RetryPolicy::times(3);
        assert!(!policy.grants(0, ErrorKind::Business));
        assert!(!policy.grants(0, ErrorKind::Usage));
        policy.retryable_errors = vec![ErrorKind::TimedOut];
        assert!(policy.grants(0, ErrorKind::TimedOut));
        assert!(!policy.grants(0, ErrorKind::Failed));
    }

    #[test]
    fn nonsense_is_refused_with_the_field_named() {
        let mut policy = RetryPolicy::times(1);
        policy.backoff_factor = f64::NAN;
        assert!(
            policy
                .check()
                .expect_err("a bad policy")
                .contains("backoff_factor")
        );
    }
}
