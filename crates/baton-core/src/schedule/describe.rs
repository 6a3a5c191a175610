//! Says in plain English when a schedule fires.

use jiff::Timestamp;

use super::ScheduleSettings;
use super::preview::clock;
use super::rule::Beat;
use super::timetable::{Timetable, first_day};

impl ScheduleSettings {
    /// When it fires, in plain English: `At 09:00 on weekdays, Europe/Berlin`. Broken settings are said
    /// to never fire, with the reason.
    pub fn describe(&self) -> String {
        let timetable = match Timetable::new(self) {
            Ok(timetable) => timetable,
            Err(error) => return format!("Never: {error}"),
        };
        let (mut text, zoned) = match &timetable.beat {
            Beat::Once(time) => {
                let day = time.strftime("%a %-d %B %Y");
                (format!("Once, on {day} at {}", clock(*time)), true)
            }
            Beat::Interval { every, anchor } => {
                let counted = counted(self, &timetable, *every, *anchor);
                let zoned = *anchor != Timestamp::UNIX_EPOCH;
                (
                    format!("{}, counted from {counted}", interval(*every)),
                    zoned,
                )
            }
            Beat::Days { days, anchor } => {
                let first = first_day(*anchor, &timetable.zone);
                let every = match days {
                    1 => "Every day".to_owned(),
                    days => format!("Every {days} days"),
                };
                let day = first.strftime("%-d %B %Y");
                let at = clock(first);
                (format!("{every} at {at}, counted from {day}"), true)
            }
            Beat::Cron(cron) => (cron.describe(), !cron.is_zone_free()),
        };
        if zoned {
            text.push_str(", ");
            text.push_str(&self.timezone);
        }
        let day = |at: Timestamp| {
            let local = timetable.zone.to_datetime(at);
            format!("{} {}", local.strftime("%-d %B %Y"), clock(local))
        };
        if let Some(start) = self.starts_at
            && !timetable.counts_from(start)
        {
            text.push_str(&format!(", from {}", day(start)));
        }
        if let Some(end) = self.ends_at {
            text.push_str(&format!(", until {}", day(end)));
        }
        text
    }
}

/// `Every 90 seconds`, `Every 7 days`. One day is told in hours: an interval of real time does not
/// follow the calendar.
fn interval(every: u32) -> String {
    let (count, unit) = match every {
        n if n % 86_400 == 0 && n > 86_400 => (n / 86_400, "day"),
        n if n % 3_600 == 0 => (n / 3_600, "hour"),
        n if n % 60 == 0 => (n / 60, "minute"),
        n => (n, "second"),
    };
    if count == 1 {
        format!("Every {unit}")
    } else {
        format!("Every {count} {unit}s")
    }
}

/// Where an interval of real time is counted from, as short as it is clear.
fn counted(
    settings: &ScheduleSettings,
    timetable: &Timetable,
    every: u32,
    anchor: Timestamp,
) -> String {
    if anchor == Timestamp::UNIX_EPOCH {
        // Every zone of today is whole quarters of an hour away from UTC.
        return if 900 % every == 0 {
            "the full hour"
        } else if 86_400 % every == 0 {
            "00:00 UTC"
        } else {
            "1 January 1970 00:00 UTC"
        }
        .to_owned();
    }
    let local = timetable.zone.to_datetime(anchor);
    let at = format!("{} {}", local.strftime("%-d %B %Y"), clock(local));
    if settings.starts_at == Some(anchor) {
        format!("its start on {at}")
    } else {
        at
    }
}
