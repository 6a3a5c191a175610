//! Whether a number survives being read as one: as an integer of 64 bits, or as a double.

/// Whether this word is a number that can be read. `None`: it is no number of JSON's at all.
///
/// An integer beyond 64 bits would silently lose its last digits, and one beyond a double has no value at all.
/// A fraction is what every reader takes it for, the nearest double.
pub(super) fn is_kept(word: &str) -> Option<bool> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let double: f64 = word.parse().ok()?;
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok());
    }
    let mantissa = digits.split(['e', 'E']).next().unwrap_or(digits);
    let is_zero = mantissa.bytes().all(|b| matches!(b, b'0' | b'.'));
    Some(double.is_finite() && (double != 0.0 || is_zero))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_when_reading_it_loses_nothing_of_its_size() {
        for kept in [
            "0",
            "-0",
            "1.50",
            "0.1",
            "1e3",
            "12345678901234567890",
            "1e23",
            "5e-324",
            "0.0e9",
            "3.14159265358979323846",
        ] {
            assert_eq!(is_kept(kept), Some(true), "{kept}");
        }
        for lost in [
            "12345678901234567890123",
            "-9223372036854775809",
            "1e400",
            "-1e400",
            "1e-400",
        ] {
            assert_eq!(is_kept(lost), Some(false), "{lost}");
        }
        for none in ["NaN", "-Infinity", "x1", "", "1x", "1.2.3"] {
            assert_eq!(is_kept(none), None, "{none}");
        }
    }
}
