//! Tests of the scheduler's decision.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Map;
use uuid::Uuid;

use super::*;
use crate::id::{DeploymentId, OrgId, ScheduleId};
use crate::schedule::{Edit, Missed, Rule, ScheduleSettings};

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn run(n: u128) -> RunId {
    RunId(Uuid::from_u128(n))
}

/// A schedule in UTC that was decided up to 21 November 2026, 22:00.
fn schedule(expression: &str) -> Schedule {
    Schedule {
        id: ScheduleId(Uuid::from_u128(7)),
        org: OrgId(1),
        deployment_id: DeploymentId(Uuid::from_u128(8)),
        name: "nightly".into(),
        settings: ScheduleSettings {
            rule: Rule::cron(expression).expect("a good expression"),
            timezone: "UTC".into(),
            starts_at: None,
            ends_at: None,
            jitter_seconds: 0,
            missed: Missed::default(),
            overlap: Overlap::Allow,
            parameters: Map::new(),
            robot_id: None,
            priority: None,
        },
        paused: false,
        next_at: None,
        last_slot: Some(at("2026-11-21T22:00:00Z")),
        created_at: at("2026-11-01T00:00:00Z"),
        updated_at: at("2026-11-01T00:00:00Z"),
    }
}

/// An hourly schedule that meets `now` after a night off.
fn after_a_night(policy: MissedPolicy, window_seconds: u32, now: &str) -> SlotPlan {
    let mut schedule = schedule("0 * * * *");
    schedule.settings.missed = Missed {
        policy,
        window_seconds,
    };
    plan(&schedule, &[], at(now)).expect("good settings")
}

fn created(plan: &SlotPlan) -> Vec<String> {
    plan.create
        .iter()
        .map(|run| run.slot.strftime("%d %H:%M").to_string())
        .collect()
}

fn skipped(plan: &SlotPlan, reason: SkipReason) -> Vec<String> {
    plan.skipped
        .iter()
        .filter(|skipped| skipped.reason == reason)
        .map(|skipped| skipped.slot.strftime("%H:%M").to_string())
        .collect()
}

const DAY: u32 = 86_400;

/// An edit while the deployment is on.
fn edit(settings: &ScheduleSettings, paused: bool) -> Edit<'_> {
    Edit {
        settings,
        paused,
        deployment_was_paused: false,
        deployment_paused: false,
    }
}

#[test]
fn a_slot_fires_at_its_time_and_never_early() {
    let schedule = schedule("0 * * * *");
    let early = plan(&schedule, &[], at("2026-11-21T22:59:59.999999Z")).expect("good settings");
    assert_eq!(early.create, []);
    assert_eq!(early.next_at, Some(at("2026-11-21T23:00:00Z")));
    assert_eq!(early.last_slot, schedule.last_slot);

    let due = plan(&schedule, &[], at("2026-11-21T23:00:00Z")).expect("good settings");
    assert_eq!(created(&due), ["21 23:00"]);
    assert_eq!(due.create[0].due_at, at("2026-11-21T23:00:00Z"));
    assert_eq!(due.last_slot, Some(at("2026-11-21T23:00:00Z")));
    assert_eq!(due.next_at, Some(at("2026-11-22T00:00:00Z")));
}

#[test]
fn a_night_off_is_made_up_for_as_the_policy_says() {
    let now = "2026-11-22T06:30:00Z";
    let skip = after_a_night(MissedPolicy::Skip, DAY, now);
    assert_eq!(skip.create, []);
    assert_eq!(skipped(&skip, SkipReason::Missed).len(), 8);

    let last = after_a_night(MissedPolicy::Last, DAY, now);
    assert_eq!(created(&last), ["22 06:00"]);
    assert!(last.create[0].missed);
    assert_eq!(last.create[0].due_at, at(now), "not born late");
    assert_eq!(skipped(&last, SkipReason::Missed).len(), 7);

    let all = after_a_night(MissedPolicy::All, DAY, now);
    assert_eq!(created(&all).len(), 8);
    assert_eq!(created(&all)[0], "21 23:00");
    assert_eq!(all.skipped, []);

    for plan in [skip, last, all] {
        assert_eq!(plan.last_slot, Some(at("2026-11-22T06:00:00Z")));
        assert_eq!(plan.next_at, Some(at("2026-11-22T07:00:00Z")));
    }
}

#[test]
fn slots_older_than_the_window_are_too_old() {
    let all = after_a_night(MissedPolicy::All, 2 * 3_600, "2026-11-22T06:00:30Z");
    assert_eq!(created(&all), ["22 05:00", "22 06:00"]);
    assert_eq!(skipped(&all, SkipReason::TooOld).len(), 6);
    let exact = after_a_night(MissedPolicy::All, 2 * 3_600, "2026-11-22T06:00:00Z");
    assert_eq!(created(&exact), ["22 04:00", "22 05:00", "22 06:00"]);
    let last = after_a_night(MissedPolicy::Last, 1_200, "2026-11-22T06:30:00Z");
    assert_eq!(last.create, []);
}

#[test]
fn last_makes_up_for_nothing_when_a_slot_is_on_time() {
    let plan = after_a_night(MissedPolicy::Last, DAY, "2026-11-22T06:01:00Z");
    assert_eq!(created(&plan), ["22 06:00"]);
    assert!(!plan.create[0].missed);
    let plan = after_a_night(MissedPolicy::Last, DAY, "2026-11-22T06:01:00.000001Z");
    assert!(plan.create[0].missed, "just over a minute late is missed");
}

#[test]
fn a_slow_scheduler_misses_nothing_within_the_grace() {
    let mut schedule = schedule("* * * * * *");
    schedule.settings.missed.policy = MissedPolicy::Skip;
    let plan = plan(&schedule, &[], at("2026-11-21T22:00:45Z")).expect("good settings");
    assert_eq!(plan.create.len(), 45);
    assert_eq!(plan.skipped, []);
}

#[test]
fn a_clock_that_goes_back_fires_no_slot_again() {
    let mut schedule = schedule("0 * * * *");
    schedule.last_slot = Some(at("2026-11-22T09:00:00Z"));
    let plan = plan(&schedule, &[], at("2026-11-22T08:00:30Z")).expect("good settings");
    assert_eq!(plan.create, []);
    assert_eq!(plan.last_slot, schedule.last_slot);
    assert_eq!(plan.next_at, Some(at("2026-11-22T10:00:00Z")));
}

#[test]
fn a_year_off_never_bursts_beyond_the_policy() {
    let mut schedule = schedule("* * * * *");
    let now = at("2027-11-21T22:00:30Z");
    let latest = at("2027-11-21T22:00:00Z");
    let first = plan(&schedule, &[], now).expect("good settings");
    assert_eq!(created(&first), ["21 22:00"]);
    assert_eq!(first.skipped.len(), MAX_SKIPPED_LISTED);
    assert!(first.skipped_more <= 3 * MAX_SKIPPED_COUNTED);
    assert_eq!(first.last_slot, Some(latest));

    // `all` within a day: 1,440 slots in bounded steps, none twice, none lost.
    schedule.settings.missed.policy = MissedPolicy::All;
    let mut slots = Vec::new();
    while schedule.last_slot < Some(latest) {
        let step = plan(&schedule, &[], now).expect("good settings");
        assert!(step.create.len() <= MAX_CREATED);
        slots.extend(step.create.iter().map(|run| run.slot));
        assert!(step.last_slot > schedule.last_slot, "every step gets on");
        assert!(step.last_slot == Some(latest) || step.next_at <= Some(now));
        schedule.last_slot = step.last_slot;
    }
    assert_eq!(slots.len(), 1_440);
    assert_eq!(slots[0], at("2027-11-20T22:01:00Z"));
    assert!(slots.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn overlap_decides_what_meets_a_run_that_is_going() {
    let mut schedule = schedule("0 * * * *");
    let now = at("2026-11-21T23:00:01Z");
    let mut decide = |overlap, running: &[RunId]| {
        schedule.settings.overlap = overlap;
        plan(&schedule, running, now).expect("good settings")
    };
    assert_eq!(decide(Overlap::Allow, &[run(1)]).create.len(), 1);

    let skip = decide(Overlap::Skip, &[run(1)]);
    assert_eq!(skip.create, []);
    assert_eq!(skipped(&skip, SkipReason::Overlap), ["23:00"]);
    assert_eq!(decide(Overlap::Skip, &[]).create.len(), 1);

    let queue = decide(Overlap::Queue, &[run(1)]);
    assert!(queue.create[0].after_running);
    let full = decide(Overlap::Queue, &[run(1), run(2)]);
    assert_eq!(skipped(&full, SkipReason::Overlap), ["23:00"]);
    assert!(!decide(Overlap::Queue, &[]).create[0].after_running);

    let cancel = decide(Overlap::CancelRunning, &[run(1), run(2)]);
    assert_eq!(cancel.cancel, [run(1), run(2)]);
    assert_eq!(cancel.create.len(), 1);
    assert!(!cancel.create[0].after_running);
}

#[test]
fn several_due_slots_overlap_with_each_other() {
    let mut schedule = schedule("0 * * * *");
    schedule.settings.missed.policy = MissedPolicy::All;
    let now = at("2026-11-22T02:30:00Z");
    let mut decide = |overlap| {
        schedule.settings.overlap = overlap;
        plan(&schedule, &[], now).expect("good settings")
    };
    assert_eq!(created(&decide(Overlap::Skip)), ["21 23:00"]);
    let queue = decide(Overlap::Queue);
    assert_eq!(created(&queue), ["21 23:00", "22 00:00"]);
    assert_eq!(
        [false, true],
        [queue.create[0].after_running, queue.create[1].after_running]
    );
    let cancel = decide(Overlap::CancelRunning);
    assert_eq!(created(&cancel), ["22 02:00"]);
    assert_eq!(skipped(&cancel, SkipReason::Overlap).len(), 3);
}

#[test]
fn nothing_is_cancelled_when_no_slot_is_due() {
    let mut schedule = schedule("0 * * * *");
    schedule.settings.overlap = Overlap::CancelRunning;
    let plan = plan(&schedule, &[run(1)], at("2026-11-21T22:30:00Z")).expect("good settings");
    assert_eq!(plan.cancel, []);
}

#[test]
fn a_paused_schedule_does_nothing_and_resuming_makes_up_for_nothing() {
    let mut schedule = schedule("0 * * * *");
    schedule.paused = true;
    let now = at("2026-11-25T12:30:00Z");
    let held = plan(&schedule, &[run(1)], now).expect("good settings");
    assert_eq!((held.create.len(), held.next_at), (0, None));
    assert_eq!(held.last_slot, schedule.last_slot);

    let settings = schedule.settings.clone();
    let schedule = schedule.edited(edit(&settings, false), now);
    assert_eq!(schedule.next_at, Some(at("2026-11-25T13:00:00Z")));
    let resumed = plan(&schedule, &[], at("2026-11-25T12:45:00Z")).expect("good settings");
    assert_eq!(resumed.create, []);
}

#[test]
fn a_slot_that_came_just_before_an_edit_is_kept() {
    let schedule = schedule("0 * * * *");
    let edited_at = at("2026-11-21T23:00:00.2Z");
    let mut settings = schedule.settings.clone();
    settings.jitter_seconds = 1;
    let schedule = schedule.edited(edit(&settings, false), edited_at);
    assert_eq!(schedule.next_at, Some(at("2026-11-21T23:00:00Z")));
    let plan = plan(&schedule, &[], at("2026-11-21T23:00:01Z")).expect("good settings");
    assert_eq!(created(&plan), ["21 23:00"]);
}

#[test]
fn a_new_schedule_begins_after_it_was_made() {
    let mut schedule = schedule("0 * * * *");
    schedule.last_slot = None;
    schedule.created_at = at("2026-11-22T05:30:00Z");
    schedule.updated_at = schedule.created_at;
    let plan = plan(&schedule, &[], at("2026-11-22T06:00:05Z")).expect("good settings");
    assert_eq!(created(&plan), ["22 06:00"]);
    assert_eq!(plan.skipped, []);
}

#[test]
fn jitter_delays_the_run_and_stays_the_same() {
    let mut schedule = schedule("0 * * * *");
    schedule.settings.jitter_seconds = 600;
    let now = at("2026-11-21T23:00:00Z");
    let one = plan(&schedule, &[], now).expect("good settings");
    let again = plan(&schedule, &[], now).expect("good settings");
    assert_eq!(one, again);
    let late = one.create[0].due_at.duration_since(now);
    assert!(late >= SignedDuration::ZERO && late <= SignedDuration::from_secs(600));

    let due: std::collections::BTreeSet<_> = (0..50_u128)
        .map(|n| ScheduleId(Uuid::from_u128(n)))
        .map(|id| schedule.settings.jittered(id, now))
        .collect();
    assert!(due.len() > 45, "schedules with one slot spread out");
}

#[test]
fn a_schedule_that_is_over_has_no_next_slot() {
    let mut schedule = schedule("0 * * * *");
    schedule.settings.ends_at = Some(at("2026-11-21T23:00:00Z"));
    let plan = plan(&schedule, &[], at("2026-11-21T23:00:10Z")).expect("good settings");
    assert_eq!(created(&plan), ["21 23:00"]);
    assert_eq!(plan.next_at, None);
}

#[test]
fn settings_that_lost_their_zone_are_an_error_and_not_silence() {
    let mut schedule = schedule("0 * * * *");
    schedule.settings.timezone = "Atlantis/Capital".into();
    let error = plan(&schedule, &[], at("2026-11-22T00:00:00Z")).expect_err("no such zone");
    assert_eq!(error.code, "unknown_timezone");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_clock_does_every_slot_runs_once_and_none_early(
        steps in prop::collection::vec(-4_000_i64..40_000, 1..40),
        zone in prop_oneof![Just("UTC"), Just("America/New_York"), Just("Africa/Cairo")],
    ) {
        let mut schedule = schedule("*/7 * * * *");
        schedule.settings.timezone = zone.into();
        schedule.settings.missed = Missed { policy: MissedPolicy::All, window_seconds: u32::MAX };
        let first = schedule.last_slot.expect("it was decided before");
        let (mut now, mut highest) = (first, first);
        let mut slots = Vec::new();
        for step in steps {
            now += SignedDuration::from_secs(step);
            highest = highest.max(now);
            loop {
                let plan = plan(&schedule, &[], now).expect("good settings");
                prop_assert!(plan.create.iter().all(|run| run.slot <= now && run.due_at >= run.slot));
                slots.extend(plan.create.iter().map(|run| run.slot));
                schedule.last_slot = plan.last_slot;
                if plan.next_at.is_none_or(|next| next > now) {
                    break;
                }
            }
        }
        let timetable = Timetable::new(&schedule.settings).expect("good settings");
        let expected: Vec<_> = timetable.slots(first).take_while(|slot| *slot <= highest).collect();
        prop_assert_eq!(slots, expected);
    }
}
