//! Tests of schedule settings: what is refused, which slots they have, how they are shown.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn settings(rule: Rule, timezone: &str) -> ScheduleSettings {
    ScheduleSettings {
        rule,
        timezone: timezone.into(),
        starts_at: None,
        ends_at: None,
        jitter_seconds: 0,
        missed: Missed::default(),
        overlap: Overlap::default(),
        parameters: Map::new(),
        robot_id: None,
        priority: None,
    }
}

fn cron(expression: &str) -> Rule {
    Rule::Cron {
        expression: expression.into(),
    }
}

fn daily(time: &str) -> Rule {
    Rule::Daily { time: time.into() }
}

fn weekly(days: &[&str]) -> Rule {
    Rule::Weekly {
        days: days.iter().map(|day| (*day).into()).collect(),
        time: "09:00".into(),
    }
}

fn once(at: &str) -> Rule {
    Rule::Once { at: at.into() }
}

const BERLIN: &str = "Europe/Berlin";
const NOW: &str = "2026-11-21T12:00:00Z";

/// The next slots as local times.
fn next(rule: Rule, zone: &str, after: &str, count: usize) -> Vec<String> {
    let preview = settings(rule, zone).preview(at(after), count);
    preview.into_iter().map(|slot| slot.local).collect()
}

#[test]
fn settings_that_make_no_sense_are_refused_with_code_field_and_advice() {
    let good = || settings(daily("09:00"), BERLIN);
    let zone = |name| settings(daily("09:00"), name);
    let berlin = |rule| settings(rule, BERLIN);
    let monthly = |days: &[i8]| {
        berlin(Rule::Monthly {
            days: days.to_vec(),
            time: "9:00".into(),
        })
    };
    let bad = [
        zone("Europe/Berln"),
        zone("berlin"),
        zone("New York"),
        zone("PST"),
        zone("+02:00"),
        zone(""),
        zone("Nowhere/At/All"),
        berlin(cron("0 25 * * *")),
        berlin(cron("0 0 31 2 *")),
        berlin(daily("25:00")),
        berlin(daily("9")),
        berlin(daily("9:30 am")),
        berlin(weekly(&[])),
        berlin(weekly(&["mon", "tues"])),
        berlin(weekly(&["someday"])),
        monthly(&[]),
        monthly(&[1, 32]),
        monthly(&[0]),
        berlin(Rule::Hourly { minute: 60 }),
        berlin(Rule::every_seconds(0)),
        berlin(once("tomorrow")),
        berlin(once("2026-12-24T18:00Z")),
        berlin(once("2026-11-21T12:59:59")),
        berlin(once("9999-12-31T23:59:59")),
        ScheduleSettings {
            jitter_seconds: 86_401,
            ..good()
        },
        ScheduleSettings {
            starts_at: Some(at("2027-02-01T00:00:00Z")),
            ends_at: Some(at("2027-01-01T00:00:00Z")),
            ..good()
        },
        ScheduleSettings {
            ends_at: Some(at("2026-11-21T11:00:00Z")),
            ..good()
        },
        ScheduleSettings {
            starts_at: Some(at("2026-12-01T09:00:00Z")),
            ends_at: Some(at("2026-12-01T10:00:00Z")),
            ..good()
        },
    ];
    let errors: Vec<_> = bad
        .iter()
        .map(|settings| {
            settings
                .check(at(NOW))
                .expect_err("bad settings")
                .to_string_with_code()
        })
        .collect();
    insta::assert_debug_snapshot!(errors);
    assert_eq!(good().check(at(NOW)), Ok(()));
}

trait WithCode {
    fn to_string_with_code(&self) -> String;
}

impl WithCode for ScheduleError {
    fn to_string_with_code(&self) -> String {
        format!("{} {self}", self.code)
    }
}

#[test]
fn every_rule_has_the_slots_it_names() {
    assert_eq!(
        next(daily("9:30:15"), BERLIN, NOW, 1),
        ["2026-11-22T09:30:15+01:00"]
    );
    assert_eq!(
        next(Rule::Hourly { minute: 5 }, BERLIN, NOW, 2),
        ["2026-11-21T13:05:00+01:00", "2026-11-21T14:05:00+01:00"]
    );
    assert_eq!(
        next(weekly(&["Sunday", "tue"]), BERLIN, NOW, 3),
        [
            "2026-11-22T09:00:00+01:00",
            "2026-11-24T09:00:00+01:00",
            "2026-11-29T09:00:00+01:00"
        ]
    );
    let monthly = Rule::Monthly {
        days: vec![-1, 30],
        time: "18:00".into(),
    };
    assert_eq!(
        next(monthly, BERLIN, "2027-01-30T20:00:00Z", 4),
        [
            "2027-01-31T18:00:00+01:00",
            "2027-02-28T18:00:00+01:00",
            "2027-03-30T18:00:00+02:00",
            "2027-03-31T18:00:00+02:00"
        ]
    );
    assert_eq!(
        next(once("2026-12-24T18:00"), BERLIN, NOW, 5),
        ["2026-12-24T18:00:00+01:00"]
    );
}

#[test]
fn an_interval_keeps_step_with_its_anchor_on_both_sides_and_across_clock_changes() {
    let rule = Rule::Interval {
        every_seconds: 7_200,
        anchor: Some(at("2030-01-01T00:30:00.123456789Z")),
        wall_clock: false,
    };
    let slots = settings(rule, BERLIN).upcoming(at("2026-03-28T23:00:00Z"), 3);
    assert_eq!(
        slots,
        [
            at("2026-03-29T00:30:00.123456Z"),
            at("2026-03-29T02:30:00.123456Z"),
            at("2026-03-29T04:30:00.123456Z")
        ],
        "in the microseconds that are stored"
    );
    let before_1970 = settings(Rule::every_seconds(3_600), "UTC");
    assert_eq!(
        before_1970.next_after(at("1969-12-31T22:10:00Z")),
        Some(at("1969-12-31T23:00:00Z"))
    );
}

#[test]
fn start_and_end_belong_to_the_schedule() {
    let settings = ScheduleSettings {
        starts_at: Some(at("2026-12-01T08:00:00Z")),
        ends_at: Some(at("2026-12-03T08:00:00Z")),
        ..settings(daily("09:00"), BERLIN)
    };
    assert_eq!(
        settings.upcoming(at(NOW), 10),
        [
            at("2026-12-01T08:00:00Z"),
            at("2026-12-02T08:00:00Z"),
            at("2026-12-03T08:00:00Z")
        ]
    );
    assert_eq!(settings.next_after(at("2026-12-03T08:00:00Z")), None);
}

#[test]
fn the_latest_slot_is_found_without_walking() {
    let timetable = |rule| Timetable::new(&settings(rule, BERLIN)).expect("good settings");
    let from = at("2020-01-01T00:00:00Z");
    let until = at("2026-10-25T01:15:00Z");
    let every_second = timetable(cron("* * * * * *"));
    assert_eq!(every_second.last_within(from, until), Some(until));
    assert_eq!(
        timetable(cron("30 2 * * *")).last_within(from, until),
        Some(at("2026-10-25T00:30:00Z")),
        "the first 02:30 of the day on which it comes twice"
    );
    assert_eq!(
        timetable(cron("0 0 29 2 *")).last_within(from, until),
        Some(at("2024-02-28T23:00:00Z"))
    );
    assert_eq!(
        timetable(cron("0 0 29 2 *")).last_within(at("2024-03-01T00:00:00Z"), until),
        None
    );
    assert_eq!(every_second.last_within(until, until), None);
}

#[test]
fn a_preview_explains_clock_changes() {
    let berlin = |rule| settings(rule, BERLIN);
    let shown = |settings: ScheduleSettings, from, count| {
        let slots = settings.preview(at(from), count);
        slots
            .into_iter()
            .map(|slot| {
                format!(
                    "{} {} {}",
                    slot.local,
                    slot.zone,
                    slot.note.unwrap_or_default()
                )
            })
            .collect::<Vec<_>>()
    };
    let spring = "2026-03-28T00:00:00Z";
    let autumn = "2026-10-24T12:00:00Z";
    insta::assert_debug_snapshot!([
        shown(berlin(daily("02:30")), spring, 3),
        shown(berlin(daily("02:30")), autumn, 3),
        shown(berlin(daily("09:00")), spring, 3),
        shown(berlin(cron("*/30 * * * *")), "2026-10-24T23:30:00Z", 7),
        shown(berlin(cron("*/30 * * * *")), "2026-03-29T00:00:00Z", 3),
        shown(
            berlin(Rule::every_seconds(3_600)),
            "2026-10-24T23:30:00Z",
            3
        ),
        shown(berlin(once("2026-03-29T02:15")), spring, 3),
        shown(berlin(once("2026-10-25T02:15:30")), autumn, 3),
        shown(berlin(cron("@monthly")), "2026-09-15T00:00:00Z", 3),
        shown(
            settings(daily("00:00"), "Africa/Cairo"),
            "2026-04-22T12:00:00Z",
            3
        ),
        shown(
            settings(daily("02:15"), "Australia/Lord_Howe"),
            "2026-10-03T00:00:00Z",
            2
        ),
        shown(berlin(cron("15,45 2 * * *")), spring, 4),
        shown(berlin(cron("5-59/10 2 * * *")), spring, 7),
        shown(berlin(cron("0 2,3 * * *")), spring, 4),
        shown(berlin(cron("*/15 2 * * *")), spring, 6),
        shown(berlin(cron("*/20 30 2 * * *")), spring, 5),
    ]);
}

#[test]
fn descriptions_name_zone_start_and_end() {
    let berlin = |rule| settings(rule, BERLIN).describe();
    let bounded = ScheduleSettings {
        starts_at: Some(at("2026-12-01T08:00:00Z")),
        ends_at: Some(at("2027-06-30T21:59:00Z")),
        ..settings(daily("09:00"), BERLIN)
    };
    let from_start = ScheduleSettings {
        starts_at: Some(at("2026-12-01T08:00:00Z")),
        ..settings(Rule::every_seconds(86_400), BERLIN)
    };
    let from_start = from_start.normal().expect("good settings");
    let monthly = Rule::Monthly {
        days: vec![1, -1],
        time: "18:00".into(),
    };
    let anchored = Rule::Interval {
        every_seconds: 5_400,
        anchor: Some(at("2026-01-01T08:00:00Z")),
        wall_clock: false,
    };
    insta::assert_debug_snapshot!([
        berlin(cron("0 9 * * 1-5")),
        berlin(cron("@every_5_minutes")),
        berlin(cron("*/5 9-17 * * *")),
        berlin(daily("09:30")),
        berlin(Rule::Hourly { minute: 0 }),
        berlin(Rule::Hourly { minute: 15 }),
        berlin(weekly(&["mon", "wed", "fri"])),
        berlin(weekly(&["mon", "tue", "wed", "thu", "fri"])),
        berlin(weekly(&["sun", "mon", "tue", "wed", "thu", "fri", "sat"])),
        berlin(monthly),
        berlin(once("2026-12-24T18:00")),
        berlin(Rule::every_seconds(1)),
        berlin(Rule::every_seconds(90)),
        berlin(Rule::every_seconds(300)),
        berlin(Rule::every_seconds(3_600)),
        berlin(Rule::every_seconds(86_400)),
        berlin(Rule::every_seconds(7 * 86_400)),
        berlin(Rule::every_seconds(5 * 3_600)),
        berlin(Rule::Interval {
            every_seconds: 2 * 86_400,
            anchor: Some(at("2026-12-01T08:00:00Z")),
            wall_clock: true,
        }),
        from_start.describe(),
        berlin(anchored),
        bounded.describe(),
        settings(daily("25:00"), BERLIN).describe(),
    ]);
}

#[test]
fn settings_survive_json_and_unknown_frequencies_do_not() {
    let given = json!({
        "rule": {"frequency": "cron", "expression": "@daily"},
        "timezone": "Europe/Berlin",
    });
    let read: ScheduleSettings = serde_json::from_value(given).expect("good settings");
    assert_eq!(read, settings(cron("@daily"), BERLIN));
    let bad = json!({"rule": {"frequency": "fortnightly"}, "timezone": "UTC"});
    assert!(serde_json::from_value::<ScheduleSettings>(bad).is_err());
}

#[test]
fn a_rule_from_a_cron_text_is_checked_at_once() {
    assert_eq!(Rule::cron(" @daily "), Ok(cron("@daily")));
    let error = Rule::cron("0 9 * * 8").expect_err("no such weekday");
    assert!(error.message.starts_with("weekday: \"8\" at character 9"));
}

#[test]
fn an_endless_request_is_cut() {
    let settings = settings(Rule::every_seconds(1), "UTC");
    assert_eq!(settings.upcoming(at(NOW), usize::MAX).len(), MAX_UPCOMING);
    let first = settings.upcoming(at(NOW), 1);
    assert_eq!(first, [at(NOW) + SignedDuration::from_secs(1)]);
}

#[test]
fn a_preview_begins_at_the_very_moment_it_is_asked_from() {
    let midnight = "2026-12-01T00:00:00Z";
    for rule in [
        daily("00:00"),
        Rule::every_seconds(86_400),
        Rule::every_seconds(3_600),
        cron("0 0 * * *"),
        once("2026-12-01T00:00"),
    ] {
        let settings = settings(rule, "UTC");
        let slots = settings.preview(at(midnight), 1);
        assert_eq!(slots[0].slot_utc, at(midnight), "{}", settings.describe());
        assert_eq!(settings.check_from(at(midnight)), Ok(()));
    }
}
