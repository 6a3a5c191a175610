//! One method for each call of the API.

mod fleet;
mod flows;
mod runs;
mod server;
