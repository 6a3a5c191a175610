//! How long things took, counted in slots so narrow that a percentile read from them is honest.
//!
//! A slot is a sixteenth of an octave: from `2^k · (1 + i/16)` to `2^k · (1 + (i+1)/16)` milliseconds.
//! So a value is known to 6.25 % from its slot alone, and to [`PRECISION`] when it is read as the slot's
//! middle, for a fifth of a second as for a day. Counts of any two sets add up to the counts of both
//! together, exactly: a month is the sum of its minutes.

/// How far, at most, what [`Durations::quantile`] answers lies from the exact value, as a share of it,
/// for values from a millisecond to [`LONGEST_SECONDS`]: half a slot's width over its middle.
pub const PRECISION: f64 = 1.0 / 33.0;

/// Whatever took longer is counted as having taken about this: 2^32 ms, 49 days.
pub const LONGEST_SECONDS: f64 = 4_294_967.296;

/// Slots in an octave; a power of two, so that a slot is read off the bits of a number.
const IN_OCTAVE: u16 = 16;
/// Octaves, from one millisecond on.
const OCTAVES: u16 = 32;
/// Slots in all.
pub const SLOTS: u16 = IN_OCTAVE * OCTAVES;

/// Durations, counted by slot. Slots without any are not kept: runs of one flow fill few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations(Vec<(u16, u64)>);

impl Durations {
    /// Counts one, in seconds.
    pub fn record(&mut self, seconds: f64) {
        self.add(slot(seconds), 1);
    }

    /// Takes back what was counted before.
    ///
    /// Where a slot counts too few (it was converted by [`Durations::from_octaves`], which knows less), the
    /// nearest that counts any gives them, so that the sum stays true.
    pub fn take_back(&mut self, other: &Self) {
        for (wanted, mut count) in other.slots() {
            while count > 0 {
                let near = |i: &usize| self.0[*i].0.abs_diff(wanted);
                let Some(at) = (0..self.0.len()).min_by_key(near) else {
                    return;
                };
                let taken = count.min(self.0[at].1);
                count -= taken;
                self.0[at].1 -= taken;
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
        }
    }

    /// Counts more in one slot; slots beyond the last are the last.
    pub fn add(&mut self, slot: u16, count: u64) {
        let slot = slot.min(SLOTS - 1);
        if count == 0 {
            return;
        }
        match self.0.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
            Err(at) => self.0.insert(at, (slot, count)),
        }
    }

    /// Adds all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (slot, count) in other.slots() {
            self.add(slot, count);
        }
    }

    /// What is counted in which slot, shortest first.
    pub fn slots(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.0.iter().copied()
    }

    /// How many were counted.
    pub fn counted(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The duration, in seconds, that this share of all did not exceed; `None` when none was counted.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share * self.counted() as f64).ceil().max(1.0);
        let mut counted = 0.0;
        let holds = self.0.iter().find(|(_, count)| {
            counted += *count as f64;
            counted >= wanted
        });
        Some(middle(holds.or(self.0.last())?.0))
    }

    /// From counts by whole octaves (entry n: from 2^n ms to twice that) and the sum of all in seconds.
    ///
    /// Where all lie in one octave they are counted at their mean, which is exact for one alone;
    /// otherwise those of an octave are spread evenly over its slots, from the middle.
    pub fn from_octaves(octaves: &[u64], seconds: f64) -> Self {
        let mut durations = Self::default();
        let filled = || (0..OCTAVES).zip(octaves).filter(|(_, count)| **count > 0);
        let alone = filled().count() == 1;
        for (octave, count) in filled() {
            let first = octave * IN_OCTAVE;
            if alone {
                let mean = slot(seconds / *count as f64);
                durations.add(mean.clamp(first, first + IN_OCTAVE - 1), *count);
                continue;
            }
            let (parts, half) = (u64::from(IN_OCTAVE), u64::from(IN_OCTAVE) / 2);
            for i in 0..IN_OCTAVE {
                let up_to = |n: u64| {
                    (u128::from(*count) * u128::from(n) + u128::from(half)) / u128::from(parts)
                };
                let share = up_to(u64::from(i) + 1) - up_to(u64::from(i));
                durations.add(first + i, u64::try_from(share).unwrap_or(u64::MAX));
            }
        }
        durations
    }
}

/// The slot of a duration in seconds; the first for all below it, the last for all beyond.
fn slot(seconds: f64) -> u16 {
    let millis = seconds * 1_000.0;
    if millis.is_nan() || millis < 1.0 {
        return 0;
    }
    // The exponent and the first four bits of the fraction, less those of 1.0: numbers of slots.
    let high = (millis.to_bits() >> 48) - (1.0_f64.to_bits() >> 48);
    u16::try_from(high).unwrap_or(u16::MAX).min(SLOTS - 1)
}

/// The duration, in seconds, from which everything in a slot is least far, as a share of itself.
fn middle(slot: u16) -> f64 {
    let edge = |slot: u16| {
        let octave = 2_f64.powi(i32::from(slot / IN_OCTAVE));
        octave * (1.0 + f64::from(slot % IN_OCTAVE) / f64::from(IN_OCTAVE))
    };
    let (low, high) = (edge(slot), edge(slot + 1));
    2.0 * low * high / (low + high) / 1_000.0
}

#[cfg(test)]
#[path = "durations_tests.rs"]
mod tests;
