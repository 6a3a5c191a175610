//! The executable as a whole: the rules of the repository, the command line, end to end, and crashes.

mod asking;
mod bad_input;
mod cases;
mod cat_fact;
mod circles;
mod cli;
mod coverage;
mod crash;
mod demo_data;
mod deploying;
mod disk;
mod doc_commands;
mod e2e;
mod home;
mod open_files;
mod output;
mod runrpa;
mod shutdown;
mod support;
mod targets;
mod tidy;
mod tls;
mod watching;
mod zones;
