//! Finds the next wall-clock time that fits an expression, by whole months, days, hours and minutes.

use jiff::civil::{Date, DateTime, Weekday};

use super::Cron;
use super::field::{DayPart, WeekdayPart, next_bit};

/// How many years are searched. The rarest date, a 29 February on a given weekday, comes after at
/// most 40 years.
const HORIZON_YEARS: i16 = 41;

impl Cron {
    /// The first wall-clock time at or after `start` (whole seconds) that fits.
    pub(crate) fn at_or_after(&self, start: DateTime) -> Option<DateTime> {
        let mut floor = start.day();
        let (mut year, mut month) = (start.year(), start.month());
        while year <= start.year().saturating_add(HORIZON_YEARS).min(9999) {
            if self.month.has(month.unsigned_abs()) {
                let days = self.days_of(year, month);
                while let Some(day) = next_bit(days, floor.unsigned_abs()) {
                    let date = Date::new(year, month, day.cast_signed()).ok()?;
                    if let Some(found) = self.on_date(date, start) {
                        return Some(found);
                    }
                    floor = day.cast_signed() + 1;
                }
            }
            floor = 1;
            (year, month) = if month == 12 {
                (year + 1, 1)
            } else {
                (year, month + 1)
            };
        }
        None
    }

    /// The first fitting time on `date` that is not before `start`.
    fn on_date(&self, date: Date, start: DateTime) -> Option<DateTime> {
        if date > start.date() {
            let (hour, minute, second) =
                (self.hour.first(), self.minute.first(), self.second.first());
            return Some(at(date, hour, minute, second));
        }
        let (hour, minute, second) = (
            start.hour().unsigned_abs(),
            start.minute().unsigned_abs(),
            start.second().unsigned_abs(),
        );
        if self.hour.has(hour) {
            if self.minute.has(minute)
                && let Some(second) = self.second.at_or_after(second)
            {
                return Some(at(date, hour, minute, second));
            }
            if let Some(minute) = self.minute.at_or_after(minute + 1) {
                return Some(at(date, hour, minute, self.second.first()));
            }
        }
        let hour = self.hour.at_or_after(hour + 1)?;
        Some(at(date, hour, self.minute.first(), self.second.first()))
    }

    /// The days of a month that fit; bit n is the n-th.
    fn days_of(&self, year: i16, month: i8) -> u64 {
        let Ok(first) = Date::new(year, month, 1) else {
            return 0;
        };
        let month = Month {
            length: first.days_in_month().unsigned_abs(),
            first: first.weekday(),
        };
        let by_day = self
            .days
            .iter()
            .fold(0, |days, part| days | month.days(*part));
        let by_weekday = self
            .weekdays
            .iter()
            .fold(0, |days, part| days | month.weekdays(*part));
        let days = if self.either_day_suffices() {
            by_day | by_weekday
        } else {
            by_day & by_weekday
        };
        days & month.all()
    }

    /// Whether day and weekday are both restricted, so that one of them is enough.
    pub(super) fn either_day_suffices(&self) -> bool {
        let day_star = matches!(self.days.first(), Some(DayPart::Span(s)) if s.form == super::field::Form::Star);
        let weekday_star = matches!(self.weekdays.first(), Some(WeekdayPart::Span(s)) if s.form == super::field::Form::Star);
        !day_star && !weekday_star
    }
}

fn at(date: Date, hour: u8, minute: u8, second: u8) -> DateTime {
    date.at(
        hour.cast_signed(),
        minute.cast_signed(),
        second.cast_signed(),
        0,
    )
}

/// A month of the calendar: how long it is and on which weekday it begins.
struct Month {
    length: u8,
    first: Weekday,
}

impl Month {
    const fn all(&self) -> u64 {
        (1 << (self.length + 1)) - 2
    }

    /// The weekday of a day, Sunday being 0.
    fn weekday(&self, day: u8) -> u8 {
        let first = self.first.to_sunday_zero_offset().unsigned_abs();
        (first + day - 1) % 7
    }

    /// The days that one member of the day list means.
    fn days(&self, part: DayPart) -> u64 {
        match part {
            DayPart::Span(span) => span.values(1, 31).iter().fold(0, |m, &d| m | 1 << d),
            DayPart::Last(before) if before < self.length => 1 << (self.length - before),
            DayPart::Last(_) => 0,
            DayPart::LastWorkday => match self.weekday(self.length) {
                0 => 1 << (self.length - 2),
                6 => 1 << (self.length - 1),
                _ => 1 << self.length,
            },
            DayPart::NearestWorkday(day) if day > self.length => 0,
            DayPart::NearestWorkday(day) => match self.weekday(day) {
                6 if day == 1 => 1 << 3,
                6 => 1 << (day - 1),
                0 if day == self.length => 1 << (day - 2),
                0 => 1 << (day + 1),
                _ => 1 << day,
            },
        }
    }

    /// The days that one member of the weekday list means.
    fn weekdays(&self, part: WeekdayPart) -> u64 {
        let on = |weekday: u8| (1..=self.length).filter(move |&d| self.weekday(d) == weekday);
        match part {
            WeekdayPart::Span(span) => span
                .values(0, 6)
                .into_iter()
                .flat_map(on)
                .fold(0, |m, d| m | 1 << d),
            WeekdayPart::Last(weekday) => on(weekday).next_back().map_or(0, |d| 1 << d),
            WeekdayPart::Nth(weekday, n) => {
                on(weekday).nth(usize::from(n) - 1).map_or(0, |d| 1 << d)
            }
        }
    }
}
