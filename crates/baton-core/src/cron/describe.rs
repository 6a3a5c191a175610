//! Says in plain English when a cron expression fires.

mod day;
mod words;

use super::Cron;
use super::field::{Form, Set};
use words::{listed, nth, plural};

/// Most times of day that are listed one by one; more are told as a pattern.
const MAX_TIMES: usize = 6;

/// `At 09:00 on weekdays`, `Every 5 minutes`.
pub(super) fn describe(cron: &Cron) -> String {
    match times(cron) {
        Some(times) => {
            let every_day = if day::is_restricted(cron) {
                ""
            } else {
                " every day"
            };
            let day = format!("{every_day}{}", day::phrase(cron));
            format!("At {}{day}", listed(&times))
        }
        None => format!("{}{}", pattern(cron), day::phrase(cron)),
    }
}

/// Whether the description means the same in every zone, so that naming one would only be noise.
pub(super) fn is_zone_free(cron: &Cron) -> bool {
    let even = match shape(&cron.minute) {
        Shape::Any => true,
        Shape::Step { from: 0, step, .. } => 60 % step == 0,
        _ => false,
    };
    even && cron.hour.is_full() && day::phrase(cron).is_empty()
}

/// How the values of a field lie.
enum Shape {
    Any,
    One(u8),
    /// Neighbours, possibly around the end.
    Range(u8, u8),
    /// `from`, then every `step`, up to `last`; `open` when that is the whole rest of the field.
    Step {
        from: u8,
        last: u8,
        step: u8,
        open: bool,
    },
    List(Vec<u8>),
}

fn shape(set: &Set) -> Shape {
    if set.is_full() {
        return Shape::Any;
    }
    let values = set.values();
    if let [one] = values[..] {
        return Shape::One(one);
    }
    let [span] = set.spans[..] else {
        return Shape::List(values);
    };
    if span.step == 1 {
        return Shape::Range(span.from, span.to);
    }
    let last = span.values(set.min, set.max).last().copied();
    Shape::Step {
        from: span.from,
        last: last.unwrap_or(span.from),
        step: span.step,
        open: span.form != Form::Range || span.to == set.max,
    }
}

/// The times of day, when they are few and no pattern.
fn times(cron: &Cron) -> Option<Vec<String>> {
    let few = |set: &Set| match shape(set) {
        Shape::One(value) => Some(vec![value]),
        Shape::List(values) => Some(values),
        _ => None,
    };
    let hours = few(&cron.hour)?;
    let minutes = few(&cron.minute)?;
    let seconds = few(&cron.second)?;
    if hours.len() * minutes.len() * seconds.len() > MAX_TIMES {
        return None;
    }
    let mut times = Vec::new();
    for &hour in &hours {
        for &minute in &minutes {
            for &second in &seconds {
                times.push(clock(hour, minute, second));
            }
        }
    }
    Some(times)
}

fn clock(hour: u8, minute: u8, second: u8) -> String {
    if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

/// The rhythm of an expression that is more than a few times of day.
fn pattern(cron: &Cron) -> String {
    match shape(&cron.second) {
        Shape::One(second) => minutes(cron, second),
        seconds => {
            let rhythm = rhythm(&seconds, "second", 60, "minute");
            let listed = rhythm.starts_with("At");
            let within = match shape(&cron.minute) {
                Shape::Any if listed => " of every minute".to_owned(),
                Shape::Any => String::new(),
                minutes => format!(" during {}", members(&minutes, "minute")),
            };
            let hours = match shape(&cron.hour) {
                Shape::Any if matches!(shape(&cron.minute), Shape::Any) => String::new(),
                Shape::Any => " of every hour".to_owned(),
                hours if matches!(shape(&cron.minute), Shape::Any) => through(&hours, 0, 59),
                hours => format!(" of {}", members(&hours, "hour")),
            };
            format!("{rhythm}{within}{hours}")
        }
    }
}

/// The rhythm of an expression that fires in one second of its minutes.
fn minutes(cron: &Cron, second: u8) -> String {
    let hours = shape(&cron.hour);
    let at_second = match second {
        0 => String::new(),
        second => format!(" at second {second}"),
    };
    match shape(&cron.minute) {
        Shape::One(minute) => hourly(&hours, minute, second),
        Shape::Any => format!("Every minute{}{at_second}", through(&hours, 0, 59)),
        minutes @ Shape::Step { open: true, .. } => {
            let rhythm = rhythm(&minutes, "minute", 60, "hour");
            let (first, last) = ends(&minutes);
            format!("{rhythm}{}{at_second}", through(&hours, first, last))
        }
        minutes => {
            let of = match &hours {
                Shape::Any => "every hour".to_owned(),
                hours => members(hours, "hour"),
            };
            format!("At {} of {of}{at_second}", members(&minutes, "minute"))
        }
    }
}

/// The rhythm of an expression that fires once in each of its hours.
fn hourly(hours: &Shape, minute: u8, second: u8) -> String {
    let at = |hour: u8| clock(hour, minute, second);
    let past = match (minute, second) {
        (0, 0) => String::new(),
        (minute, 0) => format!(" at minute {minute}"),
        (minute, second) => format!(" at minute {minute}, second {second}"),
    };
    match hours {
        Shape::Any => format!("Every hour{past}"),
        Shape::One(hour) => format!("At {}", at(*hour)),
        Shape::Range(from, to) => format!("Every hour from {} to {}", at(*from), at(*to)),
        Shape::Step {
            from: 0,
            step,
            open: true,
            ..
        } => {
            let anew = if 24 % step == 0 {
                ""
            } else {
                ", beginning anew at midnight"
            };
            format!("Every {step} hours{past}{anew}")
        }
        Shape::Step {
            from, last, step, ..
        } => format!("Every {step} hours from {} to {}", at(*from), at(*last)),
        Shape::List(_) => format!(
            "At {} of {}",
            match (minute, second) {
                (minute, 0) => format!("minute {minute}"),
                (minute, second) => format!("minute {minute}, second {second}"),
            },
            members(hours, "hour")
        ),
    }
}

/// `Every 5 minutes`, or `At minutes 1, 2 and 40` where there is no rhythm. Steps that do not come out
/// even at the end of the `whole` say where they begin anew.
fn rhythm(shape: &Shape, unit: &str, size: u8, whole: &str) -> String {
    match shape {
        Shape::Any => format!("Every {unit}"),
        Shape::Step {
            from: 0,
            step,
            open: true,
            ..
        } if size.is_multiple_of(*step) => format!("Every {step} {unit}s"),
        Shape::Step {
            from,
            last,
            step,
            open: true,
        } if *last + step == size + from => format!("Every {step} {unit}s from {unit} {from}"),
        Shape::Step {
            from,
            last,
            step,
            open: true,
        } => {
            let values: Vec<String> = (*from..=*last)
                .step_by(usize::from(*step))
                .map(|value| value.to_string())
                .collect();
            let few = match &values[..] {
                [first, second] => format!("{unit}s {first} and {second}"),
                [first, second, .., last] => format!("{unit}s {first}, {second} … {last}"),
                _ => format!("{unit} {from}"),
            };
            format!("Every {step} {unit}s, beginning anew each {whole} ({few})")
        }
        other => format!("At {}", members(other, unit)),
    }
}

/// The clause that says in which hours something repeats whose first and last minute are given.
fn through(hours: &Shape, first: u8, last: u8) -> String {
    let (from, to) = match hours {
        Shape::Any => return String::new(),
        Shape::One(hour) => (*hour, *hour),
        Shape::Range(from, to) => (*from, *to),
        other => return format!(" during {}", members(other, "hour")),
    };
    format!(" from {} to {}", clock(from, first, 0), clock(to, last, 0))
}

fn ends(shape: &Shape) -> (u8, u8) {
    match shape {
        Shape::Any => (0, 59),
        Shape::One(one) => (*one, *one),
        Shape::Range(from, to) => (*from, *to),
        Shape::Step { from, last, .. } => (*from, *last),
        Shape::List(values) => (
            values.first().copied().unwrap_or(0),
            values.last().copied().unwrap_or(59),
        ),
    }
}

/// `minute 5`, `minutes 0 to 10`, `every 2nd hour`, `hours 9, 12 and 15`.
fn members(shape: &Shape, unit: &str) -> String {
    match shape {
        Shape::Any => format!("every {unit}"),
        Shape::One(value) => format!("{unit} {value}"),
        Shape::Range(from, to) => format!("{unit}s {from} to {to}"),
        Shape::Step {
            from: 0,
            step,
            open: true,
            ..
        } => format!("every {} {unit}", nth(*step)),
        Shape::Step {
            from, last, step, ..
        } => format!("every {} {unit} from {from} to {last}", nth(*step)),
        Shape::List(values) => {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            format!("{} {}", plural(unit), listed(&values))
        }
    }
}
