//! Baton's agent: runs automations on a robot machine and never runs one twice.
//!
//! Read in this order: [`session`] (what a robot decides, pure), [`runner`] (feeds and obeys it),
//! `attempt` (one run from `start` to result), [`guard`] (what stands between an agent and a process),
//! `spool` (what survives the agent). The server is reached over one WebSocket and a few HTTP requests.

mod attempt;
mod cache;
pub mod config;
mod connection;
pub mod events;
mod folders;
pub mod guard;
mod http;
pub mod identity;
mod journal;
pub mod left;
pub mod lines;
mod loose;
mod metrics;
pub mod own_user;
mod owner;
mod packages;
mod process;
pub mod runner;
mod secret;
pub mod session;
mod spool;

pub use baton_api::client::Trust;
pub use config::{Account, AgentConfig, Limits, LogLimits, RunAs, Secret, computer};
pub use identity::{FolderInUse, Identity};
pub use runner::{Agent, AgentHandle, AgentStatus, Stopped};

/// Kills every living descendant of this process; how many there were.
pub fn kill_descendants() -> usize {
    process::kill_descendants()
}
