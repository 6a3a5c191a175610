//! Guards that are themselves killed or frozen: the run's processes are gone all the same, however they hid.

use std::path::Path;

use baton_api::robot::CancelJob;
use baton_core::error::ErrorKind;
use baton_core::run::LogStream;
use baton_core::state::State;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::server::{Link, SHORT, Server};
use crate::support::{OwnProcess, Robot, alive, gone, parent, pids, shell};

/// Writes its id into a file, and starts the next of its kind, which has neither its session, nor its parent,
/// nor its environment, nor its streams.
const DAEMON: &str = r#"
echo $$ >> "$1"
trap '' TERM HUP
[ "$2" = 0 ] || (env -i setsid sh "$0" "$1" $(($2 - 1)) < /dev/null > /dev/null 2>&1 &)
exec sleep 600
"#;
/// How many daemons there are.
const DAEMONS: usize = 4;

/// A run whose processes hide, and both halves of its guard.
struct Hidden {
    processes: Vec<i32>,
    guard: i32,
    witness: i32,
}

impl Hidden {
    async fn start(link: &mut Link, number: u128, folder: &Path) -> Self {
        let (daemon, file) = (
            folder.join("daemon.sh"),
            folder.join(format!("pids-{number}")),
        );
        let guard = folder.join(format!("guard-{number}"));
        std::fs::write(&daemon, DAEMON).expect("written");
        let script = format!(
            r#"sh {} {file} {} & echo $PPID > {}
            while [ "$(cat {file} | wc -l)" -lt {DAEMONS} ]; do sleep 0.01; done
            echo $$ >> {file}; echo up; exec sleep 600"#,
            daemon.display(),
            DAEMONS - 1,
            guard.display(),
            file = file.display()
        );
        link.start(&shell(number, &script)).await;
        link.until_line("up").await;
        let guard = pids(&guard, 1).await[0];
        Self {
            processes: pids(&file, DAEMONS + 1).await,
            guard,
            witness: parent(guard),
        }
    }
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("it is there");
}

#[tokio::test]
async fn a_guard_of_which_either_half_is_killed_ends_its_tree_before_the_run_is_called_crashed() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    for (number, half) in [(1, "guard"), (2, "witness")] {
        let hidden = Hidden::start(&mut link, number, robot.dir.path()).await;
        let pid = if half == "guard" {
            hidden.guard
        } else {
            hidden.witness
        };
        signal(pid, Signal::SIGKILL);
        let result = link.result().await;
        let left: Vec<_> = hidden.processes.iter().filter(|p| alive(**p)).collect();
        assert!(left.is_empty(), "{half}: {left:?} outlived the result");
        let error = result.error.expect("why");
        assert_eq!(
            (result.state, error.kind),
            (State::Crashed, ErrorKind::Lost),
            "{half}"
        );
        let said = link.messages(LogStream::System);
        assert!(
            said.iter().any(|m| m.contains("the guard was lost")),
            "{said:?}"
        );
        link.lines.clear();
    }
}

#[tokio::test]
async fn an_agent_killed_together_with_half_a_guard_leaves_nothing_running() {
    for half in ["guard", "witness"] {
        let mut server = Server::start().await;
        let dir = tempfile::tempdir().expect("folder");
        let agent = OwnProcess::start(&server, &dir.path().join("data"));
        let mut link = server.robot().await;
        let hidden = Hidden::start(&mut link, 1, dir.path()).await;
        let (victim, other) = match half {
            "guard" => (hidden.guard, hidden.witness),
            _ => (hidden.witness, hidden.guard),
        };
        agent.signal(Signal::SIGKILL);
        signal(victim, Signal::SIGKILL);
        gone(&hidden.processes).await;
        gone(&[other]).await;
    }
}

#[tokio::test]
async fn a_frozen_guard_has_its_tree_killed_at_the_end_of_the_lease() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;
    let hidden = Hidden::start(&mut link, 1, robot.dir.path()).await;
    signal(hidden.guard, Signal::SIGSTOP);
    let result = link.result().await;
    let left: Vec<_> = hidden.processes.iter().filter(|p| alive(**p)).collect();
    assert!(left.is_empty(), "{left:?} outlived the result");
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::Crashed, ErrorKind::Lost)
    );
}

#[tokio::test]
async fn both_halves_of_a_guard_go_when_its_run_is_over() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("guard");
    let script = format!(
        "echo $PPID > {}; read end < {}",
        file.display(),
        robot.dir.path().join("end").display()
    );
    nix::unistd::mkfifo(&robot.dir.path().join("end"), nix::sys::stat::Mode::S_IRWXU)
        .expect("made");
    link.start(&shell(1, &script)).await;
    let guard = pids(&file, 1).await[0];
    let halves = [guard, parent(guard)];
    assert!(halves.iter().all(|p| alive(*p)));
    std::fs::write(robot.dir.path().join("end"), "now\n").expect("it reads");
    assert_eq!(link.result().await.state, State::Completed);
    gone(&halves).await;
}

/// What can befall a guard so that neither half ends the tree by itself.
const STUCK: [(Signal, Signal); 3] = [
    (Signal::SIGSTOP, Signal::SIGSTOP),
    (Signal::SIGKILL, Signal::SIGSTOP),
    (Signal::SIGSTOP, Signal::SIGKILL),
];

impl Hidden {
    /// Sends a signal to each half, so that neither can answer what happens to the other.
    fn befall(&self, (guard, witness): (Signal, Signal)) {
        for (pid, fate) in [(self.guard, guard), (self.witness, witness)] {
            signal(pid, Signal::SIGSTOP);
            if fate != Signal::SIGSTOP {
                signal(pid, fate);
            }
        }
    }

    fn left(&self) -> Vec<i32> {
        let halves = [self.guard, self.witness];
        let all = self.processes.iter().chain(&halves);
        all.copied().filter(|pid| alive(*pid)).collect()
    }
}

#[tokio::test]
async fn a_restarted_agent_ends_what_frozen_guards_hold_before_the_server_hears_of_it() {
    for fate in STUCK {
        let mut server = Server::start().await;
        let dir = tempfile::tempdir().expect("folder");
        let data = dir.path().join("data");
        let agent = OwnProcess::start(&server, &data);
        let mut link = server.robot().await;
        let hidden = Hidden::start(&mut link, 1, dir.path()).await;
        hidden.befall(fate);
        agent.signal(Signal::SIGKILL);
        drop(agent);
        assert!(hidden.left().len() >= DAEMONS, "{fate:?}");
        let _agent = OwnProcess::start(&server, &data);
        // It has connected, and says nothing before it is asked to register.
        let mut link = server.link().await;
        assert_eq!(hidden.left(), [0; 0], "{fate:?}: alive beside a new agent");
        link.register(|_| true).await;
        assert_eq!(link.result().await.state, State::Crashed);
    }
}

#[tokio::test]
async fn a_guard_with_one_half_killed_and_the_other_frozen_holds_its_slot_for_seconds_only() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.link().await;
    // An hour: no end of a lease helps here.
    link.lease = 3_600.0;
    link.register(|_| true).await;
    for (number, fate) in [(1, STUCK[1]), (2, STUCK[2])] {
        let hidden = Hidden::start(&mut link, number, robot.dir.path()).await;
        hidden.befall(fate);
        let error = link.result().await.error.expect("why");
        assert_eq!(hidden.left(), [0; 0], "{fate:?}");
        assert_eq!(error.kind, ErrorKind::Lost, "{fate:?}");
        assert!(error.message.contains("frozen"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_guard_with_both_halves_frozen_is_ended_with_its_tree_after_the_lease() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;
    let hidden = Hidden::start(&mut link, 1, robot.dir.path()).await;
    hidden.befall(STUCK[0]);
    // The server goes on to be heard: it is the guard that does not hear of it.
    let result = link.result().await;
    assert_eq!(hidden.left(), [0; 0]);
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::Crashed, ErrorKind::Lost)
    );
}

#[tokio::test]
async fn a_cancel_and_a_run_that_ends_are_seen_although_both_halves_of_the_guard_are_frozen() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.link().await;
    link.lease = 3_600.0;
    link.register(|_| true).await;
    let hidden = Hidden::start(&mut link, 1, robot.dir.path()).await;
    hidden.befall(STUCK[0]);
    let job = shell(1, "");
    link.say(&CancelJob {
        job_id: job.job_id,
        claim: job.claim,
        reason: "cancelled by ada".into(),
        grace_seconds: 1,
    })
    .await;
    assert_eq!(link.result().await.state, State::Cancelled);
    assert_eq!(hidden.left(), [0; 0]);

    let hidden = Hidden::start(&mut link, 2, robot.dir.path()).await;
    hidden.befall(STUCK[0]);
    for pid in &hidden.processes {
        signal(*pid, Signal::SIGKILL);
    }
    assert_eq!(link.result().await.state, State::Crashed);
    assert_eq!(hidden.left(), [0; 0]);
}

#[tokio::test]
async fn a_guard_whose_halves_are_killed_at_once_is_said_to_have_left_what_cannot_be_found() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let hidden = Hidden::start(&mut link, 1, robot.dir.path()).await;
    hidden.befall((Signal::SIGKILL, Signal::SIGKILL));
    let result = link.result().await;
    let left = hidden.left();
    for pid in &left {
        signal(*pid, Signal::SIGKILL);
    }
    let error = result.error.expect("why");
    assert_eq!(
        (result.state, error.kind),
        (State::Crashed, ErrorKind::Lost)
    );
    for word in [
        "both halves",
        "cannot be found",
        "still works on this robot",
    ] {
        assert!(error.message.contains(word), "{}", error.message);
    }
    let said = link.messages(LogStream::System);
    assert!(said.contains(&error.message.as_str()), "{said:?}");
}

#[tokio::test]
async fn a_frozen_witness_goes_when_its_run_is_over() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let hidden = Hidden::start(&mut link, 1, robot.dir.path()).await;
    signal(hidden.witness, Signal::SIGSTOP);
    for pid in &hidden.processes {
        signal(*pid, Signal::SIGKILL);
    }
    assert_eq!(link.result().await.state, State::Failed);
    gone(&[hidden.guard, hidden.witness]).await;
}
