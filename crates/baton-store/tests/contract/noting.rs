//! What is to be noted of a change is committed with it, or neither is.

use std::sync::{Arc, Mutex};

use baton_core::queue::{Queue, QueueSettings};
use baton_core::state::{Event, State};
use baton_store::Result;
use baton_store::logs::ResourceEvent;
use baton_store::noting::{Note, noting};
use baton_store::runs::Stepped;

use crate::harness::{Bench, ORG, START, at, for_each_store, step};

for_each_store!(
    a_change_and_its_note_are_one_commit,
    a_refused_change_leaves_no_note,
    a_batch_is_noted_by_what_was_taken_of_it,
    a_note_is_written_once,
    after_a_close_there_is_neither,
);

fn event(kind: &str) -> ResourceEvent {
    ResourceEvent {
        seq: 0,
        org: ORG,
        at: at(1),
        kind: kind.into(),
        subject: "it".into(),
        actor: "somebody".into(),
        detail: serde_json::Value::Null,
    }
}

fn queue(b: &Bench, name: &str) -> Queue {
    Queue {
        id: baton_core::id::QueueId(b.uuid()),
        org: ORG,
        name: name.into(),
        settings: QueueSettings::default(),
        created_at: at(0),
    }
}

async fn kinds(b: &Bench) -> Vec<String> {
    let events = b.store.events_after(Some(ORG), 0, 1_000).await;
    let events = events.expect("read");
    events.into_iter().map(|e| e.kind).collect()
}

async fn a_change_and_its_note_are_one_commit(b: &Bench) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    b.store.on_commit(Arc::new(move |note| {
        hears.lock().expect("alone").push(note.events_up_to);
    }));
    let before = b.store.counters().commits;
    let create = b.store.create_queue(queue(b, "q"));
    let (made, noted) = noting(event("queue.created").into(), create).await;
    made.expect("made");
    assert!(noted);
    assert_eq!(b.store.counters().commits, before + 1);
    assert_eq!(kinds(b).await, ["queue.created"]);
    assert_eq!(
        heard.lock().expect("alone").len(),
        1,
        "one commit, one word"
    );
    assert!(
        heard.lock().expect("alone")[0] > 0,
        "and it tells of the note"
    );
}

async fn a_refused_change_leaves_no_note(b: &Bench) {
    b.store.create_queue(queue(b, "q")).await.expect("made");
    let again = b.store.create_queue(queue(b, "q"));
    let (refused, noted) = noting(event("queue.created").into(), again).await;
    assert!(refused.is_err() && !noted);
    assert_eq!(kinds(b).await, Vec::<String>::new());
    b.store.create_queue(queue(b, "r")).await.expect("made");
    assert_eq!(kinds(b).await, Vec::<String>::new(), "nor with the next");
}

async fn a_batch_is_noted_by_what_was_taken_of_it(b: &Bench) {
    let (one, gone) = (b.queued().await, b.queued().await);
    b.event(gone, Event::Cancel, 2).await.expect("cancelled");
    let note = || {
        Note::when(|taken: &Vec<Result<Stepped>>| {
            let done = taken.iter().flatten();
            done.map(|s| event(&format!("cancelled.{}", s.run_id)))
                .collect()
        })
    };
    let steps = vec![
        step(one, None, Event::Cancel, 3),
        step(gone, None, Event::Cancel, 3),
    ];
    let (taken, noted) = noting(note(), b.store.step_runs(steps.clone())).await;
    assert!(taken[0].is_ok() && taken[1].is_err() && noted);
    assert_eq!(kinds(b).await, [format!("cancelled.{one}")]);
    let (_, noted) = noting(note(), b.store.step_runs(steps)).await;
    assert!(!noted, "nothing was taken, nothing is noted");
    assert_eq!(kinds(b).await.len(), 1);
    assert_eq!(b.state(one).await, State::Cancelled);
}

async fn a_note_is_written_once(b: &Bench) {
    let two = async {
        b.store.create_queue(queue(b, "q")).await?;
        b.store.create_queue(queue(b, "r")).await
    };
    let (made, noted) = noting(event("queue.created").into(), two).await;
    made.expect("made");
    assert!(noted);
    assert_eq!(kinds(b).await, ["queue.created"]);
    let first = b.store.events_after(Some(ORG), 0, 1).await.expect("read");
    assert_eq!(first[0].at.as_second(), START + 1);
}

async fn after_a_close_there_is_neither(b: &Bench) {
    b.store.close().await;
    let create = b.store.create_queue(queue(b, "q"));
    let (refused, noted) = noting(event("queue.created").into(), create).await;
    assert!(refused.is_err() && !noted);
}
