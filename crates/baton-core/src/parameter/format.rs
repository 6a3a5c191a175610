//! Times and dates of parameters: with an offset, or without one as people and `baton.toml` write them.

/// `07:30`, `07:30:00`, `07:30:00.5`, each also with `Z` or `+02:00` behind it.
pub(super) fn is_time(text: &str) -> bool {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    is_clock(clock) && is_offset(offset)
}

/// A date, `T` or a blank, and a time.
pub(super) fn is_date_time(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(10..)) else {
        return false;
    };
    let digits = date.bytes().enumerate().all(|(at, b)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    digits
        && date.parse::<jiff::civil::Date>().is_ok()
        && rest.strip_prefix(['T', 't', ' ']).is_some_and(is_time)
}

fn is_clock(text: &str) -> bool {
    let mut parts = text.split(':');
    let within = |part: Option<&str>, most: u8| {
        part.is_some_and(|part| two_digits(part).is_some_and(|n| n <= most))
    };
    if !within(parts.next(), 23) || !within(parts.next(), 59) {
        return false;
    }
    let Some(seconds) = parts.next() else {
        return true;
    };
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    // 60 is a leap second.
    within(Some(whole), 60)
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
        && parts.next().is_none()
}

fn is_offset(text: &str) -> bool {
    let Some(offset) = text.strip_prefix(['+', '-']) else {
        return matches!(text, "" | "Z" | "z");
    };
    let parts = offset
        .split_once(':')
        .map(|(h, m)| (two_digits(h), two_digits(m)));
    matches!(parts, Some((Some(0..=23), Some(0..=59))))
}

fn two_digits(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}
