//! Tests of what is refused as another dialect, and of what the refusal says to write instead.

use crate::cron::Cron;

/// What the refusal of a text says.
fn refused(text: &str) -> String {
    match Cron::parse(text) {
        Ok(cron) => panic!("{text} is taken as {}", cron.describe()),
        Err(error) => error.message,
    }
}

#[test]
fn numbers_of_weekdays_beside_a_question_mark_are_asked_for_by_name() {
    // Quartz and AWS count 1 as Sunday; npm croner 11.0.1 with `alternativeWeekdays` gives these days.
    for (text, meant) in [
        ("0 15 10 ? * 6L", "FRIL"),
        ("0 15 10 ? * 6#3", "FRI#3"),
        ("0 0 12 ? * 2-6", "MON-FRI"),
        ("0 0 12 ? * 1,7", "SUN,SAT"),
        ("0 0 12 ? * 2/2", "MON,WED,FRI"),
        ("0 12 ? * 2-6", "MON-FRI"),
        ("0 0 17 * * 6L", "FRIL"),
        ("0 0 17 * * 6#3", "FRI#3"),
    ] {
        let message = refused(text);
        assert!(message.contains(meant), "{text}: {message}");
    }
}

#[test]
fn what_means_the_same_in_both_dialects_is_taken() {
    for text in [
        "0 0 12 * * ?",
        "0 0 12 ? * MON-FRI",
        "0 15 10 ? * FRIL",
        "0 15 10 ? * FRI#3",
        "0 15 10 L * ?",
        "0 0 12 ? * 0-4",
        "0 9 ? * MON-SUN",
        "0 0 9 * * 1-5",
        "0 17 * * 5L",
        "0 9 * * 1#2",
    ] {
        let taken = Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(Ok(taken), Cron::parse_stored(text), "{text}");
    }
}

#[test]
fn shifted_fields_and_years_are_refused_with_the_expression_to_write() {
    for (text, write) in [
        ("0 10 * * ? *", "\"0 10 * * *\""),
        ("0 10 ? * MON-FRI *", "\"0 10 * * MON-FRI\""),
        ("0 10 ? * 2-6 *", "\"0 10 * * MON-FRI\""),
        ("0 9 * * 1-5 2027", "\"0 9 * * 1-5\""),
        ("0 0 9 * * MON-FRI 2027-2029", "\"0 0 9 * * MON-FRI\""),
        ("0 0 12 ? * WED *", "\"0 0 12 ? * WED\""),
        ("0 ? * * *", "minute, hour, day of month"),
        (
            "CRON_TZ=America/New_York 0 9 * * *",
            "--timezone America/New_York",
        ),
        ("TZ=Asia/Tokyo 0 9 * * *", "\"0 9 * * *\""),
        ("@every 5m", "--every 5m"),
        ("@every 1h30m", "--every 1h30m"),
        ("rate(5 minutes)", "--every 5m"),
        ("cron(0 10 * * ? *)", "the year"),
        ("@reboot", "not at events"),
        ("0 9 * * L5", "write 5L"),
        ("0 9 * * LFRI", "write FRIL"),
    ] {
        let message = refused(text);
        assert!(message.contains(write), "{text}: {message}");
    }
}

#[test]
fn a_step_that_is_too_large_is_answered_with_the_equal_expression() {
    for (text, equal, every) in [
        ("*/60 * * * *", "\"0 * * * *\"", "--every 60m"),
        ("*/90 * * * *", "\"0 * * * *\"", "--every 90m"),
        ("0 */24 * * *", "\"0 0 * * *\"", "--every 24h"),
        ("5/60 2 * * *", "\"5 2 * * *\"", "--every 60m"),
        ("*/60 0 2 * * *", "\"0 0 2 * * *\"", "--every 60s"),
        ("0 0 */40 * *", "\"0 0 1 * *\"", "--every 40d"),
    ] {
        let message = refused(text);
        assert!(message.contains(equal), "{text}: {message}");
        assert!(message.contains(every), "{text}: {message}");
    }
    assert!(refused("0 0 1 */13 *").contains("\"0 0 1 1 *\""));
}

#[test]
fn an_expression_that_was_accepted_by_an_earlier_version_can_still_be_read() {
    let stored = Cron::parse_stored("0 0 12 ? * 2-6").expect("it fired until now");
    assert_eq!(stored.describe(), "At 12:00 from Tuesday to Saturday");
}

#[test]
fn what_other_schedulers_write_is_refused_with_the_way_to_say_it() {
    for (text, write) in [
        ("H 3 * * *", "such as 17"),
        ("H/15 * * * *", "choose one yourself"),
        ("H(0-29)/10 * * * *", "choose one yourself"),
        ("0~30 4 * * *", "choose one yourself"),
        ("Mon..Fri 09:00", "--weekly"),
        ("*-*-* 09:00:00", "--daily"),
        ("*-*-01 00:00", "--monthly"),
        ("FREQ=WEEKLY;BYDAY=MO", "--weekly"),
        ("RRULE:FREQ=DAILY;INTERVAL=2", "--daily"),
        ("PT15M", "--every"),
        ("P1D", "--every"),
        ("daily", "write \"@daily\""),
        ("Hourly", "write \"@hourly\""),
    ] {
        let message = refused(text);
        assert!(message.contains(write), "{text}: {message}");
    }
}
