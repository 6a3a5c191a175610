//! Every time on the clock runs once when zone rules change, whichever way and whenever.

use std::sync::Arc;

use super::*;
use crate::id::{DeploymentId, OrgId, ScheduleId};
use crate::schedule::{Missed, MissedPolicy, Rule, plan};
use crate::zone::{Release, ZoneSource, Zones};

const ZONE: &str = "America/Vancouver";

/// Rules in which Vancouver keeps the clocks of another zone.
fn as_in(zone: &str) -> Arc<Zones> {
    let carried = Zones::bundled();
    let (_, bytes) = carried.file(zone).expect("a zone");
    let files = [(ZONE.to_owned(), Arc::from(bytes))];
    Arc::new(Zones::of(
        Release::parse("2025b"),
        ZoneSource::Named,
        "/z".into(),
        files,
    ))
}

/// On 2026-12-01 09:00 is 17:00Z by the first, 16:00Z by the second.
fn late_and_early() -> (Arc<Zones>, Arc<Zones>) {
    (as_in("America/Los_Angeles"), Zones::bundled())
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn day(time: &str) -> Timestamp {
    at(&format!("2026-12-01T{time}Z"))
}

fn schedule(rule: Rule, policy: MissedPolicy, zones: &Zones, made: Timestamp) -> Schedule {
    let settings = ScheduleSettings {
        rule,
        timezone: ZONE.into(),
        starts_at: None,
        ends_at: None,
        jitter_seconds: 0,
        missed: Missed {
            policy,
            ..Missed::default()
        },
        overlap: crate::schedule::Overlap::Allow,
        parameters: serde_json::Map::new(),
        robot_id: None,
        priority: None,
    };
    let next_at = Timetable::by(&settings, zones)
        .expect("good settings")
        .next_after(made);
    Schedule {
        id: ScheduleId::new(made, [1; 10]),
        org: OrgId::DEFAULT,
        deployment_id: DeploymentId::new(made, [2; 10]),
        name: "daily".into(),
        settings,
        paused: false,
        next_at,
        last_slot: None,
        created_at: made,
        updated_at: made,
    }
}

/// Goes minute by minute from one time to another, by the old rules until `change` and by the new ones from
/// then on; `asleep` is when nothing could fire. Answers when runs were made.
fn walk(
    mut schedule: Schedule,
    rules: (&Zones, &Zones),
    change: Timestamp,
    until: Timestamp,
    asleep: (Timestamp, Timestamp),
) -> Vec<Timestamp> {
    let (old, new) = rules;
    let minute = SignedDuration::from_secs(60);
    let mut made = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let (mut now, mut changed) = (schedule.created_at, false);
    while now <= until {
        if now >= asleep.0 && now < asleep.1 {
            now += minute;
            continue;
        }
        let decision = if now >= change && !changed {
            changed = true;
            Some(replan(&schedule, &[], Some(old), new, now).expect("good settings"))
        } else if schedule.next_at.is_some_and(|next| next <= now) {
            let rules = if changed { new } else { old };
            let timetable = Timetable::by(&schedule.settings, rules).expect("good settings");
            let overtaken = Overtaken::default();
            Some(decide(
                &schedule,
                &[],
                Moment {
                    timetable: &timetable,
                    now,
                    overtaken,
                },
            ))
        } else {
            None
        };
        if let Some(decision) = decision {
            for run in &decision.create {
                assert!(
                    seen.insert(run.slot),
                    "the slot {} was there before",
                    run.slot
                );
                assert!(
                    Some(run.slot) > schedule.last_slot,
                    "{} is decided",
                    run.slot
                );
                made.push(now);
            }
            assert!(decision.next_at.is_none_or(|next| next > now));
            schedule.last_slot = decision.last_slot;
            schedule.next_at = decision.next_at;
        }
        now += minute;
    }
    made
}

fn awake() -> (Timestamp, Timestamp) {
    (Timestamp::MAX, Timestamp::MAX)
}

fn nine() -> Rule {
    Rule::Daily {
        time: "09:00".into(),
    }
}

#[test]
fn the_run_of_the_day_is_made_once_whenever_rules_change_and_whichever_way() {
    let (late, early) = late_and_early();
    let policies = [MissedPolicy::Skip, MissedPolicy::Last, MissedPolicy::All];
    for policy in policies {
        for (old, new, way) in [(&late, &early, "earlier"), (&early, &late, "later")] {
            // Before both instants, between them, at each of them, after both.
            for change in [
                "15:30:00", "16:00:00", "16:01:00", "16:30:00", "17:00:00", "17:30:00",
            ] {
                let schedule = schedule(nine(), policy, old, day("12:00:00"));
                let end = at("2026-12-02T12:00:00Z");
                let made = walk(schedule, (old, new), day(change), end, awake());
                assert_eq!(
                    made.len(),
                    1,
                    "{policy:?} {way}, change at {change}: {made:?}"
                );
            }
        }
    }
}

#[test]
fn the_slot_goes_to_the_right_instant_or_at_once_where_that_has_passed() {
    let (late, early) = late_and_early();
    let end = at("2026-12-02T12:00:00Z");
    let made = |old, new, change: &str| {
        let schedule = schedule(nine(), MissedPolicy::Skip, old, day("12:00:00"));
        walk(schedule, (old, new), day(change), end, awake())
    };
    assert_eq!(made(&late, &early, "15:59:00"), [day("16:00:00")]);
    assert_eq!(made(&late, &early, "16:20:00"), [day("16:20:00")]);
    assert_eq!(made(&early, &late, "15:59:00"), [day("17:00:00")]);
    assert_eq!(made(&early, &late, "16:20:00"), [day("16:00:00")]);
}

#[test]
fn a_change_while_nothing_could_fire_loses_no_run_that_was_to_come() {
    let (late, early) = late_and_early();
    let end = at("2026-12-02T12:00:00Z");
    // Off from 15:00 to 16:30: by the old rules the run was to come at 17:00, by the new ones it is past.
    let off = (day("15:00:00"), day("16:30:00"));
    let one = schedule(nine(), MissedPolicy::Skip, &late, day("12:00:00"));
    assert_eq!(walk(one, (&late, &early), off.1, end, off), [off.1]);
    // By the old rules it was missed at 16:00, by the new ones it is to come at 17:00.
    let one = schedule(nine(), MissedPolicy::Skip, &early, day("12:00:00"));
    assert_eq!(
        walk(one, (&early, &late), off.1, end, off),
        [day("17:00:00")]
    );
    // Off beyond both: missed by either, and the policy says what that means.
    let off = (day("15:00:00"), day("18:00:00"));
    for (policy, runs) in [(MissedPolicy::Skip, 0), (MissedPolicy::Last, 1)] {
        for (old, new) in [(&late, &early), (&early, &late)] {
            let one = schedule(nine(), policy, old, day("12:00:00"));
            assert_eq!(
                walk(one, (old, new), off.1, end, off).len(),
                runs,
                "{policy:?}"
            );
        }
    }
}

#[test]
fn several_times_of_a_day_keep_their_number() {
    let (late, early) = late_and_early();
    let end = at("2026-12-02T12:00:00Z");
    for expression in [
        "0 9,10 * * *",
        "0 9,10,11 * * *",
        "0,30 9 * * *",
        "*/10 9 * * *",
        "15 8,9 * * *",
    ] {
        let count = |old: &Arc<Zones>, new: &Arc<Zones>, change: Timestamp| {
            let rule = Rule::Cron {
                expression: expression.into(),
            };
            let one = schedule(rule, MissedPolicy::Skip, old, day("12:00:00"));
            walk(one, (old, new), change, end, awake()).len()
        };
        let usual = count(&early, &early, day("12:00:00"));
        for minutes in (0..300).step_by(7) {
            let change = day("14:30:00") + SignedDuration::from_mins(minutes);
            assert_eq!(
                count(&late, &early, change),
                usual,
                "{expression} earlier at {change}"
            );
            assert_eq!(
                count(&early, &late, change),
                usual,
                "{expression} later at {change}"
            );
        }
    }
}

#[test]
fn what_follows_real_time_keeps_its_instants() {
    let (late, early) = late_and_early();
    let end = day("20:00:00");
    for rule in [
        Rule::Hourly { minute: 0 },
        Rule::every_seconds(3_600),
        Rule::Cron {
            expression: "0 * * * *".into(),
        },
    ] {
        for (old, new) in [(&late, &early), (&early, &late)] {
            let one = schedule(rule.clone(), MissedPolicy::Skip, old, day("12:30:00"));
            let made = walk(one, (old, new), day("16:20:00"), end, awake());
            let hours: Vec<_> = (13..=20).map(|h| day(&format!("{h}:00:00"))).collect();
            assert_eq!(made, hours, "{rule:?}");
        }
    }
}

#[test]
fn without_the_old_rules_what_was_to_come_still_comes() {
    let (late, early) = late_and_early();
    let mut one = schedule(nine(), MissedPolicy::Skip, &late, day("12:00:00"));
    let decided = |one: &Schedule, now| replan(one, &[], None, &early, now).expect("good settings");
    assert_eq!(
        decided(&one, day("15:59:30")).next_at,
        Some(day("16:00:00"))
    );
    let passed = decided(&one, day("16:30:00"));
    assert_eq!(passed.create.len(), 1);
    assert_eq!(passed.next_at, Some(at("2026-12-02T16:00:00Z")));
    // What was edited after the slot, or is held, makes up for nothing.
    one.updated_at = day("16:10:00");
    assert!(decided(&one, day("16:30:00")).create.is_empty());
    one.paused = true;
    assert_eq!(decided(&one, day("16:30:00")), SlotPlan::default());
}

#[test]
fn nothing_happens_where_rules_are_the_same() {
    let (late, _) = late_and_early();
    for now in ["12:30:00", "16:30:00", "17:00:30"] {
        let mut one = schedule(nine(), MissedPolicy::Skip, &late, day("12:00:00"));
        if day(now) > day("17:00:00") {
            one.last_slot = Some(day("17:00:00"));
            one.next_at = Some(at("2026-12-02T17:00:00Z"));
        }
        for old in [Some(&*late), None] {
            let decided = replan(&one, &[], old, &late, day(now)).expect("good settings");
            let same = SlotPlan {
                next_at: one.next_at,
                last_slot: one.last_slot,
                ..SlotPlan::default()
            };
            assert_eq!(decided, same, "{now}");
        }
    }
    assert!(
        plan(
            &schedule(nine(), MissedPolicy::Skip, &late, day("12:00:00")),
            &[],
            day("12:01:00")
        )
        .is_ok()
    );
}

#[test]
fn the_first_slot_that_moves_is_named() {
    let (late, early) = late_and_early();
    let moved = |rule, from: &str| {
        let one = schedule(rule, MissedPolicy::Skip, &late, at(from));
        let until = at(from) + SignedDuration::from_hours(366 * 24);
        first_moved(&one.settings, &late, &early, at(from), until)
    };
    let first = moved(nine(), "2026-10-01T00:00:00Z").expect("it moves in November");
    assert_eq!(first.was, Some(at("2026-11-01T17:00:00Z")));
    assert_eq!(first.now, Some(at("2026-11-01T16:00:00Z")));
    assert_eq!(
        moved(Rule::every_seconds(3_600), "2026-12-01T00:00:00Z"),
        None
    );
    assert_eq!(
        moved(Rule::Hourly { minute: 5 }, "2026-12-01T00:00:00Z"),
        None
    );
}
