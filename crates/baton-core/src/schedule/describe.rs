//! Says in plain English when a schedule fires.

use jiff::Timestamp;

use super::ScheduleSettings;
use super::preview::clock;
use super::rule::Beat;
use super::timetable::Timetable;

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
            Beat::Interval { every, anchor } => (interval(*every, *anchor), false),
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
        if let Some(start) = self.starts_at {
            text.push_str(&format!(", from {}", day(start)));
        }
        if let Some(end) = self.ends_at {
            text.push_str(&format!(", until {}", day(end)));
        }
        text
    }
}

/// `Every 90 seconds`; days are told in hours, for an interval does not follow the calendar.
fn interval(every: u32, anchor: Timestamp) -> String {
    let (count, unit) = match every {
        n if n % 3_600 == 0 => (n / 3_600, "hour"),
        n if n % 60 == 0 => (n / 60, "minute"),
        n => (n, "second"),
    };
    let mut text = if count == 1 {
        format!("Every {unit}")
    } else {
        format!("Every {count} {unit}s")
    };
    if anchor != Timestamp::UNIX_EPOCH {
        let anchor = anchor.strftime("%-d %B %Y %H:%M:%S");
        text.push_str(&format!(", counted from {anchor} UTC"));
    }
    text
}
