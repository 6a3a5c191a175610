//! Robots that the server will not have: they try again, and when it is certain they stop and say why.

use baton_agent::Stopped;
use baton_api::robot::CLOSE_UNAUTHORISED;
use baton_core::state::State;

use crate::server::{SHORT, Server};
use crate::support::{Robot, eventually, gone, pids, shell};

fn refused(code: &str, message: &str) -> Stopped {
    Stopped::Refused {
        code: code.into(),
        message: message.into(),
    }
}

fn refuse(server: &Server, code: Option<&'static str>) {
    server.files.lock().expect("not poisoned").refusal = code;
}

#[tokio::test]
async fn a_deleted_robot_ends_its_runs_with_the_lease_and_stops_with_the_servers_words() {
    let mut server = Server::start().await;
    let mut robot = Robot::start(&server).await;
    let mut link = server.link().await;
    (link.lease, link.heartbeat) = SHORT;
    link.register(|_| true).await;
    let file = robot.dir.path().join("pids");
    let script = format!("echo $$ > {}; exec sleep 600", file.display());
    link.start(&shell(1, &script)).await;
    let tree = link.during(pids(&file, 1)).await;
    refuse(&server, Some("revoked_key"));
    link.close(CLOSE_UNAUTHORISED, "the robot was deleted")
        .await;
    assert_eq!(robot.handle.wait().await, refused("revoked_key", "not you"));
    gone(&tree).await;
    let log = std::fs::read_to_string(robot.dir.path().join("agent.log")).expect("there");
    assert!(
        log.contains("[revoked_key]") && log.contains("enrol it anew"),
        "{log}"
    );
    // Whoever hosts it goes on, and stops it with everything else in the end.
    robot.handle.stop(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn a_robot_that_is_refused_while_it_registers_stops() {
    let mut server = Server::start().await;
    let mut robot = Robot::start(&server).await;
    let closing = async {
        loop {
            let link = server.link().await;
            link.close(CLOSE_UNAUTHORISED, "this key belongs to another")
                .await;
        }
    };
    tokio::select! {
        stopped = robot.handle.wait() => {
            assert_eq!(stopped, refused("robot_refused", "this key belongs to another"));
        }
        () = closing => unreachable!("it closes for as long as robots come"),
    }
}

#[tokio::test]
async fn a_refusal_that_passes_and_one_that_is_not_the_servers_own_stop_nothing() {
    let mut server = Server::start().await;
    // A proxy's 401 carries no code of Baton's that says that the key is none.
    refuse(&server, Some("forbidden_by_the_gate"));
    let _robot = Robot::start(&server).await;
    let files = std::sync::Arc::clone(&server.files);
    let refused_times = |n: usize| files.lock().expect("not poisoned").refused >= n;
    eventually("it keeps on trying", || refused_times(20)).await;
    refuse(&server, None);
    let mut link = server.robot().await;
    assert_eq!(link.run(&shell(1, "true")).await.state, State::Completed);

    {
        // The handshake and the question why are two refusals in the server's count, but one in the robot's.
        let mut files = files.lock().expect("not poisoned");
        (files.refused, files.refuse_at_most) = (0, Some(4));
        files.refusal = Some("unknown_key");
    }
    drop(link);
    let mut link = server.robot().await;
    assert_eq!(link.run(&shell(2, "true")).await.state, State::Completed);
    assert!(refused_times(4));
}
