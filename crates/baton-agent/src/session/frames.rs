//! What the session does with each message of the server.

use std::time::Duration;

use baton_api::robot::{
    Accept, Ack, Broadcast, CancelJob, Claim, Drain, Frame, HeartbeatAck, JobAssignment, Message,
    Phase, ProtocolError, RobotRegistered, Start, WorkflowDeploy, WorkflowUndeploy,
};
use baton_core::error::{ErrorInfo, ErrorKind};
use baton_core::flow::Entry;
use baton_core::run::LogLevel;
use baton_core::state::State;

use super::{Action, Attempt, Delivery, EndWhy, Link, Moment, Past, Renewed, Session};

/// Longest interval that is believed from a server, in seconds: a day.
const MAX_SECONDS: f64 = 86_400.0;

impl Session {
    pub(super) fn frame(&mut self, text: &str, now: Moment, out: &mut Vec<Action>) {
        let read =
            serde_json::from_str::<Frame<'_>>(text).and_then(|frame| self.route(&frame, now, out));
        if let Err(error) = read {
            let note =
                format!("a message of the server was not understood and is ignored: {error}");
            out.push(Action::Note(LogLevel::Warning, note));
        }
    }

    fn route(
        &mut self,
        frame: &Frame<'_>,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Result<(), serde_json::Error> {
        match frame.kind {
            RobotRegistered::KIND => self.registered(RobotRegistered::read(frame)?, now, out),
            ProtocolError::KIND => self.refused(&ProtocolError::read(frame)?, out),
            _ if self.link != Link::Registered => {}
            HeartbeatAck::KIND => self.beat_acked(&HeartbeatAck::read(frame)?, out),
            JobAssignment::KIND => self.assigned(JobAssignment::read(frame)?, now, out),
            Start::KIND => self.start(Start::read(frame)?.claim, now, out),
            CancelJob::KIND => self.cancel(CancelJob::read(frame)?, out),
            Ack::KIND => self.acked(&Ack::read(frame)?, out),
            Drain::KIND => self.drain(&Drain::read(frame)?, now, out),
            Broadcast::KIND => {
                let b = Broadcast::read(frame)?;
                let note = format!("broadcast {:?}: {}", b.event, b.data);
                out.push(Action::Note(LogLevel::Info, note));
            }
            WorkflowDeploy::KIND => {
                out.extend(
                    WorkflowDeploy::read(frame)?
                        .workflow
                        .package
                        .map(Action::Fetch),
                );
            }
            WorkflowUndeploy::KIND => {
                out.extend(
                    WorkflowUndeploy::read(frame)?
                        .workflow
                        .package
                        .map(Action::Evict),
                );
            }
            other => {
                let note = format!("the server said {other:?}, which this agent does not know");
                out.push(Action::Note(LogLevel::Debug, note));
            }
        }
        Ok(())
    }

    fn registered(&mut self, r: RobotRegistered, now: Moment, out: &mut Vec<Action>) {
        let Link::Registering { said_at, .. } = self.link else {
            return;
        };
        let seconds = |s: f64, least: f64| {
            let s = if s.is_finite() {
                s.clamp(least, MAX_SECONDS)
            } else {
                MAX_SECONDS
            };
            Duration::from_secs_f64(s)
        };
        self.heartbeat = seconds(r.heartbeat_seconds, 0.01);
        self.lease = seconds(r.lease_seconds, 0.05);
        self.start_within = seconds(r.start_within_seconds, 0.05);
        self.link = Link::Registered;
        self.next_beat = now.boot + self.heartbeat;
        self.drained_by_server = r.draining;
        self.unwanted = false;
        self.renew(said_at, out);
        for attempt in self.attempts.values_mut() {
            attempt.logs.rewind();
            attempt.tasks.rewind();
            attempt.result.rewind();
        }
        self.journal.rewind();
        for verdict in r.verdicts.iter().filter(|v| !v.keep) {
            self.supersede(verdict.claim, out);
        }
        let note = format!("registered as {:?}, session {}", r.name, r.session);
        out.push(Action::Note(LogLevel::Info, note));
    }

    fn renew(&mut self, at: Duration, out: &mut Vec<Action>) {
        if at > self.renewed.at {
            self.renewed = Renewed {
                at,
                lease: self.lease,
            };
            out.push(Action::Renew(self.renewed));
        }
    }

    fn beat_acked(&mut self, ack: &HeartbeatAck, out: &mut Vec<Action>) {
        let sent = self
            .beats
            .iter()
            .rev()
            .find(|(wall, _)| Some(*wall) == ack.sent_at);
        if let Some((_, at)) = sent.copied() {
            self.beats.retain(|(_, boot)| *boot > at);
            self.renew(at, out);
        }
        for claim in &ack.superseded {
            self.supersede(*claim, out);
        }
    }

    fn assigned(&mut self, job: JobAssignment, now: Moment, out: &mut Vec<Action>) {
        let claim = job.claim;
        if let Some(held) = self.attempts.get(&claim) {
            // What has ended is answered by its result.
            if held.phase != Phase::Finished {
                out.push(Action::Send(self.text(&Accept { claim }, now)));
            }
            return;
        }
        if let Some((fence, past)) = self.past.get(&claim.job_id).copied()
            && claim.fence <= fence
        {
            if claim.fence == fence && past == Past::Dropped {
                self.reject(
                    claim,
                    "this assignment was dropped here before",
                    false,
                    now,
                    out,
                );
            }
            return;
        }
        let older: Vec<Claim> = self
            .attempts
            .iter()
            .filter(|(c, a)| c.job_id == claim.job_id && a.phase != Phase::Finished)
            .map(|(c, _)| *c)
            .collect();
        if older.iter().any(|c| c.fence > claim.fence) {
            return;
        }
        for old in older {
            self.supersede(old, out);
        }
        match self.why_not(&job, now) {
            Some((reason, permanent)) => self.reject(claim, &reason, permanent, now, out),
            None => {
                let attempt = Attempt::new(Phase::Accepted, now.boot, Some(Box::new(job)));
                self.attempts.insert(claim, attempt);
                out.push(Action::Send(self.text(&Accept { claim }, now)));
            }
        }
    }

    /// Why a job is not taken, and whether no robot could take it.
    fn why_not(&self, job: &JobAssignment, now: Moment) -> Option<(String, bool)> {
        let slots = usize::try_from(self.offer.max_concurrent_jobs).unwrap_or(usize::MAX);
        if matches!(job.workflow.entry, Entry::External) {
            return Some(("only its own process can execute this run".into(), true));
        }
        if let Entry::Command { argv, .. } = &job.workflow.entry
            && argv.is_empty()
        {
            return Some(("the command is empty".into(), true));
        }
        if self.is_draining() {
            return Some(("the robot is draining".into(), false));
        }
        if let Some(why) = self.troubles.rests(now) {
            return Some((format!("the robot is in trouble and rests: {why}"), false));
        }
        if self.live() >= slots {
            return Some((format!("all {slots} slots are taken"), false));
        }
        let desktop = job.desktop.as_ref()?;
        (!self.offer.desktops.contains(desktop))
            .then(|| (format!("there is no desktop {desktop:?} here"), false))
    }

    fn start(&mut self, claim: Claim, now: Moment, out: &mut Vec<Action>) {
        if let Some(attempt) = self.attempts.get_mut(&claim) {
            if let Some(job) = attempt.assignment.take() {
                attempt.phase = Phase::Running;
                attempt.since = now.boot;
                out.push(Action::Start(job));
            }
        } else if self.past.get(&claim.job_id) == Some(&(claim.fence, Past::Dropped)) {
            // The server committed Running, but too late: nothing began here, and it must learn so.
            self.remember(claim, Past::Done);
            self.attempts
                .insert(claim, Attempt::new(Phase::Finished, now.boot, None));
            let message =
                "`start` came after the robot had dropped the assignment; nothing was executed";
            let error = ErrorInfo::new(ErrorKind::Lost, message);
            out.push(Action::Unstarted(claim, State::Crashed, error));
        }
    }

    fn cancel(&mut self, cancel: CancelJob, out: &mut Vec<Action>) {
        let Some(attempt) = self.attempts.get_mut(&cancel.claim) else {
            return;
        };
        match attempt.phase {
            Phase::Accepted => {
                attempt.phase = Phase::Finished;
                attempt.assignment = None;
                let error = ErrorInfo::new(ErrorKind::Cancelled, cancel.reason);
                out.push(Action::Unstarted(cancel.claim, State::Cancelled, error));
            }
            Phase::Running => {
                let grace = Duration::from_secs(cancel.grace_seconds.into());
                out.push(Action::End(
                    cancel.claim,
                    EndWhy::Cancelled(cancel.reason),
                    grace,
                ));
            }
            Phase::Finished => {}
        }
    }

    fn acked(&mut self, ack: &Ack, out: &mut Vec<Action>) {
        match ack {
            Ack::Log { claim, seq } => {
                if self
                    .attempts
                    .get_mut(claim)
                    .is_some_and(|a| a.logs.acked(*seq))
                {
                    out.push(Action::LogsAcked(*claim, *seq));
                }
            }
            Ack::Tasks { claim, seq } => {
                if self
                    .attempts
                    .get_mut(claim)
                    .is_some_and(|a| a.tasks.acked(*seq))
                {
                    out.push(Action::TasksAcked(*claim, *seq));
                }
            }
            Ack::Result { claim, superseded } => {
                let finished = |a: &Attempt| a.phase == Phase::Finished;
                if self.attempts.get(claim).is_some_and(finished) {
                    self.attempts.remove(claim);
                    self.remember(*claim, Past::Done);
                    out.push(Action::Forget(*claim));
                    if *superseded {
                        let run = claim.job_id;
                        let note =
                            format!("run {run}: the result came too late; it is kept as evidence");
                        out.push(Action::Note(LogLevel::Warning, note));
                    }
                }
            }
            Ack::RobotLog { seq } => {
                if self.journal.acked(*seq) {
                    out.push(Action::JournalAcked(*seq));
                }
            }
        }
    }

    fn drain(&mut self, drain: &Drain, now: Moment, out: &mut Vec<Action>) {
        self.drained_by_server = drain.draining;
        self.next_beat = now.boot;
        let what = if drain.draining {
            "drained"
        } else {
            "back in service"
        };
        let note = format!("{what} by the server: {}", drain.comment);
        out.push(Action::Note(LogLevel::Info, note));
    }

    /// A message under this claim was refused; a refused result is as good as settled.
    fn stale(&mut self, claim: Claim, out: &mut Vec<Action>) {
        let settled = |a: &Attempt| a.superseded && matches!(a.result, Delivery::Sent(_));
        if self.attempts.get(&claim).is_some_and(settled) {
            self.attempts.remove(&claim);
            self.remember(claim, Past::Done);
            out.push(Action::Forget(claim));
        } else {
            self.supersede(claim, out);
        }
    }

    fn refused(&mut self, error: &ProtocolError, out: &mut Vec<Action>) {
        let note = format!(
            "the server refused a message: {} ({})",
            error.message, error.code
        );
        out.push(Action::Note(LogLevel::Warning, note));
        match error.code.as_str() {
            "stale_fence" => {
                let details = serde_json::Value::Object(error.details.clone());
                let claim = details.get("claim").unwrap_or(&details);
                if let Ok(claim) = serde_json::from_value::<Claim>(claim.clone()) {
                    self.stale(claim, out);
                }
            }
            "not_registered" | "protocol_version" => {
                self.link = Link::Offline;
                out.push(Action::Close);
            }
            _ => {}
        }
    }
}
