//! Zone rules, the order of releases, and what is said of wrong names.

use jiff::Timestamp;

use super::*;

fn said(name: &str) -> String {
    match check(name) {
        Ok(()) => "fine".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn offset(zone: &str, at: &str) -> i32 {
    let at: Timestamp = at.parse().expect("an instant");
    Zones::bundled()
        .get(zone)
        .expect("a zone")
        .to_offset(at)
        .seconds()
        / 3_600
}

/// Instants at which release 2025b says otherwise, as PyPI's tzdata 2026.6 answers them.
#[test]
fn the_carried_rules_know_what_changed_in_2026() {
    assert!(Zones::bundled().release() >= Release::parse("2026f"));
    for (zone, at, hours) in [
        ("America/Vancouver", "2026-12-01T17:00:00Z", -7),
        ("Canada/Pacific", "2027-01-15T12:00:00Z", -7),
        ("America/Vancouver", "2030-12-01T17:00:00Z", -7),
        ("America/Edmonton", "2026-12-01T17:00:00Z", -6),
        ("America/Inuvik", "2028-01-15T12:00:00Z", -6),
        ("America/Winnipeg", "2026-12-01T17:00:00Z", -5),
        ("America/Havana", "2026-12-01T12:00:00Z", -4),
        ("America/Havana", "2027-03-14T04:59:59Z", -4),
        ("Africa/Casablanca", "2026-12-01T09:00:00Z", 0),
        ("Africa/El_Aaiun", "2027-07-01T09:00:00Z", 0),
        ("Europe/Chisinau", "2026-03-29T00:30:00Z", 2),
        ("Europe/Chisinau", "2026-10-25T00:30:00Z", 3),
        ("Europe/Chisinau", "2027-03-28T01:00:00Z", 3),
        ("America/Los_Angeles", "2026-12-01T17:00:00Z", -8),
    ] {
        assert_eq!(offset(zone, at), hours, "{zone} at {at}");
    }
}

#[test]
fn releases_are_read_from_what_files_and_packages_say_and_have_an_order() {
    let read = |text| Release::parse(text).map(|release| release.to_string());
    for text in [
        "2026f",
        "# version 2026f",
        "version 2026f\n",
        "2026f-0+deb12u1",
        "2026.6",
        "v 2026f",
    ] {
        assert_eq!(read(text).as_deref(), Some("2026f"), "{text}");
    }
    assert_eq!(read("2026zb").as_deref(), Some("2026zb"));
    for text in [
        "", "version", "2026", "20260", "2026F", "26f", "x2026f", "2026.0", "2026ab",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    let sorted = ["2025z", "2025za", "2026a", "2026b", "2026f", "2027a"];
    let releases: Vec<_> = sorted.iter().map(|text| Release::parse(text)).collect();
    assert!(releases.is_sorted() && releases.iter().all(Option::is_some));
}

#[test]
fn a_release_is_out_of_date_half_a_year_after_its_year() {
    let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
    let release = Release::parse("2025b").expect("a release");
    assert!(!release.is_out_of_date(at("2026-06-30T23:59:59Z")));
    assert!(release.is_out_of_date(at("2026-07-01T00:00:00Z")));
}

#[test]
fn names_that_would_mean_something_else_are_refused_with_the_right_one() {
    for (name, advice) in [
        ("EST", "America/New_York"),
        ("est", "America/New_York"),
        ("MST", "America/Denver"),
        ("HST", "Pacific/Honolulu"),
        ("CET", "Europe/Berlin"),
        ("EET", "Europe/Helsinki"),
        ("Factory", "the place"),
        ("localtime", "another zone on every machine"),
        ("posixrules", "another zone on every machine"),
        ("right/Europe/Berlin", "did you mean Europe/Berlin?"),
        ("posix/europe/berlin", "did you mean Europe/Berlin?"),
    ] {
        let said = said(name);
        assert!(said.contains(advice), "{name}: {said}");
        assert!(said.starts_with(&format!("\"{name}\" ")), "{said}");
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest() {
    for (name, meant) in [
        ("PST", "America/Los_Angeles"),
        ("CEST", "Europe/Berlin"),
        ("IST", "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("new-york", "America/New_York"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("America/NewYork", "America/New_York"),
        ("Europe/Berln", "Europe/Berlin"),
        ("Europa/Berlin", "Europe/Berlin"),
        ("Europe/Munich", "Europe/Berlin"),
        ("America/New_York ", "America/New_York"),
        (" Asia/Tokyo", "Asia/Tokyo"),
        ("Eastern Standard Time", "America/New_York"),
        ("eastern daylight time", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("W Europe Standard Time", "Europe/Berlin"),
        ("India Standard Time", "Asia/Kolkata"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern", "Europe/Amsterdam"),
        ("Germany", "Europe/Berlin"),
        ("UTC+0", "UTC"),
        ("GMT-00:00", "UTC"),
    ] {
        let said = said(name);
        assert!(
            said.contains(&format!("did you mean {meant}")),
            "{name}: {said}"
        );
    }
    for (name, parts) in [
        ("UTC+5", ["Asia/Karachi", "Etc/GMT-5", "UTC+5 all year"]),
        (
            "GMT-8",
            ["America/Los_Angeles", "Etc/GMT+8", "UTC-8 all year"],
        ),
        ("+05:30", ["Asia/Kolkata", "fixed offset", "summer time"]),
    ] {
        let said = said(name);
        assert!(
            parts.iter().all(|part| said.contains(part)),
            "{name}: {said}"
        );
    }
    for name in ["", "Mars/Olympus", "☃", "../../etc/passwd", "a\0b"] {
        assert!(
            said(name).contains("not a known time zone; write a name"),
            "{name}: {}",
            said(name)
        );
    }
    assert!(said(&"Europe/Berlin".repeat(50)).len() < 300);
}

#[test]
fn every_windows_name_leads_to_a_zone_that_may_be_used() {
    let table = include_str!("zone/windows.tsv");
    let names: Vec<_> = table.lines().filter(|l| !l.starts_with('#')).collect();
    assert!(names.len() > 130, "{}", names.len());
    for line in names {
        let (windows, _) = line.split_once('\t').expect("two columns");
        let zone = super::windows::zone(windows).expect("it is in the table");
        assert_eq!(check(zone), Ok(()), "{windows}");
    }
}

#[test]
fn old_names_and_any_case_are_taken_and_spelt_as_in_the_list() {
    for name in [
        "Asia/Calcutta",
        "US/Eastern",
        "EST5EDT",
        "Etc/GMT+5",
        "UTC",
        "GB",
        "Zulu",
        "GMT",
    ] {
        assert_eq!(check(name), Ok(()), "{name}");
        assert_eq!(spelling(name), name);
    }
    assert_eq!(check("europe/berlin"), Ok(()));
    assert_eq!(spelling("europe/berlin"), "Europe/Berlin");
    assert_eq!(spelling("utc"), "UTC");
}

/// Rules as of 2025: Vancouver still changed its clocks as Los Angeles does.
fn before_2026() -> Zones {
    let carried = Zones::bundled();
    let (_, bytes) = carried.file("America/Los_Angeles").expect("a zone");
    let files = [("America/Vancouver".to_owned(), Arc::from(bytes))];
    Zones::of(
        Release::parse("2025b"),
        ZoneSource::Named,
        "/zones".into(),
        files,
    )
}

#[test]
fn rules_differ_by_identity_and_come_back_whole_from_their_bytes() {
    let old = before_2026();
    assert_ne!(old.identity(), Zones::bundled().identity());
    assert_eq!(old.describe(), "2025b, from /zones");
    let kept = Zones::from_bytes(old.release(), &old.to_bytes()).expect("whole");
    let at: Timestamp = "2026-12-01T12:00:00Z".parse().expect("an instant");
    let hours = |zones: &Zones, zone: &str| {
        zones.get(zone).expect("a zone").to_offset(at).seconds() / 3_600
    };
    assert_eq!(hours(&old, "America/Vancouver"), -8);
    assert_eq!(hours(&kept, "america/vancouver"), -8);
    assert_eq!(
        hours(&kept, "Europe/Berlin"),
        1,
        "what is missing is the carried one's"
    );
    let whole = old.to_bytes();
    for cut in [0, 3, 10, whole.len() - 1] {
        assert!(Zones::from_bytes(None, &whole[..cut]).is_none(), "{cut}");
    }
}
