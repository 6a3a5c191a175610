//! Releases of the IANA time zone data: which is newer, and which is so old that it is sure to be wrong somewhere.

use std::fmt;

use jiff::Timestamp;

/// A release such as `2026f`: a year, and letters that count within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    year: i16,
    /// 1 for `a`; after `z` come `za`, `zb` …, as the maintainers of the data say.
    count: u16,
}

/// Months after the end of its year in which a release may pass as current. Several come out each year; one
/// of a year that has been over for so long misses changes that have been announced and made since.
pub const GOOD_FOR_MONTHS: i8 = 6;

impl Release {
    /// `2026f`, also within more text: `version 2026f`, `2026f-0+deb12u1`, `2026.6`.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
            .find_map(Self::word)
    }

    fn word(word: &str) -> Option<Self> {
        let (year, rest) = word.split_at_checked(4)?;
        let year: i16 = year
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| year.parse().ok())??;
        // Packages count with numbers: the sixth is `f`.
        let count = match rest.strip_prefix('.') {
            Some(number) => number.parse().ok().filter(|n| (1..=100).contains(n))?,
            None => letters(rest)?,
        };
        (1990..=9_998)
            .contains(&year)
            .then_some(Self { year, count })
    }

    /// Whether changes made since must be missing from it at `now`.
    pub fn is_out_of_date(&self, now: Timestamp) -> bool {
        let until = jiff::civil::date(self.year + 1, 1 + GOOD_FOR_MONTHS, 1);
        until
            .to_zoned(jiff::tz::TimeZone::UTC)
            .is_ok_and(|until| now >= until.timestamp())
    }
}

/// `a` is 1, `z` is 26, `za` is 27.
fn letters(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    let (last, before) = bytes.split_last()?;
    if !last.is_ascii_lowercase() || before.len() > 3 || before.iter().any(|b| *b != b'z') {
        return None;
    }
    Some(26 * u16::try_from(before.len()).ok()? + u16::from(last - b'a') + 1)
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.year)?;
        for _ in 0..(self.count - 1) / 26 {
            f.write_str("z")?;
        }
        let last = u8::try_from((self.count - 1) % 26).expect("less than 26");
        write!(f, "{}", char::from(b'a' + last))
    }
}
