//! Open files: a server's or robot's soft limit is raised to what the system allows, and its children get the old one.
//!
//! Most systems give a process 1,024 descriptors and let it ask for more. Each robot, page and pipe is one. What a
//! robot starts keeps the limit that it was started with: a program written for 1,024 may not bear more.

use std::sync::OnceLock;

use baton_agent::guard::GuardCommand;
use baton_server::config::{Config, MAX_CONNECTIONS};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use crate::output;
use crate::units;

/// More than this is not asked for: it is three times what all connections of one server take, and some systems
/// set aside memory for each that is allowed.
const WANTED: rlim_t = 65_536;
/// What a server needs beside its connections: the database's readers, packages, standard streams.
const OF_SERVER: rlim_t = 512;
/// What a robot needs beside its runs: its connection, its spool, packages.
const OF_ROBOT: rlim_t = 64;
/// What one run takes in the robot: the guard's socket, two pipes, files of its log and outputs.
const OF_RUN: rlim_t = 8;
/// Robots for which one server is meant.
const ROBOTS: rlim_t = 10_000;

/// The soft limit that this process was started with, once it was raised.
static BEFORE: OnceLock<rlim_t> = OnceLock::new();

/// Raises the soft limit as far as it is sensible, and says what it is then.
pub(crate) fn raise() -> rlim_t {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        // A system that cannot say is one that does not limit.
        return WANTED;
    };
    BEFORE.get_or_init(|| soft);
    let wanted = raised(soft, hard);
    if wanted != soft && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_err() {
        return soft;
    }
    wanted
}

/// The soft limit to ask for; one that is higher already stays.
fn raised(soft: rlim_t, hard: rlim_t) -> rlim_t {
    soft.max(hard.min(WANTED))
}

/// Lets a server have as many connections as there may be open files, and warns when that is too little.
pub(crate) fn for_server(config: &mut Config) {
    let allowed = raise();
    config.connections = connections(allowed);
    if let Some(warning) = too_few_for_server(allowed) {
        output::warn(&warning);
    }
}

/// How many connections fit, so that the database and the packages always find a descriptor.
fn connections(allowed: rlim_t) -> usize {
    let own = OF_SERVER.min(allowed / 2);
    usize::try_from(allowed - own).map_or(MAX_CONNECTIONS, |n| n.min(MAX_CONNECTIONS))
}

fn too_few_for_server(allowed: rlim_t) -> Option<String> {
    (allowed < ROBOTS + OF_SERVER).then(|| {
        format!(
            "this process may open {allowed} files, so that robots and pages have {} connections together; \
             for more, raise the hard limit (ulimit -Hn, or LimitNOFILE= of its service) and start it again",
            connections(allowed)
        )
    })
}

/// Makes room for a robot's runs, and warns when there is too little.
pub(crate) fn for_robot(slots: u32) {
    if let Some(warning) = too_few_for_robot(raise(), slots) {
        output::warn(&warning);
    }
}

fn too_few_for_robot(allowed: rlim_t, slots: u32) -> Option<String> {
    let needed = OF_ROBOT + rlim_t::from(slots) * OF_RUN;
    (allowed < needed).then(|| {
        format!(
            "this process may open {allowed} files, and a robot with {} may need {needed}; give it fewer \
             --slots, or raise the hard limit (ulimit -Hn, or LimitNOFILE= of its service) and start it again",
            units::count(slots, "slot")
        )
    })
}

/// Makes room for connections of a load generator, and warns when there is too little.
pub(crate) fn for_load(sockets: usize) {
    let allowed = raise();
    if rlim_t::try_from(sockets).is_ok_and(|sockets| allowed < sockets + OF_ROBOT) {
        output::warn(&format!(
            "this process may open {allowed} files, too few for {sockets} connections; raise the hard limit (ulimit -Hn)"
        ));
    }
}

/// How a robot of this process starts guards: what runs under them has the limit from before it was raised.
pub(crate) fn guard() -> GuardCommand {
    let guard = GuardCommand::default();
    match BEFORE.get() {
        Some(before) => guard.with_open_files(*before),
        None => guard,
    }
}

/// Starts something with the limit from before it was raised. It is as low for everybody meanwhile: a moment.
pub(crate) fn as_before<T>(start: impl FnOnce() -> T) -> T {
    let limits = getrlimit(Resource::RLIMIT_NOFILE);
    let (Some(before), Ok((soft, hard))) = (BEFORE.get(), limits) else {
        return start();
    };
    // A limit that may not be set stays as it is: the program starts all the same.
    let _ = setrlimit(Resource::RLIMIT_NOFILE, *before, hard);
    let started = start();
    let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_rises_to_the_hard_one_but_not_without_bound() {
        assert_eq!(raised(1_024, 4_096), 4_096);
        assert_eq!(raised(1_024, rlim_t::MAX), WANTED);
        assert_eq!(
            raised(100_000, rlim_t::MAX),
            100_000,
            "nothing is taken away"
        );
    }

    #[test]
    fn a_server_keeps_descriptors_for_itself() {
        assert_eq!(connections(WANTED), MAX_CONNECTIONS);
        assert_eq!(connections(4_096), 4_096 - 512);
        assert_eq!(connections(64), 32);
    }

    #[test]
    fn too_few_are_said_with_what_they_are_enough_for() {
        assert_eq!(too_few_for_server(WANTED), None);
        let warning = too_few_for_server(4_096).expect("fewer than ten thousand robots");
        assert!(
            warning.contains("4096") && warning.contains("3584"),
            "{warning}"
        );
        assert_eq!(too_few_for_robot(1_024, 4), None);
        assert!(too_few_for_robot(1_024, 1_000).is_some());
    }
}
