//! Requests to end a run: one signal however often they come, and a grace that belongs to the whole tree.

use baton_api::robot::{CancelJob, JobAssignment};
use baton_core::run::{LogLevel, LogStream};
use baton_core::state::State;
use baton_core::stop_signal::StopSignal;

use crate::server::{Link, Server};
use crate::support::{Robot, shell};

fn cancel(job: &JobAssignment, grace_seconds: u32) -> CancelJob {
    CancelJob {
        job_id: job.job_id,
        claim: job.claim,
        reason: "cancelled by ada".into(),
        grace_seconds,
    }
}

/// Says each signal that it gets, and goes on.
const COUNTING: &str = "trap 'echo asked' TERM; echo up; while :; do sleep 0.02; done";

/// Does a second's work after it was asked to end.
const POLITE: &str = r#"trap 'echo "logging out"; sleep 1; echo "logged out"; exit 0' TERM
echo up; while :; do sleep 0.02; done"#;

fn asked(link: &Link) -> usize {
    let said = link.messages(LogStream::Stdout);
    said.iter().filter(|line| **line == "asked").count()
}

#[tokio::test]
async fn a_run_is_asked_to_end_once_however_often_it_is_cancelled() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let job = shell(1, COUNTING);
    link.start(&job).await;
    link.until_line("up").await;
    link.say(&cancel(&job, 60)).await;
    link.until_line("asked").await;
    link.say(&cancel(&job, 60)).await;
    link.say(&cancel(&job, 90)).await;
    // A shorter grace kills sooner, and asks no more than the others.
    link.say(&cancel(&job, 1)).await;
    let result = link.result().await;
    assert_eq!(result.state, State::Cancelled);
    assert_eq!(asked(&link), 1, "{:?}", link.messages(LogStream::Stdout));
    assert!(result.execution_time.expect("it ran") < 50.0);
}

#[tokio::test]
async fn a_cancel_of_a_run_whose_time_is_over_asks_it_no_second_time() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let mut job = shell(1, COUNTING);
    job.timeout_seconds = Some(1);
    link.start(&job).await;
    link.until_line("asked").await;
    link.say(&cancel(&job, 1)).await;
    let result = link.result().await;
    assert_eq!(result.state, State::TimedOut);
    assert_eq!(asked(&link), 1);
}

#[tokio::test]
async fn a_time_that_is_over_after_a_cancel_asks_no_second_time() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let mut job = shell(1, COUNTING);
    job.timeout_seconds = Some(1);
    link.start(&job).await;
    link.until_line("up").await;
    link.say(&cancel(&job, 3)).await;
    let result = link.result().await;
    assert_eq!(result.state, State::Cancelled);
    assert_eq!(asked(&link), 1);
}

#[tokio::test]
async fn what_a_shell_started_keeps_its_grace_when_the_shell_ends_at_once() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let bot = robot.dir.path().join("bot.sh");
    std::fs::write(&bot, POLITE).expect("written");
    let bot = bot.display();
    for (number, (script, by_timeout)) in [
        (format!("sh {bot}; echo after"), false),
        (format!("sh {bot}; echo after"), true),
        // A session of its own, which no signal to the run's group reaches.
        (format!("setsid sh {bot}; echo after"), false),
        (format!("setsid sh {bot}; echo after"), true),
        // Two shells deep.
        (format!("sh -c 'sh {bot}; true'; echo after"), false),
    ]
    .into_iter()
    .enumerate()
    {
        link.lines.clear();
        let mut job = shell(number as u128 + 1, &script);
        job.cancel_grace_seconds = 60;
        if by_timeout {
            job.timeout_seconds = Some(1);
        }
        link.start(&job).await;
        link.until_line("up").await;
        if !by_timeout {
            link.say(&cancel(&job, 60)).await;
        }
        let result = link.result().await;
        let said = link.messages(LogStream::Stdout);
        assert_eq!(
            said,
            ["up", "logging out", "logged out"],
            "{script} {by_timeout}"
        );
        let state = if by_timeout {
            State::TimedOut
        } else {
            State::Cancelled
        };
        // The shell, the first process, was ended by the signal: it has no exit code.
        assert_eq!((result.state, result.exit_code), (state, None), "{script}");
        let warned = link.messages(LogStream::System);
        assert!(
            !warned.iter().any(|m| m.contains("still running")),
            "{warned:?}"
        );
    }
}

#[tokio::test]
async fn what_outlives_the_grace_of_a_shell_is_killed_and_counted() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let bot = robot.dir.path().join("bot.sh");
    std::fs::write(&bot, "trap '' TERM; echo up; while :; do sleep 600; done").expect("written");
    let job = shell(1, &format!("sh {}; echo after", bot.display()));
    link.start(&job).await;
    link.until_line("up").await;
    link.say(&cancel(&job, 1)).await;
    assert_eq!(link.result().await.state, State::Cancelled);
    let said = link.messages(LogStream::System);
    assert!(said.iter().any(|m| m.contains("still running")), "{said:?}");
}

#[tokio::test]
async fn a_run_is_asked_with_the_signal_of_its_deployment() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let names = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"];
    let traps: Vec<String> = names
        .iter()
        .map(|name| format!("trap 'echo {name}; exit 0' {name}"))
        .collect();
    let script = format!(
        "{}; echo up; while :; do sleep 0.02; done",
        traps.join("; ")
    );
    for (number, signal) in StopSignal::ALL.into_iter().enumerate() {
        link.lines.clear();
        let mut job = shell(number as u128 + 1, &script);
        job.stop_signal = signal;
        link.start(&job).await;
        link.until_line("up").await;
        link.say(&cancel(&job, 60)).await;
        let result = link.result().await;
        assert_eq!(
            (result.state, result.exit_code),
            (State::Cancelled, Some(0))
        );
        assert_eq!(link.messages(LogStream::Stdout), ["up", names[number]]);
    }
}

/// The lines that Baton itself says about a run, with their levels.
fn own_words(link: &Link) -> Vec<(LogLevel, &str)> {
    let own = link.lines.iter().map(|(_, line)| line);
    own.filter(|line| line.stream == LogStream::System)
        .map(|line| (line.level, line.message.as_str()))
        .collect()
}

#[tokio::test]
async fn who_ended_a_run_and_why_is_information_beside_its_exit_code() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let answering = "trap 'exit 2' TERM; echo up; while :; do sleep 0.02; done";
    let job = shell(1, answering);
    link.start(&job).await;
    link.until_line("up").await;
    let mut request = cancel(&job, 60);
    request.reason = "cancelled by admin: wrong month".into();
    link.say(&request).await;
    let result = link.result().await;
    // Cause and code are both there, and the cause decides.
    assert_eq!(
        (result.state, result.exit_code),
        (State::Cancelled, Some(2))
    );
    let said = "cancelled by admin: wrong month; its process ended with exit code 2";
    assert_eq!(own_words(&link), [(LogLevel::Info, said)]);

    link.lines.clear();
    let mut job = shell(2, answering);
    job.timeout_seconds = Some(1);
    let result = link.run(&job).await;
    assert_eq!((result.state, result.exit_code), (State::TimedOut, Some(2)));
    assert_eq!(
        result.error.expect("why").message,
        "run timeout of 1 s passed"
    );
    let said = "run timeout of 1 s passed; its process ended with exit code 2";
    assert_eq!(own_words(&link), [(LogLevel::Info, said)]);
}
