//! Stopping in good order: what runs may end, what waits is kept, and a second Ctrl-C is heard at once.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::home::{Home, is_gone, signal, visitor};
use crate::support::wait_for;

/// How long a server may take to begin: a busy machine gets there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Deploys a flow `held` whose runs knock at this door and end when they are let go.
fn deploy_held(home: &Home, door: &TcpListener, flags: &[&str]) {
    let port = door.local_addr().expect("bound").port();
    home.write(
        "held.py",
        &format!(
            "import socket\ns = socket.create_connection(('127.0.0.1', {port}))\n\
             s.sendall(b'here')\ns.recv(1)\nprint('let go')\n"
        ),
    );
    home.baton(&[&["deploy", "held.py"], flags].concat()).ok();
}

/// Starts a run of it, and gives its name and its connection once it runs.
fn start_held(home: &Home, door: &TcpListener) -> (String, TcpStream) {
    let name = home.baton(&["run", "held"]).ok().out.trim().to_owned();
    let mut script = visitor(door);
    script.read_exact(&mut [0; 4]).expect("it says so");
    (name, script)
}

fn state(home: &Home, run: &str) -> String {
    let shown = home.baton(&["runs", "show", run, "--json"]).ok().json();
    shown["run"]["state"].as_str().expect("a state").to_owned()
}

#[test]
fn a_stop_waits_for_what_runs_and_takes_its_result() {
    for which in [Signal::SIGTERM, Signal::SIGINT] {
        let home = Home::new();
        let mut up = home.up();
        let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
        deploy_held(&home, &door, &[]);
        let (name, mut script) = start_held(&home, &door);
        up.signal(which);
        up.wait_for_note("1 run may go on");
        script.write_all(b"x").expect("it still listens");
        assert_eq!(up.ended(), 0);
        let _up = home.up();
        assert_eq!(state(&home, &name), "completed");
        let log = home.baton(&["runs", "logs", &name]).ok();
        assert!(log.out.contains("let go"), "{}", log.out);
    }
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_leaves_no_process() {
    let home = Home::new();
    let mut up = home.up();
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    deploy_held(&home, &door, &[]);
    let (name, script) = start_held(&home, &door);
    up.signal(Signal::SIGINT);
    up.wait_for_note("1 run may go on");
    up.signal(Signal::SIGINT);
    assert_eq!(up.ended(), 130);
    // The guard ends the script: its connection breaks.
    is_gone(script);
    let _up = home.up();
    home.baton(&["runs", "logs", &name, "-f"]).ok();
    assert_eq!(state(&home, &name), "crashed");
    home.baton(&["verify"]).ok();
}

#[test]
fn what_waits_is_kept_by_a_stop_unless_it_was_asked_to_cancel_it() {
    let home = Home::new();
    let up = home.serve("server", &[]);
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    let queued = home.baton(&["run", "job"]).ok().out.trim().to_owned();
    let pending = home.baton(&["run", "job", "--at", "2100-01-01"]).ok();
    let pending = pending.out.trim().to_owned();
    up.signal(Signal::SIGTERM);
    assert_eq!(up.ended(), 0);
    let up = home.serve("server", &["--cancel-pending"]);
    assert_eq!(state(&home, &queued), "queued");
    assert_eq!(state(&home, &pending), "pending");
    up.signal(Signal::SIGTERM);
    assert_eq!(up.ended(), 0);
    let _up = home.serve("server", &[]);
    assert_eq!(state(&home, &queued), "cancelled");
    assert_eq!(state(&home, &pending), "cancelled");
    home.baton(&["verify"]).ok();
}

#[test]
fn a_robot_that_is_stopped_drains_and_hands_over_its_result() {
    let home = Home::new();
    let server = home.serve("server", &[]);
    let told = home.baton(&["robots", "enroll", "only", "--json"]);
    let told = told.ok().json();
    let token = told["token"].as_str().expect("a token");
    let words = [
        "robot",
        "--server",
        &server.url,
        "--token",
        token,
        "--name",
        "only",
        "--data",
        "only",
    ];
    let mut robot = home
        .command(&words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    deploy_held(&home, &door, &[]);
    let (name, mut script) = start_held(&home, &door);
    signal(&robot, Signal::SIGTERM);
    // It takes nothing new while it waits for what it has.
    script.write_all(b"x").expect("it still listens");
    assert_eq!(robot.wait().expect("it ends").code(), Some(0));
    assert_eq!(state(&home, &name), "completed");
    let next = home.baton(&["run", "held"]).ok().out.trim().to_owned();
    assert_eq!(state(&home, &next), "queued");
}

#[test]
fn baton_up_goes_on_without_its_robot_and_stops_when_it_is_asked_to() {
    let home = Home::new();
    let mut up = home.up();
    let robots = home.baton(&["robots", "ls", "--json"]).ok().json();
    let robot = robots[0]["name"].as_str().expect("a name").to_owned();
    home.baton(&["robots", "rm", &robot, "--yes"]).ok();
    up.wait_for_note("the local robot has stopped");
    home.write("job.py", "print('hello')\n");
    home.baton(&["deploy", "job.py"]).ok();
    let name = home.baton(&["run", "job"]).ok().out.trim().to_owned();
    assert_eq!(state(&home, &name), "queued");
    up.signal(Signal::SIGINT);
    assert_eq!(up.ended(), 0);
}

/// Whether a process has said what it does when it is asked to end.
fn listens(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & 1 << (Signal::SIGTERM as u32 - 1) != 0)
}

#[tokio::test]
async fn a_stop_in_the_first_moments_ends_it_in_good_order_and_hinders_no_later_start() {
    for (command, with_folder) in [
        ("up", false),
        ("up", true),
        ("server", false),
        ("server", true),
    ] {
        let home = Home::new();
        let data = home.path("data");
        let mut first = home
            .command(&[command, "--json", "--port", "0", "--data", "data"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let pid = first.id();
        // Its folder is the first thing that it makes; long after that it serves.
        let reached = async || listens(pid) && (!with_folder || data.exists());
        wait_for("it to listen", PATIENCE, reached).await;
        signal(&first, Signal::SIGTERM);
        let mut said = String::new();
        let mut err = first.stderr.take().expect("piped");
        err.read_to_string(&mut said).expect("text");
        assert_eq!(first.wait().expect("it ends").code(), Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        let again = home.serve(command, &["--data", "data"]);
        again.signal(Signal::SIGTERM);
        assert_eq!(again.ended(), 0);
    }
}
