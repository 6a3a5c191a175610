//! Ending what carries the marks of an agent or of one attempt: guards that cannot do it themselves, and what they guard.
//!
//! A guard that somebody froze or killed ends nothing. Its halves carry a mark in their environment, and what they
//! guard carries another; and whatever lost its parents below a half, frozen or not, is a child of that half. So the
//! tree goes first, as long as its halves hold it together, and the halves last.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::tree;
use crate::guard::{AGENT_MARK, GUARD_MARK, TREE_MARK};

/// How long to wait between two rounds of killing: each sees what the one before forked.
const ROUND: Duration = Duration::from_millis(5);
/// How long to try. What cannot be killed by then waits for a device, or forks faster than anybody can kill.
const WITHIN: Duration = Duration::from_secs(10);

/// Whose processes are meant.
#[derive(Clone, Debug)]
pub(crate) enum Marked {
    /// All of the agent with this mark.
    Agent(String),
    /// Those of the attempt with this mark, which begins with that of its agent.
    Attempt(String),
}

/// What ending them came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// How many processes of runs were killed.
    pub(crate) killed: usize,
    /// How many halves of guards were killed.
    pub(crate) halves: usize,
    /// How many processes could not be killed.
    pub(crate) left: usize,
}

impl Marked {
    /// Whether this `NAME=value` marks half of a guard.
    fn is_of_guard(&self, variable: &[u8]) -> bool {
        let value = value_of(variable, GUARD_MARK);
        value.is_some_and(|value| match self {
            Self::Attempt(mark) => value == mark.as_bytes(),
            Self::Agent(mark) => value
                .strip_prefix(mark.as_bytes())
                .is_some_and(|rest| rest.starts_with(b"/")),
        })
    }

    /// Whether this `NAME=value` marks a process of a run.
    fn is_of_run(&self, variable: &[u8]) -> bool {
        let (name, mark) = match self {
            Self::Attempt(mark) => (TREE_MARK, mark),
            Self::Agent(mark) => (AGENT_MARK, mark),
        };
        value_of(variable, name) == Some(mark.as_bytes())
    }
}

fn value_of<'a>(variable: &'a [u8], name: &str) -> Option<&'a [u8]> {
    variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// Halves of guards and processes of runs among those that live now, and what descends from the halves.
fn look(whose: &Marked) -> (BTreeSet<i32>, BTreeSet<i32>) {
    let all = tree::all();
    let own = i32::try_from(std::process::id()).ok();
    let (mut halves, mut runs) = (BTreeSet::new(), BTreeSet::new());
    let others = all
        .iter()
        .filter(|(pid, process)| !process.dead && Some(**pid) != own);
    for (pid, _) in others {
        // What cannot be read belongs to another user, or has ended.
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
            continue;
        };
        let mut variables = environment.split(|byte| *byte == 0);
        if variables.clone().any(|v| whose.is_of_guard(v)) {
            halves.insert(*pid);
        } else if variables.any(|v| whose.is_of_run(v)) {
            runs.insert(*pid);
        }
    }
    runs.extend(tree::descendants(&all, &halves));
    (halves, runs)
}

/// Whether half of the guard is gone, or all that it guarded: then it should be ending, frozen or not.
pub(crate) fn is_broken(whose: &Marked) -> bool {
    let (halves, runs) = look(whose);
    halves.len() < 2 || runs.is_empty()
}

/// Kills what is marked so, frozen or not, wherever it hid below a guard.
pub(crate) fn end(whose: &Marked) -> Ended {
    let (mut killed, mut halves) = (BTreeSet::new(), BTreeSet::new());
    let deadline = Instant::now() + WITHIN;
    let left = loop {
        let (guards, runs) = look(whose);
        if runs.is_empty() && guards.is_empty() {
            break 0;
        }
        if Instant::now() >= deadline {
            break runs.len() + guards.len();
        }
        let (now, done) = if runs.is_empty() {
            (guards, &mut halves)
        } else {
            (runs, &mut killed)
        };
        for pid in &now {
            // It may have ended meanwhile: then there is nothing to kill.
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        done.extend(now);
        std::thread::sleep(ROUND);
    };
    Ended {
        killed: killed.len(),
        halves: halves.len(),
        left,
    }
}
