//! Lists, pages and counts of runs show what is there, all of it and once.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::id::{OrgId, RunId, ScheduleId};
use baton_core::queue::QueueSettings;
use baton_core::run::{Priority, Run, Trigger};
use baton_core::state::{Event, State};
use baton_store::PageRequest;
use baton_store::runs::RunFilter;

use crate::harness::{Bench, ORG, at, completed, for_each_store, kind};

for_each_store!(
    every_filter_shows_exactly_its_runs_on_pages_of_any_size,
    a_cursor_that_is_none_is_refused,
    a_page_is_bounded,
    the_newest_of_a_name_is_found,
    counts_of_states_equal_a_recount,
    a_rank_counts_the_runs_ahead,
    depths_of_queues_count_what_waits,
    history_is_one_line_that_readers_resume,
    another_org_sees_nothing,
);

/// What run `n` is told.
fn parameters(n: i64) -> serde_json::Map<String, serde_json::Value> {
    let mut all = serde_json::Map::new();
    all.insert("order".into(), format!("PO-{n}").into());
    all.insert("number".into(), n.into());
    if n % 2 == 1 {
        all.insert("odd".into(), serde_json::Value::Null);
    }
    all
}

/// Forty runs that differ in all that a filter may ask.
async fn populate(b: &Bench) -> (Vec<Run>, ScheduleId) {
    let robot = b.robot("r", 99).await;
    let other_queue = b.queue("other", QueueSettings::default()).await;
    let deployed = b.deployed("invoices", "default").await;
    let schedule_id = ScheduleId(b.uuid());
    let mut runs = Vec::new();
    for n in 0..40_i64 {
        let mut new = match n % 4 {
            0 => b.run_of(&deployed).await,
            1 => b.run_in(other_queue).await,
            _ => b.new_run().await,
        };
        new.due_at = at(n - 20);
        new.spec.needs.priority = Priority::ALL[usize::try_from(n % 3).expect("small")];
        let tags = ["red", "green"]
            .iter()
            .take(usize::try_from(n % 3).expect("small"));
        new.spec.parameters = parameters(n);
        let deployed = new.spec.needs.deployment_id.is_some();
        new.spec.deployment_name = deployed.then(|| "default".into());
        new.spec.needs.tags = tags.map(|t| (*t).into()).collect();
        if n % 5 == 0 {
            new.spec.trigger = Trigger::Schedule {
                schedule_id,
                slot: at(n),
                after_running: false,
            };
        }
        let id = new.id;
        let answers = b.store.create_runs(vec![new], "test", at(n)).await;
        assert!(answers[0].is_ok());
        if n % 7 == 0 && b.state(id).await == State::Queued && n % 4 != 1 {
            let held = b.assign(id, &robot).await;
            if n % 2 == 0 {
                b.told(id, held, Event::Start, n).await.expect("started");
                b.told(id, held, completed(), n).await.expect("completed");
            }
        } else if n % 6 == 0 {
            b.event(id, Event::Cancel, n).await.expect("cancelled");
        }
        runs.push(id);
    }
    let mut all = Vec::new();
    for id in runs {
        all.push(b.run(id).await);
    }
    (all, schedule_id)
}

/// A filter, and the runs that it must show.
struct Case {
    what: &'static str,
    filter: RunFilter,
    fits: Box<dyn Fn(&Run) -> bool>,
}

fn case(
    what: &'static str,
    set: impl FnOnce(&mut RunFilter),
    fits: impl Fn(&Run) -> bool + 'static,
) -> Case {
    let mut filter = RunFilter::default();
    set(&mut filter);
    let fits = Box::new(fits);
    Case { what, filter, fits }
}

fn waits(run: &Run) -> bool {
    matches!(
        run.state,
        State::Pending | State::Queued | State::Dispatched
    )
}

fn unattended(run: &Run) -> bool {
    run.spec.needs.deployment_id.is_some()
}

fn tagged(run: &Run, tag: &str) -> bool {
    run.spec.needs.tags.contains(tag)
}

/// Filters by where runs stand and what they belong to.
fn cases_of_place(all: &[Run], schedule_id: ScheduleId) -> Vec<Case> {
    let flow = all[0].spec.needs.flow_id;
    let deployment = all[0].spec.needs.deployment_id;
    let queue = all[1].spec.needs.queue_id;
    let robot = all.iter().find_map(|r| r.robot_id);
    let two = [State::Queued, State::Completed];
    vec![
        case("all", |_| {}, |_| true),
        case(
            "states",
            |f| f.states = two.to_vec(),
            move |r| two.contains(&r.state),
        ),
        case(
            "one state",
            |f| f.states = vec![State::Cancelled],
            |r| r.state == State::Cancelled,
        ),
        case(
            "flow",
            |f| f.flow_id = Some(flow),
            move |r| r.spec.needs.flow_id == flow,
        ),
        case("deployment", |f| f.deployment_id = deployment, unattended),
        case(
            "schedule",
            |f| f.schedule_id = Some(schedule_id),
            |r| matches!(r.spec.trigger, Trigger::Schedule { .. }),
        ),
        case(
            "queue",
            |f| f.queue_id = Some(queue),
            move |r| r.spec.needs.queue_id == queue,
        ),
        case("robot", |f| f.robot_id = robot, |r| r.robot_id.is_some()),
        case("unattended", |f| f.unattended = Some(true), unattended),
        case("manual", |f| f.unattended = Some(false), |r| !unattended(r)),
    ]
}

/// Filters by what runs are called, how much they matter, and when.
fn cases_of_words(all: &[Run]) -> Vec<Case> {
    let name = all[3].name[..3].to_ascii_uppercase();
    let id = all[5].id.to_string()[..14].to_owned();
    let ids = [all[7].id, all[1].id, all[4].id];
    let state = all[4].state;
    let begins = |start: &str| {
        let start = start.to_ascii_lowercase();
        move |r: &Run| r.name.starts_with(&start) || r.id.to_string().starts_with(&start)
    };
    vec![
        case(
            "tag",
            |f| f.tag = Some("green".into()),
            |r| tagged(r, "green"),
        ),
        case(
            "priorities",
            |f| f.priorities = vec![0, 2],
            |r| r.spec.needs.priority != Priority::Normal,
        ),
        case(
            "late",
            |f| f.late_at = Some(at(-3)),
            |r| waits(r) && r.due_at < at(-3),
        ),
        case(
            "prefix of a name",
            |f| f.prefix = Some(name.clone()),
            begins(&name),
        ),
        case(
            "prefix of an id",
            |f| f.prefix = Some(id.clone()),
            begins(&id),
        ),
        case(
            "ids",
            |f| f.ids = ids.to_vec(),
            move |r| ids.contains(&r.id),
        ),
        case(
            "ids of which some are in other states",
            |f| {
                f.ids = ids.to_vec();
                f.states = vec![state];
            },
            move |r| ids.contains(&r.id) && r.state == state,
        ),
        case(WILDCARDS, |f| f.prefix = Some("%_".into()), |_| false),
        case(
            "created after",
            |f| f.created_after = Some(at(10)),
            |r| r.created_at >= at(10),
        ),
        case(
            "created before",
            |f| f.created_before = Some(at(10)),
            |r| r.created_at < at(10),
        ),
        case(
            "several",
            |f| {
                f.states = vec![State::Queued];
                f.tag = Some("red".into());
                f.unattended = Some(false);
                f.late_at = Some(at(0));
            },
            |r| r.state == State::Queued && tagged(r, "red") && !unattended(r) && r.due_at < at(0),
        ),
    ]
}

/// Filters by when runs ended.
fn cases_of_ends() -> Vec<Case> {
    vec![
        case(
            "ended after",
            |f| f.ended_after = Some(at(14)),
            |r| r.ended_at.is_some_and(|ended| ended >= at(14)),
        ),
        case(
            "ended before",
            |f| f.ended_before = Some(at(20)),
            |r| r.ended_at.is_some_and(|ended| ended < at(20)),
        ),
        case(
            "ended between, with a tag",
            |f| {
                f.ended_after = Some(at(3));
                f.ended_before = Some(at(30));
                f.tag = Some("red".into());
            },
            |r| tagged(r, "red") && r.ended_at.is_some_and(|e| e >= at(3) && e < at(30)),
        ),
    ]
}

/// Filters that look at what runs say.
fn cases_of_text(all: &[Run]) -> Vec<Case> {
    let name = all[3].name[1..].to_ascii_uppercase();
    let named = all[3].name[1..].to_owned();
    let robot = all
        .iter()
        .find_map(|r| r.robot_id)
        .expect("one was assigned");
    let on = move |r: &Run| r.robot_id == Some(robot);
    vec![
        case(
            "parameter",
            |f| f.text.parameter = Some(("order".into(), Some("PO-3".into()))),
            |r| r.spec.parameters["order"] == "PO-3",
        ),
        case(
            "parameter that is no text",
            |f| f.text.parameter = Some(("number".into(), Some("12".into()))),
            |r| r.spec.parameters["number"] == 12,
        ),
        case(
            "any value of a parameter",
            |f| f.text.parameter = Some(("odd".into(), None)),
            |r| r.spec.parameters.contains_key("odd"),
        ),
        case(
            "text of a parameter",
            |f| f.text.search = Some("po-3".into()),
            |r| {
                r.spec.parameters["order"]
                    .as_str()
                    .is_some_and(|o| o.starts_with("PO-3"))
            },
        ),
        case(
            "text in a tag",
            |f| f.text.search = Some("REE".into()),
            |r| tagged(r, "green"),
        ),
        case(
            "text in a name",
            |f| f.text.search = Some(name.clone()),
            move |r| r.name.contains(&named),
        ),
        case(
            "text of a deployment",
            |f| f.text.search = Some("mo/def".into()),
            unattended,
        ),
        case(
            "text of a label's computer",
            |f| {
                f.text.search = Some("mo-rpa-newy".into());
                f.text.computers = [(robot, "rpa-newyork".into())].into();
            },
            move |r| on(r) && unattended(r),
        ),
    ]
}

/// The one case that shows nothing.
const WILDCARDS: &str = "a prefix of signs that databases take for wildcards";

async fn every_filter_shows_exactly_its_runs_on_pages_of_any_size(b: &Bench) {
    let (all, schedule_id) = populate(b).await;
    let mut cases = cases_of_place(&all, schedule_id);
    cases.extend(cases_of_words(&all));
    cases.extend(cases_of_ends());
    cases.extend(cases_of_text(&all));
    for Case { what, filter, fits } in cases {
        let mut expected: Vec<&Run> = all.iter().filter(|r| fits(r)).collect();
        let vacuous = expected.is_empty() && what != WILDCARDS;
        assert!(!vacuous, "{what}: the test shows nothing");
        for ascending in [true, false] {
            for limit in [1, 3, 7, 100] {
                let filter = RunFilter {
                    ascending,
                    ..filter.clone()
                };
                let found = pages(b, &filter, limit).await;
                assert_eq!(
                    found.iter().collect::<Vec<_>>(),
                    expected,
                    "{what}, {ascending}, {limit}"
                );
            }
            expected.reverse();
        }
    }
}

/// All runs of a filter, page by page.
async fn pages(b: &Bench, filter: &RunFilter, limit: u32) -> Vec<Run> {
    let mut request = PageRequest::first(ORG, limit);
    let mut found = Vec::new();
    loop {
        let page = b
            .store
            .runs(filter.clone(), request.clone())
            .await
            .expect("listed");
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items);
        if page.next.is_none() {
            return found;
        }
        assert!(found.len() <= 1_000, "the pages do not end");
        request.after = page.next;
    }
}

async fn a_cursor_that_is_none_is_refused(b: &Bench) {
    b.queued().await;
    for after in ["", "x", "\u{0}", "null"] {
        let request = PageRequest {
            org: ORG,
            limit: 5,
            after: Some(after.into()),
        };
        let answer = b.store.runs(RunFilter::default(), request).await;
        assert_eq!(kind(&answer), "bad_cursor", "{after:?}");
    }
}

async fn a_page_is_bounded(b: &Bench) {
    for _ in 0..3 {
        b.queued().await;
    }
    for (limit, found) in [(0, 1), (2, 2), (u32::MAX, 3)] {
        let page = b
            .store
            .runs(RunFilter::default(), PageRequest::first(ORG, limit))
            .await;
        assert_eq!(page.expect("listed").items.len(), found);
    }
}

async fn the_newest_of_a_name_is_found(b: &Bench) {
    let mut last = None;
    for _ in 0..3 {
        let mut new = b.new_run().await;
        new.name = "brisk-otter-0000".into();
        last = Some(b.create(new).await);
    }
    let found = b
        .store
        .run_by_name(ORG, "brisk-otter-0000")
        .await
        .expect("found");
    assert_eq!(Some(found.id), last);
    assert_eq!(
        kind(&b.store.run_by_name(ORG, "brisk-otter").await),
        "not_found"
    );
}

async fn counts_of_states_equal_a_recount(b: &Bench) {
    let (all, _) = populate(b).await;
    let mut recount: BTreeMap<State, u64> = State::ALL.into_iter().map(|s| (s, 0)).collect();
    for run in &all {
        *recount.entry(run.state).or_default() += 1;
    }
    let counts = b.store.state_counts(ORG).await.expect("read");
    assert_eq!(counts, recount.clone().into_iter().collect::<Vec<_>>());
    let ended = all
        .iter()
        .filter(|r| r.state == State::Cancelled)
        .map(|r| r.id)
        .collect();
    let deleted = b
        .store
        .delete_runs(ORG, ended, "test", at(99))
        .await
        .expect("deleted");
    assert_eq!(
        Some(u64::from(deleted)),
        recount.insert(State::Cancelled, 0)
    );
    let counts = b.store.state_counts(ORG).await.expect("read");
    assert_eq!(counts, recount.into_iter().collect::<Vec<_>>());
}

async fn a_rank_counts_the_runs_ahead(b: &Bench) {
    let other = b.queue("other", QueueSettings::default()).await;
    let asks = [
        (Priority::Normal, -10),
        (Priority::High, -1),
        (Priority::Normal, -20),
        (Priority::Low, -99),
        (Priority::Normal, -10),
    ];
    let mut ids = Vec::new();
    for (priority, due) in asks {
        let mut new = b.new_run().await;
        new.due_at = at(due);
        new.spec.needs.priority = priority;
        ids.push(b.create(new).await);
        b.create(b.run_in(other).await).await;
    }
    let rank = |id, cap| b.store.queue_rank(ORG, id, cap);
    for (id, expected) in ids.iter().zip([2, 0, 1, 4, 3]) {
        assert_eq!(rank(*id, 100).await.expect("read"), expected);
    }
    assert_eq!(rank(ids[3], 2).await.expect("read"), 2, "counting stops");
    b.event(ids[1], Event::Cancel, 1).await.expect("cancelled");
    assert_eq!(rank(ids[1], 100).await.expect("read"), 0);
    assert_eq!(rank(ids[3], 100).await.expect("read"), 3);
    assert_eq!(kind(&rank(b.run_id(), 9).await), "not_found");
}

async fn depths_of_queues_count_what_waits(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let empty = b.queue("empty", QueueSettings::default()).await;
    let default = b.default_queue().await;
    let mut ids = Vec::new();
    for due in [-5, -9, -7, 50] {
        let mut new = b.new_run().await;
        new.due_at = at(due);
        ids.push(b.create(new).await);
    }
    b.assign(ids[1], &robot).await;
    let depths = b.store.queue_depths(Some(ORG)).await.expect("read");
    let found: BTreeMap<_, _> = depths
        .iter()
        .map(|(_, id, n, due)| (*id, (*n, *due)))
        .collect();
    assert_eq!(
        found,
        BTreeMap::from([(default, (2, Some(at(-7)))), (empty, (0, None))])
    );
    assert!(depths.is_sorted(), "by org and id");
    assert_eq!(b.store.queue_depths(None).await.expect("read"), depths);
}

async fn history_is_one_line_that_readers_resume(b: &Bench) {
    assert_eq!(b.store.run_events_span().await.expect("read"), (0, 0));
    let ids = [b.queued().await, b.queued().await];
    b.event(ids[0], Event::Cancel, 5).await.expect("cancelled");
    let all = b.store.run_events_after(None, 0, 100).await.expect("read");
    let steps: Vec<_> = all.iter().map(|e| (e.run_id, e.to)).collect();
    let expected = [
        (ids[0], State::Pending),
        (ids[0], State::Queued),
        (ids[1], State::Pending),
        (ids[1], State::Queued),
        (ids[0], State::Cancelled),
    ];
    assert_eq!(steps, expected);
    assert!(all.is_sorted_by(|a, b| a.seq < b.seq));
    let span = b.store.run_events_span().await.expect("read");
    assert_eq!(span, (all[0].seq, all[4].seq));
    let mut read = Vec::new();
    let mut after = 0;
    loop {
        let part = b
            .store
            .run_events_after(Some(ORG), after, 2)
            .await
            .expect("read");
        let Some(last) = part.last() else { break };
        after = last.seq;
        read.extend(part);
    }
    assert_eq!(read, all);
    assert!(
        b.store
            .run_events_after(Some(OrgId(2)), 0, 9)
            .await
            .expect("read")
            .is_empty()
    );
    let own = b.store.run_history(ORG, ids[0]).await.expect("read");
    assert_eq!(
        own,
        all.into_iter()
            .filter(|e| e.run_id == ids[0])
            .collect::<Vec<_>>()
    );
}

async fn another_org_sees_nothing(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let (id, _) = b.running(b.new_run().await, &robot).await;
    let other = OrgId(2);
    assert_eq!(kind(&b.store.run(other, id).await), "not_found");
    assert!(b.store.attempts(other, id).await.expect("read").is_empty());
    assert!(
        b.store
            .run_history(other, id)
            .await
            .expect("read")
            .is_empty()
    );
    assert!(
        b.store
            .task_runs(other, id, None)
            .await
            .expect("read")
            .is_empty()
    );
    assert!(b.store.log_span(other, id).await.expect("read").is_empty());
    let page = b
        .store
        .runs(RunFilter::default(), PageRequest::first(other, 9))
        .await;
    assert!(page.expect("read").items.is_empty());
    let counts = b.store.state_counts(other).await.expect("read");
    assert_eq!(counts.iter().map(|(_, n)| n).sum::<u64>(), 0);
    assert_eq!(kind(&b.store.robot(other, robot.id).await), "not_found");
    let unknown: BTreeSet<RunId> = BTreeSet::from([id]);
    let deleted = b
        .store
        .delete_runs(other, unknown.into_iter().collect(), "x", at(9))
        .await;
    assert_eq!(deleted.expect("answered"), 0);
}
