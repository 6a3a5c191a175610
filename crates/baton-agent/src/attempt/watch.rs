//! Watching one process tree under its guard until it is gone, whatever comes in between.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::pulse::Pulse;
use super::report::Reports;
use crate::guard::{Order, Report};
use crate::process::{self, Ended, Marked, Tree, boot_clock};
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
    /// The guard did not end the tree as it should have.
    pub(crate) lost: Option<Lost>,
}

/// How a guard was lost, and what was killed in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lost {
    /// One half was killed; the other has ended the tree.
    Half,
    /// Both halves went without a word: somebody killed them at once.
    Both(Ended),
    /// It did not answer any more: somebody froze it.
    Silent(Ended),
}

impl Lost {
    /// What became of the tree: the error of the run.
    pub(crate) fn message(self) -> String {
        let (how, ended) = match self {
            Self::Half => {
                let half = "the guard was lost: one half of it was killed, and the other killed what it guarded";
                return half.into();
            }
            Self::Both(ended) => (
                "both halves of the guard of this run were killed at once",
                ended,
            ),
            Self::Silent(ended) => ("the guard of this run was frozen and did not answer", ended),
        };
        let killed = match ended.killed {
            0 => "no process of the run was found any more".to_owned(),
            1 => "1 process of the run was killed".to_owned(),
            n => format!("{n} processes of the run were killed"),
        };
        let mut message = format!("{how}; {killed}");
        if ended.left > 0 {
            message.push_str(&format!(
                ", {} could not be killed and may still be there",
                ended.left
            ));
        }
        if matches!(self, Self::Both(_)) {
            message.push_str(
                ". A process that had left its parents and cleared its environment cannot be found so: \
                 look whether one still works on this robot",
            );
        }
        message
    }
}

/// What follows from what a guard said.
enum Heard {
    /// Nothing that changes what is waited for.
    Nothing,
    /// The process runs.
    Began,
    /// It holds the claim until then.
    Held(Duration),
    /// There is no process.
    NeverBegan,
    /// The tree is gone.
    Over,
    /// The guard says nothing any more: both its halves are gone.
    Silence,
}

impl Watched {
    /// Takes in what the guard said of a process that began then.
    fn hear(&mut self, report: Option<Report>, started: Option<Instant>) -> Heard {
        match report {
            Some(Report::Started { .. }) => Heard::Began,
            Some(Report::NotStarted { message, resource }) => {
                self.not_started = Some((message, resource));
                Heard::NeverBegan
            }
            Some(Report::Exited { code, signal }) => {
                (self.code, self.signal) = (code, signal);
                self.ran = started.map(|s| s.elapsed());
                Heard::Nothing
            }
            Some(Report::Gone {
                left_behind,
                lapsed,
            }) => {
                self.left_behind = left_behind;
                if lapsed {
                    let lapsed = Cause::Ended(EndWhy::LeaseLapsed);
                    self.cause.get_or_insert(lapsed);
                }
                Heard::Over
            }
            Some(Report::Held { until }) => Heard::Held(Duration::from_millis(until)),
            Some(Report::HalfLost) => {
                self.lost = Some(Lost::Half);
                Heard::Over
            }
            None => Heard::Silence,
        }
    }
}

/// Watches a tree until it is gone, and follows its reports meanwhile if it writes any.
pub(crate) async fn watch(
    (tree, whose): (&mut Tree, &Marked),
    control: &mut Control,
    timeout: Option<Duration>,
    grace: Duration,
    mut reports: Option<&mut Reports>,
) -> Watched {
    let Control { ends, lease, asked } = control;
    let mut seen = Watched::default();
    let mut pulse = Pulse::new(boot_clock(), Duration::from_millis(lease.until()));
    let mut started: Option<Instant> = None;
    let mut ticks = ticker();
    loop {
        let deadline = started
            .zip(timeout)
            .map(|(s, t)| s + t)
            .filter(|_| seen.cause.is_none() && seen.ran.is_none());
        tokio::select! {
            report = tree.report() => match seen.hear(report, started) {
                Heard::Nothing => {}
                Heard::Began => {
                    pulse.began();
                    started = Some(Instant::now());
                    if let Some(reports) = reports.as_deref() {
                        reports.began().await;
                    }
                }
                Heard::Held(until) => {
                    pulse.answered(until);
                    ask(tree, &mut pulse);
                }
                Heard::NeverBegan => return seen,
                Heard::Over => {
                    tree.over();
                    return seen;
                }
                Heard::Silence => {
                    seen.lost = Some(Lost::Both(end(whose).await));
                    return seen;
                }
            },
            (why, grace) = next_end(ends, asked) => {
                // A process that had already ended by itself was not ended by this.
                if seen.ran.is_none() {
                    seen.cause.get_or_insert(Cause::Ended(why));
                }
                ask_to_end(tree, &mut pulse, grace);
            }
            until = lease.longer() => {
                pulse.renew(Duration::from_millis(until));
                ask(tree, &mut pulse);
            }
            () = at(deadline) => {
                seen.cause = Some(Cause::TimedOut);
                ask_to_end(tree, &mut pulse, grace);
            }
            _ = ticks.tick() => {
                ask(tree, &mut pulse);
                let now = boot_clock();
                if pulse.is_overdue(now) || pulse.look(now) && is_broken(whose).await {
                    seen.lost = Some(Lost::Silent(end(whose).await));
                    return seen;
                }
                if let Some(reports) = reports.as_deref_mut() {
                    reports.follow().await;
                }
            }
        }
    }
}

fn ticker() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

/// Asks the tree to end, and has it killed after the grace.
fn ask_to_end(tree: &mut Tree, pulse: &mut Pulse, grace: Duration) {
    pulse.end(boot_clock(), grace);
    tree.order(&Order::End {
        grace: millis(grace),
    });
}

/// Asks the guard for an answer if it is time to, with how long the claim holds.
fn ask(tree: &mut Tree, pulse: &mut Pulse) {
    if let Some(until) = pulse.ask(boot_clock()) {
        tree.order(&Order::Lease {
            until: millis(until),
        });
    }
}

/// Ends the tree and its guard in the guard's place. If even that fails, nothing is held up by it.
async fn end(whose: &Marked) -> Ended {
    let whose = whose.clone();
    let ended = tokio::task::spawn_blocking(move || process::end(&whose)).await;
    ended.unwrap_or_default()
}

async fn is_broken(whose: &Marked) -> bool {
    let whose = whose.clone();
    let looked = tokio::task::spawn_blocking(move || process::is_broken(&whose)).await;
    looked.unwrap_or(false)
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
