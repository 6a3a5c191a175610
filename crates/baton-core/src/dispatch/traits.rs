//! Who has which label, capability and environment: so that what nobody has is known at once, and
//! what few have is found without walking past all others.

use std::collections::{BTreeSet, HashMap};

use super::fleet::Narrowed;
use crate::robot::RobotOffer;
use crate::run::Needs;

/// The traits of the robots of one org, by their places in the fleet.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    labels: HashMap<String, BTreeSet<u32>>,
    capabilities: HashMap<String, BTreeSet<u32>>,
    environments: HashMap<String, BTreeSet<u32>>,
}

impl Traits {
    pub(super) fn insert(&mut self, place: u32, offer: &RobotOffer) {
        self.each(offer, |index, word| {
            index.entry(word.to_owned()).or_default().insert(place);
        });
    }

    pub(super) fn remove(&mut self, place: u32, offer: &RobotOffer) {
        self.each(offer, |index, word| {
            if let Some(holders) = index.get_mut(word) {
                holders.remove(&place);
                if holders.is_empty() {
                    index.remove(word);
                }
            }
        });
    }

    fn each(
        &mut self,
        offer: &RobotOffer,
        mut f: impl FnMut(&mut HashMap<String, BTreeSet<u32>>, &str),
    ) {
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

    /// The holders of the rarest thing that is needed.
    pub(super) fn narrow(&self, needs: &Needs) -> Narrowed<'_> {
        let labels = needs.labels.iter().map(|word| self.labels.get(word));
        let capabilities = needs
            .capabilities
            .iter()
            .map(|word| self.capabilities.get(word));
        let environment = needs
            .environment
            .iter()
            .map(|word| self.environments.get(word));
        let mut rarest: Option<&BTreeSet<u32>> = None;
        for holders in labels.chain(capabilities).chain(environment) {
            match holders {
                None => return Narrowed::Nobody,
                Some(few) if rarest.is_none_or(|so_far| few.len() < so_far.len()) => {
                    rarest = Some(few);
                }
                Some(_) => {}
            }
        }
        rarest.map_or(Narrowed::Anybody, Narrowed::Holders)
    }
}
