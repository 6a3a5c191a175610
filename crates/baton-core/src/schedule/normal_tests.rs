//! Tests that equal schedules compare equal, and that an interval counts from its start.

use jiff::Timestamp;
use serde_json::json;

use super::*;

fn rule(value: serde_json::Value) -> Rule {
    let rule: Rule = serde_json::from_value(value).expect("a rule");
    rule.normal().expect("a good rule")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn interval(value: serde_json::Value, zone: &str, starts: Option<&str>) -> ScheduleSettings {
    let rule = serde_json::from_value(value).expect("a rule");
    let settings = json!({"rule": {"frequency": "hourly"}, "timezone": zone});
    let settings: ScheduleSettings = serde_json::from_value(settings).expect("settings");
    ScheduleSettings {
        rule,
        starts_at: starts.map(at),
        ..settings
    }
}

#[test]
fn one_rule_in_several_spellings_is_one_rule() {
    for (one, other) in [
        (
            json!({"frequency": "daily", "time": "9:00"}),
            json!({"frequency": "daily", "time": "09:00:00"}),
        ),
        (
            json!({"frequency": "weekly", "days": ["Friday", "mon", "mon"], "time": "6:30"}),
            json!({"frequency": "weekly", "days": ["mon", "FRI"], "time": "06:30"}),
        ),
        (
            json!({"frequency": "weekly", "days": ["mon-fri"], "time": "09:00"}),
            json!({"frequency": "weekly", "days": ["fri", "thu", "wed", "tue", "mon"], "time": "9:00"}),
        ),
        (
            json!({"frequency": "monthly", "days": [-1, 15, 1, 15], "time": "18:00"}),
            json!({"frequency": "monthly", "days": [1, 15, -1], "time": "18:00:00"}),
        ),
        (
            json!({"frequency": "once", "at": "2026-12-24 18:00"}),
            json!({"frequency": "once", "at": "2026-12-24T18:00:00"}),
        ),
        (
            json!({"frequency": "cron", "expression": " 0  9 * *\t1-5 "}),
            json!({"frequency": "cron", "expression": "0 9 * * 1-5"}),
        ),
        (
            json!({"frequency": "interval", "every_seconds": 60}),
            json!({"frequency": "interval", "every_seconds": 60, "anchor": null, "wall_clock": false}),
        ),
    ] {
        assert_eq!(rule(one.clone()), rule(other), "{one}");
        assert_eq!(rule(one.clone()).normal(), Ok(rule(one)), "normal once");
    }
    let friday_to_monday =
        rule(json!({"frequency": "weekly", "days": ["fri-mon"], "time": "9:00"}));
    let Rule::Weekly { days, .. } = friday_to_monday else {
        panic!("it is weekly");
    };
    assert_eq!(days, ["mon", "fri", "sat", "sun"]);
}

#[test]
fn an_interval_counts_from_its_start_in_local_time_and_utc_alike() {
    let (now, day) = (at("2026-11-30T12:00:00Z"), 86_400);
    for (every, zone, starts) in [
        (day, "America/New_York", "2026-12-01T14:00:00Z"), // 09:00 there
        (43_200, "Asia/Kolkata", "2026-12-05T02:00:00Z"),  // 07:30 there
        (25_200, "UTC", "2026-12-03T08:30:00Z"),
        (900, "UTC", "2026-12-03T08:07:00Z"),
    ] {
        let asked = json!({"frequency": "interval", "every_seconds": every});
        let settings = interval(asked, zone, Some(starts)).normal().expect("good");
        let slots = settings.upcoming(now, 2);
        let second = at(starts) + jiff::SignedDuration::from_secs(every);
        assert_eq!(slots, [at(starts), second], "{every} in {zone}");
    }
    let own =
        json!({"frequency": "interval", "every_seconds": 3600, "anchor": "2026-01-01T00:20:00Z"});
    let settings = interval(own, "UTC", Some("2026-12-03T08:07:00Z"));
    let slots = settings.normal().expect("good").upcoming(now, 1);
    assert_eq!(slots, [at("2026-12-03T08:20:00Z")], "an anchor of its own");
}

#[test]
fn a_stored_interval_without_an_anchor_keeps_its_beat() {
    let stored = json!({"frequency": "interval", "every_seconds": 86_400});
    let stored = interval(stored, "America/New_York", Some("2026-12-01T14:00:00Z"));
    let slots = stored.upcoming(at("2026-11-30T12:00:00Z"), 1);
    assert_eq!(slots, [at("2026-12-02T00:00:00Z")], "counted from 1970");
    let mut edited = stored.clone();
    edited.jitter_seconds = 5;
    assert_eq!(edited.after(&stored).rule, stored.rule);
}

#[test]
fn a_new_start_moves_the_beat_that_was_counted_from_the_old_one() {
    let asked = json!({"frequency": "interval", "every_seconds": 3_600});
    let before = interval(asked, "UTC", Some("2026-12-01T08:07:00Z"));
    let before = before.normal().expect("good");
    let moved = ScheduleSettings {
        starts_at: Some(at("2026-12-01T08:30:00Z")),
        ..before.clone()
    };
    let moved = moved.after(&before);
    assert_eq!(
        moved.next_after(at("2026-12-02T00:00:00Z")),
        Some(at("2026-12-02T00:30:00Z"))
    );
    let cleared = ScheduleSettings {
        starts_at: None,
        ..before.clone()
    };
    let cleared = cleared.after(&before);
    assert_eq!(cleared.rule, before.rule, "without a start the beat stays");
}

#[test]
fn whole_days_keep_the_wall_clock_when_asked() {
    let asked = json!({"frequency": "interval", "every_seconds": 172_800, "wall_clock": true});
    let settings = interval(asked, "Europe/Berlin", Some("2027-03-25T01:30:00Z"));
    let settings = settings.normal().expect("good");
    let local = |settings: &ScheduleSettings, from: &str, count| -> Vec<String> {
        let slots = settings.preview(at(from), count);
        slots.into_iter().map(|slot| slot.local).collect()
    };
    // 02:30 does not exist on 28 March 2027 in Berlin, and comes twice on 31 October.
    assert_eq!(
        local(&settings, "2027-03-25T00:00:00Z", 4),
        [
            "2027-03-25T02:30:00+01:00",
            "2027-03-27T02:30:00+01:00",
            "2027-03-29T02:30:00+02:00",
            "2027-03-31T02:30:00+02:00",
        ]
    );
    let asked = json!({"frequency": "interval", "every_seconds": 86_400, "wall_clock": true});
    let daily = interval(asked.clone(), "Europe/Berlin", Some("2027-03-27T01:30:00Z"));
    let daily = daily.normal().expect("good");
    assert_eq!(
        local(&daily, "2027-03-28T00:00:00Z", 2),
        ["2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"],
        "right after the gap, and not later for ever"
    );
    assert_eq!(
        local(&daily, "2027-10-30T12:00:00Z", 2),
        ["2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00"]
    );
    let plain = interval(asked, "Europe/Berlin", None)
        .normal()
        .expect("good");
    assert_eq!(
        local(&plain, "2027-03-27T12:00:00Z", 1),
        ["2027-03-28T00:00:00+01:00"]
    );
    let odd = json!({"frequency": "interval", "every_seconds": 129_600, "wall_clock": true});
    let odd: Rule = serde_json::from_value(odd).expect("a rule");
    assert_eq!(
        odd.normal().expect_err("no whole days").code,
        "bad_interval"
    );
}

#[test]
fn an_expression_that_names_its_zone_is_refused_with_the_setting_to_use() {
    let given = json!({"frequency": "cron", "expression": "CRON_TZ=Europe/Berlin 0 9 * * *"});
    let given: Rule = serde_json::from_value(given).expect("a rule");
    let refused = given
        .normal()
        .expect_err("the zone is a setting of its own");
    assert!(
        refused.message.contains("--timezone Europe/Berlin"),
        "{}",
        refused.message
    );
}
