//! What the spool keeps across agents, and what it gives back.

use baton_api::robot::JobResult;
use baton_core::id::{Fence, RunId};
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_core::state::State;
use jiff::Timestamp;

use super::*;

fn note() -> Note {
    let claim = Claim {
        job_id: RunId(uuid::Uuid::from_u128(7)),
        attempt: 1,
        fence: Fence(3),
    };
    Note {
        claim,
        run_name: "brisk-otter".into(),
        boot_id: "boot".into(),
    }
}

fn lines(from: i64, to: i64) -> Vec<LogLine> {
    let line = |seq| LogLine {
        seq,
        at: Timestamp::UNIX_EPOCH,
        level: LogLevel::Info,
        stream: LogStream::Stdout,
        task: None,
        message: format!("line {seq} {}", "x".repeat(900)),
    };
    (from..=to).map(line).collect()
}

fn result() -> JobResult {
    JobResult {
        claim: note().claim,
        status: "completed".into(),
        state: State::Completed,
        error: None,
        exit_code: Some(0),
        outputs: serde_json::Map::new(),
        execution_time: Some(1.0),
        handed_back: false,
    }
}

#[test]
fn lines_come_back_in_order_and_in_bounded_batches() {
    let dir = tempfile::tempdir().expect("folder");
    let spool = Spool::open(dir.path(), DEFAULT_BOUND).expect("opens");
    let entry = spool.create(note()).expect("created");
    for start in (1..=3_000).step_by(100) {
        entry
            .append_logs(&lines(start, start + 99))
            .expect("written");
    }
    let mut after = 0;
    while after < 3_000 {
        let batch = entry.read_logs(after, 50_000).expect("read");
        assert_eq!(batch[0].seq, after + 1);
        assert!(batch.windows(2).all(|w| w[1].seq == w[0].seq + 1));
        after = batch.last().expect("some").seq;
    }
    assert!(entry.read_logs(3_000, 50_000).expect("read").is_empty());
    assert_eq!(
        entry.read_logs(1_234, 10).expect("read")[0].seq,
        1_235,
        "a resend starts anywhere"
    );
}

#[test]
fn acknowledged_segments_give_their_space_back() {
    let dir = tempfile::tempdir().expect("folder");
    let spool = Spool::open(dir.path(), 2 << 20).expect("opens");
    let entry = spool.create(note()).expect("created");
    for start in (1..=3_000).step_by(100) {
        entry
            .append_logs(&lines(start, start + 99))
            .expect("written");
    }
    assert!(spool.is_full());
    entry.ack_logs(2_900).expect("dropped");
    assert!(!spool.is_full());
    assert_eq!(entry.read_logs(2_900, 1 << 20).expect("read").len(), 100);
    spool.forget(note().claim).expect("removed");
    assert_eq!(spool.used.load(Ordering::Relaxed), 0);
    assert_eq!(fs::read_dir(dir.path()).expect("folder").count(), 0);
}

#[test]
fn everything_unacknowledged_survives_the_agent_even_a_torn_line() {
    let dir = tempfile::tempdir().expect("folder");
    {
        let spool = Spool::open(dir.path(), DEFAULT_BOUND).expect("opens");
        let entry = spool.create(note()).expect("created");
        entry.append_logs(&lines(1, 10)).expect("written");
        entry.append_tasks(Vec::new());
        entry.save_result(&result()).expect("synced");
    }
    let segment = fs::read_dir(dir.path())
        .expect("folder")
        .next()
        .expect("one")
        .expect("entry")
        .path();
    let log = segment.join("log-000000000001.jsonl");
    let mut torn = fs::read(&log).expect("read");
    torn.extend_from_slice(b"{\"seq\":11,\"at\":");
    fs::write(&log, torn).expect("written");

    let spool = Spool::open(dir.path(), DEFAULT_BOUND).expect("opens");
    let entry = spool.get(note().claim).expect("there");
    assert_eq!(entry.log_range(), (10, 0));
    assert_eq!(entry.read_logs(0, 1 << 20).expect("read").len(), 10);
    assert_eq!(entry.read_tasks(0).expect("one").seq, 1);
    assert_eq!(entry.result(), Some(result()));
    entry.append_logs(&lines(11, 11)).expect("written");
    assert_eq!(entry.read_logs(0, 1 << 20).expect("read").len(), 11);
}

#[test]
fn a_damaged_line_is_said_in_its_place_and_the_lines_after_it_are_read() {
    let dir = tempfile::tempdir().expect("folder");
    let spool = Spool::open(dir.path(), DEFAULT_BOUND).expect("opens");
    let entry = spool.create(note()).expect("created");
    entry.append_logs(&lines(1, 10)).expect("written");
    let folder = fs::read_dir(dir.path()).expect("folder").next();
    let folder = folder.expect("one").expect("entry").path();
    let log = folder.join("log-000000000001.jsonl");
    let text = fs::read_to_string(&log).expect("read");
    let mut damaged: Vec<String> = text.lines().map(str::to_owned).collect();
    // Two became one, and the last is cut.
    damaged[3] = "\0".repeat(100);
    damaged.remove(4);
    damaged[8].truncate(50);
    fs::write(&log, damaged.join("\n") + "\n").expect("written");
    for max in [1 << 20, 2_000, 1] {
        let (mut all, mut after) = (Vec::new(), 0);
        while after < 10 {
            let batch = entry.read_logs(after, max).expect("read");
            after = batch.last().expect("one at least").seq;
            all.extend(batch);
        }
        let seqs: Vec<i64> = all.iter().map(|line| line.seq).collect();
        assert_eq!(seqs, (1..=10).collect::<Vec<_>>(), "{max}");
        let lost = all
            .iter()
            .filter(|line| line.message.contains("is missing"));
        assert_eq!(lost.map(|line| line.seq).collect::<Vec<_>>(), [4, 5, 10]);
    }
}

#[test]
fn the_numbers_go_on_after_a_restart_although_every_line_was_acknowledged_and_dropped() {
    let dir = tempfile::tempdir().expect("folder");
    let spool = Spool::open(dir.path(), 100_000).expect("opens");
    let entry = spool.create(note()).expect("created");
    entry.append_logs(&lines(1, 120)).expect("written");
    assert!(spool.is_full());
    entry.ack_logs(120).expect("dropped");
    assert!(
        !spool.is_full(),
        "room for others, though no segment was full"
    );
    drop((entry, spool));
    let spool = Spool::open(dir.path(), 100_000).expect("opens");
    let entry = spool.get(note().claim).expect("there");
    assert_eq!(entry.log_range(), (120, 120));
    entry.append_logs(&lines(121, 121)).expect("written");
    assert_eq!(entry.read_logs(120, 1_000).expect("read").len(), 1);
}

#[test]
fn lines_and_tasks_that_the_disk_refuses_are_kept_in_memory_in_their_order() {
    let dir = tempfile::tempdir().expect("folder");
    let spool = Spool::open(dir.path(), DEFAULT_BOUND).expect("opens");
    // Its folder is not there: every write fails, as on a full disk.
    let entry = spool.create_in_memory(note());
    let why = entry.append_logs(&lines(1, 100)).expect("kept");
    assert!(why.is_some(), "said once");
    assert!(entry.append_logs(&lines(101, 200)).expect("kept").is_none());
    entry
        .append_logs(&lines(201, 1_500))
        .expect_err("memory is bounded as well");
    assert_eq!(entry.log_range().0, 200);
    let batch = entry.read_logs(50, 20_000).expect("read");
    assert_eq!((batch[0].seq, batch.len()), (51, 19));
    entry.ack_logs(200).expect("dropped");
    assert!(entry.read_logs(0, 20_000).expect("read").is_empty());
    let large = lines(201, 1_500);
    entry.append_logs(&large).expect("one batch always fits");
    entry.ack_logs(1_500).expect("dropped");
    entry.append_logs(&lines(1_501, 1_600)).expect("room again");
    entry.keep_logs(&lines(1_601, 1_601));
    assert_eq!(entry.log_range().0, 1_601);

    assert_eq!(entry.append_tasks(Vec::new()), 1);
    assert_eq!(entry.read_tasks(0).expect("kept").seq, 1);
    entry.save_result(&result()).expect_err("no folder");
    entry.keep_result(result());
    assert_eq!(entry.result(), Some(result()));
}

#[test]
fn what_is_no_attempt_is_dropped_from_the_spool_and_what_cannot_be_read_now_is_not() {
    let dir = tempfile::tempdir().expect("folder");
    fs::create_dir(dir.path().join("torn")).expect("made");
    fs::write(dir.path().join("torn/note.json"), "{\"claim\"").expect("written");
    fs::write(dir.path().join("stray"), "").expect("written");
    drop(Spool::open(dir.path(), DEFAULT_BOUND).expect("opens"));
    assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 0);

    // A folder in the place of a file cannot be read as one, whoever asks.
    let spool = Spool::open(dir.path(), DEFAULT_BOUND).expect("opens");
    let entry = spool.create(note()).expect("created");
    entry.save_result(&result()).expect("saved");
    let home = fs::read_dir(dir.path()).expect("there").next();
    let home = home.expect("one").expect("read").path();
    fs::create_dir(home.join("tasks.jsonl")).expect("made");
    assert!(Spool::open(dir.path(), DEFAULT_BOUND).is_err());
    assert!(
        home.join("result.json").exists(),
        "the result is still there"
    );
}
