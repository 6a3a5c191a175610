//! What a session decides, one situation at a time.

use baton_api::robot::{
    Accept, Ack, CancelJob, Frame, Heartbeat, HeartbeatAck, ProtocolError, Reject, RobotRegistered,
    Start, Verdict, Workflow,
};
use baton_core::error::ErrorKind;
use baton_core::flow::Entry;
use baton_core::id::{FlowId, RobotId, VersionId};
use serde_json::Map;

use super::*;

pub(super) fn claim(job: u128, fence: i64) -> Claim {
    Claim {
        job_id: RunId(Uuid::from_u128(job)),
        attempt: 1,
        fence: Fence(fence),
    }
}

pub(super) fn assignment(claim: Claim) -> JobAssignment {
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
        stop_signal: baton_core::stop_signal::StopSignal::default(),
        desktop: None,
        priority: 1,
        lost_after_seconds: None,
        deployment: None,
        tags: Vec::new(),
    }
}

pub(super) fn registered(verdicts: Vec<Verdict>) -> RobotRegistered {
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
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) boot: f64,
}

impl Bench {
    pub(super) fn new(slots: u32) -> Self {
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

    pub(super) fn now(&self) -> Moment {
        let wall = Timestamp::from_millisecond((self.boot * 1_000.0) as i64).expect("in range");
        Moment {
            boot: Duration::from_secs_f64(self.boot),
            wall,
        }
    }

    pub(super) fn feed(&mut self, input: Input) -> Vec<Action> {
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
    let until = bench.session.renewed.until(None);
    assert_eq!(until, Duration::from_secs(1_060));
    let beat = sent::<Heartbeat>(&bench.after(10.0)).remove(0);
    bench.boot += 7.0;
    let renewed = bench.say(&HeartbeatAck {
        sent_at: Some(beat.sent_at),
        superseded: Vec::new(),
    });
    assert!(
        matches!(renewed[..], [Action::Renew(r)] if r.until(None) == Duration::from_secs(1_070))
    );
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

fn patient(claim: Claim, seconds: u32) -> JobAssignment {
    JobAssignment {
        lost_after_seconds: Some(seconds),
        ..assignment(claim)
    }
}

#[test]
fn each_attempt_goes_on_unheard_for_as_long_as_its_own_assignment_says() {
    let mut bench = Bench::online(2);
    let (hours, minute) = (claim(1, 1), claim(2, 1));
    for job in [patient(hours, 14_400), assignment(minute)] {
        let claim = job.claim;
        bench.say(&job);
        bench.say(&Start { claim });
    }
    bench.feed(Input::Disconnected);
    let of = |actions: &[Action]| -> Vec<Claim> {
        let end = |a: &Action| match a {
            Action::End(claim, EndWhy::LeaseLapsed, _) => Some(*claim),
            _ => None,
        };
        actions.iter().filter_map(end).collect()
    };
    assert_eq!(of(&bench.after(60.0)), [minute]);
    bench.feed(Input::Ended(minute));
    assert!(of(&bench.after(14_339.0)).is_empty());
    assert_eq!(bench.session.next_tick(), Duration::from_secs(15_400));
    assert_eq!(of(&bench.after(1.0)), [hours]);
}

#[test]
fn nothing_outlives_a_lease_on_a_robot_that_the_server_will_not_have_any_more() {
    let mut bench = Bench::online(1);
    bench.say(&patient(claim(1, 1), 14_400));
    bench.say(&Start { claim: claim(1, 1) });
    bench.feed(Input::Disconnected);
    bench.feed(Input::Unwanted);
    assert!(ends(&bench.after(59.0)).is_empty());
    assert_eq!(ends(&bench.after(1.0)), [EndWhy::LeaseLapsed]);
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

#[test]
fn what_is_held_says_how_long_its_process_runs_from_when_it_began() {
    let claim = claim(1, 1);
    let mut bench = Bench::running(claim);
    let said = |actions: &[Action]| sent::<Heartbeat>(actions)[0].active[0].executing_seconds;
    assert_eq!(said(&bench.after(10.0)), None, "it is still prepared");
    bench.feed(Input::Began(claim));
    assert_eq!(said(&bench.after(10.0)), Some(10.0));
    bench.feed(Input::Disconnected);
    bench.boot += 5.0;
    let register = &sent::<Register>(&bench.feed(Input::Connected))[0];
    assert_eq!(register.holds[0].executing_seconds, Some(15.0));
    bench.feed(Input::Ended(claim));
    bench.feed(Input::Disconnected);
    let register = &sent::<Register>(&bench.feed(Input::Connected))[0];
    assert_eq!(register.holds, [Held::new(claim, Phase::Finished)]);
}
