//! How much one attempt may log: a flood is slowed at its pipe, and past the total it is counted, not kept.

use std::time::Duration;

use crate::config::LogLimits;

/// How many seconds' worth may come at once.
const BURST: f64 = 3.0;
/// What a line costs beside its text: number, time and the rest of its record.
const LINE_COST: u64 = 64;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It is kept; read on after this time.
    Keep(Duration),
    /// It is counted only.
    Drop,
}

/// The bounds in use by one attempt.
pub(crate) struct Quota {
    limits: LogLimits,
    lines: f64,
    bytes: f64,
    at: Duration,
    kept: u64,
    /// Lines not kept.
    pub(crate) dropped_lines: u64,
    /// Bytes not kept.
    pub(crate) dropped_bytes: u64,
}

impl Quota {
    pub(crate) fn new(limits: LogLimits, now: Duration) -> Self {
        Self {
            limits,
            lines: f64::from(limits.lines_per_second) * BURST,
            bytes: as_f64(limits.bytes_per_second) * BURST,
            at: now,
            kept: 0,
            dropped_lines: 0,
            dropped_bytes: 0,
        }
    }

    pub(crate) fn admit(&mut self, bytes: usize, now: Duration) -> Verdict {
        let bytes = bytes as u64;
        if self.dropped_lines > 0 || self.kept + bytes > self.limits.bytes {
            self.dropped_lines += 1;
            self.dropped_bytes += bytes;
            return Verdict::Drop;
        }
        self.kept += bytes + LINE_COST;
        let (line_rate, byte_rate) = (
            f64::from(self.limits.lines_per_second),
            as_f64(self.limits.bytes_per_second),
        );
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        self.lines = (self.lines + passed * line_rate).min(line_rate * BURST) - 1.0;
        self.bytes = (self.bytes + passed * byte_rate).min(byte_rate * BURST) - as_f64(bytes);
        let wait = (-self.lines / line_rate)
            .max(-self.bytes / byte_rate)
            .max(0.0);
        Verdict::Keep(Duration::from_secs_f64(wait))
    }
}

fn as_f64(n: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "rates and sizes far below 2^52")]
    let n = n as f64;
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LogLimits = LogLimits {
        lines_per_second: 10,
        bytes_per_second: 1_000_000,
        bytes: 10_000,
    };

    #[test]
    fn a_flood_is_slowed_after_its_burst_and_recovers() {
        let mut quota = Quota::new(LIMITS, Duration::ZERO);
        for _ in 0..30 {
            assert_eq!(
                quota.admit(1, Duration::ZERO),
                Verdict::Keep(Duration::ZERO)
            );
        }
        let Verdict::Keep(wait) = quota.admit(1, Duration::ZERO) else {
            panic!("kept")
        };
        assert!(wait >= Duration::from_millis(99), "{wait:?}");
        let later = Duration::from_secs(60);
        assert_eq!(quota.admit(1, later), Verdict::Keep(Duration::ZERO));
    }

    #[test]
    fn past_the_total_lines_are_counted_and_not_kept() {
        let mut quota = Quota::new(LIMITS, Duration::ZERO);
        assert!(matches!(
            quota.admit(9_000, Duration::ZERO),
            Verdict::Keep(_)
        ));
        assert_eq!(quota.admit(5_000, Duration::ZERO), Verdict::Drop);
        assert_eq!(
            quota.admit(1, Duration::ZERO),
            Verdict::Drop,
            "no line after a gap"
        );
        assert_eq!((quota.dropped_lines, quota.dropped_bytes), (2, 5_001));
    }
}
