//! Finding and killing every descendant of a process, wherever it hid.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Every process: its id, its parent, and whether it is only a corpse.
fn all() -> BTreeMap<i32, (i32, bool)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let pid = |e: fs::DirEntry| e.file_name().to_str()?.parse::<i32>().ok();
    let pids = entries.flatten().filter_map(pid);
    pids.filter_map(|p| Some((p, status(p)?))).collect()
}

/// Parent and deadness from `/proc/PID/stat`. The name in it may hold blanks and brackets.
fn status(pid: i32) -> Option<(i32, bool)> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = stat.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((parent, matches!(state, "Z" | "X")))
}

/// Living descendants of this process, itself not included.
fn descendants(of: i32) -> Vec<i32> {
    let all = all();
    let mut found = BTreeSet::from([of]);
    loop {
        let before = found.len();
        for (pid, (parent, _)) in &all {
            if found.contains(parent) {
                found.insert(*pid);
            }
        }
        if found.len() == before {
            break;
        }
    }
    let alive = |pid: &i32| *pid != of && !all.get(pid).is_none_or(|(_, dead)| *dead);
    found.into_iter().filter(alive).collect()
}

/// Kills every living descendant of this process; how many there were.
pub(super) fn kill_descendants(of: i32) -> usize {
    let pids = descendants(of);
    for pid in &pids {
        // It may have ended meanwhile: then there is nothing to kill.
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    pids.len()
}

/// Kills every process that carries this `NAME=value` in its environment; how many there were.
///
/// The last resort for what a guard that was itself killed could not kill.
pub(crate) fn sweep(mark: &str) -> usize {
    let own = std::process::id();
    let carries = |pid: &i32| {
        u32::try_from(*pid).ok() != Some(own)
            && fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|env| env.split(|b| *b == 0).any(|v| v == mark.as_bytes()))
    };
    let mut killed = 0;
    // Each round sees what the one before forked; a tree that outruns a hundred rounds is not ours to win.
    for _ in 0..100 {
        let alive = all()
            .into_iter()
            .filter(|(_, (_, dead))| !dead)
            .map(|(p, _)| p);
        let strays: Vec<i32> = alive.filter(carries).collect();
        if strays.is_empty() {
            break;
        }
        killed += strays.len();
        for pid in strays {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    killed
}
