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

async fn events_are_listed_newest_first_by_whom_what_and_when(b: &Bench) {
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
    let listed = async |filter: EventFilter, limit: u32| {
        let mut request = PageRequest::first(ORG, limit);
        let mut found = Vec::new();
        loop {
            let page = b.store.events(filter.clone(), request.clone()).await;
            let page = page.expect("listed");
            assert!(page.items.len() <= limit as usize);
            found.extend(
                page.items
                    .iter()
                    .map(|e| e.detail["n"].as_i64().expect("n")),
            );
            match page.next {
                Some(next) => request.after = Some(next),
                None => return found,
            }
        }
    };
    let all = EventFilter::default();
    assert_eq!(listed(all.clone(), 2).await, [5, 4, 3, 2, 1]);
    let of = |text: &str| Some(text.to_owned());
    let kinds = |list: &[&str]| EventFilter {
        kinds: list.iter().map(|k| (*k).to_owned()).collect(),
        ..EventFilter::default()
    };
    for (filter, expected) in [
        (kinds(&["queue"]), vec![5, 3, 1]),
        (kinds(&["queue.paused", "key"]), vec![5, 4, 1]),
        (
            EventFilter {
                subject: of("q1"),
                ..all.clone()
            },
            vec![3, 2, 1],
        ),
        (
            EventFilter {
                subject: of("q1"),
                ..kinds(&["queue"])
            },
            vec![3, 1],
        ),
        (
            EventFilter {
                actor: of("ben"),
                ..all.clone()
            },
            vec![5, 3],
        ),
        (
            EventFilter {
                from: Some(at(2)),
                until: Some(at(4)),
                ..all.clone()
            },
            vec![3, 2],
        ),
        (
            EventFilter {
                from: Some(at(9_999)),
                ..all.clone()
            },
            vec![],
        ),
        (
            EventFilter {
                subject: of("nothing"),
                ..all.clone()
            },
            vec![],
        ),
    ] {
        for limit in [1, 100] {
            assert_eq!(listed(filter.clone(), limit).await, expected, "{filter:?}");
        }
    }
    let mut request = PageRequest::first(ORG, 9);
    request.after = Some("nonsense".into());
    assert_eq!(kind(&b.store.events(all, request).await), "bad_cursor");
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
