//! Tests of cron expressions: parsing, clock changes, and a comparison with a scan of every minute.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone of the IANA list")
}

fn cron(text: &str) -> Cron {
    Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The next `count` occurrences after `after` as local times with their offsets.
fn next(text: &str, name: &str, after: &str, count: usize) -> Vec<String> {
    let (cron, zone) = (cron(text), zone(name));
    let mut at: Timestamp = after.parse().expect("an instant");
    (0..count)
        .map(|_| {
            at = cron.next_after(at, &zone).expect("it fires again");
            at.to_zoned(zone.clone())
                .strftime("%a %m-%d %H:%M:%S%:z")
                .to_string()
        })
        .collect()
}

const NEW_YORK: &str = "America/New_York";
/// The evening before the clocks go from 02:00 to 03:00 in New York.
const BEFORE_GAP: &str = "2026-03-08T03:00:00Z";
/// The evening before the clocks go from 02:00 back to 01:00 in New York.
const BEFORE_OVERLAP: &str = "2026-11-01T01:00:00Z";

#[test]
fn a_fixed_time_in_the_gap_runs_right_after_it_and_once() {
    assert_eq!(
        next("30 2 * * *", NEW_YORK, BEFORE_GAP, 2),
        ["Sun 03-08 03:00:00-04:00", "Mon 03-09 02:30:00-04:00"]
    );
    assert_eq!(
        next("0 2,3 * * *", NEW_YORK, BEFORE_GAP, 2),
        ["Sun 03-08 03:00:00-04:00", "Mon 03-09 02:00:00-04:00"]
    );
}

#[test]
fn a_midnight_that_does_not_exist_runs_at_one() {
    // Cairo 2026: Friday 24 April begins at 01:00.
    assert_eq!(
        next("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", 2),
        ["Fri 04-24 01:00:00+03:00", "Sat 04-25 00:00:00+03:00"]
    );
    assert_eq!(
        next("0 */2 * * *", "Africa/Cairo", "2026-04-23T20:30:00Z", 2),
        ["Fri 04-24 02:00:00+03:00", "Fri 04-24 04:00:00+03:00"]
    );
}

#[test]
fn a_fixed_time_in_the_overlap_runs_the_first_time_only() {
    assert_eq!(
        next("30 1 * * *", NEW_YORK, BEFORE_OVERLAP, 2),
        ["Sun 11-01 01:30:00-04:00", "Mon 11-02 01:30:00-05:00"]
    );
    // Asked during the second 01:15, the first 01:30 is over.
    assert_eq!(
        next("30 1 * * *", NEW_YORK, "2026-11-01T06:15:00Z", 1),
        ["Mon 11-02 01:30:00-05:00"]
    );
}

#[test]
fn a_wildcard_follows_real_time_through_the_overlap() {
    assert_eq!(
        next("*/30 * * * *", NEW_YORK, "2026-11-01T04:30:00Z", 6),
        [
            "Sun 11-01 01:00:00-04:00",
            "Sun 11-01 01:30:00-04:00",
            "Sun 11-01 01:00:00-05:00",
            "Sun 11-01 01:30:00-05:00",
            "Sun 11-01 02:00:00-05:00",
            "Sun 11-01 02:30:00-05:00",
        ]
    );
}

#[test]
fn a_wildcard_follows_real_time_through_the_gap() {
    assert_eq!(
        next("*/30 * * * *", NEW_YORK, "2026-03-08T06:00:00Z", 3),
        [
            "Sun 03-08 01:30:00-05:00",
            "Sun 03-08 03:00:00-04:00",
            "Sun 03-08 03:30:00-04:00",
        ]
    );
    // The only hour it names is missing on that day, and nothing is caught up.
    assert_eq!(
        next("*/30 2 * * *", NEW_YORK, BEFORE_GAP, 1),
        ["Mon 03-09 02:00:00-04:00"]
    );
}

#[test]
fn a_gap_of_half_an_hour_counts_as_well() {
    // Lord Howe Island goes from 02:00 to 02:30.
    assert_eq!(
        next(
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00Z",
            2
        ),
        ["Sun 10-04 02:30:00+11:00", "Mon 10-05 02:15:00+11:00"]
    );
}

#[test]
fn one_to_five_is_monday_to_friday_and_seven_is_sunday() {
    let days = |text| {
        next(text, "UTC", "2026-11-21T12:00:00Z", 7)
            .into_iter()
            .map(|at| at[..3].to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(days("0 9 * * 1-5"), "Mon Tue Wed Thu Fri Mon Tue");
    assert_eq!(days("0 9 * * 0"), days("0 9 * * 7"));
    assert_eq!(days("0 9 * * 7"), "Sun Sun Sun Sun Sun Sun Sun");
    assert_eq!(days("0 9 * * 0,6"), "Sun Sat Sun Sat Sun Sat Sun");
    assert_eq!(days("0 9 * * FRI-mon"), "Sun Mon Fri Sat Sun Mon Fri");
    assert_eq!(days("0 9 * * 5-7"), "Sun Fri Sat Sun Fri Sat Sun");
    assert_eq!(days("0 9 * * 0-7"), "Sun Mon Tue Wed Thu Fri Sat");
    assert_eq!(days("0 9 * * 1-7"), "Sun Mon Tue Wed Thu Fri Sat");
    assert_eq!(days("0 9 * * 7-2"), "Sun Mon Tue Sun Mon Tue Sun");
}

#[test]
fn every_alias_means_what_it_says() {
    let meanings: Vec<String> = ALIASES
        .iter()
        .map(|(name, expression)| {
            assert_eq!(cron(name).source(), *name);
            assert_eq!(cron(name).hour, cron(expression).hour);
            let next = next(name, "UTC", "2026-11-21T12:34:56Z", 2).join(", ");
            format!("{name} = {expression} = {}: {next}", cron(name).describe())
        })
        .collect();
    insta::assert_debug_snapshot!(meanings);
}

#[test]
fn an_error_names_the_field_the_place_what_was_found_and_what_is_allowed() {
    let bad = [
        "",
        "* * * *",
        "0 0 * * * * 2026",
        "60 * * * *",
        "0 24 * * *",
        "0 9 0 * *",
        "0 9 32 * *",
        "0 9 * 13 *",
        "0 9 * * 8",
        "0  9 * *   MONDAY",
        "0 9 * JNA *",
        "0 9 * * MON-FRY",
        "0 9,,10 * * *",
        "0 9-x * * *",
        "*/0 * * * *",
        "*/60 * * * *",
        "*/x * * * *",
        "*/+5 * * * *",
        "/5 * * * *",
        "0 9 * * 1#+2",
        "0 9 L-+3 * *",
        "0 9 L-31 * *",
        "0 9 W * *",
        "0 9 * * L",
        "0 9 * * 1#6",
        "0 9 * * #2",
        "ä 9 * * *",
        "0 9 * * 5L,xyz",
        "H * * * *",
        "-1 * * * *",
        "@dayly",
        "@reboot",
        "@bananas",
        "0 0 31 2 *",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
    ];
    let errors: Vec<_> = bad
        .iter()
        .map(|text| {
            let error = Cron::parse(text).expect_err(text);
            (*text, error.kind, error.position, error.message)
        })
        .collect();
    insta::assert_debug_snapshot!(errors);
}

#[test]
fn descriptions_read_as_english() {
    let all = [
        "0 9 * * 1-5",
        "*/5 * * * *",
        "* * * * *",
        "0 * * * *",
        "15 * * * *",
        "*/7 * * * *",
        "5/10 * * * *",
        "0 */2 * * *",
        "30 */2 * * *",
        "0 */5 * * *",
        "0 9-17 * * *",
        "*/15 9-17 * * MON-FRI",
        "* 9 * * *",
        "*/20 8 * * *",
        "0,30 9,17 * * *",
        "0 9,12,18 * * 6,0",
        "10,20,40 * * * *",
        "0-10 * * * *",
        "0-10 9-17 * * *",
        "5 0-23/3 * * *",
        "15 9/4 * * *",
        "0 22-2 * * *",
        "0 1,3,5,7,9,11,13 * * *",
        "30 9 1 * *",
        "0 0 1,15 * *",
        "0 0 1-7 * *",
        "0 0 */2 * *",
        "0 0 5/10 * *",
        "0 0 1-15/7 * *",
        "0 18 L * *",
        "0 18 L-3 * *",
        "0 18 L-1 * *",
        "0 18 LW * *",
        "0 9 15W * *",
        "0 9 1W,LW * *",
        "0 9 * * MON",
        "0 9 * * MON,THU",
        "0 9 * * FRI-MON",
        "0 9 * * 2-4",
        "0 9 * * 1#2",
        "0 17 * * 5L",
        "0 17 * * 1#1,5L",
        "0 17 * * MON,5L",
        "0 9 1 1 *",
        "0 9 * 6 *",
        "0 9 * NOV-FEB *",
        "0 9 * */3 *",
        "0 9 L 2 *",
        "0 9 * 6 MON",
        "0 9 * 6 1#1",
        "0 9 13 * FRI",
        "0 9 1-7 6 MON",
        "0 9 */2 * MON",
        "0 9 1 * */2",
        "*/10 * * * * *",
        "* * * * * *",
        "15 * * * * *",
        "30 0 9 * * *",
        "*/7 * * * * *",
        "0,30 * * * * *",
        "* * 9-17 * * *",
        "*/5 10 9 * * *",
        "5 */10 * * * *",
        "10,20 5 * * * *",
        "* 0-5 9,10 * * MON",
        "*/5 * * 6 *",
        "*/5 */2 * * *",
        "* 9,12 * * *",
        "0 9 ? * ?",
        "@business_hours",
        "0 0-23 * * *",
        "5 1 9,10,11,12,13,14,15 * * *",
        "0 9 31 * *",
        "0 9 1-31 * MON",
        "0 9 ? * MON-SUN",
    ];
    let told: Vec<String> = all
        .iter()
        .map(|text| format!("{text:<24} {}", cron(text).describe()))
        .collect();
    insta::assert_debug_snapshot!(told);
}
