//! Reads cron expressions; every refusal names the field, the place, what was found and what is allowed.

use jiff::civil::date;

use super::alias::{ALIASES, expansion};
use super::error::{CronError, CronErrorKind, CronField};
use super::field::{DayPart, Form, Set, Span, WeekdayPart};
use super::{Cron, MAX_EXPRESSION};
use crate::nearest::nearest;

/// A piece of the expression and where it begins, counted in characters from 1.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    position: usize,
    field: CronField,
}

impl<'a> Piece<'a> {
    fn error(self, problem: &str) -> CronError {
        CronError::in_field(self.field, self.position, self.text, problem)
    }

    /// `is out of range; allowed: …` with whatever helps.
    fn not_allowed(self, what: &str) -> CronError {
        self.error(&format!("{what}; allowed: {}", self.field.allowed()))
    }

    /// The part of this piece that begins `skip` bytes in and reads `text`.
    fn part(self, skip: usize, text: &'a str) -> Self {
        Self {
            text,
            position: self.position + self.text[..skip].chars().count(),
            field: self.field,
        }
    }

    /// This piece cut at the first `separator`.
    fn cut(self, separator: char) -> Option<(Self, Self)> {
        let at = self.text.find(separator)?;
        let rest = at + separator.len_utf8();
        Some((
            self.part(0, &self.text[..at]),
            self.part(rest, &self.text[rest..]),
        ))
    }

    /// The members of the list.
    fn members(self) -> impl Iterator<Item = Self> {
        let mut skip = 0;
        self.text.split(',').map(move |text| {
            let member = self.part(skip, text);
            skip += text.len() + 1;
            member
        })
    }
}

pub(super) fn parse(text: &str) -> Result<Cron, CronError> {
    let source = text.trim();
    if text.len() > MAX_EXPRESSION {
        return Err(syntax(
            "",
            format!("the expression is longer than {MAX_EXPRESSION} bytes; shorten it"),
        ));
    }
    if source.starts_with('@') {
        let expression = expansion(source).ok_or_else(|| unknown_alias(source))?;
        let cron = read(expression)?;
        return Ok(Cron {
            source: source.to_owned(),
            ..cron
        });
    }
    let cron = read(text)?;
    if cron.at_or_after(date(2000, 1, 1).at(0, 0, 0, 0)).is_none() {
        return Err(never_fires(source, &cron));
    }
    Ok(cron)
}

fn read(text: &str) -> Result<Cron, CronError> {
    let words = words(text);
    let skip = match words.len() {
        5 => 1,
        6 => 0,
        count => return Err(wrong_count(text.trim(), count)),
    };
    let mut pieces = [Piece {
        text: "0",
        position: 1,
        field: CronField::Second,
    }; 6];
    for (index, &(position, text)) in words.iter().enumerate() {
        pieces[index + skip] = Piece {
            text,
            position,
            field: CronField::ALL[index + skip],
        };
    }
    let [second, minute, hour, day, month, weekday] = pieces;
    Ok(Cron {
        source: text.trim().to_owned(),
        second: set(second)?,
        minute: set(minute)?,
        hour: set(hour)?,
        days: day.members().map(day_part).collect::<Result<_, _>>()?,
        month: set(month)?,
        weekdays: weekday
            .members()
            .map(weekday_part)
            .collect::<Result<_, _>>()?,
    })
}

/// The words of the expression with their positions.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    let blank_at_end = (text.chars().count(), text.len(), ' ');
    let chars = text.char_indices().enumerate();
    for (position, byte, c) in chars.map(|(p, (b, c))| (p, b, c)).chain([blank_at_end]) {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some((position, byte)),
            (true, Some((first, from))) => {
                words.push((first + 1, &text[from..byte]));
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn set(piece: Piece<'_>) -> Result<Set, CronError> {
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
        Some((body, step)) => (body, Some(self::step(step)?)),
        None => (piece, None),
    };
    let (from, to, form) = if body.text == "*" || body.text == "?" {
        let max = if piece.field == CronField::Weekday {
            6
        } else {
            max
        };
        (min, max, Form::Star)
    } else if let Some((from, to)) = body.cut('-') {
        let (from, to) = (value(from)?, value(to)?);
        return Ok(range(piece.field, from, to, step.unwrap_or(1)));
    } else {
        let value = value(body)?;
        match step {
            Some(_) => (value, max, Form::From),
            None => (value, value, Form::Value),
        }
    };
    if form == Form::Star {
        return Ok(Span {
            from,
            to,
            step: step.unwrap_or(1),
            form,
        });
    }
    let span = range(piece.field, from, to, step.unwrap_or(1));
    Ok(Span { form, ..span })
}

/// A range whose weekday 7 has become 0; `SAT-7` still ends on Sunday and `7-TUE` begins there.
fn range(field: CronField, from: u8, to: u8, step: u8) -> Span {
    let day = |value: u8| {
        if field == CronField::Weekday {
            value % 7
        } else {
            value
        }
    };
    // 0-7 is the whole week, not Sunday alone.
    let to = if field == CronField::Weekday && from == 0 && to == 7 {
        6
    } else {
        day(to)
    };
    Span {
        from: day(from),
        to,
        step,
        form: Form::Range,
    }
}

fn step(piece: Piece<'_>) -> Result<u8, CronError> {
    let (_, max) = piece.field.range();
    match piece.text.parse::<u32>() {
        Ok(0) => Err(piece.error("is no step; a step is at least 1")),
        Ok(n) if n > u32::from(max) => Err(piece.error(&format!(
            "is a step larger than the field, so only its first value would ever match; \
             the largest step is {max}. For longer pauses use an interval"
        ))),
        Ok(n) => Ok(u8::try_from(n).expect("a step is at most the largest value of its field")),
        Err(_) => Err(piece.error("is no step; a step is a whole number, as in */5")),
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
    let advice = meant.map_or(String::new(), |name| format!(", did you mean {name}?"));
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

fn day_part(piece: Piece<'_>) -> Result<DayPart, CronError> {
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
            Ok(n @ 1..=30) => Ok(DayPart::Last(n)),
            _ => Err(before.error("is no number of days before the last; allowed: 1 to 30")),
        };
    }
    if upper.ends_with('W') {
        let day = piece.part(0, &piece.text[..piece.text.len() - 1]);
        return value(day).map(DayPart::NearestWorkday);
    }
    span(piece).map(DayPart::Span)
}

fn weekday_part(piece: Piece<'_>) -> Result<WeekdayPart, CronError> {
    if let Some((weekday, nth)) = piece.cut('#') {
        let weekday = value(weekday)? % 7;
        return match nth.text.parse::<u8>() {
            Ok(n @ 1..=5) => Ok(WeekdayPart::Nth(weekday, n)),
            _ => Err(nth.error("does not say which one of the month; allowed: 1 to 5, as in 1#2")),
        };
    }
    if piece.text.eq_ignore_ascii_case("L") {
        return Err(piece.error(
            "does not say which weekday; write 5L for the last Friday of the month, or 6 for Saturday",
        ));
    }
    if piece.text.len() > 1 && piece.text.ends_with(['L', 'l']) {
        let weekday = piece.part(0, &piece.text[..piece.text.len() - 1]);
        return Ok(WeekdayPart::Last(value(weekday)? % 7));
    }
    span(piece).map(WeekdayPart::Span)
}

fn syntax(found: &str, message: String) -> CronError {
    CronError::whole(CronErrorKind::Syntax, found, message)
}

fn unknown_alias(name: &str) -> CronError {
    let advice = if name.eq_ignore_ascii_case("@reboot") {
        "; a schedule fires at times, not at events".to_owned()
    } else {
        match nearest(name, ALIASES.iter().map(|&(alias, _)| alias)) {
            Some(alias) => format!(", did you mean {alias}?"),
            None => {
                let names: Vec<_> = ALIASES.iter().map(|&(alias, _)| alias).collect();
                format!("; the aliases are {}", names.join(", "))
            }
        }
    };
    syntax(name, format!("\"{name}\" is not an alias{advice}"))
}

fn wrong_count(source: &str, count: usize) -> CronError {
    let found = match count {
        0 => "the expression is empty".to_owned(),
        1 => "the expression has 1 field".to_owned(),
        7 => "the expression has 7 fields, and a year is not supported".to_owned(),
        _ => format!("the expression has {count} fields"),
    };
    syntax(
        source,
        format!(
            "{found}; it needs 5 (minute, hour, day of month, month, weekday) or 6 with seconds \
             first, as in \"0 9 * * MON-FRI\", or an alias such as @daily"
        ),
    )
}

fn never_fires(source: &str, cron: &Cron) -> CronError {
    let lengths: Vec<u8> = cron
        .month
        .values()
        .into_iter()
        .map(|month| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        })
        .collect();
    let longest = lengths.iter().max().copied().unwrap_or(31);
    CronError::whole(
        CronErrorKind::NeverFires,
        source,
        format!(
            "\"{source}\" never fires: no date fits it, because the months it names have at most \
             {longest} days; for the last day of a month write L"
        ),
    )
}
