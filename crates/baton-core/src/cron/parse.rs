//! Reads cron expressions; every refusal names the field, the place, what was found and what is allowed.

mod part;
mod piece;

use jiff::civil::date;

use super::alias::{ALIASES, expansion};
use super::error::{CronError, CronErrorKind, CronField};
use super::{Cron, MAX_EXPRESSION};
use crate::nearest::nearest;
use part::{day_part, set, weekday_part};
use piece::Piece;

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
        whole: text,
    }; 6];
    for (index, &(position, word)) in words.iter().enumerate() {
        pieces[index + skip] = Piece {
            text: word,
            position,
            field: CronField::ALL[index + skip],
            whole: text,
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

fn syntax(found: &str, message: String) -> CronError {
    CronError::whole(CronErrorKind::Syntax, found, message)
}

fn unknown_alias(name: &str) -> CronError {
    let advice = if name.eq_ignore_ascii_case("@reboot") {
        "; a schedule fires at times, not at events such as the start of a machine. To run \
         something when a robot's machine starts, let that machine's service call `baton run`"
            .to_owned()
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
