//! Numbers that would not be kept as they were written: more digits than whole numbers of 64 bits or doubles have.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Deepest members that are looked into for parameters: requests nest them less.
const DEEPEST: usize = 6;
/// Members whose numbers are somebody's values, and not settings of ours.
const VALUES: [&str; 2] = ["parameters", "parameter_schema"];

/// Whether a number in JSON has the same value when it is read and written again.
pub(super) fn keeps(number: &str) -> bool {
    if !number.contains(['.', 'e', 'E']) {
        return number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
    }
    let Ok(read) = number.parse::<f64>() else {
        return false;
    };
    read.is_finite() && decimal(number) == decimal(&format!("{read:e}"))
}

/// Digits without zeros at their ends, and the power of ten of the last; `None` for what is no number.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let mut power: i64 = power.parse().ok()?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    power = power.checked_sub(i64::try_from(part.len()).ok()?)?;
    let all = format!("{whole}{part}");
    let digits = all.trim_start_matches('0');
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some((negative, String::new(), 0));
    }
    let cut = i64::try_from(digits.len() - kept.len()).ok()?;
    Some((negative, kept.to_owned(), power.checked_add(cut)?))
}

/// The first number in a JSON text that would not be kept.
pub fn inexact_number(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                let length = bytes[at..].iter().take_while(|b| is_part(b)).count();
                let number = json.get(at..at + length)?;
                if !keeps(number) {
                    return Some(number);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

/// The first number among the parameters of a request that would not be kept, with where it stands.
pub fn inexact_in_request(json: &str) -> Option<(String, String)> {
    if !VALUES.iter().any(|name| json.contains(name)) {
        return None;
    }
    look(json, "", DEEPEST)
}

fn look(json: &str, path: &str, deeper: usize) -> Option<(String, String)> {
    if deeper == 0 || !json.trim_start().starts_with('{') {
        return None;
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    members.iter().find_map(|(name, value)| {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        if VALUES.contains(&name.as_str()) {
            let number = inexact_number(value.get())?;
            return Some((path, number.to_owned()));
        }
        look(value.get(), &path, deeper - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_when_the_same_value_is_written_again() {
        for good in [
            "0",
            "-0",
            "1.10",
            "12e5",
            "100.00",
            "0.1",
            "1e-7",
            "9223372036854775807",
            "18446744073709551615",
            "1.7976931348623157e308",
            "0.0",
            "-2.50E+3",
        ] {
            assert!(keeps(good), "{good}");
        }
        for bad in [
            "18446744073709551616",
            "-9223372036854775809",
            "3.14159265358979323846",
            "1e400",
            "0.10000000000000000555",
            "9007199254740993.0",
            "1e-400",
        ] {
            assert!(!keeps(bad), "{bad}");
        }
    }

    #[test]
    fn numbers_are_found_wherever_they_stand_but_not_in_text() {
        assert_eq!(
            inexact_number(r#"{"a": "99999999999999999999 \" 1e999"}"#),
            None
        );
        let deep = r#"{"a": [1, {"b": 99999999999999999999}]}"#;
        assert_eq!(inexact_number(deep), Some("99999999999999999999"));
    }

    #[test]
    fn only_values_of_people_are_judged_in_a_request() {
        let request = r#"{"settings": {"parameters": {"id": 99999999999999999999}}, "timeout": 1}"#;
        let found = inexact_in_request(request).expect("found");
        assert_eq!(found.0, "settings.parameters");
        let other = r#"{"parameters": {"id": 1}, "timeout": 0.10000000000000000555}"#;
        assert_eq!(inexact_in_request(other), None);
    }
}
