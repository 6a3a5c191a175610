//! The server as its callers see it: real requests over real sockets to a server on a store in memory.

mod access;
mod bad_input;
mod openapi;
mod resources;
mod streams;
mod upgrade;
mod world;
