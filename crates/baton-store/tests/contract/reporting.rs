//! What attempts report: task runs, progress, log lines, files. And the events of everything else.

use baton_core::id::{ArtifactId, Fence, OrgId, RunId, TaskRunId};
use baton_core::run::{LogLevel, LogLine, LogStream, Progress, TaskRun};
use baton_core::state::{Event, State};
use baton_store::catalog::{Artifact, BLOB_CHUNK};
use baton_store::logs::{LogBatch, LogQuery};
use baton_store::runs::Claim;
use serde_json::json;

use crate::harness::{Bench, ORG, at, completed, for_each_store, kind};

for_each_store!(
    task_runs_are_replaced_by_key_and_keep_their_order,
    a_stale_claim_reports_nothing,
    progress_is_shown_until_the_run_ends,
    lines_are_appended_without_gap,
    duplicate_lines_are_passed_over,
    a_closed_attempt_may_still_log,
    lines_are_found_by_level_task_and_text,
    the_tail_gives_the_last_lines_in_order,
    logs_of_attempts_follow_each_other,
    a_blob_exists_when_it_is_complete,
    an_artifact_is_replaced_by_name,
);

fn task(b: &Bench, key: &str, state: State) -> TaskRun {
    TaskRun {
        id: TaskRunId(b.uuid()),
        run_id: RunId(b.uuid()),
        attempt: 77,
        key: key.into(),
        name: format!("Task {key}"),
        state,
        after: vec!["before".into()],
        tries: 1,
        started_at: Some(at(1)),
        ended_at: None,
        error: None,
        data: json!({"in": [1, 2]}),
    }
}

async fn task_runs_are_replaced_by_key_and_keep_their_order(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let put = |tasks| b.store.put_task_runs(ORG, id, held, tasks, at(3));
    let (one, two) = (
        task(b, "one", State::Running),
        task(b, "two", State::Pending),
    );
    put(vec![one.clone(), two.clone()]).await.expect("written");
    let ended = TaskRun {
        state: State::Completed,
        ended_at: Some(at(9)),
        tries: 2,
        ..one
    };
    put(vec![task(b, "three", State::Pending), ended.clone()])
        .await
        .expect("written");
    let found = b.store.task_runs(ORG, id, None).await.expect("read");
    let keys: Vec<_> = found.iter().map(|t| t.key.as_str()).collect();
    assert_eq!(keys, ["one", "two", "three"]);
    assert_eq!(
        found[0],
        TaskRun {
            run_id: id,
            attempt: 1,
            ..ended
        }
    );
    assert_eq!(
        found[1],
        TaskRun {
            run_id: id,
            attempt: 1,
            ..two
        }
    );

    b.told(id, held, completed(), 10).await.expect("completed");
    put(vec![task(b, "last words", State::Completed)])
        .await
        .expect("written");
    assert_eq!(
        b.store
            .task_runs(ORG, id, Some(1))
            .await
            .expect("read")
            .len(),
        4
    );
    assert!(
        b.store
            .task_runs(ORG, id, Some(2))
            .await
            .expect("read")
            .is_empty()
    );
}

async fn a_stale_claim_reports_nothing(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let stale = Claim {
        fence: Fence(9),
        ..held
    };
    let tasks = vec![task(b, "t", State::Running)];
    let answer = b.store.put_task_runs(ORG, id, stale, tasks, at(3)).await;
    assert_eq!(kind(&answer), "stale_fence");
    let answer = b
        .store
        .put_progress(ORG, id, stale, Progress::default())
        .await;
    assert_eq!(kind(&answer), "stale_fence");
    assert_eq!(kind(&append(b, id, stale, &[1]).await), "stale_fence");
    assert!(
        b.store
            .task_runs(ORG, id, None)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(b.run(id).await.progress, None);
    assert!(lines(b, id).await.is_empty());
    let unknown = b.run_id();
    assert_eq!(kind(&append(b, unknown, held, &[1]).await), "not_found");
}

async fn progress_is_shown_until_the_run_ends(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let half = Progress {
        percent: Some(50.0),
        message: Some("half-way".into()),
        task: Some("load".into()),
    };
    b.store
        .put_progress(ORG, id, held, half.clone())
        .await
        .expect("noted");
    assert_eq!(b.run(id).await.progress, Some(half));
    b.told(id, held, completed(), 9).await.expect("completed");
    let late = b
        .store
        .put_progress(ORG, id, held, Progress::default())
        .await;
    assert_eq!(kind(&late), "stale_fence");
}

fn line(seq: i64) -> LogLine {
    LogLine {
        seq,
        at: at(seq),
        level: LogLevel::Info,
        stream: LogStream::Stdout,
        task: None,
        message: format!("Line {seq} of 100%"),
    }
}

async fn append(b: &Bench, run_id: RunId, claim: Claim, seqs: &[i64]) -> baton_store::Result<i64> {
    let lines = seqs.iter().map(|seq| line(*seq)).collect();
    let batch = LogBatch {
        org: ORG,
        run_id,
        claim,
        lines,
    };
    b.store.append_logs(vec![batch]).await.remove(0)
}

fn query(run_id: RunId) -> LogQuery {
    LogQuery {
        org: ORG,
        run_id,
        attempt: None,
        after: None,
        tail: false,
        level: None,
        task: None,
        search: None,
        limit: 1_000,
    }
}

async fn lines(b: &Bench, id: RunId) -> Vec<(u32, i64)> {
    seqs(b, query(id)).await
}

async fn seqs(b: &Bench, query: LogQuery) -> Vec<(u32, i64)> {
    let found = b.store.logs(query).await.expect("read");
    found
        .iter()
        .map(|(attempt, line)| (*attempt, line.seq))
        .collect()
}

async fn lines_are_appended_without_gap(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    assert_eq!(append(b, id, held, &[]).await.expect("answered"), 0);
    assert_eq!(
        append(b, id, held, &[2, 3]).await.expect("answered"),
        0,
        "1 is missing"
    );
    assert_eq!(
        append(b, id, held, &[1, 2, 4]).await.expect("answered"),
        2,
        "3 is missing"
    );
    assert_eq!(append(b, id, held, &[3, 4, 5]).await.expect("answered"), 5);
    assert_eq!(lines(b, id).await, [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]);
    assert_eq!(b.store.log_span(ORG, id).await.expect("read"), [(1, 5)]);
    let full = b.store.logs(query(id)).await.expect("read");
    assert_eq!(full[2].1, line(3));
}

async fn duplicate_lines_are_passed_over(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let batch = |seqs: [i64; 3]| LogBatch {
        org: ORG,
        run_id: id,
        claim: held,
        lines: seqs.map(line).to_vec(),
    };
    let answers = b
        .store
        .append_logs(vec![batch([1, 2, 3]), batch([1, 2, 3]), batch([3, 4, 5])])
        .await;
    let ends: Vec<_> = answers.into_iter().map(|a| a.expect("answered")).collect();
    assert_eq!(ends, [3, 3, 5]);
    assert_eq!(lines(b, id).await.len(), 5);
}

async fn a_closed_attempt_may_still_log(b: &Bench) {
    let (one, two) = (b.robot("one", 1).await, b.robot("two", 1).await);
    let mut new = b.new_run().await;
    new.spec.retry = baton_core::retry::RetryPolicy::times(1);
    let (id, old) = b.running(new, &one).await;
    append(b, id, old, &[1]).await.expect("logged");
    b.event(id, Event::LeaseLapsed, 50).await.expect("lost");
    assert_eq!(b.state(id).await, State::Crashed);
    assert_eq!(append(b, id, old, &[1, 2]).await.expect("logged"), 2);
    b.event(id, Event::Retry, 51).await.expect("retried");
    b.event(id, Event::Due, 52).await.expect("due");
    let new = b.assign(id, &two).await;
    assert_eq!(append(b, id, old, &[3]).await.expect("its own attempt"), 3);
    assert_eq!(append(b, id, new, &[1]).await.expect("logged"), 1);
    assert_eq!(lines(b, id).await, [(1, 1), (1, 2), (1, 3), (2, 1)]);
    assert_eq!(
        b.store.log_span(ORG, id).await.expect("read"),
        [(1, 3), (2, 1)]
    );
}

/// A run with lines of several levels and tasks.
async fn talkative(b: &Bench) -> RunId {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    let texts = [
        (LogLevel::Debug, None, "starting"),
        (LogLevel::Info, Some("load"), "Loading 50% of äpfel"),
        (LogLevel::Error, Some("load"), "no such_file"),
        (LogLevel::Critical, Some("save"), "NO DISK"),
        (LogLevel::Info, None, "such a file"),
    ];
    let lines = texts
        .iter()
        .zip(1..)
        .map(|((level, task, text), seq)| LogLine {
            level: *level,
            task: task.map(Into::into),
            message: (*text).into(),
            stream: LogStream::Stderr,
            ..line(seq)
        });
    let batch = LogBatch {
        org: ORG,
        run_id: id,
        claim: held,
        lines: lines.collect(),
    };
    assert!(b.store.append_logs(vec![batch]).await[0].is_ok());
    id
}

async fn lines_are_found_by_level_task_and_text(b: &Bench) {
    let id = talkative(b).await;
    let at_least = |level| LogQuery {
        level: Some(level),
        ..query(id)
    };
    assert_eq!(
        seqs(b, at_least(LogLevel::Info)).await,
        [(1, 2), (1, 3), (1, 4), (1, 5)]
    );
    assert_eq!(seqs(b, at_least(LogLevel::Critical)).await, [(1, 4)]);
    let task = LogQuery {
        task: Some("load".into()),
        ..query(id)
    };
    assert_eq!(seqs(b, task.clone()).await, [(1, 2), (1, 3)]);
    assert_eq!(
        seqs(
            b,
            LogQuery {
                after: Some((1, 2)),
                ..task
            }
        )
        .await,
        [(1, 3)]
    );
    let search = |text: &str| LogQuery {
        search: Some(text.into()),
        ..query(id)
    };
    assert_eq!(
        seqs(b, search("no ")).await,
        [(1, 3), (1, 4)],
        "case is ignored"
    );
    assert_eq!(seqs(b, search("50%")).await, [(1, 2)]);
    assert_eq!(
        seqs(b, search("h_f")).await,
        [(1, 3)],
        "signs stand for themselves"
    );
    assert_eq!(seqs(b, search("äpfel")).await, [(1, 2)]);
    let both = LogQuery {
        level: Some(LogLevel::Error),
        ..search("no")
    };
    assert_eq!(seqs(b, both).await, [(1, 3), (1, 4)]);
}

async fn the_tail_gives_the_last_lines_in_order(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    append(b, id, held, &[1, 2, 3, 4, 5, 6, 7])
        .await
        .expect("logged");
    let first = LogQuery {
        limit: 2,
        ..query(id)
    };
    assert_eq!(seqs(b, first.clone()).await, [(1, 1), (1, 2)]);
    assert_eq!(
        seqs(
            b,
            LogQuery {
                after: Some((1, 2)),
                ..first.clone()
            }
        )
        .await,
        [(1, 3), (1, 4)]
    );
    let tail = LogQuery {
        tail: true,
        ..first
    };
    assert_eq!(seqs(b, tail.clone()).await, [(1, 6), (1, 7)]);
    assert_eq!(
        seqs(
            b,
            LogQuery {
                after: Some((1, 6)),
                ..tail
            }
        )
        .await,
        [(1, 4), (1, 5)]
    );
}

async fn logs_of_attempts_follow_each_other(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let mut new = b.new_run().await;
    new.spec.retry = baton_core::retry::RetryPolicy::times(1);
    let (id, held) = b.running(new, &robot).await;
    append(b, id, held, &[1, 2]).await.expect("logged");
    b.told(id, held, crate::harness::failed(), 5)
        .await
        .expect("failed");
    b.event(id, Event::Due, 99).await.expect("due");
    let held = b.assign(id, &robot).await;
    append(b, id, held, &[1, 2]).await.expect("logged");
    assert_eq!(lines(b, id).await, [(1, 1), (1, 2), (2, 1), (2, 2)]);
    let second = LogQuery {
        attempt: Some(2),
        ..query(id)
    };
    assert_eq!(seqs(b, second).await, [(2, 1), (2, 2)]);
    let after = LogQuery {
        after: Some((1, 1)),
        limit: 2,
        ..query(id)
    };
    assert_eq!(seqs(b, after).await, [(1, 2), (2, 1)]);
    let tail = LogQuery {
        tail: true,
        after: Some((2, 2)),
        limit: 2,
        ..query(id)
    };
    assert_eq!(seqs(b, tail).await, [(1, 2), (2, 1)]);
}

async fn a_blob_exists_when_it_is_complete(b: &Bench) {
    let chunk = |byte, len| vec![byte; len];
    b.store
        .put_blob_chunk("aa", 0, chunk(1, 10))
        .await
        .expect("stored");
    assert_eq!(kind(&b.store.blob("aa").await), "not_found");
    assert_eq!(kind(&b.store.blob_chunk("aa", 0).await), "not_found");
    assert_eq!(
        kind(&b.store.finish_blob("aa", 15, 2, at(0)).await),
        "blob_incomplete"
    );
    b.store
        .put_blob_chunk("aa", 1, chunk(2, 5))
        .await
        .expect("stored");
    b.store
        .put_blob_chunk("aa", 1, chunk(2, 5))
        .await
        .expect("harmless");
    assert_eq!(
        kind(&b.store.finish_blob("aa", 14, 2, at(0)).await),
        "blob_incomplete"
    );
    b.store
        .finish_blob("aa", 15, 2, at(0))
        .await
        .expect("complete");
    b.store
        .finish_blob("aa", 15, 2, at(1))
        .await
        .expect("harmless");
    b.store
        .put_blob_chunk("aa", 1, chunk(2, 5))
        .await
        .expect("harmless");
    assert_eq!(b.store.blob("aa").await.expect("there"), (15, 2));
    assert_eq!(
        b.store.blob_chunk("aa", 1).await.expect("there"),
        chunk(2, 5)
    );
    assert_eq!(kind(&b.store.blob_chunk("aa", 2).await), "not_found");
    let large = b
        .store
        .put_blob_chunk("bb", 0, chunk(0, BLOB_CHUNK + 1))
        .await;
    assert_eq!(kind(&large), "chunk_too_large");
    b.store
        .finish_blob("empty", 0, 0, at(0))
        .await
        .expect("an empty file is a file");
    assert_eq!(b.store.blob("empty").await.expect("there"), (0, 0));
}

async fn an_artifact_is_replaced_by_name(b: &Bench) {
    let run_id = b.queued().await;
    b.blob("aa", &[1]).await;
    let artifact = |name: &str, attempt| Artifact {
        id: ArtifactId(b.uuid()),
        org: ORG,
        run_id,
        attempt,
        name: name.into(),
        content_type: "text/plain".into(),
        size: 1,
        hash: "aa".into(),
        created_at: at(3),
    };
    let (old, second) = (artifact("z/report.txt", 1), artifact("z/report.txt", 2));
    let (new, first) = (artifact("z/report.txt", 1), artifact("a.txt", 1));
    for a in [&old, &second, &new, &first] {
        b.store.put_artifact(a.clone()).await.expect("recorded");
    }
    let all = b.store.artifacts(ORG, run_id).await.expect("read");
    assert_eq!(all, [first.clone(), new.clone(), second]);
    assert_eq!(b.store.artifact(ORG, first.id).await.expect("read"), first);
    assert_eq!(kind(&b.store.artifact(ORG, old.id).await), "not_found");
    assert_eq!(kind(&b.store.artifact(OrgId(2), new.id).await), "not_found");
    let no_blob = Artifact {
        hash: "bb".into(),
        ..artifact("b", 1)
    };
    assert_eq!(kind(&b.store.put_artifact(no_blob).await), "not_found");
    let no_run = Artifact {
        run_id: b.run_id(),
        ..artifact("b", 1)
    };
    assert_eq!(kind(&b.store.put_artifact(no_run).await), "not_found");
}
