//! Deletion, retention, verification, closing.

use std::sync::{Arc, Mutex};

use baton_core::id::{ArtifactId, Fence, RunId};
use baton_core::run::{LogLevel, LogLine, LogStream};
use baton_core::state::{Event, State};
use baton_store::CommitNote;
use baton_store::PageRequest;
use baton_store::catalog::Artifact;
use baton_store::logs::{LogBatch, LogQuery, ResourceEvent};
use baton_store::runs::{Claim, RunFilter};
use baton_store::stats::{Grain, OutcomeQuery, Pruned, Retention, Sample};

use crate::harness::{Bench, ORG, at, completed, failed, for_each_store, kind};

for_each_store!(
    only_ended_runs_are_deleted_with_all_that_is_theirs,
    a_deleted_run_frees_its_key,
    pruning_keeps_what_it_must,
    pruning_nothing_keeps_everything,
    a_blob_that_nothing_names_is_pruned_after_a_day,
    samples_are_pruned_by_their_grain,
    figures_outlive_their_runs_by_a_year_and_not_for_ever,
    what_runs_needed_goes_with_the_last_of_them_and_comes_back_with_the_next,
    verify_counts_what_it_looked_at,
    commits_are_told_to_hooks,
    a_closed_store_answers_unavailable,
);

const DAY: i64 = 86_400;
/// A week, but for lines.
const WEEK: Retention = Retention {
    runs_days: Some(7),
    logs_days: Some(3),
    events_days: Some(7),
};

async fn log(b: &Bench, run_id: RunId, claim: Claim) {
    let line = |seq| LogLine {
        seq,
        at: at(seq),
        level: LogLevel::Info,
        stream: LogStream::System,
        task: None,
        message: "x".into(),
    };
    let batch = LogBatch {
        org: ORG,
        run_id,
        claim,
        lines: vec![line(1), line(2)],
    };
    let answers = b.store.append_logs(vec![batch]).await;
    assert!(matches!(answers[0], Ok(2)));
}

fn artifact(b: &Bench, run_id: RunId, hash: &str) -> Artifact {
    Artifact {
        id: ArtifactId(b.uuid()),
        org: ORG,
        run_id,
        attempt: 1,
        name: "a".into(),
        content_type: "text/plain".into(),
        size: 1,
        hash: hash.into(),
        created_at: at(1),
    }
}

fn lines_of(run_id: RunId) -> LogQuery {
    LogQuery {
        org: ORG,
        run_id,
        attempt: None,
        after: None,
        tail: false,
        level: None,
        task: None,
        search: None,
        limit: 9,
    }
}

async fn only_ended_runs_are_deleted_with_all_that_is_theirs(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let (ended, held) = b.running(b.new_run().await, &robot).await;
    log(b, ended, held).await;
    b.told(ended, held, completed(), 5)
        .await
        .expect("completed");
    b.blob("aa", &[1]).await;
    let artifact = artifact(b, ended, "aa");
    b.store
        .put_artifact(artifact.clone())
        .await
        .expect("recorded");
    let (running, _) = b.running(b.new_run().await, &robot).await;
    let (live, held) = b.running(b.new_run().await, &robot).await;
    b.event(live, Event::RunDeadline, 6)
        .await
        .expect("timed out");
    let queued = b.queued().await;
    let all = vec![ended, running, live, queued, b.run_id()];
    assert_eq!(
        b.store
            .delete_runs(ORG, all.clone(), "x", at(9))
            .await
            .expect("deleted"),
        1
    );
    assert_eq!(kind(&b.store.run(ORG, ended).await), "not_found");
    assert!(b.attempts(ended).await.is_empty());
    assert!(
        b.store
            .run_history(ORG, ended)
            .await
            .expect("read")
            .is_empty()
    );
    assert!(
        b.store
            .logs(lines_of(ended))
            .await
            .expect("read")
            .is_empty()
    );
    assert!(
        b.store
            .artifacts(ORG, ended)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(kind(&b.store.artifact(ORG, artifact.id).await), "not_found");
    b.told(live, held, completed(), 10).await.expect("gone");
    assert_eq!(
        b.store
            .delete_runs(ORG, all, "x", at(11))
            .await
            .expect("deleted"),
        1
    );
    let page = b
        .store
        .runs(RunFilter::default(), PageRequest::first(ORG, 9))
        .await;
    let left: Vec<_> = page.expect("read").items.iter().map(|r| r.id).collect();
    assert_eq!(left, [queued, running]);
}

async fn a_deleted_run_frees_its_key(b: &Bench) {
    let mut new = b.new_run().await;
    new.idempotency_key = Some("k".into());
    let first = b.create(new.clone()).await;
    b.event(first, Event::Cancel, 1).await.expect("cancelled");
    b.store
        .delete_runs(ORG, vec![first], "x", at(2))
        .await
        .expect("deleted");
    new.id = b.run_id();
    let again = b
        .store
        .create_runs(vec![new.clone()], "x", at(3))
        .await
        .remove(0)
        .expect("made");
    assert_eq!((again.run_id, again.existing), (new.id, false));
}

/// Prunes until there is nothing more to do.
async fn prune(b: &Bench, retention: Retention, second: i64) -> Pruned {
    let mut all = Pruned::default();
    for _ in 0..100 {
        let step = b.store.prune(retention, at(second)).await.expect("pruned");
        all.runs += step.runs;
        all.lines += step.lines;
        all.events += step.events;
        all.blobs += step.blobs;
        all.specs += step.specs;
        if !step.more {
            return all;
        }
    }
    panic!("pruning does not end");
}

fn event(second: i64) -> ResourceEvent {
    ResourceEvent {
        seq: 0,
        org: ORG,
        at: at(second),
        kind: "queue.paused".into(),
        subject: "q".into(),
        actor: "x".into(),
        detail: serde_json::Value::Null,
    }
}

async fn pruning_keeps_what_it_must(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let mut ended = Vec::new();
    for end in [10, 5 * DAY, 9 * DAY] {
        let (id, held) = b.running(b.new_run().await, &robot).await;
        log(b, id, held).await;
        b.told(id, held, failed(), end).await.expect("failed");
        ended.push((id, held));
    }
    let (live, held) = b.running(b.new_run().await, &robot).await;
    log(b, live, held).await;
    b.event(live, Event::RunDeadline, 10)
        .await
        .expect("timed out, not gone");
    let waiting = b.queued().await;
    b.store
        .append_events(vec![event(0), event(9 * DAY)])
        .await
        .expect("appended");

    let retention = WEEK;
    let pruned = prune(b, retention, 10 * DAY).await;
    assert_eq!((pruned.runs, pruned.events), (1, 1));
    assert_eq!(kind(&b.store.run(ORG, ended[0].0).await), "not_found");
    assert!(
        b.store
            .run_history(ORG, ended[0].0)
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(b.state(waiting).await, State::Queued);
    assert_eq!(b.state(live).await, State::TimedOut);
    assert!(
        b.store
            .logs(lines_of(ended[1].0))
            .await
            .expect("read")
            .is_empty(),
        "old lines"
    );
    assert_eq!(
        b.store.log_span(ORG, ended[1].0).await.expect("read"),
        [(1, 2)]
    );
    assert_eq!(
        b.store
            .logs(lines_of(ended[2].0))
            .await
            .expect("read")
            .len(),
        2
    );
    only_the_newest_event_is_left(b).await;
    assert_eq!(
        b.store.verify().await.expect("verified").breaches,
        [],
        "pruned prefixes are fine"
    );

    b.told(live, held, failed(), 10 * DAY).await.expect("gone");
    assert_eq!(
        prune(b, retention, 10 * DAY + 1).await.runs,
        1,
        "once it is gone, it is prunable"
    );
    let counts = b.store.state_counts(ORG).await.expect("read");
    assert!(counts.contains(&(State::Failed, 2)) && counts.contains(&(State::TimedOut, 0)));
}

async fn only_the_newest_event_is_left(b: &Bench) {
    let left = b.store.events_after(None, 0, 9).await.expect("read");
    assert_eq!((left.len(), left[0].at), (1, at(9 * DAY)));
    assert_eq!(
        b.store.events_span().await.expect("read"),
        (left[0].seq, left[0].seq)
    );
}

async fn pruning_nothing_keeps_everything(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    log(b, id, held).await;
    b.told(id, held, completed(), 5).await.expect("completed");
    b.store
        .append_events(vec![event(0)])
        .await
        .expect("appended");
    let for_ever = Retention {
        runs_days: None,
        logs_days: None,
        events_days: None,
    };
    assert_eq!(prune(b, for_ever, 10_000 * DAY).await, Pruned::default());
    assert_eq!(
        prune(b, Retention::default(), 20 * DAY).await,
        Pruned::default()
    );
    assert_eq!(b.store.logs(lines_of(id)).await.expect("read").len(), 2);
}

async fn a_blob_that_nothing_names_is_pruned_after_a_day(b: &Bench) {
    for hash in ["package", "file", "orphan"] {
        b.blob(hash, &[1]).await;
    }
    let mut deploy = b.deploy_of("f", "d").await;
    deploy.package = Some("package".into());
    b.deploy(deploy).await;
    let run_id = b.queued().await;
    let artifact = artifact(b, run_id, "file");
    b.store.put_artifact(artifact).await.expect("recorded");
    assert_eq!(
        prune(b, Retention::default(), DAY / 2).await.blobs,
        0,
        "a deploy may still come"
    );
    assert_eq!(prune(b, Retention::default(), 2 * DAY).await.blobs, 1);
    assert_eq!(kind(&b.store.blob("orphan").await), "not_found");
    assert_eq!(kind(&b.store.blob_chunk("orphan", 0).await), "not_found");
    for hash in ["package", "file"] {
        assert_eq!(b.store.blob(hash).await.expect("kept"), (1, 1));
    }
    b.event(run_id, Event::Cancel, 5).await.expect("cancelled");
    b.store
        .delete_runs(ORG, vec![run_id], "x", at(6))
        .await
        .expect("deleted");
    assert_eq!(
        prune(b, Retention::default(), 2 * DAY).await.blobs,
        1,
        "with its last artifact"
    );
}

async fn samples_are_pruned_by_their_grain(b: &Bench) {
    let sample = |second| Sample {
        org: ORG,
        metric: "m".into(),
        subject: String::new(),
        at: at(second),
        value: 1.0,
    };
    b.store
        .put_samples(vec![sample(0), sample(10 * DAY)])
        .await
        .expect("stored");
    prune(b, Retention::default(), 10 * DAY + 5).await;
    let mut left = Vec::new();
    for grain in Grain::ALL {
        let found = b
            .store
            .samples(ORG, "m", None, grain, at(-DAY), at(20 * DAY))
            .await;
        left.push(found.expect("read").len());
    }
    assert_eq!(left, [1, 1, 2]);
}

async fn figures_outlive_their_runs_by_a_year_and_not_for_ever(b: &Bench) {
    let left = async || {
        let query = OutcomeQuery {
            org: ORG,
            from: at(-DAY),
            until: at(DAY),
            step_seconds: 0,
            by: None,
            flow_id: None,
            deployment_id: None,
            robot_id: None,
        };
        b.store.outcomes(query).await.expect("read").len()
    };
    let id = b.queued().await;
    b.event(id, Event::Cancel, 5).await.expect("cancelled");
    let kept = |days| Retention {
        runs_days: days,
        ..Retention::default()
    };
    assert_eq!(prune(b, kept(Some(90)), 399 * DAY).await.runs, 1);
    assert_eq!(left().await, 1, "a year can be compared with the last one");
    prune(b, kept(Some(1_000)), 401 * DAY).await;
    prune(b, kept(None), 9_000 * DAY).await;
    assert_eq!(left().await, 1, "as long as runs are kept");
    prune(b, kept(Some(90)), 401 * DAY).await;
    assert_eq!(left().await, 0);
}

async fn what_runs_needed_goes_with_the_last_of_them_and_comes_back_with_the_next(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let tagged = async |n: u32| {
        let mut new = b.new_run().await;
        new.spec.needs.tags.insert(format!("invoice-{n}"));
        new
    };
    let mut runs = Vec::new();
    for n in 0..400 {
        runs.push(tagged(n).await);
    }
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    for created in b.store.create_runs(runs, "x", at(0)).await {
        created.expect("created");
    }
    let held = b.assign(ids[0], &robot).await;
    for id in &ids[2..] {
        b.event(*id, Event::Cancel, 1).await.expect("cancelled");
    }
    let deleted = b.store.delete_runs(ORG, ids.clone(), "x", at(2)).await;
    assert_eq!(deleted.expect("deleted"), 398);
    let gone = prune(b, Retention::default(), 3).await.specs;
    assert!(
        gone == 0 || gone > 700,
        "all of them, where a store has such rows: {gone}"
    );
    // One runs, one waits: both still know what they need.
    b.told(ids[0], held, Event::Start, 3)
        .await
        .expect("started");
    b.told(ids[0], held, completed(), 4)
        .await
        .expect("completed");
    assert!(b.run(ids[1]).await.spec.needs.tags.contains("invoice-1"));
    for n in [1, 7, 399] {
        let again = b.create(tagged(n).await).await;
        let tag = format!("invoice-{n}");
        assert!(b.run(again).await.spec.needs.tags.contains(&tag));
        let held = b.assign(again, &robot).await;
        b.told(again, held, Event::Start, 5).await.expect("started");
        b.told(again, held, completed(), 6)
            .await
            .expect("completed");
    }
    assert_eq!(prune(b, Retention::default(), 7).await.runs, 0);
}

async fn verify_counts_what_it_looked_at(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let (id, held) = b.running(b.new_run().await, &robot).await;
    log(b, id, held).await;
    b.told(id, held, completed(), 5).await.expect("completed");
    b.queued().await;
    let found = b.store.verify().await.expect("verified");
    assert_eq!((found.runs, found.attempts, found.lines), (2, 1, 2));
    assert_eq!(found.transitions, 7);
    assert_eq!(found.breaches, []);
}

async fn commits_are_told_to_hooks(b: &Bench) {
    let notes: Arc<Mutex<Vec<CommitNote>>> = Arc::default();
    let heard = Arc::clone(&notes);
    b.store.on_commit(Arc::new(move |note| {
        heard
            .lock()
            .expect("no panic while it is held")
            .push(note.clone());
    }));
    let told = || {
        let mut all = CommitNote::default();
        let taken = std::mem::take(&mut *notes.lock().expect("no panic while it is held"));
        taken.into_iter().for_each(|note| all.merge(note));
        all
    };
    let robot = b.robot("r", 1).await;
    let new = b.new_run().await;
    told();
    let id = b.create(new).await;
    let (_, last) = b.store.run_events_span().await.expect("read");
    let note = told();
    assert!(note.queued);
    assert_eq!(note.run_events_up_to, last);
    let held = b.assign(id, &robot).await;
    assert_eq!(told().run_events_up_to, last + 1);
    log(b, id, held).await;
    assert_eq!(told().logs, [id]);
    let end = b
        .store
        .append_events(vec![event(0)])
        .await
        .expect("appended");
    assert_eq!(told().events_up_to, end);
    b.told(id, held, Event::Start, 2).await.expect("started");
    assert_eq!(told().run_events_up_to, last + 2);
    b.told(id, held, completed(), 3).await.expect("completed");
    assert!(told().queued, "a slot is free again");
    let mut later = b.new_run().await;
    later.due_at = at(500);
    told();
    b.create(later).await;
    let note = told();
    assert!(note.due_changed && !note.queued);
    let stale = Claim {
        fence: Fence(9),
        ..held
    };
    let refused = b.told(id, stale, Event::Start, 9).await;
    assert_eq!(kind(&refused), "stale_fence");
    assert!(told().is_empty(), "nothing changed");
}

async fn a_closed_store_answers_unavailable(b: &Bench) {
    let id = b.queued().await;
    let new = b.new_run().await;
    b.store.close().await;
    b.store.close().await;
    assert_eq!(kind(&b.store.run(ORG, id).await), "unavailable");
    let answers = b
        .store
        .create_runs(vec![new.clone(), new], "x", at(0))
        .await;
    let kinds: Vec<_> = answers.iter().map(kind).collect();
    assert_eq!(kinds, ["unavailable", "unavailable"]);
    assert_eq!(kind(&b.event(id, Event::Cancel, 1).await), "unavailable");
    assert_eq!(kind(&b.store.queues(None).await), "unavailable");
}
