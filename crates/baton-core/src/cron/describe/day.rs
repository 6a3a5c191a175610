//! The part of a description that says on which days.

use super::words::{MONTHS, WEEKDAYS, listed, nth, ordinal, plural};
use crate::cron::Cron;
use crate::cron::field::{DayPart, Form, Span, WeekdayPart};

/// ` on weekdays`, ` on the 1st of the month`, ` in June`; empty when every day fits.
pub(super) fn phrase(cron: &Cron) -> String {
    let months = months(cron);
    let of = match &months {
        Some(months) => format!(" of {}", months.names),
        None => " of the month".to_owned(),
    };
    let within = months.map_or(String::new(), |months| format!(" {}", months.clause));
    let days = days(cron).map(|days| format!(" {days}{of}"));
    let weekdays = weekdays(cron, &of, &within);
    match (days, weekdays) {
        _ if !is_restricted(cron) => within,
        (None, None) => within,
        (Some(days), None) => days,
        (None, Some(weekdays)) => format!(" {weekdays}"),
        (Some(days), Some(weekdays)) if cron.either_day_suffices() => {
            format!("{days} and also {weekdays}")
        }
        (Some(days), Some(_)) => {
            let only = weekdays_plain(cron, &of);
            format!("{days}, but only {only}")
        }
    }
}

/// Whether day or weekday leave out some days of a month. `1-31` beside `MON` does not: either suffices.
pub(super) fn is_restricted(cron: &Cron) -> bool {
    let (days, weekdays) = (days(cron).is_some(), weekdays(cron, "", "").is_some());
    if cron.either_day_suffices() {
        days && weekdays
    } else {
        days || weekdays
    }
}

struct Months {
    /// `January and July`, `November to February`.
    names: String,
    /// `in January and July`, `from November to February`.
    clause: String,
}

fn months(cron: &Cron) -> Option<Months> {
    if cron.month.is_full() {
        return None;
    }
    let name = |month: u8| MONTHS[usize::from(month) - 1].to_owned();
    if let [span] = cron.month.spans[..]
        && span.form == Form::Range
        && span.step == 1
        && span.from != span.to
    {
        let names = format!("{} to {}", name(span.from), name(span.to));
        return Some(Months {
            clause: format!("from {names}"),
            names,
        });
    }
    let names: Vec<String> = cron.month.values().into_iter().map(name).collect();
    let names = listed(&names);
    Some(Months {
        clause: format!("in {names}"),
        names,
    })
}

/// Whether the members of a list together hold all `size` values of their field.
fn covers(members: impl Iterator<Item = Vec<u8>>, size: u32) -> bool {
    let mask = members
        .flatten()
        .fold(0_u32, |mask, value| mask | 1 << value);
    mask.count_ones() == size
}

/// `on the 1st and the 15th`, without its month.
fn days(cron: &Cron) -> Option<String> {
    let plain = cron.days.iter().filter_map(|part| match part {
        DayPart::Span(span) => Some(span.values(1, 31)),
        _ => None,
    });
    if covers(plain, 31) {
        return None;
    }
    let named: Vec<String> = cron.days.iter().copied().map(day).collect();
    Some(format!("on {}", listed(&named)))
}

fn day(part: DayPart) -> String {
    match part {
        DayPart::Span(span) => day_span(span),
        DayPart::Last(0) => "the last day".to_owned(),
        DayPart::Last(1) => "the day before the last day".to_owned(),
        DayPart::Last(n) => format!("the {} day before the last day", nth(n)),
        DayPart::LastWorkday => "the last weekday".to_owned(),
        DayPart::NearestWorkday(day) => format!("the weekday nearest the {}", nth(day)),
    }
}

fn day_span(span: Span) -> String {
    let values = span.values(1, 31);
    let last = values.last().copied().unwrap_or(span.to);
    match (span.step, &values[..]) {
        (_, [one]) => format!("the {}", nth(*one)),
        (1, _) => format!("the {} to the {}", nth(span.from), nth(span.to)),
        (step, _) if span.form == Form::Range => format!(
            "every {} day from the {} to the {}",
            nth(step),
            nth(span.from),
            nth(last)
        ),
        (step, _) => format!("every {} day from the {}", nth(step), nth(span.from)),
    }
}

/// `on weekdays`, `on Mondays in June`, `on the first Monday of the month`.
fn weekdays(cron: &Cron, of: &str, within: &str) -> Option<String> {
    let plain = cron.weekdays.iter().filter_map(|part| match part {
        WeekdayPart::Span(span) => Some(span.values(0, 6)),
        _ => None,
    });
    if covers(plain, 7) {
        return None;
    }
    let counted = cron
        .weekdays
        .iter()
        .any(|part| !matches!(part, WeekdayPart::Span(_)));
    let phrase = weekdays_plain(cron, of);
    // Counted ones name the month already: "the first Monday of June".
    Some(if counted {
        phrase
    } else {
        format!("{phrase}{within}")
    })
}

fn weekdays_plain(cron: &Cron, of: &str) -> String {
    let mut plain: Vec<u8> = Vec::new();
    let mut counted: Vec<String> = Vec::new();
    for part in &cron.weekdays {
        match *part {
            WeekdayPart::Span(span) => plain.extend(span.values(0, 6)),
            WeekdayPart::Last(day) => counted.push(format!("the last {}", name(day))),
            WeekdayPart::Nth(day, n) => counted.push(format!("the {} {}", ordinal(n), name(day))),
        }
    }
    let mut phrases: Vec<String> = Vec::new();
    if !plain.is_empty() {
        phrases.push(several(cron, plain));
    }
    if !counted.is_empty() {
        phrases.push(format!("on {}{of}", listed(&counted)));
    }
    listed(&phrases)
}

/// Plain weekdays: `on weekdays`, `from Friday to Monday`, `on Mondays and Thursdays`.
fn several(cron: &Cron, mut days: Vec<u8>) -> String {
    if let [WeekdayPart::Span(span)] = cron.weekdays[..]
        && span.form == Form::Range
        && span.step == 1
        && days.len() > 2
        && days != [1, 2, 3, 4, 5]
    {
        return format!("from {} to {}", name(span.from), name(span.to));
    }
    // Monday first, as people list them.
    days.sort_unstable_by_key(|day| (day + 6) % 7);
    days.dedup();
    match days[..] {
        [1, 2, 3, 4, 5] => "on weekdays".to_owned(),
        [6, 0] => "on weekends".to_owned(),
        _ => {
            let names: Vec<String> = days.into_iter().map(|day| plural(name(day))).collect();
            format!("on {}", listed(&names))
        }
    }
}

fn name(day: u8) -> &'static str {
    WEEKDAYS[usize::from(day)]
}
