//! The guard's other half: a process that does nothing but end the tree if the guard cannot.
//!
//! A guard is two processes, the witness and below it the guard itself. The kernel hands what loses its
//! parent to the nearest ancestor that asked for it: below a living guard that is the guard; when somebody
//! killed the guard, it is the witness, to which nothing else can come. So it needs no list and no mark to
//! know what to kill, whatever left its session and scrubbed its environment. Either half ends the tree when
//! the other is gone. The witness also knows the lease, so that a guard that was frozen holds nothing up.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, setsid};

use super::guard_loop::{IGNORED, release_output, tell};
use super::{boot_clock, tree};
use crate::guard::Report;

/// How long after the end of the lease the witness waits for the guard to end the tree by itself. The server
/// believes an attempt dead five seconds after its lease.
const AFTER_LEASE: Duration = Duration::from_secs(1);
/// How often it looks at the clock at least: a machine that slept does not tell.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits between two rounds of killing.
const KILL_ROUND: Duration = Duration::from_millis(5);

/// Which half this process is.
pub(super) enum Half {
    /// The guard itself.
    Guard(Peer),
    /// The witness.
    Witness(Witness),
}

/// The witness, seen from the guard. It never speaks; when it is gone, this can be read.
pub(super) struct Peer(UnixStream);

impl Peer {
    /// Tells the witness until when the claim holds.
    pub(super) fn lease(&self, until: Duration) {
        let millis = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        // Never waits: a witness that is frozen must not freeze the guard. One that is gone is noticed elsewhere.
        let _ = (&self.0).write(&millis.to_le_bytes());
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The witness of a guard.
pub(super) struct Witness {
    guard: Pid,
    link: UnixStream,
    lease_until: Option<Duration>,
}

/// Makes two processes of this one. Neither is reached by keys or signals meant for the agent's terminal or
/// group, and one that kills the group of either does not reach the other.
pub(super) fn split() -> io::Result<Half> {
    // Fails only for the leader of a group, which then is in a session or group of its own already.
    let _ = setsid();
    prctl::set_child_subreaper(true)?;
    for ignored in IGNORED {
        // SAFETY: ignoring a signal installs no code that could run at a bad moment.
        unsafe { signal(ignored, SigHandler::SigIgn) }?;
    }
    let (link, theirs) = UnixStream::pair()?;
    // SAFETY: no thread was started yet, so the child may do whatever this process may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(link);
            setsid()?;
            // The parent's wish to get orphans is not passed on by a fork.
            prctl::set_child_subreaper(true)?;
            theirs.set_nonblocking(true)?;
            Ok(Half::Guard(Peer(theirs)))
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            // Standard input, the agent's socket, stays open: the agent hears of the guard's end when the tree is gone.
            release_output()?;
            Ok(Half::Witness(Witness {
                guard: child,
                link,
                lease_until: None,
            }))
        }
    }
}

impl Witness {
    /// Waits for the guard's end, or for the moment at which it should have ended; then nothing is left.
    pub(super) fn watch(mut self) -> io::Result<()> {
        while self.guard_is_there()? {
            if self
                .lease_until
                .is_some_and(|l| boot_clock() >= l + AFTER_LEASE)
            {
                kill(self.guard, Signal::SIGKILL)?;
                break;
            }
        }
        // Gone or about to be. Only then does the kernel hand over what it had.
        while let Err(Errno::EINTR) = waitpid(self.guard, None) {}
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                // No child is left, and only children could make more.
                Err(Errno::ECHILD) => {
                    // After an ordinary end the guard has said the last word, and nobody reads this.
                    let agent = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
                    tell(&agent, &Report::HalfLost);
                    return Ok(());
                }
                Ok(WaitStatus::StillAlive) => {
                    tree::kill_descendants(getpid().as_raw());
                    std::thread::sleep(KILL_ROUND);
                }
                // One less; or interrupted, or a status that has no name.
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Hears what the guard says for a while; false when it can say nothing more.
    fn guard_is_there(&mut self) -> io::Result<bool> {
        let patience = self.lease_until.map_or(LOOK, |until| {
            let due = (until + AFTER_LEASE).saturating_sub(boot_clock());
            // A millisecond more than the rest, so that the deadline has passed when it wakes.
            (due + Duration::from_millis(1)).min(LOOK)
        });
        let millis = u16::try_from(patience.as_millis()).unwrap_or(1_000);
        let mut fds = [PollFd::new(self.link.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(0) | Err(Errno::EINTR) => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut until = [0; 8];
        if self.link.read_exact(&mut until).is_err() {
            return Ok(false);
        }
        let until = Duration::from_millis(u64::from_le_bytes(until));
        self.lease_until = self.lease_until.max(Some(until));
        Ok(true)
    }
}
