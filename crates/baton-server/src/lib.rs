//! Baton's server: one port for the REST API, robots, event streams and the dashboard, and the
//! services that decide what runs where and when.
//!
//! Every service and handler is the same three steps: load a bounded snapshot, decide in
//! `baton_core`, commit through [`baton_store::Store`]. The server never runs a flow.

pub mod app;
pub mod clock;
pub mod config;
pub mod wakeup;
