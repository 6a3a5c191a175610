//! Logs that misbehave: not UTF-8, endless lines, floods. Whatever is lost is said.

use baton_core::run::{LogStream, MAX_LINE};
use baton_core::state::State;

use crate::server::Server;
use crate::support::{Robot, shell};

#[tokio::test]
async fn bad_bytes_and_endless_lines_are_shown_as_far_as_they_can_be() {
    let mut server = Server::start().await;
    let _robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let script =
        r"printf 'bad \377 byte\n'; head -c 10000000 /dev/zero | tr '\0' x; printf '\nafter'";
    assert_eq!(link.run(&shell(1, script)).await.state, State::Completed);
    let lines = link.messages(LogStream::Stdout);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], "bad \u{fffd} byte");
    assert!(lines[1].len() <= MAX_LINE && lines[1].contains("bytes more, not kept]"));
    assert!(lines[1].ends_with("xxx"), "its end is kept too");
    assert_eq!(lines[2], "after");
}

#[tokio::test]
async fn a_flood_is_cut_off_and_counted_and_the_run_goes_on() {
    let mut server = Server::start().await;
    let _robot = Robot::with(&server, |c| {
        c.limits.log.bytes = 100_000;
        c.limits.log.lines_per_second = 1_000_000;
    })
    .await;
    let mut link = server.robot().await;
    let result = link
        .run(&shell(
            1,
            "yes 123456789 | head -n 300000; echo $? > /dev/null",
        ))
        .await;
    assert_eq!(result.state, State::Completed);
    let kept = link.messages(LogStream::Stdout).len();
    let said = link.messages(LogStream::System);
    let missing = 300_000 - kept;
    let total = format!(
        "log truncated: {missing} lines, {} bytes not kept",
        missing * 9
    );
    assert_eq!(said.last().copied(), Some(total.as_str()));
    let seqs: Vec<i64> = link.lines.iter().map(|(_, l)| l.seq).collect();
    assert!(seqs.windows(2).all(|w| w[1] == w[0] + 1), "no gap");
}

#[tokio::test]
async fn a_script_that_logs_too_fast_waits_at_its_pipe_and_loses_nothing() {
    let mut server = Server::start().await;
    let _robot = Robot::with(&server, |c| c.limits.log.lines_per_second = 20_000).await;
    let mut link = server.robot().await;
    let result = link.run(&shell(1, "seq 1 100000")).await;
    assert_eq!(link.messages(LogStream::Stdout).len(), 100_000);
    // 60,000 lines may come at once and some thousand fit into the pipe; the others take over a second.
    assert!(
        result.execution_time.expect("ran") > 0.5,
        "{:?}",
        result.execution_time
    );
}

#[tokio::test]
async fn what_a_script_writes_to_its_streams_in_turn_keeps_its_order() {
    let mut server = Server::start().await;
    let robot = Robot::start(&server).await;
    let mut link = server.robot().await;
    let seen = robot.dir.path().join("seen");
    // It goes on when both lines have come, so that at most one waits in each pipe, however slow the robot is.
    let script = format!(
        r#"for i in $(seq 30); do
            if [ $((i % 3)) = 0 ]; then echo "out $i."; echo "err $i." >&2
            else echo "err $i." >&2; echo "out $i."; fi
            while [ ! -e {}.$i ]; do sleep 0.01; done
        done"#,
        seen.display()
    );
    link.start(&shell(1, &script)).await;
    let mut wanted = Vec::new();
    for i in 1..=30 {
        let (out, err) = (format!("out {i}."), format!("err {i}."));
        link.until_line(&out).await;
        link.until_line(&err).await;
        wanted.extend(if i % 3 == 0 { [out, err] } else { [err, out] });
        std::fs::write(format!("{}.{i}", seen.display()), "").expect("written");
    }
    assert_eq!(link.result().await.state, State::Completed);
    let said = link.lines.iter().map(|(_, l)| l);
    let said = said.filter(|l| l.stream != LogStream::System);
    let said: Vec<_> = said.map(|l| l.message.clone()).collect();
    assert_eq!(said, wanted);
}
