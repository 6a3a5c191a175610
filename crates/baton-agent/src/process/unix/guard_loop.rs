//! The guard itself: starts the tree, waits for whatever ends it, and kills until nothing is left.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use baton_core::stop_signal::StopSignal;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    Gid, Pid, Uid, dup2_stderr, dup2_stdin, dup2_stdout, fchown, getpid, getppid, setgid,
    setgroups, setsid, setuid,
};

use super::witness::{self, Half, Peer};
use super::{boot_clock, tree};
use crate::guard::{MAX_MESSAGE, Order, Plain, Report, Spec};

/// How often the guard looks at the clock at least: a machine that slept does not tell.
const LOOK: Duration = Duration::from_millis(500);
/// How long the guard waits between two rounds of killing.
const KILL_ROUND: Duration = Duration::from_millis(5);
/// Signals that end a group of processes and must not end the guard before its tree.
pub(super) const IGNORED: [Signal; 4] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// The guard's `main`: 0 when the tree is gone, 1 when there never was one.
pub(crate) fn guard_main() -> ExitCode {
    let done = witness::split().and_then(|half| match half {
        Half::Guard(witness) => run(witness),
        Half::Witness(guard) => guard.watch(),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the run's log: where else would a person look?
            eprintln!("baton guard: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(witness: Peer) -> io::Result<()> {
    if let (Some(soft), Ok((_, hard))) = (
        crate::guard::open_files(),
        getrlimit(Resource::RLIMIT_NOFILE),
    ) {
        // A tree with more open files than it was meant to have is better than none.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard);
    }
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut orders = BufReader::new(socket.try_clone()?);
    let Some(Order::Execute(spec)) = next_order(&mut orders)? else {
        return Err(io::Error::other(
            "nothing to execute: the guard is started by the agent only",
        ));
    };
    witness.lease(Duration::from_millis(spec.lease_until));
    let pid = match execute(&spec) {
        Ok(pid) => pid,
        Err(error) => {
            tell(&socket, &not_started(&spec, &error));
            return Ok(());
        }
    };
    release_streams()?;
    tell(&socket, &Report::Started { pid });
    Guard {
        pid,
        stop_signal: signal_of(spec.stop_signal),
        asked: BTreeSet::new(),
        witness,
        lease_until: Duration::from_millis(spec.lease_until),
        kill_at: None,
        killing: false,
        abandoned: false,
        lapsed: false,
        exited: Exited::No,
        left_behind: 0,
    }
    .watch(&socket, orders)
}

/// Starts the first process of the tree, in a session of its own; the kernel kills it if the guard dies.
fn execute(spec: &Spec) -> io::Result<i32> {
    let program = spec.argv.first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command
        .args(&spec.argv[1..])
        .env_clear()
        .envs(spec.env.iter().map(|(k, v)| (system(k), system(v))))
        .current_dir(system(&spec.folder))
        .stdin(Stdio::null());
    let guard = getpid();
    let owner = spec.owner;
    // SAFETY: between fork and exec only these system calls are made, all of them async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            if let Some((uid, gid)) = owner {
                // In this order: whoever is no longer root can change nothing of it. The wish for a signal at the
                // guard's end comes after, for a change of user takes it away.
                // Its streams too: programs open them anew by name.
                for stream in [1, 2] {
                    let stream = BorrowedFd::borrow_raw(stream);
                    fchown(stream, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
                }
                setgroups(&[])?;
                setgid(Gid::from_raw(gid))?;
                setuid(Uid::from_raw(uid))?;
                umask(Mode::from_bits_truncate(0o022));
            }
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // A guard that died before that line would never be heard of.
            if getppid() != guard {
                return Err(Errno::ESRCH.into());
            }
            for ignored in IGNORED {
                signal(ignored, SigHandler::SigDfl)?;
            }
            Ok(())
        });
    }
    let child = command.spawn()?;
    i32::try_from(child.id()).map_err(io::Error::other)
}

fn system(text: &Plain) -> OsString {
    text.clone().into()
}

fn signal_of(chosen: StopSignal) -> Signal {
    match chosen {
        StopSignal::Term => Signal::SIGTERM,
        StopSignal::Int => Signal::SIGINT,
        StopSignal::Hup => Signal::SIGHUP,
        StopSignal::Quit => Signal::SIGQUIT,
        StopSignal::Usr1 => Signal::SIGUSR1,
        StopSignal::Usr2 => Signal::SIGUSR2,
    }
}

fn not_started(spec: &Spec, error: &io::Error) -> Report {
    let program = spec.argv.first().map_or("", String::as_str);
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "; there is no such program on this robot, or the interpreter its first line names is missing"
        }
        io::ErrorKind::PermissionDenied => "; is it executable?",
        _ => "",
    };
    let resource = matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE)
    );
    Report::NotStarted {
        message: format!("cannot execute {program:?}: {error}{hint}"),
        resource,
    }
}

/// Lets go of the run's streams, so that they end when the last process of the tree does.
fn release_streams() -> io::Result<()> {
    dup2_stdin(&null()?)?;
    release_output()
}

/// Lets go of standard output and error.
pub(super) fn release_output() -> io::Result<()> {
    let null = null()?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

fn null() -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).open("/dev/null")
}

fn next_order(orders: &mut BufReader<UnixStream>) -> io::Result<Option<Order>> {
    let mut line = Vec::new();
    let n = orders
        .by_ref()
        .take(MAX_MESSAGE as u64)
        .read_until(b'\n', &mut line)?;
    if n == 0 {
        return Ok(None);
    }
    serde_json::from_slice(&line)
        .map(Some)
        .map_err(io::Error::other)
}

/// Says something to the agent; an agent that is dead cannot hear it, and then its socket says so.
pub(super) fn tell(mut socket: &UnixStream, report: &Report) {
    let mut line = serde_json::to_vec(report).expect("reports hold only what JSON can say");
    line.push(b'\n');
    let _ = socket.write_all(&line);
}

/// Waits for children in a thread of its own: the order of exits comes out, and a byte wakes the loop.
fn reaper() -> io::Result<(Receiver<WaitStatus>, UnixStream)> {
    let (wake, woken) = UnixStream::pair()?;
    let (exits, seen) = channel();
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(move || {
            let mut wake = wake;
            loop {
                match waitpid(None, None) {
                    Ok(status) => {
                        if exits.send(status).is_err() {
                            return;
                        }
                        let _ = wake.write_all(&[1]);
                    }
                    // No child is left, and only children could make more: the tree is gone. Dropping says so.
                    Err(Errno::ECHILD) => return,
                    // Interrupted, or a status that has no name.
                    Err(_) => {}
                }
            }
        })?;
    Ok((seen, woken))
}

struct Guard {
    pid: i32,
    stop_signal: Signal,
    /// The groups that were asked to end: each is asked once.
    asked: BTreeSet<i32>,
    witness: Peer,
    lease_until: Duration,
    /// When the grace after a request to end is over.
    kill_at: Option<Duration>,
    killing: bool,
    /// The witness is gone: somebody killed it.
    abandoned: bool,
    lapsed: bool,
    exited: Exited,
    left_behind: usize,
}

/// Whether the first process has ended.
#[derive(Clone, Copy, PartialEq)]
enum Exited {
    No,
    /// Just now, by itself: usually nothing is left, and the reaper is about to say so.
    JustNow,
    Yes,
}

impl Guard {
    fn watch(mut self, socket: &UnixStream, mut orders: BufReader<UnixStream>) -> io::Result<()> {
        let (exits, woken) = reaper()?;
        let mut agent_alive = true;
        loop {
            let (heard, reaped) = self.wait(agent_alive.then(|| socket.as_fd()), woken.as_fd())?;
            if heard || !orders.buffer().is_empty() {
                match next_order(&mut orders) {
                    Ok(Some(order)) => self.obey(&order, socket),
                    Ok(None) | Err(_) => {
                        agent_alive = false;
                        self.killing = true;
                    }
                }
            }
            if reaped && self.drain(&exits, &woken, socket) {
                // Whoever killed half of a guard ended the run, which is no ordinary end.
                let last = match self.abandoned {
                    true => Report::HalfLost,
                    false => Report::Gone {
                        left_behind: self.left_behind,
                        lapsed: self.lapsed,
                    },
                };
                tell(socket, &last);
                return Ok(());
            }
            self.look_at_the_clock();
            match self.exited {
                Exited::JustNow => self.exited = Exited::Yes,
                _ if self.killing => self.kill(),
                Exited::Yes => self.ask_orphans(),
                Exited::No => {}
            }
        }
    }

    fn kill(&mut self) {
        let killed = tree::kill_descendants(nix::unistd::getpid().as_raw());
        if self.exited == Exited::Yes && self.left_behind == 0 {
            self.left_behind = killed;
        }
    }

    /// Waits until the agent says something, a child ends, or it is time to look again.
    fn wait(
        &mut self,
        socket: Option<BorrowedFd<'_>>,
        woken: BorrowedFd<'_>,
    ) -> io::Result<(bool, bool)> {
        let mut fds = vec![PollFd::new(woken, PollFlags::POLLIN)];
        fds.extend(socket.map(|s| PollFd::new(s, PollFlags::POLLIN)));
        let witness = (!self.abandoned).then(|| self.witness.as_fd());
        fds.extend(witness.map(|w| PollFd::new(w, PollFlags::POLLIN)));
        let patience = if self.killing {
            KILL_ROUND
        } else {
            let due = self
                .kill_at
                .map_or(self.lease_until, |k| k.min(self.lease_until));
            // A millisecond more than the rest, so that the deadline has passed when it wakes.
            (due.saturating_sub(boot_clock()) + Duration::from_millis(1)).min(LOOK)
        };
        let millis = u16::try_from(patience.as_millis()).unwrap_or(500);
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|e| !e.is_empty());
        let mut others = fds[1..].iter().map(ready);
        let heard = socket.is_some() && others.next().unwrap_or(false);
        let lost = others.next().unwrap_or(false);
        let reaped = ready(&fds[0]);
        if lost {
            // A witness never speaks: all that can come from it is its end.
            self.abandoned = true;
            self.killing = true;
        }
        Ok((heard, reaped))
    }

    fn obey(&mut self, order: &Order, socket: &UnixStream) {
        match order {
            Order::Execute(_) => {}
            Order::Lease { until } => {
                self.lease_until = self.lease_until.max(Duration::from_millis(*until));
                self.witness.lease(self.lease_until);
                // The agent gives the next such order only after this answer, so it never has to wait for room.
                let until = u64::try_from(self.lease_until.as_millis()).unwrap_or(u64::MAX);
                tell(socket, &Report::Held { until });
            }
            Order::End { grace: 0 } => self.killing = true,
            Order::End { grace } => {
                let at = boot_clock() + Duration::from_millis(*grace);
                if self.kill_at.is_none_or(|before| at < before) {
                    self.kill_at = Some(at);
                }
                // The first process leads its group. Until it is reaped its number is nobody else's.
                if self.exited == Exited::No {
                    self.ask(self.pid);
                }
            }
        }
    }

    /// Asks a group of processes to end, once, however often that is wanted.
    fn ask(&mut self, group: i32) {
        if self.asked.insert(group) {
            let group = Pid::from_raw(-group);
            let _ = kill(group, self.stop_signal);
            let _ = kill(group, Signal::SIGCONT);
        }
    }

    /// Within the grace, asks those that left the run's group and that nobody is left to end: the ones whose parents
    /// have ended, once the whole group of the run has.
    fn ask_orphans(&mut self) {
        let own = getpid().as_raw();
        for group in tree::orphans(own, self.pid) {
            self.ask(group);
        }
    }

    fn look_at_the_clock(&mut self) {
        let now = boot_clock();
        if now >= self.lease_until && !self.killing {
            self.lapsed = true;
            self.killing = true;
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.killing = true;
        }
    }

    /// Takes note of exits; true when no descendant is left.
    fn drain(
        &mut self,
        exits: &Receiver<WaitStatus>,
        mut woken: &UnixStream,
        socket: &UnixStream,
    ) -> bool {
        loop {
            let status = match exits.try_recv() {
                Ok(status) => status,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return true,
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
            };
            let (pid, code, signal) = match status {
                WaitStatus::Exited(pid, code) => (pid, Some(code), None),
                WaitStatus::Signaled(pid, signal, _) => (pid, None, Some(signal as i32)),
                _ => continue,
            };
            if pid.as_raw() == self.pid && self.exited == Exited::No {
                self.exited = if self.killing {
                    Exited::Yes
                } else {
                    Exited::JustNow
                };
                tell(socket, &Report::Exited { code, signal });
                // The run is over when its first process is; what it left behind goes with it. But where the tree was
                // asked to end, a shell ends at once, and what it had started keeps the rest of the grace.
                self.killing |= self.kill_at.is_none();
            }
        }
        let mut bytes = [0; 64];
        let _ = woken.set_nonblocking(true);
        // A short read is fine: what is left wakes the loop again.
        let _ = woken.read(&mut bytes);
        false
    }
}
