//! Looks up time zones, and suggests the one that was probably meant.

use jiff::tz::{TimeZone, db};

use super::error::ScheduleError;
use crate::nearest::nearest;

/// What people write who mean a zone and not an abbreviation. Abbreviations do not name a zone: `IST`
/// is three of them.
const MEANT: [(&str, &str); 12] = [
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("mdt", "America/Denver"),
    ("cst", "America/Chicago"),
    ("cdt", "America/Chicago"),
    ("edt", "America/New_York"),
    ("bst", "Europe/London"),
    ("cest", "Europe/Berlin"),
    ("ist", "Asia/Kolkata"),
    ("jst", "Asia/Tokyo"),
    ("aest", "Australia/Sydney"),
    ("utc+0", "UTC"),
];

/// The zone of that name.
pub(super) fn lookup(name: &str) -> Result<TimeZone, ScheduleError> {
    let bounded = !name.is_empty() && name.len() <= 64 && name.is_ascii();
    if bounded && let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    let shown: String = name.chars().take(64).collect();
    let advice = match suggestion(&shown) {
        Some(zone) => format!("did you mean {zone}?"),
        None if shown.contains(['+', '-']) && shown.contains(|c: char| c.is_ascii_digit()) => {
            "a fixed offset does not follow summer time; name a place such as Europe/Berlin, or UTC"
                .to_owned()
        }
        None => "write a name of the IANA list such as Europe/Berlin, America/New_York or UTC"
            .to_owned(),
    };
    Err(ScheduleError::new(
        "unknown_timezone",
        "timezone",
        format!("\"{shown}\" is not a known time zone; {advice}"),
    ))
}

/// The zone that was probably meant: by abbreviation, by city alone, or by a typing mistake.
fn suggestion(name: &str) -> Option<String> {
    let lower = name.trim().to_lowercase().replace(' ', "_");
    if let Some((_, zone)) = MEANT.iter().find(|(short, _)| *short == lower) {
        return Some((*zone).to_owned());
    }
    let zones: Vec<String> = db().available().map(|zone| zone.to_string()).collect();
    let city = |zone: &str| zone.rsplit('/').next().unwrap_or(zone).to_lowercase();
    if let Some(zone) = zones.iter().find(|zone| city(zone) == lower) {
        return Some(zone.clone());
    }
    let whole = nearest(&lower, zones.iter().map(String::as_str)).map(str::to_owned);
    whole.or_else(|| {
        let cities: Vec<String> = zones.iter().map(|zone| city(zone)).collect();
        let found = nearest(&lower, cities.iter().map(String::as_str))?;
        let index = cities.iter().position(|city| city == found)?;
        Some(zones[index].clone())
    })
}
