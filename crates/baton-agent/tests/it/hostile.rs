//! Flows that do what no flow should: each run ends rightly, nothing is left running, and the agent stays small.

use std::fs;

use baton_core::run::LogStream;
use baton_core::state::State;
use serde_json::json;

use crate::server::{Link, Server};
use crate::support::{OwnProcess, Robot, alive, eventually, pids, shell};

/// The most by which an agent may grow over a flood of lines, in KiB.
const GROWTH: u64 = 96 << 10;

/// Descriptors that a process has open.
fn descriptors(pid: i32) -> usize {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).expect("it is there");
    folder.count()
}

/// The most memory that a process ever had, in KiB.
fn most_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let number = line.and_then(|l| l.trim().strip_suffix(" kB"));
    number.expect("Linux says it").parse().expect("a number")
}

async fn completed(link: &mut Link, number: u128, script: &str) -> baton_api::robot::JobResult {
    link.lines.clear();
    let result = link.run(&shell(number, script)).await;
    assert_eq!(
        (result.state, &result.error),
        (State::Completed, &None),
        "{script}"
    );
    result
}

#[tokio::test]
async fn a_daemon_of_two_forks_and_a_child_that_holds_the_streams_are_ended_and_said() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let file = robot.dir.path().join("pids");
    let script = format!(
        r#"P={}
        (setsid sh -c 'cd /; exec <&- >&- 2>&-; (echo $$ >> '"$P"'; exec sleep 600) & exit 0' &)
        sleep 600 & echo $! >> "$P"
        while [ "$(cat "$P" | wc -l)" -lt 2 ]; do sleep 0.01; done
        echo done"#,
        file.display()
    );
    completed(&mut link, 1, &script).await;
    assert!(!pids(&file, 2).await.iter().any(|pid| alive(*pid)));
    assert_eq!(link.messages(LogStream::Stdout), ["done"]);
    let said = link.messages(LogStream::System);
    assert!(said.iter().any(|m| m.contains("still running")), "{said:?}");
}

#[tokio::test]
async fn a_run_that_closes_its_streams_goes_on_to_its_own_end() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let script = r#"echo before; exec >&- 2>&-; sleep 0.3; echo '{"n": 1}' > $BATON_OUTPUTS"#;
    let result = completed(&mut link, 1, script).await;
    assert_eq!(json!(result.outputs), json!({"n": 1}));
    assert!(result.execution_time.expect("it ran") >= 0.3);
    assert_eq!(link.messages(LogStream::Stdout), ["before"]);
}

#[tokio::test]
async fn a_run_that_deletes_its_folder_or_fills_it_is_completed_and_the_folder_goes() {
    let mut server = Server::start().await;
    let robot = Robot::with(&server, |c| c.limits.artifacts = 2).await;
    let mut link = server.robot().await;
    completed(
        &mut link,
        1,
        r#"rm -rf "$(dirname "$BATON_EVENTS")"; echo gone"#,
    )
    .await;
    assert_eq!(link.messages(LogStream::Stdout), ["gone"]);
    let script = r#"cd $BATON_ARTIFACTS; seq -f f%05.0f 20000 | xargs touch"#;
    completed(&mut link, 2, script).await;
    let said = link.messages(LogStream::System).join("\n");
    assert!(
        said.contains("more than 2 artifacts; 19998 are not uploaded"),
        "{said}"
    );
    let work = robot.dir.path().join("work");
    eventually("the work folders are gone", || {
        fs::read_dir(&work).expect("there").count() == 0
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_lines_and_of_children_leaves_the_agent_small() {
    let mut server = Server::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let agent = OwnProcess::start(&server, folder.path());
    let mut link = server.robot().await;
    completed(&mut link, 1, "echo first").await;
    let before = most_memory(agent.pid());
    // More than is kept of one attempt.
    let flood = "yes $(head -c 4000 /dev/zero | tr '\\0' x) | head -c 200000000";
    completed(&mut link, 2, flood).await;
    let said = link.messages(LogStream::System).join("\n");
    assert!(said.contains("bytes not kept"), "{said}");
    let children = "i=0; while [ $i -lt 2000 ]; do (:) & i=$((i+1)); done; wait; echo $i";
    completed(&mut link, 3, children).await;
    assert_eq!(link.messages(LogStream::Stdout), ["2000"]);
    let grown = most_memory(agent.pid()) - before;
    assert!(grown < GROWTH, "{grown} KiB");
}

#[tokio::test]
async fn fifty_runs_leave_no_descriptor_open() {
    let mut server = Server::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let agent = OwnProcess::start(&server, folder.path());
    let mut link = server.robot().await;
    let script = "sleep 600 & echo x > $BATON_ARTIFACTS/a; echo line";
    for number in 1..=5 {
        completed(&mut link, number, script).await;
    }
    let before = descriptors(agent.pid());
    for number in 6..=55 {
        completed(&mut link, number, script).await;
    }
    // A connection that is kept for the next upload may come and go.
    eventually("the descriptors are as many as before", || {
        descriptors(agent.pid()) <= before + 2
    })
    .await;
}
