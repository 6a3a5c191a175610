//! The session against a model of a server, over a link that loses and doubles any frame one likes.

use std::collections::VecDeque;

use baton_api::robot::{
    Accept, Ack, CancelJob, Frame, Heartbeat, HeartbeatAck, JobResult, LogBatch, ProtocolError,
    Reject, RobotRegistered, Start, Verdict, Workflow,
};
use baton_core::error::ErrorKind;
use baton_core::flow::Entry;
use baton_core::id::{FlowId, RobotId, VersionId};
use serde_json::{Map, Value};

use super::*;

fn claim(job: u128, fence: i64) -> Claim {
    Claim {
        job_id: RunId(Uuid::from_u128(job)),
        attempt: 1,
        fence: Fence(fence),
    }
}

fn assignment(claim: Claim) -> JobAssignment {
    let id = Uuid::from_u128(1);
    JobAssignment {
        job_id: claim.job_id,
        claim,
        run_name: "brisk-otter".into(),
        workflow: Workflow {
            flow_id: FlowId(id),
            name: "f".into(),
            version_id: VersionId(id),
            version: 1,
            package: None,
            entry: Entry::Command {
                argv: vec!["true".into()],
                env: Default::default(),
                workdir: String::new(),
                python: None,
            },
        },
        variables: Map::new(),
        timeout_seconds: None,
        cancel_grace_seconds: 1,
        desktop: None,
        priority: 1,
        deployment: None,
        tags: Vec::new(),
    }
}

fn registered(verdicts: Vec<Verdict>) -> RobotRegistered {
    RobotRegistered {
        robot_id: RobotId(Uuid::from_u128(9)),
        name: "r".into(),
        session: 1,
        heartbeat_seconds: 10.0,
        lease_seconds: 60.0,
        start_within_seconds: 10.0,
        draining: false,
        verdicts,
        server_version: "0".into(),
    }
}

/// A session with a hand on its clock.
struct Bench {
    session: Session,
    boot: f64,
}

impl Bench {
    fn new(slots: u32) -> Self {
        let offer = RobotOffer {
            max_concurrent_jobs: slots,
            ..RobotOffer::default()
        };
        Self {
            session: Session::new("r", offer, 1),
            boot: 1_000.0,
        }
    }

    fn online(slots: u32) -> Self {
        let mut bench = Self::new(slots);
        bench.feed(Input::Connected);
        bench.say(&registered(Vec::new()));
        bench
    }

    fn now(&self) -> Moment {
        let wall = Timestamp::from_millisecond((self.boot * 1_000.0) as i64).expect("in range");
        Moment {
            boot: Duration::from_secs_f64(self.boot),
            wall,
        }
    }

    fn feed(&mut self, input: Input) -> Vec<Action> {
        let now = self.now();
        self.session.handle(input, now)
    }

    fn say(&mut self, message: &impl Message) -> Vec<Action> {
        let text = message.frame(Uuid::nil(), Timestamp::UNIX_EPOCH, None);
        self.feed(Input::Frame(text))
    }

    fn after(&mut self, seconds: f64) -> Vec<Action> {
        self.boot += seconds;
        self.feed(Input::Tick)
    }

    fn running(claim: Claim) -> Self {
        let mut bench = Self::online(2);
        bench.say(&assignment(claim));
        let actions = bench.say(&Start { claim });
        assert!(actions.iter().any(|a| matches!(a, Action::Start(_))));
        bench
    }
}

fn sent<M: Message>(actions: &[Action]) -> Vec<M> {
    let read = |a: &Action| {
        let Action::Send(text) = a else { return None };
        let frame: Frame<'_> = serde_json::from_str(text).expect("a frame");
        (frame.kind == M::KIND).then(|| M::read(&frame).expect("its payload"))
    };
    actions.iter().filter_map(read).collect()
}

fn ends(actions: &[Action]) -> Vec<EndWhy> {
    let why = |a: &Action| match a {
        Action::End(_, why, _) => Some(why.clone()),
        _ => None,
    };
    actions.iter().filter_map(why).collect()
}

#[test]
fn an_assignment_is_accepted_and_begins_only_with_start() {
    let mut bench = Bench::online(1);
    let actions = bench.say(&assignment(claim(1, 1)));
    assert_eq!(sent::<Accept>(&actions).len(), 1);
    assert!(!actions.iter().any(|a| matches!(a, Action::Start(_))));
    let actions = bench.say(&Start { claim: claim(1, 1) });
    assert!(actions.iter().any(|a| matches!(a, Action::Start(_))));
    let again = bench.say(&Start { claim: claim(1, 1) });
    assert!(
        !again.iter().any(|a| matches!(a, Action::Start(_))),
        "a doubled start starts nothing"
    );
}

#[test]
fn a_doubled_assignment_is_answered_again_and_takes_no_second_slot() {
    let mut bench = Bench::online(2);
    bench.say(&assignment(claim(1, 1)));
    let actions = bench.say(&assignment(claim(1, 1)));
    assert_eq!(sent::<Accept>(&actions).len(), 1);
    assert_eq!(bench.session.live(), 1);
}

#[test]
fn an_assignment_without_start_is_dropped_in_time_and_a_late_start_begins_nothing() {
    let mut bench = Bench::online(1);
    bench.say(&assignment(claim(1, 1)));
    assert!(sent::<Reject>(&bench.after(9.9)).is_empty());
    let dropped = bench.after(0.1);
    assert_eq!(sent::<Reject>(&dropped).len(), 1);
    assert_eq!(bench.session.live(), 0);
    let late = bench.say(&Start { claim: claim(1, 1) });
    assert!(!late.iter().any(|a| matches!(a, Action::Start(_))));
    assert!(
        matches!(&late[..], [Action::Unstarted(_, State::Crashed, e)] if e.kind == ErrorKind::Lost)
    );
    let again = bench.say(&assignment(claim(1, 1)));
    assert!(
        sent::<Accept>(&again).is_empty(),
        "the same fence is not taken again"
    );
    let next = bench.say(&assignment(claim(2, 2)));
    assert_eq!(sent::<Accept>(&next).len(), 1);
}

#[test]
fn a_full_or_draining_robot_rejects() {
    let mut bench = Bench::online(1);
    bench.say(&assignment(claim(1, 1)));
    let full = sent::<Reject>(&bench.say(&assignment(claim(2, 2))));
    assert!(
        !full[0].permanent && full[0].reason.contains("slots"),
        "{full:?}"
    );
    let mut bench = Bench::online(1);
    let status = sent::<Heartbeat>(&bench.feed(Input::Drain(true)));
    assert_eq!(status[0].status, "draining");
    let drained = sent::<Reject>(&bench.say(&assignment(claim(1, 1))));
    assert!(drained[0].reason.contains("draining"));
    let mut external = assignment(claim(3, 3));
    external.workflow.entry = Entry::External;
    assert!(sent::<Reject>(&bench.say(&external))[0].permanent);
}

#[test]
fn the_lease_is_counted_from_when_the_acknowledged_heartbeat_was_sent() {
    let mut bench = Bench::online(1);
    assert_eq!(bench.session.lease_until(), Duration::from_secs(1_060));
    let beat = sent::<Heartbeat>(&bench.after(10.0)).remove(0);
    bench.boot += 7.0;
    let renewed = bench.say(&HeartbeatAck {
        sent_at: Some(beat.sent_at),
        superseded: Vec::new(),
    });
    assert!(matches!(renewed[..], [Action::Renew(until)] if until == Duration::from_secs(1_070)));
    let unknown = Timestamp::UNIX_EPOCH;
    let forged = bench.say(&HeartbeatAck {
        sent_at: Some(unknown),
        superseded: Vec::new(),
    });
    assert!(
        forged.is_empty(),
        "an acknowledgement of nothing renews nothing"
    );
}

#[test]
fn what_runs_is_ended_when_the_lease_lapses_even_offline() {
    let mut bench = Bench::running(claim(1, 1));
    bench.feed(Input::Disconnected);
    assert!(ends(&bench.after(59.0)).is_empty());
    assert!(bench.session.next_tick() <= Duration::from_secs(1_060));
    assert_eq!(ends(&bench.after(1.0)), [EndWhy::LeaseLapsed]);
    assert!(ends(&bench.after(1.0)).is_empty(), "once");
}

#[test]
fn a_silent_connection_is_given_up() {
    let mut bench = Bench::online(1);
    bench.after(10.0);
    bench.after(10.0);
    assert!(bench.after(10.0).iter().any(|a| matches!(a, Action::Close)));
}

#[test]
fn a_reconnect_tells_what_is_held_and_obeys_the_verdicts() {
    let mut bench = Bench::running(claim(1, 1));
    bench.say(&assignment(claim(2, 2)));
    bench.say(&Start { claim: claim(2, 2) });
    bench.feed(Input::Disconnected);
    let register = sent::<Register>(&bench.feed(Input::Connected)).remove(0);
    assert_eq!(register.holds.len(), 2);
    assert!(register.holds.iter().all(|h| h.phase == Phase::Running));
    let verdicts = vec![
        Verdict {
            claim: claim(1, 1),
            keep: true,
        },
        Verdict {
            claim: claim(2, 2),
            keep: false,
        },
    ];
    let actions = bench.say(&registered(verdicts));
    assert_eq!(ends(&actions), [EndWhy::Superseded]);
    // The void claim still reports that its tree is gone, without its log.
    bench.feed(Input::LogsWritten(claim(2, 2), 5));
    let gone = bench.feed(Input::Ended(claim(2, 2)));
    assert!(matches!(gone[..], [Action::SendResult(c)] if c == claim(2, 2)));
    let settled = bench.say(&Ack::Result {
        claim: claim(2, 2),
        superseded: true,
    });
    assert!(
        settled
            .iter()
            .any(|a| matches!(a, Action::Forget(c) if *c == claim(2, 2)))
    );
}

#[test]
fn a_stale_fence_ends_the_attempt_and_a_refused_result_is_settled() {
    let mut bench = Bench::running(claim(1, 1));
    let details = serde_json::to_value(claim(1, 1)).expect("json");
    let stale = ProtocolError {
        code: "stale_fence".into(),
        message: "superseded".into(),
        details: [("claim".to_owned(), details)].into_iter().collect(),
    };
    assert_eq!(ends(&bench.say(&stale)), [EndWhy::Superseded]);
    bench.feed(Input::Ended(claim(1, 1)));
    let refused = bench.say(&stale);
    assert!(refused.iter().any(|a| matches!(a, Action::Forget(_))));
    assert_eq!(bench.session.held(), 0);
}

#[test]
fn a_result_waits_for_logs_and_tasks_and_is_resent_until_acknowledged() {
    let mut bench = Bench::running(claim(1, 1));
    let c = claim(1, 1);
    assert!(matches!(
        bench.feed(Input::LogsWritten(c, 3))[..],
        [Action::SendLogs(_, 0)]
    ));
    bench.feed(Input::LogsSent(c, 3));
    bench.feed(Input::TasksWritten(c, 1));
    bench.feed(Input::TasksSent(c, 1));
    assert!(bench.feed(Input::Ended(c)).is_empty(), "not before its log");
    assert!(matches!(
        bench.say(&Ack::Log { claim: c, seq: 3 })[..],
        [Action::LogsAcked(_, 3)]
    ));
    let actions = bench.say(&Ack::Tasks { claim: c, seq: 1 });
    assert!(actions.iter().any(|a| matches!(a, Action::SendResult(_))));
    bench.session.next_beat = Duration::MAX;
    bench.session.heard_at += Duration::from_secs(100);
    let again = bench.after(10.0);
    assert!(
        again.iter().any(|a| matches!(a, Action::SendResult(_))),
        "{again:?}"
    );
    let settled = bench.say(&Ack::Result {
        claim: c,
        superseded: false,
    });
    assert!(settled.iter().any(|a| matches!(a, Action::Forget(_))));
    let doubled = bench.say(&assignment(c));
    assert!(
        sent::<Accept>(&doubled).is_empty(),
        "a settled claim is not taken again"
    );
}

#[test]
fn unacknowledged_log_lines_are_sent_again_from_the_last_acknowledged_one() {
    let mut bench = Bench::running(claim(1, 1));
    let c = claim(1, 1);
    bench.feed(Input::LogsWritten(c, 9));
    let next = bench.feed(Input::LogsSent(c, 4));
    assert!(matches!(next[..], [Action::SendLogs(_, 4)]));
    bench.feed(Input::LogsSent(c, 9));
    bench.say(&Ack::Log { claim: c, seq: 4 });
    bench.feed(Input::Disconnected);
    bench.feed(Input::Connected);
    let actions = bench.say(&registered(vec![Verdict {
        claim: c,
        keep: true,
    }]));
    assert!(
        actions.iter().any(|a| matches!(a, Action::SendLogs(_, 4))),
        "{actions:?}"
    );
}

#[test]
fn a_cancel_before_start_ends_the_attempt_without_a_process() {
    let mut bench = Bench::online(1);
    let c = claim(1, 1);
    bench.say(&assignment(c));
    let cancel = CancelJob {
        job_id: c.job_id,
        claim: c,
        reason: "by ada".into(),
        grace_seconds: 3,
    };
    let actions = bench.say(&cancel);
    assert!(matches!(
        &actions[..],
        [Action::Unstarted(_, State::Cancelled, _)]
    ));
    assert!(bench.say(&Start { claim: c }).is_empty());
    let mut bench = Bench::running(c);
    assert_eq!(
        ends(&bench.say(&cancel)),
        [EndWhy::Cancelled("by ada".into())]
    );
}

#[test]
fn nonsense_of_the_server_is_noted_and_changes_nothing() {
    let mut bench = Bench::running(claim(1, 1));
    for text in [
        "",
        "{",
        "[]",
        r#"{"type":"start","payload":{}}"#,
        r#"{"type":"ballet"}"#,
    ] {
        let actions = bench.feed(Input::Frame(text.into()));
        assert!(
            matches!(actions[..], [Action::Note(..)]),
            "{text}: {actions:?}"
        );
    }
    assert_eq!(bench.session.live(), 1);
}

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
