//! Linux: the boot clock, and the guard seen from the agent.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::Stdio;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::guard::{GUARD_MARK, GuardCommand, MAX_MESSAGE, Order, Report, Spec};

mod guard_loop;
mod marked;
mod tree;
mod witness;

pub(crate) use guard_loop::guard_main;
pub(crate) use marked::{Ended, Marked, end, is_broken};

/// Time since the machine booted, sleep included; nobody can set it.
pub(crate) fn boot_clock() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock since 2.6.39");
    Duration::from(now)
}

/// Changes with every boot of the machine; empty where it cannot be read.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// Kills every living descendant of this process; how many there were.
pub(crate) fn kill_descendants() -> usize {
    tree::kill_descendants(nix::unistd::getpid().as_raw())
}

/// Waits until everything written below this folder is on the disk, in one call for its whole file system.
pub(crate) fn sync_files(folder: &std::path::Path) -> io::Result<()> {
    let folder = std::fs::File::open(folder)?;
    Ok(nix::unistd::syncfs(&folder)?)
}

/// Room on the file system of this folder.
pub(crate) fn space(folder: &std::path::Path) -> io::Result<super::Space> {
    let stat = nix::sys::statvfs::statvfs(folder)?;
    let (block, whole, left) = (stat.fragment_size(), stat.blocks(), stat.blocks_free());
    Ok(super::Space {
        free: stat.blocks_available().saturating_mul(block),
        used: whole.saturating_sub(left).saturating_mul(block),
    })
}

/// What a tree writes to one of its streams.
pub(crate) type Stream = Receiver;

/// A process tree under a guard, seen from the agent. Dropping it kills the tree.
pub(crate) struct Tree {
    orders: OwnedWriteHalf,
    reports: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
    /// The witness, which the agent started. The runtime waits by itself for the end of one that is dropped.
    witness: Option<tokio::process::Child>,
    /// Orders that the guard has not taken yet: a frozen one takes nothing, and must not keep the agent waiting.
    pending: Vec<u8>,
}

/// How long the witness of a tree that is gone may take to go itself, before it is killed: it was frozen.
const WITNESS_WITHIN: Duration = Duration::from_secs(3);

impl Tree {
    /// Starts a guard with this mark, which starts the tree; its standard output and error come back as streams.
    pub(crate) fn start(
        guard: &GuardCommand,
        mark: &str,
        spec: Spec,
    ) -> io::Result<(Self, Stream, Stream)> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let (out, out_end) = io::pipe()?;
        let (err, err_end) = io::pipe()?;
        let mut command = tokio::process::Command::new(&guard.program);
        command
            .args(&guard.args)
            // The guard needs no other environment, and what is in the agent's must not be in its /proc entry.
            .env_clear()
            .env(GUARD_MARK, mark)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(out_end)
            .stderr(err_end);
        let child = command.spawn()?;
        // The command holds the write ends; only the tree may keep them open.
        drop(command);
        let (reports, orders) = UnixStream::from_std(ours)?.into_split();
        let tree = Self {
            orders,
            reports: BufReader::new(reports),
            line: Vec::new(),
            witness: Some(child),
            pending: encode(&Order::Execute(spec)),
        };
        let out = Receiver::from_owned_fd(OwnedFd::from(out))?;
        let err = Receiver::from_owned_fd(OwnedFd::from(err))?;
        Ok((tree, out, err))
    }

    /// Gives the guard an order; it goes out at once or with the next [`Self::report`]. A guard that is gone hears
    /// nothing; its silence is seen there.
    pub(crate) fn order(&mut self, order: &Order) {
        self.pending.extend(encode(order));
        if let Ok(n) = self.orders.try_write(&self.pending) {
            self.pending.drain(..n);
        }
    }

    /// What the guard says next; `None` when it is gone without a word. Cancel-safe.
    pub(crate) async fn report(&mut self) -> Option<Report> {
        let mut bounded = (&mut self.reports).take(MAX_MESSAGE as u64);
        // A partly read line stays in `line` when this future is dropped.
        let mut reading = std::pin::pin!(bounded.read_until(b'\n', &mut self.line));
        let read = loop {
            tokio::select! {
                read = &mut reading => break read,
                written = self.orders.write(&self.pending), if !self.pending.is_empty() => match written {
                    Ok(n) => drop(self.pending.drain(..n)),
                    // It is gone, and what it said before can still be read.
                    Err(_) => self.pending.clear(),
                },
            }
        };
        if !matches!(read, Ok(n) if n > 0) {
            return None;
        }
        let report = serde_json::from_slice(&self.line).ok();
        self.line.clear();
        report
    }

    /// The tree is gone: so must its witness be. A frozen one would stay for ever.
    pub(crate) fn over(&mut self) {
        if let Some(mut witness) = self.witness.take() {
            tokio::spawn(async move {
                if tokio::time::timeout(WITNESS_WITHIN, witness.wait())
                    .await
                    .is_err()
                {
                    let _ = witness.kill().await;
                }
            });
        }
    }
}

fn encode(order: &Order) -> Vec<u8> {
    let mut line = serde_json::to_vec(order).expect("orders hold only what JSON can say");
    line.push(b'\n');
    line
}
