//! The contract of the store, as one suite of tests that every store must pass.
//!
//! Each test is written once and runs against each store; afterwards `verify` must find nothing.

mod assigning;
mod cancelling;
mod catalog;
mod creating;
mod ending;
mod events;
mod evidence;
mod fleet;
mod harness;
mod keys;
mod listing;
mod noting;
mod paging;
mod queued;
mod random;
mod reporting;
mod retrying;
mod schedules;
mod stats;
mod upkeep;
mod zones;
