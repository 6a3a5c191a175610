//! Samples fold into coarser grains; aggregates equal a recount.

use baton_core::durations::{PRECISION, SLOTS};
use baton_core::id::{OrgId, RunId};
use baton_core::robot::Robot;
use baton_core::state::{Event, State};
use baton_store::stats::{Grain, OutcomeBucket, OutcomeQuery, Sample};

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::harness::{Bench, ORG, START, at, completed, failed, for_each_store, result, step};

for_each_store!(
    samples_are_means_in_every_grain,
    samples_are_found_by_subject_and_time,
    outcomes_equal_a_recount,
    outcomes_are_grouped_and_filtered,
    percentiles_lie_near_the_exact_ones,
    odd_execution_times_are_counted_at_the_ends_or_not_at_all,
    a_run_retried_by_hand_is_counted_where_it_ends_next,
    an_end_taken_back_with_nothing_beside_it_leaves_no_period,
    an_outcome_stays_counted_when_its_run_is_deleted,
);

fn sample(second: i64, subject: &str, value: f64) -> Sample {
    Sample {
        org: ORG,
        metric: "queue_depth".into(),
        subject: subject.into(),
        at: at(second),
        value,
    }
}

async fn read(
    b: &Bench,
    subject: Option<&str>,
    grain: Grain,
    from: i64,
    until: i64,
) -> Vec<(i64, String, f64)> {
    let found = b
        .store
        .samples(ORG, "queue_depth", subject, grain, at(from), at(until))
        .await;
    let found = found.expect("read");
    assert!(
        found
            .iter()
            .all(|s| s.metric == "queue_depth" && s.org == ORG)
    );
    found
        .into_iter()
        .map(|s| (s.at.as_second() - START, s.subject, s.value))
        .collect()
}

async fn samples_are_means_in_every_grain(b: &Bench) {
    let values = [
        (0, 4.0),
        (13, 8.0),
        (59, 0.0),
        (60, 6.0),
        (3_599, 2.0),
        (3_600, 10.0),
    ];
    for (second, value) in values {
        b.store
            .put_samples(vec![sample(second, "q", value)])
            .await
            .expect("stored");
    }
    let row = |second, value| (second, "q".to_owned(), value);
    let fine = read(b, None, Grain::TenSeconds, 0, 4_000).await;
    let expected = [
        row(0, 4.0),
        row(10, 8.0),
        row(50, 0.0),
        row(60, 6.0),
        row(3_590, 2.0),
        row(3_600, 10.0),
    ];
    assert_eq!(fine, expected);
    let minutes = read(b, None, Grain::Minute, 0, 4_000).await;
    assert_eq!(
        minutes,
        [row(0, 4.0), row(60, 6.0), row(3_540, 2.0), row(3_600, 10.0)]
    );
    assert_eq!(
        read(b, None, Grain::Hour, 0, 4_000).await,
        [row(0, 4.0), row(3_600, 10.0)]
    );
}

async fn samples_are_found_by_subject_and_time(b: &Bench) {
    let all = vec![
        sample(0, "b", 1.0),
        sample(0, "a", 2.0),
        sample(10, "a", 3.0),
        sample(20, "", 4.0),
    ];
    b.store.put_samples(all).await.expect("stored");
    let other = Sample {
        metric: "throughput".into(),
        ..sample(0, "a", 9.0)
    };
    let foreign = Sample {
        org: OrgId(2),
        ..sample(0, "a", 9.0)
    };
    b.store
        .put_samples(vec![other, foreign])
        .await
        .expect("stored");
    let row = |second, subject: &str, value| (second, subject.to_owned(), value);
    let found = read(b, None, Grain::TenSeconds, 0, 30).await;
    assert_eq!(
        found,
        [
            row(0, "a", 2.0),
            row(0, "b", 1.0),
            row(10, "a", 3.0),
            row(20, "", 4.0)
        ]
    );
    assert_eq!(
        read(b, Some("a"), Grain::TenSeconds, 0, 10).await,
        [row(0, "a", 2.0)]
    );
    assert_eq!(
        read(b, Some(""), Grain::TenSeconds, 0, 30).await,
        [row(20, "", 4.0)]
    );
    assert!(
        read(b, Some("x"), Grain::TenSeconds, 0, 30)
            .await
            .is_empty()
    );
}

fn query() -> OutcomeQuery {
    OutcomeQuery {
        org: ORG,
        from: at(0),
        until: at(3_600),
        step_seconds: 0,
        flow_id: None,
        deployment_id: None,
        robot_id: None,
        by: None,
    }
}

fn by(what: &'static str) -> OutcomeQuery {
    OutcomeQuery {
        by: Some(what),
        ..query()
    }
}

fn steps_of(step_seconds: i64) -> OutcomeQuery {
    OutcomeQuery {
        step_seconds,
        ..query()
    }
}

async fn outcomes(b: &Bench, query: OutcomeQuery) -> Vec<OutcomeBucket> {
    b.store.outcomes(query).await.expect("read")
}

async fn outcomes_equal_a_recount(b: &Bench) {
    let robot = b.robot("r", 99).await;
    assert!(outcomes(b, query()).await.is_empty());
    let events = [
        completed(),
        failed(),
        completed(),
        Event::RunDeadline,
        Event::LeaseLapsed,
    ];
    for (event, n) in events.into_iter().zip(0..) {
        let (id, held) = b.running(b.new_run().await, &robot).await;
        let claim = matches!(event, Event::Finish(_)).then_some(held);
        let mut end = step(id, claim, event, 60 * n + 30);
        end.result = Some(result(0, 2.0));
        b.step(end).await.expect("ended");
    }
    let waiting = b.queued().await;
    b.event(waiting, Event::Cancel, 61)
        .await
        .expect("cancelled");
    let all = outcomes(b, query()).await;
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].at, all[0].created, all[0].ended),
        (START, 6, [2, 1, 1, 1, 1])
    );
    assert_eq!(
        (all[0].seconds, all[0].timed),
        (6.0, 3),
        "of completed and failed runs only"
    );
    by_the_minute(b).await;
}

/// The ends of the runs above, in periods.
async fn by_the_minute(b: &Bench) {
    let minutes = outcomes(b, steps_of(60)).await;
    let ends: Vec<_> = minutes
        .iter()
        .map(|m| (m.at - START, m.created, m.ended))
        .collect();
    let expected = [
        (0, 6, [1, 0, 0, 0, 0]),
        (60, 0, [0, 1, 0, 0, 1]),
        (120, 0, [1, 0, 0, 0, 0]),
        (180, 0, [0, 0, 1, 0, 0]),
        (240, 0, [0, 0, 0, 1, 0]),
    ];
    assert_eq!(ends, expected);
    let window = OutcomeQuery {
        from: at(60),
        until: at(180),
        step_seconds: 120,
        ..query()
    };
    let found = outcomes(b, window).await;
    assert_eq!(
        (found.len(), found[0].at - START, found[0].ended),
        (1, 60, [1, 1, 0, 0, 1])
    );
    let foreign = OutcomeQuery {
        org: OrgId(2),
        ..query()
    };
    assert!(outcomes(b, foreign).await.is_empty());
}

async fn outcomes_are_grouped_and_filtered(b: &Bench) {
    let robots = [b.robot("one", 9).await, b.robot("two", 9).await];
    let made = b.deployed("f", "d").await;
    for n in 0..6 {
        let new = if n % 3 == 0 {
            b.run_of(&made).await
        } else {
            b.new_run().await
        };
        let (id, held) = b.running(new, &robots[n % 2]).await;
        b.told(id, held, completed(), 5).await.expect("completed");
    }
    let by_robot = outcomes(b, by("robot")).await;
    let mut found: Vec<_> = by_robot
        .iter()
        .map(|o| (o.robot_id, o.created, o.ended[0]))
        .collect();
    found.sort();
    let mut expected = vec![
        (None, 6, 0),
        (Some(robots[0].id), 0, 3),
        (Some(robots[1].id), 0, 3),
    ];
    expected.sort();
    assert_eq!(found, expected);
    assert!(
        by_robot
            .iter()
            .all(|o| o.flow_id.is_none() && o.deployment_id.is_none())
    );
    let by_deployment = outcomes(b, by("deployment")).await;
    let found: Vec<_> = by_deployment
        .iter()
        .map(|o| (o.deployment_id, o.ended[0]))
        .collect();
    assert_eq!(found, [(None, 4), (Some(made.deployment.id), 2)]);
    let by_flow = outcomes(b, by("flow")).await;
    assert_eq!(by_flow.iter().map(|o| o.ended[0]).sum::<u64>(), 6);
    assert_eq!(
        (by_flow.len(), by_flow.iter().all(|o| o.flow_id.is_some())),
        (2, true)
    );
    let of_flow = OutcomeQuery {
        flow_id: Some(made.flow.id),
        ..query()
    };
    assert_eq!(outcomes(b, of_flow.clone()).await[0].ended[0], 2);
    let both = OutcomeQuery {
        robot_id: Some(robots[0].id),
        ..of_flow
    };
    assert_eq!(outcomes(b, both).await[0].ended[0], 1);
    let of_deployment = OutcomeQuery {
        deployment_id: Some(made.deployment.id),
        ..query()
    };
    assert_eq!(outcomes(b, of_deployment).await[0].created, 2);
}

/// Ends a new run on this robot, in the minute that it says, with the seconds that it took.
async fn ended(b: &Bench, robot: &Robot, event: Event, minute: i64, seconds: f64) -> RunId {
    let (id, held) = b.running(b.new_run().await, robot).await;
    let mut end = step(id, Some(held), event, 60 * minute + 30);
    end.result = Some(result(0, seconds));
    b.step(end).await.expect("ended");
    id
}

async fn percentiles_lie_near_the_exact_ones(b: &Bench) {
    let robot = b.robot("r", 99).await;
    // From a hundredth of a second to a day, with a seed of its own: each store gets the same.
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut draw =
        |scale: f64| scale * 10_f64.powf(f64::from(rng.next_u32()) / f64::from(u32::MAX));
    for (group, scale) in [0.01, 0.2, 7.0, 900.0, 9_000.0].into_iter().enumerate() {
        let mut times = Vec::new();
        for n in 0..20 {
            times.push(draw(scale));
            // In three minutes, so that what is read is a sum of stored buckets.
            let minute = 10 * group as i64 + n % 3;
            ended(b, &robot, completed(), minute, times[n as usize]).await;
        }
        times.sort_by(f64::total_cmp);
        let window = OutcomeQuery {
            from: at(600 * group as i64),
            until: at(600 * group as i64 + 180),
            ..query()
        };
        let all = outcomes(b, window).await;
        for (share, exact) in [(0.5, times[9]), (0.95, times[18]), (1.0, times[19])] {
            let found = all[0].quantile(share).expect("runs have ended");
            let off = (found - exact).abs() / exact;
            assert!(
                off <= PRECISION * 1.000_001,
                "{found} for {exact} at {share}"
            );
        }
    }
    let alike = b.robot("alike", 9).await;
    for minute in 100..103 {
        ended(b, &alike, completed(), minute, 60.0).await;
    }
    let of_alike = OutcomeQuery {
        until: at(7_200),
        robot_id: Some(alike.id),
        ..query()
    };
    let all = outcomes(b, of_alike).await;
    assert_eq!(
        all[0].quantile(0.95),
        Some(60.0),
        "times that are alike are exact"
    );
}

async fn odd_execution_times_are_counted_at_the_ends_or_not_at_all(b: &Bench) {
    let robot = b.robot("r", 99).await;
    for seconds in [0.0, 0.0005, 1e9, -1.0, f64::NAN, f64::INFINITY] {
        ended(b, &robot, completed(), 0, seconds).await;
    }
    let all = outcomes(b, query()).await;
    let slots: Vec<_> = all[0].durations.slots().collect();
    assert_eq!(slots, [(0, 2), (SLOTS - 1, 1)]);
    assert_eq!((all[0].timed, all[0].ended[0]), (3, 6));
}

async fn a_run_retried_by_hand_is_counted_where_it_ends_next(b: &Bench) {
    let (one, two) = (b.robot("one", 9).await, b.robot("two", 9).await);
    let first = ended(b, &one, completed(), 0, 4.0).await;
    let again = ended(b, &one, failed(), 1, 2.0).await;
    let other = ended(b, &one, failed(), 1, 8.0).await;
    let before = outcomes(b, query()).await;
    assert_eq!((before[0].ended, before[0].timed), ([1, 2, 0, 0, 0], 3));

    b.event(again, Event::Retry, 150).await.expect("retried");
    let open = outcomes(b, query()).await;
    assert_eq!(open[0].ended, [1, 1, 0, 0, 0], "its end is taken back");
    assert_eq!(
        (open[0].created, open[0].timed, open[0].seconds),
        (3, 2, 12.0)
    );
    assert_eq!(open[0].durations.counted(), 2);
    assert_eq!(open[0].quantile(0.1).map(f64::round), Some(4.0));

    b.event(again, Event::Due, 160).await.expect("queued");
    let held = b.assign(again, &two).await;
    b.told(again, held, Event::Start, 161)
        .await
        .expect("started");
    let mut end = step(again, Some(held), completed(), 200);
    end.result = Some(result(0, 3.0));
    b.step(end).await.expect("completed");
    let minutes = outcomes(b, steps_of(60)).await;
    let ends: Vec<_> = minutes.iter().map(|m| (m.at - START, m.ended)).collect();
    let expected = [
        (0, [1, 0, 0, 0, 0]),
        (60, [0, 1, 0, 0, 0]),
        (180, [1, 0, 0, 0, 0]),
    ];
    assert_eq!(ends, expected);
    for (robot, ended) in [(&one, [1, 1, 0, 0, 0]), (&two, [1, 0, 0, 0, 0])] {
        let of_robot = OutcomeQuery {
            robot_id: Some(robot.id),
            ..query()
        };
        assert_eq!(outcomes(b, of_robot).await[0].ended, ended);
    }
    counts_are_those_of_the_list(b, &[first, again, other]).await;
}

/// What the aggregates count is what one finds when one looks at the runs.
async fn counts_are_those_of_the_list(b: &Bench, ids: &[RunId]) {
    let mut expected = [0; 5];
    for id in ids {
        let state = b.state(*id).await;
        let place = TERMINAL.iter().position(|s| *s == state);
        expected[place.expect("it has ended")] += 1;
    }
    assert_eq!(outcomes(b, query()).await[0].ended, expected);
}

const TERMINAL: [State; 5] = [
    State::Completed,
    State::Failed,
    State::TimedOut,
    State::Crashed,
    State::Cancelled,
];

async fn an_end_taken_back_with_nothing_beside_it_leaves_no_period(b: &Bench) {
    let robot = b.robot("r", 9).await;
    let id = ended(b, &robot, failed(), 5, 2.0).await;
    assert_eq!(outcomes(b, steps_of(60)).await.len(), 2);
    // Retried and cancelled in one batch: what one commit takes back and counts is added up as well.
    let steps = vec![
        step(id, None, Event::Retry, 330),
        step(id, None, Event::Cancel, 331),
    ];
    let taken = b.store.step_runs(steps).await;
    assert!(taken.iter().all(Result::is_ok), "{taken:?}");
    let minutes = outcomes(b, steps_of(60)).await;
    let ends: Vec<_> = minutes.iter().map(|m| (m.at - START, m.ended)).collect();
    assert_eq!(ends, [(0, [0; 5]), (300, [0, 0, 0, 0, 1])]);
    b.event(id, Event::Retry, 400).await.expect("retried");
    assert_eq!(
        outcomes(b, steps_of(60)).await.len(),
        1,
        "only where it was made"
    );
}

async fn an_outcome_stays_counted_when_its_run_is_deleted(b: &Bench) {
    let id = b.queued().await;
    b.event(id, Event::Cancel, 5).await.expect("cancelled");
    assert_eq!(
        b.store
            .delete_runs(ORG, vec![id], "x", at(6))
            .await
            .expect("deleted"),
        1
    );
    let all = outcomes(b, query()).await;
    assert_eq!((all[0].created, all[0].ended), (1, [0, 0, 0, 0, 1]));
    let counts = b.store.state_counts(ORG).await.expect("read");
    assert!(counts.contains(&(State::Cancelled, 0)));
}
