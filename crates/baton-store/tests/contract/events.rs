//! Events of everything that is not a run, and what is recorded beside runs.

use baton_core::id::{Fence, OrgId};
use baton_core::state::Event;
use baton_store::PageRequest;
use baton_store::logs::{EventFilter, MAX_REFUSALS, MESSAGE_REFUSED, Refusal, ResourceEvent};
use baton_store::runs::Claim;
use serde_json::json;

use crate::harness::*;

for_each_store! {
    events_are_one_line_that_readers_resume,
    events_are_listed_newest_first_by_whom_what_and_when,
    refused_messages_are_recorded_beside_their_run_which_stays_as_it_is,
    a_robot_gone_mad_fills_no_table,
}

async fn events_are_one_line_that_readers_resume(b: &Bench) {
    assert_eq!(b.store.events_span().await.expect("read"), (0, 0));
    let event = |org, kind: &str| ResourceEvent {
        seq: 999,
        org,
        at: at(4),
        kind: kind.into(),
        subject: "some-id".into(),
        actor: "someone".into(),
        detail: json!({"before": 1, "after": {"x": [true]}}),
    };
    let first = vec![
        event(ORG, "queue.paused"),
        event(OrgId(2), "robot.connected"),
    ];
    let last = b.store.append_events(first).await.expect("appended");
    let end = b
        .store
        .append_events(vec![event(ORG, "queue.resumed")])
        .await
        .expect("appended");
    assert!(end > last);
    assert_eq!(
        b.store.append_events(vec![]).await.expect("nothing to do"),
        end
    );
    let all = b.store.events_after(None, 0, 9).await.expect("read");
    assert_eq!(
        all[0],
        ResourceEvent {
            seq: all[0].seq,
            ..event(ORG, "queue.paused")
        }
    );
    assert_eq!((all.len(), all[1].seq, all[2].seq), (3, last, end));
    assert_eq!(
        b.store.events_span().await.expect("read"),
        (all[0].seq, end)
    );
    let mine = b.store.events_after(Some(ORG), 0, 9).await.expect("read");
    assert_eq!(mine, [all[0].clone(), all[2].clone()]);
    assert_eq!(
        b.store.events_after(None, last, 9).await.expect("read"),
        all[2..]
    );
    assert_eq!(
        b.store.events_after(None, 0, 1).await.expect("read"),
        all[..1]
    );
}

/// Five events of three things by two people, and one of another org.
async fn six_events(b: &Bench) {
    let event = |n: i64, kind: &str, subject: &str, actor: &str| ResourceEvent {
        seq: 0,
        org: ORG,
        at: at(n),
        kind: kind.into(),
        subject: subject.into(),
        actor: actor.into(),
        detail: json!({ "n": n }),
    };
    let mut events = vec![
        event(1, "queue.paused", "q1", "anna"),
        event(2, "queues.merged", "q1", "anna"),
        event(3, "queue.resumed", "q1", "ben"),
        event(4, "key.created", "k1", "anna"),
        event(5, "queue.paused", "q2", "ben"),
    ];
    events.push(ResourceEvent {
        org: OrgId(2),
        ..event(6, "queue.paused", "q1", "anna")
    });
    b.store.append_events(events).await.expect("appended");
}

/// The numbers of all events that a filter admits, read in pages of this length.
async fn listed(b: &Bench, filter: &EventFilter, limit: u32) -> Vec<i64> {
    let mut request = PageRequest::first(ORG, limit);
    let mut found = Vec::new();
    loop {
        let page = b.store.events(filter.clone(), request.clone()).await;
        let page = page.expect("listed");
        assert!(page.items.len() <= limit as usize);
        let numbers = page.items.iter().filter_map(|e| e.detail["n"].as_i64());
        found.extend(numbers);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return found,
        }
    }
}

async fn events_are_listed_newest_first_by_whom_what_and_when(b: &Bench) {
    six_events(b).await;
    let kinds = |list: &[&str]| EventFilter {
        kinds: list.iter().map(|k| (*k).to_owned()).collect(),
        ..EventFilter::default()
    };
    let about = |subject: &str, kinds: EventFilter| EventFilter {
        subject: Some(subject.to_owned()),
        ..kinds
    };
    let by_ben = EventFilter {
        actor: Some("ben".to_owned()),
        ..kinds(&[])
    };
    let between = |from: i64, until: i64| EventFilter {
        from: Some(at(from)),
        until: Some(at(until)),
        ..kinds(&[])
    };
    for (filter, expected) in [
        (kinds(&[]), vec![5, 4, 3, 2, 1]),
        (kinds(&["queue"]), vec![5, 3, 1]),
        (kinds(&["queue.paused", "key"]), vec![5, 4, 1]),
        (about("q1", kinds(&[])), vec![3, 2, 1]),
        (about("q1", kinds(&["queue"])), vec![3, 1]),
        (about("nothing", kinds(&[])), vec![]),
        (by_ben, vec![5, 3]),
        (between(2, 4), vec![3, 2]),
        (between(9_998, 9_999), vec![]),
    ] {
        for limit in [1, 2, 100] {
            assert_eq!(listed(b, &filter, limit).await, expected, "{filter:?}");
        }
    }
    let mut request = PageRequest::first(ORG, 9);
    request.after = Some("nonsense".into());
    let none = b.store.events(EventFilter::default(), request).await;
    assert_eq!(kind(&none), "bad_cursor");
}

fn refusal(run_id: baton_core::id::RunId, attempt: u32) -> Refusal {
    Refusal {
        org: ORG,
        run_id,
        claim: Claim {
            attempt,
            fence: Fence(7),
            robot_id: None,
        },
        actor: "bot-7".into(),
        what: "job_result".into(),
        why: "the fence is stale".into(),
        at: at(9),
    }
}

async fn refused_messages_are_recorded_beside_their_run_which_stays_as_it_is(b: &Bench) {
    let run = b.queued().await;
    let (before, history) = (
        b.run(run).await,
        b.store.run_history(ORG, run).await.expect("read"),
    );
    let nobodys = refusal(b.run_id(), 1);
    let elsewhere = Refusal {
        org: OrgId(2),
        ..refusal(run, 1)
    };
    let recorded = b
        .store
        .record_refusals(vec![nobodys, elsewhere, refusal(run, 3)]);
    assert_eq!(recorded.await.expect("recorded"), 1);
    assert_eq!(
        (
            b.run(run).await,
            b.store.run_history(ORG, run).await.expect("read")
        ),
        (before, history)
    );
    let found = b.store.events_after(None, 0, 9).await.expect("read");
    let [event] = &found[..] else {
        panic!("one is recorded: {found:?}");
    };
    assert_eq!(
        (event.kind.as_str(), event.actor.as_str()),
        (MESSAGE_REFUSED, "bot-7")
    );
    assert_eq!((event.subject.clone(), event.at), (run.to_string(), at(9)));
    let detail = json!({
        "attempt": 1, "fence": 0, "message": "job_result", "reason": "the fence is stale",
        "claim": {"attempt": 3, "fence": 7, "robot_id": null}, "last_recorded": false,
    });
    assert_eq!(event.detail, detail);
}

async fn a_robot_gone_mad_fills_no_table(b: &Bench) {
    let run = b.queued().await;
    for n in 0..5 {
        let many = (0..30).map(|i| refusal(run, n * 30 + i)).collect();
        b.store.record_refusals(many).await.expect("recorded");
    }
    let found = b.store.events_after(None, 0, 999).await.expect("read");
    assert_eq!(found.len(), MAX_REFUSALS);
    let last = |e: &ResourceEvent| e.detail["last_recorded"] == true;
    assert!(last(&found[MAX_REFUSALS - 1]) && !last(&found[MAX_REFUSALS - 2]));
    // The next attempt has room of its own.
    b.event(run, Event::Cancel, 1).await.expect("cancelled");
    b.event(run, Event::Retry, 2).await.expect("retried");
    assert_eq!(b.run(run).await.attempt, 2);
    let again = b.store.record_refusals(vec![refusal(run, 1)]);
    assert_eq!(again.await.expect("recorded"), 1);
}
