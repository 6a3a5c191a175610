//! The wire: types of Baton's REST API and of its robot protocol, packages, and the one typed client.

#[cfg(feature = "client")]
pub mod client;
pub mod package;
pub mod problem;
pub mod rest;
pub mod robot;
