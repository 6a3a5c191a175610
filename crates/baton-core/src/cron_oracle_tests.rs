//! Compares cron with independent models: a walk over every minute, and the calendar of the time library.

use jiff::civil::{Date, DateTime, Weekday, date};
use jiff::tz::{TimeZone, db};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone of the IANA list")
}

fn cron(text: &str) -> Cron {
    Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Zones with large, small, southern, midnight and Ramadan clock changes, and one without any.
const ZONES: [&str; 9] = [
    "America/New_York",
    "Europe/Berlin",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Santiago",
    "America/Havana",
    "Atlantic/Azores",
    "Asia/Kolkata",
];

type Model = (&'static str, fn(DateTime) -> bool);

/// Expressions, with what they mean written a second time. Times are listed, as ranges, and as steps.
const MODELS: [Model; 23] = [
    ("30 2 * * *", |t| (t.hour(), t.minute()) == (2, 30)),
    ("0 0 * * *", |t| (t.hour(), t.minute()) == (0, 0)),
    ("30 0 * * *", |t| (t.hour(), t.minute()) == (0, 30)),
    ("0,15 1,2,3 * * *", |t| {
        (1..=3).contains(&t.hour()) && (t.minute() == 0 || t.minute() == 15)
    }),
    ("59 23,0,1 * * 0", |t| {
        t.weekday() == Weekday::Sunday && matches!(t.hour(), 23 | 0 | 1) && t.minute() == 59
    }),
    ("45 22-2 * 3,10 SAT-MON", |t| {
        let hour = t.hour() >= 22 || t.hour() <= 2;
        let day = !matches!(t.weekday().to_monday_one_offset(), 2..=5);
        hour && day && t.minute() == 45 && matches!(t.month(), 3 | 10)
    }),
    ("15-20 2 * * *", |t| {
        t.hour() == 2 && (15..=20).contains(&t.minute())
    }),
    ("0 9 * * 1-5", |t| {
        t.weekday().to_monday_one_offset() <= 5 && (t.hour(), t.minute()) == (9, 0)
    }),
    ("0-59 2 * * *", |t| t.hour() == 2),
    ("5-59/10 2 * * *", |t| t.hour() == 2 && t.minute() % 10 == 5),
    ("0 0-23 * * *", |t| t.minute() == 0),
    ("15,45 2 * * *", |t| {
        t.hour() == 2 && matches!(t.minute(), 15 | 45)
    }),
    ("5-59/30 1 * * *", |t| {
        t.hour() == 1 && matches!(t.minute(), 5 | 35)
    }),
    ("0-59/20 0-23 * * *", |t| t.minute() % 20 == 0),
    ("5/20 1-3 * * *", |t| {
        matches!(t.minute(), 5 | 25 | 45) && (1..=3).contains(&t.hour())
    }),
    ("0,*/30 0,1,2 * * *", |t| {
        t.minute() % 30 == 0 && t.hour() <= 2
    }),
    ("*/30 * * * *", |t| t.minute() % 30 == 0),
    ("0 */2 * * *", |t| t.minute() == 0 && t.hour() % 2 == 0),
    ("10 * * * 6,7", |t| {
        t.minute() == 10 && t.weekday().to_monday_one_offset() >= 6
    }),
    ("* 2 */2 * *", |t| t.hour() == 2 && t.day() % 2 == 1),
    ("*/15 2 * * *", |t| t.hour() == 2 && t.minute() % 15 == 0),
    ("*/30,10 0-2 * * *", |t| {
        (t.minute() % 30 == 0 || t.minute() == 10) && t.hour() <= 2
    }),
    ("* 0-3 * * *", |t| t.hour() <= 3),
];

/// cronie's rule, from its text alone: a job follows the clock when its minute or its hour begins with
/// a `*`, and is one of fixed times otherwise. Seconds, which cronie has not, count like the two.
fn is_fixed(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let clock = &words[..words.len() - 3];
    !clock.iter().any(|word| word.starts_with(['*', '?']))
}

/// The stretches of time around the clock changes of two years, and one without.
fn stretches(zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
    let from = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let to: Timestamp = "2028-01-01T00:00:00Z".parse().expect("an instant");
    let changes = zone.following(from).map(|change| change.timestamp());
    let changes = changes.take_while(|at| *at < to).chain([from]);
    let margin = SignedDuration::from_hours(30);
    changes.map(|at| (at - margin, at + margin)).collect()
}

/// Every minute of the stretch at which the model fires. A wall-clock minute that was passed before
/// counts again only in real time; minutes that are jumped over count only for fixed times.
fn walk(
    zone: &TimeZone,
    from: Timestamp,
    to: Timestamp,
    fixed: bool,
    fits: fn(DateTime) -> bool,
) -> Vec<Timestamp> {
    let mut fired = Vec::new();
    let mut seen = zone.to_datetime(from);
    let mut at = from + SignedDuration::from_mins(1);
    while at <= to {
        let local = zone.to_datetime(at);
        let fires = if fixed {
            let mut fires = false;
            while seen < local {
                seen = seen.checked_add(1.minute()).expect("within the calendar");
                fires |= fits(seen);
            }
            fires
        } else {
            fits(local)
        };
        if fires {
            fired.push(at);
        }
        at += SignedDuration::from_mins(1);
    }
    fired
}

/// The slots that are computed for a stretch.
fn computed(text: &str, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let cron = cron(text);
    std::iter::successors(cron.next_after(from, zone), |at| cron.next_after(*at, zone))
        .take_while(|at| *at <= to)
        .collect()
}

#[test]
fn every_minute_around_the_clock_changes_agrees_with_a_walk() {
    let mut compared = 0;
    for name in ZONES {
        let zone = zone(name);
        for (from, to) in stretches(&zone) {
            for (text, fits) in MODELS {
                let walked = walk(&zone, from, to, is_fixed(text), fits);
                let computed = computed(text, &zone, from, to);
                assert_eq!(computed, walked, "{text} in {name} from {from}");
                compared += walked.len();
            }
        }
    }
    assert!(compared > 10_000, "only {compared} slots were compared");
}

/// What Debian cron 3.0pl1-162 and cronie 1.7.2 did under a moved clock in New York, instants that are one
/// being one slot: 2027-03-14 has a gap at 07:00Z, 2026-11-01 a second hour from 06:00Z.
#[test]
fn the_clock_changes_of_new_york_are_as_cronie_was_seen_to_do_them() {
    let zone = zone("America/New_York");
    let gap = ("2027-03-14T06:40:00Z", "2027-03-14T09:30:00Z");
    let fold = ("2026-11-01T04:50:00Z", "2026-11-01T07:30:00Z");
    for (text, (from, to), seen) in [
        ("0 0-23 * * *", fold, "05:00 07:00"),
        ("5-59/30 1 * * *", fold, "05:05 05:35"),
        ("0-59/20 1 * * *", fold, "05:00 05:20 05:40"),
        ("30 1 * * *", fold, "05:30"),
        ("0 * * * *", fold, "05:00 06:00 07:00"),
        ("5-59/10 2 * * *", gap, "07:00"),
        ("0-59 2 * * *", gap, "07:00"),
        ("15,45 2 * * *", gap, "07:00"),
        ("30 2 * * *", gap, "07:00"),
        ("*/15 2 * * *", gap, ""),
        ("0 0-23 * * *", gap, "07:00 08:00 09:00"),
        ("0 */2 * * *", gap, "08:00"),
    ] {
        let (from, to) = (from.parse().expect("one"), to.parse().expect("one"));
        let slots = computed(text, &zone, from, to);
        let told: Vec<String> = slots
            .iter()
            .map(|at| at.strftime("%H:%M").to_string())
            .collect();
        assert_eq!(told.join(" "), seen, "{text}");
    }
}

#[test]
fn seconds_count_as_minutes_and_hours_do() {
    let zone = zone("America/New_York");
    let count = |text: &str, from: &str, to: &str| {
        let (from, to) = (from.parse().expect("one"), to.parse().expect("one"));
        computed(text, &zone, from, to).len()
    };
    let (gap_from, gap_to) = ("2027-03-14T06:00:00Z", "2027-03-14T12:00:00Z");
    let (fold_from, fold_to) = ("2026-11-01T04:50:00Z", "2026-11-01T12:00:00Z");
    for (text, gap, fold) in [
        ("*/10 30 2 * * *", 0, 6),
        ("0-59/10 30 2 * * *", 1, 6),
        ("0,10,20,30,40,50 30 2 * * *", 1, 6),
        ("*/10 30 1 * * *", 6, 12),
        ("0-59/10 30 1 * * *", 6, 6),
        ("0,10,20,30,40,50 30 1 * * *", 6, 6),
    ] {
        let (gap_from, fold_from) = match text.contains(" 1 ") {
            true => ("2027-03-14T05:00:00Z", fold_from),
            false => (gap_from, fold_from),
        };
        assert_eq!(count(text, gap_from, gap_to), gap, "{text} in the gap");
        assert_eq!(count(text, fold_from, fold_to), fold, "{text} in the fold");
    }
}

#[test]
fn a_daily_time_fires_once_a_day_in_every_zone_whatever_the_clocks_do() {
    let from: Timestamp = "2024-01-01T00:00:00Z".parse().expect("an instant");
    let to: Timestamp = "2030-01-01T00:00:00Z".parse().expect("an instant");
    let mut changes = 0;
    for name in db().available() {
        let Ok(zone) = TimeZone::get(name.as_str()) else {
            continue;
        };
        for change in zone
            .following(from)
            .take_while(|change| change.timestamp() < to)
        {
            changes += 1;
            // Just before, at and just after the change, on the clocks before it.
            let at = zone.to_datetime(change.timestamp() - SignedDuration::from_secs(1));
            for shift in [-30, 10, 70] {
                let time = at
                    .checked_add(shift.minutes())
                    .expect("within the calendar");
                let cron = cron(&format!("{} {} * * *", time.minute(), time.hour()));
                let first = time.checked_sub(36.hours()).expect("within the calendar");
                let last = time.checked_add(36.hours()).expect("within the calendar");
                let start = zone.to_timestamp(first).expect("within the calendar");
                let end = zone.to_timestamp(last).expect("within the calendar");
                let slots = std::iter::successors(cron.next_after(start, &zone), |at| {
                    cron.next_after(*at, &zone)
                });
                let days: Vec<Date> = slots
                    .take_while(|at| *at <= end)
                    .map(|at| zone.to_datetime(at).date())
                    .collect();
                assert_eq!(days.len(), 3, "{} at {time}: {days:?}", name.as_str());
            }
        }
    }
    assert!(changes > 500, "only {changes} clock changes were seen");
}

type DayModel = (&'static str, fn(Date) -> bool);

const DAYS: [DayModel; 14] = [
    ("L * *", |d| d == d.last_of_month()),
    ("L-3 * *", |d| d.days_in_month() - d.day() == 3),
    ("LW * *", |d| d == workday_near(d.last_of_month())),
    ("15W * *", |d| {
        d == workday_near(d.first_of_month() + 14.days())
    }),
    ("1W * *", |d| d == workday_near(d.first_of_month())),
    ("31W * *", |d| {
        d.days_in_month() == 31 && d == workday_near(d.last_of_month())
    }),
    ("* * 5L", |d| {
        Ok(d) == d.nth_weekday_of_month(-1, Weekday::Friday).map_err(drop)
    }),
    ("* * 1#2", |d| {
        Ok(d) == d.nth_weekday_of_month(2, Weekday::Monday).map_err(drop)
    }),
    ("* * SUN#5", |d| {
        Ok(d) == d.nth_weekday_of_month(5, Weekday::Sunday).map_err(drop)
    }),
    ("13 * FRI", |d| {
        d.day() == 13 || d.weekday() == Weekday::Friday
    }),
    ("*/2 * MON", |d| {
        d.day() % 2 == 1 && d.weekday() == Weekday::Monday
    }),
    ("28-3 11-2 *", |d| {
        (d.day() >= 28 || d.day() <= 3) && (d.month() >= 11 || d.month() <= 2)
    }),
    ("29 2 *", |d| (d.month(), d.day()) == (2, 29)),
    ("L,15 6 5L", |d| {
        d.month() == 6
            && (d == d.last_of_month()
                || d.day() == 15
                || Ok(d) == d.nth_weekday_of_month(-1, Weekday::Friday).map_err(drop))
    }),
];

/// The Monday to Friday nearest to a day, in the same month.
fn workday_near(day: Date) -> Date {
    let is_workday = |d: &Date| d.weekday().to_monday_one_offset() <= 5;
    [0, -1, 1, -2, 2]
        .into_iter()
        .map(|shift| day + shift.days())
        .find(|d| d.month() == day.month() && is_workday(d))
        .expect("one of five days in a row within a month is a workday")
}

#[test]
fn every_day_of_nine_years_agrees_with_the_calendar() {
    let (first, last) = (date(2023, 1, 1), date(2031, 12, 31));
    for (text, fits) in DAYS {
        let cron = cron(&format!("0 12 {text}"));
        let zone = TimeZone::UTC;
        let start = zone.to_timestamp(first.at(0, 0, 0, 0)).expect("an instant");
        let computed: Vec<Date> = std::iter::successors(cron.next_after(start, &zone), |at| {
            cron.next_after(*at, &zone)
        })
        .map(|at| zone.to_datetime(at).date())
        .take_while(|day| *day <= last)
        .collect();
        let walked: Vec<Date> = first
            .series(1.day())
            .take_while(|d| *d <= last)
            .filter(|d| fits(*d))
            .collect();
        assert!(!walked.is_empty(), "{text} never fired");
        assert_eq!(computed, walked, "{text}");
    }
}

#[test]
fn a_rare_date_is_found_however_far_it_is() {
    let next = |text: &str, after: &str| {
        let after = after.parse().expect("an instant");
        cron(text)
            .next_after(after, &TimeZone::UTC)
            .expect("it fires")
            .to_string()
    };
    // 1900 and 2100 are no leap years.
    assert_eq!(
        next("0 0 29 2 *", "2096-03-01T00:00:00Z"),
        "2104-02-29T00:00:00Z"
    );
    assert_eq!(
        next("0 0 29 2 */7", "2088-03-01T00:00:00Z"),
        "2128-02-29T00:00:00Z"
    );
    assert_eq!(
        next("0 0 * 2 1#5", "2028-03-01T00:00:00Z"),
        "2044-02-29T00:00:00Z"
    );
    assert_eq!(
        cron("* * * * *").next_after(Timestamp::MAX, &TimeZone::UTC),
        None
    );
}

#[test]
fn a_day_dropped_at_the_date_line_is_not_caught_up() {
    // Samoa had no 30 December 2011.
    let after = "2011-12-29T12:00:00Z".parse().expect("an instant");
    let apia = zone("Pacific/Apia");
    let next = cron("0 9 * * *")
        .next_after(after, &apia)
        .expect("it fires");
    assert_eq!(apia.to_datetime(next).to_string(), "2011-12-29T09:00:00");
    let next = cron("0 9 * * *").next_after(next, &apia).expect("it fires");
    assert_eq!(apia.to_datetime(next).to_string(), "2011-12-31T09:00:00");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in "[ 0-9*/,?LW#@a-zA-Zä-]{0,40}") {
        if let Ok(cron) = Cron::parse(&text) {
            prop_assert!(!cron.describe().is_empty());
        }
    }

    #[test]
    fn two_spellings_of_one_set_of_times_fire_alike(
        first in 0..30_u8,
        step in 1..30_u8,
        hour in 0..4_u8,
        hours in 0..3_u8,
        zone_index in 0..ZONES.len(),
        change in 0..4_usize,
    ) {
        let listed = |values: Vec<u8>| values.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let minutes = listed((first..60).step_by(usize::from(step)).collect());
        let in_hours = listed((hour..=hour + hours).collect());
        let zone = zone(ZONES[zone_index]);
        let stretches = stretches(&zone);
        let (from, to) = stretches[change % stretches.len()];
        let range = format!("{first}-59/{step} {hour}-{} * * *", hour + hours);
        let list = format!("{minutes} {in_hours} * * *");
        prop_assert_eq!(computed(&range, &zone, from, to), computed(&list, &zone, from, to));
    }

    #[test]
    fn the_next_slot_is_later_and_moving_the_start_up_to_it_changes_nothing(
        minute in prop_oneof![Just("*".to_owned()), (0..60_u8).prop_map(|m| m.to_string()), (1..60_u8).prop_map(|s| format!("*/{s}"))],
        hour in prop_oneof![Just("*".to_owned()), (0..24_u8, 0..24_u8).prop_map(|(a, b)| format!("{a}-{b}"))],
        day in prop_oneof![Just("*".to_owned()), Just("L".to_owned()), (1..29_u8).prop_map(|d| format!("{d}W"))],
        after in 1_700_000_000_i64..2_000_000_000,
        part in 0.0..1.0_f64,
        zone_index in 0..ZONES.len(),
    ) {
        let cron = cron(&format!("{minute} {hour} {day} * *"));
        let zone = zone(ZONES[zone_index]);
        let after = Timestamp::from_second(after).expect("an instant");
        let next = cron.next_after(after, &zone).expect("it fires");
        prop_assert!(next > after);
        let between = after + next.duration_since(after).mul_f64(part);
        prop_assert_eq!(cron.next_after(between.min(next - SignedDuration::from_nanos(1)), &zone), Some(next));
    }
}
