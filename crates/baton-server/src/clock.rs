//! The server's clocks, so that tests can move them: the time of day, and one that nobody sets.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use baton_core::lease::Steady;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Ends when a clock shows what was waited for.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time, and wakes who waits for it.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, which people and their machines correct. For what is written down and for what is
    /// due at a time of day.
    fn now(&self) -> Timestamp;

    /// An instant of a clock that nobody sets. For leases, patience and pauses.
    fn steady(&self) -> Steady;

    /// Ends once this clock has shown `at`, never before.
    fn sleep_until(&self, at: Steady) -> Sleep;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Longest sleep in one piece: the runtime's timers stand still while the machine is suspended, the steady
/// clock does not.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn steady(&self) -> Steady {
        Steady::from_origin(since_boot())
    }

    fn sleep_until(&self, at: Steady) -> Sleep {
        Box::pin(async move {
            loop {
                let left = at.since(Steady::from_origin(since_boot()));
                if left <= SignedDuration::ZERO {
                    return;
                }
                let left = Duration::try_from(left).unwrap_or(LONGEST_SLEEP);
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            }
        })
    }
}

/// Time since the machine was started, suspended or not.
#[cfg(target_os = "linux")]
fn since_boot() -> SignedDuration {
    use nix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock since 2.6.39");
    SignedDuration::new(now.tv_sec(), i32::try_from(now.tv_nsec()).unwrap_or(0))
}

/// Time since the first call: the best that every machine has.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> SignedDuration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let since = FIRST.get_or_init(std::time::Instant::now).elapsed();
    SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX)
}

/// Clocks that stand still until they are moved.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Shown>);

/// What the two clocks show.
#[derive(Clone, Copy, Debug)]
struct Shown {
    day: Timestamp,
    steady: Steady,
}

impl ManualClock {
    /// Clocks of which one shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(watch::Sender::new(Shown {
            day: now,
            steady: Steady::default(),
        }))
    }

    /// Lets time pass, and wakes who waited for what the clocks now show.
    pub fn advance(&self, by: SignedDuration) {
        self.0.send_modify(|shown| {
            shown.day = shown.day.saturating_add(by).unwrap_or(Timestamp::MAX);
            shown.steady = shown.steady.after(by);
        });
    }

    /// Sets the time of day forward or back, as an administrator does: no time passes.
    pub fn set(&self, by: SignedDuration) {
        self.0.send_modify(|shown| {
            shown.day = shown.day.saturating_add(by).unwrap_or(Timestamp::MAX);
        });
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.borrow().day
    }

    fn steady(&self) -> Steady {
        self.0.borrow().steady
    }

    fn sleep_until(&self, at: Steady) -> Sleep {
        let mut shown = self.0.subscribe();
        Box::pin(async move {
            // A clock that is gone can show nothing any more.
            if shown.wait_for(|now| now.steady >= at).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
