//! What the session does because time has passed or because something waits to be sent.

use std::time::Duration;

use baton_api::robot::{Heartbeat, Phase, StatusUpdate};
use baton_core::robot::RobotMetrics;
use baton_core::run::LogLevel;

use super::{Action, Attempt, EndWhy, Link, Moment, Past, Session};

/// How long the answer to `register` may take.
const REGISTER_WITHIN: Duration = Duration::from_secs(20);
/// How long a frame may stay unacknowledged before it is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(10);
/// A connection on which nothing came for this many heartbeats is dead.
const SILENT_BEATS: u32 = 3;
/// Progress of one attempt is sent at most this often; only the newest counts.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Heartbeats whose acknowledgement is still believed: more cannot be on the way within a lease.
const BEATS_KEPT: usize = 64;

impl Session {
    /// When [`Input::Tick`] is next due on the boot clock.
    pub fn next_tick(&self) -> Duration {
        let mut due = vec![];
        match self.link {
            Link::Offline => {}
            Link::Registering { since, .. } => due.push(since + REGISTER_WITHIN),
            Link::Registered => {
                due.push(self.next_beat);
                due.push(self.heard_at + self.heartbeat * SILENT_BEATS);
                due.extend(self.journal.resend_at(RESEND_AFTER));
            }
        }
        for attempt in self.attempts.values() {
            match attempt.phase {
                Phase::Accepted => due.push(attempt.since + self.start_within),
                Phase::Running if !attempt.ending => due.push(self.lease_until(attempt)),
                _ => {}
            }
            if self.link == Link::Registered {
                due.extend(attempt.logs.resend_at(RESEND_AFTER));
                due.extend(attempt.tasks.resend_at(RESEND_AFTER));
                due.extend(attempt.result.resend_at(RESEND_AFTER));
                if attempt.progress.is_some() {
                    due.push(attempt.progress_at + PROGRESS_EVERY);
                }
            }
        }
        due.into_iter().min().unwrap_or(Duration::MAX)
    }

    pub(super) fn pass_time(&mut self, now: Moment, out: &mut Vec<Action>) {
        match self.link {
            Link::Registering { since, .. } if now.boot >= since + REGISTER_WITHIN => {
                self.give_up("the server did not answer `register`", out);
            }
            Link::Registered if now.boot >= self.heard_at + self.heartbeat * SILENT_BEATS => {
                self.give_up("the server was silent for three heartbeats", out);
            }
            _ => {}
        }
        self.drop_unstarted(now, out);
        self.end_lapsed(now, out);
        if self.link == Link::Registered && now.boot >= self.next_beat {
            self.beat(now, out);
        }
    }

    /// Ends what has gone on unheard for as long as it may.
    fn end_lapsed(&mut self, now: Moment, out: &mut Vec<Action>) {
        let (renewed, unwanted) = (self.renewed, self.unwanted);
        for (claim, attempt) in &mut self.attempts {
            let until = renewed.until(attempt.own_lease.filter(|_| !unwanted));
            if attempt.phase == Phase::Running && !attempt.ending && now.boot >= until {
                attempt.ending = true;
                out.push(Action::End(*claim, EndWhy::LeaseLapsed, Duration::ZERO));
            }
        }
    }

    fn give_up(&mut self, why: &str, out: &mut Vec<Action>) {
        self.link = Link::Offline;
        out.push(Action::Note(
            LogLevel::Warning,
            format!("connection given up: {why}"),
        ));
        out.push(Action::Close);
    }

    fn drop_unstarted(&mut self, now: Moment, out: &mut Vec<Action>) {
        let late =
            |a: &Attempt| a.phase == Phase::Accepted && now.boot >= a.since + self.start_within;
        let late: Vec<_> = self
            .attempts
            .iter()
            .filter(|(_, a)| late(a))
            .map(|(c, _)| *c)
            .collect();
        for claim in late {
            self.attempts.remove(&claim);
            self.remember(claim, Past::Dropped);
            self.reject(
                claim,
                "no `start` came in time; the assignment was dropped",
                false,
                now,
                out,
            );
        }
    }

    fn beat(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.next_beat = now.boot + self.heartbeat;
        if self.beats.len() == BEATS_KEPT {
            self.beats.pop_front();
        }
        self.beats.push_back((now.wall, now.boot));
        let slots = usize::try_from(self.offer.max_concurrent_jobs).unwrap_or(usize::MAX);
        let status = if self.is_draining() {
            "draining"
        } else if self.live() >= slots {
            "busy"
        } else {
            "online"
        };
        let beat = Heartbeat {
            status: status.to_owned(),
            sent_at: now.wall,
            metrics: RobotMetrics {
                trouble: self.troubles.said(now),
                ..self.metrics.clone()
            },
            active: self.held_list(now),
        };
        out.push(Action::Send(self.text(&beat, now)));
    }

    /// Sends whatever may go out now.
    pub(super) fn flush(&mut self, now: Moment, out: &mut Vec<Action>) {
        if self.link != Link::Registered {
            return;
        }
        let mut updates = Vec::new();
        for (claim, a) in &mut self.attempts {
            if !a.superseded {
                out.extend(
                    a.logs
                        .due(now.boot, RESEND_AFTER)
                        .map(|s| Action::SendLogs(*claim, s)),
                );
                out.extend(
                    a.tasks
                        .due(now.boot, RESEND_AFTER)
                        .map(|s| Action::SendTasks(*claim, s)),
                );
            }
            let all_said = a.superseded || (a.logs.settled() && a.tasks.settled());
            if all_said && a.result.due(now.boot, RESEND_AFTER) {
                out.push(Action::SendResult(*claim));
            }
            if a.progress.is_some() && now.boot >= a.progress_at + PROGRESS_EVERY {
                a.progress_at = now.boot;
                updates.extend(a.progress.take().map(|p| (*claim, p)));
            }
        }
        for (claim, progress) in updates {
            let update = StatusUpdate {
                claim,
                status: "running".to_owned(),
                progress,
            };
            out.push(Action::Send(self.text(&update, now)));
        }
        out.extend(
            self.journal
                .due(now.boot, RESEND_AFTER)
                .map(Action::SendJournal),
        );
    }
}
