//! Which zone names may be used anew, and what is said to who wrote another.
//!
//! A stored schedule keeps firing whatever its zone is called; what is refused here is refused when somebody
//! writes it, because it is likely to mean something else than they think.

use super::{current, nearby};

/// Longest name that is looked up; the longest of the list has 32 letters.
pub(super) const LONGEST: usize = 64;

/// Why a zone name was refused, with the name that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" {why}; {advice}")]
pub struct ZoneError {
    /// The name as it was written, cut where it is long.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
    /// What to write instead.
    pub advice: String,
}

/// Names of the list that look like a place's time and are not: the advice, and the same as a fixed offset.
/// The last four follow the clocks of Brussels, Athens and Lisbon since 2024 and stood for themselves before;
/// half of those who write them mean winter time all year. `EST5EDT` and its like are not among them: they
/// name both halves of the year.
const ABBREVIATIONS: [(&str, &str, &str); 7] = [
    ("EST", "America/New_York", "Etc/GMT+5"),
    (
        "MST",
        "America/Denver, or America/Phoenix, which keeps winter time",
        "Etc/GMT+7",
    ),
    ("HST", "Pacific/Honolulu", "Etc/GMT+10"),
    ("CET", "Europe/Berlin", "Etc/GMT-1"),
    ("MET", "Europe/Berlin", "Etc/GMT-1"),
    ("EET", "Europe/Helsinki", "Etc/GMT-2"),
    ("WET", "Europe/Lisbon", "Etc/GMT"),
];

/// Whether this name may be used anew.
pub fn check(name: &str) -> Result<(), ZoneError> {
    let shown: String = name.chars().take(LONGEST).collect();
    let refused = |why, advice: String| {
        Err(ZoneError {
            name: shown.clone(),
            why,
            advice,
        })
    };
    let is = |word: &str| name.trim().eq_ignore_ascii_case(word);
    if let Some((_, place, fixed)) = ABBREVIATIONS.iter().find(|(short, _, _)| is(short)) {
        let why = "is an abbreviation, which does not say whether the clocks change";
        let advice =
            format!("did you mean {place}? An offset that never changes is written {fixed}");
        return refused(why, advice);
    }
    if is("localtime") || is("posixrules") {
        let why = "means another zone on every machine";
        return refused(
            why,
            "name the place, such as Europe/Berlin, or UTC".to_owned(),
        );
    }
    if is("Factory") {
        let why = "stands for a machine whose zone was never set";
        return refused(
            why,
            "name the place, such as Europe/Berlin, or UTC".to_owned(),
        );
    }
    let lower = name.to_ascii_lowercase();
    for (folder, why) in [
        ("right/", "counts leap seconds, which no clock here does"),
        ("posix/", "is the name of a file and not of a zone"),
    ] {
        if let Some(rest) = lower.strip_prefix(folder) {
            let meant = name.get(folder.len()..).unwrap_or(rest);
            let advice = match current().file(meant) {
                Some((meant, _)) => format!("did you mean {meant}?"),
                None => nearby::advice(meant),
            };
            return refused(why, advice);
        }
    }
    if current().get(name).is_some() {
        return Ok(());
    }
    refused("is not a known time zone", nearby::advice(&shown))
}

/// The name in the spelling of the list, where only its case differs.
pub fn spelling(name: &str) -> String {
    match current().file(name) {
        Some((spelt, _)) => spelt.to_owned(),
        None => name.to_owned(),
    }
}
