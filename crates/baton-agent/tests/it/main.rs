//! The agent with real processes against a server that does as each test says.

#![cfg(target_os = "linux")]

mod beats;
mod ends;
mod faults;
mod guards;
mod hostile;
mod latency;
mod leftovers;
mod logs;
mod packages;
mod python;
mod refused;
mod runs;
mod server;
mod spool;
mod support;
mod trees;
mod trust;
