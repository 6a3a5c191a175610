//! Reads the members of a field's list: values, ranges, steps and the special words of days.

use super::piece::Piece;
use crate::cron::error::{CronError, CronField};
use crate::cron::field::{DayPart, Form, Set, Span, WeekdayPart};
use crate::nearest::nearest;

pub(super) fn set(piece: Piece<'_>) -> Result<Set, CronError> {
    let (min, max) = piece.field.range();
    let spans = piece.members().map(span).collect::<Result<_, _>>()?;
    Ok(Set::new(min, max, spans))
}

/// `*`, `?`, `a`, `a-b`, each with an optional `/step`.
fn span(piece: Piece<'_>) -> Result<Span, CronError> {
    if piece.text.is_empty() {
        return Err(piece.not_allowed("is given where a value should be"));
    }
    let (min, max) = piece.field.range();
    let (body, step) = match piece.cut('/') {
        Some((body, step)) => (body, Some(self::step(piece, body, step)?)),
        None => (piece, None),
    };
    let by = step.unwrap_or(1);
    if body.text == "*" || body.text == "?" {
        let to = match piece.field {
            CronField::Weekday => 6,
            _ => max,
        };
        return Ok(Span {
            from: min,
            to,
            step: by,
            form: Form::Star,
        });
    }
    let (from, to, form) = match (body.cut('-'), step) {
        (Some((from, to)), _) => (value(from)?, value(to)?, Form::Range),
        (None, Some(_)) => (value(body)?, max, Form::From),
        (None, None) => {
            let value = value(body)?;
            (value, value, Form::Value)
        }
    };
    // 0-7 is the whole week, not Sunday alone; otherwise 7 is Sunday, so SAT-7 ends on Sunday.
    let week = piece.field == CronField::Weekday;
    let (from, to) = match (from, to) {
        (0, 7) if week => (0, 6),
        (from, to) if week => (from % 7, to % 7),
        both => both,
    };
    Ok(Span {
        from,
        to,
        step: by,
        form,
    })
}

/// A plain number; unlike the standard library's, without a sign.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn step(member: Piece<'_>, body: Piece<'_>, piece: Piece<'_>) -> Result<u8, CronError> {
    let (min, max) = piece.field.range();
    match number(piece.text) {
        Some(0) => Err(piece.error("is no step; a step is at least 1")),
        Some(n) if n > u32::from(max) => {
            let first = match body.text.split('-').next() {
                Some(first) if first != "*" && first != "?" => first.to_owned(),
                _ => min.to_string(),
            };
            let unit = match piece.field {
                CronField::Second => "s",
                CronField::Minute => "m",
                CronField::Hour => "h",
                CronField::Day | CronField::Weekday => "d",
                CronField::Month => "",
            };
            let interval = if unit.is_empty() {
                String::new()
            } else {
                format!("; for a pause of that length use --every {n}{unit}")
            };
            Err(piece.error(&format!(
                "is a step larger than the field, so only its first value would ever match; the \
                 largest step is {max}. The same times are \"{}\"{interval}",
                member.replaced(&first)
            )))
        }
        Some(n) => Ok(u8::try_from(n).expect("a step is at most the largest value of its field")),
        None => Err(piece.error("is no step; a step is a whole number, as in */5")),
    }
}

/// A number or a name.
fn value(piece: Piece<'_>) -> Result<u8, CronError> {
    let (min, max) = piece.field.range();
    if piece.text.is_empty() {
        return Err(piece.not_allowed("is given where a value should be"));
    }
    if piece.text.bytes().all(|b| b.is_ascii_digit()) {
        return match piece.text.parse::<u8>() {
            Ok(n) if (min..=max).contains(&n) => Ok(n),
            _ => Err(piece.not_allowed(&format!("is out of range{}", overflow_advice(piece)))),
        };
    }
    let names = piece.field.names();
    if let Some(index) = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(piece.text))
    {
        return Ok(min + u8::try_from(index).expect("a field has at most 12 names"));
    }
    // "Monday" and "June" are recognised by how they begin.
    let start = piece.text.get(..3).unwrap_or(piece.text);
    let meant = names
        .iter()
        .copied()
        .find(|name| name.eq_ignore_ascii_case(start))
        .or_else(|| nearest(piece.text, names.iter().copied()));
    let advice = meant.map_or(String::new(), |name| format!(" (did you mean {name}?)"));
    Err(piece.not_allowed(&format!("is not understood{advice}")))
}

/// What people mean who write one more than the largest value.
fn overflow_advice(piece: Piece<'_>) -> &'static str {
    match (piece.field, piece.text) {
        (CronField::Hour, "24") => " (midnight is 0)",
        (CronField::Second | CronField::Minute, "60") => " (the full one is 0)",
        (CronField::Day | CronField::Month, "0") => " (counting begins at 1)",
        (CronField::Day, "32") => " (the last day of the month is L)",
        _ => "",
    }
}

pub(super) fn day_part(piece: Piece<'_>) -> Result<DayPart, CronError> {
    let upper = piece.text.to_ascii_uppercase();
    if upper == "L" {
        return Ok(DayPart::Last(0));
    }
    if upper == "LW" || upper == "WL" {
        return Ok(DayPart::LastWorkday);
    }
    if upper.starts_with("L-") {
        let before = piece.part(2, &piece.text[2..]);
        return match before.text.parse::<u8>() {
            Ok(n @ 1..=30) if number(before.text).is_some() => Ok(DayPart::Last(n)),
            _ => Err(before.error("is no number of days before the last; allowed: 1 to 30")),
        };
    }
    if upper.ends_with('W') {
        let day = piece.part(0, &piece.text[..piece.text.len() - 1]);
        return value(day).map(DayPart::NearestWorkday);
    }
    span(piece).map(DayPart::Span)
}

pub(super) fn weekday_part(piece: Piece<'_>) -> Result<WeekdayPart, CronError> {
    if let Some((weekday, nth)) = piece.cut('#') {
        let weekday = value(weekday)? % 7;
        return match nth.text.parse::<u8>() {
            Ok(n @ 1..=5) if number(nth.text).is_some() => Ok(WeekdayPart::Nth(weekday, n)),
            _ => Err(nth.error("does not say which one of the month; allowed: 1 to 5, as in 1#2")),
        };
    }
    if piece.text.eq_ignore_ascii_case("L") {
        return Err(piece.error(
            "does not say which weekday; write 5L for the last Friday of the month, or 6 for Saturday",
        ));
    }
    if let Some(day) = piece.text.strip_prefix(['L', 'l'])
        && value(piece.part(1, day)).is_ok()
    {
        return Err(piece.error(&format!(
            "is how Prefect names the last one of the month; write {day}L"
        )));
    }
    if piece.text.len() > 1 && piece.text.ends_with(['L', 'l']) {
        let weekday = piece.part(0, &piece.text[..piece.text.len() - 1]);
        return Ok(WeekdayPart::Last(value(weekday)? % 7));
    }
    span(piece).map(WeekdayPart::Span)
}
