//! Time zone data of this process, and the zone in which times without one are meant.

use std::path::PathBuf;

use baton_core::zone::{self, Zones};
use baton_server::zones::{ZoneFault, ZoneFiles as _, ZoneFolders};
use jiff::tz::TimeZone;

use super::environment;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;

/// The variable that names a folder with time zone data.
const FOLDER: &str = "BATON_ZONEINFO";

/// Puts the newest data to use that this machine has; commands that ask a server show times as that one tells
/// them, and need it for times that a person writes.
pub(crate) fn install() -> Done {
    install_from(&ZoneFolders::of_machine(environment::path(FOLDER), false))
}

/// Puts the newest data of these folders to use.
pub(crate) fn install_from(folders: &ZoneFolders) -> Done {
    zone::install(folders.newest().map_err(|fault| unusable(&fault))?);
    Ok(())
}

/// A folder without time zone data.
pub(crate) fn unusable(fault: &ZoneFault) -> Failure {
    Failure::new(
        Exit::Refused,
        "bad_zoneinfo",
        format!("the time zone folder {} cannot be used: {}", fault.path.display(), fault.why),
    )
    .fix("name a folder of compiled zone files, such as /usr/share/zoneinfo, with --zoneinfo or BATON_ZONEINFO")
}

/// The zone of that name, where it may be used anew; else what to write instead.
pub(crate) fn named(name: &str) -> Done<TimeZone> {
    let refused = |error: zone::ZoneError| {
        let said = format!("\"{}\" {}", error.name, error.why);
        Failure::new(Exit::Refused, "unknown_zone", said).fix(error.advice)
    };
    zone::check(name).map_err(refused)?;
    Ok(zone::get(name).unwrap_or(TimeZone::UTC))
}

/// The zone of that name, also where it may only be kept: the server judges whether it is new.
pub(crate) fn kept(name: &str) -> Done<TimeZone> {
    zone::get(name).map_or_else(|| named(name), Ok)
}

/// This machine's zone by the data in use; as the system tells it where it has no name.
pub(crate) fn here() -> TimeZone {
    let system = TimeZone::system();
    let named = system.iana_name().and_then(|name| zone::get(plain(name)));
    named.unwrap_or(system)
}

/// The name of this machine's zone, where it has one.
pub(crate) fn here_named() -> Option<String> {
    let system = TimeZone::system();
    system.iana_name().map(|name| plain(name).to_owned())
}

/// This machine's IANA zone, or UTC where it has none. Says so when `TZ` names one that nobody knows:
/// times would silently be meant in another zone.
pub(crate) fn here_name() -> String {
    // What is no text names no zone either.
    let told = std::env::var_os("TZ").map(|told| told.to_string_lossy().into_owned());
    if let Some(name) = told.as_deref().filter(|name| is_unknown(name)) {
        output::warn(&format!(
            "TZ is {name:?}, which is no time zone: UTC is used; name one with --timezone"
        ));
        return "UTC".to_owned();
    }
    // The system may lack files that the data in use has.
    let told = told
        .as_deref()
        .map(|name| name.strip_prefix(':').unwrap_or(name));
    if let Some(name) = told.filter(|name| zone::get(name).is_some()) {
        return zone::spelling(name);
    }
    plain(TimeZone::system().iana_name().unwrap_or("UTC")).to_owned()
}

/// The name of a zone whose file lies in the folder of the same readings.
fn plain(name: &str) -> &str {
    name.strip_prefix("posix/").unwrap_or(name)
}

/// Whether a value of `TZ` is neither a zone's name, a path of one, nor a POSIX rule.
fn is_unknown(tz: &str) -> bool {
    let name = tz.strip_prefix(':').unwrap_or(tz);
    !name.is_empty()
        && !name.starts_with('/')
        && zone::get(name).is_none()
        && TimeZone::posix(name).is_err()
}

/// Data of a folder that somebody wants to compare with.
pub(crate) fn of_folder(folder: PathBuf) -> Done<std::sync::Arc<Zones>> {
    let folders = ZoneFolders {
        named: Some(folder),
        only: true,
        machine: None,
    };
    folders.newest().map_err(|fault| unusable(&fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tz_that_means_nothing_is_unknown() {
        for good in [
            "",
            "UTC",
            ":Europe/Berlin",
            "/etc/localtime",
            "CET-1CEST,M3.5.0,M10.5.0/3",
        ] {
            assert!(!is_unknown(good), "{good}");
        }
        for bad in ["Mars/Olympus", "::"] {
            assert!(is_unknown(bad), "{bad}");
        }
    }

    #[test]
    fn a_wrong_zone_is_refused_with_the_right_one() {
        for (name, fix) in [
            ("EST", "America/New_York"),
            ("Eastern Standard Time", "America/New_York"),
            ("berlin", "Europe/Berlin"),
            ("Europe/Berlin ", "Europe/Berlin"),
        ] {
            let failure = named(name).expect_err("refused");
            assert_eq!(failure.code, "unknown_zone");
            assert!(failure.fix.contains(fix), "{name}: {}", failure.fix);
        }
        assert!(named("europe/berlin").is_ok());
    }
}
