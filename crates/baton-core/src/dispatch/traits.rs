//! Who has which label, capability and environment: so that what nobody has is known at once, and
//! what few have is found without walking past all others.

use std::collections::HashMap;

use crate::robot::RobotOffer;
use crate::run::Needs;

/// The traits of the robots of one org, by their places in the fleet.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    labels: HashMap<String, Holders>,
    capabilities: HashMap<String, Holders>,
    environments: HashMap<String, Holders>,
}

/// How far what a run needs narrows the fleet down.
#[derive(Clone, Debug)]
pub(super) enum Narrowed {
    /// It needs nothing in particular.
    Anybody,
    /// All of it together no robot of the org has.
    Nobody,
    /// Only these have all of it.
    Few(Vec<u32>),
    /// Only those in this bitmap have all of it.
    Many(Vec<u64>),
}

/// The robots with one trait: a short sorted list, or a bitmap once they are many.
#[derive(Clone, Debug, Default)]
struct Holders {
    count: usize,
    few: Vec<u32>,
    many: Vec<u64>,
}

/// Up to so many a list takes less room than the bitmap of a large fleet, and is as quick to search.
const MAX_FEW: usize = 128;

impl Traits {
    pub(super) fn insert(&mut self, place: u32, offer: &RobotOffer) {
        self.each(offer, |index, word| {
            index.entry(word.to_owned()).or_default().insert(place);
        });
    }

    pub(super) fn remove(&mut self, place: u32, offer: &RobotOffer) {
        self.each(offer, |index, word| {
            if let Some(holders) = index.get_mut(word) {
                holders.remove(place);
                if holders.count == 0 {
                    index.remove(word);
                }
            }
        });
    }

    fn each(&mut self, offer: &RobotOffer, mut f: impl FnMut(&mut HashMap<String, Holders>, &str)) {
        for word in &offer.labels {
            f(&mut self.labels, word);
        }
        for word in &offer.capabilities {
            f(&mut self.capabilities, word);
        }
        if let Some(word) = &offer.environment {
            f(&mut self.environments, word);
        }
    }

    /// Who has everything that is needed.
    pub(super) fn narrow(&self, needs: &Needs) -> Narrowed {
        let labels = needs.labels.iter().map(|w| self.labels.get(w));
        let capabilities = needs.capabilities.iter().map(|w| self.capabilities.get(w));
        let environment = needs.environment.iter().map(|w| self.environments.get(w));
        let all: Option<Vec<&Holders>> = labels.chain(capabilities).chain(environment).collect();
        let Some(all) = all else {
            return Narrowed::Nobody;
        };
        if all.is_empty() {
            return Narrowed::Anybody;
        }
        let lists = all.iter().filter(|holders| holders.many.is_empty());
        if let Some(shortest) = lists.min_by_key(|holders| holders.count) {
            let in_all = |place: &u32| all.iter().all(|holders| holders.contains(*place));
            return Narrowed::Few(shortest.few.iter().copied().filter(in_all).collect());
        }
        let mut common = all[0].many.clone();
        for holders in &all[1..] {
            common.truncate(holders.many.len());
            for (word, other) in common.iter_mut().zip(&holders.many) {
                *word &= other;
            }
        }
        let count: u32 = common.iter().map(|word| word.count_ones()).sum();
        match count as usize {
            0 => Narrowed::Nobody,
            1..=MAX_FEW => Narrowed::Few(places(&common)),
            _ => Narrowed::Many(common),
        }
    }
}

impl Holders {
    fn insert(&mut self, place: u32) {
        if self.contains(place) {
            return;
        }
        self.count += 1;
        if self.many.is_empty() {
            let at = self.few.partition_point(|p| *p < place);
            self.few.insert(at, place);
            if self.few.len() > MAX_FEW {
                for place in std::mem::take(&mut self.few) {
                    self.set_bit(place);
                }
            }
        } else {
            self.set_bit(place);
        }
    }

    fn set_bit(&mut self, place: u32) {
        let (word, bit) = split(place);
        if self.many.len() <= word {
            self.many.resize(word + 1, 0);
        }
        self.many[word] |= bit;
    }

    fn remove(&mut self, place: u32) {
        if !self.contains(place) {
            return;
        }
        self.count -= 1;
        if self.many.is_empty() {
            self.few.retain(|p| *p != place);
        } else {
            let (word, bit) = split(place);
            self.many[word] &= !bit;
        }
    }

    fn contains(&self, place: u32) -> bool {
        if self.many.is_empty() {
            self.few.binary_search(&place).is_ok()
        } else {
            has_bit(&self.many, place)
        }
    }
}

/// Whether this place is in the bitmap.
pub(super) fn has_bit(bits: &[u64], place: u32) -> bool {
    let (word, bit) = split(place);
    bits.get(word).is_some_and(|w| w & bit != 0)
}

const fn split(place: u32) -> (usize, u64) {
    ((place / 64) as usize, 1 << (place % 64))
}

fn places(bits: &[u64]) -> Vec<u32> {
    let words = (0_u32..).zip(bits);
    words
        .flat_map(|(n, word)| {
            (0..64)
                .filter(move |b| word >> b & 1 == 1)
                .map(move |b| n * 64 + b)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::scene::{Dice, needs, words};
    use super::*;
    use crate::run::Priority;

    #[test]
    fn whoever_has_everything_is_found_in_lists_and_in_bitmaps() {
        let mut dice = Dice::new(11);
        let mut traits = Traits::default();
        let mut offers: BTreeMap<u32, RobotOffer> = BTreeMap::new();
        for round in 0..3_000 {
            // First the fleet grows, then it shrinks until bitmaps are almost empty.
            let place = dice.below(400);
            if let Some(old) = offers.remove(&place) {
                traits.remove(place, &old);
            }
            if round < 1_500 || dice.rarely(10) {
                let offer = RobotOffer {
                    labels: dice.words(&["a", "b"]),
                    capabilities: dice.words(&["c"]),
                    environment: dice.rarely(6).then(|| "e".to_owned()),
                    ..RobotOffer::default()
                };
                traits.insert(place, &offer);
                offers.insert(place, offer);
            }
            let mut needs = needs(Priority::Normal);
            needs.labels = dice.words(&["a", "b"]);
            needs.capabilities = dice.words(&["c"]);
            needs.environment = dice.rarely(3).then(|| "e".to_owned());
            let expected: Vec<u32> = offers
                .iter()
                .filter(|(_, offer)| {
                    needs.labels.is_subset(&offer.labels)
                        && needs.capabilities.is_subset(&offer.capabilities)
                        && (needs.environment.is_none() || needs.environment == offer.environment)
                })
                .map(|(place, _)| *place)
                .collect();
            match traits.narrow(&needs) {
                Narrowed::Anybody => assert_eq!(needs.labels, words(&[])),
                Narrowed::Nobody => assert!(expected.is_empty(), "{expected:?}"),
                Narrowed::Few(few) => assert_eq!(few, expected),
                Narrowed::Many(bits) => assert_eq!(places(&bits), expected),
            }
        }
    }
}
