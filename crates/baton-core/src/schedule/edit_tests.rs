//! Tests of edits: whatever is changed, and whatever the policy for missed slots, no run is made for the past.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Map;
use uuid::Uuid;

use super::*;
use crate::id::{DeploymentId, OrgId, ScheduleId};
use crate::schedule::{Missed, MissedPolicy, Overlap, Rule, plan};

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

const POLICIES: [MissedPolicy; 3] = [MissedPolicy::Skip, MissedPolicy::Last, MissedPolicy::All];

/// A schedule of every minute, decided up to 12:00, that makes up for everything.
fn schedule(policy: MissedPolicy) -> Schedule {
    let made_at = at("2026-11-21T08:00:00Z");
    Schedule {
        id: ScheduleId(Uuid::from_u128(7)),
        org: OrgId(1),
        deployment_id: DeploymentId(Uuid::from_u128(8)),
        name: "often".into(),
        settings: ScheduleSettings {
            rule: Rule::cron("* * * * *").expect("a good expression"),
            timezone: "UTC".into(),
            starts_at: None,
            ends_at: None,
            jitter_seconds: 0,
            missed: Missed {
                policy,
                window_seconds: u32::MAX,
            },
            overlap: Overlap::Allow,
            parameters: Map::new(),
            robot_id: None,
            priority: None,
        },
        paused: false,
        next_at: Some(at("2026-11-21T12:01:00Z")),
        last_slot: Some(at("2026-11-21T12:00:00Z")),
        created_at: made_at,
        updated_at: made_at,
    }
}

fn edit(settings: &ScheduleSettings) -> Edit<'_> {
    Edit {
        settings,
        paused: false,
        deployment_was_paused: false,
        deployment_paused: false,
    }
}

/// The slots of the runs that are made from `now` on, every ten seconds for so many minutes.
fn runs(mut schedule: Schedule, now: Timestamp, minutes: i64) -> Vec<Timestamp> {
    let mut slots = Vec::new();
    for step in 0..=minutes * 6 {
        let now = now + SignedDuration::from_secs(step * 10);
        if schedule.next_at.is_some_and(|next| next <= now) {
            let plan = plan(&schedule, &[], now).expect("good settings");
            slots.extend(plan.create.iter().map(|run| run.slot));
            schedule.last_slot = plan.last_slot;
            schedule.next_at = plan.next_at;
        }
    }
    slots
}

#[test]
fn a_later_end_and_an_earlier_start_make_no_run_for_the_past() {
    let now = at("2026-11-21T14:30:30Z");
    for policy in POLICIES {
        let mut ended = schedule(policy);
        ended.settings.ends_at = Some(at("2026-11-21T12:00:30Z"));
        ended.next_at = None;
        let mut settings = ended.settings.clone();
        settings.ends_at = None;
        let after = ended.edited(edit(&settings), now);
        assert_eq!(after.next_at, Some(at("2026-11-21T14:31:00Z")));
        let made = runs(after, now, 1);
        assert_eq!(made, [at("2026-11-21T14:31:00Z")], "{policy:?}");

        let mut later = schedule(policy);
        later.last_slot = None;
        later.settings.starts_at = Some(at("2026-11-22T00:00:00Z"));
        later.next_at = Some(at("2026-11-22T00:00:00Z"));
        let mut settings = later.settings.clone();
        settings.starts_at = Some(at("2026-11-21T14:00:00Z"));
        let made = runs(later.edited(edit(&settings), now), now, 1);
        assert_eq!(made, [at("2026-11-21T14:31:00Z")], "{policy:?}");
    }
}

#[test]
fn a_resume_of_schedule_or_deployment_makes_no_run_for_the_past() {
    let paused_at = at("2026-11-21T12:00:10Z");
    let now = at("2026-11-21T14:30:30Z");
    for policy in POLICIES {
        let whole = schedule(policy).turned(true, paused_at);
        assert_eq!(whole.next_at, None, "what will not fire has no next slot");
        let own = schedule(policy);
        let settings = own.settings.clone();
        let paused = Edit {
            paused: true,
            ..edit(&settings)
        };
        let own = own.edited(paused, paused_at);
        assert_eq!(own.next_at, None);
        let resumed = [own.edited(edit(&settings), now), whole.turned(false, now)];
        for schedule in resumed {
            let made = runs(schedule, now, 1);
            assert_eq!(made, [at("2026-11-21T14:31:00Z")], "{policy:?}");
        }
    }
}

#[test]
fn an_edit_while_the_deployment_is_paused_gives_no_next_slot_until_it_is_resumed() {
    let held = schedule(MissedPolicy::All).turned(true, at("2026-11-21T12:00:10Z"));
    let mut settings = held.settings.clone();
    settings.rule = Rule::cron("0 * * * *").expect("a good expression");
    let under_pause = Edit {
        deployment_was_paused: true,
        deployment_paused: true,
        ..edit(&settings)
    };
    let edited = held.edited(under_pause, at("2026-11-21T13:10:00Z"));
    assert_eq!(edited.next_at, None);
    let on = edited.turned(false, at("2026-11-21T14:30:00Z"));
    assert_eq!(on.next_at, Some(at("2026-11-21T15:00:00Z")));
    assert_eq!(on.updated_at, edited.updated_at, "not an edit of its own");
}

#[test]
fn the_slot_that_has_just_come_survives_a_change_of_the_end() {
    let now = at("2026-11-21T12:01:00.2Z");
    let before = schedule(MissedPolicy::Skip);
    let mut settings = before.settings.clone();
    settings.ends_at = Some(at("2026-11-21T18:00:00Z"));
    let made = runs(before.edited(edit(&settings), now), now, 0);
    assert_eq!(made, [at("2026-11-21T12:01:00Z")]);
    settings.ends_at = Some(at("2026-11-21T12:00:59Z"));
    let made = runs(before.edited(edit(&settings), now), now, 5);
    assert_eq!(made, [], "the new end leaves it out");
}

#[test]
fn an_edit_that_changes_nothing_leaves_the_schedule_as_it_is() {
    let before = schedule(MissedPolicy::Last);
    let settings = before.settings.clone();
    let after = before.edited(edit(&settings), at("2026-11-21T12:00:50Z"));
    assert_eq!(after, before);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_edited_no_slot_from_before_the_edit_runs(
        policy in 0..3_usize,
        expression in prop_oneof![Just("* * * * *"), Just("*/7 * * * *"), Just("5 * * * *")],
        zone in prop_oneof![Just("UTC"), Just("Asia/Kolkata"), Just("America/New_York")],
        starts in prop::option::of(-5_000_i64..5_000),
        ends in prop::option::of(-5_000_i64..90_000),
        pause in any::<bool>(),
        idle in 61_i64..20_000,
    ) {
        let mut before = schedule(POLICIES[policy]);
        let decided = before.last_slot.expect("it was decided before");
        before.settings.ends_at = Some(decided);
        before.next_at = None;
        let now = decided + SignedDuration::from_secs(idle);
        let mut settings = before.settings.clone();
        settings.rule = Rule::cron(expression).expect("a good expression");
        settings.timezone = zone.into();
        settings.starts_at = starts.map(|s| now + SignedDuration::from_secs(s));
        settings.ends_at = ends.map(|s| now + SignedDuration::from_secs(s));
        if pause {
            before = before.turned(true, decided).turned(false, now);
        }
        let after = before.edited(edit(&settings), now);
        prop_assert!(after.next_at.is_none_or(|next| next > now));
        for slot in runs(after, now, 30) {
            prop_assert!(slot > now, "{slot} is of the past");
        }
    }
}
