//! The server from outside: real requests and real robots on real sockets, a store in memory.

mod access;
mod assigning;
mod audit;
mod bad_input;
mod bad_query;
mod cancelling;
mod clocks;
mod ending;
mod files;
mod following;
mod full_disk;
mod losing;
mod manual;
mod openapi;
mod packages;
mod registering;
mod reporting;
mod resources;
mod restarting;
mod sampling;
mod scheduling;
mod streams;
mod support;
mod telling;
mod upgrade;
mod world;
