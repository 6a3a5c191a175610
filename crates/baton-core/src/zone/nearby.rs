//! The zone that somebody probably meant: by abbreviation, offset, Windows name, city or typing mistake.

use super::{current, windows};
use crate::nearest::nearest_few;

/// Most names that one answer suggests.
const SUGGESTED: usize = 3;

/// What people write who mean a zone and not an abbreviation. Some mean more than one.
const MEANT: [(&str, &str); 30] = [
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("pt", "America/Los_Angeles"),
    ("mdt", "America/Denver"),
    ("cst", "America/Chicago or Asia/Shanghai"),
    ("cdt", "America/Chicago"),
    ("ct", "America/Chicago"),
    ("edt", "America/New_York"),
    ("et", "America/New_York"),
    ("akst", "America/Anchorage"),
    ("ast", "America/Halifax or Asia/Riyadh"),
    ("nst", "America/St_Johns"),
    ("brt", "America/Sao_Paulo"),
    ("bst", "Europe/London"),
    ("cest", "Europe/Berlin"),
    ("mez", "Europe/Berlin"),
    ("mesz", "Europe/Berlin"),
    ("mest", "Europe/Berlin"),
    ("eest", "Europe/Helsinki"),
    ("west", "Europe/Lisbon"),
    ("msk", "Europe/Moscow"),
    ("ist", "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem"),
    ("sgt", "Asia/Singapore"),
    ("hkt", "Asia/Hong_Kong"),
    ("jst", "Asia/Tokyo"),
    ("kst", "Asia/Seoul"),
    ("aest", "Australia/Sydney"),
    ("aedt", "Australia/Sydney"),
    ("acst", "Australia/Adelaide"),
    ("nzst", "Pacific/Auckland"),
];

/// Large places after which no zone is called, and countries with one zone.
const PLACES: [(&str, &str); 36] = [
    ("san_francisco", "America/Los_Angeles"),
    ("seattle", "America/Los_Angeles"),
    ("boston", "America/New_York"),
    ("washington", "America/New_York"),
    ("miami", "America/New_York"),
    ("atlanta", "America/New_York"),
    ("houston", "America/Chicago"),
    ("dallas", "America/Chicago"),
    ("montreal", "America/Toronto"),
    ("ottawa", "America/Toronto"),
    ("calgary", "America/Edmonton"),
    ("rio_de_janeiro", "America/Sao_Paulo"),
    ("munich", "Europe/Berlin"),
    ("münchen", "Europe/Berlin"),
    ("hamburg", "Europe/Berlin"),
    ("frankfurt", "Europe/Berlin"),
    ("cologne", "Europe/Berlin"),
    ("germany", "Europe/Berlin"),
    ("france", "Europe/Paris"),
    ("italy", "Europe/Rome"),
    ("milan", "Europe/Rome"),
    ("barcelona", "Europe/Madrid"),
    ("geneva", "Europe/Zurich"),
    ("switzerland", "Europe/Zurich"),
    ("austria", "Europe/Vienna"),
    ("uk", "Europe/London"),
    ("england", "Europe/London"),
    ("manchester", "Europe/London"),
    ("india", "Asia/Kolkata"),
    ("mumbai", "Asia/Kolkata"),
    ("delhi", "Asia/Kolkata"),
    ("bangalore", "Asia/Kolkata"),
    ("china", "Asia/Shanghai"),
    ("beijing", "Asia/Shanghai"),
    ("shenzhen", "Asia/Shanghai"),
    ("osaka", "Asia/Tokyo"),
];

/// Names that the Windows table keeps for stability, and today's.
const RENAMED: [(&str, &str); 6] = [
    ("Asia/Calcutta", "Asia/Kolkata"),
    ("Asia/Katmandu", "Asia/Kathmandu"),
    ("Asia/Rangoon", "Asia/Yangon"),
    ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("America/Godthab", "America/Nuuk"),
    ("America/Indianapolis", "America/Indiana/Indianapolis"),
];

/// A place on each whole hour and some halves, in minutes ahead of UTC, to be named beside a fixed offset.
const OFFSETS: [(i32, &str); 17] = [
    (-600, "Pacific/Honolulu"),
    (-480, "America/Los_Angeles"),
    (-420, "America/Denver"),
    (-360, "America/Chicago"),
    (-300, "America/New_York"),
    (-240, "America/Halifax"),
    (-180, "America/Sao_Paulo"),
    (60, "Europe/Berlin"),
    (120, "Europe/Helsinki"),
    (180, "Europe/Istanbul"),
    (240, "Asia/Dubai"),
    (300, "Asia/Karachi"),
    (330, "Asia/Kolkata"),
    (420, "Asia/Bangkok"),
    (480, "Asia/Shanghai"),
    (540, "Asia/Tokyo"),
    (600, "Australia/Sydney"),
];

/// What to write instead of this name, as the second half of a sentence.
pub(super) fn advice(name: &str) -> String {
    if let Some(minutes) = offset(name) {
        return fixed(minutes);
    }
    let found = meant(name);
    match found.as_slice() {
        [] => {
            if name.contains(['+', '-', ',']) && name.contains(|c: char| c.is_ascii_digit()) {
                "a fixed offset does not follow summer time; name a place such as Europe/Berlin, or UTC"
                    .to_owned()
            } else {
                "write a name of the IANA list such as Europe/Berlin, America/New_York or UTC"
                    .to_owned()
            }
        }
        [one] if name != name.trim() && one == name.trim() => {
            format!("did you mean {one}, without the space around it?")
        }
        [one] => format!("did you mean {one}?"),
        [first @ .., last] => format!("did you mean {} or {last}?", first.join(", ")),
    }
}

/// The zones that were probably meant, the likeliest first; at most [`SUGGESTED`].
fn meant(name: &str) -> Vec<String> {
    let trimmed = name.trim();
    if let Some((spelt, _)) = current().file(trimmed) {
        return vec![spelt.to_owned()];
    }
    if let Some(zone) = windows::zone(trimmed) {
        return vec![today(zone).to_owned()];
    }
    let word = place(trimmed);
    let listed = MEANT
        .iter()
        .chain(&PLACES)
        .find(|(short, _)| *short == word);
    if let Some((_, zone)) = listed {
        return vec![(*zone).to_owned()];
    }
    let zones = current();
    // The old single words (`EST`, `localtime`) are nobody's meaning.
    let names: Vec<&str> = zones
        .names()
        .into_iter()
        .filter(|name| name.contains('/'))
        .collect();
    let city = |zone: &str| zone.rsplit('/').next().unwrap_or(zone).to_lowercase();
    // `(UTC+01:00) Amsterdam, Berlin, Bern` is how Windows shows a zone: the first city that has one.
    let pieces = trimmed
        .rsplit(')')
        .next()
        .unwrap_or(trimmed)
        .split(',')
        .map(place);
    for piece in pieces.chain([place(trimmed.rsplit('/').next().unwrap_or(trimmed))]) {
        let found: Vec<String> = names
            .iter()
            .filter(|zone| !piece.is_empty() && city(zone) == piece)
            .map(|zone| (*zone).to_owned())
            .collect();
        // Of a city with old names as well (`US/Pacific`, `America/…/…`) those of today come first.
        if let Some(best) = found.iter().max_by_key(|zone| rank(zone)) {
            return vec![today(best).to_owned()];
        }
        if let Some((_, zone)) = PLACES.iter().find(|(place, _)| *place == piece) {
            return vec![(*zone).to_owned()];
        }
    }
    let whole = nearest_few(&word, names.iter().copied(), SUGGESTED);
    if !whole.is_empty() {
        return whole.into_iter().map(str::to_owned).collect();
    }
    let cities: Vec<String> = names.iter().map(|zone| city(zone)).collect();
    let near = nearest_few(&word, cities.iter().map(String::as_str), SUGGESTED);
    near.into_iter()
        .filter_map(|near| cities.iter().position(|city| city == near))
        .map(|index| names[index].to_owned())
        .collect()
}

/// The name that a zone has today.
fn today(zone: &str) -> &str {
    let renamed = RENAMED.iter().find(|(old, _)| *old == zone);
    renamed.map_or(zone, |(_, new)| new)
}

/// Names by continent and ocean are today's; by country and `Etc` old.
fn rank(zone: &str) -> u8 {
    let continents = [
        "Africa/",
        "America/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    ];
    u8::from(continents.iter().any(|start| zone.starts_with(start)))
}

/// A word as cities are spelt in the list, in lower case: `new_york`.
fn place(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    lower
        .split([' ', '-', '_'])
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

/// Minutes ahead of UTC, where the text is an offset: `UTC+5`, `GMT-03:30`, `+0530`.
fn offset(text: &str) -> Option<i32> {
    let upper = text.trim().to_uppercase();
    let rest = upper
        .strip_prefix("UTC")
        .or_else(|| upper.strip_prefix("GMT"))
        .unwrap_or(&upper);
    let (sign, digits) = match rest.trim().split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let number = |text: &str| -> Option<i32> {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// What is said of an offset.
fn fixed(minutes: i32) -> String {
    if minutes == 0 {
        return "did you mean UTC?".to_owned();
    }
    let example = OFFSETS.iter().find(|(offset, _)| *offset == minutes);
    let place = example.map_or("Europe/Berlin", |(_, place)| place);
    let advice =
        format!("a fixed offset does not follow summer time: name a place such as {place}");
    let hours = minutes / 60;
    if minutes % 60 != 0 || !(-12..=14).contains(&hours) {
        return advice;
    }
    format!(
        "{advice}. The offset itself is called Etc/GMT{:+}, with its sign turned round: that is UTC{hours:+} all year",
        -hours
    )
}
