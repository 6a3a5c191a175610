//! Baton's decisions: what may follow what, what runs where and when, and why it waits.
//!
//! Everything here is a pure function of its arguments: no clock, no randomness, no files, no
//! network. `now`, seeds and ids come from the caller. Read in this order: [`state`] (the run state
//! machine), [`run`], [`dispatch`], [`schedule`]; the rest are the words they are made of.

pub mod access;
pub mod cron;
pub mod dispatch;
pub mod durations;
pub mod error;
pub mod explain;
pub mod flow;
pub mod id;
pub mod lease;
pub mod limit;
pub mod nearest;
pub mod origin;
pub mod parameter;
pub mod queue;
pub mod retry;
pub mod robot;
pub mod run;
pub mod schedule;
pub mod state;
pub mod stop_signal;
pub mod succession;
pub mod template;
pub mod text;
pub mod zone;
