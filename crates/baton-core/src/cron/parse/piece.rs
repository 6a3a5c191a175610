//! A piece of a cron expression that knows its place, so that errors can point at it.

use crate::cron::error::{CronError, CronField};

/// A piece of the expression and where it begins, counted in characters from 1.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) position: usize,
    pub(super) field: CronField,
    /// The whole expression.
    pub(super) whole: &'a str,
}

impl<'a> Piece<'a> {
    pub(super) fn error(self, problem: &str) -> CronError {
        CronError::in_field(self.field, self.position, self.text, problem)
    }

    /// `is out of range; allowed: …` with whatever helps.
    pub(super) fn not_allowed(self, what: &str) -> CronError {
        self.error(&format!("{what}; allowed: {}", self.field.allowed()))
    }

    /// The part of this piece that begins `skip` bytes in and reads `text`.
    pub(super) fn part(self, skip: usize, text: &'a str) -> Self {
        Self {
            text,
            position: self.position + self.text[..skip].chars().count(),
            ..self
        }
    }

    /// The whole expression with this piece replaced, for advice.
    pub(super) fn replaced(self, by: &str) -> String {
        let start: usize = (self.whole.chars().take(self.position - 1))
            .map(char::len_utf8)
            .sum();
        let end = start + self.text.len();
        let changed = format!("{}{by}{}", &self.whole[..start], &self.whole[end..]);
        changed.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// This piece cut at the first `separator`.
    pub(super) fn cut(self, separator: char) -> Option<(Self, Self)> {
        let at = self.text.find(separator)?;
        let rest = at + separator.len_utf8();
        Some((
            self.part(0, &self.text[..at]),
            self.part(rest, &self.text[rest..]),
        ))
    }

    /// The members of the list.
    pub(super) fn members(self) -> impl Iterator<Item = Self> {
        let mut skip = 0;
        self.text.split(',').map(move |text| {
            let member = self.part(skip, text);
            skip += text.len() + 1;
            member
        })
    }
}
