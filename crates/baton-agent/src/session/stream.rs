//! How far something numbered is written, sent and acknowledged, and when it must be sent (again).

use std::collections::VecDeque;
use std::time::Duration;

/// Batches on the way at once: enough to hide a round trip, too few to keep heartbeats waiting.
const WINDOW: usize = 2;

/// A numbered stream that is resent from the last acknowledged item on until it is acknowledged.
#[derive(Default)]
pub(super) struct Stream {
    written: i64,
    sent: i64,
    acked: i64,
    /// The last number of each batch on the way.
    on_the_way: VecDeque<i64>,
    sent_at: Duration,
    /// A batch was asked for and the caller has not yet said what went out.
    asked: bool,
}

impl Stream {
    pub(super) fn resumed(acked: i64, written: i64) -> Self {
        Self {
            written,
            sent: acked,
            acked,
            ..Self::default()
        }
    }

    pub(super) fn wrote(&mut self, seq: i64) {
        self.written = self.written.max(seq);
    }

    pub(super) fn sent(&mut self, seq: i64, now: Duration) {
        self.asked = false;
        if seq > self.sent {
            self.sent = seq;
            self.on_the_way.push_back(seq);
            self.sent_at = now;
        }
    }

    /// Whether the acknowledgement is news.
    pub(super) fn acked(&mut self, seq: i64) -> bool {
        // What was never written cannot be acknowledged: a server that says so has mistaken the attempt.
        let seq = seq.min(self.written);
        let news = seq > self.acked;
        self.acked = self.acked.max(seq);
        self.sent = self.sent.max(self.acked);
        self.on_the_way.retain(|last| *last > seq);
        news
    }

    /// The connection is new: nothing is on the way.
    pub(super) fn rewind(&mut self) {
        self.sent = self.acked;
        self.on_the_way.clear();
        self.asked = false;
    }

    /// What is not yet sent can never be.
    pub(super) fn give_up(&mut self) {
        self.acked = self.written;
        self.rewind();
    }

    pub(super) fn settled(&self) -> bool {
        self.acked >= self.written
    }

    /// The number after which to send next, if anything is to be sent.
    pub(super) fn due(&mut self, now: Duration, resend_after: Duration) -> Option<i64> {
        if self.resend_at(resend_after).is_some_and(|at| now >= at) {
            self.rewind();
        }
        let may = self.written > self.sent && self.on_the_way.len() < WINDOW && !self.asked;
        may.then(|| {
            self.asked = true;
            self.sent
        })
    }

    pub(super) fn resend_at(&self, resend_after: Duration) -> Option<Duration> {
        (!self.on_the_way.is_empty()).then(|| self.sent_at + resend_after)
    }
}

/// How far the one result of an attempt is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Delivery {
    None,
    Ready,
    Sent(Duration),
}

impl Delivery {
    pub(super) fn rewind(&mut self) {
        if matches!(self, Self::Sent(_)) {
            *self = Self::Ready;
        }
    }

    pub(super) fn due(&mut self, now: Duration, resend_after: Duration) -> bool {
        let due = match self {
            Self::None => false,
            Self::Ready => true,
            Self::Sent(at) => now >= *at + resend_after,
        };
        if due {
            *self = Self::Sent(now);
        }
        due
    }

    pub(super) fn resend_at(&self, resend_after: Duration) -> Option<Duration> {
        match self {
            Self::Sent(at) => Some(*at + resend_after),
            _ => None,
        }
    }
}
