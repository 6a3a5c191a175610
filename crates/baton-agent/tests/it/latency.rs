//! How quickly a robot executes: from the server's `start` to the process's first words, and to its result.

use std::time::{Duration, Instant, UNIX_EPOCH};

use baton_api::robot::{Accept, Start};
use baton_core::run::LogStream;
use baton_core::state::State;

use crate::server::Server;
use crate::support::{Robot, job, robot_program};

/// How many runs are timed.
const RUNS: u128 = 100;

fn percentiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// Prints how fast it is; fails only when something is badly wrong, because machines differ:
/// `cargo test -p baton-agent --test it latency -- --nocapture`.
#[tokio::test]
async fn a_process_begins_and_ends_soon_after_its_start() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let program = robot_program().display().to_string();
    let (mut begins, mut ends) = (Vec::new(), Vec::new());
    for number in 1..=RUNS {
        let job = job(number, &[&program, "now"]);
        link.lines.clear();
        link.say(&job).await;
        let _: Accept = link.until().await;
        let (told, told_at) = (Instant::now(), UNIX_EPOCH.elapsed().expect("after 1970"));
        link.say(&Start { claim: job.claim }).await;
        let result = link.result().await;
        ends.push(told.elapsed());
        assert_eq!(result.state, State::Completed, "{:?}", result.error);
        let words = link.messages(LogStream::Stdout);
        let nanos: u64 = words[0].parse().expect("nanoseconds");
        begins.push(Duration::from_nanos(nanos).saturating_sub(told_at));
    }
    let (begin, slow_begin) = percentiles(&mut begins);
    let (end, slow_end) = percentiles(&mut ends);
    println!("start to process: p50 {begin:?}, p99 {slow_begin:?}");
    println!("start to result:  p50 {end:?}, p99 {slow_end:?}");
    assert!(end < Duration::from_secs(10));
}
