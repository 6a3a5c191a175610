//! Finding and killing every descendant of a process, wherever it hid.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What matters of a process here.
pub(super) struct Process {
    parent: i32,
    /// The group it belongs to.
    group: i32,
    /// It is only a corpse.
    pub(super) dead: bool,
}

/// Every process by its id.
pub(super) fn all() -> BTreeMap<i32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let pid = |e: fs::DirEntry| e.file_name().to_str()?.parse::<i32>().ok();
    let pids = entries.flatten().filter_map(pid);
    pids.filter_map(|p| Some((p, status(p)?))).collect()
}

/// Parent, group and deadness from `/proc/PID/stat`. The name in it may hold blanks and brackets.
fn status(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = stat.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    Some(Process {
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        dead: matches!(state, "Z" | "X"),
    })
}

/// Those of these processes that live and descend from one of `of`, which are not included.
pub(super) fn descendants(all: &BTreeMap<i32, Process>, of: &BTreeSet<i32>) -> Vec<i32> {
    let mut found = of.clone();
    loop {
        let before = found.len();
        for (pid, process) in all {
            if found.contains(&process.parent) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            break;
        }
    }
    let alive = |pid: &i32| !of.contains(pid) && all.get(pid).is_some_and(|process| !process.dead);
    found.into_iter().filter(alive).collect()
}

/// The groups of those living children of `guard` that are in none of its own and not in `first`; nothing as long as
/// a member of the group `first` lives, which may still need them.
pub(super) fn orphans(guard: i32, first: i32) -> BTreeSet<i32> {
    let mut all = all();
    let own = all.get(&guard).map(|process| process.group);
    all.retain(|_, process| !process.dead);
    if all.values().any(|process| process.group == first) {
        return BTreeSet::new();
    }
    let children = all.into_values().filter(|process| process.parent == guard);
    let groups = children.map(|process| process.group);
    groups
        .filter(|group| *group > 1 && Some(*group) != own)
        .collect()
}

/// Kills every living descendant of this process; how many there were.
pub(super) fn kill_descendants(of: i32) -> usize {
    let pids = descendants(&all(), &BTreeSet::from([of]));
    for pid in &pids {
        // It may have ended meanwhile: then there is nothing to kill.
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    pids.len()
}
