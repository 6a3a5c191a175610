//! The session against a model of a server, over a link that loses, doubles or cuts any frame one likes.

use std::collections::VecDeque;

use baton_api::robot::{
    Accept, Ack, Frame, Heartbeat, HeartbeatAck, JobResult, LogBatch, Reject, Start, Verdict,
};
use serde_json::Value;

use super::tests::{Bench, assignment, claim, registered};
use super::*;

/// A server in a few lines: assigns one run, starts it when it is accepted, re-queues it under a new
/// fence when its robot drops it, and counts results.
struct Model {
    fence: i64,
    started: bool,
    logs_acked: i64,
    results: Vec<(i64, State)>,
    out: VecDeque<String>,
    assigned_at: f64,
}

impl Model {
    fn push(&mut self, message: &impl Message) {
        self.out
            .push_back(message.frame(Uuid::nil(), Timestamp::UNIX_EPOCH, None));
    }

    fn assign(&mut self, now: f64) {
        self.assigned_at = now;
        self.push(&assignment(claim(1, self.fence)));
    }

    fn hear(&mut self, text: &str, now: f64) {
        let frame: Frame<'_> = serde_json::from_str(text).expect("a frame");
        match frame.kind {
            "register" => {
                let held = Register::read(&frame).expect("payload").holds;
                let verdict = |h: &Held| Verdict {
                    claim: h.claim,
                    keep: h.claim.fence.0 == self.fence,
                };
                let verdicts = held.iter().map(verdict).collect();
                self.push(&registered(verdicts));
                let known = held.iter().any(|h| h.claim.fence.0 == self.fence);
                match (self.started, known) {
                    (false, false) if self.results.is_empty() => self.assign(now),
                    (true, true) => self.push(&Start {
                        claim: claim(1, self.fence),
                    }),
                    _ => {}
                }
            }
            "heartbeat" => {
                let beat = Heartbeat::read(&frame).expect("payload");
                let here = beat.active.iter().any(|h| h.claim.fence.0 == self.fence);
                if self.started && !here && self.results.is_empty() {
                    // What should be there and is not is lost.
                    self.results.push((self.fence, State::Crashed));
                }
                self.push(&HeartbeatAck {
                    sent_at: Some(beat.sent_at),
                    superseded: Vec::new(),
                });
            }
            "accept" => {
                let accepted = Accept::read(&frame).expect("payload").claim;
                if accepted.fence.0 == self.fence && self.results.is_empty() {
                    self.started = true;
                    self.push(&Start { claim: accepted });
                }
            }
            "reject" => {
                let rejected = Reject::read(&frame).expect("payload").claim;
                if rejected.fence.0 == self.fence && !self.started {
                    self.fence += 1;
                    self.assign(now);
                }
            }
            "log_batch" => {
                let payload: Value = serde_json::from_str(text).expect("json");
                let c = claim(
                    1,
                    payload["payload"]["claim"]["fence"]
                        .as_i64()
                        .expect("fence"),
                );
                let lines = payload["payload"]["lines"]
                    .as_array()
                    .expect("lines")
                    .clone();
                for line in lines {
                    let seq = line["seq"].as_i64().expect("seq");
                    assert!(seq <= self.logs_acked + 1, "a gap before line {seq}");
                    self.logs_acked = self.logs_acked.max(seq);
                }
                self.push(&Ack::Log {
                    claim: c,
                    seq: self.logs_acked,
                });
            }
            "job_result" => {
                let result = JobResult::read(&frame).expect("payload");
                if self.results.is_empty() {
                    assert!(self.started, "a result of what was never started");
                    if result.state == State::Completed {
                        assert_eq!(self.logs_acked, 3, "a result before its log");
                    }
                    self.results.push((result.claim.fence.0, result.state));
                }
                self.push(&Ack::Result {
                    claim: result.claim,
                    superseded: false,
                });
            }
            _ => {}
        }
    }

    /// An assignment that nobody answers goes back to its queue, as the rescuer does it.
    fn rescue(&mut self, now: f64) {
        if !self.started && self.results.is_empty() && now >= self.assigned_at + 15.0 {
            self.fence += 1;
            self.assign(now);
        }
    }
}

/// What happens to the k-th frame.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Drop,
    Double,
    Cut,
}

/// Plays one run to its end with one fault; how often its process was started.
fn play(fault: Fault, at: usize) -> (usize, Model) {
    let mut bench = Bench::new(1);
    let mut model = Model {
        fence: 1,
        started: false,
        logs_acked: 0,
        results: Vec::new(),
        out: VecDeque::new(),
        assigned_at: 0.0,
    };
    let mut starts = 0;
    let mut frames = 0;
    let mut robot_in: VecDeque<Input> = VecDeque::from([Input::Connected]);
    let mut to_server: VecDeque<String> = VecDeque::new();
    for _ in 0..2_000 {
        let mut copies = |text: String, cut: &mut bool| {
            frames += 1;
            match fault {
                Fault::Drop if frames == at => vec![],
                Fault::Double if frames == at => vec![text.clone(), text],
                Fault::Cut if frames == at => {
                    *cut = true;
                    vec![]
                }
                _ => vec![text],
            }
        };
        let mut cut = false;
        if let Some(text) = to_server.pop_front() {
            for text in copies(text, &mut cut) {
                model.hear(&text, bench.boot);
            }
        } else if let Some(text) = model.out.pop_front() {
            robot_in.extend(copies(text, &mut cut).into_iter().map(Input::Frame));
        } else if robot_in.is_empty() {
            if bench.session.held() == 0 && !model.results.is_empty() {
                break;
            }
            bench.boot =
                (bench.boot + 1.0).min(bench.session.next_tick().as_secs_f64().max(bench.boot));
            bench.boot += 0.001;
            model.rescue(bench.boot);
            robot_in.push_back(Input::Tick);
        }
        if cut {
            to_server.clear();
            model.out.clear();
            robot_in.clear();
            robot_in.extend([Input::Disconnected, Input::Connected]);
        }
        while let Some(input) = robot_in.pop_front() {
            for action in bench.feed(input) {
                match action {
                    Action::Send(text) => to_server.push_back(text),
                    Action::Start(job) => {
                        starts += 1;
                        let c = job.claim;
                        robot_in.extend([Input::LogsWritten(c, 3), Input::Ended(c)]);
                    }
                    Action::SendLogs(c, after) => {
                        let lines = (after + 1..=3).map(line).collect();
                        let now = bench.now();
                        to_server.push_back(bench.session.text(&LogBatch { claim: c, lines }, now));
                        robot_in.push_back(Input::LogsSent(c, 3));
                    }
                    Action::SendResult(c) => {
                        let state = if starts > 0 {
                            State::Completed
                        } else {
                            State::Crashed
                        };
                        let result = crate::attempt::unexecuted(c, state, None);
                        let now = bench.now();
                        to_server.push_back(bench.session.text(&result, now));
                    }
                    Action::Unstarted(c, ..) => robot_in.push_back(Input::Ended(c)),
                    Action::Close => {
                        to_server.clear();
                        model.out.clear();
                        robot_in.extend([Input::Disconnected, Input::Connected]);
                    }
                    _ => {}
                }
            }
        }
    }
    (starts, model)
}

fn line(seq: i64) -> baton_core::run::LogLine {
    baton_core::run::LogLine {
        seq,
        at: Timestamp::UNIX_EPOCH,
        level: LogLevel::Info,
        stream: baton_core::run::LogStream::Stdout,
        task: None,
        message: "hello".into(),
    }
}

#[test]
fn whichever_frame_is_lost_doubled_or_cut_off_the_run_ends_once() {
    let (starts, model) = play(Fault::Drop, usize::MAX);
    assert_eq!((starts, model.results.len()), (1, 1), "without any fault");
    for fault in [Fault::Drop, Fault::Double, Fault::Cut] {
        for at in 1..=24 {
            let (starts, model) = play(fault, at);
            assert_eq!(model.results.len(), 1, "{fault:?} of frame {at}: no result");
            assert!(
                starts <= 1,
                "{fault:?} of frame {at}: started {starts} times"
            );
            let (_, state) = model.results[0];
            assert_eq!(
                state == State::Completed,
                starts == 1,
                "{fault:?} of frame {at}: {state:?}"
            );
        }
    }
}
