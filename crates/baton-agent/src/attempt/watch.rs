//! Watching one process tree under its guard until it is gone, whatever comes in between.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::report::Reports;
use crate::guard::{Order, Report};
use crate::process::Tree;
use crate::session::{EndWhy, Renewed};

/// How often the events file is looked at while the tree lives.
const TICK: Duration = Duration::from_millis(50);

/// Why a tree ended before its own end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cause {
    /// From outside.
    Ended(EndWhy),
    /// It ran for too long.
    TimedOut,
}

/// What the rest of the agent may tell an attempt.
pub(crate) struct Control {
    /// Requests to end it, each with a grace.
    pub(crate) ends: mpsc::UnboundedReceiver<(EndWhy, Duration)>,
    /// Until when its claim holds.
    pub(crate) lease: Lease,
    /// The first request to end it that came: it stands for all that follows.
    pub(crate) asked: Option<EndWhy>,
}

/// Until when the claim of an attempt holds.
pub(crate) struct Lease {
    /// When its session's claims were renewed last.
    pub(crate) renewed: watch::Receiver<Renewed>,
    /// How long it may go on unheard, where its assignment says so.
    pub(crate) own: Option<Duration>,
}

impl Lease {
    /// Until when it holds now, as guards count.
    pub(crate) fn until(&mut self) -> u64 {
        millis(self.renewed.borrow_and_update().until(self.own))
    }

    /// Waits until it holds for longer.
    async fn longer(&mut self) -> u64 {
        match self.renewed.changed().await {
            Ok(()) => self.until(),
            // The agent is gone, which its own way of stopping prevents.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Control {
    /// Waits for the next request to end the attempt.
    pub(crate) async fn end(&mut self) -> (EndWhy, Duration) {
        next_end(&mut self.ends, &mut self.asked).await
    }

    /// Does this unless the attempt is to end.
    pub(crate) async fn unless_ended<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        if self.asked.is_some() {
            return None;
        }
        tokio::select! {
            done = work => Some(done),
            _ = self.end() => None,
        }
    }
}

async fn next_end(
    ends: &mut mpsc::UnboundedReceiver<(EndWhy, Duration)>,
    asked: &mut Option<EndWhy>,
) -> (EndWhy, Duration) {
    match ends.recv().await {
        Some((why, grace)) => {
            asked.get_or_insert_with(|| why.clone());
            (why, grace)
        }
        // The agent is gone, which its own way of stopping prevents.
        None => std::future::pending().await,
    }
}

/// What became of a tree.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// The exit code of its first process.
    pub(crate) code: Option<i32>,
    /// The signal that ended its first process.
    pub(crate) signal: Option<i32>,
    /// Why it was ended from outside.
    pub(crate) cause: Option<Cause>,
    /// Why there was no process at all, and whether the machine ran out of something.
    pub(crate) not_started: Option<(String, bool)>,
    /// How many processes the first one left behind.
    pub(crate) left_behind: usize,
    /// How long its first process ran.
    pub(crate) ran: Option<Duration>,
    /// The guard went without a word: somebody killed it.
    pub(crate) guard_lost: bool,
}

/// Watches a tree until it is gone, and follows its reports meanwhile if it writes any.
pub(crate) async fn watch(
    tree: &mut Tree,
    control: &mut Control,
    timeout: Option<Duration>,
    grace: Duration,
    mut reports: Option<&mut Reports>,
) -> Watched {
    let Control { ends, lease, asked } = control;
    let mut seen = Watched::default();
    let mut started: Option<Instant> = None;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    loop {
        let deadline = started
            .zip(timeout)
            .map(|(s, t)| s + t)
            .filter(|_| seen.cause.is_none() && seen.ran.is_none());
        tokio::select! {
            report = tree.report() => match report {
                Some(Report::Started { .. }) => {
                    started = Some(Instant::now());
                    if let Some(reports) = reports.as_deref() {
                        reports.began().await;
                    }
                }
                Some(Report::NotStarted { message, resource }) => {
                    seen.not_started = Some((message, resource));
                    return seen;
                }
                Some(Report::Exited { code, signal }) => {
                    (seen.code, seen.signal) = (code, signal);
                    seen.ran = started.map(|s| s.elapsed());
                }
                Some(Report::Gone { left_behind, lapsed }) => {
                    seen.left_behind = left_behind;
                    if lapsed {
                        seen.cause.get_or_insert(Cause::Ended(EndWhy::LeaseLapsed));
                    }
                    return seen;
                }
                None => {
                    seen.guard_lost = true;
                    return seen;
                }
            },
            (why, grace) = next_end(ends, asked) => {
                // A process that had already ended by itself was not ended by this.
                if seen.ran.is_none() {
                    seen.cause.get_or_insert(Cause::Ended(why));
                }
                tree.order(&Order::End { grace: millis(grace) }).await;
            }
            until = lease.longer() => tree.order(&Order::Lease { until }).await,
            () = at(deadline) => {
                seen.cause = Some(Cause::TimedOut);
                tree.order(&Order::End { grace: millis(grace) }).await;
            }
            _ = ticks.tick() => {
                if let Some(reports) = reports.as_deref_mut() {
                    reports.follow().await;
                }
            }
        }
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Whole milliseconds, as guards count.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
