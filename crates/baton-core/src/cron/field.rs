//! What the fields of a cron expression are made of.

/// How a span was written; decides whether its field follows real time and how it is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `*`, `?` or `*/n`.
    Star,
    /// One value.
    Value,
    /// `a-b` or `a-b/n`.
    Range,
    /// `a/n`: from a to the end.
    From,
}

/// One member of a list: the values from `from` to `to` in steps, wrapping around when `to` is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) step: u8,
    pub(super) form: Form,
}

impl Span {
    /// The values it holds in a field that runs from `min` to `max`, in the order in which they come.
    pub(super) fn values(self, min: u8, max: u8) -> Vec<u8> {
        let size = u16::from(max - min) + 1;
        let length = (u16::from(self.to) + size - u16::from(self.from)) % size;
        (0..=length)
            .step_by(usize::from(self.step.max(1)))
            .map(|n| (u16::from(self.from - min) + n) % size)
            .map(|n| u8::try_from(n).expect("a value of a field is below 60") + min)
            .collect()
    }
}

/// A field of plain numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) min: u8,
    pub(super) max: u8,
    pub(super) spans: Vec<Span>,
    /// Bit n is set when n is in the field.
    mask: u64,
}

impl Set {
    pub(super) fn new(min: u8, max: u8, spans: Vec<Span>) -> Self {
        let mask = spans
            .iter()
            .flat_map(|span| span.values(min, max))
            .fold(0, |mask, value| mask | 1 << value);
        Self {
            min,
            max,
            spans,
            mask,
        }
    }

    /// The smallest value that is not below `from`.
    pub(super) fn at_or_after(&self, from: u8) -> Option<u8> {
        next_bit(self.mask, from)
    }

    /// The smallest value of all.
    pub(super) fn first(&self) -> u8 {
        self.at_or_after(self.min).expect("a field holds a value")
    }

    pub(super) const fn has(&self, value: u8) -> bool {
        self.mask & 1 << value != 0
    }

    /// Every value, smallest first.
    pub(super) fn values(&self) -> Vec<u8> {
        (self.min..=self.max).filter(|&v| self.has(v)).collect()
    }

    /// Whether every value is in it.
    pub(super) fn is_full(&self) -> bool {
        (self.min..=self.max).all(|v| self.has(v))
    }

    /// Whether it is written with a `*` first, which makes the expression follow real time.
    pub(super) fn begins_with_star(&self) -> bool {
        self.spans
            .first()
            .is_some_and(|span| span.form == Form::Star)
    }
}

/// The lowest set bit of `mask` that is not below `from`.
pub(super) const fn next_bit(mask: u64, from: u8) -> Option<u8> {
    let rest = mask & (!0 << from);
    if rest == 0 {
        None
    } else {
        Some(rest.trailing_zeros() as u8)
    }
}

/// One member of the day-of-month list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayPart {
    /// Plain numbers.
    Span(Span),
    /// `L` or `L-n`: so many days before the last of the month.
    Last(u8),
    /// `LW`: the last Monday to Friday of the month.
    LastWorkday,
    /// `nW`: the Monday to Friday nearest to the n-th, in the same month.
    NearestWorkday(u8),
}

/// One member of the weekday list; Sunday is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WeekdayPart {
    /// Plain numbers, 0 to 6.
    Span(Span),
    /// `5L`: the last one of the month.
    Last(u8),
    /// `1#2`: the n-th one of the month.
    Nth(u8, u8),
}
