//! Which of several folders is used, what is refused, and what is noticed.

use std::fs;

use super::*;

/// A folder with two zones of this release; Vancouver keeps the clocks of Los Angeles.
fn folder(release: Option<&str>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let carried = Zones::bundled();
    let put = |name: &str, like: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("a folder");
        fs::write(path, carried.file(like).expect("a zone").1).expect("a file");
    };
    put("America/Vancouver", "America/Los_Angeles");
    put("Europe/Berlin", "Europe/Berlin");
    put("right/Europe/Berlin", "Europe/London");
    fs::write(dir.path().join("zone.tab"), "no zone").expect("a file");
    if let Some(release) = release {
        let text = format!("# version {release}\n# more\n");
        fs::write(dir.path().join("tzdata.zi"), text).expect("a file");
    }
    dir
}

fn used(named: Option<&Path>, machine: Option<&Path>, only: bool) -> String {
    let folders = ZoneFolders {
        named: named.map(Path::to_owned),
        machine: machine.map(Path::to_owned),
        only,
    };
    let zones = folders.newest().expect("usable");
    let place = match zones.source() {
        ZoneSource::Bundled => "carried",
        ZoneSource::Machine => "machine",
        ZoneSource::Named => "named",
    };
    let release = zones.release().map_or("?".to_owned(), |r| r.to_string());
    format!("{place} {release}")
}

#[test]
fn the_newest_data_is_used_wherever_it_is() {
    let (old, newer, newest) = (
        folder(Some("2025b")),
        folder(Some("2127a")),
        folder(Some("2127b")),
    );
    let (old, newer, newest) = (Some(old.path()), Some(newer.path()), Some(newest.path()));
    let unknown = folder(None);
    let unknown = Some(unknown.path());
    let carried = format!("carried {}", Zones::bundled().release().expect("known"));
    assert_eq!(used(None, None, false), carried);
    assert_eq!(used(None, old, false), carried);
    assert_eq!(used(None, newer, false), "machine 2127a");
    assert_eq!(used(newest, newer, false), "named 2127b");
    assert_eq!(used(newer, newest, false), "machine 2127b");
    assert_eq!(used(newer, newer, false), "named 2127a");
    assert_eq!(used(old, None, false), carried);
    // Asked for whatever it is, or without a release.
    assert_eq!(used(old, newest, true), "named 2025b");
    assert_eq!(used(unknown, newest, false), "named ?");
    // The machine's of unknown age are not trusted.
    assert_eq!(used(None, unknown, false), carried);
    assert_eq!(used(None, Some(Path::new("/nowhere")), false), carried);
}

#[test]
fn a_folder_that_holds_no_zones_is_refused_with_its_name() {
    let empty = tempfile::tempdir().expect("a folder");
    let broken = folder(None);
    fs::write(broken.path().join("Broken"), "TZif but no more").expect("a file");
    for (path, why) in [
        (empty.path(), "no zone file"),
        (Path::new("/nowhere/at/all"), "No such file"),
        (broken.path(), "Broken is broken"),
    ] {
        let folders = ZoneFolders {
            named: Some(path.to_owned()),
            ..ZoneFolders::default()
        };
        let fault = folders.newest().expect_err("of no use").to_string();
        assert!(
            fault.contains(why) && fault.contains(&path.display().to_string()),
            "{fault}"
        );
    }
}

#[test]
fn replaced_files_are_noticed_and_what_is_read_is_a_whole() {
    let dir = folder(Some("2127a"));
    let folders = ZoneFolders {
        named: Some(dir.path().to_owned()),
        ..ZoneFolders::default()
    };
    let (stamp, before) = (folders.stamp(), folders.newest().expect("usable"));
    assert_eq!(folders.stamp(), stamp);
    let carried = Zones::bundled();
    let (_, right) = carried.file("America/Vancouver").expect("a zone");
    fs::write(dir.path().join("America/Vancouver"), right).expect("a file");
    assert_ne!(folders.stamp(), stamp);
    let after = folders.newest().expect("usable");
    assert_ne!(after.identity(), before.identity());
    let at = "2026-12-01T12:00:00Z".parse().expect("an instant");
    let hours = |zones: &Zones| {
        zones
            .get("America/Vancouver")
            .expect("a zone")
            .to_offset(at)
            .seconds()
            / 3_600
    };
    assert_eq!((hours(&before), hours(&after)), (-8, -7));
    // `right/` counts leap seconds: it is no zone here.
    assert_eq!(after.file("right/Europe/Berlin"), None);
}

#[test]
fn old_data_comes_with_a_warning_and_a_named_folder_that_is_not_used_with_a_remark() {
    let old = folder(Some("2025b"));
    let mut folders = ZoneFolders {
        named: Some(old.path().to_owned()),
        ..ZoneFolders::default()
    };
    let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
    let zones = folders.newest().expect("usable");
    assert_eq!(warning(&zones, at("2026-12-01T00:00:00Z")), None);
    assert!(
        folders
            .remark(&zones)
            .expect("a remark")
            .contains("not used")
    );
    folders.only = true;
    let zones = folders.newest().expect("usable");
    let said = warning(&zones, at("2026-12-01T00:00:00Z")).expect("a warning");
    assert!(
        said.contains("2025b") && said.contains("--zoneinfo"),
        "{said}"
    );
    assert!(folders.remark(&zones).expect("a remark").contains("older"));
}
