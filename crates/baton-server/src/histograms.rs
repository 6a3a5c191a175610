//! How long runs took and how soon they started, counted since this server began, in the buckets of Prometheus.
//!
//! Counters of a process: whoever reads them expects that they begin anew with it. What people ask of the past
//! stands in the store.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use baton_core::id::{FlowId, OrgId, QueueId};
use baton_store::runs::Stepped;

/// Flows or queues that are counted apart, over all orgs; further ones are counted together. Each has a dozen and a
/// half numbers here, and as many series for who reads them.
const APART: usize = 100;

/// Upper edges in seconds: from a script of a moment to a batch of a day.
const TOOK: &[f64] = &[
    0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
    43_200.0, 86_400.0,
];
/// Upper edges in seconds: from what an idle robot needs to what a queue that is too long makes of it.
const STARTED: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0,
];

/// Values counted by bucket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    edges: &'static [f64],
    /// One more than edges: the last is of all beyond.
    counts: Vec<u64>,
    /// The sum of all values.
    pub(crate) sum: f64,
}

impl Histogram {
    fn of(edges: &'static [f64]) -> Self {
        Self {
            edges,
            counts: vec![0; edges.len() + 1],
            sum: 0.0,
        }
    }

    fn record(&mut self, value: f64) {
        let bucket = self.edges.partition_point(|edge| *edge < value);
        self.counts[bucket] += 1;
        self.sum += value;
    }

    /// Adds what another of the same edges has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// Each upper edge with how many values did not exceed it; infinity is last.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let edges = self.edges.iter().copied().chain([f64::INFINITY]);
        edges.zip(&self.counts).scan(0, |sum, (edge, count)| {
            *sum += count;
            Some((edge, *sum))
        })
    }
}

/// The histograms of one kind of thing.
#[derive(Debug)]
struct Family<K> {
    edges: &'static [f64],
    /// `None` is all that are not counted apart.
    of: HashMap<(OrgId, Option<K>), Histogram>,
}

impl<K: Copy + Eq + Hash> Family<K> {
    fn new(edges: &'static [f64]) -> Mutex<Self> {
        let of = HashMap::new();
        Mutex::new(Self { edges, of })
    }

    fn record(&mut self, org: OrgId, what: K, seconds: f64) {
        let own = (org, Some(what));
        let is_apart = self.of.contains_key(&own) || self.of.len() < APART;
        let key = if is_apart { own } else { (org, None) };
        let histogram = self.of.entry(key);
        histogram
            .or_insert_with(|| Histogram::of(self.edges))
            .record(seconds);
    }

    fn of_org(&self, org: OrgId) -> Vec<(Option<K>, Histogram)> {
        let own = self.of.iter().filter(|((of, _), _)| *of == org);
        own.map(|((_, what), histogram)| (*what, histogram.clone()))
            .collect()
    }
}

/// All histograms of this server.
#[derive(Debug)]
pub(crate) struct Histograms {
    took: Mutex<Family<FlowId>>,
    started: Mutex<Family<QueueId>>,
}

impl Default for Histograms {
    fn default() -> Self {
        Self {
            took: Family::new(TOOK),
            started: Family::new(STARTED),
        }
    }
}

impl Histograms {
    /// Counts what a step says.
    pub(crate) fn count(&self, org: OrgId, stepped: &Stepped) {
        if let Some(seconds) = stepped.took {
            locked(&self.took).record(org, stepped.flow_id, seconds);
        }
        if let Some(seconds) = stepped.start_latency {
            locked(&self.started).record(org, stepped.queue_id, seconds);
        }
    }

    /// How long completed and failed runs took, by flow.
    pub(crate) fn took(&self, org: OrgId) -> Vec<(Option<FlowId>, Histogram)> {
        locked(&self.took).of_org(org)
    }

    /// How long after they were due attempts started, by queue.
    pub(crate) fn started(&self, org: OrgId) -> Vec<(Option<QueueId>, Histogram)> {
        locked(&self.started).of_org(org)
    }
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_in_every_bucket_that_it_does_not_exceed() {
        let mut histogram = Histogram::of(&[0.5, 1.0]);
        for value in [0.1, 0.5, 0.7, 3.0] {
            histogram.record(value);
        }
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets, [(0.5, 2), (1.0, 3), (f64::INFINITY, 4)]);
        assert!((histogram.sum - 4.3).abs() < 1e-9);
    }

    #[test]
    fn more_flows_than_are_counted_apart_are_counted_together() {
        let family = Family::new(TOOK);
        let mut family = locked(&family);
        for number in 0..300 {
            let flow = FlowId(uuid::Uuid::from_u128(number));
            family.record(OrgId::DEFAULT, flow, 1.0);
        }
        let all = family.of_org(OrgId::DEFAULT);
        assert_eq!(all.len(), APART + 1);
        let together = all.iter().find(|(flow, _)| flow.is_none());
        assert!((together.expect("it is there").1.sum - 200.0).abs() < 1e-9);
    }
}
