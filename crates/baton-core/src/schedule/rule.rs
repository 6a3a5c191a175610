//! Turns the rule of a schedule into what can be computed with.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::Rule;
use super::error::ScheduleError;
use crate::cron::{Cron, CronError, CronErrorKind};
use crate::nearest::nearest;

/// Days of the week as settings name them, Sunday first as cron counts them.
pub(super) const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Seconds of a day.
const DAY: u32 = 86_400;

/// A rule that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Beat {
    /// One wall-clock time.
    Once(DateTime),
    /// Every so many seconds of real time, in step with the anchor.
    Interval { every: u32, anchor: Timestamp },
    /// Every so many days of the calendar, in step with the anchor and at its time of day; counted from
    /// the first of January 1970 where there is none.
    Days {
        days: u32,
        anchor: Option<Timestamp>,
    },
    /// Wall-clock times that repeat.
    Cron(Box<Cron>),
}

impl Rule {
    /// A rule from a cron expression or alias; refuses what [`Cron::parse`] refuses.
    pub fn cron(expression: &str) -> Result<Self, CronError> {
        Cron::parse(expression).map(|cron| Self::Cron {
            expression: cron.source().to_owned(),
        })
    }

    /// A rule that fires every so many seconds, counted from the Unix epoch.
    pub const fn every_seconds(every_seconds: u32) -> Self {
        Self::Interval {
            every_seconds,
            anchor: None,
            wall_clock: false,
        }
    }

    /// What this rule means.
    pub(super) fn beat(&self) -> Result<Beat, ScheduleError> {
        match self {
            Self::Once { at } => local_time(at).map(Beat::Once),
            Self::Interval {
                every_seconds: 0, ..
            } => Err(ScheduleError::new(
                "bad_interval",
                "rule.every_seconds",
                "the interval is 0 seconds; it must be at least 1".to_owned(),
            )),
            Self::Interval {
                every_seconds,
                anchor,
                wall_clock: true,
            } => match every_seconds % DAY {
                0 => Ok(Beat::Days {
                    days: every_seconds / DAY,
                    anchor: *anchor,
                }),
                _ => Err(ScheduleError::new(
                    "bad_interval",
                    "rule.every_seconds",
                    format!(
                        "the wall clock is kept over whole days, and {every_seconds} seconds are \
                         none; choose 1 day, 2 days or more ({DAY} seconds each), or leave the wall \
                         clock out"
                    ),
                )),
            },
            Self::Interval {
                every_seconds,
                anchor,
                ..
            } => Ok(Beat::Interval {
                every: *every_seconds,
                // Slots are stored in microseconds; a finer anchor would not find itself again.
                anchor: Timestamp::from_microsecond(
                    anchor.unwrap_or(Timestamp::UNIX_EPOCH).as_microsecond(),
                )
                .expect("an instant in microseconds that came from an instant"),
            }),
            Self::Hourly { minute } if *minute > 59 => Err(ScheduleError::new(
                "bad_minute",
                "rule.minute",
                format!("minute {minute} does not exist; allowed: 0 to 59"),
            )),
            Self::Hourly { minute } => Ok(cron(&format!("{minute} * * * *"))),
            Self::Daily { time } => {
                let time = clock_time(time)?;
                Ok(cron(&format!("{time} * * *")))
            }
            Self::Weekly { days, time } => {
                let days = weekdays(days)?;
                let time = clock_time(time)?;
                Ok(cron(&format!("{time} * * {days}")))
            }
            Self::Monthly { days, time } => {
                let days = month_days(days)?;
                let time = clock_time(time)?;
                Ok(cron(&format!("{time} {days} * *")))
            }
            Self::Cron { expression } => {
                let cron = Cron::parse_stored(expression).map_err(bad_cron)?;
                Ok(Beat::Cron(Box::new(cron)))
            }
        }
    }
}

/// Why an expression was refused, as a setting of a schedule.
pub(super) fn bad_cron(error: CronError) -> ScheduleError {
    let code = match error.kind {
        CronErrorKind::Syntax => "bad_cron",
        CronErrorKind::NeverFires => "never_fires",
    };
    ScheduleError::new(code, "rule.expression", error.message)
}

/// The expression of a rule whose parts were checked before.
fn cron(expression: &str) -> Beat {
    let cron = Cron::parse(expression).expect("checked parts make a valid expression");
    Beat::Cron(Box::new(cron))
}

/// A local time of day as the first three cron fields: `15 30 9`.
pub(super) fn clock_time(text: &str) -> Result<String, ScheduleError> {
    let bad = || {
        let shown: String = text.chars().take(40).collect();
        ScheduleError::new(
            "bad_time",
            "rule.time",
            format!(
                "\"{shown}\" is not a time of day; write 24-hour time such as 09:30 or 09:30:15"
            ),
        )
    };
    let parts: Vec<&str> = text.split(':').collect();
    if !matches!(parts.len(), 2 | 3) {
        return Err(bad());
    }
    let mut fields = [0_u8; 3];
    for (index, part) in parts.iter().enumerate() {
        let digits = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        let limit = if index == 0 { 23 } else { 59 };
        fields[index] = match part.parse::<u8>() {
            Ok(n) if digits && n <= limit => n,
            _ => return Err(bad()),
        };
    }
    let [hour, minute, second] = fields;
    Ok(format!("{second} {minute} {hour}"))
}

/// A local date and time without zone or offset.
pub(super) fn local_time(text: &str) -> Result<DateTime, ScheduleError> {
    let shown: String = text.chars().take(40).collect();
    let bad = |why: &str| {
        ScheduleError::new(
            "bad_time",
            "rule.at",
            format!("\"{shown}\" {why}; write local time such as 2026-12-24T18:00"),
        )
    };
    let clock = text.split(['T', 't', ' ']).nth(1);
    let Some(clock) = clock else {
        return Err(bad("is not a date and time"));
    };
    if clock.contains(['Z', 'z', '+', '-', '[']) {
        return Err(bad("has an offset of its own, but the zone is a setting"));
    }
    let time: DateTime = text.parse().map_err(|_| bad("is not a date and time"))?;
    time.with()
        .subsec_nanosecond(0)
        .build()
        .map_err(|_| bad("is not a date and time"))
}

/// Weekdays as a cron list.
fn weekdays(days: &[String]) -> Result<String, ScheduleError> {
    let named = weekday_set(days)?;
    let list: Vec<String> = (0..7)
        .filter(|&i| named[i])
        .map(|i| i.to_string())
        .collect();
    Ok(list.join(","))
}

/// Which weekdays are named, Sunday first; `mon-fri` names five.
pub(super) fn weekday_set(days: &[String]) -> Result<[bool; 7], ScheduleError> {
    let bad = |message| ScheduleError::new("bad_days", "rule.days", message);
    if days.is_empty() {
        return Err(bad(
            "no weekday is given; name at least one of mon, tue, wed, thu, fri, sat, sun"
                .to_owned(),
        ));
    }
    let mut named = [false; 7];
    for day in days {
        let (from, to) = day.split_once('-').unwrap_or((day, day));
        let (from, to) = (weekday(from)?, weekday(to)?);
        for step in 0..=(to + 7 - from) % 7 {
            named[(from + step) % 7] = true;
        }
    }
    Ok(named)
}

/// One weekday as its place from Sunday.
fn weekday(day: &str) -> Result<usize, ScheduleError> {
    let full = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    let lower = day.trim().to_lowercase();
    let index = (0..7).find(|&i| WEEKDAYS[i] == lower || full[i] == lower);
    index.ok_or_else(|| {
        let shown: String = day.chars().take(20).collect();
        let start = lower.get(..3).unwrap_or(&lower);
        let meant = WEEKDAYS.iter().copied().find(|name| *name == start);
        let advice = meant
            .or_else(|| nearest(&lower, WEEKDAYS))
            .map_or(String::new(), |name| format!(", did you mean {name}?"));
        ScheduleError::new(
            "bad_days",
            "rule.days",
            format!(
                "\"{shown}\" is not a weekday{advice}; allowed: mon, tue, wed, thu, fri, sat, sun, \
                 and ranges such as mon-fri"
            ),
        )
    })
}

/// Days of the month as a cron list; -1 is the last one.
pub(super) fn month_days(days: &[i8]) -> Result<String, ScheduleError> {
    let bad = |message| ScheduleError::new("bad_days", "rule.days", message);
    if days.is_empty() {
        return Err(bad(
            "no day is given; name at least one from 1 to 31, or -1 for the last".to_owned(),
        ));
    }
    if let Some(day) = days.iter().find(|day| !matches!(day, -1 | 1..=31)) {
        return Err(bad(format!(
            "day {day} does not exist; allowed: 1 to 31, and -1 for the last day of the month"
        )));
    }
    let mut sorted = days.to_vec();
    sorted.sort_unstable_by_key(|day| day.cast_unsigned());
    sorted.dedup();
    let list: Vec<String> = sorted
        .into_iter()
        .map(|day| {
            if day == -1 {
                "L".to_owned()
            } else {
                day.to_string()
            }
        })
        .collect();
    Ok(list.join(","))
}
