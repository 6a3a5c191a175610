//! One spelling of each rule, so that a schedule compares equal whichever door it came through.

use jiff::Timestamp;

use super::error::ScheduleError;
use super::rule::{WEEKDAYS, bad_cron, clock_time, local_time, month_days, weekday_set};
use super::{Rule, ScheduleSettings};
use crate::cron::Cron;
use crate::zone;

impl Rule {
    /// The same rule as it is stored: `9:00` and `09:00:00` are `09:00`, `Friday,mon` are `mon, fri`.
    /// Refuses what makes no sense, and cron expressions that prove to be of another dialect.
    pub fn normal(&self) -> Result<Self, ScheduleError> {
        // An expression is read below, as one that is new: what is of another dialect gets advice.
        if !matches!(self, Self::Cron { .. }) {
            self.beat()?;
        }
        Ok(match self {
            Self::Once { at } => {
                let at = local_time(at)?;
                let format = match at.second() {
                    0 => "%Y-%m-%dT%H:%M",
                    _ => "%Y-%m-%dT%H:%M:%S",
                };
                Self::Once {
                    at: at.strftime(format).to_string(),
                }
            }
            Self::Interval {
                every_seconds,
                anchor,
                wall_clock,
            } => Self::Interval {
                every_seconds: *every_seconds,
                anchor: anchor.map(whole_microseconds),
                wall_clock: *wall_clock,
            },
            Self::Hourly { minute } => Self::Hourly { minute: *minute },
            Self::Daily { time } => Self::Daily { time: clock(time)? },
            Self::Weekly { days, time } => {
                let named = weekday_set(days)?;
                // Monday first, as people list them.
                let days = (1..=7).map(|i| i % 7).filter(|&i| named[i]);
                Self::Weekly {
                    days: days.map(|i| WEEKDAYS[i].to_owned()).collect(),
                    time: clock(time)?,
                }
            }
            Self::Monthly { days, time } => {
                month_days(days)?;
                let mut days = days.clone();
                days.sort_unstable_by_key(|day| day.cast_unsigned());
                days.dedup();
                Self::Monthly {
                    days,
                    time: clock(time)?,
                }
            }
            Self::Cron { expression } => {
                let cron = Cron::parse(expression).map_err(bad_cron)?;
                let words: Vec<&str> = cron.source().split_whitespace().collect();
                Self::Cron {
                    expression: words.join(" "),
                }
            }
        })
    }

    /// The name of its kind, by which a schedule is called unless somebody names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Once { .. } => "once",
            Self::Interval { .. } => "interval",
            Self::Hourly { .. } => "hourly",
            Self::Daily { .. } => "daily",
            Self::Weekly { .. } => "weekly",
            Self::Monthly { .. } => "monthly",
            Self::Cron { .. } => "cron",
        }
    }
}

impl ScheduleSettings {
    /// These settings as they are stored when somebody gives them: in one spelling, and an interval
    /// without an anchor of its own counted from the start. Stored settings do not come here: those of
    /// an earlier version without an anchor keep their beat.
    pub fn normal(mut self) -> Result<Self, ScheduleError> {
        self.rule = self.rule.normal()?;
        self.timezone = zone::spelling(&self.timezone);
        self.starts_at = self.starts_at.map(whole_microseconds);
        self.ends_at = self.ends_at.map(whole_microseconds);
        if let Rule::Interval { anchor, .. } = &mut self.rule {
            *anchor = anchor.or(self.starts_at);
        }
        Ok(self)
    }

    /// These settings as an edit of `before` stores them, its rule being in one spelling already. A new
    /// interval counts from the start, as one that is made does; a new start moves a beat that was counted
    /// from the old one, or from nowhere in particular. What the edit leaves alone keeps its beat.
    pub fn after(mut self, before: &Self) -> Self {
        self.starts_at = self.starts_at.map(whole_microseconds);
        self.ends_at = self.ends_at.map(whole_microseconds);
        let (rule_is_new, start_is_new) = (
            self.rule != before.rule,
            self.starts_at.is_some() && self.starts_at != before.starts_at,
        );
        if let Rule::Interval { anchor, .. } = &mut self.rule {
            let follows = anchor.is_none() || *anchor == before.starts_at;
            if rule_is_new {
                *anchor = anchor.or(self.starts_at);
            } else if start_is_new && follows {
                *anchor = self.starts_at;
            }
        }
        self
    }
}

/// A time of day as it is stored: `09:30`, or `09:30:15` where the seconds matter.
fn clock(text: &str) -> Result<String, ScheduleError> {
    let fields = clock_time(text)?;
    let [second, minute, hour] = [0, 1, 2].map(|index| {
        let field = fields.split(' ').nth(index).unwrap_or("0");
        format!("{field:0>2}")
    });
    Ok(match second.as_str() {
        "00" => format!("{hour}:{minute}"),
        _ => format!("{hour}:{minute}:{second}"),
    })
}

/// Slots are stored in microseconds; a finer anchor would not find itself again.
fn whole_microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

#[cfg(test)]
#[path = "normal_tests.rs"]
mod tests;
