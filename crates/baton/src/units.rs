//! Durations, times and words as people type them.

use baton_core::zone;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::failure::{Done, Failure};

/// Longest duration that is taken: ten years; longer ones are a slip of the finger.
const MAX_SECONDS: f64 = 10.0 * 366.0 * 86_400.0;

/// So many of something: `1 run`, `2 runs`.
pub(crate) fn count(number: u32, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}

/// A duration such as `90`, `1.5s`, `10m`, `1h30m`, `2d`, in seconds.
pub(crate) fn seconds(text: &str) -> Done<f64> {
    let wrong = || {
        Failure::usage(format!("{text:?} is not a duration"))
            .fix("write 30s, 10m, 1h30m, 2d, or a number of seconds")
    };
    let trimmed = text.trim();
    if let Ok(plain) = trimmed.parse::<f64>() {
        return bounded(plain, text);
    }
    let mut total = 0.0;
    let mut rest = trimmed;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let factor = match rest[..end].trim() {
            "ms" => 0.001,
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return Err(wrong()),
        };
        total += number * factor;
        rest = &rest[end..];
    }
    if trimmed.is_empty() {
        return Err(wrong());
    }
    bounded(total, text)
}

fn bounded(seconds: f64, text: &str) -> Done<f64> {
    if seconds.is_finite() && (0.0..=MAX_SECONDS).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(Failure::usage(format!(
            "{text:?} is no duration between 0 and ten years"
        )))
    }
}

/// A duration in whole seconds, rounded up so that a small one never becomes none.
pub(crate) fn whole_seconds(text: &str) -> Done<u32> {
    // Ten years fit into 32 bits.
    Ok(seconds(text)?.ceil() as u32)
}

/// A time: `2026-12-24T18:00` here, `2026-12-24` at midnight here, or with an offset or `Z`.
pub(crate) fn instant(text: &str, zone: &TimeZone) -> Done<Timestamp> {
    zone::instant(text, zone).ok_or_else(|| {
        Failure::usage(format!("{text:?} is not a time"))
            .fix("write 2026-12-24, 2026-12-24T18:00, or with an offset 2026-12-24T18:00+01:00")
    })
}

/// A time as [`instant`] takes it, or so long ago: `2h`, `7d`.
pub(crate) fn since(text: &str) -> Done<Timestamp> {
    instant(text, &crate::settings::zones::here()).or_else(|failure| {
        let ago = seconds(text).map_err(|_| failure)?;
        let ago = jiff::SignedDuration::from_secs_f64(ago);
        // Ten years fit into any timestamp.
        Ok(Timestamp::now()
            .saturating_sub(ago)
            .unwrap_or(Timestamp::MIN))
    })
}

/// One of a closed list of words, as the API spells them.
pub(crate) fn word<T: serde::de::DeserializeOwned>(
    text: &str,
    what: &str,
    known: &[&str],
) -> Done<T> {
    let spelt = text.trim().to_ascii_lowercase().replace('-', "_");
    serde_json::from_value(serde_json::Value::String(spelt)).map_err(|_| {
        Failure::usage(format!("{text:?} is no {what}"))
            .fix(format!("write one of {}", known.join(", ")))
    })
}

/// How long something took or takes, short: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let whole = seconds.round() as u64;
    let two = |a: u64, a_name: &str, b: u64, b_name: &str| {
        if b == 0 {
            format!("{a} {a_name}")
        } else {
            format!("{a} {a_name} {b} {b_name}")
        }
    };
    match whole {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..=59 => format!("{whole} s"),
        60..=3_599 => two(whole / 60, "min", whole % 60, "s"),
        3_600..=86_399 => two(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3_600, "h"),
    }
}

/// Bytes for people: `512 B`, `1.2 kB`, `3.4 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 1_000.0 {
            break;
        }
        value /= 1_000.0;
        unit = next;
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("90", 90.0),
            ("1.5", 1.5),
            ("30s", 30.0),
            ("10m", 600.0),
            ("1h30m", 5_400.0),
            ("1h 30m", 5_400.0),
            ("2d", 172_800.0),
            ("500ms", 0.5),
            ("0", 0.0),
        ] {
            assert_eq!(seconds(text).expect(text), expected, "{text}");
        }
        for text in [
            "", "m", "10x", "1h-3m", "-5", "nan", "inf", "99999d", "1..2s", "ten",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(whole_seconds("500ms").expect("half a second"), 1);
    }

    #[test]
    fn times_are_local_unless_they_say_otherwise() {
        let berlin = baton_core::zone::get("Europe/Berlin").expect("a known zone");
        let at = |text: &str| instant(text, &berlin).expect(text).to_string();
        assert_eq!(at("2026-12-24T18:00"), "2026-12-24T17:00:00Z");
        assert_eq!(at("2026-12-24 18:00"), "2026-12-24T17:00:00Z");
        assert_eq!(at("2026-12-24"), "2026-12-23T23:00:00Z");
        assert_eq!(at("2026-12-24T18:00Z"), "2026-12-24T18:00:00Z");
        assert_eq!(at("2026-12-24T18:00+03:00"), "2026-12-24T15:00:00Z");
        assert!(instant("tomorrow", &berlin).is_err());
    }

    #[test]
    fn spans_and_sizes_read_well() {
        assert_eq!(span(0.04), "0.0 s");
        assert_eq!(span(9.94), "9.9 s");
        assert_eq!(span(59.4), "59 s");
        assert_eq!(span(185.0), "3 min 5 s");
        assert_eq!(span(7_800.0), "2 h 10 min");
        assert_eq!(span(90_000.0), "1 d 1 h");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1_234_567), "1.2 MB");
    }
}
