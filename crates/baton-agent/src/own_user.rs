//! A user of its own for each run, without an account: a number that no other live run on this machine has.
//!
//! Two runs at once then read neither each other's folder, parameters and environment nor anything of the agent or a
//! server beside it, and what a run leaves running is found by its number, wherever it hides.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::config::Account;

/// Numbers that no distribution gives out: systemd's table of users and groups (UIDS-GIDS) has them as unused, above
/// those of people and below those of its dynamic services. More than any robot has slots.
pub(crate) const NUMBERS: RangeInclusive<u32> = 60_706..=61_183;
/// How often what is left of a run is looked for and killed: a process that forks meanwhile is met again.
const ROUNDS: u32 = 100;

/// What the lock's file holds while a run has the number. An agent that was killed leaves it, and with it the knowledge
/// that processes of the number may still be there.
const TAKEN: &[u8] = b"taken";

/// A number that is this run's until it is dropped.
#[derive(Debug)]
pub(crate) struct OwnUser {
    pub(crate) account: Account,
    /// Locked, so that another agent of this machine takes another number.
    lock: File,
}

impl OwnUser {
    /// Takes the first number that nobody has, and ends what still runs under it. `folder` holds the locks.
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        for number in NUMBERS {
            if is_account(number) {
                continue;
            }
            let mut lock = File::options()
                .create(true)
                .read(true)
                .write(true)
                .truncate(false)
                .open(folder.join(number.to_string()))?;
            match lock.try_lock() {
                Ok(()) => {
                    // Looking at all processes costs milliseconds on a busy machine: only where it is needed.
                    if lock.metadata()?.len() > 0 {
                        end_all(number);
                    }
                    lock.rewind()?;
                    lock.write_all(TAKEN)?;
                    let account = Account {
                        uid: number,
                        gid: number,
                        home: None,
                    };
                    return Ok(Self { account, lock });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        let count = NUMBERS.count();
        Err(io::Error::other(format!(
            "all {count} user numbers for runs are taken on this machine"
        )))
    }

    /// Gives the number back after an attempt whose processes are known to be gone. Merely dropped, the number stays
    /// marked, and whoever takes it next ends what still runs under it.
    pub(crate) fn give_back(&self) -> io::Result<()> {
        self.lock.set_len(0)
    }

    /// Ends what the run left, whatever it did to its session, parent and environment. Answers how many there were.
    pub(crate) fn end_all(&self) -> usize {
        end_all(self.account.uid)
    }
}

/// The folder of the locks, below the folder for runs of other users.
pub(crate) fn locks(outside: &Path) -> io::Result<PathBuf> {
    let folder = outside.join("users");
    fs::create_dir_all(&folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(folder)
}

#[cfg(unix)]
fn is_account(number: u32) -> bool {
    !matches!(
        nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(number)),
        Ok(None)
    )
}

#[cfg(not(unix))]
fn is_account(_: u32) -> bool {
    true
}

/// Kills until none is left.
fn end_all(number: u32) -> usize {
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        let left = of_user(number);
        if left.is_empty() {
            break;
        }
        for pid in &left {
            seen.insert(*pid);
            #[cfg(unix)]
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(*pid),
                nix::sys::signal::Signal::SIGKILL,
            );
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    seen.len()
}

/// The living processes of a user: by real number, which a process without special rights cannot change.
fn of_user(number: u32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let line = |name: &str| status.lines().find_map(|l| l.strip_prefix(name));
        let real: u32 = line("Uid:")?.split_whitespace().next()?.parse().ok()?;
        let dead = line("State:")?.trim_start().starts_with('Z');
        (real == number && !dead).then_some(pid)
    });
    pids.collect()
}

/// Why this process cannot give runs users of their own; `None` when it can.
#[cfg(target_os = "linux")]
pub fn why_not() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("only root can".to_owned());
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|text| u64::from_str_radix(text.trim(), 16).ok())
        .unwrap_or(0);
    // CHOWN, DAC_OVERRIDE, KILL, SETGID, SETUID: numbers of Linux's capability.h.
    for (bit, name) in [
        (0, "CAP_CHOWN"),
        (1, "CAP_DAC_OVERRIDE"),
        (5, "CAP_KILL"),
        (6, "CAP_SETGID"),
        (7, "CAP_SETUID"),
    ] {
        if held & (1 << bit) == 0 {
            return Some(format!("this root lacks {name}"));
        }
    }
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mapped = map.lines().any(|line| {
        let numbers: Vec<u64> = line
            .split_whitespace()
            .filter_map(|n| n.parse().ok())
            .collect();
        matches!(numbers[..], [first, _, count]
            if first <= u64::from(*NUMBERS.start()) && u64::from(*NUMBERS.end()) < first + count)
    });
    if !mapped {
        return Some("this container has no such user numbers".to_owned());
    }
    crate::owner::ready()
        .err()
        .map(|error| format!("{error:#}"))
}

/// Why this process cannot give runs users of their own.
#[cfg(not(target_os = "linux"))]
pub fn why_not() -> Option<String> {
    Some("this operating system is not supported for it".to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_never_have_the_same_number_and_one_given_back_is_taken_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = OwnUser::take(folder.path()).expect("a number");
        let second = OwnUser::take(folder.path()).expect("another");
        assert_ne!(first.account.uid, second.account.uid);
        assert!(NUMBERS.contains(&first.account.uid) && NUMBERS.contains(&second.account.uid));
        let given_back = first.account.uid;
        drop(first);
        let third = OwnUser::take(folder.path()).expect("a number");
        assert_eq!(third.account.uid, given_back);
    }

    #[test]
    fn a_number_is_marked_until_it_is_given_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = OwnUser::take(folder.path()).expect("a number");
        let file = folder.path().join(first.account.uid.to_string());
        assert_eq!(fs::read(&file).expect("its lock"), TAKEN);
        first.give_back().expect("emptied");
        assert!(fs::read(&file).expect("its lock").is_empty());
        drop(first);
        let again = OwnUser::take(folder.path()).expect("a number");
        assert_eq!(fs::read(&file).expect("its lock"), TAKEN);
        drop(again);
        assert_eq!(fs::read(&file).expect("its lock"), TAKEN);
    }
}
