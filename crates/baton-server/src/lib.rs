//! Baton's server: one port for the REST API, robots, event streams and the dashboard, and the
//! services that decide what runs where and when.
//!
//! Every service and handler is the same three steps: load a bounded snapshot, decide in
//! `baton_core`, commit through [`baton_store::Store`]. The server never runs a flow.
//!
//! Read in this order: [`start()`] (the life of a server), [`app`] (what all share), [`operations`] (the
//! verbs), [`robots`], [`hub`], [`http`].

pub mod app;
pub mod auth;
mod cache;
pub mod clock;
pub mod config;
pub mod error;
mod histograms;
pub mod http;
pub mod hub;
mod listen;
pub mod operations;
pub mod outside;
mod reporters;
pub mod robots;
mod services;
mod start;
pub mod submit;
mod task_runs;
mod tls;
pub mod wakeup;
pub mod zones;

pub use start::{ServerHandle, StartError, check, start};
